"""Connections: pages of lists with edges, nodes, page info, and a total that is counted only if selected."""

from typing import Annotated, Generic, TypeVar

import strawberry

from sebilling.schema.engine.declarations import output, read
from sebilling.schema.request.roles import EVERYONE

First = Annotated[int, strawberry.argument(description="Number of rows, 1 to 200.")]
After = Annotated[str | None, strawberry.argument(description="Value of pageInfo.endCursor of the previous page.")]
T = TypeVar("T")


@output("Position of a page in its list.")
class PageInfo:
    has_next_page: bool = read("Whether more rows follow.", EVERYONE)
    has_previous_page: bool = read("Whether the page started after a cursor.", EVERYONE)
    start_cursor: str | None = read("Cursor of the first row.", EVERYONE)
    end_cursor: str | None = read("Cursor of the last row, to send as `after` for the next page.", EVERYONE)


@strawberry.type(description="Row with its cursor.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The row.")
    cursor: str = strawberry.field(description="Position in the list; stays valid when rows are added.")


@strawberry.type(description="Page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="Rows with their cursors.")
    nodes: list[T] = strawberry.field(description="Rows without cursors.")
    page_info: PageInfo = strawberry.field(description="Position of the page.")
    total_count: int = strawberry.field(description="Number of rows in the whole list; counted only if selected.")
