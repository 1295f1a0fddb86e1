"""Documents that clients send: parsed, validated and bounded once per text, kept with the reading plans made for them.

Strawberry's own ParserCache and ValidationCache hash the whole syntax tree on each request, and miss altogether beside its
limiters; clients send few texts often, so one dictionary by text does both.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import DocumentNode, GraphQLError, NoSchemaIntrospectionCustomRule, OperationDefinitionNode, parse, specified_rules
from graphql import validate as validate_document
from strawberry.extensions import SchemaExtension, max_aliases, query_depth_limiter

MOST_CHARACTERS: Final = 20_000
MOST_TOKENS: Final = 2_000
MOST_DEPTH: Final = 10
MOST_ALIASES: Final = 30
_KEPT: Final = 500
_MOST_PLANS: Final = 200


@dataclass
class _Kept:
    document: DocumentNode
    errors: list[GraphQLError] | None = None
    plans: dict[Any, Any] = field(default_factory=dict)
    validated: bool = False


class Documents(SchemaExtension):
    """The extension; Strawberry makes one per request, the cache belongs to the class made by `documents`."""

    kept: OrderedDict[str, _Kept]
    rules: tuple[Any, ...]
    _entry: _Kept | None = None

    def on_parse(self) -> Iterator[None]:
        """Give the document of a text that was seen before, else parse it."""
        query = self.execution_context.query or ""
        entry = self.kept.get(query)
        if entry is None:
            if len(query) > MOST_CHARACTERS:
                raise GraphQLError(f"The document has {len(query)} characters; the most is {MOST_CHARACTERS}: ask in several requests.")
            entry = _Kept(parse(query, max_tokens=MOST_TOKENS))
        else:
            self.kept.move_to_end(query)
        self._entry = entry
        self.execution_context.graphql_document = entry.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate a document once, and keep it if it is valid."""
        entry, context = self._entry, self.execution_context
        if entry is not None:
            if not entry.validated:
                entry.errors = validate_document(context.schema._schema, entry.document, self.rules)  # noqa: SLF001 - Strawberry's own caches read it so
                entry.validated = True
                if not entry.errors:
                    self.kept[context.query or ""] = entry
                    if len(self.kept) > _KEPT:
                        self.kept.popitem(last=False)
            context.pre_execution_errors = entry.errors
            if len(entry.plans) > _MOST_PLANS:  # page sizes and filters vary by variables
                entry.plans.clear()
            if context.context is not None:
                context.context.plans = entry.plans
                context.context.operation = _name(entry.document, context.operation_name)
        yield


def documents(*, introspection: bool) -> type[Documents]:
    """The extension with an empty cache and its rules, made once per schema."""
    rules = [
        *specified_rules,
        query_depth_limiter.create_validator(MOST_DEPTH, None),
        max_aliases.create_validator(MOST_ALIASES),
        *([] if introspection else [NoSchemaIntrospectionCustomRule]),
    ]
    return type("Documents", (Documents,), {"kept": OrderedDict(), "rules": tuple(rules)})


def _name(document: DocumentNode, wanted: str | None) -> str:
    """What the log calls the operation: its name, else its root fields."""
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode) and (wanted is None or (definition.name and definition.name.value == wanted)):
            if definition.name is not None:
                return definition.name.value
            fields = [getattr(chosen, "name", None) for chosen in definition.selection_set.selections[:3]]
            return " ".join(name.value for name in fields if name is not None)
    return ""
