"""Counters (loket): places and routes where customers pay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope, validation
from sebilling.clock import JAKARTA, TIMEZONES
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import AlreadyExists, InvalidText, NotFound
from sebilling.events.isp import CounterChanged, CounterCreated, CounterValues
from sebilling.language import Sentence
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a counter can change."""

    name: str
    due_day: int


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
_BY_CODES: Final = text("SELECT id, code FROM counter WHERE code = ANY(:codes)")
_LOCK: Final = text("SELECT name, due_day FROM counter WHERE id = :id FOR NO KEY UPDATE")
_UPDATE: Final = text("UPDATE counter SET name = :name, due_day = :due_day WHERE id = :id")


async def create(session: WriteSession, *, code: str, name: str, timezone: str = JAKARTA, due_day: int = 20) -> int:
    """Add a counter and return its id. Its `code` becomes part of invoice numbers and never changes.

    Raises InvalidText, InvalidDate, AlreadyExists, Forbidden.
    """
    scope.central(session)
    code = validation.counter_code(code, field="code")
    if timezone not in TIMEZONES:
        *others, last = TIMEZONES
        why = Sentence(f"use {', '.join(others)} or {last}.", f"pakai {', '.join(others)} atau {last}.")
        raise InvalidText(field="timezone", what=Sentence(f"The time zone '{timezone[:40]}'", f"Zona waktu '{timezone[:40]}'"), why=why)
    name = validation.clean(name, what=Sentence("The name", "Nama"), field="name")
    values = CounterValues(code=code, name=name, timezone=timezone, due_day=validation.due_day(due_day))
    bound = {"code": code, "name": name, "timezone": timezone, "due_day": values.due_day, "at": session.at}
    counter_id = await session.value(_INSERT, bound, kind=int)
    if counter_id is None:
        raise AlreadyExists(field="code", noun=Noun.COUNTER, given=code)
    await events.append(session, CounterCreated(after=values), subject_id=counter_id, counter_id=counter_id)
    return counter_id


async def update(session: WriteSession, counter_id: int, *, name: str | None = None, due_day: int | None = None) -> None:
    """Change a counter's name or the due day of its next invoices. Raises InvalidText, InvalidDate, NotFound."""
    row = await session.row(_LOCK, {"id": counter_id}, into=_Terms)
    if row is None or counter_id not in session.actor.scope:
        raise NotFound(field="counter_id", noun=Noun.COUNTER, given=counter_id)
    before = CounterValues(name=row.name, due_day=row.due_day)
    after = CounterValues(
        name=row.name if name is None else validation.clean(name, what=Sentence("The name", "Nama"), field="name"),
        due_day=row.due_day if due_day is None else validation.due_day(due_day),
    )
    await session.execute(_UPDATE, {"id": counter_id, "name": after.name, "due_day": after.due_day})
    await events.append(session, CounterChanged(before=before, after=after), subject_id=counter_id, counter_id=counter_id)


async def by_codes(session: ReadSession, codes: Sequence[str]) -> list[int]:
    """Return the ids of the counters with these codes, in the same order. Raises NotFound."""
    ids = {row.code: row.id for row in await session.rows(_BY_CODES, {"codes": list(codes)}, into=_Known)}
    if missing := [code for code in codes if code not in ids]:
        raise NotFound(field="counters", noun=Noun.COUNTER, given=missing[0])
    return [ids[code] for code in codes]
