"""Phone numbers as Indonesians write them, normalized to one form: +6281234567890.

Why not the library `phonenumbers`: it reads `+62 0812…` and `62 0812…`, with the country code before the trunk zero, as invalid or
longer numbers, doesn't handle what Excel does to numbers, and would add 8 MB of other countries' numbering plans.
"""

import re
import unicodedata
from typing import Final

from sebilling.billing import validation
from sebilling.errors import InputPath, InvalidText
from sebilling.language import Sentence

_PHONE: Final = re.compile(r"\+(?!62)[1-9][0-9]{6,14}|\+62[1-9][0-9]{6,12}")
"""Indonesian numbers have 7 to 13 digits after the country code, and the first is not 0."""
_LONGEST_LANDLINE: Final = 11
"""Digits after the country code, including the area code."""
_SHORTENED: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+")
_WITH_DECIMALS: Final = re.compile(r"([0-9]{9,15})[.,]0{1,2}")


def read(text: str, *, field: InputPath) -> str:
    """Normalize `0812…`, `812…`, `62812…`, `+62 0812…`, `62 (0)812…` or `0062 812…` to +62…; foreign numbers with + stay as they are.

    Spaces, dots, hyphens of every kind, brackets and invisible marks are ignored; empty text stays empty. Raises InvalidText, which
    names the invalid character.
    """
    text = _visible(text)
    what = Sentence(f"The phone number '{text[:30]}'", f"Nomor telepon '{text[:30]}'")
    if _SHORTENED.fullmatch(text):
        raise InvalidText(
            field=field,
            what=what,
            why=Sentence(
                "Excel shortened it and lost digits. Format the column as text, and type it again.",
                "sudah disingkat oleh Excel sehingga angkanya hilang. Format kolomnya sebagai teks, lalu ketik ulang.",
            ),
        )
    digits = _plain(text)
    if not digits:
        return ""
    if re.search(r"[0-9]\s*[/,;&]\s*[0-9+(]", text):
        raise InvalidText(
            field=field,
            what=what,
            why=Sentence(
                "it seems to be more than one number. Keep the one that should be used.",
                "tampaknya lebih dari satu nomor. Sisakan satu yang dipakai.",
            ),
        )
    bad = next((letter for letter in digits if letter not in "+0123456789"), None)
    if bad is not None:
        name = f"'{bad}'" if bad.isprintable() else "a character"
        raise InvalidText(
            field=field,
            what=what,
            why=Sentence(
                f"it contains {name} (U+{ord(bad):04X}): write only digits, as 0812… or +62812….",
                f"berisi {name} (U+{ord(bad):04X}): tulis angka saja, seperti 0812… atau +62812….",
            ),
        )
    number = _international(digits)
    if not _PHONE.fullmatch(number):
        raise InvalidText(
            field=field,
            what=what,
            why=Sentence(
                "it has too few or too many digits, or begins wrong: write it as 0812… or +62812….",
                "angkanya kurang, lebih, atau awalannya salah: tulis seperti 0812… atau +62812….",
            ),
        )
    return number


def beginning(text: str) -> str | None:
    """Normalize the first digits of a number for a search. None if no number can begin so."""
    digits = _plain(_visible(text))
    return _international(digits) if re.fullmatch(r"\+?[0-9]{1,20}", digits) else None


def _visible(text: str) -> str:
    """Replace hyphens of every kind by one, and full-width digits by plain ones; remove invisible characters and a leading apostrophe."""
    text = unicodedata.normalize("NFKC", validation.without_invisible(text))
    text = "".join("-" if unicodedata.category(letter) == "Pd" or letter == "\N{MINUS SIGN}" else letter for letter in text)
    return text.strip().lstrip("'\N{RIGHT SINGLE QUOTATION MARK}").strip()


def _plain(text: str) -> str:
    """Remove separators. A table of decimals turns a number into `81234567890.0`."""
    if match := _WITH_DECIMALS.fullmatch(text):
        text = match[1]
    return re.sub(r"[\s().-]", "", text)


def _international(digits: str) -> str:
    if digits.startswith("0062"):
        digits = f"+62{digits[4:]}"
    elif digits.startswith("62"):
        digits = f"+{digits}"
    elif digits.startswith("0"):
        return f"+62{digits[1:]}"
    elif digits.startswith("8"):  # Excel removes the leading zero of 0812…
        return f"+62{digits}"
    if not digits.startswith("+62"):
        return digits
    national = digits[3:]
    if national.startswith("62") and len(national) > _LONGEST_LANDLINE:  # a formula added 62 to a number that already had it
        national = national[2:]
    return f"+62{national.removeprefix('0')}"
