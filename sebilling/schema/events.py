"""The event log in GraphQL: who did what when."""

from typing import Annotated, Final

import strawberry
from strawberry.scalars import JSON

from sebilling.schema.access import READERS, query
from sebilling.schema.connections import After, Connection, First
from sebilling.schema.context import Info
from sebilling.schema.reading import Conditions, Node, Order, page
from sebilling.schema.scalars import Instant


@strawberry.type(description="Something that happened. Never edited, never deleted.")
class Event:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    at: Instant = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Name of who did it.")
    kind: str = strawberry.field(description="What, such as payment.recorded.")
    subject: str = strawberry.field(description="To what sort of thing.")
    data: JSON = strawberry.field(description="What changed, before and after.")


EVENT: Final = Node(
    "event",
    {"id": "{t}.id::text", "actor": "{t}.actor_name"} | {name: f"{{t}}.{name}" for name in ("at", "kind", "subject", "data")},
)
_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@query(READERS, "What happened, the newest first.")
async def events(
    info: Info,
    first: First = 50,
    after: After = None,
    kind: Annotated[str | None, strawberry.argument(description="Only such, as payment.recorded.")] = None,
) -> Connection[Event]:
    conditions: Conditions = {} if kind is None else {"t.kind = :kind": {"kind": kind}}
    return await page(info, EVENT, first=first, after=after, order=_NEWEST, conditions=conditions)


QUERIES: Final = [events]
