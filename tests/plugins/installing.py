"""Putting plugins where a deployment finds them, without any network."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.commands import run, without_settings

ENVIRONMENT = without_settings()


def command(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `sebilling …` in a process of its own."""
    return run(arguments, folder=folder, **{"SEBILLING_VAR": str(folder / "var"), **environment})


def made(name: str, into: Path) -> Path:
    """A package by `sebilling plugin new`."""
    done = command("plugin", "new", name, "--into", str(into), folder=into)
    assert done.returncode == 0, done.stderr
    return into / f"sebilling-{name}"


def python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python …` there; gives what became of it."""
    given = {**ENVIRONMENT, **environment}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=folder, env=given, timeout=300)


def installed(package: Path, target: Path) -> None:
    """Build the package and install it into a folder that goes on PYTHONPATH."""
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    done = python(package, "-m", "pip", "install", *options, "--target", str(target), str(package))
    assert done.returncode == 0, done.stdout + done.stderr


def put(name: str, code: str, target: Path) -> None:
    """A plugin of one module, as pip would have installed it."""
    module = f"sebilling_{name}"
    (target / f"{module}.py").write_text(code, encoding="utf-8")
    about = target / f"{module}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: sebilling-{name}\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[sebilling.plugins]\n{name} = {module}\n", encoding="utf-8")


@contextmanager
def toy_device(module: str, target: Path, *accounts: str) -> Iterator[int]:
    """The template's toy device in a process of its own; gives its port."""
    given = [argument for name in accounts for argument in ("--account", name)]
    process = subprocess.Popen(
        [sys.executable, "-m", f"{module}.testing", "--port", "0", *given], stdout=subprocess.PIPE, text=True, cwd=target,
        env={**ENVIRONMENT, "PYTHONPATH": str(target)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        found = re.search(r":(\d+)", process.stdout.readline())
        assert found is not None
        yield int(found[1])
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stdout is not None:
            process.stdout.close()


def accounts_of(port: int) -> dict[str, Any]:
    """All that the toy device holds, by a connection of our own."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line, line.makefile("rw") as words:

        def ask(**question: str) -> Any:
            words.write(json.dumps(question) + "\n")
            words.flush()
            return json.loads(words.readline())

        assert ask(do="login", password="toy-password") == {"ok": True}
        accounts: dict[str, Any] = ask(do="list")["accounts"]
    return accounts
