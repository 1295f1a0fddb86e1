"""`sebilling counter`, `period`, `generate` and `recap`: the month's billing."""

from collections.abc import Sequence
from typing import Annotated

import typer

from sebilling.actor import EVERYWHERE, operator
from sebilling.billing import counters, generation, periods
from sebilling.billing import recap as recaps
from sebilling.cli.arguments import MonthArgument, parse_month
from sebilling.cli.database import read_settings, with_database
from sebilling.cli.terminal import errors, group, out
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.demo.tables import recap_table
from sebilling.money import format_rupiah

counter = group()
period = group()


@counter.command("add")
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

    with_database(work)
    out.print(f"Counter {code.upper()} was added.")


@period.command("open")
def period_open(
    month: MonthArgument, confirm: Annotated[bool, typer.Option("--confirm", help="Open it although it is far from today.")] = False
) -> None:
    """Open a period. Issues no invoices: `generate` does."""
    wanted = parse_month(month)

    async def work(database: Database) -> None:
        async with database.transaction(actor=operator("sebilling period open"), at=system_clock()) as session:
            await periods.open_period(session, wanted, confirm=confirm)

    with_database(work)
    out.print(f"Period {wanted} is open.")


@period.command("close")
def period_close(
    month: MonthArgument, incomplete: Annotated[bool, typer.Option("--incomplete", help="Close it although something is missing.")] = False
) -> None:
    """Close a period: it accepts no new invoices, and its recap is stored."""
    wanted = parse_month(month)

    async def work(database: Database) -> None:
        async with database.transaction(actor=operator("sebilling period close"), at=system_clock()) as session:
            await periods.close(session, wanted, incomplete=incomplete)

    with_database(work)
    out.print(f"Period {wanted} is closed.")


def generate(
    month: MonthArgument,
    counter: Annotated[list[str] | None, typer.Option(help="Code of a counter; repeat for more. Default: all.")] = None,
) -> None:
    """Generate the invoices of an open period. A customer who already has one gets no second."""
    settings, wanted, at = read_settings(), parse_month(month), system_clock()

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

    if not with_database(work):
        raise typer.Exit(1)


def recap(month: MonthArgument) -> None:
    """Print a month's recap per counter."""
    wanted = parse_month(month)

    async def work(database: Database) -> Sequence[recaps.Recap]:
        async with database.reading() as session:
            return await recaps.read(session, wanted, scope=EVERYWHERE)

    out.print(recap_table(str(wanted), with_database(work)))
