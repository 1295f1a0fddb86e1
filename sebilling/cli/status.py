"""`sebilling status`, for people and, by the exit code, for monitors; `sebilling doctor`, which also says what should be changed."""

import sys
from typing import Annotated, Final

import orjson
import typer
from rich.table import Table

from sebilling.cli.database import read_settings, with_database
from sebilling.cli.operation import say, store_of
from sebilling.cli.terminal import out
from sebilling.db.engine import Database
from sebilling.errors import SebillingError
from sebilling.operation import status as state

_CODES: Final = {state.Level.GOOD: 0, state.Level.WARNING: 1, state.Level.BAD: 2}
"""As monitors read them (Nagios, Icinga, Zabbix): OK, WARNING, CRITICAL."""
_STYLES: Final = {state.Level.GOOD: "green", state.Level.WARNING: "yellow", state.Level.BAD: "red"}


def to_json(status: state.Status) -> bytes:
    """The status as one JSON object."""
    parts = [{"part": part.name, "level": part.level, **part.sentence.to_json()} for part in status.parts]
    return orjson.dumps({"level": status.level, "version": status.version, "at": status.at, "parts": parts})


def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False) -> None:
    """Print the state of the installation, part by part; exit code 0: good, 1: warnings, 2: bad."""
    settings = read_settings()
    try:
        current = with_database(lambda database: state.read(database, settings.var), migrates=False)
    except SebillingError as error:  # a database that is away is the worst state, and no failure of this command
        out.print(f"DATABASE  {state.Level.BAD}: {error}", style="red", highlight=False, soft_wrap=True)
        raise typer.Exit(_CODES[state.Level.BAD]) from None
    if as_json:
        sys.stdout.write(to_json(current).decode() + "\n")
    else:
        table = Table("part", "level", "what was found")
        for part in current.parts:
            table.add_row(part.name, part.level, part.sentence.english, style=_STYLES[part.level])
        out.print(table)
    raise typer.Exit(_CODES[current.level])


def doctor() -> None:
    """Print what is wrong with this installation, or missing in it, and what to do; exit code 1: urgent."""
    from sebilling.operation import doctor as advice
    from sebilling.operation.missing import missing as lacking
    from sebilling.vault import vault_of

    settings = read_settings()

    async def work(database: Database) -> list[advice.Finding]:
        lost = await lacking(database, store_of(settings), vault_of(settings))
        parts = (await state.read(database, settings.var)).parts
        return advice.findings(settings, await advice.read(database), parts, lost)

    findings = with_database(work)
    for finding in findings:
        say(out, f"{'!' if finding.is_urgent else '-'} {finding.what}", style="red" if finding.is_urgent else "")
        if finding.remedy:
            say(out, f"    {finding.remedy}")
    if not findings:
        say(out, "Nothing is wrong, and nothing is missing.", style="green")
    if any(finding.is_urgent for finding in findings):
        raise typer.Exit(1)
