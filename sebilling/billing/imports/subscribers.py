"""Customers as network gear knows them: a key, a comment, a plan's name. Which gear it is, is no matter here.

A device and a file that it wrote are read by the same rules.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sqlalchemy import text

from sebilling.billing import validation
from sebilling.billing.imports import codes
from sebilling.billing.imports.rows import CustomerRow, Faulty, Problem, customer_row, faulty
from sebilling.db.engine import ReadSession

_COUNTER_SUFFIX: Final = re.compile(r"(?:(?P<name>.{0,300}\S)\s{1,20})?-\s{1,20}(?P<counter>[A-Za-z0-9][A-Za-z0-9-]{0,15})")
"""Only with spaces around the hyphen: `C-FUADI` is a name."""
_MAX_RATE_KBPS: Final = 100_000_000
MAX_NAMED: Final = 20
"""In a note; more are counted."""
_TAKEN: Final = text("SELECT code, pppoe_name FROM customer WHERE pppoe_name = ANY (:keys)")
_COUNTERS: Final = text("SELECT code FROM counter")


@dataclass(frozen=True, slots=True)
class Found:
    """One customer on a device. `line` counts them from 1, or is that of a file; `plan` None: nobody can tell it. Speeds in kbit/s."""

    line: int
    key: str
    plan: str | None
    comment: str
    disabled: bool
    is_pppoe: bool
    rate_down_kbps: int | None = None
    rate_up_kbps: int | None = None
    left_out: str = ""
    """Why it is no customer, such as `service l2tp`."""
    fault: str = ""
    """Why it can't be taken, if the reader knows."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where the customers go: `counter` those whose comment names none, `counters` are codes that comments may name besides those
    that are there, and `on` is the day of installation, so that no month before is billed."""

    counter: str
    on: date
    counters: frozenset[str] = frozenset()


async def rows(session: ReadSession, found: Sequence[Found], where: Where, notes: list[str]) -> list[CustomerRow | Faulty]:
    """Each one's row, in their order, or everything that is wrong with it; those that are no customers are left out and noted.

    A code is made of the key, unique and valid. Who is a customer already is a fault, never joined by their name: on another
    router it may be someone else.
    """
    _note_left_out(found, notes)
    wanted = [one for one in found if not one.left_out]
    there = await session.rows(_TAKEN, {"keys": [one.key for one in wanted]})
    owners = {row.pppoe_name: row.code for row in there}
    made = await codes.derive(session, [one.key for one in wanted if one.key and one.key not in owners], notes)
    known = {row.code for row in await session.rows(_COUNTERS)} | where.counters | {where.counter.upper()}
    splits = [_split(one.comment, known) for one in wanted]
    _note_splits([one.comment for one in wanted], splits, notes)
    read: list[CustomerRow | Faulty] = []
    for one, (name, counter) in zip(wanted, splits, strict=True):
        code = next(made[one.key]) if one.key in made else None
        owner = owners.get(one.key) or (code.owner if code is not None else None)
        read.append(_row(one, name or one.key, counter or where.counter, on=where.on, code=code.code if code else owner or "", owner=owner))
    return read


def _split(comment: str, known: frozenset[str] | set[str]) -> tuple[str, str | None]:
    """Name and counter of a comment such as `Budi - LKT01`; a counter that isn't known is a part of the name."""
    line = " ".join(filter(None, (one.strip() for one in comment.splitlines())))
    found = _COUNTER_SUFFIX.fullmatch(line)
    if found is None or found["counter"].upper() not in known:
        return line, None
    return found["name"] or "", found["counter"].upper()


def _row(one: Found, name: str, counter: str, *, on: date, code: str, owner: str | None) -> CustomerRow | Faulty:
    if one.fault:
        return faulty(one.line, "key", one.fault)
    if not one.key:
        return faulty(one.line, "key", "it has no name on the device: give it one there, or remove it.")
    cells = {
        "code": code, "name": name, "counter": counter, "plan": one.plan or "",
        "installed_on": on.isoformat(), "active": "nonaktif" if one.disabled else "aktif",
    }  # fmt: skip
    row = customer_row(one.line, cells | ({"pppoe_name": one.key} if one.is_pppoe else {}), spreadsheet=False)
    problems = list(row.problems) if isinstance(row, Faulty) else []
    if one.plan is None:
        problems = [problem for problem in problems if problem.column != "plan"]
        problems.append(Problem(one.line, "plan", "its plan can't be told, as of someone who is cut: give it its own on the device first."))
    if (odd := _odd(one.key)) is not None:
        problems = [problem for problem in problems if problem.column not in {"pppoe_name", "code"}]
        problems.append(Problem(one.line, "key", f"its name {odd}: give it a plain one there."))
    for column, rate in (("rate_down_kbps", one.rate_down_kbps), ("rate_up_kbps", one.rate_up_kbps)):
        if rate is not None and not 1 <= rate <= _MAX_RATE_KBPS:
            problems.append(Problem(one.line, column, f"the device tells a speed of {rate} kbit/s: 1 to {_MAX_RATE_KBPS} can be."))
    if owner is not None and not problems:
        why = f"the customer {owner} is there already: if it is the same, give them this access by setServiceAccess; else rename it there."
        problems.append(Problem(one.line, "code", why))
    if isinstance(row, CustomerRow) and not problems:
        return replace(row, rate_down_kbps=one.rate_down_kbps, rate_up_kbps=one.rate_up_kbps)
    return Faulty(problems, row.counter, row.plan)


def _odd(key: str) -> str | None:
    """What is wrong with a key that we would keep otherwise than the device does: it would never be found there."""
    kept = validation.without_invisible(key)
    if kept != key:
        bad = next(letter for letter in key if unicodedata.category(letter) == "Cf")
        return f"has the invisible character U+{ord(bad):04X} in it"
    if key != key.strip():
        return "has spaces around it"
    if any(unicodedata.category(letter) == "Zs" for letter in key.replace(" ", "")):
        return "has a space in it that is no plain one"
    return "has accents of two characters" if unicodedata.normalize("NFC", key) != key else None


def _note_left_out(found: Sequence[Found], notes: list[str]) -> None:
    left_out = [f"{one.key} ({one.left_out})" for one in found if one.left_out]
    if left_out:
        notes.append(f"{len(left_out)} accounts are no customers and were left out: {named(left_out)}.")


def _note_splits(comments: Sequence[str], splits: Sequence[tuple[str, str | None]], notes: list[str]) -> None:
    counted = Counter(counter for _, counter in splits if counter is not None)
    if counted:
        told = ", ".join(f"{code} ({count})" for code, count in sorted(counted.items()))
        example = next(f"'{comment.strip()}' is '{name}' at {counter}" for comment, (name, counter) in zip(comments, splits, strict=True)
                       if counter is not None)  # fmt: skip
        notes.append(f"Counters were split off from {counted.total()} comments: {told}. For instance {example}.")
    endings = Counter(
        found["counter"].upper() for name, counter in splits if counter is None and (found := _COUNTER_SUFFIX.fullmatch(name)) is not None
    )
    if endings:
        told = named([f"{code} ({count})" for code, count in sorted(endings.items())])
        notes.append(f"{endings.total()} comments end in ' - ' and what is no counter here, and stay whole as names: {told}."
                     " If some are counters, name them by --counters CODE,CODE.")  # fmt: skip


def named(things: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(things) - MAX_NAMED
    return ", ".join(things[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
