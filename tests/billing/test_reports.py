"""Reports: every row of the month once, none of another month or counter, all of one moment, and never all in memory."""

import re
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sebilling.actor import EVERYWHERE, Actor, Role, Scope
from sebilling.billing import corrections, deposits, reports, settings
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.billing.reports import Cell, Kind, Report
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import DatabaseUnavailable, NotFound
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
    "INSERT INTO deposit_decision (deposit_id, verified, counted, difference, reason, decided_at, decided_on, decided_by)"
    " VALUES (:deposit, :verified, :counted, :difference, :reason, :at, CAST(CAST(:at AS timestamptz) AS date), :by)"
)


async def read(database: Database, report: Report, month: Month = FEBRUARY, scope: Scope = EVERYWHERE) -> list[dict[str, Cell]]:
    """The rows as cells by title."""
    titles = [column.title for column in reports.header(report)]
    async with database.snapshot() as snapshot:
        return [dict(zip(titles, row, strict=True)) async for row in reports.rows(snapshot, report, month, scope=scope)]


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


async def test_every_row_comes_once_in_order(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    await isp.open()
    await isp.many_customers(7, counter="LKT02")
    await isp.many_customers(7, counter="LKT01")
    await isp.generate()
    for number, (customer_id,) in enumerate(await isp.rows("SELECT id FROM customer ORDER BY id")):
        # days out of the order of ids, several in one day
        await isp.pay(customer_id, 1_000 + number, at=NOW + timedelta(days=(5 - number) % 3))
    invoices = await read(database, Report.INVOICES)
    assert len({row["Nomor"] for row in invoices}) == len(invoices) == 14
    assert [row["Nomor"] for row in invoices] == sorted(str(row["Nomor"]) for row in invoices)
    payments = await read(database, Report.PAYMENTS)
    assert sorted(int(str(row["Jumlah"])) for row in payments) == [1_000 + number for number in range(14)]
    for code in ("LKT01", "LKT02"):
        days = [str(row["Diterima"]) for row in payments if row["Loket"] == code]
        assert days == sorted(days)


async def test_a_report_is_one_statement_of_one_moment(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.many_customers(2_500)
    await isp.open()
    await isp.generate()
    customer_id = await isp.value("SELECT min(id) FROM customer")
    with counted_statements(committed) as sent:
        async with committed.snapshot() as snapshot:
            rows = reports.rows(snapshot, Report.INVOICES, FEBRUARY, scope=EVERYWHERE)
            first = await anext(rows)
            await isp.pay(customer_id, 150_000)
            late = await isp.customer()
            await isp.generate()
            rest = [row async for row in rows]
            assert [row async for row in reports.rows(snapshot, Report.PAYMENTS, FEBRUARY, scope=EVERYWHERE)] == []
    assert len([one for one in sent if "invoice.sequence" in one]) == 1
    assert {row[-1] for row in (first, *rest)} == {"BELUM LUNAS"}
    assert len(rest) == 2_499
    assert late
    assert len(await read(committed, Report.INVOICES)) == 2_501
    assert len(await read(committed, Report.PAYMENTS)) == 1


async def test_a_snapshot_writes_nothing_and_leaves_its_connection_as_it_was(committed_url: str) -> None:
    database = Database(committed_url, connections=1)
    try:
        for _ in range(2):
            with pytest.raises(DBAPIError, match="read-only transaction"):
                async with database.snapshot() as snapshot:
                    await snapshot.value(text("INSERT INTO plan (name, price, created_at) VALUES ('x', 1, now()) RETURNING id"))
            async with database.snapshot() as snapshot:
                assert await snapshot.value(text("SHOW transaction_isolation")) == "repeatable read"
                rows = snapshot.stream(text("SELECT n FROM generate_series(1, 10000) n"))
                await anext(rows)  # and nobody reads on
            async with database.reading() as session:
                assert await session.value(text("SHOW transaction_isolation")) == "read committed"
                assert await session.value(text("SHOW transaction_read_only")) == "off"
                first = await session.value(text("SELECT now()"))
                assert await session.value(text("SELECT now()")) > first, "each statement is its own transaction"
    finally:
        await database.close()


async def test_a_lost_server_is_told_as_such_in_the_middle_of_a_stream(committed: Database) -> None:
    async def torn() -> None:
        async with committed.snapshot() as snapshot:
            whose = await snapshot.value(text("SELECT pg_backend_pid()"))
            rows = snapshot.stream(text("SELECT n FROM generate_series(1, 1000000) n"))
            await anext(rows)
            async with committed.reading() as other:
                await other.value(text("SELECT pg_terminate_backend(:whose, 5000)"), {"whose": whose})
            async for _ in rows:
                pass

    with pytest.raises(DatabaseUnavailable):
        await torn()


async def test_memory_stays_flat_however_long_a_report_is(committed: Database) -> None:
    async with committed.snapshot() as snapshot:
        rows = snapshot.stream(text("SELECT n, repeat('x', 200) FROM generate_series(1, 50000) n"))
        await anext(rows)
        tracemalloc.start()
        count = 0
        async for _ in rows:
            count += 1
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 49_999
    assert peak < 8_000_000, "all rows would be more than 20 MB"


async def test_a_month_never_opened_has_no_rows(database: Database) -> None:
    await Isp.make(database)
    for report in (Report.INVOICES, Report.PAYMENTS, Report.DEPOSITS):
        assert await read(database, report) == []


async def test_the_recap_with_its_sums(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    with pytest.raises(NotFound):
        await read(database, Report.RECAP)
    await isp.open()
    paying = await isp.customer(counter="LKT01")
    await isp.customer(counter="LKT02")
    await isp.generate()
    await isp.pay(paying, 200_000)
    first, second, total = await read(database, Report.RECAP)
    assert first == {
        "Loket": "LKT01",
        "Tagihan": 1,
        "Total Tagihan": 150_000,
        "Terlunasi": 150_000,
        "Dihapus": 0,
        "Sisa Tagihan": 0,
        "Pembayaran": 1,
        "Total Masuk": 200_000,
        "Titipan": 50_000,
        "Total Setor": 0,
        "Selisih": 0,
        "Menunggu Verifikasi": 0,
        "Belum Disetor": 200_000,
    }
    assert (second["Loket"], second["Sisa Tagihan"], second["Belum Disetor"]) == ("LKT02", 150_000, 0)
    assert total == {"Loket": "Total"} | {title: value + second[title] for title, value in first.items() if isinstance(value, int)}  # type: ignore[operator]
    assert cells_fit(Report.RECAP, [first, second, total])
    assert [row["Loket"] for row in await read(database, Report.RECAP, scope=only(isp, "LKT02"))] == ["LKT02", "Total"]
    (nothing,) = await read(database, Report.RECAP, scope=Scope(frozenset()))
    assert {value for title, value in nothing.items() if title != "Loket"} == {0}


async def a_month_of_every_document(isp: Isp) -> None:
    """At LKT01: two invoices of Rp166.500 with PPN, one of them void; money in cash and by bank, taken back, given back, handed over."""
    async with isp.write() as session:
        await settings.change(session, tax_rate=Decimal(11))
        finance = await make_user(session, "sari", Role.FINANCE)
    stays, goes = await isp.customer("P0001"), await isp.customer("P0002")
    await isp.customer("P0003", counter="LKT02")
    await isp.generate()
    await isp.pay(goes, 100_000)  # released by the voiding of its invoice
    written_off, void = await _invoice(isp, stays), await _invoice(isp, goes)
    async with isp.write() as session:
        await corrections.void_invoice(session, void, reason="salah paket", key="key-of-void", release_payments=True)
    mistaken = await isp.pay(stays, 20_000)
    await isp.pay(stays, 160_000, method=PaymentMethod.TRANSFER)
    async with isp.write() as session:
        await corrections.reverse_payment(session, mistaken.payment_id, reason="salah orang", key="key-of-reversal")
        await corrections.write_off(session, written_off, reason="pindah rumah", key="key-of-write-off")
    more = await isp.pay(stays, 5_000)
    async with isp.write() as session:
        await corrections.refund(session, more.payment_id, method=PaymentMethod.CASH, reason="kelebihan", key="key-of-refund", amount=3_000)
        short = await deposits.submit(
            session, counter_id=isp.counters["LKT01"], amount=60_000, type=DepositType.MANUAL, key="key-of-deposit-1"
        )
        over = await deposits.submit(
            session, counter_id=isp.counters["LKT01"], amount=42_000, type=DepositType.MANUAL, key="key-of-deposit-2"
        )
    async with isp.database.transaction(actor=Actor(finance, "sari", Role.FINANCE, EVERYWHERE), at=NOW) as session:
        await deposits.verify(session, short.deposit_id, key="key-of-decision-1", counted=59_000)
        await deposits.verify(session, over.deposit_id, key="key-of-decision-2", counted=43_000)


def balances(rows: Sequence[dict[str, Cell]]) -> dict[str, int]:
    """Debit less credit of each account that moved."""
    found: Counter[str] = Counter()
    for row in rows:
        assert isinstance(row["Jumlah"], int)
        assert row["Jumlah"] > 0
        found[str(row["Debit"])] += row["Jumlah"]
        found[str(row["Kredit"])] -= row["Jumlah"]
    return dict(found)


async def test_the_journal_says_what_the_documents_say(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    await isp.open()
    await a_month_of_every_document(isp)
    await isp.check()
    rows = await read(database, Report.JOURNAL)
    assert list(rows[0]) == ["Tanggal", "Bukti", "Nomor", "Loket", "Debit", "Kredit", "Jumlah"]
    assert cells_fit(Report.JOURNAL, rows)
    later = {"deposit_correction", "difference_settlement", "settlement_reversal", "write_off_reversal", "refund_reversal"}
    assert {row["Bukti"] for row in rows} == {word for name, word in reports._DOCUMENTS.items() if name not in later}
    assert {row[side] for row in rows for side in ("Debit", "Kredit")} == set(reports._ACCOUNTS.values()) - {
        "Penerimaan lain", "Ekuitas saldo awal",  # the one comes seldom, the other of the month before
    }  # fmt: skip
    here = [row for row in rows if row["Loket"] == "LKT01"]
    found = balances(here)
    assert found == {
        "Piutang usaha": 0,  # 166,500 billed and not voided; 160,000 of it paid, 6,500 written off after the reversal
        "Pendapatan": -150_000,
        "PPN keluaran": -16_500,
        "Titipan pelanggan": -102_000,  # 100,000 of the void invoice, 2,000 left of 5,000
        "Kas di kolektor": 0,  # 100,000 + 5,000 - 3,000 - 59,000 - 43,000, with 1,000 short and 1,000 over
        "Kas pusat": 102_000,
        "Bank": 160_000,
        "Kerugian piutang": 6_500,
        "Selisih kurang setoran": 1_000,
        "Selisih lebih setoran": -1_000,
    }
    assert sum(found.values()) == 0
    counter_id = isp.counters["LKT01"]
    documents = {
        "Piutang usaha": "SELECT sum(outstanding) FROM invoice WHERE counter_id = :counter",
        "Pendapatan": "SELECT -sum(l.amount) FROM invoice_line l JOIN invoice i ON i.id = invoice_id"
        " WHERE counter_id = :counter AND voided_at IS NULL AND l.kind <> 'TAX'",
        "PPN keluaran": "SELECT -sum(l.amount) FROM invoice_line l JOIN invoice i ON i.id = invoice_id"
        " WHERE counter_id = :counter AND voided_at IS NULL AND l.kind = 'TAX'",
        "Titipan pelanggan": "SELECT -sum(credit) FROM payment WHERE counter_id = :counter",
        "Kas di kolektor": "SELECT sum(on_hand) FROM drawer WHERE counter_id = :counter",
        "Bank": "SELECT sum(amount) FROM payment WHERE counter_id = :counter AND method <> 'CASH'",
        "Kas pusat": "SELECT sum(d.counted) FROM deposit_decision JOIN deposit d ON d.id = deposit_id WHERE counter_id = :counter",
        "Kerugian piutang": "SELECT sum(written_off) FROM invoice WHERE counter_id = :counter",
    }
    for account, sql in documents.items():
        assert found[account] == await isp.value(sql, counter=counter_id), account
    assert await read(database, Report.JOURNAL, scope=only(isp, "LKT01")) == here
    (other,) = {row["Loket"] for row in await read(database, Report.JOURNAL, scope=only(isp, "LKT02"))}
    assert other == "LKT02"


async def test_the_journal_of_the_days_of_the_month(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    for at, amount in ((BEGINS - MOMENT, 1), (BEGINS, 10), (ENDS - MOMENT, 100), (ENDS, 1_000)):
        await isp.pay(customer_id, amount, at=at)
    rows = await read(database, Report.JOURNAL)
    assert [(row["Tanggal"], row["Jumlah"]) for row in rows] == [(date(2026, 2, 1), 10), (date(2026, 2, 28), 100)]
    assert [row["Jumlah"] for row in await read(database, Report.JOURNAL, MARCH)] == [1_000]


def test_every_document_of_the_journal_has_its_word() -> None:
    text = (files("sebilling.db") / "sql/journal.sql").read_text(encoding="utf-8")
    view = text.partition("CREATE OR REPLACE VIEW journal")[2]
    assert {*re.findall(r"'([a-z]+(?:_[a-z]+)*)'", view)} == set(reports._DOCUMENTS)
