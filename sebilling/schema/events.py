"""The event log in GraphQL: what was done, when, and by whom."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

import strawberry
from strawberry.scalars import JSON

from sebilling.errors import InvalidText
from sebilling.events import KINDS
from sebilling.language import Language, Sentence, in_language
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter
from sebilling.schema.engine.declarations import input_type, link, output, read
from sebilling.schema.engine.pages import Conditions, Order
from sebilling.schema.engine.reading import page
from sebilling.schema.engine.scopes import AT_COUNTER
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import READERS
from sebilling.schema.values import ids
from sebilling.schema.values.connections import After, Connection, First
from sebilling.schema.values.scalars import Instant


@output("Event in the event log. Never edited, never deleted.", "event", scope=AT_COUNTER)
class Event:
    id: strawberry.ID = read("Opaque id.", READERS, sql="{t}.id::text")
    at: Instant = read("Time at which it happened.", READERS)
    actor: str = read("Name of the user who caused it.", READERS, sql="{t}.actor_name")
    kind: str = read(
        "Kind of the event:\n" + "\n".join(f"* {kind.text}: {kind.sentence.replace('`', '')}" for kind in KINDS.values()), READERS
    )
    subject: str = read("Kind of the object that it concerns, such as payment.", READERS)
    subject_id: str = read("Number of the object that it concerns, as in its id.", READERS, sql="{t}.subject_id::text")
    counter: Counter | None = link(
        "Counter at which it happened; null if it belongs to none.", READERS, "counter", "{n}.id = {t}.counter_id", follows=True
    )
    data: JSON = read("Details of the change, such as values before and after; docs/event_kinds.md lists the keys of each kind.", READERS)


_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@input_type("Filter of events; all conditions must hold.")
class EventFilter:
    kind: str | None = strawberry.field(
        default=None, description="Kind of the event, such as payment.recorded, or its prefix, such as payment."
    )
    actor: str | None = strawberry.field(default=None, description="Name of the user who caused it, as it was at that time.")
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the user who caused it.")
    subject: str | None = strawberry.field(default=None, description="Kind of the object that it concerns, such as payment.")
    subject_id: str | None = strawberry.field(
        default=None, description="Number of the object that it concerns, as in its id; requires subject."
    )
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the counter.")
    since: Instant | None = strawberry.field(default=None, description="Time at or after which it happened.")
    until: Instant | None = strawberry.field(default=None, description="Time before which it happened.")


@query(READERS, "List events, newest first.")
async def events(
    info: Info,
    first: First = 50,
    after: After = None,
    filter: Annotated[EventFilter | None, strawberry.argument(description="Filter; lists all if left out.")] = None,
) -> Connection[Event]:
    conditions = {} if filter is None else _conditions(filter)
    connection = await page(info, Event, first=first, after=after, order=_NEWEST, conditions=conditions, as_rows=True)
    say_in_language(connection["nodes"], info.context.language)
    return connection


def say_in_language(rows: Iterable[dict[str, Any]], language: Language) -> None:
    """Replace texts of events that are stored in both languages, in place, by those in one language."""
    for event in rows:
        if "data" in event:
            event["data"] = in_language(event["data"], language)


_EXACT: Final = {
    "actor": "t.actor_name = :actor",
    "subject": "t.subject = :subject",
    "since": "t.at >= :since",
    "until": "t.at < :until",
}


def _conditions(filter: EventFilter) -> Conditions:
    conditions: Conditions = {
        condition: {name: getattr(filter, name)} for name, condition in _EXACT.items() if getattr(filter, name) is not None
    }
    if filter.kind is not None:
        conditions[_of_kind(filter.kind.rstrip("."))] = {}
    if filter.actor_id is not None:
        conditions["t.actor_id = :actor_id"] = {"actor_id": ids.decode(filter.actor_id, Noun.USER, field=("filter", "actorId"))}
    if filter.counter_id is not None:
        conditions["t.counter_id = :counter"] = {"counter": ids.decode(filter.counter_id, Noun.COUNTER, field=("filter", "counterId"))}
    if filter.subject_id is not None:
        conditions["t.subject_id = :subject_id"] = {"subject_id": _number(filter)}
    return conditions


def _of_kind(wanted: str) -> str:
    """SQL condition on the events of a kind, or of all kinds that it is the prefix of.

    They stand in the statement, as PostgreSQL must know whether they are frequent: rare ones are found by an index, frequent ones by
    reading the newest events. The catalogue has all kinds, so nothing of what the caller wrote stands there.
    """
    kinds = ", ".join(f"'{kind}'" for kind in KINDS if kind == wanted or kind.startswith(f"{wanted}."))
    return f"t.kind IN ({kinds})" if kinds else "false"


def _number(filter: EventFilter) -> int:
    """The number of the subject. Raises InvalidText."""
    number = filter.subject_id or ""
    if filter.subject is None or not (number.isascii() and number.isdecimal() and len(number) <= 18):
        why = Sentence(
            "name the subject too, and give the number alone: of pay_12 it is 12.",
            "sebutkan juga subject, dan isi nomornya saja: dari pay_12 isinya 12.",
        )
        raise InvalidText(field=("filter", "subjectId"), what=Sentence("The subject's number", "Nomor subject"), why=why)
    return int(number)


QUERIES: Final = [events]
