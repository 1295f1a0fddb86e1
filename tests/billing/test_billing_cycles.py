"""What is foretold of a customer's next invoices, and from when on the terms may change."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from sebilling.actor import EVERYWHERE
from sebilling.billing import billing_cycles, charges, counters, customers
from sebilling.billing.billing_cycles import Coming, Cycle, Standing, decidable
from sebilling.billing.charges import ChargeKind
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import AlreadyCovered, AlreadyInvoiced
from tests.harness import Isp

INSTALLED = date(2025, 6, 15)
JANUARY = Month(2026, 1)
AT = datetime(2026, 1, 25, 3, tzinfo=UTC)
JANUARY_INVOICE = (date(2026, 1, 1), date(2026, 2, 1))


def standing(*covered: tuple[date, date], closed: Sequence[Month] = ()) -> Standing:
    """On 25 January 2026."""
    return Standing(1, INSTALLED, date(2026, 1, 25), [JANUARY], closed, [], covered, has_charges=False)


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (standing(), INSTALLED),
        (standing(JANUARY_INVOICE), date(2026, 2, 1)),
        (standing(JANUARY_INVOICE, closed=[Month(2026, 2)]), date(2026, 3, 1)),
        (standing((date(2026, 1, 31), date(2026, 4, 30))), date(2026, 4, 30)),
    ],
)
def test_the_first_possible_day_is_the_first_that_is_free(found: Standing, first: date) -> None:
    assert decidable(found, Cycle(3, first)) == Cycle(3, first)
    with pytest.raises(AlreadyCovered) as refused:
        decidable(found, Cycle(3, first - timedelta(days=1)))
    assert refused.value.facts["first"] == first


async def someone(database: Database) -> tuple[Isp, int]:
    """Installed in June 2025 at a counter due on the 20th; January is open."""
    isp = await Isp.make(database)
    async with isp.write() as session:
        await counters.update(session, isp.counters["LKT01"], due_day=20)
    await isp.open(JANUARY)
    return isp, await isp.customer(installed_on=INSTALLED)


async def foretold(isp: Isp, customer_id: int, count: int, proposed: Cycle | None = None) -> list[Coming]:
    async with isp.database.reading() as session:
        found = await billing_cycles.standing(session, customer_id, at=AT, scope=EVERYWHERE)
        return await billing_cycles.coming(session, found, at=AT, scope=EVERYWHERE, count=count, proposed=proposed)


async def test_three_months_from_the_last_of_january(database: Database) -> None:
    isp, customer_id = await someone(database)
    found = await foretold(isp, customer_id, 3, Cycle(3, date(2026, 1, 31)))
    assert [(one.month, one.covers_until, one.due_on, one.total) for one in found] == [
        (JANUARY, date(2026, 4, 30), date(2026, 1, 31), 450_000 + 145_161),  # 30 of 31 days
        (Month(2026, 4), date(2026, 7, 31), date(2026, 4, 30), 450_000),
        (Month(2026, 7), date(2026, 10, 31), date(2026, 7, 31), 450_000),
    ]
    # the days of January before the cycle are billed with it
    assert found[0].covers_from == date(2026, 1, 1)


async def test_month_by_month_the_next_is_due_on_the_counters_day(database: Database) -> None:
    isp, customer_id = await someone(database)
    await isp.generate(JANUARY, at=AT)
    assert [(one.covers_from, one.due_on) for one in await foretold(isp, customer_id, 2)] == [
        (date(2026, 2, 1), date(2026, 2, 20)), (date(2026, 3, 1), date(2026, 3, 20)),
    ]  # fmt: skip


async def test_a_month_not_yet_invoiced_falls_due_today_when_its_day_is_over(database: Database) -> None:
    isp, customer_id = await someone(database)
    (found,) = await foretold(isp, customer_id, 1)
    assert (found.month, found.due_on) == (JANUARY, date(2026, 1, 25))


async def test_charges_come_with_the_first_or_alone_if_it_is_far(database: Database) -> None:
    isp, customer_id = await someone(database)
    async with isp.write(AT) as session:
        await billing_cycles.set_billing(session, customer_id, months=12, effective_from=date(2026, 1, 1))
        await charges.add(session, customer_id, kind=ChargeKind.DEVICE, description="ONT", amount=350_000, key="lost-device")
    assert [one.total for one in await foretold(isp, customer_id, 2)] == [1_800_000 + 350_000, 1_800_000]
    await isp.generate(JANUARY, at=AT)
    async with isp.write(AT) as session:
        await charges.add(session, customer_id, kind=ChargeKind.DEVICE, description="ONT", amount=350_000, key="lost-another")
    assert [(one.month, one.total) for one in await foretold(isp, customer_id, 2)] == [
        (Month(2026, 2), 350_000),
        (Month(2027, 1), 1_800_000),
    ]


async def test_an_invoice_over_charges_alone_covers_no_day(database: Database) -> None:
    isp, customer_id = await someone(database)
    async with isp.write(AT) as session:
        await customers.update(session, customer_id, active=False)
        await charges.add(session, customer_id, kind=ChargeKind.DEVICE, description="ONT", amount=350_000, key="lost-device")
    await isp.generate(JANUARY, at=AT)
    assert await isp.rows("SELECT total, covers_from < covers_until FROM invoice") == [(350_000, False)]
    async with isp.database.reading() as session:
        found = await billing_cycles.standing(session, customer_id, at=AT, scope=EVERYWHERE)
    assert (found.first_possible, list(found.covered)) == (INSTALLED, [])


async def test_nothing_comes_for_who_is_inactive_or_pays_nothing(database: Database) -> None:
    isp, customer_id = await someone(database)
    async with isp.write(AT) as session:
        await customers.update(session, customer_id, price=0)
    assert await foretold(isp, customer_id, 6) == []
    async with isp.write(AT) as session:
        await customers.update(session, customer_id, price=None, active=False)
    assert await foretold(isp, customer_id, 6) == []


async def test_an_installation_that_is_put_off_takes_the_cycle_along_and_what_follows_stays(database: Database) -> None:
    isp, _ = await someone(database)
    customer_id = await isp.customer(installed_on=date(2026, 2, 10))
    async with isp.write(AT) as session:
        await billing_cycles.set_billing(session, customer_id, months=3, effective_from=date(2026, 2, 10))
        await billing_cycles.set_billing(session, customer_id, months=6, effective_from=date(2026, 8, 1))
        await customers.update(session, customer_id, installed_on=date(2026, 4, 20))
    found = await foretold(isp, customer_id, 3)
    assert [(one.covers_from, one.covers_until) for one in found] == [
        (date(2026, 4, 20), date(2026, 7, 20)), (date(2026, 7, 20), date(2026, 8, 1)), (date(2026, 8, 1), date(2027, 2, 1)),
    ]  # fmt: skip
    told = "SELECT count(*) FROM event WHERE kind = 'customer.billing_set' AND subject_id = :id"
    assert await isp.value(told, id=customer_id) == 4, "two decisions, and both again behind the new installation"


async def test_an_installation_is_not_put_off_behind_what_is_invoiced(database: Database) -> None:
    isp, _ = await someone(database)
    customer_id = await isp.customer(installed_on=date(2026, 1, 10))
    await isp.generate(JANUARY, at=AT)
    with pytest.raises(AlreadyInvoiced) as refused:
        async with isp.write(AT) as session:
            await customers.update(session, customer_id, installed_on=date(2026, 1, 25))
    assert refused.value.facts["first"] == date(2026, 1, 10)
    async with isp.write(AT) as session:
        await customers.update(session, customer_id, installed_on=date(2026, 1, 2))


async def test_a_free_cycle_is_passed_over_and_the_next_keeps_the_anchor(database: Database) -> None:
    isp, customer_id = await someone(database)
    async with isp.write(AT) as session:
        await charges.discount(session, customer_id=customer_id, percent=Decimal(100), description="Promo", from_on=date(2026, 1, 1),
                               until_on=date(2026, 4, 1), key="free-months")  # fmt: skip
        await billing_cycles.set_billing(session, customer_id, months=3, effective_from=date(2026, 1, 1))
    found = await foretold(isp, customer_id, 2)
    assert [(one.month, one.covers_from, one.total) for one in found] == [
        (Month(2026, 4), date(2026, 4, 1), 450_000), (Month(2026, 7), date(2026, 7, 1), 450_000),
    ]  # fmt: skip
    issued = []
    for month in (JANUARY, *(JANUARY.plus(ahead) for ahead in range(1, 7))):
        if month != JANUARY:
            await isp.open(month)
        issued += [str(month)] * (await isp.generate(month, at=AT)).issued
    assert issued == ["2026-04", "2026-07"]
