"""Read PHPNuxBill: its own backup (JSON), or a dump of its MySQL database. See docs/importing.md for the mapping.

PHPNuxBill sells time: a customer is served until their package expires. Arrears are known only of postpaid packages (unit Period): the
customer's field Invoice is what they pay at the next renewal, for the time that ends then.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import orjson
from pydantic import JsonValue

from sebilling.billing.imports import encoded
from sebilling.billing.imports.systems import sql_dump
from sebilling.billing.imports.systems.account import Account, Book, Fault, LeftOut, NoAmountError, day, last_day, months_of, note, rupiah
from sebilling.billing.imports.systems.sql_dump import Record
from sebilling.billing.opening import Past
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

TABLES: Final = {
    "tbl_customers": ("id", "username", "pppoe_username", "fullname", "address", "phonenumber", "balance", "service_type", "status",
                      "created_at"),
    "tbl_customers_fields": ("customer_id", "field_name", "field_value"),
    "tbl_plans": ("id", "name_plan", "price", "type", "validity", "validity_unit"),
    "tbl_user_recharges": ("id", "customer_id", "plan_id", "namebp", "recharged_on", "expiration", "time", "status", "type"),
    "tbl_transactions": ("invoice", "user_id", "username", "plan_name", "price", "recharged_on"),
}  # fmt: skip
"""Tables and columns that are read of a dump; no password is among them."""
_NEEDED: Final = ("tbl_customers", "tbl_plans", "tbl_user_recharges")
_INACTIVE: Final = frozenset(("Banned", "Disabled", "Inactive"))


@dataclass(frozen=True, slots=True)
class _Plan:
    name: str
    price: int
    """Rupiah for all its months."""
    months: int | None
    postpaid: bool
    validity: str


def read(path: Path) -> Book:
    """Read its customers. Raises InvalidFile."""
    data = encoded.read_bytes(path)
    tables = _backup(path.name, data) if data.lstrip()[:1] == b"{" else _dump(path.name, data)
    plans = {row["id"]: _plan(path.name, row) for row in tables["tbl_plans"] if row["type"] != "Balance"}
    latest: dict[str | None, Record] = {}
    running: dict[str | None, set[str]] = defaultdict(set)
    for row in sorted(tables["tbl_user_recharges"], key=lambda recharge: (recharge["expiration"] or "", int(recharge["id"] or 0))):
        latest[row["customer_id"]] = row
        if row["status"] == "on" and row["plan_id"] in plans and plans[row["plan_id"]].months is not None:
            running[row["customer_id"]].add(row["namebp"] or "")
    fields: dict[str | None, dict[str, str]] = defaultdict(dict)
    for row in tables["tbl_customers_fields"]:
        fields[row["customer_id"]][row["field_name"] or ""] = row["field_value"] or ""
    book = Book("PHPNuxBill", sells_time=True)
    if not tables["tbl_customers_fields"]:
        book.notes.append(
            Sentence(
                "It holds no row of tbl_customers_fields: if bills or invoices were added to customers there, export it too.",
                "Tidak ada baris tbl_customers_fields: kalau di sana ada tagihan yang ditambahkan pada pelanggan, ekspor juga tabel itu.",
            )
        )
    past = _past(tables["tbl_transactions"], book.notes)
    for line, customer in enumerate(tables["tbl_customers"], 1):
        recharge = latest.get(customer["id"])
        plan = plans.get(recharge["plan_id"]) if recharge is not None else None
        account = _account(line, customer, recharge, plan, fields[customer["id"]])
        if isinstance(account, LeftOut):
            book.left_out.append(account)
        elif len(packages := sorted(running[customer["id"]])) > 1:
            names = ", ".join(packages)
            why = Sentence(
                f"they have several packages ({names}), but here each customer has one: make it another customer's there.",
                f"punya beberapa paket ({names}), padahal di sini setiap pelanggan punya satu: jadikan milik pelanggan lain di sana.",
            )
            book.accounts.append(replace(account, faults=(*account.faults, ("plan", why))))
        else:
            book.accounts.append(replace(account, past=tuple(past.get(customer["id"]) or past.get(customer["username"]) or ())))
    return book


def _dump(name: str, data: bytes) -> Mapping[str, list[Record]]:
    dump = sql_dump.read(name, data, TABLES, sql_dump.MYSQL)
    missing = [table for table in _NEEDED if table not in dump.columns]
    if missing:
        why = Sentence(
            f"it has no table {missing[0]}: is it a dump of PHPNuxBill's database? It needs {', '.join(TABLES)}.",
            f"tidak ada tabel {missing[0]}: apakah ini dump basis data PHPNuxBill? Yang diperlukan: {', '.join(TABLES)}.",
        )
        raise InvalidFile(file=name, why=why)
    return dump.rows


def _backup(name: str, data: bytes) -> Mapping[str, list[Record]]:
    """Read what Settings, Backup/Restore writes: tables by name, with all their columns."""
    try:
        backup: JsonValue = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        why = Sentence("it is no whole JSON: download the backup again.", "JSON-nya tidak utuh: unduh lagi cadangannya.")
        raise InvalidFile(file=name, why=why) from error
    tables = backup if isinstance(backup, dict) else {}
    missing = [table for table in _NEEDED if not isinstance(tables.get(table), list)]
    if missing:
        why = Sentence(
            f"it has no table {missing[0]}: choose {', '.join(TABLES)} in Settings, Backup/Restore.",
            f"tidak ada tabel {missing[0]}: pilih {', '.join(TABLES)} di 'Settings, Backup/Restore'.",
        )
        raise InvalidFile(file=name, why=why)
    return {table: _records(name, tables.get(table), columns) for table, columns in TABLES.items()}


def _records(name: str, table: JsonValue, columns: Iterable[str]) -> list[Record]:
    """Return the rows of a table, with these columns as text; none if the backup lacks it. Raises InvalidFile."""
    rows = table or []
    records = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if not isinstance(rows, list) or len(records) < len(rows):
        why = Sentence(
            "a table in it is no list of records: download the backup again.",
            "ada tabel yang bukan daftar baris: unduh lagi cadangannya.",
        )
        raise InvalidFile(file=name, why=why)
    return [{column: _as_text(record.get(column)) for column in columns} for record in records]


def _as_text(value: object) -> str | None:
    return None if value is None else str(value)


def _plan(file: str, row: Record) -> _Plan:
    count, unit = int(row["validity"] or 0), row["validity_unit"] or ""
    try:
        price = rupiah(row["price"])
    except NoAmountError as error:
        why = Sentence(
            f"the plan {row['name_plan']} costs '{error}', which is no whole rupiah: correct it there.",
            f"harga paket {row['name_plan']} '{error}', bukan rupiah bulat: perbaiki di sana.",
        )
        raise InvalidFile(file=file, why=why) from None
    return _Plan((row["name_plan"] or "").strip(), price, months_of(count, unit), unit == "Period", f"{count} {unit}")


def _account(line: int, customer: Record, recharge: Record | None, plan: _Plan | None, fields: Mapping[str, str]) -> Account | LeftOut:
    faults: list[Fault] = []
    key = (customer["username"] or "").strip()
    credit, arrears = _amount(customer["balance"], "credit", faults), 0
    if credit < 0:
        why = Sentence(
            f"its balance there is {credit}: whether that is owed can't be told. Correct it there.",
            f"saldonya di sana {credit}: tidak jelas apakah itu tunggakan. Perbaiki di sana.",
        )
        faults.append(("credit", why))
    owes = _bills(fields, faults)
    if plan is None or recharge is None or plan.months is None:
        if plan is None:
            lack = Sentence("they have bought no package", "belum membeli paket")
        else:
            lack = Sentence("their package isn't sold by the month", "paketnya tidak dijual bulanan")
        if not credit and not owes and not faults:
            return LeftOut(key, lack)
        sold = "" if plan is None else f" ({plan.name}: {plan.validity})"
        why = Sentence(
            f"has a balance there, but {lack.english}{sold}: give them a monthly one there, or settle the balance.",
            f"punya saldo di sana, tetapi {lack.indonesian}{sold}: beri paket bulanan di sana, atau selesaikan saldonya.",
        )
        faults.append(("plan", why))
        return Account(line, key, key, "?", None, date.max, faults=tuple(faults))
    installed_on = _day(customer["created_at"], "installed_on", faults, required=True) or date.max
    if plan.price % plan.months:
        why = Sentence(
            f"{plan.name} costs Rp{plan.price} for {plan.months} months, which is no whole rupiah a month: correct its price there.",
            f"harga {plan.name} Rp{plan.price} untuk {plan.months} bulan, bukan rupiah bulat per bulan: perbaiki harganya di sana.",
        )
        faults.append(("price", why))
    if plan.postpaid:
        arrears = _amount(fields.get("Invoice"), "arrears", faults)
    expires = _day(recharge["expiration"], "paid_until", faults)
    pppoe = "PPPOE" in {(recharge["type"] or "").upper(), (customer["service_type"] or "").upper()}
    return Account(
        line, key, (customer["fullname"] or "").strip(), plan.name, plan.price // plan.months, installed_on,
        phone="" if customer["phonenumber"] in {"0", None} else str(customer["phonenumber"]).strip(),
        address=(customer["address"] or "").strip(), active=customer["status"] not in _INACTIVE,
        pppoe_name=((customer["pppoe_username"] or "").strip() or key) if pppoe else None,
        arrears=max(arrears, 0) + owes, due_on=expires if arrears else None, credit=max(credit, 0),
        paid_until=_whole(expires, recharge["time"]), cycle_months=plan.months, due_day=expires.day if plan.postpaid and expires else None,
        faults=tuple(faults),
    )  # fmt: skip


def _whole(expires: date | None, time: str | None) -> date | None:
    """Return the last paid day: the day of expiry, or the day before if it expires at 00:00. A partly paid day isn't billed again."""
    return last_day(expires) if expires is not None and (time or "").startswith("00:00") else expires


def _day(text: str | None, column: str, faults: list[Fault], *, required: bool = False) -> date | None:
    try:
        parsed = day(text)
    except ValueError:
        parsed = None
    if parsed is None and (required or (text or "").strip("0-: ")):
        shown = (text or "")[:30]
        faults.append((column, Sentence(f"'{shown}' is no day: correct it there.", f"'{shown}' bukan tanggal: perbaiki di sana.")))
    return parsed


def _amount(text: str | None, column: str, faults: list[Fault]) -> int:
    try:
        return rupiah(text)
    except NoAmountError as error:
        why = Sentence(f"'{error}' is no whole rupiah: correct it there.", f"'{error}' bukan rupiah bulat: perbaiki di sana.")
        faults.append((column, why))
        return 0


def _bills(fields: Mapping[str, str], faults: list[Fault]) -> int:
    """Sum the further bills of the next renewal: an amount, or `50000:3` for an instalment that is due three more times."""
    owed = 0
    for name, value in fields.items():
        if name.endswith("Bill"):
            amount, _, times = value.partition(":")
            owed += _amount(amount, "arrears", faults) * (_amount(times, "arrears", faults) if times else int(":" not in value))
    return owed


def _past(transactions: Sequence[Record], notes: list[Sentence]) -> dict[str | None, list[Past]]:
    """Return the payments by the customer's id, or by username in old versions."""
    history: dict[str | None, list[Past]] = defaultdict(list)
    odd = 0
    for row in transactions:
        try:
            amount, paid_on = rupiah(row["price"]), day(row["recharged_on"])
        except ValueError:
            odd += 1
            continue
        if amount > 0 and paid_on is not None:
            who = row["user_id"] if row["user_id"] not in {None, "0"} else row["username"]
            history[who].append(Past(0, paid_on, "PAYMENT", amount, note(row["invoice"], row["plan_name"])))
    if odd:
        notes.append(
            Sentence(
                f"{odd} payments of the history have no whole amount or no day, and were left out of it; no balance depends on them.",
                f"{odd} pembayaran di riwayat nominalnya tidak bulat atau tidak bertanggal, jadi tidak diambil; saldo tidak terpengaruh.",
            )
        )
    return history
