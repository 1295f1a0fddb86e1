"""What the cells of a file say: days, prices, states, counters and plans as people write them. What can mean two things is refused."""

import re
from datetime import date
from typing import Final

from sebilling.billing import texts
from sebilling.money import NotRupiahError, parse_rupiah

_ACTIVE: Final = dict.fromkeys(("", "aktif", "active", "ya", "yes", "y", "1", "true", "on"), True) | dict.fromkeys(
    ("nonaktif", "non aktif", "non-aktif", "tidak aktif", "tidak", "inactive", "berhenti", "no", "n", "0", "false", "off"), False
)
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("januari january jan", "februari february feb", "maret march mar", "april apr", "mei may", "juni june jun", "juli july jul",
         "agustus august agu aug ags agt", "september sep sept", "oktober october okt oct", "november nov nopember nop",
         "desember december des dec"), 1,
    )
    for name in names.split()
}  # fmt: skip
_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00)?)?")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: 00:00(?::00)?)?")
_NAMED: Final = re.compile(r"(\d{1,2})[ -]([A-Za-z]+)[ -](\d{4})")
_COUNTER: Final = re.compile(r"(\S+)(?:\s+(.*))?", re.DOTALL)


def read_day(text: str) -> date:
    """A day as people write it: 2025-03-15, 15/03/2025 (day first), 15 Maret 2025. Raises ValueError with the remedy."""
    if found := _ISO.fullmatch(text):
        year, month, day = (int(part) for part in found.groups())
    elif found := _DAY_FIRST.fullmatch(text):
        day, month, year = (int(part) for part in found.groups())
    elif (found := _NAMED.fullmatch(text)) and found[2].lower() in _MONTHS:
        day, month, year = int(found[1]), _MONTHS[found[2].lower()], int(found[3])
    else:
        raise ValueError(f"'{text[:30]}' is no date: write day/month/year, such as 15/03/2025.")
    try:
        result = date(year, month, day)
    except ValueError:
        raise ValueError(f"'{text[:30]}' is a day that doesn't exist: write day/month/year, such as 15/03/2025.") from None
    if not 1990 <= year <= 2199:
        raise ValueError(f"'{text[:30]}' lies outside 1990 to 2199: check the year.")
    return result


def read_installed_on(text: str) -> date:
    """Like `read_day`; raises ValueError for an empty cell too."""
    if not text:
        raise ValueError("the installation date is empty: write day/month/year, such as 15/03/2025.")
    return read_day(text)


def read_price(text: str) -> int | None:
    """Rupiah a month; None for an empty cell. Raises ValueError."""
    if not text:
        return None
    try:
        return parse_rupiah(text)
    except NotRupiahError:
        raise ValueError(f"'{text[:30]}' is no price: write whole rupiah, such as 150000 or Rp 150.000, or leave it empty.") from None


def read_active(text: str) -> bool:
    """Whether the customer is active; an empty cell: yes. Raises ValueError."""
    try:
        return _ACTIVE[text.lower()]
    except KeyError:
        raise ValueError(f"'{text[:30]}' is no status: write aktif or nonaktif.") from None


def read_counter(text: str) -> tuple[str, str]:
    """Code and name: `LKT01 Ciawi` is the counter LKT01, called Ciawi. Raises ValueError, InvalidText."""
    if (found := _COUNTER.fullmatch(text)) is None:
        raise ValueError("the counter is empty: write its code, such as LKT01.")
    code = texts.counter_code(found[1], field=("counter",))
    return code, texts.clean(found[2] or code, what="The counter's name", field=("counter",))


def read_plan(text: str) -> str:
    """A plan's name. Raises ValueError, InvalidText."""
    if not text:
        raise ValueError("the plan is empty: write its name, such as Home 20M.")
    return texts.clean(text, what="The plan's name", field=("plan",))


def read_address(text: str) -> str:
    """In one line. Raises InvalidText."""
    return texts.clean(re.sub(r"\s*[\r\n]+\s*", " ", text), what="The address", field=("address",), most=500, required=False)


def read_pppoe_name(text: str) -> str | None:
    """None for an empty cell. Raises InvalidText."""
    return texts.key(text, what="The PPPoE name", field=("pppoe_name",), most=64) if text else None


def no_formula(text: str) -> str:
    """The text, unless a spreadsheet would run it. Raises ValueError."""
    if text[:1] in {"=", "@"}:
        raise ValueError(f"'{text[:30]}' is a formula, which would run when it is opened in Excel: write the plain text.")
    return text
