"""Closings beside payments, corrections beside each other, surpluses beside two payments: side by side, one step at a time."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.billing import corrections, deposits, differences, generation, locks, opening, payments, periods, previews, reversals
from sebilling.billing.deposits import DepositType
from sebilling.billing.opening import Opening
from sebilling.billing.payments import PaymentMethod
from sebilling.db.engine import Database
from sebilling.errors import AlreadyCorrected, GenerationRunning, PeriodClosed
from sebilling.ledger_errors import NothingToSettle, PeriodIsOpen
from tests.concurrency.test_drawers import key, outcome
from tests.concurrency.test_locks import waits
from tests.harness import FEBRUARY, NOW, Isp, make_user

LATER = NOW + timedelta(minutes=50)


async def office(database: Database) -> tuple[Isp, Actor]:
    """An ISP with February open, and Siti, who counts."""
    isp = await Isp.make(database)
    async with isp.write() as session:
        siti = Actor(await make_user(session, "siti", Role.FINANCE), "siti", Role.FINANCE, EVERYWHERE)
    await isp.open()
    return isp, siti


async def close(isp: Isp, at: datetime = NOW) -> None:
    async with isp.write(at) as session:
        await periods.close(session, FEBRUARY, incomplete=True)


async def reopen(isp: Isp) -> None:
    async with isp.write() as session:
        await periods.reopen(session, FEBRUARY, reason="salah tutup", key=key())


def cash(customer_id: int, amount: int, **given: Any) -> payments.Received:
    return payments.Received(customer_id=customer_id, amount=amount, method=PaymentMethod.CASH, key=key(), **given)


async def handed_in(isp: Isp, siti: Actor, amount: int) -> int:
    """Verified by Siti: a surplus, as far as the admin's drawer held less."""
    async with isp.write() as session:
        found = await deposits.submit(session, counter_id=isp.counters["LKT01"], amount=amount, type=DepositType.MANUAL, key=key())
    async with isp.database.transaction(actor=siti, at=NOW) as session:
        await deposits.verify(session, found.deposit_id, key=key())
    return found.deposit_id


async def test_a_closing_misses_no_payment_that_is_under_way(committed: Database) -> None:
    isp, _ = await office(committed)
    customer_id = await isp.customer()
    async with isp.write() as session:
        await payments.record(session, cash(customer_id, 70_000))
        closing = await waits(close(isp, LATER))
    await closing
    assert await isp.rows("SELECT total_received, cash_on_hand FROM period_closing_figure") == [(70_000, 70_000)]
    await isp.check()


async def test_a_payment_that_waited_for_a_closing_is_dated_behind_it(committed: Database) -> None:
    isp, _ = await office(committed)
    customer_id = await isp.customer()
    await isp.generate()
    async with isp.write(LATER) as session:
        await periods.close(session, FEBRUARY, incomplete=True)
        paying = await waits(isp.pay(customer_id, 70_000, at=NOW))  # begun before
    await paying
    assert await isp.rows("SELECT total_received, allocated FROM period_closing_figure") == [(0, 0)]
    assert await isp.value("SELECT received_at > closed_at FROM payment, period_closing") is True
    await isp.check()


async def test_a_closing_misses_no_deposit_write_off_or_chunk(committed: Database) -> None:
    isp, siti = await office(committed)
    await isp.customer()
    await isp.generate()
    invoice_id = await isp.value("SELECT id FROM invoice")
    async with isp.write() as session:
        found = await deposits.submit(session, counter_id=isp.counters["LKT01"], amount=5, type=DepositType.MANUAL, key=key())
        first = await waits(close(isp, LATER))
    await first
    async with committed.transaction(actor=siti, at=NOW) as session:  # begun before the closing, and done behind it
        await deposits.verify(session, found.deposit_id, key=key())
    async with isp.write(NOW) as session:
        await corrections.write_off(session, invoice_id, reason="pindah", key=key())
        reopening = asyncio.ensure_future(reopen(isp))
        await reopening
        second = await waits(close(isp, LATER))
    await second
    assert await isp.rows("SELECT awaiting_verification, total_deposited, written_off FROM period_closing_figure ORDER BY closing_id") == [
        (5, 0, 0), (0, 5, 150_000),
    ]  # fmt: skip
    await isp.check()


async def test_opening_balances_and_a_closing_wait_for_each_other_in_one_order(committed: Database) -> None:
    isp, _ = await office(committed)
    customer_id = await isp.customer()

    async def bring_in() -> None:
        async with isp.write() as session:
            await opening.record(session, FEBRUARY, [Opening(customer_id, arrears=1_000)], by=isp.admin.user_id or 0)

    async with isp.write(LATER) as session:
        await locks.closing(session)
        importing = await waits(bring_in())
        await session.execute(text("SET LOCAL lock_timeout = '2s'"))
        await periods.close(session, FEBRUARY, incomplete=True)
    assert isinstance(await outcome(importing), PeriodClosed)
    await isp.check()


async def test_of_two_closings_and_of_two_reopenings_one_holds(committed: Database) -> None:
    isp, _ = await office(committed)
    async with isp.write() as session:
        await periods.close(session, FEBRUARY, incomplete=True)
        second = await waits(close(isp))
    assert isinstance(await outcome(second), PeriodClosed)
    async with isp.write() as session:
        await periods.reopen(session, FEBRUARY, reason="salah tutup", key=key())
        other = await waits(reopen(isp))
    assert isinstance(await outcome(other), PeriodIsOpen)
    await isp.check()


async def test_a_run_waits_for_a_reopening_and_a_reopening_for_a_closing(committed: Database) -> None:
    isp, _ = await office(committed)
    await isp.customer()
    async with isp.write() as session:
        await periods.close(session, FEBRUARY, incomplete=True)
        reopening = await waits(reopen(isp))
    await reopening
    await close(isp)
    async with isp.write() as session:
        await periods.reopen(session, FEBRUARY, reason="salah tutup", key=key())
        running = await waits(isp.generate())
    assert (await running).issued == 1
    await isp.check()


async def test_two_corrections_of_a_deposit_go_one_after_the_other(committed: Database) -> None:
    isp, siti = await office(committed)
    await isp.pay(await isp.customer(), 100_000)
    deposit_id = await handed_in(isp, siti, 100_000)

    async def correct(counted: int) -> None:
        async with committed.transaction(actor=siti, at=NOW) as session:
            await differences.correct(session, deposit_id, counted=counted, reason="salah", key=key())

    async with committed.transaction(actor=siti, at=NOW) as session:
        await differences.correct(session, deposit_id, counted=90_000, reason="salah", key=key())
        second, same = await waits(correct(80_000)), await waits(correct(90_000))
    assert await outcome(second) is None
    refused = await outcome(same)
    assert refused is None or isinstance(refused, AlreadyCorrected), "it finds its own count already there"
    assert await isp.value("SELECT count(*) FROM deposit_correction WHERE counted_before = 100000") == 1
    assert await isp.value("SELECT counted FROM deposit") == (90_000 if refused is None else 80_000)
    await isp.check()


async def test_two_late_payments_share_a_surplus_and_none_is_used_twice(committed: Database) -> None:
    isp, siti = await office(committed)
    await handed_in(isp, siti, 150_000)
    before = {"collected_at": NOW - timedelta(hours=1)}
    first, second = await isp.customer(), await isp.customer()
    async with isp.write(LATER) as session:
        await payments.record(session, cash(first, 100_000, **before))
        other = await waits(isp.pay(second, 100_000, at=LATER, **before))
    await other
    assert await isp.rows("SELECT amount FROM difference_settlement ORDER BY id") == [(100_000,), (50_000,)]
    assert await isp.value("SELECT on_hand FROM drawer") == 50_000
    await isp.check()


async def test_a_payment_and_the_count_of_its_cash_do_not_miss_each_other(committed: Database) -> None:
    isp, siti = await office(committed)
    customer_id = await isp.customer()
    before = {"collected_at": NOW - timedelta(hours=1)}
    async with isp.write() as session:
        found = await deposits.submit(session, counter_id=isp.counters["LKT01"], amount=150_000, type=DepositType.MANUAL, key=key())
    async with committed.transaction(actor=siti, at=NOW) as session:
        await deposits.verify(session, found.deposit_id, key=key())
        paying = await waits(isp.pay(customer_id, 150_000, at=LATER, **before))
    await paying
    assert await isp.rows("SELECT difference, settled FROM deposit") == [(150_000, 150_000)]
    async with isp.write() as session:
        again = await deposits.submit(session, counter_id=isp.counters["LKT01"], amount=150_000, type=DepositType.MANUAL, key=key())

    async def verify() -> None:
        async with committed.transaction(actor=siti, at=LATER) as session:
            await deposits.verify(session, again.deposit_id, key=key())

    async with isp.write(LATER) as session:
        await payments.record(session, cash(customer_id, 150_000, **before))
        verifying = await waits(verify())
    await verifying
    assert await isp.rows("SELECT difference, settled FROM deposit ORDER BY id") == [(150_000, 150_000), (0, 0)]
    await isp.check()


async def test_a_surplus_is_settled_by_hand_or_by_a_payment_not_by_both(committed: Database) -> None:
    isp, siti = await office(committed)
    await handed_in(isp, siti, 100_000)
    customer_id = await isp.customer()
    await isp.pay(customer_id, 100_000)  # recorded as if it were new
    async with isp.write(LATER) as session:
        await payments.record(session, cash(customer_id, 60_000, collected_at=NOW - timedelta(hours=1)))

        async def settle() -> None:
            async with committed.transaction(actor=siti, at=LATER) as other:
                await differences.settle(
                    other, differences.DifferenceKind.SURPLUS, counter_id=isp.counters["LKT01"], collector_id=isp.admin.user_id or 0,
                    amount=100_000, reason="sudah disetor", key=key(),
                )  # fmt: skip

        settling = await waits(settle())
    assert isinstance(await outcome(settling), NothingToSettle)
    await isp.check()


async def _reversed_twice(isp: Isp, first: Awaitable[Any], second: Awaitable[Any]) -> None:
    found = await asyncio.gather(first, second, return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["AlreadyCorrected", "NoneType"], found
    await isp.check()


async def test_of_two_reversals_of_a_write_off_and_of_a_refund_one_holds(committed: Database) -> None:
    isp, _ = await office(committed)
    customer_id = await isp.customer()
    await isp.pay(customer_id, 100_000)
    await isp.generate()
    invoice_id = await isp.value("SELECT id FROM invoice")
    more = await isp.pay(await isp.customer(), 10_000)
    async with isp.write() as session:
        await corrections.write_off(session, invoice_id, reason="pindah", key=key())
        await corrections.refund(session, more.payment_id, method=PaymentMethod.CASH, reason="lebih", key=key())
    written_off, refund = await isp.value("SELECT id FROM write_off"), await isp.value("SELECT id FROM refund")

    async def uncover() -> None:
        async with isp.write() as session:
            await reversals.reverse_write_off(session, written_off, invoice_id=invoice_id, reason="salah", key=key())

    async def take_back() -> None:
        async with isp.write() as session:
            await reversals.reverse_refund(session, refund, payment_id=more.payment_id, reason="salah", key=key())

    await _reversed_twice(isp, uncover(), uncover())
    await _reversed_twice(isp, take_back(), take_back())
    assert await isp.value("SELECT outstanding FROM invoice") == 50_000


async def test_a_closing_is_refused_by_a_run_whose_first_chunk_waits_for_it(committed: Database) -> None:
    isp, _ = await office(committed)
    await isp.customer()
    async with isp.write() as session:
        started = await generation.start(session, FEBRUARY, key=key())

    async def issue() -> None:
        async with isp.write() as session:
            await generation.advance(session, chunk=1_000, run_id=started.run_id)

    async with isp.write(LATER) as session:
        await locks.closing(session)
        issuing = await waits(issue())  # it holds the period's key for its series
        with pytest.raises(GenerationRunning):
            await periods.close(session, FEBRUARY, incomplete=True)
    await issuing
    assert await isp.value("SELECT count(*) FROM invoice") == 1
    await isp.check()


async def test_payments_deposits_and_closings_at_once(committed: Database) -> None:
    """No deadlock, and every closing has kept exactly what was dated before it."""
    isp, siti = await office(committed)
    customers = [await isp.customer() for _ in range(4)]
    await isp.generate()

    async def pay(number: int) -> None:
        await isp.pay(customers[number % 4], 1_000 + number, at=NOW + timedelta(milliseconds=number), collected_at=NOW - timedelta(hours=1))

    async def count(number: int) -> None:
        async with isp.write() as session:
            found = await deposits.submit(session, counter_id=isp.counters["LKT01"], amount=2_000, type=DepositType.MANUAL, key=key())
        async with committed.transaction(actor=siti, at=NOW + timedelta(milliseconds=number)) as session:
            await deposits.verify(session, found.deposit_id, key=key())

    async def shut(number: int) -> None:
        async with isp.write(NOW + timedelta(milliseconds=number)) as session:
            await periods.close(session, FEBRUARY, incomplete=True)
        await reopen(isp)

    async def issue(number: int) -> None:
        await isp.customer()
        async with isp.write() as session:
            await previews.not_invoiced(session, FEBRUARY, at=NOW + timedelta(milliseconds=number), scope=EVERYWHERE)

    works: list[Awaitable[Any]] = [work(number) for number in range(0, 24, 3) for work in (pay, count, shut, issue)]
    found = await asyncio.gather(*works, return_exceptions=True)
    wrong = [one for one in found if isinstance(one, BaseException) and not isinstance(one, PeriodClosed | PeriodIsOpen)]
    assert wrong == []
    await isp.check()
