"""Reading: turn a query's selection into one SQL statement, and its rows into the answer.

The types say how their fields are read (schema/engine/declarations.py). Where all selected fields are plain, the statement writes the
answer's text, which is passed through (schema/engine/shapes.py). Anything else takes the ordinary path: the statement returns JSON objects
(schema/engine/objects.py), whose rows are dicts that `resolve` reads by the field's name. Statements are kept with the document. See
docs/decisions/0005 and 0024.

For callers who are limited to counters, the scope of each table adds conditions at the root and at every link of a statement: a row of
another counter is null, or left out of its list, whatever a resolver asks for. See docs/decisions/0013.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from graphql import FieldNode, GraphQLOutputType
from sqlalchemy import TextClause, text

from sebilling.access_errors import Forbidden
from sebilling.schema.context import Info
from sebilling.schema.engine import bounds as limits
from sebilling.schema.engine import selections
from sebilling.schema.engine.bounds import Bounds
from sebilling.schema.engine.declarations import Node, node_of
from sebilling.schema.engine.objects import WITHHELD, aliases, merged, object_sql, selection
from sebilling.schema.engine.pages import Conditions, Order, Slice, bound, chosen, cursor, is_searched, where
from sebilling.schema.engine.shapes import MARK, NotPlain, Shape, Shaped, descend

_ALL_IDS: Final = "t.id = ANY (CAST(:ids AS bigint[]))"


def resolve(source: Any, name: str) -> Any:
    """Resolve a field by default: an item of a row, an attribute of anything else. Raises Forbidden for what the caller may not read."""
    if not isinstance(source, dict):
        return getattr(source, name)
    value = source[name]
    if isinstance(value, dict) and WITHHELD in value:
        raise Forbidden(roles=value[WITHHELD])
    return value


async def one(info: Info, kind: type, condition: str, parameters: Mapping[str, Any], *, below: Sequence[str] = ()) -> Any:
    """Read the row that meets the condition (on alias `t`) and that the caller may see; None if there is none."""
    bounds, node = limits.of_caller(info), node_of(kind)
    conditions = [condition, *bounds.root(node, by_id=True)]
    return await _single(info, ("one", node.table, condition), node, conditions, parameters, bounds, below)


async def totals(info: Info, kind: type, conditions: Conditions) -> Any:
    """Read the totals of the rows that meet all conditions and that the caller may see; `kind` is declared by `totals`."""
    bounds, node = limits.of_caller(info), node_of(kind)
    what = ("totals", kind.__name__, tuple(conditions))
    # HAVING makes it one row, even if nothing but __typename is selected.
    return await _single(info, what, node, [*conditions, *bounds.root(node)], bound(conditions), bounds, end=" HAVING true")


async def _single(  # noqa: PLR0917 - all of a statement's parts
    info: Info,
    what: tuple[Any, ...],
    node: Node,
    conditions: Sequence[str],
    parameters: Mapping[str, Any],
    bounds: Bounds,
    below: Sequence[str] = (),
    end: str = "",
) -> Any:
    """The only row of a statement; None if there is none."""
    context, parameters = info.context, {**parameters, **bounds.parameters}

    def shaped(shape: Shape, kind: GraphQLOutputType, nodes: Sequence[FieldNode]) -> str:
        return f"SELECT {shape.row(kind, nodes, node, conditions)}{end}"

    statement = _shaped_plan(info, what, bounds, shaped, below)
    if statement is not None:
        answer = await _text(info, statement, parameters, conditions)
        if answer is None:
            return None
        if MARK not in answer:
            return Shaped(answer)
    key = (*what, *selections.key(info), tuple(below), bounds.key)
    statement = context.plans.get(key)
    if statement is None:
        item = object_sql(node, "t", selection(info, *below), aliases(), bounds)
        statement = context.plans[key] = text(f"SELECT CAST({item} AS text) FROM {node.table} t{where(conditions)}{end}")
    async with context.parts.database.reading() as session:
        json_row = await session.value(statement, parameters)
    return None if json_row is None else orjson.loads(json_row)


async def many(info: Info, kind: type, row_ids: Sequence[int], *, below: Sequence[str] = (), as_rows: bool = False) -> dict[int, Any]:
    """Read the rows of these ids that the caller may see, by id, in one statement; with `as_rows`, as dicts in any case."""
    context, bounds, node = info.context, limits.of_caller(info), node_of(kind)
    conditions = [_ALL_IDS, *bounds.root(node)]
    parameters = {"ids": sorted(set(row_ids)), **bounds.parameters}

    def shaped(shape: Shape, kind: GraphQLOutputType, nodes: Sequence[FieldNode]) -> str:
        return f"SELECT t.id, {shape.row(kind, nodes, node, conditions)}"

    statement = None if as_rows else _shaped_plan(info, ("many", node.table), bounds, shaped, below)
    if statement is not None:
        rows = await context.parts.database.fetch(statement, parameters)
        if not any(MARK in row[1] for row in rows):
            return {row[0]: Shaped(row[1]) for row in rows}
    key = ("many", *selections.key(info), node.table, tuple(below), bounds.key)
    statement = context.plans.get(key)
    if statement is None:
        item = object_sql(node, "t", selection(info, *below), aliases(), bounds)
        statement = context.plans[key] = text(f"SELECT t.id, CAST({item} AS text) FROM {node.table} t{where(conditions)}")
    async with context.parts.database.reading() as session:
        return {row[0]: orjson.loads(row[1]) for row in await session.rows(statement, parameters)}


async def every(info: Info, kind: type, *, order: str, conditions: Conditions | None = None) -> Any:
    """Read all rows that meet the conditions and that the caller may see. Only for lists that stay short."""
    context, bounds, node = info.context, limits.of_caller(info), node_of(kind)
    conditions = conditions or {}
    all_conditions = [*conditions, *bounds.root(node)]
    parameters = bound(conditions) | bounds.parameters

    def shaped(shape: Shape, kind: GraphQLOutputType, nodes: Sequence[FieldNode]) -> str:
        return shape.rows(kind, nodes, node, all_conditions, order)

    statement = _shaped_plan(info, ("every", node.table, tuple(conditions), order), bounds, shaped)
    if statement is not None:
        answer = await _text(info, statement, parameters, all_conditions)
        if answer is not None and MARK not in answer:
            return Shaped(answer)
    item = object_sql(node, "t", selection(info), aliases(), bounds)
    listed = f"CAST(coalesce(json_agg({item} ORDER BY {order}), '[]') AS text)"
    statement = text(f"SELECT {listed} FROM {node.table} t{where(all_conditions)}")
    async with context.parts.database.reading() as session:
        return orjson.loads(await session.only_value(statement, parameters, kind=str))


async def page(info: Info, kind: type, part: Slice, *, order: Order, conditions: Conditions | None = None, as_rows: bool = False) -> Any:
    """Read a part of a connection: rows that meet all conditions and that the caller may see. With `as_rows`, its rows are dicts.

    Raises InvalidCursor.
    """
    context, bounds, node = info.context, limits.of_caller(info), node_of(kind)
    conditions = conditions or {}
    parameters = bound(conditions) | bounds.parameters | part.position(order)

    def shaped(shape: Shape, kind: GraphQLOutputType, nodes: Sequence[FieldNode]) -> str:
        return shape.page(kind, nodes, node, tuple(conditions), order, part=part)

    what = (node.table, tuple(conditions), order, part.count, part.is_resumed, part.is_backward)
    statement = None if as_rows else _shaped_plan(info, ("page", *what), bounds, shaped)
    if statement is not None:
        answer = await _text(info, statement, parameters, conditions)
        if answer is not None and MARK not in answer:
            return Shaped(answer)
    key = ("page", *selections.key(info), *what, bounds.key)
    plan: _PagePlan | None = context.plans.get(key)
    if plan is None:
        plan = context.plans[key] = _page_plan(info, node, tuple(conditions), order, part, bounds=bounds)
    return await _page_of_rows(info, plan, parameters, order, part)


async def _text(info: Info, statement: TextClause, parameters: Mapping[str, Any], conditions: Collection[str]) -> str | None:
    """What a statement writes, together with those of the document's other root fields."""
    is_alone = len(selections.raw_of(info).operation.selection_set.selections) == 1
    return await info.context.reads.text(statement, parameters, is_searched=is_searched(conditions), is_alone=is_alone)


def _shaped_plan(
    info: Info,
    what: tuple[Any, ...],
    bounds: Bounds,
    sql: Callable[[Shape, GraphQLOutputType, Sequence[FieldNode]], str],
    below: Sequence[str] = (),
) -> TextClause | None:
    """The statement that writes the answer itself, kept with the document; None if that must take the ordinary path.

    It is kept by the very nodes that the request selects, as they depend on the values of directives.
    """
    if not info.context.parts.settings.answers_from_sql:
        return None
    raw, plans = selections.raw_of(info), info.context.plans
    key = ("shaped", *what, *below, bounds.key, *map(id, raw.field_nodes))
    if key not in plans:
        try:
            kind, nodes = descend(raw.return_type, raw.field_nodes, raw.fragments, below)
            plans[key] = text(sql(Shape(raw.fragments, bounds), kind, nodes))
        except NotPlain:
            plans[key] = None
    statement: TextClause | None = plans[key]
    return statement


@dataclass(frozen=True)
class _PagePlan:
    statement: TextClause
    cursors: bool
    """Whether edges with cursors are selected."""


def _page_plan(info: Info, node: Node, conditions: Sequence[str], order: Order, part: Slice, *, bounds: Bounds) -> _PagePlan:
    selected = selection(info)
    fields = merged(selected.get("nodes", {}), selected.get("edges", {}).get("node", {}))
    total = "NULL" if "total_count" not in selected else f"(SELECT count(*) FROM {node.table} t{where([*conditions, *bounds.root(node)])})"
    key = order.key.format(t="t")
    # Rows are chosen before their JSON is built.
    rows = chosen(node, conditions, part.taken(order), limit=part.count + 1, resumed=part.is_resumed, bounds=bounds)
    item = f"json_build_object('node', {object_sql(node, 't', fields, aliases(), bounds)}, 'key', {key}, 'id', t.id)"
    return _PagePlan(
        text(
            f"SELECT CAST(coalesce((SELECT json_agg(item) FROM (SELECT {item} AS item FROM ({rows}) t"
            f" ORDER BY {key} {order.way}, t.id {order.way}) page), '[]') AS text), {total}"
        ),
        cursors="edges" in selected,
    )


async def _page_of_rows(info: Info, plan: _PagePlan, parameters: Mapping[str, Any], order: Order, part: Slice) -> Any:
    async with info.context.parts.database.reading() as session:
        result = await session.row(plan.statement, parameters)
    if result is None:
        raise RuntimeError("the statement of a page returned no row")
    rows = orjson.loads(result[0])
    more, resumed = len(rows) > part.count, part.is_resumed
    rows = rows[-part.count :] if part.is_backward else rows[: part.count]
    edges = [{"node": row["node"], "cursor": cursor(order, row["key"], row["id"])} for row in rows] if plan.cursors else []
    start, end = (cursor(order, row["key"], row["id"]) for row in (rows[0], rows[-1])) if rows else (None, None)
    has_next, has_previous = (resumed, more) if part.is_backward else (more, resumed)
    return {
        "edges": edges, "nodes": [row["node"] for row in rows], "total_count": result[1],
        "page_info": {"has_next_page": has_next, "has_previous_page": has_previous, "start_cursor": start, "end_cursor": end},
    }  # fmt: skip
