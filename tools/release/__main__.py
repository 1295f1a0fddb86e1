"""`make release`: everything that a release consists of, in `dist/`, from the last commit.

    wheels of the core, with the web app in it, and of each plugin: the same bytes whenever and wherever they are built
    requirements.lock, the packages that they need, with hashes
    sebilling-VERSION.cdx.json and sebilling-web-VERSION.cdx.json: what is in it (CycloneDX), of PyPI and of npm
    LICENCES.md: each package of Python's with its licence
    SHA256SUMS of all that; with --key also SHA256SUMS.sig, by `ssh-keygen`, which is everywhere

The wheels are installed into an environment of their own, as an ISP would, before anything is written about them. Nothing is published.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sebilling import __version__

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = Path(__file__).parent / "requirements.lock"
PLUGINS: Final = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
NAMESPACE: Final = "sebilling-release"
"""What a signature is for: one of something else by the same key isn't one of a release."""
_PIP: Final = ("-m", "pip", "--disable-pip-version-check", "--quiet")
LICENCES: Final = """
import importlib.metadata as installed, json, sys
def licence(of):
    named = of.get("License-Expression") or of.get("License") or ""
    classified = [one.rpartition(" :: ")[2] for one in of.get_all("Classifier", []) if one.startswith("License ::")]
    return named.splitlines()[0] if named and len(named.splitlines()[0]) < 80 else ", ".join(classified)
json.dump(sorted((one.metadata["Name"], one.version, licence(one.metadata)) for one in installed.distributions()), sys.stdout)
"""


class Unfit(Exception):
    """There can be no release of this; the text says why, and the remedy."""


def main() -> int:
    """Make the release; return the exit code."""
    asked = argparse.ArgumentParser(prog="make release", description="Build a release in dist/.")
    asked.add_argument("--key", type=Path, help="private SSH key that signs SHA256SUMS")
    asked.add_argument("--to", type=Path, default=ROOT / "dist", help="folder, which is emptied (default: dist)")
    given = asked.parse_args()
    try:
        made = release(given.to, key=given.key)
    except Unfit as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for file in made:
        sys.stdout.write(f"{file.stat().st_size:>10,}  {file.relative_to(given.to.parent)}\n")
    return 0


def release(to: Path, *, key: Path | None) -> list[Path]:
    """Make everything in the folder `to`, which is emptied; return the files. Raises Unfit."""
    if _said("git", "status", "--porcelain"):
        raise Unfit("There are changes that aren't committed: commit or stash them.")
    version = __version__
    if f"\n## {version}" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        raise Unfit(f"CHANGELOG.md has no section {version}: write it.")
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    build(to)
    shutil.copy(ROOT / "requirements.lock", to)
    with tempfile.TemporaryDirectory(prefix="sebilling-release-") as scratch:
        python = installed(to, Path(scratch) / "isp")
        (to / "LICENCES.md").write_text(licences(json.loads(_said(python, "-c", LICENCES))), encoding="utf-8")
        tool = _environment(Path(scratch) / "tool", LOCK)
        bill = to / f"sebilling-{version}.cdx.json"
        options = ("--output-reproducible", "--mc-type", "application", "--pyproject", ROOT / "pyproject.toml", "-o", bill)
        _run(tool, "-m", "cyclonedx_py", "environment", *options, python)
    web = json.loads(_said(sys.executable, ROOT / "tools" / "web.py", "sbom"))
    (to / f"sebilling-web-{version}.cdx.json").write_text(json.dumps(without_chance(web), indent=1), encoding="utf-8")
    write_sums(to)
    if key is not None:
        sign(to / "SHA256SUMS", key)
    return sorted(to.iterdir())


def build(to: Path) -> None:
    """Build the wheels. Times in them are that of the last commit."""
    environment = {"SOURCE_DATE_EPOCH": _said("git", "log", "-1", "--format=%ct").strip()}
    places = [ROOT, *PLUGINS]
    _run(sys.executable, *_PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", to, *places, environment=environment)


def installed(wheels: Path, folder: Path) -> str:
    """Install the wheels as an ISP would, and start the command; return the path of that Python."""
    python = _environment(folder, ROOT / "requirements.lock")
    _run(python, *_PIP, "install", "--no-deps", *wheels.glob("*.whl"))
    _run(python, "-m", "sebilling.cli", "--help", out=subprocess.DEVNULL)
    return python


def licences(packages: Sequence[Sequence[str]]) -> str:
    """A table of packages, as (name, version, licence). Raises Unfit if one has no licence."""
    unknown = [name for name, _, licence in packages if not licence and not name.startswith("sebilling")]
    if unknown:
        raise Unfit(f"No licence is known of {', '.join(unknown)}: look it up before it is passed on.")
    rows = [f"| {name} | {version} | {licence or 'its own'} |" for name, version, licence in packages]
    head = "# Licences\n\nWhat follows from them: docs/releases.md.\n\n| package | version | licence |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def without_chance(bill: dict[str, Any]) -> dict[str, Any]:
    """A bill of materials without what is another one each time."""
    metadata = {name: value for name, value in bill["metadata"].items() if name != "timestamp"}
    return {name: value for name, value in bill.items() if name != "serialNumber"} | {"metadata": metadata}


def write_sums(folder: Path) -> None:
    """Write the digests of all files beside it, as `sha256sum --check` reads them."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def sign(file: Path, key: Path) -> None:
    """Sign a file; the signature is beside it."""
    _run("ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, file)


def _environment(folder: Path, lock: Path) -> str:
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    _run(python, *_PIP, "install", "--require-hashes", "-r", lock)
    return python


def _run(*words: str | Path, out: int | None = None, environment: Mapping[str, str] | None = None) -> None:
    subprocess.run([*map(str, words)], cwd=ROOT, env=os.environ | dict(environment or {}), stdout=out, check=True)


def _said(*words: str | Path) -> str:
    return subprocess.run([*map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
