"""A customer as a file tells it, and what can be wrong with a row: every fault is found, each with its remedy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sebilling.billing.imports.cells import no_formula
from sebilling.billing.imports.columns import COLUMNS
from sebilling.errors import SebillingError


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
    arrears: int | None = None
    """Opening balances, rupiah, None if the file tells none: what they owe, since when, what they have paid ahead."""
    due_on: date | None = None
    credit: int | None = None
    paid_until: date | None = None
    """The last day that they have paid."""
    cycle_months: int | None = None


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


def customer_row(line: int, cells: Mapping[str, str], *, spreadsheet: bool = True) -> CustomerRow | Faulty:
    """Read the cells of a row, by column (the names of CustomerRow's fields), or tell everything that is wrong with it.

    A `spreadsheet` has no formulas among its customers; a router's names may begin as one does.
    """
    problems: list[Problem] = []
    found: dict[str, Any] = {}
    for column in COLUMNS:
        text = cells.get(column.field, "").strip()
        try:
            found[column.field] = column.read(no_formula(text) if spreadsheet else text)
        except SebillingError as error:
            problems.append(Problem(line, column.field, error.message("en")))
        except ValueError as error:
            problems.append(Problem(line, column.field, str(error)))
    if problems:
        return Faulty(problems, found.get("counter", (None,))[0], found.get("plan"))
    found["counter"], found["counter_name"] = found["counter"]
    return CustomerRow(line=line, **found)
