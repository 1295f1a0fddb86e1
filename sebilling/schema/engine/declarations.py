"""Output types: each field declares in one place its description, who may read it, and how it is read from the database.

    @output("Customer (pelanggan): …", "customer", scope=AT_COUNTER)
    class Customer:
        id: strawberry.ID = read("Opaque id.", EVERYONE, sql=ids.column(Noun.CUSTOMER, "{t}.id"))
        name: str = read("Name of the customer.", EVERYONE)
        plan: Plan = link("Plan of the customer.", EVERYONE, "plan", "{n}.id = {t}.plan_id")

A field without roles, a table without a scope, and a plain `strawberry.field` in an output type fail when the module is imported:
whatever was forgotten is denied. schema/engine/reading.py turns the declarations into statements, schema/request/access.py checks the
roles. See docs/decisions/0024.

Inputs and payloads have no rules of their own: `@input_type("…")` and `@payload("…")`. The description of any of them is the class's
docstring too: a dataclass without one, which each of them becomes, is given its signature as text, at a quarter of its cost.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any, Final, TypeVar, dataclass_transform, get_args, get_origin

import strawberry
from strawberry.utils.str_converters import to_camel_case

from sebilling.actor import Role
from sebilling.schema.engine.scopes import RowScope

Roles = frozenset[Role]
T = TypeVar("T", bound=type)


class Undeclared(ValueError):
    """A type that doesn't say all that it must, or says what another has said."""


@dataclass(frozen=True)
class Link:
    """Link from a row to rows of another table: `{t}` is the row's alias, `{n}` the other's."""

    table: str
    """The other table, looked up in NODES when a plan is built, as types refer to each other in circles."""
    where: str
    many: bool = False
    order: str = "{n}.id"
    most: int | None = None
    follows: bool = False
    """Whether it is visible with the linking row, whatever its own counter, such as the invoices of a customer."""


@dataclass(frozen=True)
class Node:
    """How the rows of a table are read: SQL for each field (`{t}` is the row's alias, `:language` the caller's
    language, `:at` the time of the request), and links."""

    table: str
    scope: RowScope
    columns: dict[str, str] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    readers: dict[str, Roles] = field(default_factory=dict)
    """The roles that may read each column and link."""


NODES: Final[dict[str, Node]] = {}
"""All nodes, by table."""
READERS_OF: Final[dict[tuple[str, str], Roles]] = {}
"""GraphQL type and field → the roles that may read it, wherever it is reached."""
_NODES_OF: Final[dict[type, Node]] = {}
"""The node of each type that is read from one table."""
TYPES_BY_PREFIX: Final[dict[str, type]] = {}
"""Prefix of public ids → the type whose rows have them."""
TYPE_NAME: Final = "!type"  # key of the name of a row's type, where an interface is read
MADE_IN_PYTHON: Final[set[str]] = set()
"""Names of the types of no table: what a caller may not read of them is withheld by refusing the root field."""
_RULE: Final = "sebilling"
"""Key of a field's rule in its metadata."""
_PUBLIC_ID: Final = re.compile(r"'([a-z]+)_' \|\| (.+)")  # SQL for a public id, as `ids.column` writes it


@dataclass(frozen=True)
class _Rule:
    roles: Roles
    sql: str | None = None
    link: Link | None = None


@strawberry.interface(name="Node", description="Object with an id of its own, which no other object of any type has.")
class HasId:
    id: strawberry.ID = strawberry.field(description="Opaque id.", metadata={_RULE: _Rule(frozenset(Role))})

    @classmethod
    def resolve_type(cls, row: Mapping[str, str], _info: object, _interface: object) -> str:
        """Name of the type of a row."""
        return row[TYPE_NAME]


def read(description: str, roles: Roles, *, sql: str | None = None, resolver: Any = None) -> Any:
    """Declare a field: the table's column of this name, or an SQL expression. The fields of a type without a table are set in Python.

    A `resolver` makes the value of the row: for texts in the caller's language.
    """
    return strawberry.field(resolver, description=description, metadata={_RULE: _Rule(roles, sql=sql)})


def link(
    description: str, roles: Roles, table: str, where: str, *, order: str = "{n}.id", most: int | None = None, follows: bool = False
) -> Any:  # fmt: skip
    """Declare a field of another table's row or, if it is annotated as a list, its rows: at most `most`, in this order."""
    rows = Link(table, where, order=order, most=most, follows=follows)
    return strawberry.field(description=description, metadata={_RULE: _Rule(roles, link=rows)})


@dataclass_transform(order_default=True, kw_only_default=True, field_specifiers=(read, link))
def output(description: str, *tables: str, scope: RowScope | None = None) -> Callable[[T], T]:
    """Declare an output type, and the tables whose rows have this shape, with their scope.

    Raises Undeclared for a table without a scope, and for a field declared by anything but `read` and `link`.
    """
    if bool(tables) != (scope is not None):
        raise Undeclared(f"{tables or description}: a table and its scope are declared together")

    def declare(cls: T) -> T:
        nodes = [Node(table, scope) for table in tables if scope is not None]
        declared = _declared(cls, description, nodes)
        for node in nodes:
            if node.table in NODES:
                raise Undeclared(f"two types declare the table {node.table}")
            NODES[node.table] = node
        return declared

    return declare


@dataclass_transform(order_default=True, kw_only_default=True, field_specifiers=(read,))
def totals(description: str, of: type) -> Callable[[T], T]:
    """Declare the totals of another type's rows `{t}`: each field is an aggregate, such as `sql="coalesce(sum({t}.total), 0)::bigint"`.

    `reading.totals` reads them, within the rows' scope.
    """
    rows = node_of(of)
    return lambda cls: _declared(cls, description, [Node(rows.table, rows.scope)])


def _declared(cls: T, description: str, nodes: Sequence[Node]) -> T:
    cls.__doc__ = description
    kind: Any = strawberry.type(cls, description=description)
    rules = _rules(cls, kind)
    own = frozenset[Role]().union(*(rule.roles for name, rule in rules.items() if name in cls.__annotations__))
    _describe_readers(kind, rules, own, is_withheld=bool(nodes))
    for name, rule in rules.items():
        # Whoever may read none of the type's own fields reads none that it inherits: there would be no object.
        readers = READERS_OF[cls.__name__, to_camel_case(name)] = rule.roles & own
        for node in nodes:
            node.readers[name] = readers
            if rule.link is None:
                node.columns[name] = rule.sql or f"{{t}}.{name}"
            else:
                node.links[name] = replace(rule.link, many=_is_list(cls.__annotations__[name]))
    if len(nodes) == 1:
        _NODES_OF[cls] = nodes[0]
        _identify(cls, kind, nodes[0])
    if not nodes:
        MADE_IN_PYTHON.add(cls.__name__)
    return cls


def _identify(cls: type, kind: Any, node: Node) -> None:
    """Register a type whose rows can be read by their public ids alone as one of the interface's."""
    match = _PUBLIC_ID.fullmatch(node.columns.get("id", ""))
    if match and node.scope.is_read_by_id and not cls.__name__.startswith("_"):  # which are no part of the schema
        if match[1] in TYPES_BY_PREFIX:
            raise Undeclared(f"two types have ids that begin with {match[1]}")
        TYPES_BY_PREFIX[match[1]] = cls
        kind.__strawberry_definition__.interfaces.append(HasId.__strawberry_definition__)  # type: ignore[attr-defined]  # strawberry.interface has set it


def _describe_readers(kind: Any, rules: dict[str, _Rule], own: Roles, *, is_withheld: bool) -> None:
    """Append to the description of each field that not all readers of its type may read who may."""
    for declared in kind.__strawberry_definition__.fields:
        readers = rules[declared.python_name].roles & own
        if readers != own:
            if is_withheld and NoneType not in get_args(kind.__annotations__[declared.python_name]):
                raise Undeclared(f"{declared.python_name} is withheld from some readers of its type: annotate it with None")
            otherwise = "; null, with an error, for others" if is_withheld else ""
            declared.description = f"{declared.description} For: {' / '.join(sorted(readers))}{otherwise}."


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def input_type(description: str, *, one_of: bool = False) -> Callable[[T], T]:
    """Declare the type of a mutation's or a query's input; with `one_of`, of which exactly one field is given."""

    def declare(cls: T) -> T:
        cls.__doc__ = description
        return strawberry.input(cls, description=description, one_of=one_of or None)

    return declare


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def payload(description: str) -> Callable[[T], T]:
    """Declare the type of a mutation's result, which whoever may use the mutation may read."""

    def declare(cls: T) -> T:
        cls.__doc__ = description
        return strawberry.type(cls, description=description)

    return declare


def _rules(cls: type, kind: Any) -> dict[str, _Rule]:
    rules: dict[str, _Rule] = {}
    for declared in kind.__strawberry_definition__.fields:
        if _RULE not in declared.metadata:
            raise Undeclared(f"{cls.__name__}.{declared.python_name} says nowhere who may read it: declare it by read() or link()")
        rules[declared.python_name] = declared.metadata[_RULE]
    return rules


def _is_list(annotation: object) -> bool:
    return list in {get_origin(annotation), *map(get_origin, get_args(annotation))}  # a list, or one that may be null


def node_of(kind: type) -> Node:
    """How the rows of a type are read. Raises LookupError for a type of no table, or of several."""
    if kind not in _NODES_OF:
        raise LookupError(f"{kind.__name__} is not read from one table")
    return _NODES_OF[kind]


def is_read_from_a_table(type_name: str) -> bool:
    """Whether a GraphQL type is read from one table, or is a connection of one that is."""
    return type_name.removesuffix("Connection") in {kind.__name__ for kind in _NODES_OF}
