"""Lists: connections with edges, nodes, page info and a total that is counted only when asked for."""

from typing import Annotated, Generic, TypeVar

import strawberry

First = Annotated[int, strawberry.argument(description="How many rows, 1 to 200.")]
After = Annotated[str | None, strawberry.argument(description="pageInfo.endCursor of the page before.")]
T = TypeVar("T")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether rows follow.")
    has_previous_page: bool = strawberry.field(description="Whether the page began behind a cursor.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first row.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last row: `after` for the next page.")


@strawberry.type(description="A row and its cursor.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The row.")
    cursor: str = strawberry.field(description="Its place in the list; stays right while rows are added.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="Rows with their cursors.")
    nodes: list[T] = strawberry.field(description="Rows alone.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Rows in the whole list; counted only when asked for.")
