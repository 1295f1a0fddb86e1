"""Reports: every row of the month once, none of another month or counter, and never all of them in memory.

The journal's rows are left out here: they are tested with its view.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.actor import EVERYWHERE, Role, Scope
from sebilling.billing import reports
from sebilling.billing.payments import PaymentMethod
from sebilling.billing.reports import Cell, Kind, Report
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.billing.test_receipts import DEALLOCATE, REFUND, REVERSE, VOID, WRITE_OFF, correct
from tests.harness import FEBRUARY, NOW, Isp, counted_statements, make_user

BEGINS = datetime(2026, 1, 31, 17, tzinfo=UTC)  # midnight of 1 February in Jakarta
ENDS = datetime(2026, 2, 28, 17, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
MARCH = Month(2026, 3)
DEPOSIT = text(
    "INSERT INTO deposit (counter_id, collector_id, submitted_by, amount, type, note, submitted_at, deposited_on, status)"
    " VALUES (:counter, :collector, :collector, :amount, 'MANUAL', '', :at, :day, 'SUBMITTED') RETURNING id"
)
DECIDE = text(
    "INSERT INTO deposit_decision (deposit_id, verified, counted, difference, reason, decided_at, decided_by)"
    " VALUES (:deposit, :verified, :counted, :difference, :reason, :at, :by)"
)


async def read(database: Database, report: Report, month: Month = FEBRUARY, scope: Scope = EVERYWHERE) -> list[dict[str, Cell]]:
    """The rows as cells by title."""
    titles = [column.title for column in reports.header(report)]
    async with database.reading() as session:
        return [dict(zip(titles, row, strict=True)) async for row in reports.rows(session, report, month, scope=scope)]


def in_batches_of(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for report, query in reports._QUERIES.items():
        monkeypatch.setitem(reports._QUERIES, report, replace(query, batch=count))


def only(isp: Isp, code: str) -> Scope:
    return Scope(frozenset({isp.counters[code]}))


def fits(cell: Cell, kind: Kind) -> bool:
    """Whether a cell is what its column says."""
    expected: dict[Kind, type] = {Kind.TEXT: str, Kind.DATE: date, Kind.INSTANT: datetime, Kind.RUPIAH: int, Kind.INT: int}
    return cell is None or type(cell) is expected[kind]


def cells_fit(report: Report, rows: Sequence[dict[str, Cell]]) -> bool:
    kinds = {column.title: column.kind for column in reports.header(report)}
    return bool(rows) and all(fits(cell, kinds[title]) for row in rows for title, cell in row.items())


async def test_invoices_of_a_period_as_they_stand(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    await isp.open()
    await isp.open(MARCH)
    paying = await isp.customer("P0001", name="Budi", counter="LKT01")
    await isp.customer("P0002", name="Ani", counter="LKT02")
    await isp.generate()
    await isp.generate(MARCH)
    await isp.pay(paying, 100_000)
    await correct(isp, WRITE_OFF, amount=50_000, invoice=await _invoice(isp, paying))
    rows = await read(database, Report.INVOICES)
    assert [(row["Kode Pelanggan"], row["Loket"], row["Status"]) for row in rows] == [
        ("P0001", "LKT01", "DIHAPUS"),
        ("P0002", "LKT02", "BELUM LUNAS"),
    ]
    number = str(rows[0].pop("Nomor"))
    assert number.startswith("INV/2026-02/LKT01/")
    due_on = rows[0].pop("Jatuh Tempo")
    assert isinstance(due_on, date)
    assert due_on.month == 2
    assert rows[0] == {
        "Kode Pelanggan": "P0001",
        "Nama Pelanggan": "Budi",
        "Loket": "LKT01",
        "Paket": "Home 10M",
        "Layanan Dari": date(2026, 2, 1),
        "Layanan Sampai": date(2026, 2, 28),
        "Terbit": datetime(2026, 2, 3, 9, 0),  # noqa: DTZ001 - the counter's clock
        "Total": 150_000,
        "Dibayar": 100_000,
        "Dihapuskan": 50_000,
        "Sisa Tagihan": 0,
        "Status": "DIHAPUS",
    }
    assert cells_fit(Report.INVOICES, rows)
    assert len(await read(database, Report.INVOICES, MARCH)) == 2
    assert [row["Kode Pelanggan"] for row in await read(database, Report.INVOICES, scope=only(isp, "LKT02"))] == ["P0002"]


async def _invoice(isp: Isp, customer_id: int) -> Any:
    return await isp.value("SELECT min(id) FROM invoice WHERE customer_id = :customer", customer=customer_id)


async def test_a_voided_invoice_stays_in_its_report(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate()
    await correct(isp, VOID, invoice=await _invoice(isp, customer_id))
    (row,) = await read(database, Report.INVOICES)
    assert (row["Status"], row["Total"], row["Sisa Tagihan"]) == ("BATAL", 150_000, 0)


async def test_payments_of_the_days_of_the_month(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer("P0001", name="Budi")
    for at, amount in ((BEGINS - MOMENT, 1), (BEGINS, 10), (ENDS - MOMENT, 100), (ENDS, 1_000)):
        await isp.pay(customer_id, amount, at=at)
    rows = await read(database, Report.PAYMENTS)
    assert [row["Jumlah"] for row in rows] == [10, 100]
    assert [row["Diterima"] for row in rows] == [
        datetime(2026, 2, 1),  # noqa: DTZ001 - the counter's clock
        datetime(2026, 2, 28, 23, 59, 59, 999_999),  # noqa: DTZ001
    ]
    assert [row["Nomor Kuitansi"] for row in rows] == ["KW/2026-02/LKT01/000001", "KW/2026-02/LKT01/000002"]
    assert [row["Jumlah"] for row in await read(database, Report.PAYMENTS, MARCH)] == [1_000]
    assert cells_fit(Report.PAYMENTS, rows)


async def test_a_payment_shows_where_its_money_is(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer("P0001", name="Budi")
    await isp.open()
    await isp.generate()
    kept = await isp.pay(customer_id, 200_000, method=PaymentMethod.TRANSFER, note="lewat BCA")
    await correct(isp, REFUND, payment=kept.payment_id, amount=20_000)
    gone = await isp.pay(customer_id, 5_000)
    await correct(isp, DEALLOCATE, REVERSE, payment=gone.payment_id)
    first, second = await read(database, Report.PAYMENTS)
    assert {title: first[title] for title in ("Kode Pelanggan", "Nama Pelanggan", "Metode", "Petugas", "Catatan", "Dibatalkan")} == {
        "Kode Pelanggan": "P0001",
        "Nama Pelanggan": "Budi",
        "Metode": "Transfer",
        "Petugas": "admin",
        "Catatan": "lewat BCA",
        "Dibatalkan": None,
    }
    assert [first[title] for title in ("Jumlah", "Untuk Tagihan", "Titipan", "Dikembalikan")] == [200_000, 150_000, 30_000, 20_000]
    assert second["Dibatalkan"] == date(2026, 2, 3)
    assert [second[title] for title in ("Jumlah", "Untuk Tagihan", "Titipan", "Dikembalikan")] == [5_000, 0, 0, 0]


async def test_payments_of_other_counters_stay_unseen(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    customer_id = await isp.customer(counter="LKT01")
    await isp.pay(customer_id, 1)
    await isp.pay(customer_id, 2, counter_id=isp.counters["LKT02"])
    assert [row["Jumlah"] for row in await read(database, Report.PAYMENTS)] == [1, 2]
    assert [row["Jumlah"] for row in await read(database, Report.PAYMENTS, scope=only(isp, "LKT02"))] == [2]
    assert await read(database, Report.PAYMENTS, scope=Scope(frozenset())) == []


async def test_deposits_with_what_became_of_them(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    async with isp.write() as session:
        collector = await make_user(session, "joko", Role.COLLECTOR, "LKT01")
        deposits = []
        for code, amount, day in (
            ("LKT01", 100_000, date(2026, 2, 1)),
            ("LKT01", 200_000, date(2026, 2, 28)),
            ("LKT02", 300_000, date(2026, 2, 3)),
            ("LKT01", 400_000, date(2026, 3, 1)),
        ):
            given = {"counter": isp.counters[code], "collector": collector, "amount": amount, "at": NOW, "day": day}
            deposits.append(await session.value(DEPOSIT, given))
        by = {"at": NOW, "by": isp.admin.user_id}
        await session.execute(
            DECIDE, by | {"deposit": deposits[0], "verified": True, "counted": 99_000, "difference": -1_000, "reason": "kurang"}
        )
        await session.execute(
            DECIDE, by | {"deposit": deposits[1], "verified": False, "counted": None, "difference": None, "reason": "palsu"}
        )
    rows = await read(database, Report.DEPOSITS)
    assert [tuple(row.values())[1:] for row in rows] == [
        ("LKT01", "joko", "Tunai", 100_000, "DITERIMA", 99_000, -1_000, "admin", "kurang"),
        ("LKT01", "joko", "Tunai", 200_000, "DITOLAK", None, None, "admin", "palsu"),
        ("LKT02", "joko", "Tunai", 300_000, "MENUNGGU", None, None, None, ""),
    ]
    assert rows[0]["Disetor"] == datetime(2026, 2, 3, 9, 0)  # noqa: DTZ001 - the counter's clock
    assert cells_fit(Report.DEPOSITS, rows)
    assert [row["Jumlah"] for row in await read(database, Report.DEPOSITS, scope=only(isp, "LKT02"))] == [300_000]
    assert [row["Jumlah"] for row in await read(database, Report.DEPOSITS, MARCH)] == [400_000]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
async def test_every_row_comes_once_whatever_the_batch(database: Database, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    in_batches_of(2, monkeypatch)
    isp = await Isp.make(database, "LKT01", "LKT02")
    await isp.open()
    if count:
        await isp.many_customers(count, counter="LKT02")
        await isp.many_customers(count, counter="LKT01")
    await isp.generate()
    for number, (customer_id,) in enumerate(await isp.rows("SELECT id FROM customer ORDER BY id")):
        # days out of the order of ids, several in one day
        await isp.pay(customer_id, 1_000 + number, at=NOW + timedelta(days=(5 - number) % 3))
    invoices = await read(database, Report.INVOICES)
    assert len({row["Nomor"] for row in invoices}) == len(invoices) == 2 * count
    assert [row["Nomor"] for row in invoices] == sorted(str(row["Nomor"]) for row in invoices)
    payments = await read(database, Report.PAYMENTS)
    assert sorted(int(str(row["Jumlah"])) for row in payments) == [1_000 + number for number in range(2 * count)]


async def test_a_report_is_read_in_batches(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    in_batches_of(10, monkeypatch)
    isp = await Isp.make(committed)
    await isp.many_customers(25)
    await isp.open()
    await isp.generate()
    with counted_statements(committed) as sent:
        async with committed.reading() as session:
            rows = reports.rows(session, Report.INVOICES, FEBRUARY, scope=EVERYWHERE)
            await anext(rows)
            assert len([one for one in sent if "FROM invoice" in one]) == 1  # the rest is still in the database
            assert len([row async for row in rows]) == 24
    assert len([one for one in sent if "FROM invoice" in one]) == 3


async def test_a_month_never_opened_has_no_rows(database: Database) -> None:
    await Isp.make(database)
    for report in (Report.INVOICES, Report.PAYMENTS, Report.DEPOSITS):
        assert await read(database, report) == []


def test_the_journal_has_its_columns() -> None:
    titles = [column.title for column in reports.header(Report.JOURNAL)]
    assert titles == ["Tanggal", "Bukti", "Nomor", "Loket", "Debit", "Kredit", "Jumlah"]
