"""Opaque ids for clients, prefixed by their type, such as `inv_12`, so that mixed-up ids are detected."""

import re
from collections.abc import Sequence
from typing import Final

from sebilling.errors import InvalidId

_PREFIXES: Final = {
    "counter": "cou", "plan": "pla", "customer": "cus", "period": "per", "run": "run", "invoice": "inv", "payment": "pay", "user": "usr",
    "charge": "chg", "discount": "dis", "deposit": "dep", "device": "dev", "access": "acc", "hold": "hol",
    "write_off": "wof", "refund": "ref", "settlement": "set",
}  # fmt: skip
_ID: Final = re.compile(r"([a-z]{3})_([1-9][0-9]{0,17})")


def decode(given: str, noun: str, *, field: tuple[str, ...]) -> int:
    """Decode the row's number. Raises InvalidId for anything but an id of this noun."""
    match = _ID.fullmatch(given)
    if match is None or match[1] != _PREFIXES[noun]:
        raise InvalidId(field=field, given=given[:40], noun=noun)
    return int(match[2])


def decode_either(given: str | None, other: str | None, noun: str) -> int | None:
    """Decode the row's number for an object that may be named by id or in another way. Raises InvalidId unless exactly one is given."""
    if (given is None) == (other is None):
        raise InvalidId(field=("id",), given=given or "", noun=noun)
    return decode_optional(given, noun, field=("id",))


def decode_optional(given: str | None, noun: str, *, field: tuple[str, ...]) -> int | None:
    """Decode an id like `decode`; None stays None."""
    return None if given is None else decode(given, noun, field=field)


def decode_all(given: Sequence[str] | None, noun: str, *, field: tuple[str, ...]) -> list[int] | None:
    """Decode each id like `decode`, with its index in the error's field; None stays None."""
    return None if given is None else [decode(text, noun, field=(*field, str(index))) for index, text in enumerate(given)]


def column(noun: str, expression: str) -> str:
    """SQL for the id of the row whose number is `expression`."""
    return f"'{_PREFIXES[noun]}_' || {expression}"
