"""A customer row of an imported file, and its faults: all are reported, each with its remedy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sebilling.billing.imports.cells import InvalidCell, no_formula
from sebilling.billing.imports.columns import COLUMNS
from sebilling.errors import SebillingError
from sebilling.language import Sentence


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer to import. `price` is rupiah per month, None if the file has none."""

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
    """Speed of the plan if the source has it; a new plan gets it."""
    rate_up_kbps: int | None = None
    arrears: int | None = None
    """Opening balance in rupiah (arrears, their due date, credit); None if the file has none."""
    due_on: date | None = None
    credit: int | None = None
    paid_until: date | None = None
    """Last day that is paid or billed."""
    cycle_months: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault: line of the file (from 1), column, and a message with the remedy."""

    line: int
    column: str
    message: Sentence


@dataclass(frozen=True, slots=True)
class Faulty:
    """A row that can't be imported, with the counter and plan that it names if they can be read."""

    problems: list[Problem]
    counter: str | None = None
    plan: str | None = None


def faulty(line: int, column: str, message: Sentence) -> Faulty:
    """Return a row with this single fault."""
    return Faulty([Problem(line, column, message)])


def sentence_of(error: SebillingError) -> Sentence:
    """Return the error's message in both languages."""
    return Sentence(error.message("en"), error.message("id"))


def customer_row(line: int, cells: Mapping[str, str], *, spreadsheet: bool = True) -> CustomerRow | Faulty:
    """Parse the cells of a row, keyed by CustomerRow's field names; return all its faults if there are any.

    In a `spreadsheet` a formula is a fault; a router's names may begin like one.
    """
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for column in COLUMNS:
        text = cells.get(column.field, "").strip()
        try:
            values[column.field] = column.read(no_formula(text) if spreadsheet else text)
        except SebillingError as error:
            problems.append(Problem(line, column.field, sentence_of(error)))
        except InvalidCell as error:
            problems.append(Problem(line, column.field, error.sentence))
    if problems:
        return Faulty(problems, values.get("counter", (None,))[0], values.get("plan"))
    values["counter"], values["counter_name"] = values["counter"]
    return CustomerRow(line=line, **values)
