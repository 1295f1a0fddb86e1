"""docs/plugins.md is followed to the letter: its commands are run, its files are saved, in an environment of its own, without network."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.plugins.installing import ENVIRONMENT
from tests.reader import reading

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
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


def test_whoever_follows_the_page_has_two_drivers(tmp_path: Path, environment: dict[str, str]) -> None:
    with reading(tmp_path, environment) as reader:
        reader.follow(PAGE.read_text(encoding="utf-8"))
    assert (reader.commands, reader.files) == (12, 3)
    assert reader.folder.name == "sebilling-my-gear"
