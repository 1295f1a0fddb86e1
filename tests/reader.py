"""Somebody who follows a page of the documentation to the letter: saves its files, and types its commands into one shell."""

import os
import re
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

BLOCK: Final = re.compile(r"(?:`([\w.]+)`:\n\n)?^```(console|python|csv)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MAX_SECONDS: Final = 300
"""Of a command."""


class Reader:
    """Has a shell, in a folder; knows how many commands were typed and files saved."""

    def __init__(self, shell: "subprocess.Popen[str]", folder: Path) -> None:
        assert shell.stdin is not None
        assert shell.stdout is not None
        self._shell = shell
        self._keyboard: IO[str] = shell.stdin
        self._screen: IO[str] = shell.stdout
        self.folder = folder
        self.commands = self.files = 0

    def follow(self, page: str) -> None:
        """All blocks in their order."""
        for name, kind, block in BLOCK.findall(page):
            if kind == "console":
                for part in filter(None, re.split(r"^\$ ", block, flags=re.MULTILINE)):
                    self._command(part.splitlines())
            else:
                self._save(name, block)

    def _save(self, name: str, block: str) -> None:
        """A file: its name is in its first line, or before the block."""
        found = re.match(r'"""([\w/.]+): ', block)
        assert found or name, block[:80]
        (self.folder / (found[1] if found else name)).write_text(block, encoding="utf-8")
        self.files += 1

    def _command(self, lines: list[str]) -> None:
        """A command, which lines with `> ` continue: it must tell what stands below, `…` for anything, and fail only if told to."""
        count = next((number for number, line in enumerate(lines[1:], 1) if not line.startswith("> ")), len(lines))
        command = "\n".join([lines[0], *(line.removeprefix("> ") for line in lines[1:count])])
        told = lines[count:]
        code, said = self._type(command)
        assert (code != 0) is any("FAILED" in line for line in told), f"{command}: {said}"
        said = " ".join(said.replace("│", " ").split())
        for line in told:
            parts = (re.escape(" ".join(part.replace("│", " ").split())) for part in line.split("…"))
            assert re.search(".*?".join(parts), said), f"{command} didn't tell {line}: {said}"
        self.commands += 1

    def _type(self, command: str) -> tuple[int, str]:
        """Exit code, and what it printed."""
        mark = uuid.uuid4().hex
        self._keyboard.write(f'{{ {command}\n}} < /dev/null\nprintf "\\n{mark} %s %s\\n" $? "$PWD"\n')
        self._keyboard.flush()
        said, timer = "", threading.Timer(MAX_SECONDS, self.end)
        timer.start()
        try:
            for line in self._screen:
                if line.startswith(mark):
                    _, code, folder = line.rstrip("\n").split(" ", 2)
                    self.folder = Path(folder)
                    return int(code), said
                said += line
        finally:
            timer.cancel()
        raise AssertionError(f"{command}: the shell has ended: {said}")

    def end(self) -> None:
        """The shell, and what runs in its background."""
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGTERM)


@contextmanager
def reading(folder: Path, environment: Mapping[str, str]) -> Iterator[Reader]:
    """A reader, with a shell in the folder until the end of the block."""
    with subprocess.Popen(
        ["/bin/sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=environment,
        start_new_session=True,
    ) as shell:  # fmt: skip
        reader = Reader(shell, folder)
        try:
            yield reader
        finally:
            reader.end()
