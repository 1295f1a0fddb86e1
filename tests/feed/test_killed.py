"""Workers that are killed while they number events: no gap, no event twice, none lost, and the chain holds."""

import asyncio
import os
import random
import time

import pytest

from sebilling.db.engine import Database
from tests.feed.relaying import bare, tell
from tests.feed.test_relay import check, ids_in_feed
from tests.processes import WorkerProcess

KILLS = int(os.environ.get("SEBILLING_TEST_FEED_KILLS", "4"))


@pytest.mark.crash
async def test_two_workers_of_which_one_is_killed_again_and_again(committed: Database) -> None:
    chance = random.Random(7)
    running = [WorkerProcess(committed.url) for _ in range(2)]
    expected: list[int] = []
    stop = asyncio.Event()

    async def writes(seed: int) -> None:
        own = random.Random(seed)
        async with bare(committed) as connection:
            while not stop.is_set():
                async with connection.transaction():
                    told = [await tell(connection) for _ in range(own.randrange(1, 20))]
                    await asyncio.sleep(own.random() * 0.02)
                expected.extend(told)

    writing = [asyncio.create_task(writes(seed)) for seed in range(4)]
    moved = 0
    try:
        for _ in range(KILLS):
            before = len(await ids_in_feed(committed))
            await _until_more(committed, before)
            await asyncio.sleep(chance.random() * 0.3)
            running[0].kill()
            running.append(WorkerProcess(committed.url))
            running.pop(0)
            moved += len(await ids_in_feed(committed)) > before
        stop.set()
        await asyncio.gather(*writing)
        await _until_more(committed, len(expected) - 1)
        running[0].stop()
        async with bare(committed) as connection:
            expected.append(await tell(connection))
        await _until_more(committed, len(expected) - 1)  # by the last one, which may only have begun until now
    finally:
        stop.set()
        await asyncio.gather(*writing, return_exceptions=True)
        codes = [one.stop() for one in running]
    assert codes == [0, 0], [one.log for one in running]
    assert sorted(await ids_in_feed(committed)) == sorted(expected)
    assert moved == KILLS
    await check(committed)


async def _until_more(database: Database, before: int) -> None:
    until = time.monotonic() + 30
    while len(await ids_in_feed(database)) <= before:
        assert time.monotonic() < until, "nobody numbers"
        await asyncio.sleep(0.05)
