"""Shapes: SQL that writes an answer's JSON text in the document's own shape, with its aliases and in its order.

The ordinary path builds JSON objects in SQL, parses them, completes each value and writes them again. A selection of plain fields needs
none of it: the statement made here concatenates the very text of the answer, and Python passes it through. See docs/decisions/0024.

What isn't planned here raises NotPlain, and the ordinary path (schema/engine/completion.py) answers. In the place of a null where none may
be, a value that isn't its enum's, or an integer out of range stands MARK; then the ordinary path answers, and reports the exact error.

Objects are concatenated, as `json_build_object` looks up the types of its arguments with every call: it takes 1.7 times as long. NULL
spreads through `||`, so that an object with a missing part is missing as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    InlineFragmentNode,
    SelectionSetNode,
    is_leaf_type,
)

from sebilling.schema.engine.bounds import Bounds
from sebilling.schema.engine.declarations import NODES, Link, Node
from sebilling.schema.engine.pages import Order, Slice, chosen, where
from sebilling.schema.engine.selections import applies

MARK: Final = "\x01"
"""Byte of a text that is not the answer. JSON texts escape it."""
_MARK_SQL: Final = r"E'\x01'"
_ESCAPED: Final = frozenset({"String", "Month", "Rate", "Date"})
"""Scalars that are JSON strings; dates as PostgreSQL writes them in JSON."""
_INSTANT: Final = """('"' || to_char({sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"')"""
"""An instant in UTC with exactly three digits of a second, as values/scalars.py writes it."""
_BARE: Final = frozenset({"Rupiah", "Boolean"})
_SMALLEST_INT, _LARGEST_INT = -(2**31), 2**31 - 1
Fragments = Mapping[str, FragmentDefinitionNode]
Asked = dict[str, list[FieldNode]]
"""Response key → the nodes that select it, in the document's order."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """The finished JSON text of a value, to be passed through."""

    text: str


class NotPlain(Exception):
    """Something that only the ordinary path can answer."""


class Text:
    """A text in parts: constants, of which neighbours are joined, and SQL expressions."""

    def __init__(self) -> None:
        self._parts: list[tuple[str, bool]] = []

    def constant(self, text: str) -> "Text":
        """Append a constant."""
        if self._parts and self._parts[-1][1]:
            text = self._parts.pop()[0] + text
        self._parts.append((text, True))
        return self

    def expression(self, sql: str) -> "Text":
        """Append an SQL expression of the type text."""
        self._parts.append((sql, False))
        return self

    def __str__(self) -> str:
        """SQL that concatenates the parts."""
        begin = [] if self._parts and self._parts[0][1] else ["''"]
        return " || ".join([*begin, *(_quoted(part) if is_constant else part for part, is_constant in self._parts)])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace(":", r"\:") + "'"  # SQLAlchemy's text() would bind what follows a colon


def asked_below(kind: GraphQLObjectType, nodes: Sequence[FieldNode], fragments: Fragments) -> Asked:
    """What these nodes select of an object, as graphql-core collects it. Raises NotPlain for directives."""
    return asked_in(kind, [node.selection_set for node in nodes], fragments)


def asked_in(kind: GraphQLObjectType, selection_sets: Sequence[SelectionSetNode | None], fragments: Fragments) -> Asked:
    """What these sets select of an object. Raises NotPlain as `asked_below`."""
    asked: Asked = {}
    spread: set[str] = set()
    for selection_set in selection_sets:
        _collect(kind, selection_set, fragments, asked, spread)
    return asked


def _collect(kind: GraphQLObjectType, selected: SelectionSetNode | None, fragments: Fragments, asked: Asked, spread: set[str]) -> None:
    for node in selected.selections if selected is not None else ():
        if node.directives:
            raise NotPlain
        if isinstance(node, FieldNode):
            asked.setdefault((node.alias or node.name).value, []).append(node)
        elif isinstance(node, InlineFragmentNode):
            if applies(kind, node.type_condition):
                _collect(kind, node.selection_set, fragments, asked, spread)
        elif isinstance(node, FragmentSpreadNode) and (name := node.name.value) not in spread:
            spread.add(name)
            if fragments[name].directives:
                raise NotPlain
            if applies(kind, fragments[name].type_condition):
                _collect(kind, fragments[name].selection_set, fragments, asked, spread)


def _definition(kind: GraphQLObjectType, name: str) -> tuple[GraphQLField, Any]:
    """The field and its Strawberry definition. Raises NotPlain unless it is plain: without arguments and without a resolver."""
    field = kind.fields[name]
    definition = field.extensions.get("strawberry-definition")
    if field.args or definition is None or not definition.is_basic_field:
        raise NotPlain
    return field, definition


def _nullable(kind: GraphQLOutputType) -> tuple[Any, bool]:
    return (kind.of_type, False) if isinstance(kind, GraphQLNonNull) else (kind, True)


def descend(kind: GraphQLOutputType, nodes: Sequence[FieldNode], fragments: Fragments, below: Sequence[str]) -> tuple[Any, list[FieldNode]]:
    """The type and the nodes of the only field of each of these names below a field. Raises NotPlain if one is selected twice."""
    selected, here = list(nodes), kind
    for name in below:
        named = _object_of(here)
        keys = [asked for asked in asked_below(named, selected, fragments).values() if asked[0].name.value == _camel(name)]
        if len(keys) != 1:
            raise NotPlain
        here, selected = named.fields[_camel(name)].type, keys[0]
    return here, selected


def _object_of(kind: Any) -> GraphQLObjectType:
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    if not isinstance(kind, GraphQLObjectType):
        raise NotPlain
    return kind


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Shape:
    """Writes the statement of one root field for callers of the same bounds."""

    def __init__(self, fragments: Fragments, bounds: Bounds) -> None:
        self._fragments = fragments
        self.bounds = bounds
        self._aliases = 0

    def row(self, kind: GraphQLOutputType, nodes: Sequence[FieldNode], node: Node, conditions: Sequence[str]) -> str:
        """SQL for the text of each row that meets the conditions: an expression, and from where. Raises NotPlain."""
        joins: list[str] = []
        text = self.object(kind, nodes, node, "t", joins)
        return f"coalesce({text}, {_MARK_SQL}) FROM {node.table} t{''.join(joins)}{where(conditions)}"

    def rows(self, kind: GraphQLOutputType, nodes: Sequence[FieldNode], node: Node, conditions: Sequence[str], order: str) -> str:
        """SQL for the text of a list of all rows that meet the conditions, in this order. Raises NotPlain."""
        joins: list[str] = []
        text = self._object(_object_of(kind), nodes, node, "t", joins)
        listed = f"string_agg(coalesce({text}, {_MARK_SQL}), ',' ORDER BY {order})"
        return f"SELECT '[' || coalesce({listed}, '') || ']' FROM {node.table} t{''.join(joins)}{where(conditions)}"

    def page(
        self, kind: GraphQLOutputType, nodes: Sequence[FieldNode], node: Node, conditions: Sequence[str], order: Order, *, part: Slice
    ) -> str:  # fmt: skip
        """SQL for the text of a connection: see `reading.page`. Raises NotPlain."""
        return _Page(self, _object_of(kind), node, order, part, conditions=conditions).sql(nodes)

    def _alias(self) -> str:
        self._aliases += 1
        return f"n{self._aliases}"

    def asked(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Asked:
        """What the nodes select of an object of this type. Raises NotPlain."""
        return asked_below(kind, nodes, self._fragments)

    def object(self, kind: Any, nodes: Sequence[FieldNode], node: Node, alias: str, joins: list[str]) -> str:
        """SQL for the text of the row `alias`; what its links to one row need is appended to `joins`. Raises NotPlain."""
        return str(self._object(_object_of(kind), nodes, node, alias, joins))

    def _object(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode], node: Node, alias: str, joins: list[str]) -> Text:
        text, separator = Text(), "{"
        for key, asked in self.asked(kind, nodes).items():
            text.constant(f'{separator}"{key}":')
            separator = ","
            name = asked[0].name.value
            if name == "__typename":
                text.constant(f'"{kind.name}"')
                continue
            field, definition = _definition(kind, name)
            self._value(text, field.type, asked, node, definition.python_name, alias, joins)
        return text.constant("}")

    def _value(  # noqa: PLR0917 - all of a field's place
        self, text: Text, kind: GraphQLOutputType, asked: Sequence[FieldNode], node: Node, name: str, alias: str, joins: list[str]
    ) -> None:
        if self.bounds.withheld(node, name) is not None:  # an error is to be told
            raise NotPlain
        inner, nullable = _nullable(kind)
        if name in node.columns:
            _leaf(text, inner, node.columns[name].format(t=alias), nullable=nullable)
        elif node.links[name].many:
            text.constant("[").expression(self._list(inner, asked, node.links[name], alias)).constant("]")
        else:
            text.expression(self._linked(inner, asked, node.links[name], alias, joins, nullable=nullable))

    def _linked(self, kind: Any, asked: Sequence[FieldNode], link: Link, alias: str, joins: list[str], *, nullable: bool) -> str:
        node, other = NODES[link.table], self._alias()
        inside: list[str] = []
        text = self._object(_object_of(kind), asked, node, other, inside)
        condition = f"{link.where.format(t=alias, n=other)}{self.bounds.link(link, other)}"
        rows = f"SELECT coalesce({text}, {_MARK_SQL}) AS j FROM {node.table} {other}{''.join(inside)} WHERE {condition}"
        joins.append(f" LEFT JOIN LATERAL ({rows}) j{other} ON true")
        return f"coalesce(j{other}.j, 'null')" if nullable else f"j{other}.j"

    def _list(self, kind: Any, asked: Sequence[FieldNode], link: Link, alias: str) -> str:
        if not isinstance(kind, GraphQLList) or not isinstance(kind.of_type, GraphQLNonNull):
            raise NotPlain
        node, other = NODES[link.table], self._alias()
        inside: list[str] = []
        text = self._object(_object_of(kind), asked, node, other, inside)
        condition = f"{link.where.format(t=alias, n=other)}{self.bounds.link(link, other)}"
        order, source = link.order.format(n=other), f"{node.table} {other}"
        if link.most is not None:
            source = f"(SELECT * FROM {source} WHERE {condition} ORDER BY {order} LIMIT {link.most}) {other}"
            condition = "true"
        listed = f"string_agg(coalesce({text}, {_MARK_SQL}), ',' ORDER BY {order})"
        return f"coalesce((SELECT {listed} FROM {source}{''.join(inside)} WHERE {condition}), '')"


def _leaf(text: Text, kind: GraphQLLeafType, sql: str, *, nullable: bool) -> None:
    """Append a scalar or an enum. Raises NotPlain for a scalar that Python must complete."""
    if not is_leaf_type(kind):
        raise NotPlain
    if kind.name == "ID" and not nullable and sql.startswith("'"):  # such as 'inv_' || {t}.id
        prefix, _, number = sql[1:].partition("' || ")
        text.constant(f'"{prefix}').expression(f"({number})").constant('"')
        return
    written = _written(kind, f"({sql})")
    if not nullable:
        text.expression(written)
    elif kind.name == "Int" or isinstance(kind, GraphQLEnumType):  # null by themselves for a wrong value
        text.expression(f"coalesce({written}, CASE WHEN {sql} IS NULL THEN 'null' ELSE {_MARK_SQL} END)")
    else:
        text.expression(f"coalesce({written}, 'null')")


def _written(kind: GraphQLLeafType, sql: str) -> str:
    """SQL for the JSON text of a value; NULL if it is null or no value of this type."""
    if isinstance(kind, GraphQLEnumType):
        members = [(str(getattr(member.value, "value", member.value)), f'"{name}"') for name, member in kind.values.items()]
        codes, names = (", ".join(map(_quoted, column)) for column in zip(*members, strict=True))
        return f"(ARRAY[{names}])[array_position(ARRAY[{codes}], {sql}::text)]"
    if kind.name == "ID":
        return f"""('"' || {sql} || '"')"""
    if kind.name in _ESCAPED:
        return f"to_json({sql})::text"
    if kind.name == "DateTime":
        return _INSTANT.format(sql=sql)
    if kind.name in _BARE:
        return f"{sql}::text"
    if kind.name == "Int":
        return f"CASE WHEN {sql} BETWEEN {_SMALLEST_INT} AND {_LARGEST_INT} THEN {sql}::text END"
    raise NotPlain


class _Page:
    """The statement of one connection."""

    def __init__(self, shape: Shape, kind: GraphQLObjectType, node: Node, order: Order, part: Slice, *, conditions: Sequence[str]) -> None:
        self._shape, self._kind, self._node, self._order, self._part = shape, kind, node, order, part
        self._conditions = conditions
        self._key = order.key.format(t="t")
        self._ordered = f"ORDER BY {self._key} {order.way}, t.id {order.way}"

    def sql(self, nodes: Sequence[FieldNode]) -> str:
        asked = self._shape.asked(self._kind, nodes)
        bounds = self._shape.bounds
        text, separator = Text(), "{"
        for key, below in asked.items():
            text.constant(f'{separator}"{key}":')
            separator = ","
            name = below[0].name.value
            if name == "__typename":
                text.constant(f'"{self._kind.name}"')
            elif name == "totalCount":
                text.expression(f"(SELECT count(*)::text FROM {self._node.table} t{where([*self._conditions, *bounds.root(self._node)])})")
            elif name == "pageInfo":
                self._page_info(text, below)
            else:
                text.constant("[").expression(self._list(name, below)).constant("]")
        # One row more tells whether there is a next page; rows that are shown twice are chosen once.
        names = [below[0].name.value for below in asked.values()]
        is_simple = "pageInfo" not in names and names.count("nodes") + names.count("edges") <= 1
        limit, taken = self._part.count + (not is_simple), self._part.taken(self._order)
        rows = chosen(self._node, self._conditions, taken, limit=limit, resumed=self._part.is_resumed, bounds=bounds)
        answer = text.constant("}")
        if is_simple:
            return f"WITH shown AS ({rows}) SELECT {answer}"
        shown = f"SELECT * FROM page t ORDER BY {self._key} {taken.way}, t.id {taken.way} LIMIT {self._part.count}"
        return f"WITH page AS MATERIALIZED ({rows}), shown AS ({shown}) SELECT {answer}"

    def _list(self, name: str, nodes: Sequence[FieldNode]) -> str:
        item = _object_of(self._kind.fields[name].type)
        joins: list[str] = []
        body = self._edge(item, nodes, joins) if name == "edges" else self._shape.object(item, nodes, self._node, "t", joins)
        listed = f"string_agg(coalesce({body}, {_MARK_SQL}), ',' {self._ordered})"
        return f"coalesce((SELECT {listed} FROM shown t{''.join(joins)}), '')"

    def _edge(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode], joins: list[str]) -> str:
        text, separator = Text(), "{"
        for key, below in self._shape.asked(kind, nodes).items():
            text.constant(f'{separator}"{key}":')
            separator = ","
            name = below[0].name.value
            if name == "node":
                text.expression(f"({self._shape.object(kind.fields['node'].type, below, self._node, 't', joins)})")
            elif name == "cursor":
                text.constant('"').expression(self._cursor).constant('"')
            else:
                text.constant(f'"{kind.name}"')
        return str(text.constant("}"))

    def _page_info(self, text: Text, nodes: Sequence[FieldNode]) -> None:
        kind, separator = _object_of(self._kind.fields["pageInfo"].type), "{"
        for key, below in self._shape.asked(kind, nodes).items():
            text.constant(f'{separator}"{key}":')
            separator = ","
            name = below[0].name.value
            if name == ("hasPreviousPage" if self._part.is_backward else "hasNextPage"):
                text.expression(f"(SELECT (count(*) > {self._part.count})::text FROM page)")
            elif name in {"hasNextPage", "hasPreviousPage"}:
                text.constant("true" if self._part.is_resumed else "false")
            elif name in {"startCursor", "endCursor"}:
                way = self._ordered if name == "startCursor" else f"ORDER BY {self._key} {self._order.back}, t.id {self._order.back}"
                text.expression(f"""coalesce((SELECT '"' || {self._cursor} || '"' FROM shown t {way} LIMIT 1), 'null')""")
            else:
                text.constant(f'"{kind.name}"')
        text.constant("}")

    @property
    def _cursor(self) -> str:
        """SQL for the cursor of the row `t`, as `sebilling.cursors.encode` writes it."""
        key = {"bigint": f"{self._key}", "text": f"to_json({self._key})", "date": f"to_json({self._key})"}[self._order.type]
        values = Text().constant(f"[{orjson.dumps(self._order.name).decode()},").expression(f"{key}::text").constant(",")
        text = values.expression("t.id::text").constant("]")
        return rf"rtrim(translate(encode(convert_to({text}, 'UTF8'), 'base64'), E'+/\n', '-_'), '=')"
