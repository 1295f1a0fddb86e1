"""Values that their scalars could not read, and nulls that no update takes, among the arguments of a root field: all of them are told, each
with its field. A field of an input whose default is UNSET keeps its value if it is left out; null is refused there, so that nothing is
emptied by a client that sends nulls for what it leaves out.
"""

from collections.abc import Iterator, Mapping

from strawberry.types.base import has_object_definition
from strawberry.types.unset import UNSET
from strawberry.utils.str_converters import to_camel_case

from sebilling.errors import InvalidInput, NullRefused
from sebilling.schema.values.scalars import Unreadable


def unreadable(arguments: Mapping[str, object], *, apart: tuple[str, ...] = ()) -> list[InvalidInput]:
    """The errors of all unreadable values, in the order of the inputs; without those below the path `apart`, which are told apart."""
    return [error for name, value in arguments.items() for error in _below(value, (to_camel_case(name),), apart)]


def _below(value: object, path: tuple[str, ...], apart: tuple[str, ...]) -> Iterator[InvalidInput]:
    if path == apart:
        return
    if isinstance(value, Unreadable):
        yield value.error(path)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _below(element, (*path, str(index)), apart)
    elif has_object_definition(value):
        for field in value.__strawberry_definition__.fields:
            name, content = field.graphql_name or to_camel_case(field.python_name), getattr(value, field.python_name)
            if content is None and field.default is UNSET:
                yield NullRefused(field=(*path, name))
            yield from _below(content, (*path, name), apart)
