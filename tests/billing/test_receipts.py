"""Receipts and invoices for paper: what the tables say, at the counter's time, only for who may see it."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from sebilling.actor import EVERYWHERE, Scope
from sebilling.billing import receipts
from sebilling.billing.payments import PaymentMethod
from sebilling.billing.pricing import LineKind
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import NotFound
from tests.harness import FEBRUARY, NOW, Isp, counted_statements

JANUARY = Month(2026, 1)
# All of a payment's live allocations become credit again, as the first half of a reversal.
DEALLOCATE = (
    "INSERT INTO deallocation (allocation_id, deallocated_at)"
    " SELECT id, :at FROM allocation WHERE payment_id = :payment AND id NOT IN (SELECT allocation_id FROM deallocation)"
)
REVERSE = (
    "INSERT INTO payment_reversal (payment_id, reason, reversed_at, reversed_on, reversed_by)"
    " VALUES (:payment, 'Salah pelanggan', :at, DATE '2026-02-03', NULL)"
)
WRITE_OFF = (
    "INSERT INTO write_off (invoice_id, amount, reason, written_off_at, written_off_on, written_off_by)"
    " VALUES (:invoice, :amount, 'Pindah', :at, DATE '2026-02-03', NULL)"
)
VOID = (
    "INSERT INTO invoice_void (invoice_id, period_id, reason, voided_at, voided_by)"
    " SELECT id, period_id, 'Salah paket', :at, NULL FROM invoice WHERE id = :invoice"
)
REFUND = (
    "INSERT INTO refund (payment_id, counter_id, amount, method, reason, refunded_at, refunded_on, refunded_by)"
    " SELECT id, counter_id, :amount, 'CASH', 'Minta kembali', :at, DATE '2026-02-03', received_by FROM payment WHERE id = :payment"
)


async def read(database: Database, payment_id: int, scope: Scope = EVERYWHERE) -> receipts.Receipt:
    async with database.reading() as session:
        return await receipts.read(session, payment_id, scope=scope)


async def read_invoice(database: Database, invoice_id: int, scope: Scope = EVERYWHERE) -> receipts.InvoicePaper:
    async with database.reading() as session:
        return await receipts.read_invoice(session, invoice_id, scope=scope)


async def correct(isp: Isp, *statements: str, **parameters: object) -> None:
    async with isp.write() as session:
        for statement in statements:
            await session.execute(text(statement), {"at": NOW} | parameters)


async def billed(database: Database, *months: Month) -> tuple[Isp, int]:
    """An ISP with one customer, who has an invoice of Rp150.000 for each month."""
    isp = await Isp.make(database)
    customer_id = await isp.customer("P0001", name="Budi Santoso", address="Jl. Melati 5", phone="+628123456789")
    for month in months:
        await isp.open(month)
        await isp.generate(month)
    return isp, customer_id


async def invoice_of(isp: Isp, month: Month) -> int:
    return int(await isp.value("SELECT i.id FROM invoice i JOIN period p ON p.id = period_id WHERE month = :month", month=month.first))


async def test_a_receipt_says_what_the_money_settled_and_what_is_left(database: Database) -> None:
    isp, customer_id = await billed(database, JANUARY, FEBRUARY)
    async with isp.write() as session:
        await session.execute(
            text(
                "UPDATE billing_settings SET company_name = 'Maju Net', company_address = 'Malang', company_phone = '0812',"
                " receipt_footer = 'Sampai jumpa'"
            )
        )
    paid = await isp.pay(customer_id, 200_000, method=PaymentMethod.QRIS)
    found = await read(database, paid.payment_id)
    assert found.number == "KW/2026-02/LKT01/000001"
    assert found.company == receipts.Company("Maju Net", "Malang", "0812", "Sampai jumpa")
    assert (found.counter_code, found.counter_name) == ("LKT01", "Loket LKT01")
    assert (found.customer_code, found.customer_name, found.received_by) == ("P0001", "Budi Santoso", "admin")
    assert (found.method, found.amount, found.credit, found.refunded) == (PaymentMethod.QRIS, 200_000, 0, 0)
    assert [(line.invoice_number[:11], line.amount) for line in found.lines] == [("INV/2026-01", 150_000), ("INV/2026-02", 50_000)]
    assert (found.lines[1].covers_from, found.lines[1].covers_until) == (date(2026, 2, 1), date(2026, 3, 1))
    assert found.outstanding == 100_000
    assert not found.reversed
    more = await read(database, (await isp.pay(customer_id, 130_000)).payment_id)
    assert (more.number[-6:], more.credit, more.outstanding) == ("000002", 30_000, 0)
    assert (await read(database, paid.payment_id)).outstanding == 0  # of the moment of reading


async def test_money_in_advance_settles_nothing_yet(database: Database) -> None:
    isp, customer_id = await billed(database)
    found = await read(database, (await isp.pay(customer_id, 70_000)).payment_id)
    assert (found.lines, found.credit, found.outstanding) == ((), 70_000, 0)


@pytest.mark.parametrize(
    ("timezone", "hour", "zone"), [("Asia/Jakarta", 23, "WIB"), ("Asia/Makassar", 0, "WITA"), ("Asia/Jayapura", 1, "WIT")]
)
async def test_the_time_is_that_of_the_counter(database: Database, timezone: str, hour: int, zone: str) -> None:
    isp, customer_id = await billed(database)
    async with isp.write() as session:
        await session.execute(text("UPDATE counter SET timezone = :timezone"), {"timezone": timezone})
    paid = await isp.pay(customer_id, 1, at=datetime(2026, 2, 3, 16, 30, tzinfo=UTC))
    found = await read(database, paid.payment_id)
    assert (found.received_at.day, found.received_at.hour, found.received_at.minute) == (3 if hour == 23 else 4, hour, 30)
    assert found.received_at == datetime(2026, 2, 3, 16, 30, tzinfo=UTC)
    assert found.zone == zone


async def test_what_was_taken_back_is_no_line(database: Database) -> None:
    isp, customer_id = await billed(database, JANUARY, FEBRUARY)
    paid = await isp.pay(customer_id, 200_000)
    await correct(isp, DEALLOCATE + " AND amount = 50000", payment=paid.payment_id)
    found = await read(database, paid.payment_id)
    assert [line.amount for line in found.lines] == [150_000]
    assert (found.credit, found.outstanding, found.reversed) == (50_000, 150_000, False)
    await correct(isp, REFUND, payment=paid.payment_id, amount=20_000)
    found = await read(database, paid.payment_id)
    assert found.amount == sum(line.amount for line in found.lines) + found.credit + found.refunded
    assert (found.credit, found.refunded) == (30_000, 20_000)


async def test_a_reversed_receipt_says_so(database: Database) -> None:
    isp, customer_id = await billed(database, FEBRUARY)
    paid = await isp.pay(customer_id, 150_000)
    await correct(isp, DEALLOCATE, REVERSE, payment=paid.payment_id)
    found = await read(database, paid.payment_id)
    assert (found.reversed, found.reversal_reason) == (True, "Salah pelanggan")
    assert (found.amount, found.lines, found.credit, found.outstanding) == (150_000, (), 0, 150_000)


async def test_only_who_may_see_the_counter_sees_its_receipts_and_invoices(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    customer_id = await isp.customer(counter="LKT01")
    await isp.open()
    await isp.generate()
    invoice_id = await isp.value("SELECT id FROM invoice")
    # paid at the other counter: the receipt is that counter's, the invoice the customer's own
    paid = await isp.pay(customer_id, 150_000, counter_id=isp.counters["LKT02"])
    first, second = (Scope(frozenset({isp.counters[code]})) for code in ("LKT01", "LKT02"))
    assert (await read(database, paid.payment_id, second)).counter_code == "LKT02"
    assert (await read_invoice(database, invoice_id, first)).counter_code == "LKT01"
    for scope in (first, Scope(frozenset())):
        with pytest.raises(NotFound) as refused:
            await read(database, paid.payment_id, scope)
        assert (refused.value.field, refused.value.facts["given"]) == ("payment_id", f"pay_{paid.payment_id}")
    for scope in (second, Scope(frozenset())):
        with pytest.raises(NotFound) as refused:
            await read_invoice(database, invoice_id, scope)
        assert (refused.value.field, refused.value.facts["given"]) == ("invoice_id", f"inv_{invoice_id}")
    with pytest.raises(NotFound):
        await read(database, paid.payment_id + 1)
    with pytest.raises(NotFound):
        await read_invoice(database, invoice_id + 1)


async def test_an_invoice_has_its_lines_and_days(database: Database) -> None:
    isp, customer_id = await billed(database)
    await isp.open()
    # 23.30 UTC on 31 January is 1 February at the counter
    await isp.generate(at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    await isp.pay(customer_id, 40_000)
    found = await read_invoice(database, await invoice_of(isp, FEBRUARY))
    assert found.number.startswith("INV/2026-02/LKT01/")
    assert (found.customer_name, found.customer_address, found.customer_phone) == ("Budi Santoso", "Jl. Melati 5", "+628123456789")
    assert (found.issued_on, found.covers_from, found.covers_until) == (date(2026, 2, 1), date(2026, 2, 1), date(2026, 3, 1))
    assert found.due_on == await isp.value("SELECT due_on FROM invoice")
    assert found.lines == (receipts.InvoicePaperLine(LineKind.SUBSCRIPTION, "Home 10M", 1, 150_000, 150_000),)
    assert (found.total, found.allocated, found.written_off, found.outstanding) == (150_000, 40_000, 0, 110_000)
    assert (found.status, found.plan_name, found.void_reason) == ("SEBAGIAN", "Home 10M", "")


async def test_lines_stand_in_their_order(database: Database) -> None:
    isp, customer_id = await billed(database)
    async with isp.write() as session:
        for description in ("Kabel", "Modem", "Antena"):
            await session.execute(
                text(
                    "INSERT INTO charge (customer_id, kind, description, amount, created_at)"
                    " VALUES (:customer, 'DEVICE', :description, 1000, :at)"
                ),
                {"customer": customer_id, "description": description, "at": NOW},
            )
    await isp.open()
    await isp.generate()
    found = await read_invoice(database, await invoice_of(isp, FEBRUARY))
    assert [line.description for line in found.lines] == [
        row[0] for row in await isp.rows("SELECT description FROM invoice_line ORDER BY position")
    ]
    assert {line.description for line in found.lines} == {"Home 10M", "Kabel", "Modem", "Antena"}
    assert sum(line.amount for line in found.lines) == found.total == 153_000


async def test_the_status_says_how_far_it_is_paid(database: Database) -> None:
    isp, customer_id = await billed(database, FEBRUARY)
    invoice_id = await invoice_of(isp, FEBRUARY)
    assert (await read_invoice(database, invoice_id)).status == "BELUM LUNAS"
    paid = await isp.pay(customer_id, 100_000)
    assert (await read_invoice(database, invoice_id)).status == "SEBAGIAN"
    await correct(isp, WRITE_OFF, invoice=invoice_id, amount=50_000)
    assert (await read_invoice(database, invoice_id)).status == "DIHAPUS"
    await correct(isp, DEALLOCATE, payment=paid.payment_id)
    found = await read_invoice(database, invoice_id)
    assert (found.status, found.outstanding) == ("SEBAGIAN", 100_000)


async def test_a_paid_and_a_voided_invoice(database: Database) -> None:
    isp, customer_id = await billed(database, JANUARY, FEBRUARY)
    await isp.pay(customer_id, 150_000)
    await correct(isp, VOID, invoice=await invoice_of(isp, FEBRUARY))
    assert (await read_invoice(database, await invoice_of(isp, JANUARY))).status == "LUNAS"
    voided = await read_invoice(database, await invoice_of(isp, FEBRUARY))
    assert (voided.status, voided.void_reason, voided.total, voided.outstanding) == ("BATAL", "Salah paket", 150_000, 0)
    assert len(voided.lines) == 1


async def test_each_paper_is_one_statement(committed: Database) -> None:
    isp, customer_id = await billed(committed, JANUARY, FEBRUARY)
    paid = await isp.pay(customer_id, 300_000)
    invoice_id = await invoice_of(isp, FEBRUARY)
    await read(committed, paid.payment_id)  # what a new connection asks by itself comes first
    with counted_statements(committed) as sent:
        assert len((await read(committed, paid.payment_id)).lines) == 2
        assert len(sent) == 1
        await read_invoice(committed, invoice_id)
    assert len(sent) == 2
