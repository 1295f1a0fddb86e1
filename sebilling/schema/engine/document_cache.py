"""Documents that clients send: parsed, validated and bounded once per text, kept with the reading plans made for them.

Strawberry's own ParserCache and ValidationCache hash the whole syntax tree on each request, and miss altogether beside its
limiters; clients send few texts often, so one dictionary by text does both.
"""

import re
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
)
from graphql import validate as validate_document
from strawberry.extensions import SchemaExtension

from sebilling.config import Introspection
from sebilling.errors import InvalidCharacter, LimitExceeded, Unauthenticated, UnknownDocument
from sebilling.schema.engine import characters, limits

_MAX_KEPT: Final = 500
_MAX_KEPT_CHARACTERS: Final = 500_000
"""Of all texts kept: a syntax tree is a hundred times as large as its text."""
_MAX_PLANS: Final = 200
_INTROSPECTION: Final = re.compile(r"__(?:schema|type)\b")
_NOT_SHOWN: Final = "The schema isn't shown here (SEBILLING_INTROSPECTION): read schema.graphql of this version."
_PARSED_DEPTH: Final = 200
"""Where graphql-core's parser gives up."""


@dataclass
class _Kept:
    document: DocumentNode
    errors: list[GraphQLError] | None = None
    plans: dict[Any, Any] = field(default_factory=dict)
    costs: dict[str | None, limits.Cost] = field(default_factory=dict)
    validated: bool = False
    introspects: bool = False
    """It asks the schema about itself."""


class Cache:
    """Documents by their text, the longest unused forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._characters = 0

    def get(self, query: str) -> _Kept | None:
        """The document of this text, if it is kept."""
        entry = self._kept.get(query)
        if entry is not None:
            self._kept.move_to_end(query)
        return entry

    def keep(self, query: str, entry: _Kept) -> None:
        """Keep it, within bounds of number and size."""
        if query not in self._kept:
            self._characters += len(query)
        self._kept[query] = entry
        while len(self._kept) > _MAX_KEPT or self._characters > _MAX_KEPT_CHARACTERS:
            self._characters -= len(self._kept.popitem(last=False)[0])


class Documents(SchemaExtension):
    """The extension; Strawberry makes one per request, the cache belongs to the class made by `documents`."""

    cache: Cache
    introspection: Introspection
    trusted: Collection[str] | None
    """Texts of the only documents that are answered; None: any is."""
    _entry: _Kept | None = None

    def on_parse(self) -> Iterator[None]:
        """Give the document of a text that was seen before, else parse it. Raises LimitExceeded, UnknownDocument."""
        query = self.execution_context.query or ""
        entry = self.cache.get(query)
        if entry is None:
            if self.trusted is not None and query not in self.trusted:
                raise UnknownDocument(why="only trusted documents are answered here")
            entry = _Kept(self._parsed(query))
        self._entry = entry
        self.execution_context.graphql_document = entry.document
        yield

    def _parsed(self, query: str) -> DocumentNode:
        asking = self.execution_context.context
        is_stranger = asking is not None and asking.actor is None and asking.trouble is None
        if not is_stranger or self.introspection == "everyone" or self.trusted is not None:
            return parsed(query)
        try:
            return parsed(query, most_tokens=limits.MAX_TOKENS_OF_STRANGERS)
        except LimitExceeded:
            if asking.token is not None:  # one that has run out: that is what its client must know
                raise Unauthenticated from None
            raise

    @property
    def _sees_schema(self) -> bool:
        """Whether who asks may ask the schema about itself, and be told what else a misspelt name could be."""
        asking = self.execution_context.context
        return self.introspection == "everyone" or (self.introspection == "signed_in" and (asking is None or asking.actor is not None))

    def on_validate(self) -> Iterator[None]:
        """Validate a document once, and keep it if it is valid. Raises LimitExceeded."""
        entry, context = self._entry, self.execution_context
        if entry is not None:
            asking = context.context
            if not entry.validated:
                schema = context.schema._schema  # noqa: SLF001 - Strawberry's own caches read it so
                entry.errors = validate_document(schema, entry.document, specified_rules, hide_suggestions=not self._sees_schema)
                entry.introspects = _INTROSPECTION.search(context.query or "") is not None and bool(
                    validate_document(schema, entry.document, (NoSchemaIntrospectionCustomRule,))
                )
                entry.validated = True
                if not entry.errors:
                    entry.costs = limits.costs(entry.document, schema)
                    # Whoever isn't signed in can't fill the cache with what nobody asks again.
                    if asking is None or asking.actor is not None:
                        self.cache.keep(context.query or "", entry)
            context.pre_execution_errors = entry.errors
            if not entry.errors:
                self._bound(entry)
            if asking is not None:
                if len(entry.plans) > _MAX_PLANS:  # page sizes and filters vary by variables
                    entry.plans.clear()
                asking.plans = entry.plans
                asking.operation = _name(entry.document, context.operation_name)
                if asking.deadline is not None and context.operation_type.value == OperationType.MUTATION.value:
                    asking.deadline.reschedule(None)
        yield

    def _bound(self, entry: _Kept) -> None:
        """Raises LimitExceeded, InvalidCharacter, Unauthenticated, DatabaseUnavailable, GraphQLError."""
        context = self.execution_context
        if entry.introspects and not self._sees_schema:
            if self.introspection == "signed_in":
                raise context.context.trouble or Unauthenticated
            raise GraphQLError(_NOT_SHOWN)
        if context.variables:
            limits.check_variables(context.variables)
            characters.check_variables(context.variables, entry.document)
        cost = entry.costs.get(context.operation_name)
        if cost is not None:
            cost.check(context.variables)


def parsed(query: str, *, most_tokens: int = limits.MAX_TOKENS) -> DocumentNode:
    """The document of a text, within the limits of its shape. Raises LimitExceeded, InvalidCharacter, GraphQLSyntaxError."""
    limits.exceeded("characters", len(query), limits.MAX_CHARACTERS)
    try:
        document = parse(query, max_tokens=most_tokens)
        limits.check_shape(document)
        characters.check_document(document, query)
    except GraphQLSyntaxError as error:  # given up where the bound was passed: nobody counts the rest
        if "nested too deeply" in error.message:
            raise LimitExceeded(limit="depth", given=_PARSED_DEPTH, most=limits.MAX_DEPTH) from None
        if "Parsing aborted" in error.message:
            raise LimitExceeded(limit="tokens", given=most_tokens + 1, most=most_tokens) from None
        raise
    except RecursionError:
        raise LimitExceeded(limit="depth", given=_PARSED_DEPTH, most=limits.MAX_DEPTH) from None
    return document


def faults(query: str, schema: GraphQLSchema) -> list[str]:
    """What is wrong with a document, in sentences; none if it may be asked."""
    try:
        document = parsed(query)
    except (InvalidCharacter, LimitExceeded, GraphQLError) as error:
        return [str(error)]
    if errors := validate_document(schema, document, specified_rules):
        return [error.message for error in errors]
    found = []
    for name, cost in limits.costs(document, schema).items():
        try:
            if not cost.hangs_on_variables:
                cost.check({})
        except LimitExceeded as error:
            found.append(f"{name or 'the operation'}: {error}")
    return found


def documents(*, introspection: Introspection, trusted: Collection[str] | None = None) -> type[Documents]:
    """The extension with an empty cache, made once per schema."""
    return type("Documents", (Documents,), {"cache": Cache(), "introspection": introspection, "trusted": trusted})


def _name(document: DocumentNode, wanted: str | None) -> str:
    """What the log calls the operation: its name, else its root fields."""
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode) and (wanted is None or (definition.name and definition.name.value == wanted)):
            if definition.name is not None:
                return definition.name.value
            fields = [getattr(chosen, "name", None) for chosen in definition.selection_set.selections[:3]]
            return " ".join(name.value for name in fields if name is not None)
    return ""
