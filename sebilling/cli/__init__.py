"""The command line. Each command opens the database (embedded unless SEBILLING_DATABASE_URL is set), does one thing, and ends.

The schema, the server and the migrations take a second or two to import, so only the commands that need them import them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from sebilling.actor import EVERYWHERE, operator
from sebilling.billing import counters, generation, invariants, periods
from sebilling.billing import recap as recaps
from sebilling.billing.reports import Report
from sebilling.cli import accounts, events, exports, import_commands, isolation, operation, plugin_new, terminal
from sebilling.clock import Month, NotAMonthError, system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.demo.tables import recap_table
from sebilling.errors import InvalidMonth, InvalidSetting, SebillingError
from sebilling.logs import get_logger, set_up
from sebilling.money import format_rupiah

app = typer.Typer(help="Billing and internet isolation for Indonesian ISPs.", no_args_is_help=True, pretty_exceptions_enable=False)
user_app = typer.Typer(help="Users and service tokens.", no_args_is_help=True)
limits_app = typer.Typer(help="Sign-in rate limits.", no_args_is_help=True)
counter_app = typer.Typer(help="Counters (loket).", no_args_is_help=True)
import_app = typer.Typer(help="Import customers. Nothing is written without --yes; with it, everything or nothing.", no_args_is_help=True)
period_app = typer.Typer(help="Periods (bulan tagihan).", no_args_is_help=True)
plugin_app = typer.Typer(help="Plugins.", no_args_is_help=True)
isolation_app = typer.Typer(help="Isolation (isolir) of overdue customers.", no_args_is_help=True)
secrets_app = typer.Typer(help="Encrypted secrets of devices and users.", no_args_is_help=True)
events_app = typer.Typer(help="The event log and its feed.", no_args_is_help=True)
database_app = typer.Typer(help="Data folder of the embedded database.", no_args_is_help=True)
documents_app = typer.Typer(help="Trusted documents.", no_args_is_help=True)
app.add_typer(documents_app, name="documents")
app.add_typer(database_app, name="database")
app.add_typer(events_app, name="events")
app.add_typer(plugin_app, name="plugin")
app.add_typer(isolation_app, name="isolation")
app.add_typer(secrets_app, name="secrets")
app.add_typer(period_app, name="period")
app.add_typer(user_app, name="user")
app.add_typer(limits_app, name="limits")
app.add_typer(counter_app, name="counter")
app.add_typer(import_app, name="import")
out, errors = terminal.console(), terminal.console(stderr=True)
plugin_new.register(plugin_app, out, errors)
T = TypeVar("T")


def main() -> None:
    """Run a command; an error that the user can fix is printed in one sentence, with exit code 1, or 2 for a setting."""
    try:
        app()
    except SebillingError as error:
        errors.print(str(error), style="red", highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, InvalidSetting) else 1)


@contextmanager
def _opened(settings: Settings, *, own: bool = False, migrates: bool = True) -> Iterator[str]:
    """Yield the URL of the database: the one in the settings, or the embedded one, migrated unless `migrates` is false."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    from sebilling.db.embedded import embedded_database

    with embedded_database(settings.var / "postgres", own=own) as url:
        if migrates:
            _migrate(url)
        yield url


def _migrate(url: str) -> None:
    from sebilling.db.migrate import migrate

    asyncio.run(migrate(url))


def _run(
    work: Callable[[Database], Awaitable[T]], *, connections: int = 2, waits: bool = False, looks: bool = True, migrates: bool = True
) -> T:
    """Run `work` with the database. Raises DatabaseNotReady, unless `waits` and the state is temporary, or without `looks`."""
    settings = _settings()

    async def with_database(url: str) -> T:
        database = Database(url, connections=connections)
        try:
            if looks:
                await _look(database, waits=waits)
            return await work(database)
        finally:
            await database.close()

    with _opened(settings, migrates=migrates) as url:
        return asyncio.run(with_database(url))


async def _look(database: Database, *, waits: bool) -> None:
    """Check that the database is usable. Raises DatabaseNotReady; with `waits`, a temporary state is logged instead."""
    from sebilling.db.migrate import inspect
    from sebilling.db.state import DatabaseNotReady, DatabaseState

    if (state := await inspect(database)) is DatabaseState.READY:
        return
    error = DatabaseNotReady(state)
    if not (waits and state.passes):
        raise error
    get_logger(__name__).warning("database_not_ready", state=state.value, why=str(error))


async def _look_once(url: str) -> None:
    database = Database(url, connections=2)
    try:
        await _look(database, waits=True)
    finally:
        await database.close()


def _settings(**overrides: Any) -> Settings:
    settings = Settings.read(**{name: value for name, value in overrides.items() if value is not None})
    set_up(level=settings.log_level, style=settings.log_format)
    return settings


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except NotAMonthError as error:
        raise InvalidMonth(given=text[:20]) from error


accounts.register(user_app, _run, _settings, out)
import_commands.register(import_app, _run, _settings, _month, out=out, errors=errors)
accounts.register_limits(limits_app, _run, out)
MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-02.")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve /graphql, /healthz and /readyz."""
    import uvicorn

    from sebilling.app import create_app
    from sebilling.connections import limits_of
    from sebilling.edge import proxies
    from sebilling.server import options

    settings = _settings(host=host, port=port)
    with _opened(settings, own=True) as url:
        asyncio.run(_look_once(url))
        database = Database(url, connections=settings.database_connections)
        served = create_app(settings, database)
        uvicorn.run(served, host=settings.host, port=settings.port, **options(limits_of(settings, proxies(settings))))


@app.command()
def worker() -> None:
    """Run background jobs: generation runs, isolation, the event feed and plugin hooks. Any number may run beside the servers."""
    settings = _settings()
    _run(lambda database: isolation.work_for_ever(settings, database), connections=settings.database_connections, waits=True)


@plugin_app.command("list")
def plugin_list() -> None:
    """Print the installed plugins with their status, their drivers and how far events were delivered to them."""
    settings = _settings()
    has_database = settings.database_url is not None or (settings.var / "postgres").exists()
    delivered = _run(isolation.deliveries, looks=False) if has_database else {}
    isolation.show_plugins(isolation.installed(settings), out, delivered)


@events_app.command("head")
def events_head() -> None:
    """Print the last number and digest of the feed, and how many events have no number yet."""
    _run(lambda database: events.show_head(database, out))


@events_app.command("kinds")
def events_kinds() -> None:
    """Print every kind of event with its data."""
    events.show_kinds(out)


@events_app.command("verify")
def events_verify(written: events.Written = None) -> None:
    """Recompute all digests and print the last number and digest, to be recorded elsewhere; exit code 1: something was changed."""
    kept = events.read_written(written or [])
    if not _run(lambda database: events.verify(database, kept, out, errors)):
        raise typer.Exit(1)


@isolation_app.command("plan")
def isolation_plan() -> None:
    """Print who would be blocked now, and who would be restored. Changes nothing."""
    _run(lambda database: isolation.show_plan(database, out))


@isolation_app.command("run")
def isolation_run() -> None:
    """Run one sweep: decide whom to block and restore, and apply it to the devices for up to a minute; exit code 1: held, 2: unfinished."""
    settings = _settings()
    if code := _run(lambda database: isolation.run(isolation.engine_of(settings, database), out, errors), connections=4):
        raise typer.Exit(code)


@isolation_app.command("drift")
def isolation_drift(device: Annotated[str | None, typer.Option(help="Name or id of the device; default: all.")] = None) -> None:
    """Print service accesses that are out of sync, with the state last read on the device; exit code 1 if any. Changes nothing."""
    if not _run(lambda database: isolation.show_drift(database, out, device=device)):
        raise typer.Exit(1)


@secrets_app.command("rotate")
def secrets_rotate() -> None:
    """Re-encrypt devices' settings and two-step secrets with SEBILLING_SECRET_KEY; the old key is SEBILLING_SECRET_KEY_OLD, or in VAR."""
    settings = _settings()
    if not _run(lambda database: isolation.rotate(settings, database, out, errors)):
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Migrate the database to the newest schema. Does nothing if it is up to date."""
    with _opened(_settings()) as url:
        _migrate(url)
    out.print("The database is up to date.")


@database_app.command("adopt")
def database_adopt() -> None:
    """Accept a data folder that was moved, or copied while no server ran, at its new location."""
    from sebilling.db.data_folder import adopt

    folder = _settings().var / "postgres"
    state = "now accepted" if adopt(folder.absolute()) else "already accepted"
    out.print(f"The data folder {folder.absolute()} is {state}.", soft_wrap=True)


@counter_app.command("add")
def counter_add(
    code: Annotated[str, typer.Argument(help="Such as LKT01.")],
    name: Annotated[str, typer.Argument(help="Display name.")],
    due_day: Annotated[int, typer.Option(help="Day of the month, 1 to 28.")] = 20,
    timezone: Annotated[str, typer.Option(help="Asia/Jakarta, Asia/Makassar or Asia/Jayapura.")] = "Asia/Jakarta",
) -> None:
    """Add a counter."""

    async def work(database: Database) -> None:
        async with database.transaction(actor=operator("sebilling counter add"), at=system_clock()) as session:
            await counters.create(session, code=code, name=name, due_day=due_day, timezone=timezone)

    _run(work)
    out.print(f"Counter {code.upper()} was added.")


@period_app.command("open")
def period_open(
    month: MonthArgument, confirm: Annotated[bool, typer.Option("--confirm", help="Open it although it is far from today.")] = False
) -> None:
    """Open a period. Issues no invoices: `generate` does."""
    wanted = _month(month)

    async def work(database: Database) -> None:
        async with database.transaction(actor=operator("sebilling period open"), at=system_clock()) as session:
            await periods.open_period(session, wanted, confirm=confirm)

    _run(work)
    out.print(f"Period {wanted} is open.")


@period_app.command("close")
def period_close(
    month: MonthArgument, incomplete: Annotated[bool, typer.Option("--incomplete", help="Close it although something is missing.")] = False
) -> None:
    """Close a period: it accepts no new invoices, and its recap is stored."""
    wanted = _month(month)

    async def work(database: Database) -> None:
        async with database.transaction(actor=operator("sebilling period close"), at=system_clock()) as session:
            await periods.close(session, wanted, incomplete=incomplete)

    _run(work)
    out.print(f"Period {wanted} is closed.")


@app.command()
def generate(
    month: MonthArgument,
    counter: Annotated[list[str] | None, typer.Option(help="Code of a counter; repeat for more. Default: all.")] = None,
) -> None:
    """Generate the invoices of an open period. A customer who already has one gets no second."""
    settings, wanted, at = _settings(), _month(month), system_clock()

    async def work(database: Database) -> bool:
        actor = operator("sebilling generate")
        async with database.reading() as reading:
            chosen = await counters.by_codes(reading, counter) if counter else None
        async with database.transaction(actor=actor, at=at) as session:
            started = await generation.start(session, wanted, counters=chosen, key=f"cli-{at.isoformat()}")
        finished = await generation.work(
            lambda: database.transaction(actor=actor, at=system_clock()), run_id=started.run_id, chunk=settings.generate_chunk
        )
        async with database.reading() as reading:
            done = await generation.outcome(reading, started.run_id)
        skipped = ", ".join(f"{count} {reason}" for reason, count in done.skipped.items()) or "nobody"
        out.print(
            f"{done.issued} invoices, {format_rupiah(done.total_amount)}; {done.already_invoiced} already invoiced; skipped: {skipped}"
        )
        if not finished:
            errors.print(f"Run {started.run_id} failed: see the log for the reason. A worker will retry it.")
        return finished

    if not _run(work):
        raise typer.Exit(1)


@app.command()
def recap(month: MonthArgument) -> None:
    """Print a month's recap per counter."""
    wanted = _month(month)

    async def work(database: Database) -> Sequence[recaps.Recap]:
        async with database.reading() as session:
            return await recaps.read(session, wanted, scope=EVERYWHERE)

    out.print(recap_table(str(wanted), _run(work)))


@app.command()
def export(
    report: Annotated[
        Report, typer.Argument(metavar="REPORT", case_sensitive=False, help="invoices, payments, deposits, journal or recap.")
    ],
    month: MonthArgument,
    format: Annotated[exports.Format | None, typer.Option(case_sensitive=False, help="Default: the extension of FILE, else xlsx.")] = None,  # noqa: A002 - the option's name
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: such as invoices-2026-02.xlsx.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Export a month's report of all counters to a spreadsheet file."""
    wanted, chosen = _month(month), exports.format_of(to, format)
    file = to or Path(f"{report.lower()}-{wanted}.{chosen}")

    async def work(database: Database) -> bool:
        return await exports.write(database, report, wanted, file=file, format=chosen, force=force, out=out, errors=errors)

    if not _run(work):
        raise typer.Exit(1)


@app.command()
def receipt(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Such as KW/2026-02/LKT01/000123, or a payment's id: pay_123.")],
    columns: Annotated[exports.Roll, typer.Option(help="Characters per line: 32 for 58 mm paper, 48 for 80 mm.")] = exports.Roll.NARROW,
) -> None:
    """Print a payment's receipt as text."""
    sys.stdout.write(_run(lambda database: exports.receipt(database, number, roll=columns)))


@app.command()
def check() -> None:
    """Check the invariants, and that secret keys and proofs are present; exit code 1 if any check fails."""
    settings = _settings()

    async def work(database: Database) -> tuple[list[invariants.Finding], bool]:
        async with database.reading() as session:
            findings = [finding async for finding in invariants.check(session)]
        return findings, await operation.show_missing(settings, database, errors)

    findings, is_whole = _run(work)
    table = Table("invariant", "what must hold", "violating rows")
    for finding in findings:
        table.add_row(finding.invariant.name, finding.invariant.sentence, str(finding.rows), style="red" if finding.rows else "")
    out.print(table)
    if any(finding.rows for finding in findings) or not is_whole:
        raise typer.Exit(1)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="A new file, or a folder for a file named after the time.")],
) -> None:
    """Write a consistent backup, including proofs, to a ZIP file while the system is in use; exit code 1: proofs were missing."""
    settings = _settings()
    if not _run(lambda database: operation.write_backup(settings, database, target, out, errors)):
        raise typer.Exit(1)


@app.command()
def restore(file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sebilling backup` wrote.")]) -> None:
    """Restore a backup into an empty database; exit code 1: restored, but the secret key or proofs are missing."""
    settings = _settings()
    if not _run(lambda database: operation.read_backup(settings, database, file, out, errors), looks=False, migrates=False):
        raise typer.Exit(1)


@app.command()
def workers(here: Annotated[bool, typer.Option("--here", help="Only those on this machine.")] = False) -> None:
    """Print the running workers; exit code 1 if there are none, or all hang."""
    if not _run(lambda database: operation.show_workers(database, out, errors, here=here)):
        raise typer.Exit(1)


@documents_app.command("check")
def documents_check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files or folders of .graphql, or JSON objects of ids and texts.")],
) -> None:
    """Check documents against the schema and its limits, and print their ids; exit code 1 if one is invalid. Needs no database."""
    from sebilling.cli import documents

    if not documents.check(files, out, errors):
        raise typer.Exit(1)


@app.command()
def schema(
    sql: Annotated[bool, typer.Option("--sql", help="Print the database's schema, as the migrations make it, instead.")] = False,
) -> None:
    """Print the GraphQL schema."""
    if sql:
        from sebilling.db.schema_sql import describe_fresh

        sys.stdout.write(describe_fresh())
        return
    from sebilling.schema.build import build_schema

    sys.stdout.write(build_schema().as_str() + "\n")


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Run a month through HTTP, print it, and end, instead of serving.")] = False,
    customers: Annotated[int, typer.Option(min=30, max=1_000_000, help="Number of customers of the demo ISP.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: print one JSON object.")] = False,
    port: Annotated[int, typer.Option(help="Port to serve at; 0 takes a free one.")] = 8000,
    full: Annotated[bool, typer.Option("--full", help="With a router, an OLT and, if installed, FreeRADIUS.")] = False,
) -> None:
    """Create a demo ISP in its own database and run its month."""
    from sebilling.demo import month as demo_month

    settings = _settings(port=0 if once else port, log_level="WARNING")
    if once:
        demo_month.once(settings, customers=customers, full=full, out=None if as_json else out)
    else:
        demo_month.serve(settings, customers=customers, full=full, out=out)
