"""Takings of a day are what the payments add up to, whoever receives and reverses beside whom, and hold nobody up."""

import asyncio
import itertools
import random
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.billing import corrections, payments
from sebilling.billing.payments import PaymentMethod
from sebilling.db.engine import Database
from sebilling.ledger_errors import InsufficientCash
from tests.concurrency.test_drawers import refund, reverse, till
from tests.harness import Isp

_numbers = itertools.count(30_000_000)
JANUARY = datetime(2026, 1, 31, 10, tzinfo=UTC)
"""Of another month, so that its receipt is of another series."""
SOON_SECONDS = 5
TAKINGS = "SELECT to_char(day, 'DD Mon'), method, payments, received, reversed FROM daily_takings ORDER BY day, method"


def money(customer_id: int, amount: int, method: PaymentMethod = PaymentMethod.CASH) -> payments.Received:
    return payments.Received(customer_id=customer_id, amount=amount, method=method, key=f"key-{next(_numbers)}")


async def test_takings_of_a_month_are_a_row_per_day_and_method(committed: Database) -> None:
    """Rp7 in January; Rp100 and Rp30 in cash and Rp50 by QRIS on 3 February, when the Rp7 and the Rp30 are taken back."""
    isp, _, (_, wrong) = await till(committed, 100, 30)
    old = await isp.pay(await isp.customer(), 7, at=JANUARY)
    await isp.pay(await isp.customer(), 50, method=PaymentMethod.QRIS)
    await reverse(isp, wrong)
    await reverse(isp, old.payment_id)
    assert await isp.rows(TAKINGS) == [("31 Jan", "CASH", 1, 7, 0), ("03 Feb", "CASH", 2, 130, 37), ("03 Feb", "QRIS", 1, 50, 0)]
    await isp.check()


async def test_a_payment_waits_for_no_others_takings(committed: Database) -> None:
    """One that has no number yet and isn't committed: another of the same day and method is received meanwhile."""
    isp, _, _ = await till(committed)
    first, second = await isp.customer(), await isp.customer()
    async with isp.write() as session:
        customer, at = {"c": first, "k": isp.counters["LKT01"], "u": isp.admin.user_id}, session.at
        row = (
            "INSERT INTO payment (customer_id, counter_id, amount, allocated, method, received_by, collected_at, received_at, received_on,"
            " note, surplus_because, refunded) VALUES (:c, :k, 5, 0, 'QRIS', :u, :at, :at, DATE '2026-02-03', '', '', 0) RETURNING id"
        )
        paid = await session.value(text(row), customer | {"at": at})
        await asyncio.wait_for(isp.pay(second, 2, method=PaymentMethod.QRIS), SOON_SECONDS)
        receipt = text("INSERT INTO receipt VALUES (:p, :k, DATE '2026-02-01', 2, 'KW/2026-02/LKT01/000002')")
        await session.execute(receipt, {"p": paid, "k": isp.counters["LKT01"]})
        await session.execute(text("UPDATE receipt_series SET next_number = 3"))
    assert await isp.rows(TAKINGS) == [("03 Feb", "QRIS", 2, 7, 0)]


async def test_who_takes_cash_out_holds_the_days_takings_only_to_commit(committed: Database) -> None:
    """A reversal that isn't committed: cash of another collector is received meanwhile."""
    isp, siti, (paid,) = await till(committed, 100)
    other = Isp(isp.database, siti, isp.plan_id, isp.counters)
    customer_id = await isp.customer()
    async with isp.write() as session:
        await corrections.reverse_payment(session, paid, reason="salah orang", key="reversed-1")
        await asyncio.wait_for(other.pay(customer_id, 20), SOON_SECONDS)
    assert await isp.rows(TAKINGS) == [("03 Feb", "CASH", 2, 120, 100)]
    await isp.check()


async def test_what_is_undone_is_no_takings(committed: Database) -> None:
    isp, _, (paid,) = await till(committed, 150)
    customer_id = await isp.customer()
    with suppress(ZeroDivisionError):
        async with isp.write() as session:
            await payments.record(session, money(customer_id, 7))
            await corrections.reverse_payment(session, paid, reason="salah orang", key="reversed-0")
            raise ZeroDivisionError
    assert await isp.rows(TAKINGS) == [("03 Feb", "CASH", 1, 150, 0)]


async def test_payments_reversals_and_refunds_side_by_side(committed: Database) -> None:
    """Sixteen at a time, by all methods and on two days, in an order that nobody chose: no deadlock, and nothing is lost."""
    isp, _, paid = await till(committed, *[100] * 10)
    customers = [await isp.customer() for _ in range(8)]

    async def patient(work: Any) -> None:
        with suppress(InsufficientCash):
            await work

    methods = itertools.cycle([PaymentMethod.CASH, PaymentMethod.QRIS, PaymentMethod.TRANSFER])
    work = [patient(isp.pay(customer, 10, method=next(methods))) for customer in customers for _ in range(3)]
    work += [patient(isp.pay(customer, 10, method=next(methods), at=JANUARY)) for customer in customers]
    work += [patient(reverse(isp, one)) for one in paid[:5]] + [patient(refund(isp, one)) for one in paid[5:]]
    random.Random(30).shuffle(work)
    turns = asyncio.Semaphore(16)

    async def in_turn(one: Any) -> None:
        async with turns:
            await one

    await asyncio.gather(*(in_turn(one) for one in work))
    assert await isp.value("SELECT sum(received)::bigint FROM daily_takings") == 10 * 100 + 4 * 8 * 10
    await isp.check()


@pytest.mark.parametrize("settings", [[], ["SET LOCAL session_replication_role = replica"]])
async def test_takings_that_are_not_the_sum_are_told(committed: Database, settings: list[str]) -> None:
    """Whoever writes past the triggers is found out; with them nobody can."""
    isp, _, _ = await till(committed, 100)
    refused = None
    try:
        async with isp.write() as session:
            for statement in [*settings, "UPDATE daily_takings SET received = received + 1"]:
                await session.execute(text(statement))
    except Exception as error:  # noqa: BLE001 - looked at below
        refused = str(error)
    assert (refused is None) is bool(settings), refused
    if settings:
        with pytest.raises(AssertionError, match="daily_takings"):
            await isp.check()
    else:
        assert "UPDATE of daily_takings is refused" in str(refused)
        await isp.check()


async def test_takings_of_before_are_carried_over(committed: Database) -> None:
    """The migration sums what the documents say."""
    migration: Any = import_module("sebilling.db.migrations.versions.0032_daily_takings")
    isp, _, paid = await till(committed, 100, 200)
    await isp.pay(await isp.customer(), 70, at=JANUARY, method=PaymentMethod.TRANSFER)
    await reverse(isp, paid[0])
    before = await isp.rows(TAKINGS)
    assert before == [("31 Jan", "TRANSFER", 1, 70, 0), ("03 Feb", "CASH", 2, 300, 100)]
    async with isp.write() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("DELETE FROM daily_takings"))
        await session.execute(text(migration._FILL))
    assert await isp.rows(TAKINGS) == before
