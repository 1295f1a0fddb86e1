"""Rows hold what their dataclasses say: `None` only where a field allows it, no `Decimal` of a sum that nobody has cast.

The engine compares names only, as types cost time. In tests it compares both, so every test of a statement proves its row's types.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import TypeVar, get_args, get_origin, get_type_hints

from sebilling.db import engine

T = TypeVar("T")
_made = engine._made


def check_rows() -> None:
    """Make the engine refuse rows whose values aren't of the types of their fields. Raises RowMismatch."""
    engine._made = _checked


def _checked(columns: Sequence[str], rows: Iterable[tuple[object, ...]], into: type[T]) -> list[T]:
    made = _made(columns, rows, into)
    for row in made:
        for name, kind in _kinds(into):  # type: ignore[arg-type]  # every class is hashable
            if not holds(getattr(row, name), kind):
                raise engine.RowMismatch(f"{into.__qualname__}.{name} is {getattr(row, name)!r}, not {kind}")
    return made


@cache
def _kinds(into: type) -> list[tuple[str, object]]:
    hints = get_type_hints(into)
    return [(field.name, hints[field.name]) for field in fields(into)]


def holds(value: object, kind: object) -> bool:
    """Whether a value of the database is exactly of this kind: no `bool` for an `int`, no instant for a `date`."""
    if isinstance(kind, UnionType):
        return any(holds(value, one) for one in get_args(kind))
    if get_origin(kind) is list:
        return isinstance(value, list) and all(holds(item, get_args(kind)[0]) for item in value)
    if get_origin(kind) in {dict, Mapping}:
        return isinstance(value, dict) and (get_args(kind)[1] is not str or all(type(item) is str for item in value.values()))
    return type(value) is (NoneType if kind is None else kind)
