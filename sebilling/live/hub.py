"""The hub: one reader of the feed per process, for all its subscriptions.

It reads after the last number when the relay's NOTIFY arrives, and once a second in any case: a lost notification, or a silently dead
connection, costs a second and no event. While the database is unavailable it waits, then continues after the same number, so that
nothing is missed or read twice.
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
from sebilling.events import Subject
from sebilling.feed import Numbered, Stretch
from sebilling.language import Sentence
from sebilling.logs import get_logger

_log = get_logger(__name__)
LOOK_SECONDS: Final = 1.0
"""Polling interval without a notification."""
_RETRY_SECONDS: Final = 0.5
_READ_SECONDS: Final = 10.0
_NOT_READ: Final = Sentence("the feed can't be read", "umpan kejadian tidak bisa dibaca")
_START_SECONDS: Final = 10.0
_KEPT: Final = 5_000
"""Events kept in memory; readers further behind are served from the database."""


class Hub:
    """Position in the feed, and its last events. It starts when first needed; call `close` at the end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.number = 0
        """Last number of the feed that was read."""
        self._floor = 0
        self._kept: list[Numbered] = []
        self._moved = asyncio.Event()
        self._hint = asyncio.Event()
        self._known = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._watchers: defaultdict[int, set[Callable[[], None]]] = defaultdict(set)

    async def ready(self) -> int:
        """Start if needed; return the last number that was read. Raises DatabaseUnavailable."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._listen())]
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._known.wait()
        except TimeoutError as error:
            raise DatabaseUnavailable(why=_NOT_READ) from error
        return self.number

    async def close(self) -> None:
        """Stop reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def beyond(self, number: int) -> None:
        """Wait until something after `number` has been read."""
        while self.number <= number:
            await self._moved.wait()

    async def after(self, number: int, most: int = feed.MOST) -> Stretch:
        """Events after `number` that have been read, at most `most` (1,000) numbers. Raises DatabaseUnavailable.

        Never more than has been read, so that watchers learn of changed rights before anybody gets the events.
        """
        if number >= self._floor:
            start = bisect_right(self._kept, number, key=lambda event: event.number)
            events = self._kept[start : start + most]
            upto = events[-1].number if len(events) == most else max(number, self.number)
            return Stretch(events, upto, len(events))
        async with self._database.reading() as session:
            stretch = await feed.after(session, number, most)
        limit = self.number
        return Stretch([event for event in stretch.events if event.number <= limit], min(stretch.upto, limit), stretch.looked_at)

    async def head(self) -> int:
        """Last number of the feed in the database, even if not read yet. Raises DatabaseUnavailable."""
        async with self._database.reading() as session:
            return (await feed.head(session)).number

    def watch(self, user_id: int, tell: Callable[[], None]) -> Callable[[], None]:
        """Call `tell` when an event concerns this user or their tokens, before anybody gets the events after it.

        Returns a function that ends the watch.
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
                    count = await self._more()
            except (Unavailable, TimeoutError, SQLAlchemyError) as error:
                if not is_away:
                    _log.warning("feed_away", why=str(error) or type(error).__name__)
                is_away = True
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if is_away:
                _log.info("feed_back", number=self.number)
            is_away = False
            if count < feed.MOST:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._hint.wait()

    async def _more(self) -> int:
        """Read once; return how many numbers were new."""
        async with self._database.reading() as session:
            if not self._known.is_set():
                self.number = self._floor = (await feed.head(session)).number
                self._known.set()
                return 0
            stretch = await feed.after(session, self.number)
        if stretch.upto > self.number:
            self._kept += stretch.events
            if len(self._kept) > 2 * _KEPT:
                del self._kept[:-_KEPT]
                self._floor = self._kept[0].number - 1
            for event in stretch.events:
                if event.subject == Subject.APP_USER and event.subject_id in self._watchers:
                    for tell in list(self._watchers[event.subject_id]):
                        tell()
            self.number = stretch.upto
            self._moved.set()
            self._moved = asyncio.Event()
        return stretch.looked_at

    async def _listen(self) -> None:
        """Keep a connection that receives the relay's notifications."""
        while True:
            with suppress(Unavailable, SQLAlchemyError, OSError):
                await self._hear()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _hear(self) -> None:
        """Listen until the connection is lost. Raises DatabaseUnavailable."""
        connection = await connect_alone(self._database.direct_url)
        lost = asyncio.Event()
        try:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _: lost.set())
            await driver.add_listener(feed.CHANNEL, lambda *_: self._hint.set())
            self._hint.set()  # notifications may have been missed before
            await lost.wait()
        finally:
            with suppress(Exception):  # the connection may be dead already
                await asyncio.shield(connection.close())
