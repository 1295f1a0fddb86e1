"""What leaves a drawer goes one after the other, and so do the numbers of a counter's receipts."""

import asyncio
import itertools
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.billing import corrections, deposits, payments
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.db.engine import Database
from sebilling.errors import AlreadyDecided
from sebilling.ledger_errors import InsufficientCash
from tests.concurrency.test_locks import waits
from tests.harness import NOW, Isp, make_user

_numbers = itertools.count(10_000_000)


def key() -> str:
    return str(next(_numbers))


async def till(database: Database, *amounts: int, method: PaymentMethod = PaymentMethod.CASH) -> tuple[Isp, Actor, list[int]]:
    """An ISP whose admin has received these amounts, one customer each; Siti, who counts; the payments."""
    isp = await Isp.make(database)
    async with isp.write() as session:
        siti = Actor(await make_user(session, "siti", Role.FINANCE), "siti", Role.FINANCE, EVERYWHERE)
    paid = [(await isp.pay(await isp.customer(), amount, method=method)).payment_id for amount in amounts]
    return isp, siti, paid


async def submit(isp: Isp, amount: int) -> deposits.Submitted:
    async with isp.write() as session:
        return await deposits.submit(session, counter_id=isp.counters["LKT01"], amount=amount, type=DepositType.MANUAL, key=key())


async def verify(isp: Isp, siti: Actor, deposit_id: int) -> None:
    async with isp.database.transaction(actor=siti, at=NOW) as session:
        await deposits.verify(session, deposit_id, key=key())


async def reverse(isp: Isp, payment_id: int) -> None:
    async with isp.write() as session:
        await corrections.reverse_payment(session, payment_id, reason="salah orang", key=key())


async def refund(isp: Isp, payment_id: int) -> None:
    async with isp.write() as session:
        await corrections.refund(session, payment_id, method=PaymentMethod.CASH, reason="kelebihan", key=key())


async def outcome(task: "asyncio.Task[Any]") -> Any:
    return (await asyncio.gather(task, return_exceptions=True))[0]


async def test_of_two_verifiers_the_second_hears_that_it_is_decided(committed: Database) -> None:
    isp, siti, _ = await till(committed, 150_000)
    deposit = await submit(isp, 100_000)
    async with committed.transaction(actor=siti, at=NOW) as session:
        await deposits.verify(session, deposit.deposit_id, key=key())
        second = await waits(verify(isp, siti, deposit.deposit_id))
    assert isinstance(await outcome(second), AlreadyDecided)
    await isp.check()


async def test_the_second_deposit_finds_what_the_first_has_left(committed: Database) -> None:
    isp, siti, _ = await till(committed, 150_000)
    first, second = await submit(isp, 100_000), await submit(isp, 100_000)
    assert second.more_than_on_hand == 50_000
    async with committed.transaction(actor=siti, at=NOW) as session:
        await deposits.verify(session, first.deposit_id, key=key())
        verifying = await waits(verify(isp, siti, second.deposit_id))
    await verifying
    assert await isp.rows("SELECT difference FROM deposit_decision ORDER BY deposit_id") == [(0,), (50_000,)]
    assert await isp.value("SELECT on_hand FROM drawer") == 0
    await isp.check()


async def test_a_reversal_waits_for_the_deposit_that_takes_its_cash(committed: Database) -> None:
    isp, siti, (payment_id,) = await till(committed, 150_000)
    deposit = await submit(isp, 150_000)
    async with committed.transaction(actor=siti, at=NOW) as session:
        await deposits.verify(session, deposit.deposit_id, key=key())
        reversing = await waits(reverse(isp, payment_id))
    assert isinstance(await outcome(reversing), InsufficientCash)
    await isp.check()


async def test_a_reversal_waits_for_the_rejection_that_leaves_its_cash(committed: Database) -> None:
    isp, siti, (payment_id,) = await till(committed, 150_000)
    deposit = await submit(isp, 150_000)
    async with committed.transaction(actor=siti, at=NOW) as session:
        await deposits.reject(session, deposit.deposit_id, reason="belum", key=key())
        reversing = await waits(reverse(isp, payment_id))
    await reversing
    assert await isp.rows("SELECT on_hand FROM drawer WHERE on_hand > 0") == []
    await isp.check()


async def test_two_refunds_do_not_take_the_same_cash(committed: Database) -> None:
    isp, _, _ = await till(committed, 150_000)
    waiting = [(await isp.pay(await isp.customer(), 100_000, method=PaymentMethod.QRIS)).payment_id for _ in range(2)]
    async with isp.write() as session:
        await corrections.refund(session, waiting[0], method=PaymentMethod.CASH, reason="kelebihan", key=key())
        second = await waits(refund(isp, waiting[1]))
    assert isinstance(await outcome(second), InsufficientCash)
    assert await isp.value("SELECT on_hand FROM drawer") == 50_000
    await isp.check()


async def test_a_deposit_is_told_what_another_one_has_named_already(committed: Database) -> None:
    isp, _, _ = await till(committed, 150_000)
    async with isp.write() as session:
        await deposits.submit(session, counter_id=isp.counters["LKT01"], amount=100_000, type=DepositType.MANUAL, key=key())
        second = await waits(submit(isp, 100_000))
    assert (await second).more_than_on_hand == 50_000


async def test_a_receipt_is_numbered_in_the_month_of_its_counter(committed: Database) -> None:
    isp = await Isp.make(committed)
    at = datetime(2026, 1, 31, 17, 30, tzinfo=UTC)  # half past midnight of 1 February in Jakarta
    await isp.pay(await isp.customer(), 1, at=at)
    assert await isp.value("SELECT number FROM receipt") == "KW/2026-02/LKT01/000001"


async def test_receipts_of_one_counter_are_numbered_one_after_the_other(committed: Database) -> None:
    isp, _, _ = await till(committed)
    first = payments.Received(customer_id=await isp.customer(), amount=1, method=PaymentMethod.CASH, key=key())
    other = await isp.customer()
    async with isp.write() as session:
        await payments.record(session, first)
        second = await waits(isp.pay(other, 1))
    await second
    assert await isp.rows("SELECT sequence FROM receipt ORDER BY payment_id") == [(1,), (2,)]
    await isp.check()


async def test_the_receipt_of_a_payment_that_was_not_to_be_leaves_no_gap(committed: Database) -> None:
    isp, _, _ = await till(committed)
    first = payments.Received(customer_id=await isp.customer(), amount=1, method=PaymentMethod.CASH, key=key())
    other = await isp.customer()
    with suppress(ZeroDivisionError):
        async with isp.write() as session:
            await payments.record(session, first)
            second = await waits(isp.pay(other, 1))
            raise ZeroDivisionError
    await second
    assert await isp.rows("SELECT sequence, customer_id FROM receipt JOIN payment ON payment.id = payment_id") == [(1, other)]
    await isp.check()
