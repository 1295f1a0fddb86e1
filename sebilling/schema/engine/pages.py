"""Pages: which rows a connection shows, in which order, and from which cursor on."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from sebilling import cursors
from sebilling.errors import InvalidCursor, InvalidPageSize
from sebilling.schema.engine.bounds import Bounds
from sebilling.schema.engine.declarations import Node

MAX_ROWS: Final = 200
"""Maximum number of rows of a page."""
DEFAULT_ROWS: Final = 50
Conditions = dict[str, Mapping[str, Any]]
"""SQL condition on the row `t` → the parameters that it binds."""


@dataclass(frozen=True)
class Parts:
    """Parts of a table that follow each other in an order. An index has each part's rows in it, and a page needs the first parts only."""

    rows: str
    """SQL for the parts, one row each: `place`, a text by which they follow each other (collation "C"), and whatever `of` names."""
    of: str
    """Condition on the row `t` of the part `part`."""
    key: str
    """Column that orders the rows of a part; no two have the same."""
    place: str
    """SQL for the place of the part to which the row {t} belongs."""


@dataclass(frozen=True)
class Order:
    """Sort key, never null; the row's id breaks ties."""

    name: str
    """Name in cursors, so that a cursor of another order is refused."""
    key: str
    type: str
    descending: bool = False
    by_counter: bool = False
    """Whether an index has each counter's rows in this order, so that they are read counter by counter also for who sees all."""
    source: str = ""
    """SQL for the table's rows together with the key, where it is no column of theirs; empty: the table."""
    parts: Parts | None = None
    """Parts that are read one after the other: in ascending order, and where a page finds its rows in a few of them."""

    @property
    def way(self) -> str:
        """SQL for the direction."""
        return "DESC" if self.descending else "ASC"

    @property
    def back(self) -> str:
        """SQL for the opposite direction."""
        return "ASC" if self.descending else "DESC"

    def backwards(self) -> "Order":
        """The opposite order, in which the last rows come first."""
        return replace(self, descending=not self.descending, parts=None)


@dataclass(frozen=True)
class Slice:
    """Part of a list: at most `count` rows, after or before a row, from the list's beginning or its end."""

    count: int
    cursor: str | None = None
    is_backward: bool = False
    """Whether it is the last of the rows that there are (before the cursor)."""

    @classmethod
    def of(cls, first: int | None, after: str | None, last: int | None, before: str | None) -> "Slice":
        """The part that a connection's arguments name; the first DEFAULT_ROWS if they name none. Raises InvalidPageSize, InvalidCursor."""
        if last is None and before is not None:
            raise InvalidCursor(field=("before",))
        if last is not None and after is not None:
            raise InvalidCursor(field=("after",))
        name, count = ("first", DEFAULT_ROWS if first is None else first) if last is None else ("last", last)
        if not 1 <= count <= MAX_ROWS:
            raise InvalidPageSize(field=(name,), given=count, most=MAX_ROWS)
        return cls(count, after if last is None else before, is_backward=last is not None)

    def taken(self, order: Order) -> Order:
        """The order in which rows are taken from the list."""
        return order.backwards() if self.is_backward else order

    @property
    def is_resumed(self) -> bool:
        """Whether it begins at a cursor."""
        return self.cursor is not None

    def position(self, order: Order) -> dict[str, Any]:
        """The parameters of the cursor's position. Raises InvalidCursor."""
        return {} if self.cursor is None else position(self.cursor, order, field="before" if self.is_backward else "after")


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
    if order.parts is not None:
        return _chosen_by_parts(node, conditions, order.parts, limit=limit, resumed=resumed, bounds=bounds)
    table = order.source or node.table
    key, sign, way = order.key.format(t="t"), "<" if order.descending else ">", order.way
    resume = [f"({key}, t.id) {sign} (CAST(:after_key AS {order.type}), CAST(:after_id AS bigint))"] if resumed else []
    first_ones = f"ORDER BY {key} {way}, t.id {way} LIMIT {limit}"
    if node.scope.by_counter and (bounds.bounded or order.by_counter):
        # Read counter by counter: a month's invoices are stored one counter after the other, and a clerk's page would scan them all.
        seen = "unnest(CAST(:scope AS bigint[])) seen(id)" if bounds.bounded else "counter seen"
        own = f"SELECT t.* FROM {table} t{where([*conditions, 't.counter_id = seen.id', *resume])} {first_ones}"
        return f"SELECT t.* FROM {seen} CROSS JOIN LATERAL ({own}) t {first_ones}"
    return f"SELECT t.* FROM {table} t{where([*conditions, *bounds.root(node), *resume])} {first_ones}"


def _chosen_by_parts(node: Node, conditions: Sequence[str], parts: Parts, *, limit: int, resumed: bool, bounds: Bounds) -> str:
    """As `chosen`. The position is that of the row whose id the cursor has, as rows of such tables stay where they are."""
    key, rows = f"t.{parts.key}", parts.rows
    resume = [f"{key} > part.after"] if resumed else []
    if resumed:
        last = (
            f"SELECT {parts.place.format(t='t')} AS place, {key} AS key FROM {node.table} t WHERE t.id = CAST(:after_id AS bigint) LIMIT 1"
        )
        rows = (
            f"SELECT part.*, CASE WHEN part.place = last.place THEN last.key ELSE 0 END AS after"
            f" FROM ({rows}) part JOIN ({last}) last ON part.place >= last.place"
        )
    own = f"SELECT t.* FROM {node.table} t{where([*conditions, *bounds.root(node), parts.of, *resume])} ORDER BY {key} LIMIT {limit}"
    return f"SELECT t.* FROM ({rows} ORDER BY place) part CROSS JOIN LATERAL ({own}) t ORDER BY part.place, {key} LIMIT {limit}"


def cursor(order: Order, key: Any, row_id: int) -> str:
    """The cursor of a row."""
    return cursors.encode(order.name, key, row_id)


def position(cursor: str, order: Order, *, field: str = "after") -> dict[str, Any]:
    """The parameters of the position after which a page begins. Raises InvalidCursor."""
    try:
        name, key, row_id = cursors.decode(cursor)
        if name == order.name and type(row_id) is int and 0 < row_id < 2**63:
            return {"after_key": _KEY_TYPES[order.type](key), "after_id": row_id}
    except (ValueError, TypeError) as error:
        raise InvalidCursor(field=(field,)) from error
    raise InvalidCursor(field=(field,))


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
