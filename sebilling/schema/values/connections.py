"""Connections: parts of lists with edges, nodes, page info, and a total that is counted only if selected."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Generic, TypeVar

import strawberry

from sebilling.schema.engine.declarations import output, read
from sebilling.schema.engine.pages import DEFAULT_ROWS, MAX_ROWS, Slice
from sebilling.schema.request.roles import EVERYONE

T = TypeVar("T")
_PART: Final = "part"
"""The parameter of a resolver in whose place the API has four arguments."""


def _argument(name: str, kind: Any, description: str, default: object = None) -> inspect.Parameter:
    annotated: Any = Annotated
    annotation = annotated[kind | None, strawberry.argument(description=description)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_ARGUMENTS: Final = (
    _argument("first", int, f"Number of rows, 1 to {MAX_ROWS}; null is {DEFAULT_ROWS}.", DEFAULT_ROWS),
    _argument("after", str, "Value of pageInfo.endCursor of the previous page."),
    _argument("last", int, f"Number of rows from the end of the list, or before `before`, 1 to {MAX_ROWS}; counts instead of `first`."),
    _argument("before", str, "Value of pageInfo.startCursor of the next page; needs `last`."),
)


def paged(resolver: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Give a resolver with a parameter `part: Slice` the arguments first, after, last and before in its place; any other stays as it is."""
    signature = inspect.signature(resolver)
    if _PART not in signature.parameters:
        return resolver

    @functools.wraps(resolver)
    async def with_arguments(info: Any, **arguments: Any) -> Any:
        named = [arguments.pop(argument.name, argument.default) for argument in _ARGUMENTS]
        part = Slice.of(*named)
        return await resolver(info, part=part, **arguments)

    del with_arguments.__wrapped__
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in signature.parameters.values()][1:]
    before = [parameter for parameter in own if parameter.default is parameter.empty and parameter.name != _PART]
    behind = [parameter for parameter in own if parameter.default is not parameter.empty]
    info = signature.parameters["info"]
    with_arguments.__signature__ = signature.replace(parameters=[info, *before, *_ARGUMENTS, *behind])  # type: ignore[attr-defined]  # for Strawberry
    return with_arguments


@output("Position of a page in its list.")
class PageInfo:
    has_next_page: bool = read("Whether more rows follow; of the last rows, whether they end before a cursor.", EVERYONE)
    has_previous_page: bool = read("Whether rows come before; of the first rows, whether they begin after a cursor.", EVERYONE)
    start_cursor: str | None = read("Cursor of the first row, to send as `before` for the previous page.", EVERYONE)
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
