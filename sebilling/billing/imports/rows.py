"""A customer as a file tells it, and what can be wrong with a row: every fault is found, each with its remedy."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sebilling.billing import customers, texts
from sebilling.errors import SebillingError
from sebilling.money import NotRupiahError, parse_rupiah


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer to be. `price` is rupiah a month, None if the file tells none."""

    line: int
    code: str
    name: str
    counter: str
    """A counter's code."""
    counter_name: str
    plan: str
    installed_on: date
    phone: str = ""
    address: str = ""
    price: int | None = None
    active: bool = True
    pppoe_name: str | None = None
    rate_down_kbps: int | None = None
    """The plan's speed, if it is told; a new plan takes it."""
    rate_up_kbps: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault: on which line of the file (1 is the first), in which column, and how to mend it."""

    line: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Faulty:
    """A row that can't be taken, and the counter and plan that it names nevertheless, as far as they can be read."""

    problems: list[Problem]
    counter: str | None = None
    plan: str | None = None


def faulty(line: int, column: str, message: str) -> Faulty:
    """A row with this one fault."""
    return Faulty([Problem(line, column, message)])


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


def customer_row(line: int, cells: Mapping[str, str]) -> CustomerRow | Faulty:
    """Read the cells of a row, by column (the names of CustomerRow's fields), or tell everything that is wrong with it."""
    problems: list[Problem] = []
    found: dict[str, Any] = {}
    for column, read in _COLUMNS.items():
        try:
            found[column] = read(_no_formula(cells.get(column, "").strip()))
        except SebillingError as error:
            problems.append(Problem(line, column, error.message("en")))
        except ValueError as error:
            problems.append(Problem(line, column, str(error)))
    if problems:
        return Faulty(problems, found.get("counter", (None,))[0], found.get("plan"))
    found["counter"], found["counter_name"] = found["counter"]
    return CustomerRow(line=line, **found)


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


def _no_formula(text: str) -> str:
    if text[:1] in {"=", "@"}:
        raise ValueError(f"'{text[:30]}' is a formula, which would run when it is opened in Excel: write the plain text.")
    return text


def _price(text: str) -> int | None:
    if not text:
        return None
    try:
        return parse_rupiah(text)
    except NotRupiahError:
        raise ValueError(f"'{text[:30]}' is no price: write whole rupiah, such as 150000 or Rp 150.000, or leave it empty.") from None


def _active(text: str) -> bool:
    try:
        return _ACTIVE[text.lower()]
    except KeyError:
        raise ValueError(f"'{text[:30]}' is no status: write aktif or nonaktif.") from None


def _counter(text: str) -> tuple[str, str]:
    """`LKT01 Ciawi` is the counter LKT01, called Ciawi."""
    if (found := _COUNTER.fullmatch(text)) is None:
        raise ValueError("the counter is empty: write its code, such as LKT01.")
    code = texts.counter_code(found[1], field=("counter",))
    return code, texts.clean(found[2] or code, what="The counter's name", field=("counter",))


def _plan(text: str) -> str:
    if not text:
        raise ValueError("the plan is empty: write its name, such as Home 20M.")
    return texts.clean(text, what="The plan's name", field=("plan",))


def _installed_on(text: str) -> date:
    if not text:
        raise ValueError("the installation date is empty: write day/month/year, such as 15/03/2025.")
    return read_day(text)


_COLUMNS: Final[Mapping[str, Callable[[str], object]]] = {
    "code": lambda text: texts.customer_code(text, field=("code",)),
    "name": lambda text: texts.clean(text, what="The name", field=("name",)),
    "phone": lambda text: customers.phone(text, field=("phone",)),
    "address": lambda text: texts.clean(text.replace("\n", " "), what="The address", field=("address",), most=500, required=False),
    "counter": _counter,
    "plan": _plan,
    "price": _price,
    "installed_on": _installed_on,
    "pppoe_name": lambda text: texts.clean(text, what="The PPPoE name", field=("pppoe_name",), most=64) if text else None,
    "active": _active,
}
