"""`sebilling plugin new`: a package with a driver that works, from the template beside the plugins' contract."""

import re
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Annotated, Final

import typer
from rich.console import Console

from sebilling.config import PLUGIN_GROUP

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_NAME: Final = 40
_SUFFIX: Final = ".tmpl"


class CantMake(Exception):
    """Why no package is written, and what to do."""


def write(name: str, into: Path) -> Path:
    """Write the package `sebilling-NAME` into a new folder of that name in `into`; gives that folder.

    Raises CantMake, with nothing written, for a bad name or if the folder is there already; OSError if it can't be written.
    """
    _check_name(name)
    folder = into / f"sebilling-{name}"
    if not into.is_dir():
        raise CantMake(f"There is no folder {into}: make it, or name another with --into.")
    if folder.exists():
        raise CantMake(f"{folder} is there already: choose another name, another folder with --into, or remove it.")
    words = name.split("-")
    values = {
        "name": name,
        "module": f"sebilling_{'_'.join(words)}",
        "kind": f"{'_'.join(words)}.profile",
        "class_name": "".join(word.capitalize() for word in words),
        "title": f"{' '.join(words).capitalize()} (by profile)",
    }
    _copy(files("sebilling.plugins") / "template", folder, values)
    return folder


def new(name: str, into: Path, out: Console, errors: Console) -> bool:
    """Write the package and tell the next steps. False, with the remedy, if that can't be."""
    try:
        folder = write(name, into)
    except (CantMake, OSError) as error:
        errors.print(str(error), style="red", highlight=False, soft_wrap=True)
        return False
    told = f"{folder} is there: a driver that works, on a toy device. Next:\n\n    cd {folder}\n    python -m pytest\n"
    out.print(f"{told}\nIts README says what to make your own.", highlight=False, soft_wrap=True)
    return True


def register(group: typer.Typer, out: Console, errors: Console) -> None:
    """Make it a command of `group`."""

    @group.command("new")
    def plugin_new(
        name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and hyphens, such as acme-olt.")],
        into: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the package's folder is made.")] = Path(),
    ) -> None:
        """Write a plugin's package with a driver that works, on a toy device, and its tests."""
        if not new(name, into, out, errors):
            raise typer.Exit(1)


def _check_name(name: str) -> None:
    shown = repr(name[:_MAX_NAME])
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        raise CantMake(f"{shown} is no name for a plugin: take small letters, digits and single hyphens, such as acme-olt; at most 40.")
    if name.startswith("sebilling"):
        raise CantMake(f"Leave sebilling out of {shown}: the package's name begins with it anyway.")
    if any(point.name == name for point in entry_points(group=PLUGIN_GROUP)):
        raise CantMake(f"A plugin named {shown} is installed: choose another name.")


def _copy(source: Traversable, target: Path, values: dict[str, str]) -> None:
    target.mkdir()
    for one in sorted(source.iterdir(), key=lambda entry: entry.name):
        if one.is_dir():
            _copy(one, target / (values["module"] if one.name == "module" else one.name), values)
        elif one.name.endswith(_SUFFIX):
            text = Template(one.read_text(encoding="utf-8")).substitute(values)
            (target / one.name.removesuffix(_SUFFIX)).write_text(text, encoding="utf-8")
