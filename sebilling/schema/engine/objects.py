"""Rows as JSON objects, which Python parses and completes: SQL for what a document selects, whatever its fields need.

The fields of all values of the directives are read, so that the statement kept with the document is valid for every request.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode

from sebilling.schema.context import Info
from sebilling.schema.engine import selections
from sebilling.schema.engine.bounds import Bounds
from sebilling.schema.engine.declarations import NODES, Link, Node

Selection = dict[str, "Selection"]
"""Selected field → selection below it."""
WITHHELD: Final = "!withheld"
"""Key of the object that stands for a value which the caller may not read; its value names the roles that may. Nothing else is read."""
_SNAKE: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


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


def merged(first: Selection, second: Selection) -> Selection:
    """Both selections in one."""
    return {name: merged(first.get(name, {}), second.get(name, {})) for name in {**first, **second}}


def object_sql(node: Node, alias: str, selected: Selection, names: Iterator[str], bounds: Bounds) -> str:
    """SQL for a JSON object of the selected fields of the row `alias`."""
    parts = []
    for name, below in selected.items():
        if name in node.readers and (readers := bounds.withheld(node, name)) is not None:
            parts.append(f"'{name}', json_build_object('{WITHHELD}', '{' / '.join(sorted(readers))}')")
        elif name in node.columns:
            parts.append(f"'{name}', {node.columns[name].format(t=alias)}")
        elif name in node.links:
            parts.append(f"'{name}', {_link_sql(node.links[name], alias, below, names, bounds)}")
        elif name != "__typename":
            raise LookupError(f"{node.table} doesn't say how to read {name}")
    return f"json_build_object({', '.join(parts)})"


def _link_sql(link: Link, alias: str, selected: Selection, names: Iterator[str], bounds: Bounds) -> str:
    node, other = NODES[link.table], next(names)
    item = object_sql(node, other, selected, names, bounds)
    rows = f"FROM {node.table} {other} WHERE {link.where.format(t=alias, n=other)}{bounds.link(link, other)}"
    if not link.many:
        return f"(SELECT {item} {rows})"
    order = link.order.format(n=other)
    if link.most is None:
        return f"(SELECT coalesce(json_agg({item} ORDER BY {order}), '[]') {rows})"
    return f"(SELECT coalesce(json_agg(item), '[]') FROM (SELECT {item} AS item {rows} ORDER BY {order} LIMIT {link.most}) rows)"


def aliases() -> Iterator[str]:
    """Aliases of linked rows."""
    number = 0
    while True:
        number += 1
        yield f"n{number}"
