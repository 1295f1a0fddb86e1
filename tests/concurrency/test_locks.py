"""Who waits for whom, one step at a time: two transactions side by side, so that a missing lock shows every time."""

import asyncio
import uuid
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from sebilling.billing import customers, generation, payments, periods
from sebilling.db.engine import Database
from sebilling.errors import GenerationRunning, PeriodClosed
from tests.harness import FEBRUARY, NOW, Isp

PATIENCE_SECONDS = 0.3
BESIDE = "SELECT customer_id FROM invoice WHERE outstanding > 0 INTERSECT SELECT customer_id FROM payment WHERE credit > 0"


async def waits(work: Awaitable[Any]) -> "asyncio.Task[Any]":
    """Begin the work; it must still be waiting after a moment."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
    assert not done, "it should have waited for the other transaction"
    return task


async def run_of(isp: Isp) -> generation.Started:
    async with isp.write() as session:
        return await generation.start(session, FEBRUARY, counters=None, key=str(uuid.uuid4()))


async def step(isp: Isp, run_id: int, chunk: int) -> bool:
    async with isp.write() as session:
        return await generation.advance(session, chunk=chunk, run_id=run_id)


async def test_a_second_worker_goes_on_where_the_first_has_just_stopped(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.many_customers(8)
    await isp.open()
    started = await run_of(isp)
    async with isp.write() as session:
        await generation.advance(session, chunk=4, run_id=started.run_id)
        second = await waits(step(isp, started.run_id, 4))
    assert await second is False, "nothing of the run is left"
    assert await isp.rows("SELECT done, issued, already_invoiced, finished FROM generation_task") == [(8, 8, 0, True)]
    assert await step(isp, started.run_id, 4) is False
    await isp.check()


async def test_a_worker_takes_no_run_that_another_one_holds(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.many_customers(10)
    await isp.open()
    started = await run_of(isp)
    async with isp.write() as session:
        await generation.advance(session, chunk=4, run_id=started.run_id)
        async with isp.write() as other:
            assert await generation.advance(other, chunk=4) is False
    async with isp.write() as other:
        assert await generation.advance(other, chunk=4) is True


async def test_a_payment_waits_for_the_chunk_that_issues_the_invoice(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()
    started = await run_of(isp)
    async with isp.write() as session:
        await generation.advance(session, chunk=10, run_id=started.run_id)
        payment = await waits(isp.pay(customer_id, 150_000))
    await payment
    assert await isp.rows(BESIDE) == []
    await isp.check()


async def test_a_chunk_waits_for_the_payment_whose_credit_it_must_take(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()
    started = await run_of(isp)
    received = payments.Received(customer_id=customer_id, amount=150_000, method=payments.PaymentMethod.CASH, key="abcdefgh")
    async with isp.write() as session:
        await payments.record(session, received)
        chunk = await waits(step(isp, started.run_id, 10))
    await chunk
    assert await isp.rows(BESIDE) == []
    await isp.check()


async def test_two_runs_at_one_counter_go_one_after_the_other(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.many_customers(5)
    await isp.open()
    first, second = await run_of(isp), await run_of(isp)
    async with isp.write() as session:
        await generation.advance(session, chunk=10, run_id=first.run_id)
        other = await waits(step(isp, second.run_id, 10))
    await other
    assert await isp.rows("SELECT issued, already_invoiced FROM generation_task ORDER BY run_id") == [(5, 0), (0, 5)]
    await isp.check()


async def test_two_payments_of_one_customer_go_one_after_the_other(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate()
    received = payments.Received(customer_id=customer_id, amount=100_000, method=payments.PaymentMethod.CASH, key="abcdefgh")
    async with isp.write() as session:
        await payments.record(session, received)
        other = await waits(isp.pay(customer_id, 100_000))
    await other
    assert await isp.rows("SELECT amount FROM allocation ORDER BY id") == [(100_000,), (50_000,)]
    await isp.check()


async def test_a_customer_stays_at_the_counter_while_their_payment_is_under_way(committed: Database) -> None:
    isp = await Isp.make(committed, "LKT01", "LKT02")
    customer_id = await isp.customer()

    async def move() -> None:
        async with isp.write() as session:
            await customers.update(session, customer_id, counter_id=isp.counters["LKT02"])

    received = payments.Received(customer_id=customer_id, amount=1, method=payments.PaymentMethod.CASH, key="abcdefgh")
    async with isp.write() as session:
        await payments.record(session, received)
        moving = await waits(move())
    await moving


async def test_the_same_key_waits_for_the_first_and_gets_its_payment(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    received = payments.Received(customer_id=customer_id, amount=1, method=payments.PaymentMethod.CASH, key="abcdefgh")
    async with isp.write() as session:
        first = await payments.record(session, received)
        again = await waits(isp.pay(customer_id, 1, key="abcdefgh"))
    assert (await again) == payments.Recorded(first.payment_id, replayed=True)


async def test_closing_waits_for_a_run_that_starts_and_a_run_for_the_closing(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.customer()
    await isp.open()

    async def close() -> None:
        async with isp.write() as session:
            await periods.close(session, FEBRUARY, incomplete=True)

    async with isp.write() as session:
        started = await generation.start(session, FEBRUARY, counters=None, key="just-starting")
        closing = await waits(close())
    outcome = (await asyncio.gather(closing, return_exceptions=True))[0]
    assert isinstance(outcome, GenerationRunning)
    await step(isp, started.run_id, 10)
    async with isp.write() as session:
        await periods.close(session, FEBRUARY, incomplete=True)
        starting = await waits(run_of(isp))
    outcome = (await asyncio.gather(starting, return_exceptions=True))[0]
    assert isinstance(outcome, PeriodClosed)


async def test_a_customer_moves_before_a_run_starts_or_not_at_all(committed: Database) -> None:
    isp = await Isp.make(committed, "LKT01", "LKT02")
    customer_id = await isp.customer()
    await isp.open()

    async with isp.write() as session:
        await customers.update(session, customer_id, counter_id=isp.counters["LKT02"])
        starting = await waits(run_of(isp))
    await generation.work(isp.write, run_id=(await starting).run_id, chunk=10)
    assert await isp.rows("SELECT code, total FROM generation_task JOIN counter ON counter.id = counter_id ORDER BY 1") == [
        ("LKT01", 0), ("LKT02", 1),
    ]  # fmt: skip
    assert await isp.value("SELECT count(*) FROM invoice") == 1
    await isp.check()


async def test_a_closing_that_waited_is_dated_behind_what_it_waited_for(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.customer()
    await isp.open()
    later = NOW + timedelta(seconds=5)

    async def close() -> None:
        async with isp.write(NOW) as session:
            await periods.close(session, FEBRUARY, incomplete=True)

    async with isp.write(later) as session:
        started = await generation.start(session, FEBRUARY, counters=None, key="asked-later")
        await generation.advance(session, chunk=10, run_id=started.run_id)
        closing = await waits(close())
    await closing
    assert await isp.value("SELECT closed_at FROM period") == later
    await isp.check()
