"""Phones as WhatsApp wants them: with the country's code, whatever way they were written."""

import itertools
import re
from typing import Final

_COUNTRY: Final = "62"
_SEVERAL: Final = re.compile(r"[/,;\n]")
_LEAST, _MOST = 10, 15
"""Digits of an international number with the country's code."""


def international(phone: str) -> str:
    """`0812-3456 7890`, `62812…`, `+62 (0)812…` or `812…` as `+62812…`; another country's with its + as it is. Empty if it is no number.

    Of several numbers it is the first.
    """
    first = next((part for part in _SEVERAL.split(phone) if any(one.isdecimal() for one in part)), "")
    digits = "".join(str(int(one)) for one in first if one.isdecimal())
    has_code = "+" in itertools.takewhile(lambda one: not one.isdecimal(), first)
    if digits.startswith("00"):
        digits, has_code = digits[2:], True
    if digits.startswith(_COUNTRY):
        rest = digits.removeprefix(_COUNTRY).lstrip("0")
        if rest.startswith("628") and len(rest) >= 11:  # the country's code twice; shorter, it is the area code of Kabanjahe
            rest = rest.removeprefix(_COUNTRY)
        digits = _COUNTRY + rest
    elif not has_code and digits.startswith(("0", "8")):
        digits = _COUNTRY + digits.lstrip("0")
    elif not has_code:
        return ""
    return f"+{digits}" if _LEAST <= len(digits) <= _MOST else ""
