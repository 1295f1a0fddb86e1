"""Limits on what one document may request. Computed once per document and kept with it; only a cost that depends on variables
is computed for each request.

`check_shape` needs only the text and runs before validation, which a hostile document could make slow. `costs` needs the schema and
runs after it. Each error names its limit, the requested value and the maximum.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)
from graphql.type import SchemaMetaFieldDef, TypeMetaFieldDef

from sebilling.billing import bulk
from sebilling.billing.sync import MAX_CUSTOMERS
from sebilling.errors import LimitExceeded
from sebilling.limits import Limit
from sebilling.schema.engine.pages import MAX_ROWS

MAX_CHARACTERS: Final = 20_000
MAX_TOKENS: Final = 2_000
MAX_TOKENS_OF_STRANGERS: Final = 500
"""Limit for anonymous callers, who can only sign in. Not applied where GraphiQL is served: it sends all prepared operations at once."""
MAX_DEPTH: Final = 10
"""Nesting of selections."""
MAX_INTROSPECTION_DEPTH: Final = 16
"""Depth that the standard introspection query needs for wrapped types."""
MAX_FIELDS: Final = 2_000
"""Fields of an operation with its fragments expanded: twenty fragments that double each other make a million fields."""
MAX_REPEATS: Final = 20
"""Repetitions of a response key in one selection: validation compares all pairs."""
MAX_ENTRIES: Final = 50
"""Entries of a literal object, or arguments of a field: each wrong one makes an error that repeats the whole object."""
MAX_ALIASES: Final = 30
MAX_ROOT_FIELDS: Final = 20
MAX_MUTATIONS: Final = 10
"""Mutations of one document. Bulk mutations take a list; many sign-ins in one document are an attack."""
MAX_OPERATIONS: Final = 50
MAX_FRAGMENTS: Final = 30
MAX_DIRECTIVES: Final = 30
MAX_DIGITS: Final = 100
"""Digits of a literal number: Python refuses to parse thousands."""
MAX_NESTING: Final = 10
"""Nesting of lists and objects, in arguments and in variables."""
MAX_VALUES: Final = 10_000
"""Values in all variables together: each wrong one costs more than a whole valid request."""
MAX_COST: Final = 100_000
"""Maximum number of objects in the result if every page is full and every list has its usual length."""
MAX_IDS: Final = 100
"""Maximum number of objects that are read by their ids at once."""
USUAL_LIST: Final = 10
"""Usual length of a list without `first`, such as the lines of an invoice."""

_INTROSPECTION: Final = frozenset({"__schema", "__type"})
_PAGED: Final = frozenset({"nodes", "edges", "customers", "removed"})
_PAGES: Final = ("Connection", "Sync")
"""Endings of types whose lists are as long as their field's `first`."""
_LARGEST_PAGE: Final = max(MAX_ROWS, MAX_CUSTOMERS)
_SIZES: Final = {("BulkPayload", "results"): bulk.MAX_CUSTOMERS, ("BulkRefusal", "customers"): bulk.MAX_CUSTOMERS // USUAL_LIST}
"""Lists that are as long as the list that was sent, all refusals of a preview together."""
Size = str | int | tuple[str, str | int]
"""Size of a page: a number, a variable, or a variable and what counts while it is null."""
Terms = dict[tuple[Size, ...], int]
"""A sum of terms: product of these sizes → factor."""


def exceeded(limit: Limit, size: int, most: int) -> None:
    """Raise LimitExceeded if `size` is more than `most`."""
    if size > most:
        raise LimitExceeded(limit=limit, given=size, most=most)


@dataclass(frozen=True, slots=True)
class _Shape:
    levels: int
    """Depth of the selections below."""
    fields: int
    """Number of fields and fragments below, with fragments expanded."""


_EMPTY: Final = _Shape(0, 0)


class _Shapes:
    """One pass over a document: each selection and each fragment is visited once, however often it is spread."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        self.aliases = self.directives = 0
        self.is_circular = False
        self._known: dict[int, _Shape] = {}
        self._keys: dict[int, Counter[str]] = {}
        self._begun: set[str] = set()

    def of(self, selected: SelectionSetNode | None) -> _Shape:
        if selected is None:
            return _EMPTY
        known = self._known.get(id(selected))
        if known is None:
            known = self._known[id(selected)] = self._looked_at(selected)
        return known

    def _looked_at(self, selected: SelectionSetNode) -> _Shape:
        levels = fields = 0
        keys: Counter[str] = Counter()
        for node in selected.selections:
            self.directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                self.aliases += node.alias is not None
                keys[(node.alias or node.name).value] += 1
                _check_values(argument.value for argument in node.arguments or ())
                below, deeper = self.of(node.selection_set), node.selection_set is not None
            elif isinstance(node, FragmentSpreadNode):
                below, deeper = self._fragment(node.name.value), False
            else:
                below, deeper = self.of(_inside(node)), False
                keys.update(self._keys[id(_inside(node))])
            levels, fields = max(levels, below.levels + deeper), fields + 1 + below.fields
        exceeded(Limit.REPEATS, max(keys.values(), default=0), MAX_REPEATS)
        self._keys[id(selected)] = keys
        return _Shape(levels, fields)

    def _fragment(self, name: str) -> _Shape:
        """The shape of a fragment; empty for a missing or circular one: validation refuses both."""
        if name not in self.fragments:
            return _EMPTY
        if name in self._begun:
            self.is_circular = True
            return _EMPTY
        self._begun.add(name)
        shape = self.of(self.fragments[name].selection_set)
        self._begun.remove(name)
        return shape

    def roots(self, selected: SelectionSetNode) -> list[FieldNode]:
        """An operation's root fields, including those of fragments. Only for documents of limited size without circular fragments."""
        fields: list[FieldNode] = []
        for node in selected.selections:
            if isinstance(node, FieldNode):
                fields.append(node)
            elif not isinstance(node, FragmentSpreadNode):
                fields += self.roots(_inside(node))
            elif node.name.value in self.fragments:
                fields += self.roots(self.fragments[node.name.value].selection_set)
        return fields


def _inside(node: Any) -> SelectionSetNode:
    """The selection of an inline fragment."""
    selected: SelectionSetNode = node.selection_set
    return selected


def _check_values(values: Iterable[Any]) -> None:
    waiting = [(value, 0) for value in values]
    exceeded(Limit.ENTRIES, len(waiting), MAX_ENTRIES)
    while waiting:
        value, level = waiting.pop()
        below = value.values if isinstance(value, ListValueNode) else ()
        if isinstance(value, ObjectValueNode):
            below = tuple(entry.value for entry in value.fields)
            exceeded(Limit.ENTRIES, len(below), MAX_ENTRIES)
        if isinstance(value, IntValueNode | FloatValueNode):
            exceeded(Limit.DIGITS, len(value.value), MAX_DIGITS)
        if isinstance(value, ListValueNode | ObjectValueNode):
            exceeded(Limit.NESTING, level + 1, MAX_NESTING)
        waiting += [(nested, level + 1) for nested in below]


def check_shape(document: DocumentNode) -> None:
    """Check the shape of a document. Raises LimitExceeded. Takes time in proportion to the text, whatever the document."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    shapes = _Shapes(document)
    exceeded(Limit.OPERATIONS, len(operations), MAX_OPERATIONS)
    exceeded(Limit.FRAGMENTS, len(shapes.fragments), MAX_FRAGMENTS)
    for definition in (*shapes.fragments.values(), *operations):
        exceeded(Limit.FIELDS, shapes.of(definition.selection_set).fields, MAX_FIELDS)
    for operation in operations:
        if not shapes.is_circular:
            _check_roots(operation, shapes)
        variables = operation.variable_definitions or ()
        for variable in variables:
            _check_values([variable.default_value] if variable.default_value else [])
        shapes.directives += len(operation.directives or ()) + sum(len(variable.directives or ()) for variable in variables)
    exceeded(Limit.ALIASES, shapes.aliases, MAX_ALIASES)
    exceeded(Limit.DIRECTIVES, shapes.directives, MAX_DIRECTIVES)


def _check_roots(operation: OperationDefinitionNode, shapes: _Shapes) -> None:
    roots = shapes.roots(operation.selection_set)
    is_mutation = operation.operation is OperationType.MUTATION
    exceeded(Limit.MUTATIONS if is_mutation else Limit.ROOT_FIELDS, len(roots), MAX_MUTATIONS if is_mutation else MAX_ROOT_FIELDS)
    for root in roots:
        most = MAX_INTROSPECTION_DEPTH if root.name.value in _INTROSPECTION else MAX_DEPTH
        exceeded(Limit.DEPTH, shapes.of(root.selection_set).levels + (root.selection_set is not None), most)


def check_variables(variables: Mapping[str, Any]) -> None:
    """Check the variables. Raises LimitExceeded if lists and objects are nested too deeply, or hold too many values."""
    count, waiting = len(variables), [(value, 0) for value in variables.values() if isinstance(value, list | dict)]
    while waiting:
        value, level = waiting.pop()
        count += len(value)
        exceeded(Limit.NESTING, level + 1, MAX_NESTING)
        exceeded(Limit.VALUES, count, MAX_VALUES)
        below = value if isinstance(value, list) else value.values()
        waiting += [(nested, level + 1) for nested in below if isinstance(nested, list | dict)]
    exceeded(Limit.VALUES, count, MAX_VALUES)


class Cost:
    """Cost of an operation: the number of objects that its result may have."""

    def __init__(self, terms: Terms, defaults: Mapping[str, int]) -> None:
        self._terms = terms
        self._defaults = defaults
        self.depends_on_variables = any(terms.keys())
        self.worst = sum(times * _LARGEST_PAGE ** len(names) for names, times in terms.items())
        """Cost if every page whose size is a variable has the maximum size."""

    def check(self, variables: Mapping[str, Any] | None) -> None:
        """Raise LimitExceeded if the result could have more than MAX_COST objects."""
        if self.worst > MAX_COST:
            exceeded(Limit.COST, self._of(variables or {}), MAX_COST)

    def _of(self, variables: Mapping[str, Any]) -> int:
        total = 0
        for names, times in self._terms.items():
            product = times
            for name in names:
                product *= self._rows(name, variables)
            total += product
        return total

    def _rows(self, size: Size, variables: Mapping[str, Any]) -> int:
        if isinstance(size, int):
            return size
        if isinstance(size, str):
            return _page(variables.get(size, self._defaults.get(size)))
        last = variables.get(size[0], self._defaults.get(size[0]))
        return self._rows(size[1], variables) if last is None else _page(last)


def _page(rows: Any) -> int:
    """Size of a page, within its limits; the field itself refuses an impossible size."""
    return min(max(rows, 0), _LARGEST_PAGE) if type(rows) is int else _LARGEST_PAGE


def costs(document: DocumentNode, schema: GraphQLSchema) -> dict[str | None, Cost]:
    """The cost of each operation of a valid document, by name."""
    walk, by_name = _Costs(document, schema), {}
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            terms, _ = walk.of(operation.selection_set, schema.get_root_type(operation.operation))
            defaults = {
                variable.variable.name.value: int(variable.default_value.value)
                for variable in operation.variable_definitions or ()
                if isinstance(variable.default_value, IntValueNode)
            }
            by_name[operation.name.value if operation.name else None] = Cost(terms, defaults)
    return by_name


class _Costs:
    def __init__(self, document: DocumentNode, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        self._known: dict[str, tuple[Terms, Terms]] = {}
        self._sizes: dict[str, int] | None = None

    def of(self, selected: SelectionSetNode | None, parent: Any) -> tuple[Terms, Terms]:
        """The cost of the selection: once, and in addition for each row of the page to which it belongs."""
        once: Terms = {}
        per_row: Terms = {}
        for node in selected.selections if selected is not None else ():
            if isinstance(node, FieldNode):
                self._field(node, parent, once, per_row)
                continue
            if isinstance(node, FragmentSpreadNode):
                below = self._fragment(node.name.value)
            else:
                condition = getattr(node, "type_condition", None)
                below = self.of(_inside(node), self._type(condition) if condition else parent)
            _add(once, below[0])
            _add(per_row, below[1])
        return once, per_row

    def _field(self, node: FieldNode, parent: Any, once: Terms, per_row: Terms) -> None:
        name = node.name.value
        definition = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}.get(name) or parent.fields.get(name)
        if definition is None or is_leaf_type(get_named_type(definition.type)):
            return
        below, below_per_row = self.of(node.selection_set, get_named_type(definition.type))
        terms: Terms = {(): 1}
        _add(terms, below)
        _add(terms, _product(below_per_row, _rows(node, definition)))
        is_list = isinstance(definition.type.of_type if isinstance(definition.type, GraphQLNonNull) else definition.type, GraphQLList)
        if is_list and name in _PAGED and parent.name.endswith(_PAGES):
            _add(per_row, terms)
        else:
            _add(once, _product(terms, ((), self._size(parent, name, definition) if is_list else 1)))

    def _fragment(self, name: str) -> tuple[Terms, Terms]:
        if name not in self._known:
            fragment = self._fragments[name]
            self._known[name] = self.of(fragment.selection_set, self._type(fragment.type_condition))
        return self._known[name]

    def _type(self, condition: Any) -> Any:
        return self._schema.type_map[condition.name.value]

    def _size(self, parent: Any, name: str, definition: Any) -> int:
        if not parent.name.startswith("__"):
            return MAX_IDS if "ids" in definition.args else _SIZES.get((parent.name, name), USUAL_LIST)
        if self._sizes is None:
            self._sizes = _introspection_sizes(self._schema)
        return self._sizes.get(name, 1)


def _introspection_sizes(schema: GraphQLSchema) -> dict[str, int]:
    """Average length of the lists of introspection in this schema."""
    kinds = list(schema.type_map.values())
    fields = [field for kind in kinds for field in getattr(kind, "fields", {}).values()]
    arguments = sum(len(getattr(field, "args", ())) for field in fields)
    values = sum(len(getattr(kind, "values", ())) for kind in kinds)
    per_type = -(-len(fields) // len(kinds))
    return {
        "types": len(kinds), "directives": len(schema.directives), "fields": per_type, "inputFields": per_type,
        "args": -(-arguments // len(fields)), "enumValues": -(-values // len(kinds)),
    }  # fmt: skip


def _rows(node: FieldNode, definition: Any) -> tuple[tuple[Size, ...], int]:
    """The page size of a field as a factor: a number, or a variable."""
    if "first" not in definition.args:
        return (), 1
    values = {argument.name.value: argument.value for argument in node.arguments or ()}
    first, last = values.get("first"), values.get("last")
    if isinstance(last, IntValueNode):
        return (), _page(int(last.value))
    size = _page(int(first.value) if isinstance(first, IntValueNode) else definition.args["first"].default_value)
    if isinstance(last, VariableNode):  # which counts instead of `first`, unless it is null
        return ((last.name.value, first.name.value if isinstance(first, VariableNode) else size),), 1
    return ((first.name.value,), 1) if isinstance(first, VariableNode) else ((), size)


def _add(into: Terms, terms: Terms) -> None:
    for names, times in terms.items():
        into[names] = into.get(names, 0) + times


def _product(terms: Terms, factor: tuple[tuple[Size, ...], int]) -> Terms:
    more, times = factor
    return {tuple(sorted((*names, *more), key=repr)): count * times for names, count in terms.items()}
