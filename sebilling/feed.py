"""The feed: committed events with gapless numbers, in a final order.

Event ids are assigned in the order of writing, so a reader who resumes after id 7 would miss 6 if 6 commits later. The relay
(jobs/relay.py) assigns feed numbers after the commit: whoever has read up to a number has missed nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

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
_WAITING: Final = text(
    """
    SELECT count(*) AS events, min(at) AS since FROM event
     WHERE id > (SELECT low FROM feed_mark)
       AND NOT EXISTS (SELECT FROM feed WHERE event_id = event.id AND event_id > (SELECT low FROM feed_mark))
    """
)
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
    data: Mapping[str, Any]


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


async def after(session: ReadSession, number: int, limit: int = MOST, *, kinds: Iterable[str] | None = None) -> Stretch:
    """Read the next `limit` numbers (at most 1,000) after `number`; return the events among them of these kinds."""
    rows = await session.rows(_AFTER, {"number": number, "most": limit, "kinds": None if kinds is None else sorted(kinds)})
    events = [
        Numbered(row.number, row.id, row.at, row.kind, row.actor_id, row.actor_name, row.subject, row.subject_id, row.counter_id, row.data)
        for row in rows
        if row.id is not None
    ]
    return Stretch(events, rows[-1].number if rows else number, len(rows))


async def head(session: ReadSession) -> Head:
    """Return the end of the feed; number 0 if it is empty."""
    row = await session.row(_HEAD)
    return Head(0, BEFORE_THE_FIRST) if row is None or row.digest is None else Head(row.number, row.digest)


async def waiting(session: ReadSession) -> Waiting:
    """Return the events that the relay hasn't numbered yet; it stays high if no worker runs."""
    row = await session.row(_WAITING)
    return Waiting(0, None) if row is None else Waiting(row.events, row.since)
