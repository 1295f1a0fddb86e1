"""Database of a benchmark: an embedded server with its usual, durable settings, and an ISP in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text

from sebilling.actor import Role, operator
from sebilling.auth import passwords, users
from sebilling.billing import generation, periods
from sebilling.billing.imports import load
from sebilling.clock import Month, system_clock
from sebilling.db.databases import create_database, drop_database
from sebilling.db.embedded import embedded_database
from sebilling.db.engine import Database
from sebilling.db.migrate import migrate
from sebilling.demo import isp

USERNAME = "bench"
PASSWORD = passwords.random_password()
MONTH = Month(2026, 1)


@asynccontextmanager
async def place(var: Path, name: str, *, customers: int) -> AsyncIterator[Database]:
    """Create a database with an admin and customers, and drop it afterwards."""
    with embedded_database(var / "bench", own=False) as server:
        url = await create_database(server, name)
        await migrate(url)
        database = Database(url)
        await inhabit(database, customers=customers)
        async with database.reading() as session:
            await session.rows(text("SELECT 1"))
        await outside(database, "VACUUM ANALYZE")
        try:
            yield database
        finally:
            await database.close()
            await drop_database(server, name)


async def inhabit(database: Database, *, customers: int) -> None:
    """Create an admin, counters, plans and customers."""
    actor, at = operator("bench"), system_clock()
    hashed = await passwords.hashed(PASSWORD)
    async with database.transaction(actor=actor, at=at) as session:
        await users.create(session, username=USERNAME, name=USERNAME, role=Role.ADMIN, password_hash=hashed)
        staged = await load.stage(session, isp.rows(count=customers, month=MONTH), create_missing=True)
        await load.write(session, staged, file="bench")


async def outside(database: Database, statement: str) -> None:
    """Run a statement that can't run in a transaction, such as VACUUM or CHECKPOINT."""
    async with database.read_engine.connect() as connection:
        await connection.execute(text(statement))


async def issue(database: Database) -> None:
    """Issue a month's invoices; every third of the last 1,000 of each counter is paid in two parts."""
    actor, at = operator("bench"), system_clock()
    async with database.transaction(actor=actor, at=at) as session:
        await periods.open_period(session, MONTH, confirm=True)
        started = await generation.start(session, MONTH, counters=None, key="bench-page")
    await generation.work(lambda: database.transaction(actor=actor, at=at), run_id=started.run_id, chunk=10_000)
    async with database.transaction(actor=actor, at=at) as session:
        await session.execute(
            text(
                "SELECT record_payment(app_user.id, 'bench', 'bench-' || half || '-' || invoice.id, ''::bytea, customer_id, NULL, NULL,"
                " 50000, 'CASH', now(), now(), '', NULL) FROM app_user, invoice, generate_series(1, 2) half"
                " WHERE invoice.id % 3 = 0 AND sequence > (SELECT max(other.sequence) - 1000 FROM invoice other"
                " WHERE other.counter_id = invoice.counter_id)"
            )
        )
    await outside(database, "VACUUM ANALYZE")
