"""The fast path: a known document, from its text to the answer's bytes without Strawberry's view and graphql-core's executor.

A document that the cache knows (schema/request/document_cache.py) is parsed, validated and limited already. If all its root fields return
rows, lists or pages of tables, their resolvers are called as the executor would call them, with the same checks of roles in front, and what
PostgreSQL wrote is joined to the answer. Whatever else there is (an error, a value that PostgreSQL didn't write, directives on root fields)
returns None, and the request takes the ordinary path from its beginning: queries change nothing.

A mutation with one root field takes it too, and never returns once its resolver has begun: what it returned or raised is completed by a
compiled function, or, where that can't, by graphql-core itself with the resolver's outcome in its place. See docs/decisions/0024.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from types import SimpleNamespace
from typing import Any, Final, cast

import orjson
from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_named_type,
)
from graphql.execution.values import get_argument_values, get_variable_values
from strawberry.schema import BaseSchema, Schema
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from sebilling.actor import Role
from sebilling.db import slow_statements
from sebilling.errors import SebillingError
from sebilling.logs import get_logger
from sebilling.schema.context import Context, Info
from sebilling.schema.engine.completion import Completer, Executor, UnusualError, compiled
from sebilling.schema.engine.declarations import is_read_from_a_table
from sebilling.schema.engine.shapes import NotPlain, Shaped, asked_in
from sebilling.schema.request import persisted_queries
from sebilling.schema.request.document_cache import Cache, Kept, cache_of, check_request, name_of, operation_of
from sebilling.schema.request.errors import formatted

_log = get_logger(__name__)
_KEYS: Final = frozenset({"query", "variables", "operationName", "extensions"})


@dataclass(frozen=True, slots=True)
class _RootField:
    """A root field as the executor would call it; `raw` is what resolvers read of graphql-core's info."""

    key: str
    raw: SimpleNamespace
    field: GraphQLField
    definition: StrawberryField
    resolver: Callable[..., Awaitable[Any]]


@dataclass(slots=True)
class KnownOperation:
    """An operation of a known document that can take the fast path."""

    kept: Kept
    name: str | None
    """The operation's name in the request."""
    logged_name: str
    operation: OperationDefinitionNode
    roots: list[_RootField]
    is_mutation: bool
    complete: Completer | None = None
    """Completes the payload of a mutation; None if only graphql-core can."""
    not_written_for: set[Role | None] = field(default_factory=set)
    """Roles of callers for whom PostgreSQL doesn't write the answer."""
    constant: list[dict[str, Any]] | None = None
    """Arguments of the root fields if the operation has no variables, once they are known."""


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request for such an operation."""

    query: KnownOperation
    variables: dict[str, Any]


class FastPath:
    """The fast path of one schema and its document cache."""

    @classmethod
    def of(cls, schema: BaseSchema) -> "FastPath | None":
        """The fast path of a schema made by `build_schema`; None for one without a document cache."""
        cache = cache_of(schema)
        return cls(schema, cache) if isinstance(schema, Schema) and cache is not None else None

    def __init__(self, schema: Schema, cache: Cache) -> None:
        self._schema = schema
        self._core: GraphQLSchema = schema._schema  # noqa: SLF001 - as Strawberry's own extensions do
        self._cache = cache

    def request(self, body: object) -> KnownRequest | None:
        """The request of a decoded body; None if it isn't one for the fast path."""
        if not isinstance(body, dict) or not body.keys() <= _KEYS:
            return None
        text, variables, name = persisted_queries.known_text(body, self._cache), body.get("variables"), body.get("operationName")
        if not isinstance(text, str) or not isinstance(variables, dict | None) or not isinstance(name, str | None):
            return None
        kept = self._cache.get(text)
        if kept is None or kept.introspects:
            return None
        query: KnownOperation | None = kept.fast[name] if name in kept.fast else self._prepared(kept, name)
        return None if query is None else KnownRequest(query, variables or {})

    async def answer(self, request: KnownRequest, context: Context) -> bytes | None:
        """The answer as JSON; None if the request must take the ordinary path: of a mutation, only before it has begun."""
        query = request.query
        context.plans, context.operation = query.kept.usable_plans(), query.logged_name
        slow_statements.sender.set(query.logged_name)
        role = None if context.actor is None else context.actor.role
        arguments = None if role in query.not_written_for else self._arguments(query, request.variables)
        if arguments is None:
            return None
        if query.is_mutation:
            return await self._mutated(request, context, arguments[0])
        reads = [_read(root, context, values) for root, values in zip(query.roots, arguments, strict=True)]
        texts = [await reads[0]] if len(reads) == 1 else await asyncio.gather(*reads)
        if None in texts:
            return None
        if "" in texts:
            query.not_written_for.add(role)
            return None
        parts = (f'"{root.key}":{text}' for root, text in zip(query.roots, texts, strict=True))
        return f'{{"data":{{{",".join(parts)}}}}}'.encode()

    async def _mutated(self, request: KnownRequest, context: Context, arguments: Mapping[str, Any]) -> bytes:
        """The answer to a mutation, whatever its resolver returned or raised."""
        query, (root,) = request.query, request.query.roots
        info = cast("Info", SimpleNamespace(context=context, _raw_info=root.raw))
        try:
            payload = await root.resolver(info, **arguments)
        except Exception as error:  # noqa: BLE001 - told by the executor, as it tells any resolver's error
            return await self._told(request, context, _raising(error))
        if query.complete is not None:
            try:
                return orjson.dumps({"data": {root.key: query.complete(payload)}})
            except UnusualError:
                pass
        return await self._told(request, context, lambda: payload)

    async def _told(self, request: KnownRequest, context: Context, outcome: Callable[[], Any]) -> bytes:
        """The answer as graphql-core completes it, with this outcome in the place of the mutation's resolver."""
        mutation = self._core.mutation_type

        def resolved(resolver: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
            return outcome() if info.parent_type is mutation else resolver(source, info, **arguments)

        completing = execute(
            self._core, request.query.kept.document, context_value=context, variable_values=request.variables,
            operation_name=request.query.name, executor_class=Executor, middleware=[resolved],
        )  # fmt: skip
        result = await completing if isawaitable(completing) else completing
        if not isinstance(result, ExecutionResult):
            raise TypeError("a mutation's answer has no parts that come later")
        told: dict[str, Any] = {"data": result.data}
        if result.errors:
            told["errors"] = [formatted(error, context.language) for error in result.errors]
        return orjson.dumps(told)

    def _arguments(self, query: KnownOperation, values_sent: dict[str, Any]) -> list[dict[str, Any]] | None:
        """The arguments of each root field; None if the variables are wrong or too many."""
        try:
            own_name = query.operation.name  # a request needn't name the only operation of its document
            check_request(query.kept, own_name.value if own_name is not None else None, values_sent)
            if query.constant is not None:
                return query.constant
            definitions = query.operation.variable_definitions or ()
            variables = get_variable_values(self._core, definitions, values_sent)
            if isinstance(variables, list):
                return None
            registry, config = self._schema.schema_converter.scalar_registry, self._schema.config
            arguments = []
            for root in query.roots:
                values = get_argument_values(root.field, root.raw.field_nodes[0], variables)
                arguments.append(convert_arguments(values, root.definition.arguments, scalar_registry=registry, config=config))
        except (SebillingError, GraphQLError):
            return None
        if not definitions:
            query.constant = arguments
        return arguments

    def _prepared(self, kept: Kept, name: str | None) -> KnownOperation | None:
        """The operation of this name, ready to be answered; None if it never can take the fast path. Kept for names that there are."""
        operation = operation_of(kept.document, name)
        if operation is None:
            return None
        kept.fast[name] = None
        is_mutation = operation.operation is OperationType.MUTATION
        if operation.directives or operation.operation is OperationType.SUBSCRIPTION:
            return None
        kind = cast("GraphQLObjectType", self._core.mutation_type if is_mutation else self._core.query_type)
        parts = [part for part in kept.document.definitions if isinstance(part, FragmentDefinitionNode)]
        fragments = {fragment.name.value: fragment for fragment in parts}
        try:
            asked = asked_in(kind, [operation.selection_set], fragments)
            roots = [self._root(kind, operation, fragments, key, nodes) for key, nodes in asked.items()]
        except NotPlain:
            return None
        query = KnownOperation(kept, name, name_of(kept.document, name), operation, roots, is_mutation)
        if is_mutation:
            if len(roots) != 1:
                return None
            query.complete = compiled(cast("GraphQLObjectType", get_named_type(roots[0].field.type)), roots[0].raw.field_nodes, fragments)
        kept.fast[name] = query
        return query

    def _root(
        self, kind: GraphQLObjectType, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode], key: str,
        nodes: Sequence[FieldNode],
    ) -> _RootField:  # fmt: skip
        root = kind.fields.get(nodes[0].name.value)
        definition = root.extensions.get("strawberry-definition") if root is not None else None
        if root is None or definition is None:
            raise NotPlain
        if kind is self._core.query_type and not is_read_from_a_table(get_named_type(root.type).name):
            raise NotPlain
        raw = SimpleNamespace(
            operation=operation, path=SimpleNamespace(key=key), fragments=fragments, field_nodes=nodes, return_type=root.type,
            schema=self._core, field_name=nodes[0].name.value,
        )  # fmt: skip
        return _RootField(key, raw, root, definition, definition.base_resolver.wrapped_func)


def _raising(error: Exception) -> Callable[[], Any]:
    def outcome() -> Any:
        raise error

    return outcome


async def _read(root: _RootField, context: Context, arguments: Mapping[str, Any]) -> str | None:
    """The text of a root field's value; empty if PostgreSQL didn't write it, None if there is an error to be told."""
    info = cast("Info", SimpleNamespace(context=context, _raw_info=root.raw))
    try:
        value = await root.resolver(info, **arguments)
    except SebillingError:
        return None
    except Exception as error:  # noqa: BLE001 - the ordinary path meets it again, masks it, and logs it with a reference
        _log.warning("fast_path_failed", field=root.raw.field_name, error=type(error).__name__)
        return None
    if isinstance(value, Shaped):
        return value.text
    return "null" if value is None else ""
