"""Corrections: what each gives back, what it refuses, where it is dated."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sebilling.actor import EVERYWHERE
from sebilling.billing import corrections, credit, deposits, periods, previews, recap, settings
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import IdempotencyMismatch, InvoicePaid, NoCredit
from sebilling.ledger_errors import InsufficientCash, NoOpenPeriod
from tests.harness import FEBRUARY, NOW, Isp

MARCH = Month(2026, 3)
VOID = "INSERT INTO invoice_void SELECT id, period_id, 'x', now(), NULL FROM invoice WHERE voided_at IS NULL"
ISSUE = (
    "INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, plan_name, covers_from, covers_until, issued_at, due_on,"
    " total, allocated, written_off) SELECT period_id, counter_id, 3, 'x', customer_id, 'x', covers_until, covers_until + 28, now(),"
    " due_on, 1, 0, 0 FROM invoice WHERE voided_at IS NOT NULL"
)


async def billed(database: Database, *months: Month) -> tuple[Isp, int]:
    """An ISP with one customer, billed Rp150.000 for each month."""
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    for month in months or (FEBRUARY,):
        await isp.open(month)
        await isp.generate(month)
    return isp, customer_id


async def void(isp: Isp, invoice_id: int, *, release: bool = False, reason: str = "salah paket") -> None:
    async with isp.write() as session:
        await corrections.void_invoice(session, invoice_id, reason=reason, key=f"void-of-{invoice_id}", release_payments=release)


async def reverse(isp: Isp, payment_id: int) -> None:
    async with isp.write() as session:
        await corrections.reverse_payment(session, payment_id, reason="salah orang", key=f"reverse-{payment_id}")


async def refund(isp: Isp, payment_id: int, amount: int, method: PaymentMethod = PaymentMethod.CASH) -> None:
    async with isp.write() as session:
        await corrections.refund(session, payment_id, method=method, reason="kelebihan", key=f"refund-{payment_id}-{amount}", amount=amount)


async def on_hand(isp: Isp) -> int:
    return int(await isp.value("SELECT on_hand FROM drawer"))


async def invoices(isp: Isp) -> list[int]:
    return [row[0] for row in await isp.rows("SELECT id FROM invoice ORDER BY id")]


async def test_a_void_frees_the_days_and_the_number_stays(database: Database) -> None:
    isp, _ = await billed(database)
    await void(isp, *(await invoices(isp)))
    assert await isp.generate() == previews.Counts(1, 0, {}, 150_000)
    assert await isp.rows("SELECT number, outstanding FROM invoice ORDER BY id") == [
        ("INV/2026-02/LKT01/000001", 0), ("INV/2026-02/LKT01/000002", 150_000),
    ]  # fmt: skip
    await isp.check()


async def test_a_paid_invoice_is_voided_only_with_its_money_released(database: Database) -> None:
    isp, customer_id = await billed(database)
    await isp.pay(customer_id, 100_000)
    (invoice_id,) = await invoices(isp)
    with pytest.raises(InvoicePaid):
        await void(isp, invoice_id)
    await void(isp, invoice_id, release=True)
    assert await isp.rows("SELECT allocated, credit FROM payment") == [(0, 100_000)]
    await isp.generate()
    assert await isp.rows("SELECT outstanding FROM invoice ORDER BY id") == [(0,), (50_000,)]
    await isp.check()


async def test_a_void_after_the_closing_stands_in_the_open_month(database: Database) -> None:
    isp, _ = await billed(database)
    march = await isp.open(MARCH)
    async with isp.write() as session:
        await periods.close(session, FEBRUARY, incomplete=True)
    await void(isp, *(await invoices(isp)))
    assert await isp.rows("SELECT period_id FROM invoice_void") == [(march,)]
    async with database.reading() as session:
        figures = [(await recap.read(session, month, scope=EVERYWHERE))[0] for month in (FEBRUARY, MARCH)]
    assert [(one.total_billed, one.voided_later, one.voided_earlier) for one in figures] == [(150_000, 150_000, 0), (-150_000, 0, 150_000)]


@pytest.mark.parametrize("statement", [VOID, ISSUE], ids=["void", "invoice"])
async def test_a_closed_period_takes_no_void_and_no_invoice_from_anyone(database: Database, statement: str) -> None:
    isp, _ = await billed(database)
    await isp.customer()
    await isp.generate()
    first, second = await invoices(isp)
    await void(isp, first)
    async with isp.write() as session:
        await periods.close(session, FEBRUARY, incomplete=True)
    with pytest.raises(NoOpenPeriod):
        await void(isp, second)
    with pytest.raises(IntegrityError, match="a closed period takes no"):
        async with isp.write() as session:
            await session.execute(text(statement))


async def test_the_fee_for_an_invoice_that_should_not_have_been_goes_with_it(database: Database) -> None:
    isp, _ = await billed(database)
    async with isp.write() as session:
        await settings.change(session, late_fee=10_000, late_fee_after_days=0)
    late = datetime(2026, 3, 25, tzinfo=UTC)  # due on 20 February
    await isp.open(MARCH)
    assert (await isp.generate(MARCH, at=late)).total_amount == 160_000
    february, march = await invoices(isp)
    await void(isp, march)
    await void(isp, february)
    assert (await isp.generate(MARCH, at=late)).total_amount == 150_000
    await isp.check()


async def test_a_key_is_good_for_one_deed(database: Database) -> None:
    isp, _ = await billed(database)
    (invoice_id,) = await invoices(isp)
    await void(isp, invoice_id)
    await void(isp, invoice_id)  # the same again changes nothing
    with pytest.raises(IdempotencyMismatch):
        await void(isp, invoice_id, reason="alasan lain")


async def test_a_reversal_opens_what_the_payment_had_settled(database: Database) -> None:
    isp, customer_id = await billed(database)
    paid = await isp.pay(customer_id, 170_000)
    await reverse(isp, paid.payment_id)
    assert await isp.rows("SELECT outstanding, allocated FROM invoice") == [(150_000, 0)]
    assert await isp.rows("SELECT credit, allocated FROM payment") == [(0, 0)]
    async with database.reading() as session:
        (row,) = await recap.read(session, FEBRUARY, scope=EVERYWHERE)
    assert (row.payments, row.reversed, row.total_received, row.cash_on_hand) == (1, 170_000, 0, 0)
    await isp.check()


async def test_cash_that_was_handed_in_is_not_reversed(database: Database) -> None:
    isp, customer_id = await billed(database)
    paid = await isp.pay(customer_id, 150_000)
    transferred = await isp.pay(customer_id, 150_000, method=PaymentMethod.TRANSFER)
    async with isp.write() as session:
        await deposits.submit(session, counter_id=isp.counters["LKT01"], amount=1, type=DepositType.MANUAL, key="one-rupiah")
    with pytest.raises(InsufficientCash):
        await reverse(isp, paid.payment_id)
    await reverse(isp, transferred.payment_id)  # it never lay in a drawer
    assert await on_hand(isp) == 150_000


async def test_a_refund_in_cash_leaves_the_drawer_and_no_more_than_is_there(database: Database) -> None:
    isp, customer_id = await billed(database)
    paid = await isp.pay(customer_id, 200_000)
    await isp.pay(await isp.customer(), 10_000, method=PaymentMethod.QRIS)
    with pytest.raises(NoCredit):
        await refund(isp, paid.payment_id, 50_001)
    await refund(isp, paid.payment_id, 30_000)
    assert await on_hand(isp) == 170_000
    await refund(isp, paid.payment_id, 5_000, PaymentMethod.TRANSFER)
    assert (await on_hand(isp), await isp.value("SELECT credit FROM payment ORDER BY id LIMIT 1")) == (170_000, 15_000)
    transferred = await isp.pay(customer_id, 500_000, method=PaymentMethod.QRIS)
    with pytest.raises(InsufficientCash):
        await refund(isp, transferred.payment_id, 170_001)
    await refund(isp, transferred.payment_id, 170_000)
    assert await on_hand(isp) == 0
    await isp.check()


async def test_the_oldest_credit_settles_the_oldest_invoice(database: Database) -> None:
    isp, customer_id = await billed(database)
    for amount in (150_000, 100_000, 100_000):  # the second and third are credit
        await isp.hold((await isp.pay(customer_id, amount)).payment_id)
    await isp.open(MARCH)
    await isp.generate(MARCH)
    assert await isp.rows("SELECT credit, surplus_because FROM payment ORDER BY id") == [
        (0, ""), (100_000, "IN_ADVANCE"), (100_000, "IN_ADVANCE"),
    ]  # fmt: skip
    async with isp.write() as session:
        await credit.apply(session, customer_id, key="apply-the-credit")
    assert await isp.rows("SELECT outstanding FROM invoice ORDER BY id") == [(0,), (0,)]
    assert await isp.rows("SELECT credit FROM payment ORDER BY id") == [(0,), (0,), (50_000,)]
    await isp.check()


async def test_a_write_off_leaves_the_rest_owed(database: Database) -> None:
    isp, customer_id = await billed(database)
    await isp.pay(customer_id, 100_000)
    (invoice_id,) = await invoices(isp)
    async with isp.write() as session:
        await corrections.write_off(session, invoice_id, reason="gangguan", key="write-off-20", amount=20_000)
    assert await isp.rows("SELECT allocated, written_off, outstanding FROM invoice") == [(100_000, 20_000, 30_000)]
    await isp.check()


async def test_taxes_are_taken_back_with_their_invoice(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.customer()
    async with isp.write() as session:
        await settings.change(session, tax_rate=Decimal(10))
    await isp.open()
    await isp.generate()
    await void(isp, *(await invoices(isp)))
    posted = await isp.rows("SELECT debit, credit, amount FROM journal ORDER BY id")
    assert posted == [
        ("RECEIVABLE", "REVENUE", 150_000), ("RECEIVABLE", "TAX_PAYABLE", 15_000),
        ("REVENUE", "RECEIVABLE", 150_000), ("TAX_PAYABLE", "RECEIVABLE", 15_000),
    ]  # fmt: skip
    assert await isp.value("SELECT posted_on FROM journal LIMIT 1") == date(2026, 2, NOW.day)
