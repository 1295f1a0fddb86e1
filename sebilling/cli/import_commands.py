"""`sebilling import …`: customers out of spreadsheets, routers and other systems."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sebilling.billing.imports import column_map
from sebilling.cli import imports, isolation, system_import
from sebilling.clock import Month, system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database

Run = Callable[[Callable[[Database], Awaitable[bool]]], bool]
"""Does something with the database."""
Yes = Annotated[bool, typer.Option("--yes", help="Write it. Without, everything is checked and nothing is written.")]
CreateMissing = Annotated[
    bool, typer.Option("--create-missing", help="Add counters and plans that aren't there yet, instead of calling their rows faulty.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Tell the outcome as JSON.")]
CountersOption = Annotated[
    str, typer.Option(metavar="CODE,CODE", help="Codes that a comment's ' - CODE' may name besides those that are there.")
]
OpeningOption = Annotated[
    str | None, typer.Option("--opening", metavar="MONTH", help="Last month that the system before has billed, such as 2026-01.")
]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="USERNAME", help="Who answers for what was paid ahead; the only admin if left out.")
]


def register(
    group: typer.Typer, run: Run, settings: Callable[[], Settings], month: Callable[[str], Month], *, out: Console, errors: Console
) -> None:
    """Make the commands of `group`."""

    def imported(work: Callable[[Database], Awaitable[bool]]) -> None:
        if not run(work):
            raise typer.Exit(1)

    _spreadsheets(group, imported, month, out, errors)
    _routers(group, imported, settings, out, errors)
    _systems(group, imported, month, out, errors)


def _spreadsheets(group: typer.Typer, imported: Callable[..., None], month: Callable[[str], Month], out: Console, errors: Console) -> None:
    @group.command("customers")
    def import_customers(
        file: Annotated[Path, typer.Argument(metavar="FILE", help="XLSX, or CSV: UTF-8, UTF-16 or Windows, separated by ; , tab or |.")],
        *,
        yes: Yes = False,
        create_missing: CreateMissing = False,
        opening: OpeningOption = None,
        by: ByOption = None,
        sheet: Annotated[str | None, typer.Option(help="Name of the sheet of a workbook; its first one if left out.")] = None,
        column: Annotated[
            list[str] | None, typer.Option("--map", metavar="HEADING=FIELD", help="Which field a column is. Remembered.")
        ] = None,
        ignore_columns: Annotated[
            list[str] | None, typer.Option(metavar="A,B", help="Headings to leave out. Remembered if unknown.")
        ] = None,
        ignore_unknown: Annotated[bool, typer.Option("--ignore-unknown", help="Leave out every column whose heading isn't known.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Import customers from a spreadsheet, with Indonesian or English headings, and what they owe or have paid ahead."""
        given = column_map.read_given(column or (), ignore_columns or (), ignore_unknown=ignore_unknown)
        options = imports.Options(yes, create_missing, out, errors, as_json, month(opening) if opening else None, by)
        imported(lambda database: imports.run_spreadsheet(file, database, at=system_clock(), options=options, given=given, sheet=sheet))


def _routers(group: typer.Typer, imported: Callable[..., None], settings: Callable[[], Settings], out: Console, errors: Console) -> None:
    @group.command("mikrotik")
    def import_mikrotik(
        file: Annotated[Path | None, typer.Argument(metavar="[FILE.rsc]", help="What the router's `/ppp secret export` wrote.")] = None,
        *,
        device: Annotated[
            str | None, typer.Option(help="Name or id of a device to read instead: customers get their access there.")
        ] = None,
        counter: Annotated[str, typer.Option(help="Code of the counter for secrets whose comment names none.")] = "PUSAT",
        counters: CountersOption = "",
        isolir_profile: Annotated[list[str] | None, typer.Option(help="Profile of who is blocked, in FILE; repeat it for more.")] = None,
        yes: Yes = False,
        create_missing: CreateMissing = False,
        as_json: AsJson = False,
    ) -> None:
        """Import customers from a MikroTik's PPP secrets: profiles become plans, disabled ones inactive customers."""
        if (file is None) == (device is None):
            raise typer.BadParameter("name a file, or a device by --device.")
        codes = frozenset(code.strip().upper() for code in counters.split(",") if code.strip())
        given = imports.FromDevice(counter, codes, tuple(isolir_profile or ()))
        options = imports.Options(yes, create_missing, out, errors, as_json)

        async def work(database: Database) -> bool:
            if file is not None:
                return await imports.run_secrets(file, database, at=system_clock(), given=given, options=options)
            engine = isolation.engine_of(settings(), database)
            return await imports.run_device(str(device), engine, at=system_clock(), given=given, options=options)

        imported(work)


def _systems(group: typer.Typer, imported: Callable[..., None], month: Callable[[str], Month], out: Console, errors: Console) -> None:
    @group.command("from")
    def import_from(
        system: Annotated[system_import.System, typer.Argument(help="RowScope file it is.")],
        file: Annotated[
            Path, typer.Argument(metavar="FILE", help="phpnuxbill: backup .json, or .sql; gembok: .db, or .sql; mikhmon: .rsc.")
        ],
        *,
        opening: Annotated[str, typer.Option("--opening", metavar="MONTH", help="Last month that it has billed, such as 2026-01.")],
        balances: Annotated[
            Path | None, typer.Option(metavar="FILE", help="Spreadsheet of what customers owe or have paid ahead, where it keeps none.")
        ] = None,
        counter: Annotated[str, typer.Option(help="Code of the counter of its customers.")] = "PUSAT",
        report: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Where to write the report that both sides sign.")] = None,
        by: ByOption = None,
        yes: Yes = False,
        create_missing: CreateMissing = False,
        as_json: AsJson = False,
    ) -> None:
        """Import customers, plans, arrears and what was paid ahead out of another system: every balance is compared afterwards."""
        given = system_import.FromSystem(system, file, month(opening), counter, balances, report)
        options = imports.Options(yes, create_missing, out, errors, as_json, by=by)
        imported(lambda database: system_import.run(given, database, at=system_clock(), options=options))
