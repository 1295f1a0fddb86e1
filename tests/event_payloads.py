"""Whether what stands in the event log is as the catalogue says: known kinds, exact keys, types, ids as `cus_9`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, get_args, get_origin

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sebilling.clock import Month
from sebilling.db.engine import Database, ReadSession
from sebilling.events import KINDS
from sebilling.events.catalogue import fields_of
from sebilling.events.ids import PublicId
from sebilling.language import Sentence

_ABORTED: Final = "25P02"
_MOST_OF_A_KIND: Final = 1_000
"""An import writes tens of thousands of one kind by one statement: the newest tell what there is to tell."""
_EVENTS: Final = text(
    f"""
    SELECT kind, subject, data FROM (SELECT *, row_number() OVER (PARTITION BY kind ORDER BY id DESC) AS place FROM event) event
     WHERE place <= {_MOST_OF_A_KIND} ORDER BY id
    """
)
_IS_THERE: Final = text("SELECT to_regclass('event') IS NOT NULL")
INVENTING: Final = frozenset({"feed", "live", "plugins"})
"""Folders of tests that write events of their own invention."""
_READERS: Final[Mapping[type, Callable[[str], object]]] = {
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    Month: Month.parse,
    Decimal: Decimal,
}


async def wrong_events(session: ReadSession) -> list[str]:
    """What is wrong with the newest events of each kind; nothing if a statement has failed: the transaction can't be read any more."""
    try:
        rows = await session.rows(_EVENTS)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != _ABORTED:
            raise
        return []
    return [f"{row.kind}: {fault}" for row in rows for fault in faults(row.kind, row.subject, row.data)]


async def wrong_events_at(url: str) -> list[str]:
    """What is wrong with each event of a database; nothing if it has no log yet."""
    database = Database(url, connections=1)
    try:
        async with database.reading() as session:
            return await wrong_events(session) if await session.value(_IS_THERE) else []
    finally:
        await database.close()


def faults(kind: str, subject: str, data: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one event."""
    if kind not in KINDS:
        yield "no such kind"
        return
    if subject not in KINDS[kind].subjects:
        yield f"it is never about {subject}"
    yield from _part(data, KINDS[kind].payload, "")


def _part(data: Any, part: type, path: str) -> Iterator[str]:
    if not isinstance(data, dict):
        yield f"{path or 'data'} is {data!r}"
        return
    known = {field.name: field for field in fields_of(part)}
    for name in sorted(data.keys() ^ known.keys()):
        if name not in known or not known[name].optional:
            yield f"{path}{name} is {'left out' if name in known else 'unknown'}"
    for name in [name for name in known if name in data]:
        field = known[name]
        if data[name] is None:
            if not field.nullable:
                yield f"{path}{name} is null"
        else:
            for hint in field.types:
                yield from _value(data[name], hint, path + name)


def _value(value: Any, hint: Any, path: str) -> Iterator[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Sequence:
        if not isinstance(value, list):
            yield f"{path} is no list: {value!r}"
            return
        for item in value:
            yield from _value(item, arguments[0], f"{path}[]")
    elif origin is Mapping:
        if not isinstance(value, dict):
            yield f"{path} is no object: {value!r}"
            return
        for key, item in value.items():
            yield from _value(item, arguments[1], f"{path}.{key}")
    elif isinstance(hint, type) and is_dataclass(hint) and hint not in {Month, Sentence}:
        yield from _part(value, hint, f"{path}.")
    elif not _fits(value, hint):
        yield f"{path} is no {hint.__name__}: {value!r}"


def _fits(value: Any, hint: type) -> bool:
    if hint is Sentence:
        return isinstance(value, dict) and value.keys() == {"en", "id"} and all(isinstance(text, str) for text in value.values())
    if hint in {int, bool, str}:
        return type(value) is hint
    if hint is object or not isinstance(value, str):
        return hint is object
    if issubclass(hint, PublicId):
        return re.fullmatch(f"{hint.prefix}[1-9][0-9]*", value) is not None
    try:
        read = hint(value) if issubclass(hint, StrEnum) else _READERS[hint](value)
    except ValueError:
        return False
    return not isinstance(read, datetime) or read.tzinfo is not None
