"""Whole rupiah: the type, its bounds, and the only functions that parse and format an amount.

Money is an exact `int` in Python and `bigint` in PostgreSQL. Nothing in this project turns it into a float.
"""

import re
from typing import Final, NewType

Rupiah = NewType("Rupiah", int)

MAX_RUPIAH: Final = 10**12
"""The largest amount of one document, a trillion: beyond any customer's bill. Nine thousand of them together are exact in a browser
(2^53), nine million in the database (2^63); a sum beyond that raises SumOutOfRange."""

_WRITTEN = re.compile(
    r"""(?:rp\.?|idr)?\s*           # Rp150.000, Rp. 150.000, IDR 150.000
        (?:(?P<whole>\d{1,3}(?:\.\d{3})+|\d+)(?:,(?:00?|-))?   # thousands by dots, or none; ,00 or ,- as Excel and handwriting end it
        |(?P<plain>\d{4,}|0)\.00?    # 150000.00, a DECIMAL of a database; 150.00 may be 150.000 with a zero lost
        |(?P<english>\d{1,3}(?:,\d{3})+)\.00         # 150,000.00
        |(?P<millions>\d{1,3}(?:,\d{3}){2,})         # 1,500,000: no amount has two decimal commas
        )\s*\Z""",
    re.VERBOSE | re.IGNORECASE,
)


class NotRupiahError(ValueError):
    """The text is not a whole, non-negative amount of rupiah within the bounds."""


def parse_rupiah(text: str) -> Rupiah:
    """Parse an amount as Indonesians write it: `150000`, `150.000`, `Rp 150.000`, `Rp150.000,00`; and as databases do: `150000.00`.

    Ambiguous text is refused rather than guessed: `150,000` is Rp150.000 to an English Excel and a hundred and
    fifty to an Indonesian one. Raises NotRupiahError, also below 0 and above MAX_RUPIAH.
    """
    match = _WRITTEN.match(text.replace("\N{NO-BREAK SPACE}", " ").strip())
    if match is None or not text.isprintable():
        raise NotRupiahError(text[:40])
    digits = (match["whole"] or match["plain"] or match["english"] or match["millions"]).replace(".", "").replace(",", "")
    if not digits.isascii() or len(digits) > len(str(MAX_RUPIAH)) or int(digits) > MAX_RUPIAH:
        raise NotRupiahError(text[:40])
    return Rupiah(int(digits))


def format_rupiah(amount: int) -> str:
    """Format an amount for receipts and tables: `150000` → `Rp150.000`, `-5000` → `-Rp5.000`."""
    sign = "-" if amount < 0 else ""
    return f"{sign}Rp{abs(amount):,}".replace(",", ".")
