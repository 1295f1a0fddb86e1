"""`sebilling import`: import customers from spreadsheets, routers and other systems."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from sebilling.billing.imports import column_map
from sebilling.cli import imports, system_import
from sebilling.cli.arguments import parse_month
from sebilling.cli.database import read_settings, with_database
from sebilling.cli.plugins import engine_of
from sebilling.cli.terminal import errors, group, out
from sebilling.clock import system_clock
from sebilling.db.engine import Database

import_group = group()
Yes = Annotated[bool, typer.Option("--yes", help="Write to the database. Without it, everything is checked and nothing is written.")]
CreateMissing = Annotated[
    bool, typer.Option("--create-missing", help="Add missing counters and plans, instead of reporting their rows as faults.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
CountersOption = Annotated[
    str, typer.Option(metavar="CODE,CODE", help="Counter codes that a comment's ' - CODE' may name, besides the existing ones.")
]
OpeningOption = Annotated[
    str | None, typer.Option("--opening", metavar="MONTH", help="Last month that the previous system billed, such as 2026-01.")
]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="USERNAME", help="User who answers for the money paid ahead; default: the only admin.")
]


def _run(work: Callable[[Database], Awaitable[bool]]) -> None:
    if not with_database(work):
        raise typer.Exit(1)


@import_group.command("customers")
def import_customers(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="XLSX, or CSV: UTF-8, UTF-16 or Windows, separated by ; , tab or |.")],
    *,
    yes: Yes = False,
    create_missing: CreateMissing = False,
    opening: OpeningOption = None,
    by: ByOption = None,
    sheet: Annotated[str | None, typer.Option(help="Name of the sheet of a workbook; default: the first.")] = None,
    column: Annotated[list[str] | None, typer.Option("--map", metavar="HEADING=FIELD", help="Map a column to a field. Remembered.")] = None,
    ignore_columns: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Headings of columns to leave out. Remembered if unknown.")
    ] = None,
    ignore_unknown: Annotated[bool, typer.Option("--ignore-unknown", help="Leave out every column with an unknown heading.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import customers from a spreadsheet, with Indonesian or English headings, and what they owe or have paid ahead."""
    columns = column_map.read_given(column or (), ignore_columns or (), ignore_unknown=ignore_unknown)
    options = imports.Options(yes, create_missing, out, errors, as_json, parse_month(opening) if opening else None, by)
    _run(lambda database: imports.run_spreadsheet(file, database, at=system_clock(), options=options, given=columns, sheet=sheet))


@import_group.command("mikrotik")
def import_mikrotik(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE.rsc]", help="Output of the router's `/ppp secret export`.")] = None,
    *,
    device: Annotated[
        str | None, typer.Option(help="Name or id of a device to read instead; customers get their service access there.")
    ] = None,
    counter: Annotated[str, typer.Option(help="Code of the counter for secrets whose comment names none.")] = "PUSAT",
    counters: CountersOption = "",
    isolir_profile: Annotated[list[str] | None, typer.Option(help="Profile of blocked customers in FILE; repeat for more.")] = None,
    yes: Yes = False,
    create_missing: CreateMissing = False,
    as_json: AsJson = False,
) -> None:
    """Import customers from a MikroTik's PPP secrets: profiles become plans, disabled ones inactive customers."""
    if (file is None) == (device is None):
        raise typer.BadParameter("name either a file, or a device with --device.")
    codes = frozenset(code.strip().upper() for code in counters.split(",") if code.strip())
    target = imports.FromDevice(counter, codes, tuple(isolir_profile or ()))
    options = imports.Options(yes, create_missing, out, errors, as_json)

    async def work(database: Database) -> bool:
        if file is not None:
            return await imports.run_secrets(file, database, at=system_clock(), given=target, options=options)
        engine = engine_of(read_settings(), database)
        return await imports.run_device(str(device), engine, at=system_clock(), given=target, options=options)

    _run(work)


@import_group.command("from")
def import_from(
    system: Annotated[system_import.System, typer.Argument(help="System that the file comes from.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="phpnuxbill: backup .json, or .sql; gembok: .db, or .sql; mikhmon: .rsc.")],
    *,
    opening: Annotated[str, typer.Option("--opening", metavar="MONTH", help="Last month that it billed, such as 2026-01.")],
    balances: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Spreadsheet of arrears and money paid ahead, if the system keeps none.")
    ] = None,
    counter: Annotated[str, typer.Option(help="Code of the counter of its customers.")] = "PUSAT",
    report: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Where to write the report that both sides sign.")] = None,
    by: ByOption = None,
    yes: Yes = False,
    create_missing: CreateMissing = False,
    as_json: AsJson = False,
) -> None:
    """Import customers, plans, arrears and money paid ahead from another system, and compare every balance afterwards."""
    source = system_import.FromSystem(system, file, parse_month(opening), counter, balances, report)
    options = imports.Options(yes, create_missing, out, errors, as_json, by=by)
    _run(lambda database: system_import.run(source, database, at=system_clock(), options=options))
