"""What a phone keeps of its counters: their active customers and what each owes, whole at first, then what has changed.

A cursor is a number of the feed (feed.py). Everything that changes what a phone keeps writes an event in its own transaction, and an
event is numbered only after its commit. So whoever has read the state after looking at the last number misses nothing by asking
next time for what behind that number tells of: what committed late has a later number. A change may come twice, never not at all.
All that a phone needs to know of it is in docs/phone.md.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from sebilling.actor import Scope
from sebilling.db.engine import ReadSession
from sebilling.errors import InvalidCursor, InvalidPageSize, NotFound

MAX_CUSTOMERS: Final = 1_000
"""Of a page."""
MAX_EVENTS: Final = 50_000
"""Behind a cursor; who is further behind begins anew, which is quicker."""


class RemovalReason(StrEnum):
    """Why a phone forgets a customer."""

    MOVED = "MOVED"
    INACTIVE = "INACTIVE"


@dataclass(frozen=True, slots=True)
class Changes:
    """A page. Every customer in it is whole: what was known of them before is replaced, their open invoices too."""

    reset: bool
    """This begins anew: what was kept of before is to be forgotten."""
    customers: Sequence[dict[str, Any]]
    removed: Sequence[dict[str, Any]]
    cursor: str
    more: bool
    """Whether the next page can be had at once."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a phone is. `whole`: within its first pages, after which it needs what is told behind `low`."""

    counters: list[int] | None
    """Of which it keeps the customers; None: of all."""
    low: int
    high: int | None = None
    """Within the pages of changes: the number up to which they go."""
    after: int = 0
    """The last customer that it was given of these pages."""
    whole: bool = False

    def written(self) -> str:
        """As the phone keeps it."""
        raw = orjson.dumps([self.counters, self.low, self.high, self.after, self.whole])
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


_KEPT: Final = """
    json_build_object(
        'id', 'cus_' || customer.id, 'code', customer.code, 'name', customer.name, 'phone', customer.phone, 'address', customer.address,
        'counter_id', 'cou_' || customer.counter_id, 'plan_name', plan.name, 'price', coalesce(customer.price, plan.price),
        'outstanding', owed.outstanding, 'open_invoices', owed.invoices,
        'credit', (SELECT coalesce(sum(credit), 0)::bigint FROM payment WHERE customer_id = customer.id AND credit > 0))
"""
_OWED: Final = """
    JOIN plan ON plan.id = customer.plan_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(outstanding), 0)::bigint AS outstanding,
               coalesce(json_agg(json_build_object(
                   'id', 'inv_' || id, 'number', number, 'covers_from', covers_from, 'covers_until', covers_until, 'due_on', due_on,
                   'total', total, 'outstanding', outstanding) ORDER BY due_on, id), '[]') AS invoices
          FROM invoice WHERE customer_id = customer.id AND outstanding > 0) owed
"""
_COUNTERS: Final = "coalesce(:counters, ARRAY(SELECT id FROM counter))"
# Counter by counter: to a list of counters PostgreSQL would walk every customer there is.
_WHOLE: Final = f"""
    SELECT customer.id, NULL AS removed, CAST({_KEPT} AS text) AS kept
      FROM (SELECT found.* FROM unnest({_COUNTERS}) place (id) CROSS JOIN LATERAL (
                SELECT * FROM customer WHERE counter_id = place.id AND active AND id > :after ORDER BY id LIMIT {{limit}}) found
             ORDER BY id LIMIT {{limit}}) customer {_OWED}
     ORDER BY customer.id
"""
_CHANGED: Final = f"""
    WITH place AS MATERIALIZED (SELECT {_COUNTERS} AS counters), told AS MATERIALIZED (
        SELECT kind, subject, subject_id, counter_id, data FROM feed JOIN event ON event.id = event_id
         WHERE number > :low AND number <= :high
    ), touched AS MATERIALIZED (
        SELECT subject_id AS id FROM told WHERE subject = 'customer'
         UNION
        SELECT (data ->> 'customer')::bigint FROM told WHERE jsonb_typeof(data -> 'customer') = 'number'
         UNION
        SELECT customer_id FROM place CROSS JOIN told JOIN invoice
            ON period_id = (data ->> 'period')::bigint AND invoice.counter_id = told.counter_id
           AND sequence >= (data ->> 'from')::bigint AND sequence < (data ->> 'from')::bigint + (data ->> 'issued')::bigint
         WHERE kind = 'invoices.issued' AND told.counter_id = ANY (counters)
         UNION
        SELECT customer.id FROM place CROSS JOIN told JOIN customer ON plan_id = subject_id AND customer.counter_id = ANY (counters)
         WHERE kind = 'plan.changed'
    ), gone AS MATERIALIZED (
        SELECT subject_id AS id FROM place CROSS JOIN told
         WHERE kind = 'customer.changed' AND (data -> 'before' ->> 'counter_id')::bigint = ANY (counters)
    ), due AS MATERIALIZED (
        SELECT customer.*, CASE WHEN counter_id <> ALL (counters) THEN 'MOVED' WHEN NOT active THEN 'INACTIVE' END AS removed
          FROM touched JOIN customer USING (id) CROSS JOIN place
         WHERE id > :after AND (counter_id = ANY (counters) OR id IN (TABLE gone))
         ORDER BY id LIMIT {{limit}}
    )
    SELECT id, removed, NULL AS kept FROM due WHERE removed IS NOT NULL
     UNION ALL
    SELECT customer.id, NULL, CAST({_KEPT} AS text) FROM due customer {_OWED} WHERE removed IS NULL
     ORDER BY id
"""
_TOP: Final = text(
    "SELECT (SELECT coalesce(max(number), 0) FROM feed) AS number,"
    " CAST(:counter AS bigint) IS NULL OR EXISTS (SELECT FROM counter WHERE id = :counter) AS is_known"
)


@lru_cache(maxsize=64)
def _page(statement: str, limit: int) -> TextClause:
    """The statement with a literal LIMIT: a bound one makes PostgreSQL plan for a tenth of the table."""
    numbers = [bindparam(name, type_=BigInteger) for name in ("after", "low", "high") if f":{name}" in statement]
    return text(statement.format(limit=limit)).bindparams(bindparam("counters", type_=ARRAY(BigInteger)), *numbers)


async def changes(session: ReadSession, *, scope: Scope, counter_id: int | None, since: str | None, first: int) -> Changes:
    """At most `first` customers of the counter (None: of every counter in scope) that changed after the cursor; None: all, anew.

    Also anew: after a cursor of other counters (someone was given another route), of another database (a backup was restored), or
    of too long ago. Raises InvalidPageSize, InvalidCursor, NotFound.
    """
    if not 1 <= first <= MAX_CUSTOMERS:
        raise InvalidPageSize(field=("first",), given=first, most=MAX_CUSTOMERS)
    counters = scope.ids if counter_id is None else [counter_id]
    top = await session.row(_TOP, {"counter": counter_id})
    if counter_id is not None and (top is None or not top.is_known or counter_id not in scope):
        raise NotFound(field=("counterId",), noun="counter", given=f"cou_{counter_id}")
    number = 0 if top is None else top.number
    place = _read(since)
    reset = place is None or place.counters != counters or place.low > number or number - place.low > MAX_EVENTS
    is_first = False
    if place is None or reset:
        place, is_first = _Place(counters, low=number, whole=True), True
    elif not place.whole and place.high is None:
        place, is_first = replace(place, high=number), True
    # The state is read after the number: what changes in between is told behind it, and comes again.
    bound: dict[str, Any] = {"counters": counters, "after": place.after}
    if not place.whole:
        bound |= {"low": place.low, "high": place.high}
    rows = await session.rows(_page(_WHOLE if place.whole else _CHANGED, first + 1), bound)
    more = len(rows) > first
    rows = rows[:first]
    if more:
        following = replace(place, after=rows[-1].id)
    else:
        following = _Place(counters, low=place.low if place.whole or place.high is None else place.high)
        # What happened while there were several pages can be had at once. After a single page it would go on for ever on a busy day.
        more = not is_first and following.low < number
    return Changes(
        reset=reset,
        customers=[orjson.loads(row.kept) for row in rows if row.removed is None],
        removed=[{"id": f"cus_{row.id}", "because": row.removed} for row in rows if row.removed is not None],
        cursor=following.written(),
        more=more,
    )


def _read(since: str | None) -> _Place | None:
    """The place that the cursor names. Raises InvalidCursor."""
    if since is None:
        return None
    try:
        counters, low, high, after, whole = orjson.loads(base64.urlsafe_b64decode(since + "=" * (-len(since) % 4)))
        numbers = [low, after, *([] if high is None else [high]), *([] if counters is None else counters)]
    except (ValueError, TypeError) as error:
        raise InvalidCursor(field=("since",)) from error
    if not isinstance(whole, bool) or not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise InvalidCursor(field=("since",))
    return _Place(counters, low, high, after, whole)
