"""Rows as JSON objects, which Python parses and completes: SQL for what a document selects, whatever its fields need.

The fields of all values of the directives are read, so that the statement kept with the document is valid for every request.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionSetNode, get_named_type

from sebilling.schema.context import Info
from sebilling.schema.engine import selections
from sebilling.schema.engine.bounds import Bounds
from sebilling.schema.engine.declarations import NODES, Link, Node
from sebilling.schema.engine.selections import applies

Selection = dict[str, "Selection"]
"""Selected field → selection below it."""
WITHHELD: Final = "!withheld"
"""Key of the object that stands for a value which the caller may not read; its value names the roles that may. Nothing else is read."""
_SNAKE: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


def selection(info: Info, *below: str, kind: str | None = None) -> Selection:
    """The fields that the document can select below this root field, fragments merged, directives ignored: at worst too much is read,
    and the statement kept with the document is valid for all values of its variables. `kind` is the type of an interface's rows."""
    raw = selections.raw_of(info)
    selected: Selection = {}
    merging, root = _Merging(raw.fragments), raw.schema.type_map[kind] if kind else get_named_type(raw.return_type)
    for node in selections.nodes(info):
        merging.merge(root, selected, node.selection_set)
    for name in below:
        selected = selected.get(name, {})
    return selected


class _Merging:
    """Merges selections of an object into one; each fragment once into each part, to avoid exponential expansion."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._spread: set[tuple[int, str]] = set()

    def merge(self, kind: Any, into: Selection, selected: SelectionSetNode | None) -> None:
        """Merge what applies to a type."""
        for node in selected.selections if selected is not None else ():
            if isinstance(node, FieldNode):
                name = _SNAKE.sub(lambda letter: f"_{letter[1].lower()}", node.name.value)
                field = kind.fields.get(node.name.value)  # none for __typename
                self.merge(field and get_named_type(field.type), into.setdefault(name, {}), node.selection_set)
                continue
            fragment: Any = node
            if isinstance(node, FragmentSpreadNode):
                if (id(into), node.name.value) in self._spread:
                    continue
                self._spread.add((id(into), node.name.value))
                fragment = self._fragments[node.name.value]
            if applies(kind, fragment.type_condition):
                self.merge(kind, into, fragment.selection_set)


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
