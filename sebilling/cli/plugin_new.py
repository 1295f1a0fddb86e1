"""`sebilling plugin new`: create a package with a working driver from the template in `sebilling/plugins`."""

import re
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final

from rich.console import Console

from sebilling.config import PLUGIN_GROUP

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_NAME: Final = 40
_SUFFIX: Final = ".tmpl"


class CantMake(Exception):
    """The package can't be written; the message has the reason and the remedy."""


def write(name: str, into: Path) -> Path:
    """Write the package `sebilling-NAME` to a new folder of that name in `into`; return that folder.

    Raises CantMake, with nothing written, for a bad name or an existing folder; OSError if it can't be written.
    """
    _check_name(name)
    folder = into / f"sebilling-{name}"
    if not into.is_dir():
        raise CantMake(f"There is no folder {into}: create it, or name another with --into.")
    if folder.exists():
        raise CantMake(f"{folder} already exists: choose another name, another folder with --into, or remove it.")
    words = name.split("-")
    values = {
        "name": name,
        "module": f"sebilling_{'_'.join(words)}",
        "kind": f"{'_'.join(words)}.profile",
        "class_name": "".join(word.capitalize() for word in words),
        "title": f"{' '.join(words).capitalize()} (profile)",
    }
    _copy(files("sebilling.plugins") / "template", folder, values)
    return folder


def new(name: str, into: Path, out: Console, errors: Console) -> bool:
    """Write the package and print the next steps. On failure, print why and return False."""
    try:
        folder = write(name, into)
    except (CantMake, OSError) as error:
        errors.print(str(error), style="red", highlight=False, soft_wrap=True)
        return False
    steps = f"Created {folder}: a working driver for a toy device. Next:\n\n    cd {folder}\n    python -m pytest\n"
    out.print(f"{steps}\nIts README says what to change.", highlight=False, soft_wrap=True)
    return True


def _check_name(name: str) -> None:
    shown = repr(name[:_MAX_NAME])
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        raise CantMake(
            f"{shown} is not a plugin name: use small letters, digits and single hyphens, such as acme-olt; at most {_MAX_NAME}."
        )
    if name.startswith("sebilling"):
        raise CantMake(f"Leave sebilling out of {shown}: the package name begins with it anyway.")
    if any(point.name == name for point in entry_points(group=PLUGIN_GROUP)):
        raise CantMake(f"A plugin named {shown} is installed: choose another name.")


def _copy(source: Traversable, target: Path, values: dict[str, str]) -> None:
    target.mkdir()
    for entry in sorted(source.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            _copy(entry, target / (values["module"] if entry.name == "module" else entry.name), values)
        elif entry.name.endswith(_SUFFIX):
            text = Template(entry.read_text(encoding="utf-8")).substitute(values)
            (target / entry.name.removesuffix(_SUFFIX)).write_text(text, encoding="utf-8")
