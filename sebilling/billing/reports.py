"""Laporan: a month's invoices, payments, deposits and journal, row by row, for spreadsheets of any length."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import TextClause, text

from sebilling.actor import Scope
from sebilling.billing.receipts import INVOICE_STATUS_SQL
from sebilling.clock import Month
from sebilling.db.engine import ReadSession

Cell = str | int | date | datetime | None
"""None is an empty cell. A datetime is naive: the local time of the row's counter, as a person there reads it."""


class Report(StrEnum):
    """What can be taken out as a sheet. (The recap is a list of a few rows; see `recap`.)"""

    INVOICES = "INVOICES"
    PAYMENTS = "PAYMENTS"
    DEPOSITS = "DEPOSITS"
    JOURNAL = "JOURNAL"


class Kind(StrEnum):
    """What a column holds, and so how a sheet shows it."""

    TEXT = "text"
    DATE = "date"
    INSTANT = "instant"
    RUPIAH = "rupiah"
    INT = "int"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title, in Indonesian, and what it holds."""

    title: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class _Query:
    """A statement whose last columns are the key of its order: the next batch begins after the key of the last row.

    Each order is that of an index, so that a batch costs the same at the beginning and at the end of a million rows.
    """

    sql: TextClause
    key: tuple[str, ...]
    """The parameters that take the last row's key."""
    columns: tuple[Column, ...]
    batch: int = 2_000
    """Rows that are in memory at a time."""


_SCOPE: Final = "(CAST(:scope AS bigint[]) IS NULL OR {t}.counter_id = ANY (:scope))"
_DAY_KEY: Final = "(CAST(:after_counter AS bigint), CAST(:after_day AS date), CAST(:after_id AS bigint))"

# in the order of invoice numbers, which is that of their unique constraint
_INVOICES: Final = _Query(
    text(
        f"""
        SELECT invoice.number, customer.code, customer.name, counter.code AS counter, plan_name, covers_from, covers_until - 1,
               issued_at AT TIME ZONE counter.timezone, due_on, total, allocated, written_off, outstanding,
               {INVOICE_STATUS_SQL} AS status, invoice.counter_id, invoice.sequence
          FROM invoice
          JOIN customer ON customer.id = invoice.customer_id
          JOIN counter ON counter.id = invoice.counter_id
         WHERE invoice.period_id = (SELECT id FROM period WHERE month = :month) AND {_SCOPE.format(t="invoice")}
           AND (invoice.counter_id, invoice.sequence) > (CAST(:after_counter AS bigint), CAST(:after_sequence AS integer))
         ORDER BY invoice.counter_id, invoice.sequence LIMIT :most
        """
    ),
    ("after_counter", "after_sequence"),
    (
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
)
# A payment without a receipt can't be, but money must not be missing from a report for the lack of a number.
_PAYMENTS: Final = _Query(
    text(
        f"""
        SELECT coalesce(receipt.number, ''), payment.received_at AT TIME ZONE counter.timezone, counter.code AS counter,
               customer.code, customer.name,
               CASE payment.method WHEN 'CASH' THEN 'Tunai' WHEN 'TRANSFER' THEN 'Transfer' WHEN 'QRIS' THEN 'QRIS' ELSE 'Lainnya' END,
               payment.amount, payment.allocated, payment.credit, payment.refunded, app_user.name AS received_by,
               payment_reversal.reversed_on, payment.note, payment.counter_id, payment.received_on, payment.id
          FROM payment
          JOIN customer ON customer.id = payment.customer_id
          JOIN counter ON counter.id = payment.counter_id
          JOIN app_user ON app_user.id = payment.received_by
          LEFT JOIN receipt ON receipt.payment_id = payment.id
          LEFT JOIN payment_reversal ON payment_reversal.payment_id = payment.id
         WHERE payment.received_on >= :month AND payment.received_on < :next_month AND {_SCOPE.format(t="payment")}
           AND (payment.counter_id, payment.received_on, payment.id) > {_DAY_KEY}
         ORDER BY payment.counter_id, payment.received_on, payment.id LIMIT :most
        """
    ),
    ("after_counter", "after_day", "after_id"),
    (
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
)
_DEPOSITS: Final = _Query(
    text(
        f"""
        SELECT deposit.submitted_at AT TIME ZONE counter.timezone, counter.code AS counter, collector.name AS collector,
               CASE deposit.type WHEN 'MANUAL' THEN 'Tunai' ELSE 'Transfer' END, deposit.amount,
               CASE deposit.status WHEN 'VERIFIED' THEN 'DITERIMA' WHEN 'REJECTED' THEN 'DITOLAK' ELSE 'MENUNGGU' END,
               deposit_decision.counted, deposit_decision.difference, decider.name AS decided_by,
               coalesce(deposit_decision.reason, ''), deposit.counter_id, deposit.deposited_on, deposit.id
          FROM deposit
          JOIN counter ON counter.id = deposit.counter_id
          JOIN app_user collector ON collector.id = deposit.collector_id
          LEFT JOIN deposit_decision ON deposit_decision.deposit_id = deposit.id
          LEFT JOIN app_user decider ON decider.id = deposit_decision.decided_by
         WHERE deposit.deposited_on >= :month AND deposit.deposited_on < :next_month AND {_SCOPE.format(t="deposit")}
           AND (deposit.counter_id, deposit.deposited_on, deposit.id) > {_DAY_KEY}
         ORDER BY deposit.counter_id, deposit.deposited_on, deposit.id LIMIT :most
        """
    ),
    ("after_counter", "after_day", "after_id"),
    (
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
)
# A page of the view costs the reading of its month from the page's day on, so its pages are large. `posted_on` is computed from
# `posted_at`, a day's distance at most: the bounds on that reach the tables and leave the rest of the history unread.
_JOURNAL: Final = _Query(
    text(
        f"""
        SELECT journal.posted_on AS day, document, reference, counter.code AS counter, debit, credit, amount,
               journal.posted_on, journal.id
          FROM journal
          LEFT JOIN counter ON counter.id = journal.counter_id
         WHERE journal.posted_on >= :month AND journal.posted_on < :next_month AND {_SCOPE.format(t="journal")}
           AND journal.posted_at >= (greatest(CAST(:month AS date), CAST(:after_day AS date)) - 1)::timestamp AT TIME ZONE 'UTC'
           AND journal.posted_at < (CAST(:next_month AS date) + 1)::timestamp AT TIME ZONE 'UTC'
           AND (journal.posted_on, journal.id) > (CAST(:after_day AS date), CAST(:after_id AS bigint))
         ORDER BY journal.posted_on, journal.id LIMIT :most
        """
    ),
    ("after_day", "after_id"),
    (
        Column("Tanggal", Kind.DATE),
        Column("Bukti"),
        Column("Nomor"),
        Column("Loket"),
        Column("Debit"),
        Column("Kredit"),
        Column("Jumlah", Kind.RUPIAH),
    ),
    batch=20_000,
)
_QUERIES: Final = {
    Report.INVOICES: _INVOICES,
    Report.PAYMENTS: _PAYMENTS,
    Report.DEPOSITS: _DEPOSITS,
    Report.JOURNAL: _JOURNAL,
}
_BEFORE_ANY: Final = {"after_counter": 0, "after_sequence": 0, "after_day": date.min, "after_id": 0}


def header(report: Report) -> tuple[Column, ...]:
    """The columns of a report, in the order of the cells that `rows` gives."""
    return _QUERIES[report].columns


async def rows(session: ReadSession, report: Report, month: Month, *, scope: Scope) -> AsyncIterator[tuple[Cell, ...]]:
    """Every row of the month that `scope` lets see, read a batch at a time: one statement for each batch.

    A month never opened has no invoices. Each batch is its own snapshot: a document that comes while a report is read
    may be in it or not, but no row comes twice.
    """
    query = _QUERIES[report]
    width = len(query.columns)
    asked: dict[str, Any] = {"month": month.first, "scope": scope.ids, "most": query.batch}
    if report is not Report.INVOICES:
        asked["next_month"] = month.after
    asked |= {name: _BEFORE_ANY[name] for name in query.key}
    while True:
        batch = await session.rows(query.sql, asked)
        for row in batch:
            yield tuple(row[:width])
        if len(batch) < query.batch:
            return
        asked |= zip(query.key, batch[-1][width:], strict=True)
