"""Pauses and ends of service beside generation: which came first is decided by locks, one step at a time, with real commits."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.billing import end_of_service, generation, settings, suspensions
from sebilling.billing.isolation import blocks, sweep
from sebilling.customer_errors import AlreadyPaused
from sebilling.db.engine import Database, WriteSession
from tests.concurrency.test_locks import run_of, step, waits
from tests.harness import FEBRUARY, NOW, Isp
from tests.rules.world import _ACCESS, _DEVICE

FIRST = date(2026, 2, 1)
ENDS = "SELECT kind, from_on, until_on FROM suspension"
COVERED = "SELECT covers_from, covers_until FROM invoice"


async def _pause(session: WriteSession, customer_id: int) -> None:
    await suspensions.pause(session, customer_id, from_on=FIRST, reason="pulang kampung")


async def _end(session: WriteSession, customer_id: int) -> None:
    await end_of_service.end(session, customer_id, on=NOW.date() + timedelta(days=1), reason="pindah kota")


Deed = Callable[[WriteSession, int], Awaitable[None]]


async def alone(isp: Isp, deed: Deed, customer_id: int) -> None:
    async with isp.write() as session:
        await deed(session, customer_id)


@pytest.mark.parametrize("deed", [_pause, _end])
async def test_it_waits_for_the_chunk_that_issues_the_invoice(committed: Database, deed: Deed) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()
    started = await run_of(isp)
    async with isp.write(NOW + timedelta(seconds=1)) as session:  # begun later, and yet first
        await generation.advance(session, chunk=10, run_id=started.run_id)
        task = await waits(alone(isp, deed, customer_id))
    await task
    assert await isp.rows(COVERED) == [(FIRST, date(2026, 3, 1))], "issued before, and it stays"
    await isp.check()


@pytest.mark.parametrize(("deed", "covered"), [(_pause, []), (_end, [(FIRST, NOW.date() + timedelta(days=1))])])
async def test_the_chunk_waits_for_it_and_sees_it(committed: Database, deed: Deed, covered: list[Any]) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()
    started = await run_of(isp)
    async with isp.write() as session:
        await deed(session, customer_id)
        task = await waits(step(isp, started.run_id, 10))
    await task
    assert await isp.rows(COVERED) == covered
    await isp.check()


async def test_of_two_pauses_at_once_one_is_refused(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    async with isp.write() as session:
        await _pause(session, customer_id)
        task = await waits(alone(isp, _pause, customer_id))
    with pytest.raises(AlreadyPaused):
        await task
    assert len(await isp.rows(ENDS)) == 1


async def _blocked_for_long(isp: Isp) -> int:
    """Blocked by hand ten days ago, which the router has carried out; after ten days one is paused."""
    customer_id = await isp.customer()
    async with isp.write(NOW - timedelta(days=10)) as session:
        await session.execute(_ACCESS, {"device": await session.value(_DEVICE, {"at": NOW}), "at": session.at})
        await blocks.block(session, customer_id, reason="pindah")
        await session.execute(text("UPDATE service_access SET actual = desired, observed_generation = desired_generation"))
        await settings.change(session, pause_after_blocked_days=10)
    return customer_id


async def _sweep(isp: Isp, _customer_id: int = 0) -> sweep.Decided:
    async with isp.write() as session:
        return await sweep.decide(session)


async def test_the_sweep_waits_for_the_chunk(committed: Database) -> None:
    isp = await Isp.make(committed)
    await _blocked_for_long(isp)
    await isp.open()
    started = await run_of(isp)
    async with isp.write(NOW + timedelta(seconds=1)) as session:
        await generation.advance(session, chunk=10, run_id=started.run_id)
        task = await waits(_sweep(isp))
    assert (await task).paused == 1
    assert await isp.rows(COVERED) == [(FIRST, date(2026, 3, 1))]
    await isp.check()


async def test_the_chunk_waits_for_the_sweep(committed: Database) -> None:
    isp = await Isp.make(committed)
    await _blocked_for_long(isp)
    await isp.open()
    started = await run_of(isp)
    async with isp.write() as session:
        assert (await sweep.decide(session)).paused == 1
        task = await waits(step(isp, started.run_id, 10))
    await task
    assert await isp.rows(COVERED) == [(FIRST, NOW.date())], "billed until the pause"
    await isp.check()


async def test_a_pause_by_hand_and_the_sweep_make_one(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await _blocked_for_long(isp)
    async with isp.write() as session:
        await _pause(session, customer_id)
        assert (await _sweep(isp)).paused == 0, "the customer is being changed: left to the next sweep"
    assert (await _sweep(isp)).paused == 0
    assert [row[0] for row in await isp.rows(ENDS)] == ["PAUSED"]


async def test_a_restore_ends_the_pause_that_the_sweep_made(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await _blocked_for_long(isp)
    await _sweep(isp)
    later = NOW + timedelta(days=40)
    async with isp.write(later) as session:
        await blocks.restore(session, customer_id, reason="kembali")
    assert await isp.rows(ENDS) == [("BLOCKED", NOW.date(), later.date())]
    await isp.open()
    async with isp.write(later) as session:
        started = await generation.start(session, FEBRUARY, key=str(uuid.uuid4()))
        await generation.advance(session, chunk=10, run_id=started.run_id)
    assert await isp.rows(COVERED) == [(FIRST, NOW.date())]
    await isp.check()
