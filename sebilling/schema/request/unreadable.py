"""Values that their scalars could not read, and nulls that no update takes, among the arguments of a root field: all of them are told, each
with its field. A field of an input whose default is UNSET keeps its value if it is left out; null is refused there, so that nothing is
emptied by a client that sends nulls for what it leaves out.

A mutation goes on with values in their place, to find what else is wrong, and is rolled back.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from strawberry.types.base import has_object_definition
from strawberry.types.unset import UNSET
from strawberry.utils.str_converters import to_camel_case

from sebilling.errors import InvalidAmount, InvalidDate, InvalidInput, InvalidMonth, InvalidNumber, NullRefused, SebillingError
from sebilling.schema.values.scalars import Unreadable

_DATES: Final = (InvalidDate, InvalidMonth)
_NUMBERS: Final = (InvalidAmount, InvalidNumber)


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


def readable(arguments: dict[str, Any], problems: list[InvalidInput], *, apart: tuple[str, ...] = ()) -> dict[str, Any]:
    """The arguments with a readable value in the place of each that `unreadable` tells: one of its kind, or as if it had been left out.

    `problems` has the errors of these values afterwards, and nothing else.
    """
    problems[:] = unreadable(arguments, apart=apart)
    return {name: _with_stand_ins(value, (to_camel_case(name),), apart) for name, value in arguments.items()} if problems else arguments


def _with_stand_ins(value: Any, path: tuple[str, ...], apart: tuple[str, ...]) -> Any:
    if path == apart:
        return value
    if isinstance(value, Unreadable):
        return value.stand_in
    if isinstance(value, list):
        return [_with_stand_ins(element, (*path, str(index)), apart) for index, element in enumerate(value)]
    if not has_object_definition(value):
        return value
    replaced = copy.copy(value)
    for field in value.__strawberry_definition__.fields:
        name, content = field.graphql_name or to_camel_case(field.python_name), getattr(value, field.python_name)
        refused = content is None and field.default is UNSET
        setattr(replaced, field.python_name, UNSET if refused else _with_stand_ins(content, (*path, name), apart))
    return replaced


def may_be_of(problem: SebillingError, unread: Sequence[InvalidInput]) -> bool:
    """Whether the problem may come of a stand-in, as a day before another: it is about a value of the kind of one that wasn't read."""
    return any(isinstance(problem, kind) and any(isinstance(error, kind) for error in unread) for kind in (_DATES, _NUMBERS))
