"""Where there are no cycles, discounts, charges and late fees, the statement without their steps issues the very same invoices."""

import random
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.billing import billing_cycles, generation, generation_issue, opening, settings
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.concurrency.test_locks import run_of, step, waits
from tests.harness import FEBRUARY, Isp

INVOICES = (
    "SELECT customer_id, sequence, number, plan_name, covers_from, covers_until, due_on, total FROM invoice WHERE run_id IS NOT NULL"
    " ORDER BY customer_id, covers_from"
)
LINES = (
    "SELECT customer_id, covers_from, position, kind, description, quantity, unit_price, amount, charge_id, discount_id, tax_rate,"
    " tax_fraction, tax_base, tax_rounding FROM invoice_line JOIN invoice ON invoice.id = invoice_id"
    " WHERE run_id IS NOT NULL ORDER BY 1, 2, 3"
)


class TakenBackError(Exception):
    """What was issued is compared, and issued again."""


async def issued(isp: Isp, month: Month) -> list[Any]:
    """The invoices, lines and counts of a run that doesn't remain."""
    found: list[Any] = []

    async def issue() -> None:
        async with isp.write() as session:
            started = await generation.start(session, month, key=str(uuid.uuid4()))
            while await generation.advance(session, chunk=17, run_id=started.run_id):
                pass
            found.extend([[tuple(row) for row in await session.rows(text(statement))] for statement in (INVOICES, LINES)])
            found.append(await generation.outcome(session, started.run_id))
            raise TakenBackError

    with pytest.raises(TakenBackError):
        await issue()
    return found


async def people(isp: Isp, seed: int) -> None:
    """Of every kind: installed before, within and after the month, active or not, with a price of their own or none, billed elsewhere."""
    chance = random.Random(seed)
    openings = []
    for _ in range(60):
        installed_on = date(2026, 1, 15) + timedelta(days=chance.randrange(60))
        customer_id = await isp.customer(
            counter=chance.choice([*isp.counters]), installed_on=installed_on, active=chance.random() < 0.9,
            price=chance.choice([None, None, 0, 1, 99_999, 123_457]),
        )  # fmt: skip
        if chance.random() < 0.2:
            billed_until = installed_on + timedelta(days=chance.randrange(45))
            openings.append(opening.Opening(customer_id, arrears=chance.choice([0, 7_000]), billed_until=billed_until))
    async with isp.write() as session:
        await opening.record(session, FEBRUARY.plus(-1), openings, by=isp.admin.user_id or 0)


@pytest.mark.parametrize("seed", range(4))
async def test_the_same_invoices_with_and_without_the_steps(database: Database, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02", "LKT03")
    await people(isp, seed)
    async with isp.write() as session:
        taxed: dict[str, Any] = {"tax_rate": Decimal(12), "tax_numerator": 11, "tax_denominator": 12} if seed % 2 else {}
        await settings.change(session, prorate_first_month=seed < 2, **taxed)
    for month in (FEBRUARY, FEBRUARY.plus(1)):
        await isp.open(month)
        with monkeypatch.context() as patched:
            patched.setattr(generation, "ISSUE", None)
            plain = await issued(isp, month)
        with monkeypatch.context() as patched:
            patched.setattr(generation, "ISSUE_PLAIN", generation_issue.ISSUE)
            assert await issued(isp, month) == plain
        assert len(plain[0]) > 20
        await isp.generate(month)


async def test_a_cycle_that_was_set_while_the_chunk_waited_is_billed(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()
    started = await run_of(isp)
    async with isp.write() as session:
        await billing_cycles.set_billing(session, customer_id, months=3, effective_from=FEBRUARY.first)
        chunk = await waits(step(isp, started.run_id, 10))
    await chunk
    assert await isp.rows("SELECT covers_from, covers_until, total FROM invoice") == [(FEBRUARY.first, date(2026, 5, 1), 450_000)]
    await isp.check()
