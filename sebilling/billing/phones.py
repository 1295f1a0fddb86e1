"""Phone numbers as Indonesians write them, as one: +6281234567890.

The library `phonenumbers` was weighed: it takes `+62 0812…` and `62 0812…`, with the country code before the trunk zero, for numbers
that are invalid or longer, knows nothing of what Excel does to a number, and would bring 8 MB of other countries' plans. What is needed
is below.
"""

import re
import unicodedata
from typing import Final

from sebilling.billing import validation
from sebilling.errors import InvalidText

_PHONE: Final = re.compile(r"\+(?!62)[1-9][0-9]{6,14}|\+62[1-9][0-9]{6,12}")
"""Of Indonesia: 7 to 13 digits behind the country code, the first of them no zero."""
_LONGEST_LANDLINE: Final = 11
"""Digits behind the country code, area code included."""
_SHORTENED: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+")
_WITH_DECIMALS: Final = re.compile(r"([0-9]{9,15})[.,]0{1,2}")


def read(given: str, *, field: tuple[str, ...]) -> str:
    """A number as +62…, from `0812…`, `812…`, `62812…`, `+62 0812…`, `62 (0)812…`, `0062 812…`; of another country as it stands with its +.

    Spaces, dots, hyphens of every kind, brackets and invisible marks don't matter; empty stays empty. Raises InvalidText, which
    names what can't be in a number.
    """
    text = _visible(given)
    what = f"The phone number '{text[:30]}'"
    if _SHORTENED.fullmatch(text):
        raise InvalidText(field=field, what=what, why="Excel shortened it and lost digits: format the column as text, and type it again.")
    digits = _plain(text)
    if not digits:
        return ""
    if re.search(r"[0-9]\s*[/,;&]\s*[0-9+(]", text):
        raise InvalidText(field=field, what=what, why="it seems to be more than one: leave the one that is to be used.")
    bad = next((letter for letter in digits if letter not in "+0123456789"), None)
    if bad is not None:
        name = f"'{bad}'" if bad.isprintable() else "a character"
        raise InvalidText(field=field, what=what, why=f"it contains {name} (U+{ord(bad):04X}): write only digits, as 0812… or +62812….")
    number = _international(digits)
    if not _PHONE.fullmatch(number):
        raise InvalidText(field=field, what=what, why="it has too few or too many digits, or begins wrong: write it as 0812… or +62812….")
    return number


def beginning(given: str) -> str | None:
    """The first digits of a number, as `read` would write them: for a search. None if it isn't the beginning of any."""
    digits = _plain(_visible(given))
    return _international(digits) if re.fullmatch(r"\+?[0-9]{1,20}", digits) else None


def _visible(given: str) -> str:
    """Hyphens of every kind as one, full-width digits as plain ones, without what nobody sees and without a text's apostrophe."""
    text = unicodedata.normalize("NFKC", validation.without_invisible(given))
    text = "".join("-" if unicodedata.category(letter) == "Pd" or letter == "\N{MINUS SIGN}" else letter for letter in text)
    return text.strip().lstrip("'\N{RIGHT SINGLE QUOTATION MARK}").strip()


def _plain(text: str) -> str:
    """Without what only parts the digits. `81234567890.0` is what a table of decimals makes of a number."""
    if found := _WITH_DECIMALS.fullmatch(text):
        text = found[1]
    return re.sub(r"[\s().-]", "", text)


def _international(digits: str) -> str:
    if digits.startswith("0062"):
        digits = f"+62{digits[4:]}"
    elif digits.startswith("62"):
        digits = f"+{digits}"
    elif digits.startswith("0"):
        return f"+62{digits[1:]}"
    elif digits.startswith("8"):  # Excel takes the leading zero of 0812… away
        return f"+62{digits}"
    if not digits.startswith("+62"):
        return digits
    national = digits[3:]
    if national.startswith("62") and len(national) > _LONGEST_LANDLINE:  # a formula put 62 before a number that had it
        national = national[2:]
    return f"+62{national.removeprefix('0')}"
