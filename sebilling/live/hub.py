"""The hub: one reader of the feed per process, for every subscription in it.

It reads behind the last number when the relay's NOTIFY comes, and once a second whether one comes or not: a hint that is lost, or a
connection that is silently dead, costs a second and no event. A database that is away is waited for, and the reading goes on behind
the same number, so that nothing is missed and nothing comes twice.
"""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from sebilling import feed
from sebilling.db.engine import Database, connect_alone
from sebilling.errors import DatabaseUnavailable, Unavailable
from sebilling.feed import Numbered, Stretch
from sebilling.logs import get_logger

_log = get_logger(__name__)
LOOK_SECONDS: Final = 1.0
"""How often it looks without being told."""
_RETRY_SECONDS: Final = 0.5
_READ_SECONDS: Final = 10.0
_START_SECONDS: Final = 10.0
_KEPT: Final = 5_000
"""Events that are kept in memory; who is behind them is served from the database."""
_USERS: Final = "app_user"


class Hub:
    """Where the feed stands, and its last events. `close` it at the end; it starts with the first who needs it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.number = 0
        """Up to which the feed was read."""
        self._floor = 0
        self._kept: list[Numbered] = []
        self._moved = asyncio.Event()
        self._hint = asyncio.Event()
        self._known = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._watchers: defaultdict[int, set[Callable[[], None]]] = defaultdict(set)

    async def ready(self) -> int:
        """Start if nobody has; gives the number up to which the feed is read. Raises DatabaseUnavailable."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._listen())]
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._known.wait()
        except TimeoutError as error:
            raise DatabaseUnavailable(why="the feed can't be read") from error
        return self.number

    async def close(self) -> None:
        """End the reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def beyond(self, number: int) -> None:
        """Wait until something was read behind `number`."""
        while self.number <= number:
            await self._moved.wait()

    async def after(self, number: int, most: int = feed.MOST) -> Stretch:
        """What lies behind `number` and was read: at most `most` (1,000) numbers. Raises DatabaseUnavailable.

        Never more than what was read: whoever is in it has been told of changed rights first.
        """
        if number >= self._floor:
            start = bisect_right(self._kept, number, key=lambda event: event.number)
            events = self._kept[start : start + most]
            upto = events[-1].number if len(events) == most else max(number, self.number)
            return Stretch(events, upto, len(events))
        async with self._database.reading() as session:
            found = await feed.after(session, number, most)
        limit = self.number
        return Stretch([event for event in found.events if event.number <= limit], min(found.upto, limit), found.looked_at)

    async def head(self) -> int:
        """The end of the feed now, whatever was read of it. Raises DatabaseUnavailable."""
        async with self._database.reading() as session:
            return (await feed.head(session)).number

    def watch(self, user_id: int, tell: Callable[[], None]) -> Callable[[], None]:
        """Call `tell` when something happens to this user or their tokens, before anybody is given what comes behind it.

        Gives a function that ends it.
        """
        self._watchers[user_id].add(tell)

        def end() -> None:
            self._watchers[user_id].discard(tell)
            if not self._watchers[user_id]:
                del self._watchers[user_id]

        return end

    async def _read(self) -> None:
        is_away = False
        while True:
            self._hint.clear()
            try:
                async with asyncio.timeout(_READ_SECONDS):
                    found = await self._more()
            except (Unavailable, TimeoutError, SQLAlchemyError) as error:
                if not is_away:
                    _log.warning("feed_away", why=str(error) or type(error).__name__)
                is_away = True
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if is_away:
                _log.info("feed_back", number=self.number)
            is_away = False
            if found < feed.MOST:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._hint.wait()

    async def _more(self) -> int:
        """Read once; gives how many numbers were new."""
        async with self._database.reading() as session:
            if not self._known.is_set():
                self.number = self._floor = (await feed.head(session)).number
                self._known.set()
                return 0
            found = await feed.after(session, self.number)
        if found.upto > self.number:
            self._kept += found.events
            if len(self._kept) > 2 * _KEPT:
                del self._kept[:-_KEPT]
                self._floor = self._kept[0].number - 1
            for event in found.events:
                if event.subject == _USERS and event.subject_id in self._watchers:
                    for tell in list(self._watchers[event.subject_id]):
                        tell()
            self.number = found.upto
            self._moved.set()
            self._moved = asyncio.Event()
        return found.looked_at

    async def _listen(self) -> None:
        """Keep a connection on which the relay's hints come."""
        while True:
            with suppress(Unavailable, SQLAlchemyError, OSError):
                await self._hear()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _hear(self) -> None:
        """Listen until the connection is lost. Raises DatabaseUnavailable."""
        connection = await connect_alone(self._database.url)
        lost = asyncio.Event()
        try:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _: lost.set())
            await driver.add_listener(feed.CHANNEL, lambda *_: self._hint.set())
            self._hint.set()  # what was told while nobody listened
            await lost.wait()
        finally:
            with suppress(Exception):  # the connection may be dead already
                await asyncio.shield(connection.close())
