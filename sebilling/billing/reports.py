"""Reports (laporan): a month's invoices, payments, deposits, journal or recap, row by row, for spreadsheets of any length.

Each report is one ordered statement in one snapshot: accountants compare sums, and sums read at different times differ.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, cast

from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.billing import recap, scope
from sebilling.billing.deposits import DepositStatus, DepositType
from sebilling.billing.journal import Account
from sebilling.billing.payments import PaymentMethod
from sebilling.billing.receipts import INVOICE_STATUS_SQL
from sebilling.clock import Month
from sebilling.db.engine import Snapshot

Cell = str | int | date | datetime | None
"""None is an empty cell. A datetime is naive: the local time of the row's counter, as a person there reads it."""


class Report(StrEnum):
    """A report that can be exported as a spreadsheet."""

    INVOICES = "INVOICES"
    PAYMENTS = "PAYMENTS"
    DEPOSITS = "DEPOSITS"
    JOURNAL = "JOURNAL"
    RECAP = "RECAP"


class Kind(StrEnum):
    """Type of a column's values; decides how a spreadsheet shows them."""

    TEXT = "text"
    DATE = "date"
    INSTANT = "instant"
    RUPIAH = "rupiah"
    INT = "int"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, in Indonesian, and the type of its values."""

    title: str
    kind: Kind = Kind.TEXT


def _in_words(column: str, words: Mapping[str, str]) -> str:
    """SQL for the Indonesian word of a code; NULL for a code without a word, which `rows` refuses."""
    cases = " ".join(f"WHEN '{code}' THEN '{word}'" for code, word in words.items())
    return f"CASE {column} {cases} END"


_ACCOUNTS: Final = {account.value: account.indonesian for account in Account}
_DOCUMENTS: Final = {
    "invoice": "Tagihan",
    "invoice_void": "Pembatalan tagihan",
    "payment": "Pembayaran",
    "payment_reversal": "Pembatalan pembayaran",
    "allocation": "Pelunasan tagihan",
    "deallocation": "Pelepasan pelunasan",
    "write_off": "Penghapusan piutang",
    "refund": "Pengembalian titipan",
    "deposit": "Setoran",
    "deposit_correction": "Koreksi setoran",
    "difference_settlement": "Penyelesaian selisih",
    "settlement_reversal": "Pembatalan penyelesaian selisih",
    "write_off_reversal": "Pembatalan penghapusan",
    "refund_reversal": "Pembatalan pengembalian",
}
_METHODS: Final = {method.value: method.indonesian for method in PaymentMethod}
_DEPOSIT_TYPES: Final = {way.value: way.indonesian for way in DepositType}
_DEPOSIT_STATUSES: Final = {status.value: status.indonesian for status in DepositStatus}
_NAMED: Final = {Report.INVOICES: (), Report.PAYMENTS: (5,), Report.DEPOSITS: (3, 5), Report.JOURNAL: (1, 4, 5)}
"""Positions of the cells that are words of codes, in each report's rows."""

# Ordered by invoice number, as the unique constraint's index is.
_INVOICES: Final = text(
    f"""
    SELECT invoice.number, customer.code, customer.name, counter.code AS counter, plan_name,
           nullif(covers_from, covers_until), nullif(covers_until, covers_from) - 1,
           issued_at AT TIME ZONE counter.timezone, due_on, total, allocated, written_off, outstanding,
           {INVOICE_STATUS_SQL} AS status
      FROM invoice
      JOIN customer ON customer.id = invoice.customer_id
      JOIN counter ON counter.id = invoice.counter_id
     WHERE invoice.period_id = (SELECT id FROM period WHERE month = :month) AND {scope.sees("invoice.counter_id")}
     ORDER BY invoice.counter_id, invoice.sequence
    """
)
# Every payment has a receipt. If one had none, its money must still be in the report: hence the LEFT JOIN.
_PAYMENTS: Final = text(
    f"""
    SELECT coalesce(receipt.number, ''), payment.received_at AT TIME ZONE counter.timezone, counter.code AS counter,
           customer.code, customer.name,
           {_in_words("payment.method", _METHODS)},
           payment.amount, payment.allocated, payment.credit, payment.refunded, app_user.name AS received_by,
           payment_reversal.reversed_on, payment.note
      FROM payment
      JOIN customer ON customer.id = payment.customer_id
      JOIN counter ON counter.id = payment.counter_id
      JOIN app_user ON app_user.id = payment.received_by
      LEFT JOIN receipt ON receipt.payment_id = payment.id
      LEFT JOIN payment_reversal ON payment_reversal.payment_id = payment.id
     WHERE payment.received_on >= :month AND payment.received_on < :next_month AND {scope.sees("payment.counter_id")}
     ORDER BY payment.counter_id, payment.received_on, payment.id
    """
)
_DEPOSITS: Final = text(
    f"""
    SELECT deposit.submitted_at AT TIME ZONE counter.timezone, counter.code AS counter, collector.name AS collector,
           {_in_words("deposit.type", _DEPOSIT_TYPES)}, deposit.amount, {_in_words("deposit.status", _DEPOSIT_STATUSES)},
           CASE WHEN status = 'VERIFIED' THEN deposit.counted END, CASE WHEN status = 'VERIFIED' THEN deposit.difference END,
           decider.name AS decided_by,
           coalesce(deposit_decision.reason, '')
      FROM deposit
      JOIN counter ON counter.id = deposit.counter_id
      JOIN app_user collector ON collector.id = deposit.collector_id
      LEFT JOIN deposit_decision ON deposit_decision.deposit_id = deposit.id
      LEFT JOIN app_user decider ON decider.id = deposit_decision.decided_by
     WHERE deposit.deposited_on >= :month AND deposit.deposited_on < :next_month AND {scope.sees("deposit.counter_id")}
     ORDER BY deposit.counter_id, deposit.deposited_on, deposit.id
    """
)
# `posted_on` is computed from `posted_at` and differs by at most a day: the bounds on `posted_at` reach the tables' indexes, so the
# rest of the history isn't read.
_JOURNAL: Final = text(
    f"""
    SELECT posted_on, {_in_words("document", _DOCUMENTS)}, reference, counter.code, {_in_words("debit", _ACCOUNTS)},
           {_in_words("credit", _ACCOUNTS)}, amount
      FROM journal
      LEFT JOIN counter ON counter.id = journal.counter_id
     WHERE posted_on >= :month AND posted_on < :next_month AND {scope.sees("journal.counter_id")}
       AND posted_at >= (CAST(:month AS date) - 1)::timestamp AT TIME ZONE 'UTC'
       AND posted_at < (CAST(:next_month AS date) + 1)::timestamp AT TIME ZONE 'UTC'
     ORDER BY posted_on, journal.id
    """
)
_STATEMENTS: Final = {
    Report.INVOICES: _INVOICES,
    Report.PAYMENTS: _PAYMENTS,
    Report.DEPOSITS: _DEPOSITS,
    Report.JOURNAL: _JOURNAL,
}
_COLUMNS: Final = {
    Report.INVOICES: (
        Column("Nomor"),
        Column("Kode Pelanggan"),
        Column("Nama Pelanggan"),
        Column("Loket"),
        Column("Paket"),
        Column("Layanan Dari", Kind.DATE),
        Column("Layanan Sampai", Kind.DATE),
        Column("Terbit", Kind.INSTANT),
        Column("Jatuh Tempo", Kind.DATE),
        Column("Total", Kind.RUPIAH),
        Column("Dibayar", Kind.RUPIAH),
        Column("Dihapuskan", Kind.RUPIAH),
        Column("Sisa Tagihan", Kind.RUPIAH),
        Column("Status"),
    ),
    Report.PAYMENTS: (
        Column("Nomor Kuitansi"),
        Column("Diterima", Kind.INSTANT),
        Column("Loket"),
        Column("Kode Pelanggan"),
        Column("Nama Pelanggan"),
        Column("Metode"),
        Column("Jumlah", Kind.RUPIAH),
        Column("Untuk Tagihan", Kind.RUPIAH),
        Column("Titipan", Kind.RUPIAH),
        Column("Dikembalikan", Kind.RUPIAH),
        Column("Petugas"),
        Column("Dibatalkan", Kind.DATE),
        Column("Catatan"),
    ),
    Report.DEPOSITS: (
        Column("Disetor", Kind.INSTANT),
        Column("Loket"),
        Column("Kolektor"),
        Column("Jenis"),
        Column("Jumlah", Kind.RUPIAH),
        Column("Status"),
        Column("Dihitung", Kind.RUPIAH),
        Column("Selisih", Kind.RUPIAH),
        Column("Diputuskan Oleh"),
        Column("Alasan"),
    ),
    Report.JOURNAL: (
        Column("Tanggal", Kind.DATE),
        Column("Bukti"),
        Column("Nomor"),
        Column("Loket"),
        Column("Debit"),
        Column("Kredit"),
        Column("Jumlah", Kind.RUPIAH),
    ),
    Report.RECAP: (
        Column("Loket"),
        Column("Tagihan", Kind.INT),
        Column("Total Tagihan", Kind.RUPIAH),
        Column("Terlunasi", Kind.RUPIAH),
        Column("Dihapus", Kind.RUPIAH),
        Column("Sisa Tagihan", Kind.RUPIAH),
        Column("Pembayaran", Kind.INT),
        Column("Total Masuk", Kind.RUPIAH),
        Column("Titipan", Kind.RUPIAH),
        Column("Total Setor", Kind.RUPIAH),
        Column("Selisih", Kind.RUPIAH),
        Column("Menunggu Verifikasi", Kind.RUPIAH),
        Column("Belum Disetor", Kind.RUPIAH),
    ),
}
_TOTAL: Final = "Total"
"""Stands where a counter's code would; codes have no lower-case letters."""


def header(report: Report) -> tuple[Column, ...]:
    """The columns of a report, in the order of the cells that `rows` yields."""
    return _COLUMNS[report]


async def rows(snapshot: Snapshot, report: Report, month: Month, *, scope: Scope) -> AsyncGenerator[tuple[Cell, ...], None]:
    """Yield every row of the month within `scope`, as of the snapshot, with at most a few thousand rows in memory.

    A month that was never opened has no invoices; its recap raises NotFound. Raises ValueError for a code that has no word: a report
    with a sum that it doesn't name is worse than none.
    """
    if report is Report.RECAP:
        for row in _with_total(await recap.read(snapshot, month, scope=scope)):
            yield row
        return
    parameters = {"month": month.first, "scope": scope.ids} | ({} if report is Report.INVOICES else {"next_month": month.after})
    named = _NAMED[report]
    async for cells in snapshot.stream(_STATEMENTS[report], parameters):
        if unnamed := [_COLUMNS[report][position].title for position in named if cells[position] is None]:
            raise ValueError(f"a row of {report} has a code that this version doesn't know: {', '.join(unnamed)}")
        yield cast("tuple[Cell, ...]", cells)  # the statements above select nothing else; a check would double the time of a long report


def _with_total(recaps: Sequence[recap.Recap]) -> list[tuple[Cell, ...]]:
    """One row per counter, then their totals."""
    figures: list[tuple[int, ...]] = [
        (
            counter.invoices, counter.total_billed, counter.allocated, counter.written_off, counter.outstanding, counter.payments,
            counter.total_received, counter.credit, counter.total_deposited, counter.difference, counter.awaiting_verification,
            counter.cash_on_hand,
        )
        for counter in recaps
    ]  # fmt: skip
    width = len(_COLUMNS[Report.RECAP]) - 1
    total = [sum(row[position] for row in figures) for position in range(width)]
    counters: list[tuple[Cell, ...]] = [(counter.counter_code, *row) for counter, row in zip(recaps, figures, strict=True)]
    return [*counters, (_TOTAL, *total)]
