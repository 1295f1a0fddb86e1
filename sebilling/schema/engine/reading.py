"""Reading: turn a query's selection into one SQL statement that returns the result as JSON.

The types say how their fields are read (schema/engine/declarations.py). The statement is built from the document's selection and kept
with the document in the document cache, so that a repeated query goes straight to the driver. Rows are plain dicts, which `resolve`
reads by the field's name. See docs/decisions/0005.

For callers who are limited to counters, the scope of each table adds conditions at the root and at every link of a statement: a row of
another counter is null, or left out of its list, whatever a resolver asks for. See docs/decisions/0013.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson
from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode
from sqlalchemy import TextClause, text

from sebilling import cursors
from sebilling.errors import InvalidCursor, InvalidPageSize
from sebilling.language import Language
from sebilling.schema.engine import selections
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.declarations import NODES, Link, Node, node_of

MAX_ROWS: Final = 200
"""Maximum number of rows of a page."""


@dataclass(frozen=True)
class Order:
    """Sort key, never null; the row's id breaks ties."""

    name: str
    """Name in cursors, so that a cursor of another order is refused."""
    key: str
    type: str
    descending: bool = False


Selection = dict[str, "Selection"]
"""Selected field → selection below it."""
Conditions = dict[str, Mapping[str, Any]]
"""SQL condition → the parameters that it binds."""
_SNAKE: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


def resolve(source: Any, name: str) -> Any:
    """Resolve a field by default: an item of a row, an attribute of anything else."""
    return source[name] if isinstance(source, dict) else getattr(source, name)


def selection(info: Info, *below: str) -> Selection:
    """The fields that the document can select below this root field, fragments merged, directives ignored: at worst too much is read,
    and the statement kept with the document is valid for all values of its variables."""
    fragments = selections.raw_of(info).fragments
    selected: Selection = {}
    spread: set[tuple[int, str]] = set()
    for node in selections.nodes(info):
        _merge(selected, node.selection_set, fragments, spread)
    for name in below:
        selected = selected.get(name, {})
    return selected


def _merge(
    into: Selection, selected: SelectionSetNode | None, fragments: Mapping[str, FragmentDefinitionNode], spread: set[tuple[int, str]]
) -> None:
    """Merge a selection into another; `spread` has the fragments already merged into each part, to avoid exponential expansion."""
    for node in selected.selections if selected is not None else ():
        if isinstance(node, FieldNode):
            name = _SNAKE.sub(lambda letter: f"_{letter[1].lower()}", node.name.value)
            _merge(into.setdefault(name, {}), node.selection_set, fragments, spread)
        elif isinstance(node, InlineFragmentNode):
            _merge(into, node.selection_set, fragments, spread)
        elif isinstance(node, FragmentSpreadNode) and (id(into), node.name.value) not in spread:
            spread.add((id(into), node.name.value))
            _merge(into, fragments[node.name.value].selection_set, fragments, spread)


def _merged(first: Selection, second: Selection) -> Selection:
    return {name: _merged(first.get(name, {}), second.get(name, {})) for name in {**first, **second}}


@dataclass(frozen=True)
class _Bounds:
    """The caller's limits, some counters or none, and their language."""

    scope: list[int] | None
    caller: int | None
    language: Language

    @property
    def bounded(self) -> bool:
        return self.scope is not None

    def root(self, node: Node, alias: str = "t", *, by_id: bool = False) -> list[str]:
        """The condition on rows that are read directly, if there is one. Raises LookupError for a table that is part of other rows."""
        row_scope = node.scope
        if row_scope.is_part:
            raise LookupError(f"{node.table} is a part of other rows: read it by a link")
        condition = (row_scope.one_by_one if by_id else "") or row_scope.condition
        return [condition.format(t=alias)] if self.bounded and condition else []

    def link(self, link: Link, alias: str) -> str:
        """The condition on rows that are reached by a link from a visible row."""
        row_scope = NODES[link.table].scope
        condition = row_scope.by_link or row_scope.condition
        return f" AND {condition.format(t=alias)}" if self.bounded and condition and not link.follows else ""

    @property
    def parameters(self) -> dict[str, Any]:
        own: dict[str, Any] = {"language": self.language}
        return own if self.scope is None else own | {"scope": self.scope, "caller": self.caller}


def _bounds(info: Info) -> _Bounds:
    actor = info.context.signed_in
    return _Bounds(actor.scope.ids, actor.user_id, info.context.language)


def object_sql(node: Node, alias: str, selected: Selection, names: Iterator[str], bounds: _Bounds) -> str:
    """SQL for a JSON object of the selected fields of the row `alias`."""
    parts = []
    for name, below in selected.items():
        if name in node.columns:
            parts.append(f"'{name}', {node.columns[name].format(t=alias)}")
        elif name in node.links:
            parts.append(f"'{name}', {_link_sql(node.links[name], alias, below, names, bounds)}")
        elif name != "__typename":
            raise LookupError(f"{node.table} doesn't say how to read {name}")
    return f"json_build_object({', '.join(parts)})"


def _link_sql(link: Link, alias: str, selected: Selection, names: Iterator[str], bounds: _Bounds) -> str:
    node, other = NODES[link.table], next(names)
    item = object_sql(node, other, selected, names, bounds)
    rows = f"FROM {node.table} {other} WHERE {link.where.format(t=alias, n=other)}{bounds.link(link, other)}"
    if not link.many:
        return f"(SELECT {item} {rows})"
    order = link.order.format(n=other)
    if link.most is None:
        return f"(SELECT coalesce(json_agg({item} ORDER BY {order}), '[]') {rows})"
    return f"(SELECT coalesce(json_agg(item), '[]') FROM (SELECT {item} AS item {rows} ORDER BY {order} LIMIT {link.most}) rows)"


def _aliases() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"n{number}"


async def one(info: Info, kind: type, condition: str, parameters: Mapping[str, Any], *, below: Sequence[str] = ()) -> Any:
    """Read the row that meets the condition (on alias `t`) and that the caller may see, as a dict; None if there is none."""
    context, bounds, node = info.context, _bounds(info), node_of(kind)
    key = ("one", *selections.key(info), node.table, tuple(below), condition, bounds.bounded)
    statement: TextClause | None = context.plans.get(key)
    if statement is None:
        item = object_sql(node, "t", selection(info, *below), _aliases(), bounds)
        where = _where([condition, *bounds.root(node, by_id=True)])
        statement = context.plans[key] = text(f"SELECT CAST({item} AS text) FROM {node.table} t{where}")
    async with context.parts.database.reading() as session:
        json_row = await session.value(statement, {**parameters, **bounds.parameters})
    return None if json_row is None else orjson.loads(json_row)


async def many(info: Info, kind: type, row_ids: Sequence[int], *, below: Sequence[str] = ()) -> dict[int, Any]:
    """Read the rows of these ids that the caller may see, as dicts by id, in one statement."""
    context, bounds, node = info.context, _bounds(info), node_of(kind)
    key = ("many", *selections.key(info), node.table, tuple(below), bounds.bounded)
    statement: TextClause | None = context.plans.get(key)
    if statement is None:
        item = object_sql(node, "t", selection(info, *below), _aliases(), bounds)
        where = _where(["t.id = ANY (CAST(:ids AS bigint[]))", *bounds.root(node)])
        statement = context.plans[key] = text(f"SELECT t.id, CAST({item} AS text) FROM {node.table} t{where}")
    async with context.parts.database.reading() as session:
        return {row[0]: orjson.loads(row[1]) for row in await session.rows(statement, {"ids": sorted(set(row_ids)), **bounds.parameters})}


async def every(info: Info, kind: type, *, order: str, conditions: Conditions | None = None) -> Any:
    """Read all rows that meet the conditions and that the caller may see, as dicts. Only for lists that stay short."""
    context, bounds, node = info.context, _bounds(info), node_of(kind)
    conditions = conditions or {}
    item = object_sql(node, "t", selection(info), _aliases(), bounds)
    where = _where([*conditions, *bounds.root(node)])
    statement = text(f"SELECT CAST(coalesce(json_agg({item} ORDER BY {order}), '[]') AS text) FROM {node.table} t{where}")
    async with context.parts.database.reading() as session:
        return orjson.loads(await session.value(statement, _bound(conditions) | bounds.parameters))


async def page(info: Info, kind: type, *, first: int, after: str | None, order: Order, conditions: Conditions | None = None) -> Any:
    """Read a page of a connection: rows after the cursor that meet all conditions and that the caller may see.

    Raises InvalidPageSize, InvalidCursor.
    """
    if not 1 <= first <= MAX_ROWS:
        raise InvalidPageSize(field=("first",), given=first, most=MAX_ROWS)
    context, bounds, node = info.context, _bounds(info), node_of(kind)
    conditions = conditions or {}
    key = ("page", *selections.key(info), node.table, tuple(conditions), order, first, after is None, bounds.bounded)
    plan: _PagePlan | None = context.plans.get(key)
    if plan is None:
        plan = context.plans[key] = _page_plan(
            node, selection(info), tuple(conditions), order, first=first, resumed=after is not None, bounds=bounds
        )
    bound = _bound(conditions) | bounds.parameters
    if after is not None:
        bound |= _position(after, order)
    async with context.parts.database.reading() as session:
        result = await session.row(plan.statement, bound)
    if result is None:
        raise RuntimeError("the statement of a page returned no row")
    rows = orjson.loads(result[0])
    more = len(rows) > first
    del rows[first:]
    edges = [{"node": row["node"], "cursor": _cursor(order, row["key"], row["id"])} for row in rows] if plan.cursors else []
    start, end = (_cursor(order, row["key"], row["id"]) for row in (rows[0], rows[-1])) if rows else (None, None)
    return {
        "edges": edges, "nodes": [row["node"] for row in rows], "total_count": result[1],
        "page_info": {"has_next_page": more, "has_previous_page": after is not None, "start_cursor": start, "end_cursor": end},
    }  # fmt: skip


@dataclass(frozen=True)
class _PagePlan:
    statement: TextClause
    cursors: bool
    """Whether edges with cursors are selected."""


def _page_plan(
    node: Node, selected: Selection, conditions: Sequence[str], order: Order, *, first: int, resumed: bool, bounds: _Bounds
) -> _PagePlan:
    fields = _merged(selected.get("nodes", {}), selected.get("edges", {}).get("node", {}))
    key, sign, way = order.key.format(t="t"), "<" if order.descending else ">", "DESC" if order.descending else "ASC"
    where = [*conditions, *bounds.root(node)]
    resume = [f"({key}, t.id) {sign} (CAST(:after_key AS {order.type}), CAST(:after_id AS bigint))"] if resumed else []
    total = "NULL" if "total_count" not in selected else f"(SELECT count(*) FROM {node.table} t{_where(where)})"
    # The LIMIT is literal: with a parameter, PostgreSQL plans for a tenth of the table. Rows are chosen before their JSON is built.
    first_ones = f"ORDER BY {key} {way}, t.id {way} LIMIT {first + 1}"
    if bounds.bounded and node.scope.by_counter:
        # Read counter by counter: a month's invoices are stored one counter after the other, and a clerk's page would scan them all.
        own = f"SELECT t.* FROM {node.table} t{_where([*conditions, 't.counter_id = seen.id', *resume])} {first_ones}"
        chosen = f"SELECT t.* FROM unnest(CAST(:scope AS bigint[])) seen(id) CROSS JOIN LATERAL ({own}) t {first_ones}"
    else:
        chosen = f"SELECT t.* FROM {node.table} t{_where([*where, *resume])} {first_ones}"
    item = f"json_build_object('node', {object_sql(node, 't', fields, _aliases(), bounds)}, 'key', {key}, 'id', t.id)"
    return _PagePlan(
        text(
            f"SELECT CAST(coalesce((SELECT json_agg(item) FROM (SELECT {item} AS item FROM ({chosen}) t"
            f" ORDER BY {key} {way}, t.id {way}) page), '[]') AS text), {total}"
        ),
        cursors="edges" in selected,
    )


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _bound(conditions: Conditions) -> dict[str, Any]:
    return {name: value for parameters in conditions.values() for name, value in parameters.items()}


def _cursor(order: Order, key: Any, row_id: int) -> str:
    return cursors.encode(order.name, key, row_id)


def _position(cursor: str, order: Order) -> dict[str, Any]:
    try:
        name, key, row_id = cursors.decode(cursor)
    except ValueError as error:
        raise InvalidCursor(field=("after",)) from error
    if name != order.name or type(row_id) is not int or not 0 < row_id < 2**63:
        raise InvalidCursor(field=("after",))
    try:
        return {"after_key": _KEY_TYPES[order.type](key), "after_id": row_id}
    except (ValueError, TypeError) as error:
        raise InvalidCursor(field=("after",)) from error


def _exact_text(key: Any) -> str:
    if not isinstance(key, str) or "\0" in key:  # schema/engine/characters.py cannot see inside a forged cursor
        raise TypeError
    return key


def _exact_int(key: Any) -> int:
    if type(key) is not int or not -(2**63) <= key < 2**63:
        raise TypeError
    return key


def _exact_day(key: Any) -> date:
    return date.fromisoformat(_exact_text(key))


_KEY_TYPES: Final[Mapping[str, Callable[[Any], Any]]] = {"text": _exact_text, "bigint": _exact_int, "date": _exact_day}
