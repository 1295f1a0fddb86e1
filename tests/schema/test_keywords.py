"""Names of the schema are names in every client's language: no field, argument or input has a reserved word of Dart, Kotlin or Swift."""

from collections.abc import Iterator
from typing import Any, Final

from graphql import GraphQLInputObjectType, GraphQLObjectType

from sebilling.schema.build import build_schema

DART: Final = """
assert await break case catch class const continue default do else enum extends false final finally for if in is new null rethrow return
super switch this throw true try var void while with yield
"""
KOTLIN: Final = """
as break class continue do else false for fun if in interface is null object package return super this throw true try typealias typeof
val var when while
"""
SWIFT: Final = """
associatedtype class deinit enum extension fileprivate func import init inout internal let open operator precedencegroup private protocol
public rethrows static struct subscript typealias var break case catch continue default defer do else fallthrough for guard if in repeat
return switch throw where while Any as await false is nil self Self super throws true try
"""
RESERVED: Final = frozenset((DART + KOTLIN + SWIFT).split())
"""Reserved words, as the languages' references list them; those that are reserved in some places only can be names."""


def names(schema: Any) -> Iterator[tuple[str, str]]:
    """Where a name stands, and the name."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                yield kind.name, name
                for argument in getattr(field, "args", {}):
                    yield f"{kind.name}.{name}", argument


def test_no_name_is_a_reserved_word() -> None:
    found = list(names(build_schema()._schema))
    assert len(found) > 800
    assert [(where, name) for where, name in found if name in RESERVED] == []
