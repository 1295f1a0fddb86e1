"""Derive valid, unique customer codes from the names of accounts on a device."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import ReadSession
from sebilling.language import Sentence

_MOST: Final = 32
_FALLBACK: Final = "pelanggan"
_ALL: Final = text("SELECT code FROM customer")
_TAKEN: Final = text("SELECT code, pppoe_name FROM customer WHERE code = ANY (:codes)")


@dataclass(frozen=True, slots=True)
class Code:
    """A derived code. `owner` is an existing customer with this code, who may be the same person."""

    code: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class _Taken:
    code: str
    pppoe_name: str | None


async def derive(session: ReadSession, keys: Sequence[str], notes: list[Sentence]) -> dict[str, Iterator[Code]]:
    """Derive codes for each key, one per occurrence, and add a note about those that differ from the key.

    A key that is a valid code is used as it is. Others are made valid, with a number appended if the code is taken by another key or by
    a customer with another PPPoE name. A customer with that code but without a PPPoE name may be the same person: it becomes `owner`.
    """
    simple = {key: _valid(key) for key in keys}
    taken = {row.code: row.pppoe_name for row in await session.rows(_TAKEN, {"codes": sorted(set(simple.values()))}, into=_Taken)}
    used = {key for key in keys if simple[key] == key} | set(taken)
    if len({code for key, code in simple.items() if key != code} - used) < len([key for key in keys if key != simple[key]]):
        used |= set(await session.values(_ALL, kind=str))  # numbers will be needed, and must be free
    made: dict[str, list[Code]] = {}
    changed: list[Sentence] = []
    for key in keys:
        code = simple[key]
        if code == key and key not in made:
            made[key] = [Code(code, code if code in taken else None)]
            continue
        if code in taken and taken[code] is None:
            made.setdefault(key, []).append(Code(code, code))
            continue
        free = next(candidate for number in itertools.count(1) if (candidate := _numbered(code, number)) not in used)
        used.add(free)
        changed.append(_changed(key, free, code))
        made.setdefault(key, []).append(Code(free))
    if changed:
        notes.append(_note(changed))
    return {key: iter(codes) for key, codes in made.items()}


def _changed(key: str, free: str, wanted: str) -> Sentence:
    if free == wanted:
        return Sentence(f"'{key}' has the code {free}", f"'{key}' mendapat kode {free}")
    return Sentence(
        f"'{key}' has the code {free}, because {wanted} is taken", f"'{key}' mendapat kode {free}, karena {wanted} sudah dipakai"
    )


def _note(changed: Sequence[Sentence]) -> Sentence:
    english, indonesian = "; ".join(entry.english for entry in changed[:_TOLD]), "; ".join(entry.indonesian for entry in changed[:_TOLD])
    if (more := len(changed) - _TOLD) > 0:
        english, indonesian = f"{english}; and {more} more", f"{indonesian}; dan {more} lagi"
    return Sentence(
        f"{len(changed)} codes were made anew, of names that can't be codes: {english}.",
        f"{len(changed)} kode dibuat baru, dari nama yang tidak bisa menjadi kode: {indonesian}.",
    )


_TOLD: Final = 20


def _valid(key: str) -> str:
    code = re.sub(r"[^A-Za-z0-9._-]", "-", key).lstrip("._-")[:_MOST]
    return code or _FALLBACK


def _numbered(code: str, number: int) -> str:
    """Return the code for number 1, otherwise the code with the number appended."""
    suffix = f"-{number}" if number > 1 else ""
    return code[: _MOST - len(suffix)] + suffix
