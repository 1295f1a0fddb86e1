"""Loket in GraphQL."""

from typing import Annotated, Any, Final, Protocol

import strawberry

from sebilling.billing import counters as verbs
from sebilling.clock import JAKARTA
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import EVERYONE, OFFICE, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Payload, given, row
from sebilling.schema.engine.reading import Node, Order, one, page


@strawberry.type(description="Loket: a place or route where customers pay.")
class Counter:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    code: str = strawberry.field(description="Such as LKT01; part of invoice numbers, never changes.")
    name: str = strawberry.field(description="For people.")
    timezone: str = strawberry.field(description="Asia/Jakarta (WIB), Asia/Makassar (WITA) or Asia/Jayapura (WIT).")
    due_day: int = strawberry.field(description="Day of the month, 1 to 28, on which its invoices fall due.")


COUNTER: Final = Node(
    "counter",
    {"id": ids.column("counter", "{t}.id")} | {name: f"{{t}}.{name}" for name in ("code", "name", "timezone", "due_day")},
)


class OfCounter(Protocol):
    """Figures of one counter, with its columns beside them."""

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


def counter_of(figures: OfCounter) -> dict[str, Any]:
    """The counter that the figures belong to, as a row."""
    return {
        "id": f"cou_{figures.counter_id}", "code": figures.counter_code, "name": figures.counter_name,
        "timezone": figures.timezone, "due_day": figures.due_day,
    }  # fmt: skip


_BY_CODE: Final = Order("code", "{t}.code", "text")


@query(EVERYONE, "The counters that the caller may see, by code.")
async def counters(info: Info, first: First = 50, after: After = None) -> Connection[Counter]:
    return await page(info, COUNTER, first=first, after=after, order=_BY_CODE)


@query(EVERYONE, "One counter, by its id or its code; null if there is none, or none that the caller may see.")
async def counter(
    info: Info,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,
    code: Annotated[str | None, strawberry.argument(description="Its code, such as LKT01.")] = None,
) -> Counter | None:
    row_id = ids.decode_either(id, code, "counter")
    return await one(info, COUNTER, "(t.id = :id OR t.code = :code)", {"id": row_id, "code": (code or "").upper()})


@strawberry.input(description="A new counter.")
class CreateCounterInput:
    code: str = strawberry.field(description="Letters, digits and hyphens, such as LKT01: part of invoice numbers.")
    name: str = strawberry.field(description="For people.")
    timezone: str = strawberry.field(default=JAKARTA, description="Asia/Jakarta, Asia/Makassar or Asia/Jayapura.")
    due_day: int = strawberry.field(default=20, description="1 to 28.")


@strawberry.type(description="What came of createCounter.")
class CreateCounterPayload(Payload):
    counter: Counter | None = strawberry.field(description="The new counter.")


@mutation(OFFICE, "Add a counter.")
async def create_counter(info: Info, input: Annotated[CreateCounterInput, INPUT]) -> CreateCounterPayload:
    async with info.context.transaction() as session:
        counter_id = await verbs.create(session, code=input.code, name=input.name, timezone=input.timezone, due_day=input.due_day)
    return row(counter=await one(info, COUNTER, "t.id = :id", {"id": counter_id}, below=("counter",)))


@strawberry.input(description="Changes of a counter; what is left out stays.")
class UpdateCounterInput:
    id: strawberry.ID = strawberry.field(description="Which.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="For people.")
    due_day: int | None = strawberry.field(default=strawberry.UNSET, description="1 to 28, for invoices to come.")


@strawberry.type(description="What came of updateCounter.")
class UpdateCounterPayload(Payload):
    counter: Counter | None = strawberry.field(description="The counter as it is now.")


@mutation(OFFICE, "Change a counter.")
async def update_counter(info: Info, input: Annotated[UpdateCounterInput, INPUT]) -> UpdateCounterPayload:
    counter_id = ids.decode(input.id, "counter", field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.update(session, counter_id, **given(name=input.name, due_day=input.due_day))
    return row(counter=await one(info, COUNTER, "t.id = :id", {"id": counter_id}, below=("counter",)))


QUERIES: Final = [counters, counter]
MUTATIONS: Final = [create_counter, update_counter]
