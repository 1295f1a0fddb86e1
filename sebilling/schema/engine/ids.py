"""Decode the ids that clients send; `sebilling.nouns` makes them."""

import re
from collections.abc import Sequence
from typing import Final

from sebilling.errors import InvalidId
from sebilling.nouns import Noun

_ID: Final = re.compile(r"([a-z]{3})_([1-9][0-9]{0,17})")


def decode(given: str, noun: Noun, *, field: tuple[str, ...]) -> int:
    """Decode the row's number. Raises InvalidId for anything but an id of this noun."""
    match = _ID.fullmatch(given)
    if match is None or match[1] != noun.prefix:
        raise InvalidId(field=field, given=given[:40], noun=noun)
    return int(match[2])


def decode_either(given: str | None, other: str | None, noun: Noun) -> int | None:
    """Decode the row's number for an object that may be named by id or in another way. Raises InvalidId unless exactly one is given."""
    if (given is None) == (other is None):
        raise InvalidId(field=("id",), given=given or "", noun=noun)
    return decode_optional(given, noun, field=("id",))


def decode_optional(given: str | None, noun: Noun, *, field: tuple[str, ...]) -> int | None:
    """Decode an id like `decode`; None stays None."""
    return None if given is None else decode(given, noun, field=field)


def decode_all(given: Sequence[str] | None, noun: Noun, *, field: tuple[str, ...]) -> list[int] | None:
    """Decode each id like `decode`, with its index in the error's field; None stays None."""
    return None if given is None else [decode(text, noun, field=(*field, str(index))) for index, text in enumerate(given)]


def column(noun: Noun, expression: str) -> str:
    """SQL for the id of the row whose number is `expression`."""
    return f"'{noun.prefix}_' || {expression}"
