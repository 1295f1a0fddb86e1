"""The relay: gives committed events their numbers in the feed, chains their digests, and tells that there is something new.

One works at a time, by a lease; if two overlap for a moment (a lease was lost while its holder was slow), the row lock of the mark
keeps their turns apart, and the unique numbers and events refuse the rest. A turn is one transaction: who is killed in it has done
nothing.

Ids of events aren't given in the order of commits. So everything above a low mark is looked at in each turn, and the mark goes up to an
id only when nobody can come below it any more: when all who were writing to the log at a moment at which that id had been given are
done. Who writes holds a lock on the table from before they get an id until they end; waiting for a transaction's number (xid) instead
would lose who gets the id first and the xid after it. Newer events wait for nobody. See docs/decisions/0014.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import text

from sebilling import feed
from sebilling.actor import operator
from sebilling.clock import Clock
from sebilling.db.engine import Database
from sebilling.db.leases import Leases
from sebilling.retry import Retries

_SPACE: Final = 5
"""Of the relay's lease among the advisory locks."""
MOST: Final = 5_000
"""Events of one turn."""
BUSY_SECONDS: Final = 0.05
IDLE_SECONDS: Final = 0.25
STANDBY_SECONDS: Final = 1.0
"""How often one who isn't the relay tries to become it."""
_STAYS_BUSY_SECONDS: Final = 1.0
_NOTIFY_SECONDS: Final = 0.02
"""NOTIFY is sent at most that often: the commit that carries one takes a lock that all others wait for."""
MARK_SECONDS: Final = 0.5
"""How often the mark is looked after: reading all locks isn't free."""

# Idle turns only read: a transaction would use up a number and write to the log of the database.
_LOOK: Final = text(
    """
    SELECT low, EXISTS (SELECT FROM event WHERE id > low AND NOT EXISTS (SELECT FROM feed WHERE event_id = event.id AND event_id > low))
           AS is_new,
           coalesce((SELECT max(id) FROM event) > low, false) AS is_above
      FROM feed_mark
    """
)
_LOW: Final = text("SELECT low FROM feed_mark")
# The lock is taken by a statement of its own: the next one has a snapshot in which the turn before is seen.
_LOCK: Final = text("SELECT low FROM feed_mark FOR NO KEY UPDATE")
_NUMBER: Final = text(
    """
    WITH last AS MATERIALIZED (
        SELECT coalesce(max(number), 0) AS number,
               coalesce((SELECT digest FROM feed ORDER BY number DESC LIMIT 1), CAST(:start AS bytea)) AS digest
          FROM feed
    ), fresh AS MATERIALIZED (
        SELECT id, event_canonical(event) AS canonical FROM event
         WHERE id > :low AND NOT EXISTS (SELECT FROM feed WHERE event_id = event.id AND event_id > :low)
         ORDER BY id LIMIT :most
    ), added AS (
        INSERT INTO feed (number, event_id, digest)
        SELECT last.number + row_number() OVER by_id, id, feed_chain(last.digest, canonical) OVER by_id
          FROM fresh CROSS JOIN last WINDOW by_id AS (ORDER BY id ROWS UNBOUNDED PRECEDING)
        RETURNING number, event_id
    )
    SELECT count(*) AS events, max(number) AS number, max(event_id) AS last_id FROM added
    """
)
_RAISE: Final = text("UPDATE feed_mark SET low = :low WHERE low < :low")
# The snapshot is older than what is read of the locks: whoever was given an id up to `upto` is among the writers, or has ended.
_MARK: Final = text(
    """
    SELECT coalesce((SELECT max(id) FROM event), 0) AS upto,
           ARRAY(SELECT DISTINCT virtualtransaction FROM pg_locks WHERE relation = 'event'::regclass AND mode = 'RowExclusiveLock'
                    AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS writers
    """
)
_STILL_WRITES: Final = text(
    """
    SELECT EXISTS (SELECT FROM pg_locks WHERE virtualtransaction = ANY (CAST(:writers AS text[])) AND relation = 'event'::regclass
                      AND mode = 'RowExclusiveLock'
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    """
)
_NOTIFY: Final = text("SELECT pg_notify(:channel, :number)")


@dataclass(frozen=True, slots=True)
class _Mark:
    """An id, and those who may still come below it."""

    upto: int
    writers: Sequence[str]


@dataclass(slots=True)
class Relay:
    """Numbers events, turn by turn. Only one works at a time: `run` sees to that."""

    database: Database
    clock: Clock
    most: int = MOST
    mark_seconds: float = MARK_SECONDS
    _mark: _Mark | None = field(default=None, init=False)
    _marked_at: float = field(default=0.0, init=False)
    _last: int = field(default=0, init=False)
    _told: int = field(default=0, init=False)
    _told_at: float = field(default=0.0, init=False)

    async def begin(self) -> None:
        """Tell the end of the feed: whoever was the relay before may have died between numbering and telling."""
        async with self.database.reading() as session:
            self._last = (await feed.head(session)).number

    async def turn(self) -> int:
        """Number what is new, at most `most` events, and tell it; gives how many. Raises DatabaseUnavailable."""
        settled = await self._settled()
        async with self.database.reading() as session:  # after that: what the last writers wrote is seen
            look = await session.row(_LOOK)
        if look is None:
            raise RuntimeError("feed_mark has no row: restore it from a backup")
        count = await self._number(settled) if look.is_new or settled > look.low else 0
        if settled or (self._mark is None and look.is_above):
            await self._remember()
        await self._tell()
        return count

    async def _settled(self) -> int:
        """The id below which nobody comes any more; 0 if none is known, or it isn't time to ask."""
        if self._mark is None or time.monotonic() < self._marked_at + self.mark_seconds:
            return 0
        if self._mark.writers:
            async with self.database.reading() as session:
                if await session.value(_STILL_WRITES, {"writers": list(self._mark.writers)}):
                    self._marked_at = time.monotonic()
                    return 0
        return self._mark.upto

    async def _number(self, settled: int) -> int:
        async with self.database.transaction(actor=operator("relay"), at=self.clock()) as session:
            low = await session.value(_LOCK)
            added = await session.row(_NUMBER, {"start": feed.BEFORE_THE_FIRST, "low": low, "most": self.most})
            if added is None:
                raise RuntimeError("a count gives one row")
            # Of a full turn, what lies behind its last event may still be without a number.
            upto = min(settled, added.last_id) if added.events >= self.most else settled
            if upto > low:
                await session.execute(_RAISE, {"low": upto})
        if added.events:
            self._last = added.number
        count: int = added.events
        return count

    async def _remember(self) -> None:
        async with self.database.reading() as session:
            mark, low = await session.row(_MARK), await session.value(_LOW)
        self._mark = _Mark(mark.upto, mark.writers) if mark is not None and mark.upto > low else None
        self._marked_at = time.monotonic()

    async def _tell(self) -> None:
        if self._last > self._told and time.monotonic() >= self._told_at + _NOTIFY_SECONDS:
            async with self.database.reading() as session:
                await session.value(_NOTIFY, {"channel": feed.CHANNEL, "number": str(self._last)})
            self._told, self._told_at = self._last, time.monotonic()

    @property
    def has_untold(self) -> bool:
        """Whether something is numbered that wasn't told yet."""
        return self._last > self._told


async def run(database: Database, *, clock: Clock) -> None:
    """Be the relay whenever nobody else is, until cancelled. A database that is away is waited for."""
    leases, turns = Leases(database.url, space=_SPACE), Retries("relay")
    try:
        while True:
            pause = await turns.run(_lead(leases, database, clock))
            await asyncio.sleep(pause)
    finally:
        await leases.close()


async def _lead(leases: Leases, database: Database, clock: Clock) -> float:
    """Number events for as long as the lease is held; gives the seconds to wait if someone else has it."""
    async with leases.hold(1) as mine:
        if not mine:
            return STANDBY_SECONDS
        relay, busy_until = Relay(database, clock), 0.0
        await relay.begin()
        while True:
            count = await relay.turn()
            if count:
                busy_until = time.monotonic() + _STAYS_BUSY_SECONDS
            if count >= relay.most:
                continue
            rest = BUSY_SECONDS if time.monotonic() < busy_until else IDLE_SECONDS
            await asyncio.sleep(_NOTIFY_SECONDS if relay.has_untold else rest)
