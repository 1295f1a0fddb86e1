"""What must never happen is impossible in SQL too, and the migrations are the models."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from sebilling.billing import generation, periods
from sebilling.db.databases import create_database, drop_database
from sebilling.db.engine import Database
from sebilling.db.migrate import migrate
from sebilling.db.tables import Base
from sebilling.errors import DatabaseUnavailable
from tests.harness import FEBRUARY, Isp


async def billed(database: Database) -> Isp:
    isp = await Isp.make(database)
    await isp.pay(await isp.customer(), 100_000)
    await isp.customer()
    await isp.open()
    await isp.generate()
    return isp


ALLOCATE = "INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at) SELECT p.id, i.id, {}, now() FROM payment p, invoice i"
ISSUE = (
    "INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, plan_name, covers_from, covers_until, issued_at, due_on,"
    " total, allocated, written_off) SELECT period_id, counter_id, 99, 'x', {}, 'x', '2026-02-01', '2026-03-01', now(), '2026-02-20',"
    " 1, 0, 0 FROM invoice LIMIT 1"
)

TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM event", "UPDATE event SET kind = 'x'", "TRUNCATE event",
        "DELETE FROM invoice", "UPDATE invoice SET total = 1", "UPDATE invoice SET allocated = total", "UPDATE invoice SET number = 'x'",
        "DELETE FROM invoice_line", "UPDATE invoice_line SET amount = 1, unit_price = 1", "TRUNCATE invoice_line",
        "DELETE FROM payment", "UPDATE payment SET amount = amount + 1", "UPDATE payment SET allocated = 0",
        "DELETE FROM allocation", "UPDATE allocation SET amount = 1",
        "UPDATE counter SET code = 'X'", "UPDATE period SET month = '2027-01-01'",
        ALLOCATE.format(100_001), ALLOCATE.format(0), ALLOCATE.format(-5),
        "INSERT INTO period (month, opened_at) VALUES ('2026-02-01', now())",
        "INSERT INTO period (month, opened_at) VALUES ('2026-03-02', now())",
        "UPDATE customer SET price = -1", "UPDATE plan SET price = 10000000000000000", "UPDATE counter SET due_day = 31",
        "UPDATE generation_task SET issued = issued + 1", "UPDATE invoice_series SET next_number = 0", ISSUE.format("customer_id"),
    ],
)  # fmt: skip
async def test_the_database_refuses(database: Database, statement: str) -> None:
    isp = await billed(database)
    with pytest.raises(IntegrityError):
        async with isp.write() as session:
            await session.execute(text(statement))
    await isp.check()


async def test_a_closed_period_takes_no_invoice_from_anyone(database: Database) -> None:
    isp = await billed(database)
    newcomer = await isp.customer()
    async with isp.write() as session:
        await periods.close(session, FEBRUARY, incomplete=True)
    for statement, told in (
        (ISSUE.format(":c"), "a closed period takes no new invoices"),
        ("UPDATE period SET closed_at = NULL WHERE :c > 0", "UPDATE of period is refused"),
    ):
        with pytest.raises(IntegrityError, match=told):
            async with isp.write() as session:
                await session.execute(text(statement), {"c": newcomer})


def test_the_migrations_make_what_the_models_say(server_url: str) -> None:
    def differences(connection: Connection) -> Any:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, Base.metadata)

    async def compare() -> Any:
        url = await create_database(server_url, "migrated")
        await migrate(url)
        await migrate(url)  # the second time does nothing
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            found = await connection.run_sync(differences)
            checks = (await connection.execute(text("SELECT conname FROM pg_constraint WHERE contype = 'c'"))).scalars().all()
        await engine.dispose()
        await drop_database(server_url, "migrated")
        return found, set(checks)

    found, checks = asyncio.run(compare())
    assert found == []
    # Alembic doesn't compare CHECK constraints
    named = {
        str(check.name)
        for table in Base.metadata.tables.values()
        for check in table.constraints
        if check.__visit_name__ == "check_constraint"
    }
    assert {name.rpartition("%")[2] for name in named} <= checks


async def test_a_database_that_goes_away_in_the_middle_is_told_and_nothing_has_changed(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.many_customers(100)
    await isp.open()
    other = Database(committed.url, connections=2)

    async def cut() -> None:
        async with isp.write() as session:
            started = await generation.start(session, FEBRUARY, counters=None, key="cut-in-the-middle")
            await generation.advance(session, chunk=1_000, run_id=started.run_id)
            async with other.reading() as reading:
                await reading.rows(text(TERMINATE))
            await session.value(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        await cut()
    await other.close()
    for _ in range(3):  # other connections of the pool may be found dead at their first use
        with suppress(DatabaseUnavailable):
            async with committed.reading() as reading:
                await reading.value(text("SELECT 1"))
    assert await isp.value("SELECT count(*) FROM invoice") == 0
    assert await isp.value("SELECT count(*) FROM generation_run") == 0
    assert (await isp.generate()).issued == 100
    await isp.check()
