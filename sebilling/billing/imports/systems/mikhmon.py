"""Read Mikhmon, which has no database: customers are the router's hotspot users, prices are in the profiles' scripts, and sales are
names of scripts. The router's `/export` contains all of it; Mikhmon's own export (script or CSV) contains only the users.

Mikhmon sells time and keeps no arrears: these come from a file of balances. See docs/importing.md.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sebilling.billing.imports import encoded, mikrotik_export
from sebilling.billing.imports.systems.account import Account, Book, Fault, LeftOut, NoAmountError, last_day, months_of, note, rupiah
from sebilling.billing.opening import Past
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

_SECTIONS: Final = frozenset(("ip hotspot user", "ip hotspot user profile", "system script", "ppp secret"))
_USER: Final = ("name", "profile", "comment", "disabled")
"""Words of a user that are kept; the password isn't among them."""
_CSV: Final = ["Username", "Password", "Profile", "Time Limit", "Data Limit", "Comment"]
_NO_CUSTOMERS: Final = frozenset(("default-trial",))
_DATE: Final = r"(?:(?P<month>[a-z]{3})/(?P<day>[0-9]{2})/(?P<year>[0-9]{4})|(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}))"
_DAY: Final = re.compile(_DATE)
_EXPIRES: Final = re.compile(rf"{_DATE} (?P<time>[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}})")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_VALIDITY: Final = re.compile(r"(?:(?P<weeks>[0-9]{1,4})w)?(?:(?P<days>[0-9]{1,4})d)?(?: ?00:00:00)?")
_UNSOLD: Final = re.compile(r"(?:vc|up)-")
"""Beginning of an unused voucher's comment."""


@dataclass(frozen=True, slots=True)
class _Profile:
    price: int | None
    months: int | None
    """None if it isn't sold by the month."""


_PLAIN: Final = _Profile(None, 1)
"""A profile without a script: no price and no expiry."""


def read(path: Path, *, on: date) -> Book:
    """Read its customers. They are installed `on`, or on the day of their first sale if that is earlier. Raises InvalidFile."""
    profiles: dict[str, _Profile] = {}
    users: list[tuple[int, Mapping[str, str]]] = []
    sales: list[str] = []
    book = Book("Mikhmon", sells_time=True)
    secrets = 0
    for line, section, words in _csv(path) or mikrotik_export.added(path, _SECTIONS):
        if section == "ip hotspot user profile" and words:
            profiles[mikrotik_export.as_text(words.get("name", ""))] = _profile(
                words.get("on-login", ""), words.get("name", ""), book.notes
            )
        elif section == "ip hotspot user" and words:
            users.append((line, {name: mikrotik_export.as_text(words[name]) for name in _USER if name in words}))
        elif section == "system script" and words.get("comment") == "mikhmon":
            sales.append(mikrotik_export.as_text(words.get("name", "")))
        secrets += section == "ppp secret" and bool(words)
    if not users:
        why = Sentence(
            "it has no hotspot users: write it on the router by '/export file=…', or export users in Mikhmon.",
            "tidak ada user hotspot: buat di router dengan '/export file=…', atau ekspor user di Mikhmon.",
        )
        raise InvalidFile(file=path.name, why=why)
    if not profiles:
        book.notes.append(
            Sentence(
                "It has no hotspot profiles, so nothing tells prices and how long they last: the router's '/export' has them.",
                "Tidak ada profil hotspot, sehingga harga dan masa berlakunya tidak diketahui: '/export' dari router memuatnya.",
            )
        )
    if secrets:
        book.notes.append(
            Sentence(
                f"It has {secrets} PPP secrets too, which aren't Mikhmon's: bring them in by sebilling import mikrotik.",
                f"Ada juga {secrets} PPP secret, yang bukan dari Mikhmon: masukkan dengan `sebilling import mikrotik`.",
            )
        )
    past = _past(sales, book.notes)
    for line, words in users:
        account = _account(line, words, profiles, past, on=on)
        if isinstance(account, LeftOut):
            book.left_out.append(account)
        else:
            book.accounts.append(account)
    return book


def _account(
    line: int, words: Mapping[str, str], profiles: Mapping[str, _Profile], past: Mapping[str, list[Past]], *, on: date
) -> Account | LeftOut:
    key, plan, comment = words.get("name", ""), words.get("profile", "default"), words.get("comment", "").strip()
    profile = profiles.get(plan, _PLAIN)
    if not key or key in _NO_CUSTOMERS:
        return LeftOut(key, Sentence("they are the router's own", "milik router sendiri"))
    if _UNSOLD.match(comment):
        return LeftOut(key, Sentence("they are vouchers that nobody has used", "voucher yang belum dipakai"))
    if profile.months is None:
        return LeftOut(key, Sentence("their profile isn't sold by the month", "profilnya tidak dijual bulanan"))
    expires = _EXPIRES.fullmatch(comment)
    faults: list[Fault] = []
    until = None if expires is None else _day(expires)
    if expires is not None and until is None:
        why = Sentence(
            f"its comment '{comment[:30]}' is no day: correct it on the router.",
            f"komentarnya '{comment[:30]}' bukan tanggal: perbaiki di router.",
        )
        faults.append(("paid_until", why))
    if until is not None and expires is not None and expires["time"] == "00:00:00":
        until = last_day(until)
    price = profile.price
    if price is not None and price % profile.months:
        why = Sentence(
            f"{plan} costs Rp{price} for {profile.months} months, which is no whole rupiah a month: correct it in Mikhmon.",
            f"harga {plan} Rp{price} untuk {profile.months} bulan, bukan rupiah bulat per bulan: perbaiki di Mikhmon.",
        )
        faults.append(("price", why))
    return Account(
        line, key, key if expires is not None or not comment else comment, plan, None if price is None else price // profile.months,
        min([on, *(sale.happened_on for sale in past.get(key, ()))]), active=words.get("disabled") not in {"yes", "true"}, paid_until=until,
        cycle_months=profile.months if until is not None else 1, past=tuple(past.get(key, ())), faults=tuple(faults),
    )  # fmt: skip


def _profile(script: str, name: str, notes: list[Sentence]) -> _Profile:
    """Parse the on-login script that Mikhmon writes: it begins `:put (",mode,price,validity,selling price,,lock,")`."""
    parts = script.split('"', 2)[1].split(",") if script.lstrip().startswith(":put (") and script.count('"') >= 2 else []
    if len(parts) < 5:
        return _PLAIN
    try:
        price, selling = rupiah(parts[2]), rupiah(parts[4])
    except NoAmountError as error:
        profile = mikrotik_export.as_text(name)
        notes.append(
            Sentence(
                f"The profile {profile} costs '{error}', which is no whole rupiah: its price was left out.",
                f"Harga profil {profile} '{error}', bukan rupiah bulat: harganya tidak diambil.",
            )
        )
        return _Profile(None, _months(parts[3]))
    return _Profile(selling or price or None, _months(parts[3]))


def _months(validity: str) -> int | None:
    """Return the months of a validity: 30d is one, and so is an empty one (no expiry, paid by the month). None for less than a month."""
    if not validity.strip():
        return 1
    match = _VALIDITY.fullmatch(validity.strip())
    return None if match is None else months_of(int(match["weeks"] or 0) * 7 + int(match["days"] or 0), "Days")


def _day(match: re.Match[str]) -> date | None:
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        return date(int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"]))
    except ValueError:
        return None


def _past(sales: list[str], notes: list[Sentence]) -> dict[str, list[Past]]:
    """Return the sales by user, from `date-|-time-|-user-|-price-|-…`."""
    history: dict[str, list[Past]] = defaultdict(list)
    odd = 0
    for name in sales:
        parts = name.split("-|-")
        at = _DAY.fullmatch(parts[0].lower())
        try:
            amount, sold_on = rupiah(parts[3]) if len(parts) > 3 else 0, _day(at) if at is not None else None
        except NoAmountError:
            amount, sold_on = 0, None
        if amount > 0 and sold_on is not None:
            history[parts[2]].append(Past(0, sold_on, "PAYMENT", amount, note(parts[7] if len(parts) > 7 else "")))
        else:
            odd += 1
    if odd:
        notes.append(
            Sentence(
                f"{odd} sales have no whole price or no day, and were left out of the history; no balance depends on them.",
                f"{odd} penjualan harganya tidak bulat atau tidak bertanggal, sehingga tidak masuk riwayat; saldo tidak terpengaruh.",
            )
        )
    return history


def _csv(path: Path) -> Iterator[tuple[int, str, Mapping[str, str]]] | None:
    """Read Mikhmon's own CSV export of users; None if the file isn't one."""
    data = encoded.read_bytes(path)
    if not data.lstrip(b"\xef\xbb\xbf").startswith(",".join(_CSV).encode()):
        return None
    return _csv_rows(path.name, encoded.decode(path.name, data))


def _csv_rows(name: str, text: str) -> Iterator[tuple[int, str, Mapping[str, str]]]:
    for line, cells in enumerate(csv.reader(io.StringIO(text), quoting=csv.QUOTE_NONE), 1):
        if len(cells) not in {0, len(_CSV)}:
            why = Sentence(
                f"line {line} has {len(cells)} parts and not {len(_CSV)}: Mikhmon puts commas of passwords and comments in no quotes."
                " Export the users as script, or take the router's '/export'.",
                f"baris {line} punya {len(cells)} bagian, bukan {len(_CSV)}: Mikhmon tidak mengapit koma di kata sandi dan komentar dengan"
                " tanda kutip. Ekspor user sebagai skrip, atau pakai '/export' dari router.",
            )
            raise InvalidFile(file=name, why=why)
        if line > 1 and cells:
            yield line, "ip hotspot user", {"name": cells[0], "profile": cells[2], "comment": cells[5]}
