"""Read gembok-bill: its SQLite database (data/billing.db, or a backup of it), or the output of `sqlite3 billing.db .dump`.

It bills each month on the first; arrears are its unpaid invoices. See docs/importing.md for the mapping.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Container, Mapping
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sebilling.billing.imports import encoded
from sebilling.billing.imports.subscribers import named
from sebilling.billing.imports.systems import sql_dump
from sebilling.billing.imports.systems.account import Account, Book, Fault, LeftOut, NoAmountError, day, last_day, note, rupiah
from sebilling.billing.imports.systems.sql_dump import MAX_ROWS, Record
from sebilling.billing.opening import Past
from sebilling.clock import JAKARTA, Month, local_date
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

TABLES: Final = {
    "packages": ("id", "name", "price", "tax_rate"),
    "customers": ("id", "username", "name", "phone", "pppoe_username", "address", "package_id", "status", "billing_day", "join_date"),
    "invoices": ("id", "customer_id", "invoice_number", "amount", "due_date", "status", "invoice_type", "created_at"),
    "payments": ("id", "invoice_id", "amount", "payment_date", "payment_method"),
}
"""Tables and columns that are read; no password is among them."""
_VOUCHERS: Final = "voucher_public"
"""Account in whose name vouchers are sold."""
_USUAL_TAX: Final = "11"
"""Per cent for a package without a tax rate, as in gembok-bill itself."""


def read(path: Path) -> Book:
    """Read its customers. Raises InvalidFile."""
    with path.open("rb") as file:
        begins = file.read(16)
    tables = _database(path) if begins == b"SQLite format 3\0" else _dump(path)
    packages = {row["id"]: (row["name"] or "", _price(path.name, row)) for row in tables["packages"]}
    book = Book("gembok-bill")
    if taxed := sum(bool(tax_of(row)) for row in tables["packages"]):
        about_tax = Sentence(
            f"{taxed} packages have a tax on top there: their prices here are what customers pay, tax included. Leave taxRate at 0 here.",
            f"{taxed} paket di sana ditambah pajak: harganya di sini adalah yang dibayar pelanggan, termasuk pajak. Biarkan taxRate 0 di"
            " sini.",
        )
        book.notes.append(about_tax)
    invoices: dict[str | None, list[Record]] = defaultdict(list)
    for row in tables["invoices"]:
        invoices[row["customer_id"]].append(row)
    payments: dict[str | None, list[Record]] = defaultdict(list)
    for row in tables["payments"]:
        payments[row["invoice_id"]].append(row)
    odd: list[str] = []
    for line, customer in enumerate(tables["customers"], 1):
        account = _account(
            line, customer, packages.get(customer["package_id"]), invoices=invoices[customer["id"]], payments=payments, odd=odd
        )
        if isinstance(account, LeftOut):
            book.left_out.append(account)
        else:
            book.accounts.append(account)
    if odd:
        numbers = named(odd)
        book.notes.append(
            Sentence(
                f"{len(odd)} invoices and payments have no whole amount or no day, and were left out of the history: {numbers.english}."
                " No balance depends on them.",
                f"{len(odd)} tagihan dan pembayaran nominalnya tidak bulat atau tidak bertanggal, sehingga tidak masuk riwayat:"
                f" {numbers.indonesian}. Saldo tidak terpengaruh.",
            )
        )
    return book


def _database(path: Path) -> Mapping[str, list[Record]]:
    """Open the database read-only and read only tables: no view or trigger of the file is executed."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        why = Sentence(
            f"{log.name} beside it holds changes that aren't in it yet: stop gembok-bill first, or make a copy by sqlite3 … '.backup'.",
            f"{log.name} di sebelahnya berisi perubahan yang belum masuk: hentikan gembok-bill, atau salin dengan sqlite3 … '.backup'.",
        )
        raise InvalidFile(file=path.name, why=why)
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            there = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            _all_there(path.name, there)
            return {table: _rows(path.name, database, table, columns) for table, columns in TABLES.items()}
    except (sqlite3.Error, UnicodeDecodeError) as error:
        why = Sentence(
            f"SQLite says: {error}. Make the copy again, by sqlite3 … '.backup'.",
            f"kata SQLite: \"{error}\". Salin lagi dengan sqlite3 … '.backup'.",
        )
        raise InvalidFile(file=path.name, why=why) from error


def _rows(file: str, database: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> list[Record]:
    has = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    chosen = [column if column in has else f"NULL AS {column}" for column in columns]
    rows = database.execute(f"SELECT {', '.join(chosen)} FROM {table} ORDER BY id LIMIT {MAX_ROWS + 1}").fetchall()
    if len(rows) > MAX_ROWS:
        why = Sentence(
            f"{table} has more than {MAX_ROWS} rows: is it the right file?",
            f"tabel {table} lebih dari {MAX_ROWS} baris: apakah berkasnya benar?",
        )
        raise InvalidFile(file=file, why=why)
    return [dict(zip(columns, [None if value is None else str(value) for value in row], strict=True)) for row in rows]


def _dump(path: Path) -> Mapping[str, list[Record]]:
    dump = sql_dump.read(path.name, encoded.read_bytes(path), TABLES, sql_dump.SQLITE)
    _all_there(path.name, dump.columns.keys())
    return dump.rows


def _all_there(file: str, there: Container[str]) -> None:
    missing = [table for table in TABLES if table not in there]
    if missing:
        why = Sentence(
            f"it has no table {missing[0]}: is it gembok-bill's data/billing.db, or a whole dump of it?",
            f"tidak ada tabel {missing[0]}: apakah ini data/billing.db dari gembok-bill, atau dump yang utuh?",
        )
        raise InvalidFile(file=file, why=why)


def tax_of(row: Record) -> Decimal:
    """Return a package's tax in per cent, as gembok-bill computes it."""
    try:
        rate = Decimal(row["tax_rate"] if row["tax_rate"] is not None else _USUAL_TAX)
    except InvalidOperation:
        rate = Decimal(_USUAL_TAX)
    return rate if rate > -1 else Decimal(_USUAL_TAX)


def _price(file: str, row: Record) -> int:
    """Return the monthly price including tax, rounded as gembok-bill rounds."""
    try:
        base = Decimal((row["price"] or "0").strip())
    except InvalidOperation as error:
        why = Sentence(
            f"the package {row['name']} costs '{row['price']}', which is no amount: correct it there.",
            f"harga paket {row['name']} '{row['price']}', bukan nominal: perbaiki di sana.",
        )
        raise InvalidFile(file=file, why=why) from error
    return int((base * (100 + tax_of(row))).scaleb(-2).quantize(Decimal(1), ROUND_HALF_UP))


def _account(
    line: int, customer: Record, package: tuple[str, int] | None, *, invoices: list[Record],
    payments: Mapping[str | None, list[Record]], odd: list[str],
) -> Account | LeftOut:  # fmt: skip
    key = (customer["username"] or "").strip()
    if key == _VOUCHERS:
        return LeftOut(key, Sentence("vouchers are sold in its name", "hanya untuk penjualan voucher"))
    faults: list[Fault] = []
    arrears, since = _owed(invoices, payments, faults)
    if package is None:
        if not arrears and not faults:
            return LeftOut(key, Sentence("they have no package", "tidak punya paket"))
        why = Sentence(
            f"they owe Rp{arrears}, but have no package: give them one there, or settle it.",
            f"punya tunggakan Rp{arrears}, tetapi tidak punya paket: beri paket di sana, atau lunasi.",
        )
        faults.append(("plan", why))
    joined = _local(customer["join_date"], "installed_on", faults)
    months = [
        Month.of(issued) for row in invoices
        if (row["invoice_type"] or "monthly") == "monthly" and row["status"] in {"paid", "unpaid"}
        and (issued := _local(row["created_at"], "paid_until", faults)) != date.max
    ]  # fmt: skip
    pays_on = customer["billing_day"] or ""
    billing_day = int(pays_on) if pays_on.isdecimal() else 15  # as gembok-bill takes it
    return Account(
        line, key, (customer["name"] or "").strip(), package[0] if package else "?", package[1] if package else None, joined,
        phone=(customer["phone"] or "").strip(), address=(customer["address"] or "").strip(),
        active=customer["status"] not in {"inactive", "nonactive"}, pppoe_name=(customer["pppoe_username"] or "").strip() or None,
        arrears=arrears, due_on=since, paid_until=max(last_day(max(months).after), last_day(joined)) if months else None,
        due_day=min(max(billing_day, 1), 28), past=tuple(_past(invoices, payments, odd)), faults=tuple(faults),
    )  # fmt: skip


def _owed(invoices: list[Record], payments: Mapping[str | None, list[Record]], faults: list[Fault]) -> tuple[int, date | None]:
    """Return the sum of the unpaid invoices, and the earliest due date among them."""
    owed, since = 0, []
    for row in invoices:
        number = row["invoice_number"]
        if row["status"] not in {"paid", "unpaid", "cancelled"}:
            why = Sentence(
                f"the invoice {number} is '{row['status']}' there: make it paid, unpaid or cancelled.",
                f"tagihan {number} di sana berstatus '{row['status']}': jadikan 'paid', 'unpaid' atau 'cancelled'.",
            )
            faults.append(("arrears", why))
        if row["status"] != "unpaid" or row["invoice_type"] == "voucher":
            continue
        if payments.get(row["id"]):
            why = Sentence(
                f"the invoice {number} is unpaid there, but something was paid for it: correct it there.",
                f"tagihan {number} di sana belum lunas, tetapi sudah ada pembayarannya: perbaiki di sana.",
            )
            faults.append(("arrears", why))
        try:
            owed += rupiah(row["amount"])
            since.append(day(row["due_date"]) or date.max)
        except NoAmountError as error:
            why = Sentence(
                f"the invoice {number} is over '{error}', which is no whole rupiah: correct it there.",
                f"nominal tagihan {number} '{error}', bukan rupiah bulat: perbaiki di sana.",
            )
            faults.append(("arrears", why))
        except ValueError:
            why = Sentence(
                f"the invoice {number} is due on '{row['due_date']}', which is no day: correct it there.",
                f"jatuh tempo tagihan {number} '{row['due_date']}', bukan tanggal: perbaiki di sana.",
            )
            faults.append(("due_on", why))
    oldest = min(since, default=date.max)
    return owed, None if oldest == date.max else oldest


def _local(text: str | None, column: str, faults: list[Fault]) -> date:
    """Return the date in Jakarta of a time that is stored in UTC; date.max, and a fault, if it isn't valid."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        shown = (text or "")[:30]
        faults.append((column, Sentence(f"'{shown}' is no time: correct it there.", f"'{shown}' bukan waktu: perbaiki di sana.")))
        return date.max
    if len((text or "").strip()) == len("2026-01-31"):
        return moment.date()
    return local_date(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC), JAKARTA)


def _past(invoices: list[Record], payments: Mapping[str | None, list[Record]], odd: list[str]) -> list[Past]:
    """Return invoices and payments; the numbers of those that can't be read are appended to `odd`."""
    history: list[Past] = []
    for row in invoices:
        entries = [("INVOICE", row["amount"], row["created_at"])] if row["status"] != "cancelled" else []
        entries += [("PAYMENT", payment["amount"], payment["payment_date"]) for payment in payments.get(row["id"], ())]
        for kind, amount, at in entries:
            try:
                entry = Past(0, _local(at, "", []), kind, rupiah(amount), note(row["invoice_number"]))
            except NoAmountError:
                entry = Past(0, date.max, kind, 0)
            if entry.happened_on == date.max or entry.amount < 0:
                odd.append(row["invoice_number"] or "?")
            else:
                history.append(entry)
    return history
