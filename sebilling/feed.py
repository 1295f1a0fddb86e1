"""The feed: committed events with gapless numbers, in a final order.

Event ids are assigned in the order of writing, so a reader who resumes after id 7 would miss 6 if 6 commits later. The relay
(jobs/relay.py) assigns feed numbers after the commit: whoever has read up to a number has missed nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy import text

from sebilling.db.engine import ReadSession

CHANNEL: Final = "sebilling_feed"
"""Channel of the NOTIFY that the relay sends after numbering; the payload is the last number. A hint only: readers query the feed."""
BEFORE_THE_FIRST: Final = bytes(32)
"""Digest that the first event is chained to."""
MOST: Final = 1_000

_HEAD: Final = text(
    """
    SELECT coalesce(max(number), 0) AS number, (SELECT digest FROM feed ORDER BY number DESC LIMIT 1) AS digest FROM feed
    """
)
WAITING: Final = """
    SELECT count(*) AS events, min(at) AS since FROM event
     WHERE id > (SELECT low FROM feed_mark)
       AND NOT EXISTS (SELECT FROM feed WHERE event_id = event.id AND event_id > (SELECT low FROM feed_mark))
"""
"""SQL for the count of committed events without a number, and the time of the oldest of them."""
_WAITING: Final = text(WAITING)
# Select the numbers before joining the events: events of other kinds cost next to nothing, and the reader still moves on.
_AFTER: Final = text(
    f"""
    SELECT feed.number, event.id, at, kind, actor_id, actor_name, subject, subject_id, counter_id, data
      FROM (SELECT number, event_id FROM feed WHERE number > :number ORDER BY number LIMIT least(:most, {MOST})) feed
      LEFT JOIN event ON event.id = event_id AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY (CAST(:kinds AS text[])))
     ORDER BY feed.number
    """
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with its feed number."""

    number: int
    id: int
    at: datetime
    kind: str
    actor_id: int | None
    actor: str
    subject: str
    subject_id: int
    counter_id: int | None
    data: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Events in feed order, and the number up to which the feed was read: where to resume. Unchanged if there is nothing new."""

    events: Sequence[Numbered]
    upto: int
    looked_at: int
    """Count of numbers read: equal to the limit if there may be more."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last number and its digest: whoever records both can prove later that nothing up to there was changed."""

    number: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """Count of committed events without a number, and the time of the oldest of them."""

    events: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class _Row:
    """A number and its event; all of the event is None if it is of another kind than was asked for."""

    number: int
    id: int | None
    at: datetime | None
    kind: str | None
    actor_id: int | None
    actor_name: str | None
    subject: str | None
    subject_id: int | None
    counter_id: int | None
    data: Mapping[str, JsonValue] | None

    @property
    def event(self) -> Numbered | None:
        """The event, unless it is of another kind."""
        if self.id is None or self.at is None or self.kind is None or self.actor_name is None:
            return None
        if self.subject is None or self.subject_id is None or self.data is None:
            return None
        return Numbered(
            self.number, self.id, self.at, self.kind, self.actor_id, self.actor_name, self.subject, self.subject_id, self.counter_id,
            self.data,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Head:
    number: int
    digest: bytes | None
    """None: the feed is empty."""


async def after(session: ReadSession, number: int, limit: int = MOST, *, kinds: Iterable[str] | None = None) -> Stretch:
    """Read the next `limit` numbers (at most 1,000) after `number`; return the events among them of these kinds."""
    bound = {"number": number, "most": limit, "kinds": None if kinds is None else sorted(kinds)}
    rows = await session.rows(_AFTER, bound, into=_Row)
    events = [event for row in rows if (event := row.event) is not None]
    return Stretch(events, rows[-1].number if rows else number, len(rows))


async def head(session: ReadSession) -> Head:
    """Return the end of the feed; number 0 if it is empty."""
    row = await session.only_row(_HEAD, into=_Head)
    return Head(0, BEFORE_THE_FIRST) if row.digest is None else Head(row.number, row.digest)


async def waiting(session: ReadSession) -> Waiting:
    """Return the events that the relay hasn't numbered yet; it stays high if no worker runs."""
    return await session.only_row(_WAITING, into=Waiting)
