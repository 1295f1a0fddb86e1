"""Loket in GraphQL."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import counters
from sebilling.clock import JAKARTA
from sebilling.errors import NotFound
from sebilling.schema import ids
from sebilling.schema.access import COUNTERS, EVERYONE, OFFICE, mutation, query
from sebilling.schema.connections import After, Connection, First
from sebilling.schema.context import Info
from sebilling.schema.errors import UserError
from sebilling.schema.reading import Node, Order, one, page


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
    counter="{t}.id",
)
_BY_CODE: Final = Order("code", "{t}.code", "text")


@query(EVERYONE, "The counters that the asker may see, by code.")
async def counter_list(info: Info, first: First = 50, after: After = None) -> Connection[Counter]:
    result: Any = await page(info, COUNTER, first=first, after=after, order=_BY_CODE)
    return result  # type: ignore[no-any-return]
