"""Decode the ids that clients send; `sebilling.nouns` makes them."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from sebilling.errors import InvalidId, InvalidInput
from sebilling.nouns import Noun

_ID: Final = re.compile(r"([a-z]{3})_([1-9][0-9]{0,17})")
_NO_ROW: Final = 0
"""A number that no row has."""
_malformed: ContextVar[list[InvalidInput] | None] = ContextVar("malformed", default=None)


@contextmanager
def collecting(malformed: list[InvalidInput]) -> Iterator[None]:
    """Add malformed ids to the list while the block runs, instead of raising them: each is decoded as a number that no row has."""
    token = _malformed.set(malformed)
    try:
        yield
    finally:
        _malformed.reset(token)


def decode(public_id: str, noun: Noun, *, field: tuple[str, ...]) -> int:
    """Decode the row's number. Raises InvalidId for anything but an id of this noun, unless they are collected."""
    match = _ID.fullmatch(public_id)
    if match is not None and match[1] == noun.prefix:
        return int(match[2])
    error, malformed = InvalidId(field=field, given=public_id[:40], noun=noun), _malformed.get()
    if malformed is None:
        raise error
    malformed.append(error)
    return _NO_ROW


def decode_either(public_id: str | None, other: str | None, noun: Noun) -> int | None:
    """Decode the row's number for an object that may be named by id or in another way. Raises InvalidId unless exactly one is given."""
    if (public_id is None) == (other is None):
        raise InvalidId(field=("id",), given=public_id or "", noun=noun)
    return decode_optional(public_id, noun, field=("id",))


def decode_optional(public_id: str | None, noun: Noun, *, field: tuple[str, ...]) -> int | None:
    """Decode an id like `decode`; None stays None."""
    return None if public_id is None else decode(public_id, noun, field=field)


def decode_all(public_ids: Sequence[str] | None, noun: Noun, *, field: tuple[str, ...]) -> list[int] | None:
    """Decode each id like `decode_each`; None stays None."""
    return None if public_ids is None else decode_each(public_ids, noun, field=field)


def decode_each(public_ids: Sequence[str], noun: Noun, *, field: tuple[str, ...]) -> list[int]:
    """Decode each id like `decode`, with its index in the error's field."""
    return [decode(public_id, noun, field=(*field, str(index))) for index, public_id in enumerate(public_ids)]


def column(noun: Noun, expression: str) -> str:
    """SQL for the id of the row whose number is `expression`."""
    return f"'{noun.prefix}_' || {expression}"
