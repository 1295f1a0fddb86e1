"""Paths of wrong inputs: from the names of the domain to those that the client sent."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, get_args, get_type_hints

from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

_INPUT: Final = "input"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a root field takes: its arguments, and the fields of its `input`, by their names in Python."""

    arguments: frozenset[str]
    fields: Mapping[str, bool]
    """Name of each field of `input`, and whether it is JSON, whose own keys are never renamed."""

    @classmethod
    def of(cls, resolver: Callable[..., Any]) -> Self:
        """Read them from the resolver's signature."""
        names = frozenset(inspect.signature(resolver).parameters) - {"info"}
        return cls(names, _fields_of(get_type_hints(resolver)[_INPUT]) if _INPUT in names else {})

    @classmethod
    def of_input(cls, input_type: type) -> Self:
        """Return those of a root field that takes only an `input` of this type."""
        return cls(frozenset({_INPUT}), _fields_of(input_type))

    def path(self, path: tuple[str | int, ...]) -> tuple[str, ...]:
        """Translate a path of the domain, such as `("customer_id",)`, to the client's: `("input", "customerId")`.

        The row that a root field is about is its `id`, whatever the domain calls it: `deposit_id`, for instance. A path that
        begins with an argument is the client's already.
        """
        if not path or path[0] == _INPUT:
            return tuple(str(part) for part in path)
        head, *rest = path
        is_argument = head in self.arguments
        names = self.arguments if is_argument or not self.fields else frozenset(self.fields)
        if head not in names and str(head).endswith("_id") and "id" in names:
            head = "id"
        is_json = not is_argument and self.fields.get(str(head), False)
        renamed = [str(part) if is_json else to_camel_case(str(part)) for part in rest]
        return (*(() if is_argument or not self.fields else (_INPUT,)), to_camel_case(str(head)), *renamed)


def _fields_of(input_type: type) -> Mapping[str, bool]:
    types = get_type_hints(input_type)
    return {name: JSON in {types[name], *get_args(types[name])} for name in types}
