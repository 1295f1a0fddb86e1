"""The pricing rule in single figures, each worked out by hand beside it."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sebilling.actor import EVERYWHERE
from sebilling.billing import billing_cycles, charges, corrections, counters, customers, plans, previews, receipts, settings
from sebilling.billing.charges import ChargeKind
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import FEBRUARY, NOW, Isp

JANUARY, MARCH, APRIL = Month(2026, 1), Month(2026, 3), Month(2026, 4)
FIRST, MARCH_FIRST = date(2026, 2, 1), date(2026, 3, 1)


async def lines(isp: Isp, month: Month = FEBRUARY) -> list[tuple[Any, ...]]:
    """What stands on the month's live invoices, one customer after the other."""
    return await isp.rows(
        "SELECT kind, amount FROM invoice_line JOIN invoice ON invoice.id = invoice_id JOIN period ON period.id = period_id"
        " WHERE month = :month AND voided_at IS NULL ORDER BY customer_id, position", month=month.first,
    )  # fmt: skip


async def bill(isp: Isp, month: Month = FEBRUARY, at: datetime = NOW) -> previews.Counts:
    """Open the month, issue its invoices."""
    await isp.open(month)
    return await isp.generate(month, at=at)


async def change(isp: Isp, **changes: Any) -> None:
    async with isp.write() as session:
        await settings.change(session, **changes)


async def discount(isp: Isp, customer_id: int, from_on: date = FIRST, until_on: date | None = None, **measure: Any) -> None:
    async with isp.write() as session:
        await charges.discount(
            session, customer_id=customer_id, description="Promo", from_on=from_on, until_on=until_on, key=str(uuid.uuid4()), **measure
        )


async def charge(isp: Isp, customer_id: int, amount: int) -> None:
    async with isp.write() as session:
        await charges.add(
            session, customer_id, kind=ChargeKind.DEVICE, description="ONT", amount=amount, key=f"charge-of-{amount}-{customer_id}"
        )


async def every(isp: Isp, customer_id: int, months: int, start: date) -> None:
    async with isp.write() as session:
        await billing_cycles.set_billing(session, customer_id, months=months, effective_from=start)


async def test_a_first_month_is_prorated_by_its_own_days_and_halves_go_up(database: Database) -> None:
    isp = await Isp.make(database)
    await change(isp, prorate_first_month=True)
    await isp.customer(installed_on=date(2026, 2, 25))  # 4 of 28 days of 150,000: 21,428.57
    await isp.customer(installed_on=date(2026, 2, 15), price=99_999)  # 14 of 28 days: 49,999.5
    await bill(isp)
    assert await lines(isp) == [("PRORATION", 21_429), ("PRORATION", 50_000)]
    await isp.check()


async def test_a_percentage_is_rounded_half_up(database: Database) -> None:
    isp = await Isp.make(database)
    await discount(isp, await isp.customer(price=99_999), percent=Decimal(50))  # 49,999.5
    await discount(isp, await isp.customer(price=99_999), percent=Decimal("12.5"))  # 12,499.875
    await bill(isp)
    assert [amount for kind, amount in await lines(isp) if kind == "DISCOUNT"] == [-50_000, -12_500]


async def test_tax_is_its_rate_on_its_fraction_rounded_as_the_settings_say(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer(price=150_050)
    await change(isp, tax_rate=Decimal(11))
    await bill(isp)
    await change(isp, tax_rounding="DOWN")
    await bill(isp, MARCH)
    await change(isp, tax_rate=Decimal(12), tax_numerator=11, tax_denominator=12, tax_rounding="HALF_UP")
    await charge(isp, customer_id, 49_950)
    await bill(isp, APRIL)
    assert await lines(isp) == [("SUBSCRIPTION", 150_050), ("TAX", 16_506)]  # 16,505.5
    assert await lines(isp, MARCH) == [("SUBSCRIPTION", 150_050), ("TAX", 16_505)]
    assert (await lines(isp, APRIL))[-1] == ("TAX", 22_000)  # 12 % of 11/12 of 200,000
    assert await isp.value("SELECT tax_base FROM invoice_line WHERE tax_fraction = '11/12'") == 200_000
    await isp.check()


async def test_a_discount_ends_before_its_last_day_and_takes_no_more_than_the_month(database: Database) -> None:
    isp = await Isp.make(database)
    over, ended, last, two = [await isp.customer() for _ in range(4)]
    await charge(isp, over, 5_000)
    await discount(isp, over, amount=200_000)
    await discount(isp, ended, date(2026, 1, 1), FIRST, amount=20_000)
    await discount(isp, last, date(2026, 1, 1), date(2026, 2, 2), amount=20_000)
    await discount(isp, two, percent=Decimal(90))
    await discount(isp, two, amount=100_000)
    assert await bill(isp) == previews.Counts(3, 0, {"ZERO_AMOUNT": 1}, 5_000 + 150_000 + 130_000)
    assert await lines(isp) == [
        ("SUBSCRIPTION", 150_000), ("CHARGE", 5_000), ("DISCOUNT", -150_000), ("SUBSCRIPTION", 150_000),
        ("SUBSCRIPTION", 150_000), ("DISCOUNT", -20_000),
    ]  # fmt: skip
    await isp.check()


async def test_a_discount_of_one_month_takes_at_most_that_month_of_a_cycle(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await every(isp, customer_id, 3, FIRST)
    await discount(isp, customer_id, FIRST, MARCH_FIRST, amount=200_000)  # of February's 150,000, not of the 450,000
    await bill(isp)
    assert await lines(isp) == [("SUBSCRIPTION", 450_000), ("DISCOUNT", -150_000)]


async def test_three_months_from_the_last_of_january_keep_their_day_and_what_is_between_is_covered(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer(installed_on=date(2026, 1, 31))
    await every(isp, customer_id, 3, date(2026, 1, 31))
    at = datetime(2026, 1, 5, tzinfo=UTC)
    counts = [await bill(isp, JANUARY.plus(number), at) for number in range(7)]
    covered = previews.Counts(0, 0, {"COVERED_BY_CYCLE": 1}, 0)
    issued = previews.Counts(1, 0, {}, 450_000)
    assert counts == [issued, covered, covered, issued, covered, covered, issued]
    assert await isp.rows("SELECT covers_from, covers_until, due_on FROM invoice ORDER BY id") == [
        (date(2026, 1, 31), date(2026, 4, 30), date(2026, 1, 31)),
        (date(2026, 4, 30), date(2026, 7, 31), date(2026, 4, 30)),
        (date(2026, 7, 31), date(2026, 10, 31), date(2026, 7, 31)),
    ]
    await isp.check()


async def test_a_cycle_falls_due_when_it_begins_not_on_the_counters_day(database: Database) -> None:
    isp = await Isp.make(database)
    await every(isp, await isp.customer(installed_on=date(2026, 2, 5)), 3, date(2026, 2, 5))
    await bill(isp, at=datetime(2026, 2, 3, tzinfo=UTC))
    assert await isp.rows("SELECT covers_from, due_on FROM invoice") == [(date(2026, 2, 5), date(2026, 2, 5))]


async def test_the_days_before_a_cycle_are_billed_with_it_and_a_later_decision_ends_it(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer(installed_on=date(2026, 2, 10))
    await every(isp, customer_id, 3, date(2026, 2, 17))
    await every(isp, customer_id, 1, date(2026, 4, 1))
    await bill(isp)
    assert await lines(isp) == [("SUBSCRIPTION", 150_000), ("PRORATION", 37_500)]  # one month fits before April; 7 of 28 days
    await bill(isp, MARCH)
    assert await lines(isp, MARCH) == [("PRORATION", 72_581)]  # 17 March to 1 April: 15 of 31 days, 72,580.6
    await bill(isp, APRIL)
    assert await lines(isp, APRIL) == [("SUBSCRIPTION", 150_000)]
    assert await isp.rows("SELECT covers_from, covers_until FROM invoice ORDER BY id") == [
        (date(2026, 2, 10), date(2026, 3, 17)), (date(2026, 3, 17), date(2026, 4, 1)), (date(2026, 4, 1), date(2026, 5, 1)),
    ]  # fmt: skip


async def test_a_late_fee_comes_once_untaxed_and_not_before_its_days_are_over(database: Database) -> None:
    isp = await Isp.make(database)
    async with isp.write() as session:
        await counters.update(session, isp.counters["LKT01"], due_day=10)
    await isp.customer()
    await bill(isp)  # due on the 10th
    await change(isp, late_fee=10_000, late_fee_after_days=5, tax_rate=Decimal(10))
    await isp.open(MARCH)
    async with database.reading() as session:
        foreseen = [
            await previews.preview(session, MARCH, at=datetime(2026, 2, day, 3, tzinfo=UTC), counters=None, scope=EVERYWHERE)
            for day in (15, 16)
        ]
    assert [counts.total_amount for counts in foreseen] == [165_000, 175_000]
    await isp.generate(MARCH, at=datetime(2026, 2, 16, 3, tzinfo=UTC))
    await bill(isp, APRIL, datetime(2026, 2, 17, 3, tzinfo=UTC))
    assert await lines(isp, MARCH) == [("SUBSCRIPTION", 150_000), ("LATE_FEE", 10_000), ("TAX", 15_000)]
    assert await lines(isp, APRIL) == [("SUBSCRIPTION", 150_000), ("TAX", 15_000)]
    await isp.check()


async def test_a_charge_is_billed_once_and_again_after_a_void(database: Database) -> None:
    isp = await Isp.make(database)
    await charge(isp, await isp.customer(), 25_000)
    await bill(isp)
    await isp.open(MARCH)
    async with database.reading() as session:
        foreseen = await previews.preview(session, MARCH, at=NOW, counters=None, scope=EVERYWHERE)
    assert foreseen.total_amount == 150_000
    await isp.generate(MARCH)
    assert (await lines(isp), await lines(isp, MARCH)) == ([("SUBSCRIPTION", 150_000), ("CHARGE", 25_000)], [("SUBSCRIPTION", 150_000)])
    invoice_id = await isp.value("SELECT min(id) FROM invoice")
    async with isp.write() as session:
        await corrections.void_invoice(session, invoice_id, reason="salah paket", key="void-february")
    assert (await isp.generate()).total_amount == 175_000
    assert await lines(isp) == [("SUBSCRIPTION", 150_000), ("CHARGE", 25_000)]
    assert await isp.rows("SELECT sequence, voided_at IS NULL FROM invoice WHERE total = 175000 ORDER BY id") == [(1, False), (2, True)]
    await isp.check()


async def test_an_invoice_keeps_its_plan_and_price_on_paper(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await bill(isp)
    async with isp.write() as session:
        faster = await plans.create(session, name="Home 50M", price=350_000)
        await customers.update(session, customer_id, plan_id=faster)
        await plans.update(session, isp.plan_id, price=175_000)
    invoice_id = await isp.value("SELECT id FROM invoice")
    async with database.reading() as session:
        paper = await receipts.read_invoice(session, invoice_id, scope=EVERYWHERE)
    assert (paper.plan_name, paper.total, paper.lines[0].unit_price) == ("Home 10M", 150_000, 150_000)


async def test_an_invoice_falls_due_on_the_counters_day_of_its_issue(database: Database) -> None:
    isp = await Isp.make(database)
    async with isp.write() as session:
        isp.counters["TIM"] = await counters.create(session, code="TIM", name="Jayapura", timezone="Asia/Jayapura", due_day=1)
    await isp.customer(counter="TIM")
    await bill(isp, at=datetime(2026, 2, 9, 15, 30, tzinfo=UTC))  # half past midnight of the 10th in Jayapura
    assert await isp.value("SELECT due_on FROM invoice") == date(2026, 2, 10)
