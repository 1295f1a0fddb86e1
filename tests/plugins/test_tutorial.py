"""docs/plugins.md is followed to the letter: its commands are run, its files are saved, in an environment of its own, without network."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.plugins.installing import ENVIRONMENT

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""pip as a machine without network has it; a 0 is its way to say that there is no isolation."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment into which the page may install, with all that is installed in ours, and a `sebilling` of its own."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    scripts = folder / "bin"
    site = sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
    Path(site, "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n", encoding="utf-8")
    command = scripts / "sebilling"
    command.write_text(f'#!/bin/sh\nexec "{scripts / "python"}" -m sebilling.cli "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    return {**ENVIRONMENT, **OFFLINE, "PATH": path, "SEBILLING_VAR": str(tmp_path / "var"), "COLUMNS": "200"}


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.commands = self.files = 0

    def follow(self, page: str) -> None:
        """All blocks in their order."""
        for kind, block in BLOCK.findall(page):
            if kind == "python":
                self.save(block)
                continue
            for command, *told in (part.splitlines() for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part):
                self.type(command, told)

    def save(self, block: str) -> None:
        """A file whose first line is its name."""
        found = re.match(r'"""([\w/.]+): ', block)
        assert found is not None, block[:80]
        (self.folder / found[1]).write_text(block, encoding="utf-8")
        self.files += 1

    def type(self, command: str, told: list[str]) -> None:
        """A command: it must tell what stands below it, `…` for anything, and fail only if it is told to."""
        self.commands += 1
        if command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            return
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, text=True, check=False, cwd=self.folder, env=self.environment, timeout=300
        )
        said = " ".join((done.stdout + done.stderr).replace("│", " ").split())
        fails = any("FAILED" in line for line in told)
        assert (done.returncode != 0) is fails, f"{command}: {done.stdout}{done.stderr}"
        for line in told:
            assert re.search(".*?".join(re.escape(part.strip()) for part in line.split("…")), said), f"{command} didn't tell {line}: {said}"


def test_whoever_follows_the_page_has_two_drivers(tmp_path: Path, environment: dict[str, str]) -> None:
    reader = Reader(tmp_path, environment)
    reader.follow(PAGE.read_text(encoding="utf-8"))
    assert (reader.commands, reader.files) == (12, 3)
    assert reader.folder.name == "sebilling-my-gear"
