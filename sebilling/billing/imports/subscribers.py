"""Customers as network gear knows them: a key, a comment, a plan's name. Which gear it is, is no matter here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sqlalchemy import text

from sebilling.billing.imports.rows import CustomerRow, Faulty, Problem, customer_row, faulty
from sebilling.db.engine import ReadSession

_COUNTER_SUFFIX: Final = re.compile(r"(.{0,300}?)\s{0,20}-\s{0,20}([A-Z][A-Z0-9-]{0,15})", re.DOTALL)
_MOST_RATE_KBPS: Final = 100_000_000
_TAKEN: Final = text("SELECT code, pppoe_name FROM customer WHERE code = ANY (:codes) OR pppoe_name = ANY (:names)")


@dataclass(frozen=True, slots=True)
class Found:
    """One customer on a device. `line` counts them from 1; `plan` None: the device can't tell it. Speeds in kbit/s."""

    line: int
    key: str
    plan: str | None
    comment: str
    disabled: bool
    is_pppoe: bool
    rate_down_kbps: int | None = None
    rate_up_kbps: int | None = None


def cells(key: str, *, comment: str, plan: str, disabled: bool, counter: str, on: date) -> dict[str, str]:
    """What a row's cells are, by column: a comment `Budi - LKT01` gives name and counter; without comment the key is the name."""
    found = _COUNTER_SUFFIX.fullmatch(comment)
    return {
        "code": re.sub(r"[^A-Za-z0-9._-]", "-", key)[:32],
        "name": (found[1] if found else comment) or key,
        "counter": found[2] if found else counter,
        "plan": plan,
        "installed_on": on.isoformat(),
        "active": "nonaktif" if disabled else "aktif",
    }


async def rows(session: ReadSession, found: Sequence[Found], *, counter: str, on: date) -> list[CustomerRow | Faulty]:
    """Each one's row, in their order, or everything that is wrong with it.

    A device has no day of installation: it is `on`, so that no month before is billed. Who is a customer already is a fault,
    never joined by their name: on another router it may be someone else.
    """
    read = [_row(one, counter=counter, on=on) for one in found]
    sound = [row for row in read if isinstance(row, CustomerRow)]
    bound = {"codes": [row.code for row in sound], "names": [row.pppoe_name for row in sound if row.pppoe_name is not None]}
    there = await session.rows(_TAKEN, bound)
    codes, names = {row.code for row in there}, {row.pppoe_name: row.code for row in there if row.pppoe_name is not None}
    return [_new(row, codes, names) for row in read]


def _row(one: Found, *, counter: str, on: date) -> CustomerRow | Faulty:
    if not one.key:
        return faulty(one.line, "key", "it has no name on the device: give it one there, or remove it.")
    given = cells(one.key, comment=one.comment.strip(), plan=one.plan or "", disabled=one.disabled, counter=counter, on=on)
    row = customer_row(one.line, given | ({"pppoe_name": one.key} if one.is_pppoe else {}))
    problems = list(row.problems) if isinstance(row, Faulty) else []
    if one.plan is None:
        problems = [problem for problem in problems if problem.column != "plan"]
        problems.append(Problem(one.line, "plan", "the device can't tell the plan, as of someone who is cut: give it its own there first."))
    if one.is_pppoe and isinstance(row, CustomerRow) and row.pppoe_name != one.key:
        problems.append(Problem(one.line, "key", "its name has spaces around it, or accents of two characters: give it a plain one there."))
    for column, rate in (("rate_down_kbps", one.rate_down_kbps), ("rate_up_kbps", one.rate_up_kbps)):
        if rate is not None and not 1 <= rate <= _MOST_RATE_KBPS:
            problems.append(Problem(one.line, column, f"the device tells a speed of {rate} kbit/s: 1 to {_MOST_RATE_KBPS} can be."))
    if isinstance(row, CustomerRow) and not problems:
        return replace(row, rate_down_kbps=one.rate_down_kbps, rate_up_kbps=one.rate_up_kbps)
    return Faulty(problems, row.counter, row.plan)


def _new(row: CustomerRow | Faulty, codes: set[str], names: Mapping[str, str]) -> CustomerRow | Faulty:
    """The row, or the fault that they are a customer already."""
    if isinstance(row, Faulty):
        return row
    code = names.get(row.pppoe_name or "") or (row.code if row.code in codes else None)
    if code is None:
        return row
    why = f"the customer {code} is there already: if it is the same, give them this access by setServiceAccess; else rename it there."
    return Faulty([Problem(row.line, "code", why)], row.counter, row.plan)
