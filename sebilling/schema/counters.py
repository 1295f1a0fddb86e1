"""Counters (loket) in GraphQL."""

from datetime import datetime
from typing import Annotated, Any, Final, Protocol

import strawberry

from sebilling.billing import counters as verbs
from sebilling.clock import JAKARTA
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import Roles, input_type, link, output, payload, read
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import EVERYONE, OFFICE
from sebilling.schema.scopes import COUNTER_ITSELF
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Payload, given, row
from sebilling.schema.values.scalars import Instant


@output("Counter (loket): a place or route where customers pay.", "counter", scope=COUNTER_ITSELF)
class Counter:
    id: strawberry.ID = read("Opaque id.", EVERYONE, sql=ids.column(Noun.COUNTER, "{t}.id"))
    code: str = read("Code, such as LKT01; part of invoice numbers, never changes.", EVERYONE)
    name: str = read("Display name.", EVERYONE)
    timezone: str = read("Time zone: Asia/Jakarta (WIB), Asia/Makassar (WITA) or Asia/Jayapura (WIT).", EVERYONE)
    due_day: int = read("Day of the month, 1 to 28, on which the counter's invoices are due.", EVERYONE)
    archived_at: Instant | None = read("Time since which no customer is added to it; null if it is not archived.", EVERYONE)


def counters_of_user(roles: Roles) -> Any:
    """Declare the counters of a user, for each type that shows one."""
    return link(
        "Counters at which a clerk or collector works; empty for other roles, which see all counters.", roles, "counter",
        "{n}.id IN (SELECT counter_id FROM user_counter WHERE user_id = {t}.id)", order="{n}.code",
    )  # fmt: skip


class OfCounter(Protocol):
    """Figures of one counter, together with the counter's columns."""

    @property
    def counter_id(self) -> int: ...
    @property
    def counter_code(self) -> str: ...
    @property
    def counter_name(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def due_day(self) -> int: ...
    @property
    def archived_at(self) -> datetime | None: ...


def counter_of(figures: OfCounter) -> dict[str, Any]:
    """The counter of the figures, as a row."""
    return {
        "id": Noun.COUNTER.id(figures.counter_id), "code": figures.counter_code, "name": figures.counter_name,
        "timezone": figures.timezone, "due_day": figures.due_day, "archived_at": figures.archived_at,
    }  # fmt: skip


_BY_CODE: Final = Order("code", "{t}.code", "text")


@input_type("Filter of counters; all conditions must hold.")
class CounterFilter:
    archived: bool | None = strawberry.field(
        default=False, description="Whether the counter is archived; null lists both. Without a filter no archived counter is listed."
    )


_ARCHIVED: Final[dict[bool | None, Conditions]] = {None: {}, False: {"t.archived_at IS NULL": {}}, True: {"t.archived_at IS NOT NULL": {}}}


@query(EVERYONE, "List the counters that the caller may see, by code.")
async def counters(
    info: Info,
    part: Slice,
    filter: Annotated[CounterFilter | None, strawberry.argument(description="Filter.")] = None,
) -> Connection[Counter]:
    conditions = _ARCHIVED[False if filter is None else filter.archived]
    return await page(info, Counter, part, order=_BY_CODE, conditions=conditions)


@query(EVERYONE, "Get one counter by id or code; null if it does not exist or the caller may not see it.")
async def counter(
    info: Info,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="Id of the counter.")] = None,
    code: Annotated[str | None, strawberry.argument(description="Code of the counter, such as LKT01.")] = None,
) -> Counter | None:
    row_id = ids.decode_either(id, code, Noun.COUNTER)
    return await one(info, Counter, "(t.id = :id OR t.code = :code)", {"id": row_id, "code": (code or "").upper()})


@input_type("Input of createCounter.")
class CreateCounterInput:
    code: str = strawberry.field(description="Unique code of letters, digits and hyphens, such as LKT01; part of invoice numbers.")
    name: str = strawberry.field(description="Display name.")
    timezone: str = strawberry.field(default=JAKARTA, description="Time zone: Asia/Jakarta, Asia/Makassar or Asia/Jayapura.")
    due_day: int = strawberry.field(default=20, description="Day of the month on which invoices are due, 1 to 28.")


@payload("Result of createCounter.")
class CreateCounterPayload(Payload):
    counter: Counter | None = strawberry.field(description="The new counter.")


async def _shown(info: Info, counter_id: int) -> Any:
    return row(counter=await one(info, Counter, "t.id = :id", {"id": counter_id}, below=("counter",)))


@mutation(OFFICE, "Add a counter.")
async def create_counter(info: Info, input: Annotated[CreateCounterInput, INPUT]) -> CreateCounterPayload:
    async with info.context.transaction() as session:
        counter_id = await verbs.create(session, code=input.code, name=input.name, timezone=input.timezone, due_day=input.due_day)
    return await _shown(info, counter_id)


@input_type("Changes to a counter; fields that are left out keep their value.")
class UpdateCounterInput:
    id: strawberry.ID = strawberry.field(description="Id of the counter.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Display name.")
    due_day: int | None = strawberry.field(
        default=strawberry.UNSET, description="Day of the month on which future invoices are due, 1 to 28."
    )


@payload("Result of updateCounter, archiveCounter or unarchiveCounter.")
class UpdateCounterPayload(Payload):
    counter: Counter | None = strawberry.field(description="Counter after the change.")


@mutation(OFFICE, "Change a counter.")
async def update_counter(info: Info, input: Annotated[UpdateCounterInput, INPUT]) -> UpdateCounterPayload:
    counter_id = ids.decode(input.id, Noun.COUNTER, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.update(session, counter_id, **given(name=input.name, due_day=input.due_day))
    return await _shown(info, counter_id)


@input_type("Id of a counter.")
class CounterIdInput:
    id: strawberry.ID = strawberry.field(description="Id of the counter.")


@mutation(OFFICE, "Archive a counter without active customers and cash: it is hidden, and no customer is added to it any more.")
async def archive_counter(info: Info, input: Annotated[CounterIdInput, INPUT]) -> UpdateCounterPayload:
    counter_id = ids.decode(input.id, Noun.COUNTER, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.archive(session, counter_id)
    return await _shown(info, counter_id)


@mutation(OFFICE, "Bring an archived counter back.")
async def unarchive_counter(info: Info, input: Annotated[CounterIdInput, INPUT]) -> UpdateCounterPayload:
    counter_id = ids.decode(input.id, Noun.COUNTER, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.unarchive(session, counter_id)
    return await _shown(info, counter_id)


QUERIES: Final = [counters, counter]
MUTATIONS: Final = [create_counter, update_counter, archive_counter, unarchive_counter]
