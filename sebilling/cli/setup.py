"""`sebilling setup systemd`: units for this installation."""

from pathlib import Path
from typing import Annotated

import typer

from sebilling.cli.operation import say
from sebilling.cli.terminal import errors, group, out
from sebilling.operator_errors import UnusableFile

setup = group()


@setup.callback()
def _setup() -> None:
    """Files that this machine's own programs need to run SeBilling."""


@setup.command("systemd")
def systemd(
    into: Annotated[Path, typer.Option("--into", help="Folder to write the units to.")] = Path("/etc/systemd/system"),
    backups: Annotated[Path | None, typer.Option("--backups", help="Folder of SEBILLING_BACKUP_TO, which they may then write to.")] = None,
    separate: Annotated[bool, typer.Option("--separate", help="A unit each for servers and workers, over one PostgreSQL.")] = False,
) -> None:
    """Write systemd units that start SeBilling with this machine, and print the next steps. Existing units are replaced."""
    from sebilling.operation import systemd as written

    try:
        for unit in written.units(written.program(), separate=separate, backups=backups):
            (into / unit.name).write_text(unit.text, encoding="utf-8")
            say(out, f"Written: {into / unit.name}")
    except OSError as error:
        raise UnusableFile(
            file=into, why=f"it can't be written to ({error.strerror}): run it as root, or name a folder with --into."
        ) from error
    if not written.is_open_to_others(written.program()):
        say(
            errors,
            f"Their user, sebilling, can't reach {written.program()}: install SeBilling in another folder, such as /opt.",
            style="red",
        )
    say(out, "Next, as root:")
    for step in written.steps(into, separate=separate):
        say(out, f"    {step}")
