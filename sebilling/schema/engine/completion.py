"""Fast completion of rows: a subtree whose fields are all plain keys of dicts becomes one function, compiled once per document.

graphql-core completes a value field by field, with a path, an info and a resolver call for each: 4 ms for a page of fifty
invoices, which the database reads in 1 ms. Here the executor looks up a compiled function for the selection, which processes the
rows itself. For anything unusual (an unexpected null, a wrong type, a source that is not a dict) it falls back, and the ordinary
executor completes the same subtree again and reports the exact error. See docs/decisions/0007.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from graphql import (
    FieldNode,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_enum_type,
    is_leaf_type,
    is_object_type,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from sebilling.schema.engine.objects import WITHHELD
from sebilling.schema.engine.shapes import Fragments, NotPlain, Shaped, asked_below

Completer = Callable[[Any], Any]
_BACKREF: Final = "strawberry-definition"
_PLAIN: Final[Mapping[str, type]] = {"String": str, "ID": str, "Boolean": bool, "Rupiah": int, "Month": str, "Date": str}
"""Scalars whose values are returned unchanged if they have exactly this Python type."""
_SMALLEST_INT, _LARGEST_INT = -(2**31), 2**31 - 1


class UnusualError(Exception):
    """A value that the ordinary executor must handle."""


class Executor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, with compiled functions where possible."""

    def complete_object_value(  # noqa: PLR0917 - graphql-core's signature
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete the object's fields, with the function compiled for this selection if there is one; pass a finished text through."""
        if isinstance(result, Shaped):
            return orjson.Fragment(result.text)
        if isinstance(result, dict) and self.context_value is not None:
            plans = self.context_value.plans
            nodes = [details.node for details in field_details_list]
            key = (return_type.name, *map(id, nodes))
            complete = plans.get(key, Undefined)
            if complete is Undefined:
                fragments = {name: details.definition for name, details in self.fragments.items()}
                complete = plans[key] = compiled(return_type, nodes, fragments)
            if complete is not None:
                try:
                    return complete(result)
                except UnusualError:
                    pass
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)

    def complete_list_value(  # noqa: PLR0917 - graphql-core's signature
        self, return_type: GraphQLList[Any], field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        """Complete the list's items; pass a finished text through."""
        if isinstance(result, Shaped):
            return orjson.Fragment(result.text)
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)


def compiled(kind: GraphQLObjectType, nodes: Sequence[FieldNode], fragments: Fragments) -> Completer | None:
    """A function that completes rows of this type with what the nodes select; None if anything in it needs the ordinary executor.

    Rows that it can't complete raise UnusualError.
    """
    try:
        return _object(kind, nodes, fragments)
    except (NotPlain, UnusualError):
        return None


def _object(kind: GraphQLObjectType, nodes: Sequence[FieldNode], fragments: Fragments) -> Completer:
    parts: list[_Part] = []
    for key, asked in asked_below(kind, nodes, fragments).items():
        name = asked[0].name.value
        if name == "__typename":
            parts.append((key, "", _NEVER, _constant(kind.name)))
            continue
        field = kind.fields.get(name)
        definition = field.extensions.get(_BACKREF) if field is not None else None
        if field is None or field.args or definition is None or not definition.is_basic_field:
            raise UnusualError
        parts.append((key, definition.python_name, _plain(field.type), _value(field.type, asked, fragments)))
    return _row(parts)


def _value(kind: GraphQLOutputType, nodes: Sequence[FieldNode], fragments: Fragments) -> Completer:
    if isinstance(kind, GraphQLNonNull):
        if is_object_type(kind.of_type):
            return _object(kind.of_type, nodes, fragments)
        return _never_null(_value(kind.of_type, nodes, fragments))
    if isinstance(kind, GraphQLList):
        return _each(_value(kind.of_type, nodes, fragments))
    if is_object_type(kind):
        complete = _object(kind, nodes, fragments)
        return lambda value: None if value is None else complete(value)
    if is_leaf_type(kind):
        return _leaf(kind)
    raise UnusualError


_Part = tuple[str, str, type, Completer]
"""Part of a row: response key, name in the row ("" if none), type that is returned unchanged, and the completer for other types."""
_NEVER: Final = type("Never", (), {})
"""A type that no value has."""


def _plain(kind: GraphQLOutputType) -> type:
    """The Python type whose values are returned unchanged: most values of a page are of this kind."""
    return _PLAIN.get(getattr(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, "name", ""), _NEVER)


def _row(parts: list[_Part]) -> Completer:
    def complete(row: Any) -> Any:
        if not isinstance(row, dict):
            if isinstance(row, Shaped):
                return orjson.Fragment(row.text)
            raise UnusualError
        if WITHHELD in row:
            raise UnusualError
        try:
            return {
                key: (value if type(value := row[name]) is plain else complete_part(value)) if name else complete_part(None)
                for key, name, plain, complete_part in parts
            }
        except KeyError:
            raise UnusualError from None

    return complete


def _constant(text: str) -> Completer:
    return lambda _: text


def _never_null(complete: Completer) -> Completer:
    def completed(value: Any) -> Any:
        if value is None:
            raise UnusualError
        return complete(value)

    return completed


def _each(complete: Completer) -> Completer:
    def completed(values: Any) -> list[Any] | None:
        if values is None:
            return None
        if type(values) is not list:
            raise UnusualError
        return [complete(value) for value in values]

    return completed


def _leaf(kind: GraphQLLeafType) -> Completer:
    plain, coerce, is_int, is_enum = _PLAIN.get(kind.name), kind.coerce_output_value, kind.name == "Int", is_enum_type(kind)
    members: dict[str, Any] = {}  # an enum's values, each coerced once: Strawberry searches all of them linearly

    def complete(value: Any) -> Any:
        if value is None or type(value) is plain:
            return value
        if is_int and type(value) is int and _SMALLEST_INT <= value <= _LARGEST_INT:
            return value
        if type(value) is str and (member := members.get(value)) is not None:
            return member
        try:
            coerced = coerce(value)
        except Exception as error:
            raise UnusualError from error
        if coerced is None or coerced is Undefined:
            raise UnusualError
        if is_enum and type(value) is str:
            members[value] = coerced
        return coerced

    return complete
