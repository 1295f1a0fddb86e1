"""Reference of bench/generate.py: the best plain SQL statement that writes the same rows, into tables of their own (reference.sql)."""

from pathlib import Path
from typing import Final

from sqlalchemy import text

from sebilling.clock import Month
from sebilling.db.driver import driver_of
from sebilling.db.engine import Database

_SCHEMA: Final = Path(__file__).with_name("reference.sql")
_INVOICE: Final = (
    "id, period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from, covers_until, issued_at, due_on, total,"
    " allocated, written_off, voided_at"
)
_HISTORY: Final = tuple(
    text(sql)
    for sql in (
        "INSERT INTO reference.invoice_series SELECT * FROM invoice_series",
        f"INSERT INTO reference.invoice ({_INVOICE}) OVERRIDING SYSTEM VALUE SELECT {_INVOICE} FROM invoice ORDER BY id",
        "INSERT INTO reference.invoice_line SELECT * FROM invoice_line ORDER BY 1, 2",
    )
)
_NUMBERS: Final = text(
    "SELECT setval(pg_get_serial_sequence('reference.invoice', 'id'), max(id)) FROM reference.invoice HAVING count(*) > 0"
)
_PERIOD: Final = text("SELECT id FROM period WHERE month = :month")
_SERIES: Final = text("INSERT INTO reference.invoice_series SELECT :period, id, 1 FROM counter")
_WRITE: Final = text(
    """
    WITH issued AS (
        INSERT INTO reference.invoice (period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from,
                                       covers_until, issued_at, due_on, total, allocated, written_off)
        SELECT CAST(:period AS bigint), counter.id, numbered.sequence,
               'INV/' || CAST(:month AS text) || '/' || counter.code || '/' || lpad(numbered.sequence::text, 6, '0'), numbered.id, NULL,
               plan.name, greatest(CAST(:first AS date), installed_on), CAST(:after AS date), now(),
               CAST(:first AS date) + due_day - 1, coalesce(numbered.price, plan.price), 0, 0
          FROM (SELECT *, row_number() OVER (PARTITION BY counter_id ORDER BY id) AS sequence FROM customer
                 WHERE active AND installed_on < CAST(:after AS date)) numbered
          JOIN counter ON counter.id = counter_id JOIN plan ON plan.id = plan_id
        RETURNING id, plan_name, total
    )
    INSERT INTO reference.invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount)
    SELECT id, 1, 'SUBSCRIPTION', plan_name, 1, total, total FROM issued
    """
)
# What bench/rules.py has priced beforehand.
_WRITE_PRICED: Final = text(
    """
    WITH issued AS (
        INSERT INTO reference.invoice (period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from,
                                       covers_until, issued_at, due_on, total, allocated, written_off)
        SELECT CAST(:period AS bigint), counter_id, sequence,
               'INV/' || CAST(:month AS text) || '/' || code || '/' || lpad(sequence::text, 6, '0'), customer_id, NULL, plan_name,
               covers_from, covers_until, now(), due_on, total, 0, 0
          FROM expected_invoice
        RETURNING id, customer_id
    )
    INSERT INTO reference.invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount, charge_id, discount_id,
                                        tax_rate, tax_fraction, tax_base, tax_rounding)
    SELECT id, position, kind, description, quantity, unit_price, quantity * unit_price, charge_id, discount_id,
           tax_rate, tax_fraction, tax_base, tax_rounding
      FROM expected_line JOIN issued USING (customer_id)
    """
)
_COUNT: Final = text("SELECT count(*) FROM reference.invoice WHERE period_id = (SELECT id FROM period WHERE month = :month)")


async def create(database: Database) -> None:
    """Create the tables, with the invoices that there are."""
    async with database.write_engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await (await driver_of(connection)).execute(_SCHEMA.read_text(encoding="utf-8"))
        for statement in (*_HISTORY, _NUMBERS):
            await connection.execute(statement)


async def write(database: Database, month: Month, *, priced: bool) -> None:
    """Write the month's invoices, with `priced` those of bench/rules.py."""
    bound = {"month": str(month)} if priced else {"month": str(month), "first": month.first, "after": month.after}
    async with database.write_engine.begin() as connection:
        period = (await connection.execute(_PERIOD, {"month": month.first})).scalar_one()
        await connection.execute(_SERIES, {"period": period})
        await connection.execute(_WRITE_PRICED if priced else _WRITE, {"period": period, **bound})


async def written(database: Database, month: Month) -> int:
    """Return the number of the month's invoices."""
    async with database.reading() as session:
        return await session.only_value(_COUNT, {"month": month.first}, kind=int)
