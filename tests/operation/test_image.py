"""The Dockerfile's steps, where there is no Docker: each is run as a script in an empty folder, and the health check asks what it made.

In a campaign only (`make campaign ARGS=operation`), as it installs everything anew. The paths of the image are folders below the empty
one. What this can't show: the base image, another user's rights, and the read-only root of compose.yaml.
"""

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from sebilling.db.engine import Database

ROOT: Final = Path(__file__).parents[2]
PORT: Final = "8000"
pytestmark = pytest.mark.skipif(os.environ.get("SEBILLING_TEST_CAMPAIGN") != "1", reason="installs everything anew: only in a campaign")


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and what they are given, in order."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


class Image:
    """What the steps make, below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home" / "root"), "LANG": "C.UTF-8"}
        self.here = folder
        self.checks: list[str] = []
        self.command: list[str] = []

    def inside(self, path: str) -> Path:
        """Where a path of the image is."""
        return self.folder / path.lstrip("/") if path.startswith("/") else self.here / path

    def words(self, text: str) -> str:
        """A text of the Dockerfile with the image's folders below ours."""
        return re.sub(r"(?<![\w.])/(opt/sebilling|build|home/sebilling)\b", rf"{self.folder}/\1", text)

    def do(self, name: str, rest: str, files: Path) -> None:
        match name:
            case "WORKDIR":
                self.here = self.inside(rest)
                self.here.mkdir(parents=True, exist_ok=True)
            case "ENV":
                given = dict(part.split("=", 1) for part in shlex.split(self.words(rest)))
                self.environment |= {key: value.replace("$PATH", self.environment["PATH"]) for key, value in given.items()}
            case "COPY" if not rest.startswith("--from="):  # both stages are this folder
                *sources, target = rest.split()
                for source in sources:
                    self._copy(files / source, self.inside(target), below=target.endswith("/"))
            case "RUN":
                script = re.sub(r"useradd [^&]*&& ", "", rest).replace("-o sebilling -g sebilling ", "")
                script = self.words(script).replace("python -m venv", f"{shlex.quote(sys.executable)} -m venv")
                subprocess.run(["sh", "-ec", script], cwd=self.here, env=self.environment, check=True)
            case "CMD":
                self.command = re.findall(r'"([^"]*)"', rest)
            case "HEALTHCHECK":
                self.checks = re.findall(r'"((?:[^"\\]|\\.)*)"', rest.partition("CMD")[2])
            case "FROM" | "COPY" | "USER" | "EXPOSE":
                pass
            case _:
                raise AssertionError(f"the Dockerfile has a step that this test doesn't know: {name}")

    def _copy(self, source: Path, target: Path, *, below: bool) -> None:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
            return
        folder = target if below else target.parent
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


@contextmanager
def serving(image: Image, url: str) -> Iterator[None]:
    environment = image.environment | {"SEBILLING_DATABASE_URL": url, "SEBILLING_HOST": "127.0.0.1", "SEBILLING_PORT": PORT}
    program = shutil.which(image.command[0], path=environment["PATH"])
    assert program is not None
    assert Path(program).is_relative_to(image.folder)
    process = subprocess.Popen([program, *image.command[1:]], cwd=image.here, env=environment)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(30) in {0, -signal.SIGTERM}, "it doesn't end when told to"


def is_healthy(image: Image) -> bool:
    python, *arguments = image.checks
    program = shutil.which(python, path=image.environment["PATH"])
    return subprocess.run([str(program), *arguments], env=image.environment, check=False, capture_output=True).returncode == 0


async def test_the_steps_make_a_server_that_is_healthy(committed: Database, tmp_path: Path) -> None:
    files = tmp_path / "files"
    await asyncio.to_thread(subprocess.run, ["git", "clone", "-q", str(ROOT), str(files)], check=True)
    image = Image(tmp_path / "image")
    image.folder.mkdir()
    for name, rest in steps():
        await asyncio.to_thread(image.do, name, rest, files)
    shutil.rmtree(files)
    assert image.command
    assert image.checks

    def watched() -> None:
        with serving(image, committed.url):
            until = time.monotonic() + 60
            while not is_healthy(image):
                assert time.monotonic() < until, "it doesn't become healthy"
                time.sleep(0.5)
            page = subprocess.run(["curl", "-sf", f"http://127.0.0.1:{PORT}/"], capture_output=True, text=True, check=True)
            assert "<html" in page.stdout

    await asyncio.to_thread(watched)
