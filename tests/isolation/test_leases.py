"""A device is one worker's at a time, and is let go of at once when the worker, or its connection, is gone."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sebilling.db.engine import Database
from sebilling.db.leases import HOLD_SECONDS, Leases
from sebilling.errors import DatabaseUnavailable
from tests.harness import Isp

_HOLD = """
import asyncio, sys
from sebilling.db.leases import Leases
async def main():
    async with Leases(sys.argv[1], space=4).hold(7) as mine:
        print(mine, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@asynccontextmanager
async def _leases(database: Database, count: int) -> AsyncIterator[list[Leases]]:
    made = [Leases(database.url, space=4) for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            await one.close()


async def _drop_holder(isp: Isp) -> None:
    await isp.rows("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 4 AND objid = 7")


async def test_one_at_a_time_whoever_asks(committed: Database) -> None:
    async with _leases(committed, 2) as (one, other):
        async with one.hold(7) as mine, other.hold(7) as theirs, one.hold(7) as again, other.hold(8) as another:
            assert (mine, theirs, again, another) == (True, False, False, True)
            assert one.held == {7}
        async with other.hold(7) as theirs:
            assert theirs
        assert one.held == other.held == frozenset()


async def test_a_lost_connection_breaks_off_what_is_done_under_it(committed: Database) -> None:
    isp = await Isp.make(committed)
    seen: list[object] = []

    async def work(leases: Leases) -> None:
        async with leases.hold(7) as mine:
            seen.append(mine)
            await _drop_holder(isp)
            await asyncio.sleep(30)
            seen.append("it went on without its lease")

    async with _leases(committed, 2) as (one, other):
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            await work(one)
        assert time.monotonic() - began < HOLD_SECONDS / 2, "at once, not when the lease would have run out by itself"
        assert seen == [True]
        async with other.hold(7) as theirs:
            assert theirs
        async with one.hold(7) as mine:
            assert mine, "it connects again"


async def test_what_is_taken_at_once_after_a_connection_ended_is_kept(committed: Database) -> None:
    async with _leases(committed, 1) as (one,):
        for _ in range(5):
            async with one.hold(7) as mine:
                assert mine
            await one.close()
            async with one.hold(7) as mine:
                assert mine
                await asyncio.sleep(0.1)  # the end of the connection before is heard now


async def test_closing_breaks_off_what_is_done(committed: Database) -> None:
    async def work(leases: Leases) -> None:
        async with leases.hold(7):
            await leases.close()
            await asyncio.sleep(30)

    async with _leases(committed, 1) as (one,):
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            await work(one)
        assert time.monotonic() - began < HOLD_SECONDS / 2


async def test_an_error_inside_stays_that_error_and_lets_go(committed: Database) -> None:
    async with _leases(committed, 2) as (one, other):
        with pytest.raises(TimeoutError, match="the driver's own"):
            async with one.hold(7):
                raise TimeoutError("the driver's own")
        async with other.hold(7) as theirs:
            assert theirs


async def test_who_is_killed_lets_go_at_once(committed: Database) -> None:
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", _HOLD, committed.url, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"True\n"
    async with _leases(committed, 1) as (other,):
        async with other.hold(7) as theirs:
            assert not theirs
        holder.kill()
        await holder.wait()
        for _ in range(100):
            async with other.hold(7) as theirs:
                if theirs:
                    return
            await asyncio.sleep(0.02)
    raise AssertionError("two seconds later it is still held")


async def test_no_database_is_said_so(committed: Database) -> None:
    nowhere = Leases(committed.url.replace("host=", "host=/nowhere"), space=4)
    with pytest.raises(DatabaseUnavailable):
        async with nowhere.hold(7):
            raise AssertionError("held without a database")
