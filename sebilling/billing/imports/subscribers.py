"""Turn a device's accounts (key, comment, plan's name) into customer rows, whatever the device.

A device and a file exported from it are read by the same rules.
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
from sebilling.language import Sentence

_COUNTER_SUFFIX: Final = re.compile(r"(?:(?P<name>.{0,300}\S)\s{1,20})?-\s{1,20}(?P<counter>[A-Za-z0-9][A-Za-z0-9-]{0,15})")
"""Requires spaces around the hyphen: `C-FUADI` is a name."""
_MAX_RATE_KBPS: Final = 100_000_000
MAX_NAMED: Final = 20
"""Names listed in a note; further ones are only counted."""
_NAMELESS: Final = Sentence(
    "it has no name on the device: give it one there, or remove it.", "tidak punya nama di perangkat: beri nama di sana, atau hapus."
)
_NO_PLAN: Final = Sentence(
    "its plan isn't known, because it is blocked: give it its own plan on the device first.",
    "paketnya tidak diketahui karena sedang diisolir: kembalikan dulu ke paketnya sendiri di perangkat.",
)
_TAKEN: Final = text("SELECT code, pppoe_name FROM customer WHERE pppoe_name = ANY (:keys)")
_COUNTERS: Final = text("SELECT code FROM counter")


@dataclass(frozen=True, slots=True)
class Found:
    """An account on a device. `line` is its number from 1, or the line of a file; `plan` is None if unknown. Speeds in kbit/s."""

    line: int
    key: str
    plan: str | None
    comment: str
    disabled: bool
    is_pppoe: bool
    rate_down_kbps: int | None = None
    rate_up_kbps: int | None = None
    left_out: Sentence | None = None
    """Why the account isn't a customer's, such as `service l2tp`."""
    fault: Sentence | None = None
    """Why the account can't be imported, if the reader knows."""


@dataclass(frozen=True, slots=True)
class Where:
    """Counter and installation date of imported customers. `counter` is for those whose comment names none; `counters` are codes that
    comments may name besides existing ones; `on` is the installation date, so that no earlier month is billed."""

    counter: str
    on: date
    counters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Owner:
    """An existing customer with a PPPoE name."""

    code: str
    pppoe_name: str


async def rows(session: ReadSession, accounts: Sequence[Found], where: Where, notes: list[Sentence]) -> list[CustomerRow | Faulty]:
    """Return each account's row, or its faults, in the same order. Accounts that aren't customers' are left out and noted.

    A unique, valid code is derived from the key. An existing customer is a fault and never merged by name: on another router it may be
    somebody else.
    """
    _note_left_out(accounts, notes)
    wanted = [account for account in accounts if account.left_out is None]
    taken = await session.rows(_TAKEN, {"keys": [account.key for account in wanted]}, into=_Owner)
    owners = {row.pppoe_name: row.code for row in taken}
    derived = await codes.derive(session, [account.key for account in wanted if account.key and account.key not in owners], notes)
    known = set(await session.values(_COUNTERS, kind=str)) | where.counters | {where.counter.upper()}
    splits = [_split(account.comment, known) for account in wanted]
    _note_splits([account.comment for account in wanted], splits, notes)
    read: list[CustomerRow | Faulty] = []
    for account, (name, counter) in zip(wanted, splits, strict=True):
        code = next(derived[account.key]) if account.key in derived else None
        owner = owners.get(account.key) or (code.owner if code is not None else None)
        read.append(
            _row(account, name or account.key, counter or where.counter, on=where.on, code=code.code if code else owner or "", owner=owner)
        )
    return read


def _split(comment: str, known: frozenset[str] | set[str]) -> tuple[str, str | None]:
    """Split a comment such as `Budi - LKT01` into name and counter; an unknown counter remains part of the name."""
    line = " ".join(filter(None, (part.strip() for part in comment.splitlines())))
    match = _COUNTER_SUFFIX.fullmatch(line)
    if match is None or match["counter"].upper() not in known:
        return line, None
    return match["name"] or "", match["counter"].upper()


def _row(account: Found, name: str, counter: str, *, on: date, code: str, owner: str | None) -> CustomerRow | Faulty:
    if account.fault is not None:
        return faulty(account.line, "key", account.fault)
    if not account.key:
        return faulty(account.line, "key", _NAMELESS)
    cells = {
        "code": code, "name": name, "counter": counter, "plan": account.plan or "",
        "installed_on": on.isoformat(), "active": "nonaktif" if account.disabled else "aktif",
    }  # fmt: skip
    row = customer_row(account.line, cells | ({"pppoe_name": account.key} if account.is_pppoe else {}), spreadsheet=False)
    problems = list(row.problems) if isinstance(row, Faulty) else []
    if account.plan is None:
        problems = [problem for problem in problems if problem.column != "plan"]
        problems.append(Problem(account.line, "plan", _NO_PLAN))
    if (odd := _odd(account.key)) is not None:
        problems = [problem for problem in problems if problem.column not in {"pppoe_name", "code"}]
        why = Sentence(f"its name {odd.english}: give it a plain one there.", f"namanya {odd.indonesian}: beri nama biasa di sana.")
        problems.append(Problem(account.line, "key", why))
    for column, rate in (("rate_down_kbps", account.rate_down_kbps), ("rate_up_kbps", account.rate_up_kbps)):
        if rate is not None and not 1 <= rate <= _MAX_RATE_KBPS:
            why = Sentence(
                f"the device tells a speed of {rate} kbit/s: 1 to {_MAX_RATE_KBPS} can be.",
                f"menurut perangkat kecepatannya {rate} kbit/s: yang bisa 1 sampai {_MAX_RATE_KBPS}. Perbaiki di sana.",
            )
            problems.append(Problem(account.line, column, why))
    if owner is not None and not problems:
        why = Sentence(
            f"the customer {owner} is there already: if it is the same, give them this access by setServiceAccess; else rename it there.",
            f"pelanggan {owner} sudah ada: kalau orangnya sama, beri akses ini dengan setServiceAccess; kalau bukan, ubah namanya di sana.",
        )
        problems.append(Problem(account.line, "code", why))
    if isinstance(row, CustomerRow) and not problems:
        return replace(row, rate_down_kbps=account.rate_down_kbps, rate_up_kbps=account.rate_up_kbps)
    return Faulty(problems, row.counter, row.plan)


def _odd(key: str) -> Sentence | None:
    """Return what is wrong with a key that we would store differently from the device, so that it would never be found there."""
    kept = validation.without_invisible(key)
    if kept != key:
        bad = next(letter for letter in key if unicodedata.category(letter) == "Cf")
        return Sentence(f"has the invisible character U+{ord(bad):04X} in it", f"berisi karakter tak terlihat U+{ord(bad):04X}")
    if key != key.strip():
        return Sentence("has spaces around it", "diawali atau diakhiri spasi")
    if any(unicodedata.category(letter) == "Zs" for letter in key.replace(" ", "")):
        return Sentence("has a space in it that is no plain one", "berisi spasi yang bukan spasi biasa")
    if unicodedata.normalize("NFC", key) != key:
        return Sentence("has accents of two characters", "berisi huruf beraksen dari dua karakter")
    return None


def _note_left_out(accounts: Sequence[Found], notes: list[Sentence]) -> None:
    left_out = [
        Sentence(f"{account.key} ({account.left_out.english})", f"{account.key} ({account.left_out.indonesian})")
        for account in accounts if account.left_out is not None
    ]  # fmt: skip
    if left_out:
        names = named(left_out)
        notes.append(
            Sentence(
                f"{len(left_out)} accounts are no customers and were left out: {names.english}.",
                f"{len(left_out)} akun bukan pelanggan dan tidak diambil: {names.indonesian}.",
            )
        )


def _note_splits(comments: Sequence[str], splits: Sequence[tuple[str, str | None]], notes: list[Sentence]) -> None:
    counted = Counter(counter for _, counter in splits if counter is not None)
    if counted:
        listed = ", ".join(f"{code} ({count})" for code, count in sorted(counted.items()))
        comment, name, counter = next((comment.strip(), name, counter) for comment, (name, counter) in zip(comments, splits, strict=True)
                                      if counter is not None)  # fmt: skip
        notes.append(
            Sentence(
                f"Counters were split off from {counted.total()} comments: {listed}. For instance '{comment}' is '{name}' at {counter}.",
                f"Loket diambil dari {counted.total()} komentar: {listed}. Misalnya '{comment}' menjadi '{name}' di {counter}.",
            )
        )
    endings = Counter(
        match["counter"].upper() for name, counter in splits if counter is None and (match := _COUNTER_SUFFIX.fullmatch(name)) is not None
    )
    if endings:
        kept = named([f"{code} ({count})" for code, count in sorted(endings.items())])
        notes.append(
            Sentence(
                f"{endings.total()} comments end in ' - ' and what is no counter here, and stay whole as names: {kept.english}."
                " If some are counters, add those counters first, or name their codes for the import.",
                f"{endings.total()} komentar berakhir dengan ' - ' dan yang bukan loket di sini, sehingga tetap utuh sebagai nama:"
                f" {kept.indonesian}. Kalau ada yang loket, tambahkan dulu loketnya, atau sebutkan kodenya untuk impor ini.",
            )
        )


def named(things: Sequence[str | Sentence]) -> Sentence:
    """List the first MAX_NAMED, and count the rest."""
    both = [Sentence(thing, thing) if isinstance(thing, str) else thing for thing in things[:MAX_NAMED]]
    english, indonesian = ", ".join(thing.english for thing in both), ", ".join(thing.indonesian for thing in both)
    if (more := len(things) - MAX_NAMED) > 0:
        return Sentence(f"{english} and {more} more", f"{indonesian} dan {more} lagi")
    return Sentence(english, indonesian)
