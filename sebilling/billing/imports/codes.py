"""Codes of customers who have none yet: made of the name on their device, valid and unique."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import ReadSession

_MOST: Final = 32
_FALLBACK: Final = "pelanggan"
_ALL: Final = text("SELECT code FROM customer")
_TAKEN: Final = text("SELECT code, pppoe_name FROM customer WHERE code = ANY (:codes)")


@dataclass(frozen=True, slots=True)
class Code:
    """A code that was made. `owner`: the customer who has it already and may be the same one."""

    code: str
    owner: str | None = None


async def derive(session: ReadSession, keys: Sequence[str], notes: list[str]) -> dict[str, Iterator[Code]]:
    """A code for each key, also for a key that is there twice, and a note about those that aren't simply the key.

    A key that is a valid code is the code. Others get a valid one of it, with a number behind it if it is taken: by another key, or
    by a customer with another PPPoE name. Who has that code but no PPPoE name may be the same one: then it is told as `owner`.
    """
    simple = {key: _valid(key) for key in keys}
    there = {row.code: row.pppoe_name for row in await session.rows(_TAKEN, {"codes": sorted(set(simple.values()))})}
    used = {key for key in keys if simple[key] == key} | set(there)
    if len({code for key, code in simple.items() if key != code} - used) < len([key for key in keys if key != simple[key]]):
        used |= {row.code for row in await session.rows(_ALL)}  # numbers will be needed, and must be free
    made: dict[str, list[Code]] = {}
    told: list[str] = []
    for key in keys:
        code = simple[key]
        if code == key and key not in made:
            made[key] = [Code(code, code if code in there else None)]
            continue
        if code in there and there[code] is None:
            made.setdefault(key, []).append(Code(code, code))
            continue
        free = next(one for number in itertools.count(1) if (one := _numbered(code, number)) not in used)
        used.add(free)
        told.append(f"'{key}' has the code {free}" + ("" if free == code else f", because {code} is taken"))
        made.setdefault(key, []).append(Code(free))
    if told:
        more = f"; and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
        notes.append(f"{len(told)} codes were made anew, of names that can't be codes: {'; '.join(told[:_TOLD])}{more}.")
    return {key: iter(codes) for key, codes in made.items()}


_TOLD: Final = 20


def _valid(key: str) -> str:
    code = re.sub(r"[^A-Za-z0-9._-]", "-", key).lstrip("._-")[:_MOST]
    return code or _FALLBACK


def _numbered(code: str, number: int) -> str:
    """The code itself at first, then with a number."""
    suffix = f"-{number}" if number > 1 else ""
    return code[: _MOST - len(suffix)] + suffix
