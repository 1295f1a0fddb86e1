"""The event log in GraphQL: what was done, when, and by whom."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import strawberry
from strawberry.scalars import JSON

from sebilling.errors import InvalidText
from sebilling.events import KINDS, Subject
from sebilling.language import Language, Sentence, in_language
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter
from sebilling.schema.customers import Customer
from sebilling.schema.engine.declarations import input_type, link, output, read
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import page
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import READERS
from sebilling.schema.scopes import AT_COUNTER
from sebilling.schema.users import User
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.scalars import Instant

_NOUNS: Final[Mapping[Subject, Noun]] = {
    Subject.APP_USER: Noun.USER, Subject.BLACKOUT_DATE: Noun.BLACKOUT_DATE, Subject.CHARGE: Noun.CHARGE, Subject.COUNTER: Noun.COUNTER,
    Subject.CUSTOMER: Noun.CUSTOMER, Subject.DEPOSIT: Noun.DEPOSIT, Subject.DEVICE: Noun.DEVICE, Subject.DISCOUNT: Noun.DISCOUNT,
    Subject.GENERATION_RUN: Noun.RUN, Subject.INVOICE: Noun.INVOICE, Subject.ISOLATION_HOLD: Noun.HOLD, Subject.PAYMENT: Noun.PAYMENT,
    Subject.PERIOD: Noun.PERIOD, Subject.PLAN: Noun.PLAN, Subject.SERVICE_ACCESS: Noun.ACCESS,
}  # fmt: skip
"""Subjects that have public ids."""
_SUBJECT_ID: Final = (
    "(CASE WHEN {t}.subject_id > 0 THEN CASE {t}.subject "
    + " ".join(f"WHEN '{subject}' THEN '{noun.prefix}_'" for subject, noun in _NOUNS.items())
    + " END END || {t}.subject_id)"
)


@output("Event in the event log. Never edited, never deleted.", "event", scope=AT_COUNTER)
class Event:
    id: strawberry.ID = read("Opaque id.", READERS, sql="{t}.id::text")
    at: Instant = read("Time at which it happened.", READERS)
    actor: str = read("Name of the user who caused it, as it was at that time.", READERS, sql="{t}.actor_name")
    user: User | None = link("User who caused it; null if it was no user.", READERS, "app_user", "{n}.id = {t}.actor_id", follows=True)
    kind: str = read(
        "Kind of the event:\n" + "\n".join(f"* {kind.text}: {kind.sentence.replace('`', '')}" for kind in KINDS.values()), READERS
    )
    subject: str = read("Kind of the object that it concerns, such as payment.", READERS)
    subject_id: strawberry.ID | None = read(
        "Id of the object that it concerns, such as pay_12; null if it concerns all of them, or things without an id.",
        READERS,
        sql=_SUBJECT_ID,
    )
    customer: Customer | None = link(
        "Customer whom it concerns; null if it concerns none, or several.",
        READERS,
        "customer",
        "{n}.id = event_customer({t}.subject, {t}.subject_id, {t}.data)",
        follows=True,
    )
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
    kinds: list[str] | None = strawberry.field(default=None, description="Kinds or their prefixes, as in kind; an empty list means none.")
    actor: str | None = strawberry.field(default=None, description="Name of the user who caused it, as it was at that time.")
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the user who caused it.")
    subject: str | None = strawberry.field(default=None, description="Kind of the object that it concerns, such as payment.")
    subject_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the object that it concerns, such as pay_12, inv_3 or usr_4."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the customer whom it concerns, with their payments, invoices, service accesses and so on."
    )
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the counter.")
    since: Instant | None = strawberry.field(default=None, description="Time at or after which it happened.")
    until: Instant | None = strawberry.field(default=None, description="Time before which it happened.")


@query(READERS, "List events, newest first.")
async def events(
    info: Info,
    part: Slice,
    filter: Annotated[EventFilter | None, strawberry.argument(description="Filter; lists all if left out.")] = None,
) -> Connection[Event]:
    conditions = {} if filter is None else _conditions(filter)
    connection = await page(info, Event, part, order=_NEWEST, conditions=conditions, as_rows=True)
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
        conditions[_of_kinds([filter.kind])] = {}
    if filter.kinds is not None:
        conditions[_of_kinds(filter.kinds)] = {}
    if filter.actor_id is not None:
        conditions["t.actor_id = :actor_id"] = {"actor_id": ids.decode(filter.actor_id, Noun.USER, field=("filter", "actorId"))}
    if filter.counter_id is not None:
        conditions["t.counter_id = :counter"] = {"counter": ids.decode(filter.counter_id, Noun.COUNTER, field=("filter", "counterId"))}
    if filter.customer_id is not None:
        customer_id = ids.decode(filter.customer_id, Noun.CUSTOMER, field=("filter", "customerId"))
        conditions["event_customer(t.subject, t.subject_id, t.data) = :customer"] = {"customer": customer_id}
    if filter.subject_id is not None:
        conditions["t.subject = :subject_of_id AND t.subject_id = :subject_id"] = _subject(filter.subject_id)
    return conditions


def _of_kinds(wanted: Sequence[str]) -> str:
    """SQL condition on the events of these kinds, or of all kinds that one of them is the prefix of.

    They stand in the statement, as PostgreSQL must know whether they are frequent: rare ones are found by an index, frequent ones by
    reading the newest events. The catalogue has all kinds, so nothing of what the caller wrote stands there.
    """
    exact = {kind.rstrip(".") for kind in wanted}
    prefixes = tuple(f"{kind}." for kind in exact)
    kinds = ", ".join(f"'{kind}'" for kind in KINDS if kind in exact or kind.startswith(prefixes))
    return f"t.kind IN ({kinds})" if kinds else "false"


def _subject(public_id: str) -> dict[str, object]:
    """The parameters of an event's subject. Raises InvalidText."""
    for subject, noun in _NOUNS.items():
        if public_id.startswith(f"{noun.prefix}_"):
            return {"subject_of_id": subject.value, "subject_id": ids.decode(public_id, noun, field=("filter", "subjectId"))}
    why = Sentence("send an id such as pay_12, inv_3 or usr_4.", "kirim id seperti pay_12, inv_3 atau usr_4.")
    raise InvalidText(field=("filter", "subjectId"), what=Sentence("The subject's id", "Id subject"), why=why)


QUERIES: Final = [events]
