"""`sebilling import from`: import customers and balances from another system, with a report that both sides can sign."""

import csv
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from rich.table import Table

from sebilling.actor import operator
from sebilling.billing import settings
from sebilling.billing.imports import load, openings
from sebilling.billing.imports.report import report_of
from sebilling.billing.imports.systems import account as accounts
from sebilling.billing.imports.systems import balances, comparison, gembok, mikhmon, phpnuxbill
from sebilling.billing.imports.systems.comparison import Compared, Side
from sebilling.cli.import_report import show
from sebilling.cli.imports import Options
from sebilling.cli.terminal import printable
from sebilling.clock import JAKARTA, Month, local_date
from sebilling.db.engine import Database
from sebilling.errors import InvalidFile
from sebilling.money import format_rupiah
from sebilling.printing.sheets import harmless


class System(StrEnum):
    """Systems whose files can be imported."""

    PHPNUXBILL = "phpnuxbill"
    GEMBOK = "gembok"
    MIKHMON = "mikhmon"


_READERS: Final[dict[System, Callable[[Path, Month], accounts.Book]]] = {
    System.PHPNUXBILL: lambda path, _month: phpnuxbill.read(path),
    System.GEMBOK: lambda path, _month: gembok.read(path),
    System.MIKHMON: lambda path, month: mikhmon.read(path, on=month.first),
}


@dataclass(frozen=True, slots=True)
class FromSystem:
    """Input of the import: a system's file as of the end of `month`, `balances` if separate, and the path of the report."""

    system: System
    file: Path
    month: Month
    counter: str
    balances: Path | None = None
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """Content of the report besides the customers."""

    company: str
    system: str
    file: str
    digest: str
    """SHA-256 of the file, so that both sides can identify it."""
    month: Month
    on: date
    left_out: int


async def run(from_system: FromSystem, database: Database, *, at: datetime, options: Options) -> bool:
    """Check a system's file, and with `write` import its customers and their balances in one transaction.

    False if there are faults. Every balance is read back and compared; any difference rolls everything back. Raises InvalidFile and
    the errors of openings.settled.
    """
    book, digest = _read(from_system)
    source = from_system.file.name
    async with database.transaction(actor=operator(f"sebilling import from {from_system.system} {source}"), at=at) as session:
        taken = await accounts.taken(session, book, counter=from_system.counter, month=from_system.month)
        rows = openings.checked(taken.rows, from_system.month)
        staged = await load.stage(session, rows, create_missing=options.create_missing, free_plans=True)
        wanted = openings.Wanted(from_system.month, options.by)
        sums = await openings.settled(session, wanted, book.notes)
        report = await report_of(
            session, source, staged, book.notes, (), where=lambda line: f"{source}, customer {line} ({printable(_key(book, line))})"
        )
        report = replace(report, opening=sums)
        compared: list[Compared] = []
        if not staged.problem_count and options.write:
            due_day = accounts.usual_due_day(taken.accounts.values())
            await load.write(session, staged, file=source, due_day=due_day or 20)
            await openings.record(session, wanted, past=taken.past)
            compared = await comparison.compare(session, taken.accounts)
            wrong = [customer for customer in compared if customer.wrong]
            if wrong:
                raise RuntimeError(f"{wrong[0].code} isn't as it was there ({', '.join(wrong[0].wrong)}): nothing was imported")
            if from_system.report is not None:
                signed = Signed(
                    (await settings.read(session)).company_name, book.system, source, digest, from_system.month, local_date(at, JAKARTA),
                    len(book.left_out),
                )  # fmt: skip
                write_report(_unsigned(from_system.report), signed, compared)
            report = report.as_written()
    if compared and from_system.report is not None:
        _unsigned(from_system.report).replace(from_system.report)  # only now is it true: everything is committed
    is_right = show(report, options.out, options.errors, json=options.json)
    if compared and not options.json:
        options.out.print(totals_table(book.system, compared))
        if from_system.report is not None:
            options.out.print(f"The report for both sides was written to {from_system.report.name}.", soft_wrap=True)
    return is_right


def _unsigned(report: Path) -> Path:
    """Return the path of the report until everything is committed."""
    return report.with_name(report.name + ".part")


def _read(from_system: FromSystem) -> tuple[accounts.Book, str]:
    try:
        with from_system.file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidFile(file=from_system.file.name, why=f"{error.strerror}: check the name and who may read it.") from error
    if from_system.report is not None and from_system.report.exists():
        raise InvalidFile(file=from_system.report.name, why="it already exists: name another file for the report.")
    book = _READERS[from_system.system](from_system.file, from_system.month)
    if from_system.balances is not None:
        balances.add(book, from_system.balances)
    return book, digest


def _key(book: accounts.Book, line: int) -> str:
    return next((account.key for account in book.accounts if account.line == line), "")


def totals_table(system: str, compared: Sequence[Compared]) -> Table:
    """Build the table of both sides' totals."""
    table = Table("", "customers", "arrears", "paid ahead", "balance")
    theirs, ours = comparison.total(customer.theirs for customer in compared), comparison.total(customer.ours for customer in compared)
    for name, side in ((system, theirs), ("SeBilling", ours)):
        table.add_row(name, str(side.customers), *map(format_rupiah, (side.arrears, side.credit, side.balance)))
    table.add_row("difference", str(ours.customers - theirs.customers), "", "", format_rupiah(ours.balance - theirs.balance))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


_HEADINGS: Final = (
    "Kode", "Nama di sistem lama", "Nama", "Paket lama", "Paket", "Harga lama per bulan", "Harga per bulan", "Bayar per (bulan)",
    "Tunggakan lama", "Titipan lama", "Saldo lama", "Tunggakan", "Titipan", "Saldo", "Selisih", "Ditagih sampai (lama)",
    "Ditagih sampai", "Tanggal jatuh tempo lama", "Tanggal jatuh tempo",
)  # fmt: skip


def write_report(path: Path, signed: Signed, compared: Sequence[Compared]) -> None:
    """Write a sheet with every customer on both sides, the totals and space for two signatures. Raises InvalidFile if it can't."""
    theirs, ours = comparison.total(customer.theirs for customer in compared), comparison.total(customer.ours for customer in compared)
    head: list[list[object]] = [
        ["Berita acara serah terima saldo pelanggan"], ["Penyelenggara", harmless(signed.company)], ["Tanggal", signed.on.isoformat()],
        ["Sistem lama", signed.system], ["Berkas", harmless(signed.file)], ["SHA-256 berkas", signed.digest],
        ["Saldo per akhir bulan", str(signed.month)], ["Pelanggan", len(compared)], ["Akun yang tidak diambil", signed.left_out],
        ["", "Tunggakan", "Titipan", "Saldo"], [signed.system, theirs.arrears, theirs.credit, theirs.balance],
        ["SeBilling", ours.arrears, ours.credit, ours.balance],
        ["Selisih saldo", "", "", ours.balance - theirs.balance], [], list(_HEADINGS),
    ]  # fmt: skip
    foot: list[list[object]] = [
        ["Jumlah", "", "", "", "", "", "", "", theirs.arrears, theirs.credit, theirs.balance, ours.arrears, ours.credit, ours.balance,
         ours.balance - theirs.balance],
        [], [f"Untuk {signed.system}", "", "", "Untuk SeBilling"], ["Nama:", "", "", "Nama:"], ["Tanggal:", "", "", "Tanggal:"],
        ["Tanda tangan:", "", "", "Tanda tangan:"],
    ]  # fmt: skip
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter=";").writerows([*head, *map(_line, compared), *foot])
    except OSError as error:
        raise InvalidFile(file=path.name, why=f"{error.strerror}: name another file for the report.") from error


def _line(compared: Compared) -> list[object]:
    theirs, ours = compared.theirs, compared.ours
    return [
        compared.code, *map(harmless, (compared.key, compared.name, theirs.plan, ours.plan)), _or_empty(theirs.price), ours.price,
        ours.months, *_money(theirs), *_money(ours), compared.difference, _or_empty(theirs.billed_until), _or_empty(ours.billed_until),
        _or_empty(theirs.due_day), _or_empty(ours.due_day),
    ]  # fmt: skip


def _money(side: Side) -> tuple[int, int, int]:
    return side.arrears, side.credit, side.balance


def _or_empty(value: int | date | None) -> str:
    return "" if value is None else str(value)
