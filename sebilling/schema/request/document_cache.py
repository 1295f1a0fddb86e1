"""Cache of clients' documents: parsed, validated and checked against limits once per text, kept with their reading plans.

Strawberry's own ParserCache and ValidationCache hash the whole syntax tree on each request, and never hit together with its limiters.
Clients repeat few texts, so one dictionary by text replaces both.
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
from strawberry.schema import BaseSchema, Schema

from sebilling.access_errors import Unauthenticated
from sebilling.config import Introspection
from sebilling.db import slow_statements
from sebilling.errors import InvalidCharacter, LimitExceeded, UnknownDocument
from sebilling.language import Sentence
from sebilling.limits import Limit
from sebilling.schema.request import characters, limits, persisted_queries
from sebilling.schema.request.document_errors import Unsupported

_MAX_KEPT: Final = 500
_MAX_KEPT_CHARACTERS: Final = 500_000
"""Total length of all cached texts: a syntax tree is about a hundred times as large as its text."""
_MAX_PLANS: Final = 200
_INTROSPECTION: Final = re.compile(r"__(?:schema|type)\b")
_ONLY_TRUSTED: Final = Sentence("only trusted documents are answered here", "di sini hanya dokumen tepercaya yang dijawab")
_NOT_SHOWN: Final = Sentence(
    "The schema isn't shown here (SEBILLING_INTROSPECTION): read schema.graphql of this version.",
    "Skema tidak ditampilkan di sini (SEBILLING_INTROSPECTION): baca schema.graphql versi ini.",
)
_AMBIGUOUS: Final = "Must provide operation name if query contains multiple operations."
_ONLY_LIVE: Final = Sentence(
    "Subscriptions are not answered here: use a WebSocket (subprotocol graphql-transport-ws), or server-sent events"
    " (Accept: text/event-stream).",
    "Subscription tidak dijawab di sini: pakai WebSocket (subprotokol graphql-transport-ws), atau server-sent events"
    " (Accept: text/event-stream).",
)
_PARSED_DEPTH: Final = 200
"""Nesting at which graphql-core's parser stops."""


@dataclass
class Kept:
    """A document, and what was worked out for it."""

    document: DocumentNode
    errors: list[GraphQLError] | None = None
    plans: dict[Any, Any] = field(default_factory=dict)
    costs: dict[str | None, limits.Cost] = field(default_factory=dict)
    validated: bool = False
    introspects: bool = False
    """Whether it contains an introspection query."""
    fast: dict[str | None, Any] = field(default_factory=dict)
    """Name of an operation in the request → how it takes the fast path (schema/request/fast_path.py); None: it can't."""
    digest: str | None = None
    """SHA-256 of the text in hex, if clients ask for the document by it."""

    def usable_plans(self) -> dict[Any, Any]:
        """The plans, of which there are never too many: page sizes and filters vary with the variables."""
        if len(self.plans) > _MAX_PLANS:
            self.plans.clear()
        return self.plans


class Cache:
    """Documents by text; the least recently used is evicted first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._characters = 0
        self._texts: dict[str, str] = {}

    def get(self, query: str) -> Kept | None:
        """The cached document of this text, if there is one."""
        entry = self._kept.get(query)
        if entry is not None:
            self._kept.move_to_end(query)
        return entry

    def keep(self, query: str, entry: Kept) -> None:
        """Add a document, and evict others beyond the limits of number and size."""
        if query not in self._kept:
            self._characters += len(query)
        self._kept[query] = entry
        while len(self._kept) > _MAX_KEPT or self._characters > _MAX_KEPT_CHARACTERS:
            text, evicted = self._kept.popitem(last=False)
            self._characters -= len(text)
            if evicted.digest is not None:
                del self._texts[evicted.digest]

    def text(self, digest: str) -> str | None:
        """The text with this SHA-256, if it is cached and `name_by_digest` was called for it."""
        return self._texts.get(digest)

    def name_by_digest(self, query: str, digest: str) -> None:
        """Let clients ask for a text by its SHA-256 as long as it is cached; nothing happens if it isn't."""
        entry = self._kept.get(query)
        if entry is not None:
            entry.digest = digest
            self._texts[digest] = query


class Documents(SchemaExtension):
    """The schema extension. Strawberry creates one per request; the cache belongs to the class created by `documents`."""

    cache: Cache
    introspection: Introspection
    trusted: Collection[str] | None
    """Texts of the only documents that are executed; None: any document is."""
    _entry: Kept | None = None

    def on_parse(self) -> Iterator[None]:
        """Get the cached document of the text, else parse it. Raises LimitExceeded, UnknownDocument."""
        query = self.execution_context.query or ""
        entry = self.cache.get(query)
        if entry is None:
            if self.trusted is not None and query not in self.trusted:
                raise UnknownDocument(why=_ONLY_TRUSTED)
            entry = Kept(self._parsed(query))
        self._entry = entry
        self.execution_context.graphql_document = entry.document
        yield

    def _parsed(self, query: str) -> DocumentNode:
        request = self.execution_context.context
        is_anonymous = request is not None and request.actor is None and request.trouble is None
        if not is_anonymous or self.introspection == "everyone" or self.trusted is not None:
            return parsed(query)
        try:
            return parsed(query, most_tokens=limits.MAX_TOKENS_OF_STRANGERS)
        except LimitExceeded:
            if request.token is not None:  # it has expired: the client must learn that instead
                raise Unauthenticated from None
            raise

    @property
    def _sees_schema(self) -> bool:
        """Whether the caller may use introspection, and get suggestions for misspelt names."""
        request = self.execution_context.context
        return self.introspection == "everyone" or (self.introspection == "signed_in" and (request is None or request.actor is not None))

    def on_validate(self) -> Iterator[None]:
        """Validate a document once, and cache it if it is valid. Raises LimitExceeded."""
        entry, context = self._entry, self.execution_context
        if entry is not None:
            request = context.context
            if not entry.validated:
                schema = context.schema._schema  # noqa: SLF001 - as Strawberry's own caches do
                entry.errors = validate_document(schema, entry.document, specified_rules, hide_suggestions=not self._sees_schema)
                entry.introspects = _INTROSPECTION.search(context.query or "") is not None and bool(
                    validate_document(schema, entry.document, (NoSchemaIntrospectionCustomRule,))
                )
                entry.validated = True
                if not entry.errors:
                    entry.costs = limits.costs(entry.document, schema)
                    # Anonymous callers can't fill the cache with documents that are never repeated.
                    if request is None or request.actor is not None:
                        self.cache.keep(context.query or "", entry)
            context.pre_execution_errors = entry.errors
            if not entry.errors:
                if (digest := persisted_queries.digest_in(context.operation_extensions)) is not None:
                    self.cache.name_by_digest(context.query or "", digest)
                self._bound(entry)
            if request is not None:
                request.plans = entry.usable_plans()
                request.operation = name_of(entry.document, context.operation_name)
                slow_statements.sender.set(request.operation)
                if request.deadline is not None and context.operation_type.value == OperationType.MUTATION.value:
                    request.deadline.reschedule(None)
        yield

    def _bound(self, entry: Kept) -> None:
        """Check the limits of a request.

        Raises LimitExceeded, InvalidCharacter, Unauthenticated, DatabaseUnavailable, GraphQLError.
        """
        context = self.execution_context
        operation = operation_of(entry.document, context._provided_operation_name)  # noqa: SLF001 - the public name is the first one's
        if operation is None and context._provided_operation_name is None:  # noqa: SLF001 - Strawberry would execute the first
            raise GraphQLError(_AMBIGUOUS)
        is_subscription = operation is not None and operation.operation is OperationType.SUBSCRIPTION
        if is_subscription and context.context is not None and context.context.look is None:
            raise Unsupported(_ONLY_LIVE)
        if entry.introspects and not self._sees_schema:
            if self.introspection == "signed_in":
                raise context.context.trouble or Unauthenticated
            raise Unsupported(_NOT_SHOWN)
        check_request(entry, context.operation_name, context.variables)


def check_request(entry: Kept, operation_name: str | None, variables: dict[str, Any] | None) -> None:
    """Check the variables and the cost of a request for a valid document. Raises LimitExceeded, InvalidCharacter."""
    if variables:
        limits.check_variables(variables)
        characters.check_variables(variables, entry.document)
    cost = entry.costs.get(operation_name)
    if cost is not None:
        cost.check(variables)


def parsed(query: str, *, most_tokens: int = limits.MAX_TOKENS) -> DocumentNode:
    """Parse a text into a document, within the limits of its shape. Raises LimitExceeded, InvalidCharacter, GraphQLSyntaxError."""
    limits.exceeded(Limit.CHARACTERS, len(query), limits.MAX_CHARACTERS)
    try:
        document = parse(query, max_tokens=most_tokens)
        limits.check_shape(document)
        characters.check_document(document, query)
    except GraphQLSyntaxError as error:  # the parser stops at its limit, so the real size is unknown
        if "nested too deeply" in error.message:
            raise LimitExceeded(limit=Limit.DEPTH, given=_PARSED_DEPTH, most=limits.MAX_DEPTH) from None
        if "Parsing aborted" in error.message:
            raise LimitExceeded(limit=Limit.TOKENS, given=most_tokens + 1, most=most_tokens) from None
        raise
    except RecursionError:
        raise LimitExceeded(limit=Limit.DEPTH, given=_PARSED_DEPTH, most=limits.MAX_DEPTH) from None
    return document


def faults(query: str, schema: GraphQLSchema) -> list[str]:
    """The faults of a document, in sentences; none if it can be executed."""
    try:
        document = parsed(query)
    except (InvalidCharacter, LimitExceeded, GraphQLError) as error:
        return [str(error)]
    if errors := validate_document(schema, document, specified_rules):
        return [error.message for error in errors]
    exceeded = []
    for name, cost in limits.costs(document, schema).items():
        try:
            if not cost.depends_on_variables:
                cost.check({})
        except LimitExceeded as error:
            exceeded.append(f"{name or 'the operation'}: {error}")
    return exceeded


def documents(*, introspection: Introspection, trusted: Collection[str] | None = None) -> type[Documents]:
    """Create the extension with an empty cache, once per schema."""
    return type("Documents", (Documents,), {"cache": Cache(), "introspection": introspection, "trusted": trusted})


def cache_of(schema: BaseSchema) -> Cache | None:
    """The cache of a schema made by `build_schema`; None for one without."""
    extensions = schema.extensions if isinstance(schema, Schema) else ()
    return next((each.cache for each in extensions if isinstance(each, type) and issubclass(each, Documents)), None)


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """The only operation of this name, or of any if there is no name."""
    operations = [part for part in document.definitions if isinstance(part, OperationDefinitionNode)]
    chosen = [part for part in operations if name is None or (part.name is not None and part.name.value == name)]
    return chosen[0] if len(chosen) == 1 else None


def name_of(document: DocumentNode, wanted: str | None) -> str:
    """Name of the operation in the log: its own name, else its root fields."""
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode) and (wanted is None or (definition.name and definition.name.value == wanted)):
            if definition.name is not None:
                return definition.name.value
            fields = [getattr(chosen, "name", None) for chosen in definition.selection_set.selections[:3]]
            return " ".join(name.value for name in fields if name is not None)
    return ""
