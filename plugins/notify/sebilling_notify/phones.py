"""Normalize phone numbers for WhatsApp: with the country code, however they were written."""

import itertools
import re
from typing import Final

_COUNTRY: Final = "62"
_SEVERAL: Final = re.compile(r"[/,;\n]")
_LEAST, _MOST = 10, 15
"""Digits of an international number with the country code."""


def international(phone: str) -> str:
    """Return `0812-3456 7890`, `62812…`, `+62 (0)812…` or `812…` as `+62812…`; a foreign number with + unchanged; "" if it is invalid.

    Of several numbers the first is returned.
    """
    first = next((part for part in _SEVERAL.split(phone) if any(character.isdecimal() for character in part)), "")
    digits = "".join(str(int(character)) for character in first if character.isdecimal())
    has_code = "+" in itertools.takewhile(lambda character: not character.isdecimal(), first)
    if digits.startswith("00"):
        digits, has_code = digits[2:], True
    if digits.startswith(_COUNTRY):
        rest = digits.removeprefix(_COUNTRY).lstrip("0")
        if rest.startswith("628") and len(rest) >= 11:  # the country code twice; in a shorter number it is the area code of Kabanjahe
            rest = rest.removeprefix(_COUNTRY)
        digits = _COUNTRY + rest
    elif not has_code and digits.startswith(("0", "8")):
        digits = _COUNTRY + digits.lstrip("0")
    elif not has_code:
        return ""
    return f"+{digits}" if _LEAST <= len(digits) <= _MOST else ""
