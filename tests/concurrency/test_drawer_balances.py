"""Balances of drawers are what the documents add up to, whoever moves cash beside whom, and hold nobody up."""

import asyncio
import itertools
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.billing import corrections, deposits, payments, periods
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.db.engine import Database
from sebilling.ledger_errors import InsufficientCash
from tests.concurrency.test_drawers import refund, reverse, submit, till, verify
from tests.harness import FEBRUARY, NOW, Isp

_numbers = itertools.count(20_000_000)
JANUARY = datetime(2026, 1, 31, 10, tzinfo=UTC)
"""Of another month, so that its receipt is of another series."""
SOON_SECONDS = 5


def cash(customer_id: int, amount: int = 1, **details: Any) -> payments.Received:
    return payments.Received(
        customer_id=customer_id, amount=amount, method=PaymentMethod.CASH, key=f"key-{next(_numbers)}", **details
    )  # fmt: skip


async def on_hand(isp: Isp) -> int:
    return int(await isp.value("SELECT coalesce(sum(on_hand), 0)::bigint FROM drawer"))


async def test_cash_of_one_drawer_waits_for_no_other(committed: Database) -> None:
    """Payments wait for the numbers of their receipts, and for nothing else."""
    isp, _, _ = await till(committed)
    first, second = await isp.customer(), await isp.customer()
    async with isp.write(JANUARY) as session:
        await payments.record(session, cash(first))
        await asyncio.wait_for(isp.pay(second, 2), SOON_SECONDS)
        assert await on_hand(isp) == 2, "what isn't committed is in no drawer"
    assert await on_hand(isp) == 3
    await isp.check()


async def test_cash_that_uses_a_surplus_holds_no_other_up(committed: Database) -> None:
    """The surplus is moved before the receipt has its number: were the drawer locked by it, payments could wait in a circle."""
    isp, siti, _ = await till(committed)
    await verify(isp, siti, (await submit(isp, 100)).deposit_id)
    assert await isp.rows("SELECT difference, on_hand FROM drawer") == [(100, 0)]
    first, second = await isp.customer(), await isp.customer()
    async with isp.write(JANUARY) as session:
        await payments.record(session, cash(first, 30, collected_at=JANUARY - timedelta(hours=1)))
        await asyncio.wait_for(isp.pay(second, 2), SOON_SECONDS)
    assert await isp.rows("SELECT received, difference, on_hand FROM drawer") == [(32, 70, 2)]
    await isp.check()


async def test_a_reversal_that_reopens_a_surplus_may_take_its_cash(committed: Database) -> None:
    """The cash is in the drawer again by the same transaction that takes it out."""
    isp, siti, _ = await till(committed)
    await verify(isp, siti, (await submit(isp, 100)).deposit_id)
    paid = await isp.pay(await isp.customer(), 100, collected_at=NOW - timedelta(hours=1))
    assert await on_hand(isp) == 0
    await reverse(isp, paid.payment_id)
    assert await isp.rows("SELECT received, difference, on_hand FROM drawer") == [(0, 100, 0)]
    await isp.check()


async def test_what_is_undone_moves_no_drawer(committed: Database) -> None:
    isp, _, (paid,) = await till(committed, 150)
    customer_id = await isp.customer()
    with suppress(ZeroDivisionError):
        async with isp.write() as session:
            await payments.record(session, cash(customer_id, 7))
            await corrections.reverse_payment(session, paid, reason="salah orang", key="reversed-0")
            raise ZeroDivisionError
    assert await on_hand(isp) == 150
    await isp.check()


async def test_payments_refunds_reversals_and_deposits_side_by_side(committed: Database) -> None:
    """Sixteen at a time, in an order that nobody chose: no deadlock, and every rupiah is where the documents say."""
    isp, siti, paid = await till(committed, *[100] * 12)
    customers = [await isp.customer() for _ in range(8)]
    waiting = [(await submit(isp, 50)).deposit_id for _ in range(4)]

    async def patient(work: Any) -> None:
        with suppress(InsufficientCash):
            await work

    work = [patient(isp.pay(customer, 10)) for customer in customers for _ in range(3)]
    work += [patient(isp.pay(customer, 10, collected_at=NOW - timedelta(hours=1))) for customer in customers]
    work += [patient(reverse(isp, one)) for one in paid[:4]] + [patient(refund(isp, one)) for one in paid[4:8]]
    work += [patient(verify(isp, siti, one)) for one in waiting] + [patient(submit(isp, 25)) for _ in range(4)]
    random.Random(25).shuffle(work)
    turns = asyncio.Semaphore(16)

    async def in_turn(one: Any) -> None:
        async with turns:
            await one

    await asyncio.gather(*(in_turn(one) for one in work))
    assert await isp.value("SELECT count(*) FROM drawer WHERE received > 0 AND refunded > 0 AND deposited > 0 AND waiting > 0") == 1
    await isp.check()


@pytest.mark.parametrize("settings", [[], ["SET LOCAL session_replication_role = replica"]])
async def test_a_balance_that_is_not_the_sum_is_told(committed: Database, settings: list[str]) -> None:
    """Whoever writes past the triggers is found out; with them nobody can."""
    isp, _, _ = await till(committed, 100)
    refused = None
    try:
        async with isp.write() as session:
            for statement in [*settings, "UPDATE drawer_balance SET received = received + 1"]:
                await session.execute(text(statement))
    except Exception as error:  # noqa: BLE001 - looked at below
        refused = str(error)
    assert (refused is None) is bool(settings), refused
    if settings:
        with pytest.raises(AssertionError, match="drawer_balances"):
            await isp.check()
    else:
        assert "UPDATE of drawer_balance is refused" in str(refused)
        await isp.check()


async def test_drawers_of_before_are_carried_over(committed: Database) -> None:
    """The migration sums what the documents say."""
    migration: Any = import_module("sebilling.db.migrations.versions.0028_drawer_balances")
    isp, siti, paid = await till(committed, 100, 200, 300)
    await reverse(isp, paid[0])
    await refund(isp, paid[1])
    async with isp.write() as session:
        await corrections.refund(session, paid[2], method=PaymentMethod.QRIS, reason="kelebihan", key="by-transfer", amount=1)
        await deposits.submit(session, counter_id=isp.counters["LKT01"], amount=20, type=DepositType.MANUAL, key="waits-on")
    await verify(isp, siti, (await submit(isp, 350)).deposit_id)
    before = await isp.rows("SELECT * FROM drawer")
    assert before == [(isp.counters["LKT01"], isp.admin.user_id, 500, 200, 350, 50, 20, 0)]
    async with isp.write() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("DELETE FROM drawer_balance"))
        await session.execute(text(migration._FILL))
    assert await isp.rows("SELECT * FROM drawer") == before
    await isp.check()


async def test_a_closing_keeps_no_cash_that_is_dated_after_it(committed: Database) -> None:
    """Another server's clock was ahead: such documents are in the balances already, and in no figure of the closing."""
    isp, siti, (paid, returned) = await till(committed, 100, 30)
    await isp.open(FEBRUARY)
    ahead = NOW + timedelta(minutes=1)
    await isp.pay(await isp.customer(), 7, at=ahead)
    async with isp.write(ahead) as session:
        await corrections.reverse_payment(session, returned, reason="salah orang", key="reversed-ahead")
        await corrections.refund(session, paid, method=PaymentMethod.CASH, reason="kelebihan", key="refunded-ahead", amount=5)
    deposit = await submit(isp, 40)
    async with committed.transaction(actor=siti, at=ahead) as session:
        await deposits.verify(session, deposit.deposit_id, key="verified-ahead")
    async with isp.write() as session:
        await periods.close(session, FEBRUARY, incomplete=True)
    assert await isp.rows("SELECT cash_on_hand FROM period_closing_figure") == [(130,)]
    assert await on_hand(isp) == 100 + 7 - 5 - 40
    await isp.check()
