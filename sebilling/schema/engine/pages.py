"""Pages: which rows a connection shows, in which order, and from which cursor on."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sebilling import cursors
from sebilling.errors import InvalidCursor
from sebilling.schema.engine.bounds import Bounds
from sebilling.schema.engine.declarations import Node

MAX_ROWS: Final = 200
"""Maximum number of rows of a page."""
Conditions = dict[str, Mapping[str, Any]]
"""SQL condition on the row `t` → the parameters that it binds."""


@dataclass(frozen=True)
class Order:
    """Sort key, never null; the row's id breaks ties."""

    name: str
    """Name in cursors, so that a cursor of another order is refused."""
    key: str
    type: str
    descending: bool = False

    @property
    def way(self) -> str:
        """SQL for the direction."""
        return "DESC" if self.descending else "ASC"

    @property
    def back(self) -> str:
        """SQL for the opposite direction."""
        return "ASC" if self.descending else "DESC"


def where(conditions: Sequence[str]) -> str:
    """The WHERE clause of these conditions, with a space in front; empty if there are none."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def bound(conditions: Conditions) -> dict[str, Any]:
    """The parameters of all conditions."""
    return {name: value for parameters in conditions.values() for name, value in parameters.items()}


def is_searched(conditions: Collection[str]) -> bool:
    """Whether a condition searches in texts. Its statement is planned for the text at hand: with a plan for any text PostgreSQL would
    walk through the whole order instead of using the index of trigrams."""
    return any("LIKE" in condition for condition in conditions)


def chosen(node: Node, conditions: Sequence[str], order: Order, *, limit: int, resumed: bool, bounds: Bounds) -> str:
    """SQL for the first rows of a page, whole and in order: those that meet all conditions and that the caller may see.

    The limit is literal: with a parameter, PostgreSQL plans for a tenth of the table. With `resumed`, rows come after the position that
    `position` binds.
    """
    key, sign, way = order.key.format(t="t"), "<" if order.descending else ">", order.way
    resume = [f"({key}, t.id) {sign} (CAST(:after_key AS {order.type}), CAST(:after_id AS bigint))"] if resumed else []
    first_ones = f"ORDER BY {key} {way}, t.id {way} LIMIT {limit}"
    if bounds.bounded and node.scope.by_counter:
        # Read counter by counter: a month's invoices are stored one counter after the other, and a clerk's page would scan them all.
        own = f"SELECT t.* FROM {node.table} t{where([*conditions, 't.counter_id = seen.id', *resume])} {first_ones}"
        return f"SELECT t.* FROM unnest(CAST(:scope AS bigint[])) seen(id) CROSS JOIN LATERAL ({own}) t {first_ones}"
    return f"SELECT t.* FROM {node.table} t{where([*conditions, *bounds.root(node), *resume])} {first_ones}"


def cursor(order: Order, key: Any, row_id: int) -> str:
    """The cursor of a row."""
    return cursors.encode(order.name, key, row_id)


def position(after: str, order: Order) -> dict[str, Any]:
    """The parameters of the position after which a page begins. Raises InvalidCursor."""
    try:
        name, key, row_id = cursors.decode(after)
    except ValueError as error:
        raise InvalidCursor(field=("after",)) from error
    if name != order.name or type(row_id) is not int or not 0 < row_id < 2**63:
        raise InvalidCursor(field=("after",))
    try:
        return {"after_key": _KEY_TYPES[order.type](key), "after_id": row_id}
    except (ValueError, TypeError) as error:
        raise InvalidCursor(field=("after",)) from error


def _exact_text(key: Any) -> str:
    if not isinstance(key, str) or "\0" in key:  # schema/request/characters.py cannot see inside a forged cursor
        raise TypeError
    return key


def _exact_int(key: Any) -> int:
    if type(key) is not int or not -(2**63) <= key < 2**63:
        raise TypeError
    return key


def _exact_day(key: Any) -> date:
    return date.fromisoformat(_exact_text(key))


_KEY_TYPES: Final[Mapping[str, Callable[[Any], Any]]] = {"text": _exact_text, "bigint": _exact_int, "date": _exact_day}
