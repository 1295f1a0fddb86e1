"""Whatever dies on the way, a subscriber that resumes sees each event once, in order."""

import asyncio
import contextlib
import functools
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage

from sebilling.db.databases import create_database
from sebilling.db.embedded import embedded_database
from sebilling.db.engine import Database
from sebilling.db.migrate import migrate
from sebilling.errors import Unavailable
from sebilling.schema.feed_subscription import cursor
from tests.db.test_embedded import postmaster_pid
from tests.harness import SECRET_KEY, Isp
from tests.live.watching import EVENTS, SECONDS, token_of, watching
from tests.processes import ServerProcess, WorkerProcess

SETTINGS = {"SEBILLING_INLINE_WORKER": "false", "SEBILLING_SECRET_KEY": SECRET_KEY}


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server of PostgreSQL that may be killed: its supervisor brings it back."""
    folder = tmp_path_factory.mktemp("live")
    for one in (folder, folder.parent):
        one.chmod(0o711)
    with embedded_database(folder / "postgres", own=True) as url:
        yield url, folder / "postgres"


class Subscriber:
    """Follows all payments, whatever happens to its line, server or database."""

    def __init__(self, places: list[ServerProcess], token: str, chance: random.Random) -> None:
        self.places = places
        self.token = token
        self.chance = chance
        self.seen: list[int] = []
        self.cursor = cursor(0)
        self.lost = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidMessage, TimeoutError, EOFError, AssertionError, asyncio.QueueEmpty):
                await self._follow()
            self.lost += 1
            await asyncio.sleep(0.1)

    async def _follow(self) -> None:
        place = self.chance.choice(self.places)
        async with asyncio.timeout(10 + SECONDS), watching(place.address, self.token, open_timeout=3) as watcher:
            await watcher.subscribe(EVENTS, after=self.cursor, kinds=["payment.recorded"])
            until = time.monotonic() + self.chance.uniform(0.3, 3)  # then the line is cut
            while time.monotonic() < until:
                if watcher.reading.done() and watcher.came["1"].empty():
                    return
                with contextlib.suppress(TimeoutError):
                    event = await watcher.next(within=0.2)
                    self.seen.append(int(event["eventId"]))
                    self.cursor = event["cursor"]


async def pay_on(isp: Isp, customers: list[int]) -> None:
    """Payments, until cancelled; a database that is away is waited for."""
    while True:
        with contextlib.suppress(Unavailable):
            await isp.pay(random.choice(customers), 1_000)
        await asyncio.sleep(0.02)


def killed(place: str, *, folder: Path, apis: list[ServerProcess], work: list[WorkerProcess], url: str, chance: random.Random) -> None:
    """One of them dies at once, and another takes its place."""
    if place == "database":
        with contextlib.suppress(OSError, ValueError):  # it is just being brought back
            os.kill(postmaster_pid(folder), signal.SIGKILL)
    elif place == "worker":
        work[0].kill()
        work[0] = WorkerProcess(url, **SETTINGS)
    else:
        number = chance.randrange(len(apis))
        apis[number].kill()
        apis[number] = ServerProcess(url, **SETTINGS)


@pytest.mark.crash
async def test_no_event_is_missed_and_none_comes_twice_whatever_is_killed(own_server: tuple[str, Path]) -> None:
    server, folder = own_server
    chance = random.Random(int(os.environ.get("SEBILLING_TEST_LIVE_SEED", "1")))
    url = await create_database(server, "killed")
    await migrate(url)
    database = Database(url)
    isp = await Isp.make(database)
    customers = [await isp.customer() for _ in range(10)]
    apis, work = [ServerProcess(url, **SETTINGS) for _ in range(2)], [WorkerProcess(url, **SETTINGS)]
    try:
        token = await token_of(apis[0].address)
        subscribers = [Subscriber(apis, token, random.Random(number)) for number in range(5)]
        following = [asyncio.create_task(one.run()) for one in subscribers]
        paying = asyncio.create_task(pay_on(isp, customers))
        until, places = time.monotonic() + SECONDS, ["database", "api", "worker"]
        while places or time.monotonic() < until:
            await asyncio.sleep(chance.uniform(0.5, 1.5))
            place = places.pop() if places else chance.choice(["database", "api", "worker"])
            await asyncio.to_thread(functools.partial(killed, place, folder=folder, apis=apis, work=work, url=url, chance=chance))
        await asyncio.sleep(1)
        paying.cancel()
        await asyncio.gather(paying, return_exceptions=True)
        wanted = await _until_numbered(isp)
        for _ in range(300):
            await asyncio.sleep(0.2)
            if all(len(one.seen) >= len(wanted) for one in subscribers):
                break
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        assert all(one.seen == wanted for one in subscribers), [(len(one.seen), len(set(one.seen)), len(wanted)) for one in subscribers]
        assert all(one.lost > 0 for one in subscribers)
        assert len(wanted) > 10
        sys.stdout.write(f"{len(wanted)} events, {[one.lost for one in subscribers]} lines lost\n")
    finally:
        for api in apis:
            api.kill()
        work[0].kill()
        await database.close()


async def _until_numbered(isp: Isp) -> list[int]:
    """The ids of all payments' events in the feed's order, when the relay has numbered them."""
    for _ in range(300):
        with contextlib.suppress(Unavailable):
            numbered = await isp.rows(
                "SELECT event_id FROM feed JOIN event ON event.id = event_id WHERE kind = 'payment.recorded' ORDER BY number"
            )
            (written,) = await isp.rows("SELECT count(*) FROM event WHERE kind = 'payment.recorded'")
            if len(numbered) == written[0]:
                return [row[0] for row in numbered]
        await asyncio.sleep(0.2)
    raise AssertionError("the relay doesn't go on")
