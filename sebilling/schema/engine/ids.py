"""Ids as clients see them: opaque strings with the noun in front, such as `inv_12`, so that a mix-up is seen at once."""

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
    """The row's number. Raises InvalidId for anything but an id of this noun."""
    found = _ID.fullmatch(given)
    if found is None or found[1] != _PREFIXES[noun]:
        raise InvalidId(field=field, given=given[:40], noun=noun)
    return int(found[2])


def decode_either(given: str | None, other: str | None, noun: str) -> int | None:
    """The row's number for a thing that may be named by its id or in another way. Raises InvalidId unless exactly one is given."""
    if (given is None) == (other is None):
        raise InvalidId(field=("id",), given=given or "", noun=noun)
    return decode_optional(given, noun, field=("id",))


def decode_optional(given: str | None, noun: str, *, field: tuple[str, ...]) -> int | None:
    """Like `decode`; None stays None."""
    return None if given is None else decode(given, noun, field=field)


def decode_all(given: Sequence[str] | None, noun: str, *, field: tuple[str, ...]) -> list[int] | None:
    """Like `decode`, each in its place; None stays None."""
    return None if given is None else [decode(one, noun, field=(*field, str(place))) for place, one in enumerate(given)]


def column(noun: str, expression: str) -> str:
    """SQL that gives the id of the row numbered `expression`."""
    return f"'{_PREFIXES[noun]}_' || {expression}"
