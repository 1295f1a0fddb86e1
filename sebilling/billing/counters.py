"""Counters (loket): places and routes where customers pay."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.actor import Scope
from sebilling.billing import scope, validation
from sebilling.billing.validation import Problems
from sebilling.clock import JAKARTA, TIMEZONES
from sebilling.customer_errors import AlreadyArchived, Archived, CounterInUse
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import AlreadyExists, InputPath, InvalidText, NotFound
from sebilling.events.isp import CounterChanged, CounterCreated, CounterValues
from sebilling.language import Sentence
from sebilling.money import format_rupiah
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a counter can change."""

    name: str
    due_day: int


@dataclass(frozen=True, slots=True)
class _Use:
    """Whether a counter is archived, and what it is used for: active customers, and cash that collectors hold of it or have deposited
    without a decision. Rupiah.
    """

    archived: bool
    customers: int
    cash: Decimal


@dataclass(frozen=True, slots=True)
class _Known:
    id: int
    code: str


_INSERT: Final = text(
    """
    INSERT INTO counter (code, name, timezone, due_day, created_at) VALUES (:code, :name, :timezone, :due_day, :at)
    ON CONFLICT (code) DO NOTHING RETURNING id
    """
)
_CODED: Final = text("SELECT EXISTS (SELECT FROM counter WHERE code = :code)")
_BY_CODES: Final = text("SELECT id, code FROM counter WHERE code = ANY(:codes)")
_BY_IDS: Final = text("SELECT id, code FROM counter WHERE id = ANY(:ids)")
_LOCK: Final = text("SELECT name, due_day FROM counter WHERE id = :id FOR NO KEY UPDATE")
_UPDATE: Final = text("UPDATE counter SET name = :name, due_day = :due_day WHERE id = :id")
_LOCKED: Final = text("SELECT id FROM counter WHERE id = :id FOR UPDATE")  # against customers who are added to it meanwhile
_USE: Final = text(
    """
    SELECT archived_at IS NOT NULL AS archived,
           (SELECT count(*) FROM customer WHERE counter_id = counter.id AND active) AS customers,
           (SELECT coalesce(sum(abs(on_hand) + waiting), 0) FROM drawer WHERE counter_id = counter.id) AS cash
      FROM counter WHERE id = :id
    """
)
_ARCHIVE: Final = text("UPDATE counter SET archived_at = :archived_at WHERE id = :id")
_ARCHIVED: Final = text(f"SELECT archived_at IS NOT NULL FROM counter WHERE id = :id AND {scope.sees('id')}")


async def create(session: WriteSession, *, code: str, name: str, timezone: str = JAKARTA, due_day: int = 20) -> int:
    """Add a counter and return its id. Its `code` becomes part of invoice numbers and never changes.

    Raises InvalidText, InvalidDate, InvalidInputs, AlreadyExists, Forbidden.
    """
    scope.central(session)
    with Problems() as check:
        values = CounterValues(
            code=check(validation.counter_code, code, field="code"), name=check(_name, name), timezone=check(_timezone, timezone),
            due_day=check(validation.due_day, due_day),
        )  # fmt: skip
        if check.found and await session.only_value(_CODED, {"code": values.code}, kind=bool):
            check.add(AlreadyExists(field="code", noun=Noun.COUNTER, given=values.code))
    bound = {"code": values.code, "name": values.name, "timezone": timezone, "due_day": values.due_day, "at": session.at}
    counter_id = await session.value(_INSERT, bound, kind=int)
    if counter_id is None:
        raise AlreadyExists(field="code", noun=Noun.COUNTER, given=values.code)
    await events.append(session, CounterCreated(after=values), subject_id=counter_id, counter_id=counter_id)
    return counter_id


def _name(name: str) -> str:
    return validation.clean(name, what=Sentence("The name", "Nama"), field="name")


def _timezone(timezone: str) -> str:
    """Return the time zone if it is one of Indonesia's. Raises InvalidText."""
    if timezone not in TIMEZONES:
        *others, last = TIMEZONES
        why = Sentence(f"use {', '.join(others)} or {last}.", f"pakai {', '.join(others)} atau {last}.")
        raise InvalidText(field="timezone", what=Sentence(f"The time zone '{timezone[:40]}'", f"Zona waktu '{timezone[:40]}'"), why=why)
    return timezone


async def update(session: WriteSession, counter_id: int, *, name: str | None = None, due_day: int | None = None) -> None:
    """Change a counter's name or the due day of its next invoices. Raises InvalidText, InvalidDate, InvalidInputs, NotFound."""
    row = await session.row(_LOCK, {"id": counter_id}, into=_Terms)
    if row is None or counter_id not in session.actor.scope:
        raise NotFound(field="counter_id", noun=Noun.COUNTER, given=counter_id)
    before = CounterValues(name=row.name, due_day=row.due_day)
    with Problems() as check:
        name, due_day = (
            row.name if name is None else check(_name, name),
            row.due_day if due_day is None else check(validation.due_day, due_day),
        )
    await session.execute(_UPDATE, {"id": counter_id, "name": name, "due_day": due_day})
    changed = CounterChanged(before=before, after=CounterValues(name=name, due_day=due_day))
    await events.append(session, changed, subject_id=counter_id, counter_id=counter_id)


async def archive(session: WriteSession, counter_id: int) -> None:
    """Archive a counter: no customer is added or moved to it any more. Open debts can still be paid there.

    Raises NotFound, AlreadyArchived, CounterInUse (it has active customers, or cash), Forbidden.
    """
    use = await _locked(session, counter_id, archived=True)
    if use.customers or use.cash:
        raise CounterInUse(
            field="counter_id", given=Noun.COUNTER.id(counter_id), customers=use.customers, cash=format_rupiah(int(use.cash))
        )
    await _set_archived(session, counter_id, archived=True)


async def unarchive(session: WriteSession, counter_id: int) -> None:
    """Bring an archived counter back. Raises NotFound, AlreadyArchived (it is in use), Forbidden."""
    await _locked(session, counter_id, archived=False)
    await _set_archived(session, counter_id, archived=False)


async def _locked(session: WriteSession, counter_id: int, *, archived: bool) -> _Use:
    """Lock the counter and return its use. Raises NotFound, AlreadyArchived if it is as wanted, Forbidden."""
    scope.central(session)
    if await session.value(_LOCKED, {"id": counter_id}, kind=int) is None:
        raise NotFound(field="counter_id", noun=Noun.COUNTER, given=counter_id)
    use = await session.only_row(_USE, {"id": counter_id}, into=_Use)
    if use.archived == archived:
        raise AlreadyArchived.of(Noun.COUNTER, counter_id, archived=archived)
    return use


async def _set_archived(session: WriteSession, counter_id: int, *, archived: bool) -> None:
    await session.execute(_ARCHIVE, {"id": counter_id, "archived_at": session.at if archived else None})
    changed = CounterChanged(before=CounterValues(archived=not archived), after=CounterValues(archived=archived))
    await events.append(session, changed, subject_id=counter_id, counter_id=counter_id)


async def check_open(session: ReadSession, counter_id: int, *, scope: Scope, field: InputPath = "counter_id") -> None:
    """Check that customers can be added to a counter of the scope. Raises NotFound, Archived."""
    archived = await session.value(_ARCHIVED, {"id": counter_id, "scope": scope.ids}, kind=bool)
    if archived is None:
        raise NotFound(field=field, noun=Noun.COUNTER, given=counter_id)
    if archived:
        raise Archived(field=field, noun=Noun.COUNTER, given=counter_id)


async def codes_of(session: ReadSession, counter_ids: Sequence[int]) -> list[str]:
    """Return the codes of the counters with these ids, in the same order. Raises NotFound."""
    codes = {row.id: row.code for row in await session.rows(_BY_IDS, {"ids": list(counter_ids)}, into=_Known)}
    if missing := [(index, counter_id) for index, counter_id in enumerate(counter_ids) if counter_id not in codes]:
        index, counter_id = missing[0]
        raise NotFound(field=("counter_ids", index), noun=Noun.COUNTER, given=counter_id)
    return [codes[counter_id] for counter_id in counter_ids]


async def by_codes(session: ReadSession, codes: Sequence[str]) -> list[int]:
    """Return the ids of the counters with these codes, in the same order. Raises NotFound."""
    ids = {row.code: row.id for row in await session.rows(_BY_CODES, {"codes": list(codes)}, into=_Known)}
    if missing := [code for code in codes if code not in ids]:
        raise NotFound(field="counters", noun=Noun.COUNTER, given=missing[0])
    return [ids[code] for code in codes]
