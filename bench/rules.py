"""All pricing rules on: tax, late fees, discounts of plans and customers, charges, billing cycles of three months."""

from decimal import Decimal
from typing import Final

from sqlalchemy import text

from sebilling.actor import operator
from sebilling.billing import settings
from sebilling.billing.pricing import LINES, pricing
from sebilling.clock import Month, system_clock
from sebilling.db.engine import Database

APART: Final = 7
"""Distance between the customers of the first and the second month of a round."""
_DISCOUNTS: Final = """
    INSERT INTO discount (customer_id, plan_id, amount, percent, description, from_on, until_on, created_at)
    SELECT CAST(NULL AS bigint), min(id), CAST(NULL AS bigint), 10, 'Promo paket', CAST(:first AS date), CAST(NULL AS date), now() FROM plan
    UNION ALL SELECT id, NULL, 5000, NULL, 'Potongan', CAST(:first AS date), NULL, now() FROM customer WHERE id % 10 = 0
"""
_CYCLES: Final = """
    INSERT INTO billing_cycle (customer_id, months, effective_from, set_at)
    SELECT id, 3, CAST(:first AS date) + (id % 28)::int, now() FROM customer WHERE id % 20 = 1
"""
_CHARGES: Final = """
    INSERT INTO charge (customer_id, kind, description, amount, created_at)
    SELECT id, 'DEVICE', 'Perangkat', 25000, now() FROM customer WHERE id % 20 = :nth
"""
# No time passes in a benchmark, so the last invoice of one customer in fifty is made overdue.
_OVERDUE: Final = """
    UPDATE invoice SET due_on = due_on - 400 WHERE customer_id % 50 = :nth AND period_id = (SELECT max(period_id) FROM invoice)
"""
_PRICED: Final = f"WITH {pricing('customer')}"
_EXPECT_INVOICES: Final = f"""
    {_PRICED} INSERT INTO expected_invoice
    SELECT priced.id, counter_id, row_number() OVER (PARTITION BY counter_id ORDER BY priced.id), code, plan_name, covers_from,
           covers_until, falls_due, total
      FROM priced JOIN counter ON counter.id = counter_id WHERE verdict = 'ISSUE'
"""
_EXPECT_LINES: Final = f"{_PRICED} INSERT INTO expected_line {LINES.format(new_fee='NULL', join_new_fees='')}"


async def turn_on(database: Database, month: Month) -> None:
    """Set up rules, discounts and billing cycles from `month` on."""
    async with database.transaction(actor=operator("bench"), at=system_clock()) as session:
        await settings.change(
            session, prorate_first_month=True, tax_rate=Decimal(12), tax_numerator=11, tax_denominator=12, late_fee=10_000,
            late_fee_after_days=5,
        )  # fmt: skip
        for statement in (_DISCOUNTS, _CYCLES):
            await session.execute(text(statement), {"first": month.first} if ":first" in statement else {})
        await session.execute(text(
            "CREATE UNLOGGED TABLE expected_invoice (customer_id bigint, counter_id bigint, sequence int, code text, plan_name text,"
            " covers_from date, covers_until date, due_on date, total bigint)"
        ))  # fmt: skip
        await session.execute(text(
            "CREATE UNLOGGED TABLE expected_line (customer_id bigint, position int, kind text, description text, quantity int,"
            " unit_price bigint, charge_id bigint, discount_id bigint, tax_rate numeric, tax_fraction text, tax_base bigint,"
                " tax_rounding text)"
        ))  # fmt: skip


async def prepare(database: Database, number: int) -> None:
    """Add charges, and make some invoices overdue. Not timed."""
    async with database.write_engine.begin() as connection:
        await connection.execute(text(_CHARGES), {"nth": number % 20})
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(_OVERDUE), {"nth": number % 50})


async def expect(database: Database, month: Month) -> None:
    """Compute the month's invoices, for the reference to write. Not timed."""
    async with database.write_engine.begin() as connection:
        period = (await connection.execute(text("SELECT id FROM period WHERE month = :m"), {"m": month.first})).scalar_one()
        await connection.execute(text("SET LOCAL enable_nestloop = off"))
        # without late fees, whose charges would have to exist first: the reference writes slightly less than ours
        await connection.execute(text("UPDATE billing_settings SET late_fee = 0"))
        await connection.execute(text("TRUNCATE expected_invoice, expected_line"))
        bound = {"period": period, "month": month.first, "after": month.after, "at": system_clock(), "as_of": system_clock()}
        for statement in (_EXPECT_INVOICES, _EXPECT_LINES):
            await connection.execute(text(statement), bound)
        await connection.execute(text("UPDATE billing_settings SET late_fee = 10000"))
        await connection.execute(text("ANALYZE expected_invoice, expected_line"))
