"""Synchronization of phones: the active customers of their counters with their debts, first in full, then only the changes.

A cursor is a number of the feed (feed.py). Every change of synchronized data writes an event in its transaction, and an event gets its
number only after the commit. A reader that takes the last number, then reads the state, and next time asks for the events after that
number therefore misses nothing: later commits have later numbers. A change may be sent twice, but is never lost. After a backup was
restored, numbers are given out again, to other events: the cursor has the beginning of the number's digest, by which that is found.
docs/phone.md describes it for authors of phone apps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypedDict, TypeGuard

import orjson
from sqlalchemy import TextClause, text

from sebilling import cursors
from sebilling.actor import Scope
from sebilling.db.engine import ReadSession
from sebilling.db.parameters import number, numbers
from sebilling.errors import InvalidCursor, InvalidPageSize, NotFound
from sebilling.events import KINDS
from sebilling.events.customers import CustomerChanged
from sebilling.events.invoices import InvoicesIssued
from sebilling.events.isp import PlanChanged
from sebilling.nouns import Noun

MAX_CUSTOMERS: Final = 1_000
"""Maximum size of a page."""
MAX_EVENTS: Final = 50_000
"""Maximum number of events after a cursor; beyond that a full synchronization is quicker, and starts."""


class RemovalReason(StrEnum):
    """Why a phone must remove a customer."""

    MOVED = "MOVED"
    INACTIVE = "INACTIVE"


class SyncedInvoice(TypedDict):
    """An open invoice, as a phone stores it: the JSON of _OWED. Amounts are rupiah; days are ISO dates."""

    invoice_id: str
    number: str
    covers_from: str
    covers_until: str
    due_on: str
    total: int
    outstanding: int


class SyncedCustomer(TypedDict):
    """A customer, as a phone stores it: the JSON of _KEPT. Amounts are rupiah."""

    customer_id: str
    code: str
    name: str
    phone: str
    address: str
    counter_id: str
    plan_name: str
    price: int
    outstanding: int
    open_invoices: list[SyncedInvoice]
    credit: int


class RemovedCustomer(TypedDict):
    """A customer that a phone must remove."""

    customer_id: str
    reason: str
    """A RemovalReason."""


@dataclass(frozen=True, slots=True)
class _Top:
    """The last number of the feed with its digest, the digest of the phone's number, and whether the counter asked for exists (also if
    none was)."""

    number: int
    digest: str
    phones_digest: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class _Sent:
    """A customer to send: the reason for their removal, or what the phone keeps of them, as JSON."""

    id: int
    removed: str | None
    kept: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of changes. Each customer is complete and replaces the phone's copy, including the open invoices."""

    reset: bool
    """Whether a full synchronization starts: the phone must discard everything it has."""
    customers: Sequence[SyncedCustomer]
    removed: Sequence[RemovedCustomer]
    cursor: str
    more: bool
    """Whether the next page is available at once."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Position of a phone. `whole`: within a full synchronization, after which it needs the events after `low`."""

    counters: list[int] | None
    """Counters whose customers it keeps; None: all."""
    low: int
    digest: str = ""
    """Of `low`: how it begins; empty before the first event."""
    high: int | None = None
    """Within pages of changes: the last feed number that they cover."""
    high_digest: str = ""
    after: int = 0
    """Id of the last customer sent in these pages."""
    whole: bool = False

    def after_its_pages(self) -> "_Place":
        """Return the position from which the next changes are read."""
        if self.whole or self.high is None:
            return _Place(self.counters, self.low, self.digest)
        return _Place(self.counters, self.high, self.high_digest)

    def written(self) -> str:
        """Encode the position as the cursor that the phone stores."""
        return cursors.encode(self.counters, self.low, self.digest, self.high, self.high_digest, self.after, self.whole)


_KEPT: Final = """
    json_build_object(
        'customer_id', 'cus_' || customer.id, 'code', customer.code, 'name', customer.name, 'phone', customer.phone,
        'address', customer.address,
        'counter_id', 'cou_' || customer.counter_id, 'plan_name', plan.name, 'price', coalesce(customer.price, plan.price),
        'outstanding', owed.outstanding, 'open_invoices', owed.invoices,
        'credit', (SELECT coalesce(sum(credit), 0)::bigint FROM payment WHERE customer_id = customer.id AND credit > 0))
"""
_OWED: Final = """
    JOIN plan ON plan.id = customer.plan_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(outstanding), 0)::bigint AS outstanding,
               coalesce(json_agg(json_build_object(
                   'invoice_id', 'inv_' || id, 'number', number, 'covers_from', covers_from, 'covers_until', covers_until,
                   'due_on', due_on, 'total', total, 'outstanding', outstanding) ORDER BY due_on, id), '[]') AS invoices
          FROM invoice WHERE customer_id = customer.id AND outstanding > 0) owed
"""
_COUNTERS: Final = "coalesce(:counters, ARRAY(SELECT id FROM counter))"
# Counter by counter: for a list of counters PostgreSQL would scan all customers.
_WHOLE: Final = f"""
    SELECT customer.id, NULL AS removed, CAST({_KEPT} AS text) AS kept
      FROM (SELECT found.* FROM unnest({_COUNTERS}) place (id) CROSS JOIN LATERAL (
                SELECT * FROM customer WHERE counter_id = place.id AND active AND id > :after ORDER BY id LIMIT {{limit}}) found
             ORDER BY id LIMIT {{limit}}) customer {_OWED}
     ORDER BY customer.id
"""
_NUMBER_OF: Final = "CAST(split_part({}, '_', 2) AS bigint)"
"""SQL for the number of the row that a public id names."""
_NAMING_CUSTOMER: Final = ", ".join(f"'{kind.text}'" for kind in KINDS.values() if kind.names_customer)
_CHANGED: Final = f"""
    WITH place AS MATERIALIZED (SELECT {_COUNTERS} AS counters), told AS MATERIALIZED (
        SELECT kind, subject, subject_id, counter_id, data FROM feed JOIN event ON event.id = event_id
         WHERE number > :low AND number <= :high
    ), touched AS MATERIALIZED (
        SELECT subject_id AS id FROM told WHERE subject = 'customer'
         UNION
        SELECT {_NUMBER_OF.format("data ->> 'customer_id'")} FROM told WHERE kind IN ({_NAMING_CUSTOMER})
         UNION
        SELECT customer_id FROM place CROSS JOIN told JOIN invoice
            ON period_id = {_NUMBER_OF.format("data ->> 'period_id'")} AND invoice.counter_id = told.counter_id
           AND sequence >= (data ->> 'first_sequence')::bigint
           AND sequence < (data ->> 'first_sequence')::bigint + (data ->> 'issued')::bigint
         WHERE kind = '{InvoicesIssued.kind.text}' AND told.counter_id = ANY (counters)
         UNION
        SELECT customer.id FROM place CROSS JOIN told JOIN customer ON plan_id = subject_id AND customer.counter_id = ANY (counters)
         WHERE kind = '{PlanChanged.kind.text}'
    ), gone AS MATERIALIZED (
        SELECT subject_id AS id FROM place CROSS JOIN told
         WHERE kind = '{CustomerChanged.kind.text}'
           AND {_NUMBER_OF.format("data -> 'before' ->> 'counter_id'")} = ANY (counters)
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
_DIGEST: Final = "left(encode(digest, 'hex'), 16)"
_TOP: Final = text(
    f"""
    SELECT coalesce(last.number, 0) AS number, coalesce(last.digest, '') AS digest,
           coalesce((SELECT {_DIGEST} FROM feed WHERE number = :low), '') AS phones_digest,
           CAST(:counter AS bigint) IS NULL OR EXISTS (SELECT FROM counter WHERE id = :counter) AS is_known
      FROM (VALUES (0)) always LEFT JOIN (SELECT number, {_DIGEST} AS digest FROM feed ORDER BY number DESC LIMIT 1) last ON true
    """
).bindparams(number("low"))


@lru_cache(maxsize=64)  # type: ignore[misc]  # the decorator's own type holds Any
def _page(statement: str, limit: int) -> TextClause:
    """Return the statement with a literal LIMIT: for a bound one PostgreSQL plans for a tenth of the table."""
    bounds = [number(name) for name in ("after", "low", "high") if f":{name}" in statement]
    return text(statement.format(limit=limit)).bindparams(numbers("counters"), *bounds)


async def changes(session: ReadSession, *, scope: Scope, counter_id: int | None, since: str | None, first: int) -> Changes:
    """Read at most `first` customers of the counter (None: every counter in scope) that changed after the cursor `since`.

    Starts a full synchronization if `since` is None, is for other counters (the user got another route), is from another database (a
    backup was restored), or is too old. Raises InvalidPageSize, InvalidCursor, NotFound.
    """
    if not 1 <= first <= MAX_CUSTOMERS:
        raise InvalidPageSize(field="first", given=first, most=MAX_CUSTOMERS)
    counters = scope.ids if counter_id is None else [counter_id]
    position = _read(since)
    top = await session.only_row(_TOP, {"counter": counter_id, "low": 0 if position is None else position.low}, into=_Top)
    if counter_id is not None and (not top.is_known or counter_id not in scope):
        raise NotFound(field="counter_id", noun=Noun.COUNTER, given=counter_id)
    reset = position is None or position.counters != counters or not _leads_to(position, top)
    is_first = False
    if position is None or reset:
        position, is_first = _Place(counters, low=top.number, digest=top.digest, whole=True), True
    elif not position.whole and position.high is None:
        position, is_first = replace(position, high=top.number, high_digest=top.digest), True
    # The state is read after the number: a change in between has a later number, and is sent again.
    bound: dict[str, object] = {"counters": counters, "after": position.after}
    if not position.whole:
        bound |= {"low": position.low, "high": position.high}
    rows = await session.rows(_page(_WHOLE if position.whole else _CHANGED, first + 1), bound, into=_Sent)
    more = len(rows) > first
    rows = rows[:first]
    if more:
        following = replace(position, after=rows[-1].id)
    else:
        following = position.after_its_pages()
        # Changes made while several pages were read are available at once. After a single page this could go on for ever on a busy day.
        more = not is_first and following.low < top.number
    return Changes(
        reset=reset,
        customers=[_customer(row.kept) for row in rows if row.kept is not None],
        removed=[{"customer_id": Noun.CUSTOMER.id(row.id), "reason": row.removed} for row in rows if row.removed is not None],
        cursor=following.written(),
        more=more,
    )


def _leads_to(position: _Place, top: _Top) -> bool:
    """Whether the feed went on from the phone's position, not too far: not if a backup from before was restored."""
    return 0 <= top.number - position.low <= MAX_EVENTS and position.digest == top.phones_digest


def _customer(kept: str) -> SyncedCustomer:
    customer: SyncedCustomer = orjson.loads(kept)  # the JSON of _KEPT
    return customer


def _read(since: str | None) -> _Place | None:
    """Decode the cursor. Raises InvalidCursor."""
    if since is None:
        return None
    try:
        parts = cursors.decode(since)
    except ValueError as error:
        raise InvalidCursor(field="since") from error
    match parts:
        case [counters, low, str(digest), high, str(high_digest), after, bool(whole)] if (
            _are_counters(counters) and _is_number(low) and _is_number_or_none(high) and _is_number(after)
        ):
            return _Place(counters, low, digest, high, high_digest, after, whole)
    raise InvalidCursor(field="since")


def _is_number(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**63


def _is_number_or_none(value: object) -> TypeGuard[int | None]:
    return value is None or _is_number(value)


def _are_counters(value: object) -> TypeGuard[list[int] | None]:
    match value:
        case [*numbers]:
            return all(_is_number(number) for number in numbers)
    return value is None
