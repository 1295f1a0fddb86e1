"""Commands of ours in processes of their own, forked from one that has imported everything.

Importing takes most of a short command's time, and a server's to start. A forked process is as real: it has its own memory, sockets and
signals, and can be killed. What needs the interpreter's own start, such as PYTHONPATH, runs `python -m sebilling.cli` instead.
"""

import atexit
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from sebilling.cli import COMMANDS, main

_FORKS: Final = multiprocessing.get_context("forkserver")
_MODULES: Final = sorted({entry.place.partition(":")[0] for entry in COMMANDS.values()})
_LATE: Final = ("sebilling.db.alembic_run", "sebilling.db.tables", "sebilling.printing.pdf")
"""What commands import on first use: every forked one would import it anew."""
_FORKS.set_forkserver_preload([*_MODULES, *_LATE, "tests.commands"])
MAX_SECONDS: Final = 300
"""Of a command that is waited for."""
_STARTS_AN_INTERPRETER: Final = {"PYTHONPATH", "TZ", "LD_PRELOAD"}


def without_settings() -> dict[str, str]:
    """This process's environment without the product's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SEBILLING_")}


class Forked:
    """A forked process, as subprocess.Popen shows one."""

    def __init__(self, process: ForkServerProcess, words: Sequence[str]) -> None:
        self._process, self.words = process, words

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As of the last look: None while it runs, negative if a signal ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.words, timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self._process.exitcode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    words: Sequence[str], *, environment: Mapping[str, str], folder: Path, stdout: Path, stderr: Path, stdin: Path | None = None,
    descriptors: int | None = None,
) -> "Forked | subprocess.Popen[bytes]":  # fmt: skip
    """Run `sebilling …` in a folder: in a forked process, or by an interpreter of its own if the environment asks something of that.

    Its output is appended to files; it reads `stdin`, or nothing. `descriptors` is its limit of open files. Raises ValueError if an
    interpreter of its own is to have one.
    """
    if all(environment.get(name) == os.environ.get(name) for name in _STARTS_AN_INTERPRETER):
        streams = (str(stdin or os.devnull), str(stdout), str(stderr))
        process = _FORKS.Process(target=_work, args=(list(words), dict(environment), str(folder), streams, descriptors))
        process.start()
        return Forked(process, words)
    if descriptors is not None:
        raise ValueError("an interpreter of its own has this one's limits")
    with (stdin or Path(os.devnull)).open("rb") as source, stdout.open("ab") as output, stderr.open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "sebilling.cli", *words], stdin=source, stdout=output, stderr=errors, cwd=folder, env=environment
        )


def run(words: Sequence[str], *, folder: Path, give: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `sebilling …` in a folder, with no settings but these. Raises TimeoutExpired."""
    whole = without_settings() | environment
    with tempfile.TemporaryDirectory(prefix="command-") as place:
        stdin, stdout, stderr = (Path(place, name) for name in ("stdin", "stdout", "stderr"))
        stdin.write_text(give, encoding="utf-8")
        command = start(words, environment=whole, folder=folder, stdout=stdout, stderr=stderr, stdin=stdin)
        try:
            code = command.wait(MAX_SECONDS)
        finally:
            command.kill()
        return subprocess.CompletedProcess(list(words), code, stdout.read_text(encoding="utf-8"), stderr.read_text(encoding="utf-8"))


def _work(words: list[str], environment: dict[str, str], folder: str, streams: tuple[str, str, str], descriptors: int | None) -> None:
    """In the forked process: be a new interpreter that runs the command."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    tempfile.tempdir = None
    for number, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        opened = os.open(path, flags | os.O_CREAT | (os.O_APPEND if flags == os.O_WRONLY else 0), 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - multiprocessing has put /dev/null in its place
    if descriptors is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["sebilling", *words]
    try:
        main()
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves without them
