"""The relay: numbers committed events in the feed, chains their digests, and notifies readers.

One relay works at a time, by a lease. If two overlap for a moment (a lease was lost while its holder was slow), the row lock of the mark
serializes their iterations, and unique constraints on numbers and events refuse the rest. An iteration is one transaction: a process
killed in the middle has changed nothing.

Ids of events aren't assigned in commit order. So each iteration looks at everything above a low mark, and the mark rises to an id only
when no event can appear below it any more: when all transactions have ended that were writing to the log at a moment when that id
existed. A writer holds a lock on the table from before it gets an id until it ends. Waiting for transaction ids (xid) instead would miss
a writer that gets its event id first and its xid later. Newer events don't wait for slow writers. See docs/decisions/0014.
"""

import asyncio
import time
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
"""Advisory lock space of the relay's lease."""
MOST: Final = 5_000
"""Events numbered in one iteration."""
BUSY_SECONDS: Final = 0.05
IDLE_SECONDS: Final = 0.25
STANDBY_SECONDS: Final = 1.0
"""How often a standby tries to take the lease."""
_STAYS_BUSY_SECONDS: Final = 1.0
_NOTIFY_SECONDS: Final = 0.02
"""Minimum time between NOTIFYs: a commit with one takes a lock that all others wait for."""
MARK_SECONDS: Final = 0.5
"""How often the mark is updated: reading all locks is expensive."""

# Idle iterations only read: a write transaction would use up an xid and write to the WAL.
# Counts, not an anti-join: a statement without parameters keeps the plan of its first execution, when the tables may have been empty;
# a join of a hundred thousand events by such a plan takes minutes.
_LOOK: Final = text(
    """
    SELECT low, (SELECT count(*) FROM event WHERE id > low) > (SELECT count(*) FROM feed WHERE event_id > low) AS is_new,
           coalesce((SELECT max(id) FROM event) > low, false) AS is_above
      FROM feed_mark
    """
)
_LOW: Final = text("SELECT low FROM feed_mark")
# For the same reason: a plan for this call's tables, not for those of the first calls.
_PLAN_ANEW: Final = text("SET LOCAL plan_cache_mode = force_custom_plan")
# The lock is a statement of its own, so that the next statement's snapshot sees the previous iteration.
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
# The snapshot is older than the locks that are read: whoever got an id up to `upto` is among the writers, or has ended.
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
    """An id, and the transactions that may still write below it."""

    upto: int
    writers: list[str]


@dataclass(frozen=True, slots=True)
class _Look:
    """Whether events wait for a number, and whether any event is above the mark."""

    low: int
    is_new: bool
    is_above: bool


@dataclass(frozen=True, slots=True)
class _Added:
    """Events that were numbered, with the highest number and id; None if there were none."""

    events: int
    number: int | None
    last_id: int | None


@dataclass(slots=True)
class Relay:
    """Numbers events, one iteration at a time. `run` ensures that only one relay works at a time."""

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
        """Read the end of the feed, to notify it again: the previous relay may have died between numbering and notifying."""
        async with self.database.reading() as session:
            self._last = (await feed.head(session)).number

    async def turn(self) -> int:
        """Number new events, at most `most`, and notify readers; return how many. Raises DatabaseUnavailable."""
        settled = await self._settled()
        async with self.database.reading() as session:  # after _settled, so that what the last writers wrote is seen
            look = await session.row(_LOOK, into=_Look)
        if look is None:
            raise RuntimeError("feed_mark has no row: restore it from a backup")
        count = await self._number(settled) if look.is_new or settled > look.low else 0
        if settled or (self._mark is None and look.is_above):
            await self._remember()
        await self._tell()
        return count

    async def _settled(self) -> int:
        """The id below which no event can appear any more; 0 if none is known, or it isn't time to check."""
        if self._mark is None or time.monotonic() < self._marked_at + self.mark_seconds:
            return 0
        if self._mark.writers:
            async with self.database.reading() as session:
                if await session.only_value(_STILL_WRITES, {"writers": self._mark.writers}, kind=bool):
                    self._marked_at = time.monotonic()
                    return 0
        return self._mark.upto

    async def _number(self, settled: int) -> int:
        async with self.database.transaction(actor=operator("relay"), at=self.clock()) as session:
            low = await session.only_value(_LOCK, kind=int)
            await session.execute(_PLAN_ANEW)
            added = await session.only_row(_NUMBER, {"start": feed.BEFORE_THE_FIRST, "low": low, "most": self.most}, into=_Added)
            # After a full batch, events beyond its last one may still be without a number.
            upto = min(settled, added.last_id) if added.events >= self.most and added.last_id is not None else settled
            if upto > low:
                await session.execute(_RAISE, {"low": upto})
        if added.number is not None:
            self._last = added.number
        return added.events

    async def _remember(self) -> None:
        async with self.database.reading() as session:
            mark, low = await session.only_row(_MARK, into=_Mark), await session.only_value(_LOW, kind=int)
        self._mark = mark if mark.upto > low else None
        self._marked_at = time.monotonic()

    async def _tell(self) -> None:
        if self._last > self._told and time.monotonic() >= self._told_at + _NOTIFY_SECONDS:
            async with self.database.reading() as session:
                await session.value(_NOTIFY, {"channel": feed.CHANNEL, "number": str(self._last)}, kind=object)
            self._told, self._told_at = self._last, time.monotonic()

    @property
    def has_untold(self) -> bool:
        """Whether there are numbers that readers haven't been notified of."""
        return self._last > self._told


async def run(database: Database, *, clock: Clock) -> None:
    """Work as the relay whenever no other process does, until cancelled. Wait while the database is unavailable."""
    leases, turns = Leases(database.direct_url, space=_SPACE), Retries("relay")
    try:
        while True:
            pause = await turns.run(_lead(leases, database, clock))
            await asyncio.sleep(pause)
    finally:
        await leases.close()


async def _lead(leases: Leases, database: Database, clock: Clock) -> float:
    """Number events while the lease is held; return the seconds to wait if another process has it."""
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
