"""Qualities of a header such as Accept or Accept-Encoding: what a client can read, and what it likes best.

https://www.rfc-editor.org/rfc/rfc9110#name-quality-values
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

_MAX_ENTRIES: Final = 32
"""Maximum number of entries of a header that are read."""
_MAX_REMEMBERED: Final = 300
"""Maximum length of a header whose reading is remembered: clients send a few short ones again and again."""
_NAME: Final = re.compile(r"[a-z0-9*][a-z0-9!#$&^_.+*/-]{0,126}")


def qualities(header: str) -> Mapping[str, Decimal]:
    """Quality by name, in lower case and without parameters; entries that can't be read are left out."""
    return _remembered(header) if len(header) <= _MAX_REMEMBERED else dict(_entries(header))


@lru_cache(maxsize=200)
def _remembered(header: str) -> Mapping[str, Decimal]:
    return dict(_entries(header))


def _entries(header: str) -> Iterator[tuple[str, Decimal]]:
    for entry in header.split(",", _MAX_ENTRIES)[:_MAX_ENTRIES]:
        name, *parameters = (token.strip().lower() for token in entry.split(";"))
        quality = _quality(parameters)
        if quality is not None and _NAME.fullmatch(name):
            yield name, quality


def _quality(parameters: list[str]) -> Decimal | None:
    """The parameter `q`; 1 if there is none, None if it is no number."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = Decimal(value.strip()[:5])
            except InvalidOperation:
                return None
            return quality if quality.is_finite() else None
    return Decimal(1)
