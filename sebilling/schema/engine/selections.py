"""Everything that a document can select for a root field, whatever the values of its directives.

A resolver gets only the nodes that this request's variables include. Whatever is computed once and kept with the document (permissions,
statements) must be valid for all values of the variables, and for every operation that spreads the same fragment: it is computed from
the nodes found here, and kept by `key`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    InlineFragmentNode,
    NamedTypeNode,
    SelectionSetNode,
    get_named_type,
)

from sebilling.actor import Role
from sebilling.schema.context import Info

Key = tuple[int, str | int]
Roles = frozenset[Role]


def key(info: Info) -> Key:
    """Key of a root field within its document: the operation and the response name."""
    raw = raw_of(info)
    return id(raw.operation), raw.path.key


def raw_of(info: Info) -> GraphQLResolveInfo[Any]:
    """graphql-core's info of the field: Strawberry's own `selected_fields` rebuilds the tree, which takes 30 times as long."""
    return info._raw_info  # noqa: SLF001 - there is no public access


def nodes(info: Info) -> list[FieldNode]:
    """All fields of the operation that contribute to this root field's result for some value of the directives, in order."""
    raw, plans = raw_of(info), info.context.plans
    plan_key = ("roots", id(raw.operation))
    roots: dict[str | int, list[FieldNode]] | None = plans.get(plan_key)
    if roots is None:
        roots = plans[plan_key] = {}
        for node in _fields(raw.operation.selection_set, raw.fragments, set()):
            roots.setdefault((node.alias or node.name).value, []).append(node)
    return roots[raw.path.key]


def _fields(selected: SelectionSetNode | None, fragments: Mapping[str, FragmentDefinitionNode], spread: set[str]) -> Iterator[FieldNode]:
    """The fields of a selection, including those of fragments; each fragment once, to avoid exponential expansion."""
    for node in selected.selections if selected is not None else ():
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(node.selection_set, fragments, spread)
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
            spread.add(node.name.value)
            yield from _fields(fragments[node.name.value].selection_set, fragments, spread)


def applies(kind: GraphQLObjectType, condition: NamedTypeNode | None) -> bool:
    """Whether a fragment with this type condition applies to objects of a type."""
    return condition is None or condition.name.value in {kind.name, *(interface.name for interface in kind.interfaces)}


def fields_below(info: Info, reaching: Callable[[str, str], Roles], everyone: Roles) -> Iterator[tuple[str, str, Roles]]:
    """Every type and field that the document can select below a root field; of an interface, those of each of its types.

    With each the roles that get there: `reaching` has those that may pass each field above it.
    """
    raw = raw_of(info)
    waiting: list[tuple[Any, SelectionSetNode | None, Roles]] = [
        (get_named_type(raw.return_type), node.selection_set, everyone) for node in nodes(info)
    ]
    spread: set[tuple[str, Roles]] = set()
    while waiting:
        kind, selected, roles = waiting.pop()
        for node in selected.selections if selected is not None else ():
            if isinstance(node, FieldNode):
                name, passing = node.name.value, frozenset[Role]()
                if name.startswith("__"):
                    continue
                for possible in raw.schema.get_possible_types(kind) if isinstance(kind, GraphQLInterfaceType) else [kind]:
                    yield possible.name, name, roles
                    passing |= roles & reaching(possible.name, name)
                waiting.append((get_named_type(kind.fields[name].type), node.selection_set, passing))
            elif isinstance(node, InlineFragmentNode):
                inner = raw.schema.type_map[node.type_condition.name.value] if node.type_condition else kind
                waiting.append((inner, node.selection_set, roles))
            elif isinstance(node, FragmentSpreadNode) and (node.name.value, roles) not in spread:  # once: no exponential expansion
                spread.add((node.name.value, roles))
                fragment = raw.fragments[node.name.value]
                waiting.append((raw.schema.type_map[fragment.type_condition.name.value], fragment.selection_set, roles))
