"""Each date that is stored or compared, and whose day it is: the counter's, whatever the day is in UTC or elsewhere.

Everything is done at one instant, in each time zone: as the first day of a month begins there, and a moment before.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Date

from sebilling.actor import EVERYWHERE
from sebilling.billing import dashboard, deposits, settings
from sebilling.billing.isolation import policy, promises
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.clock import TIMEZONES
from sebilling.db.engine import Database
from sebilling.db.tables import Base
from tests.rules import steps
from tests.rules.world import FEBRUARY, MARCH, MINIMUM, World


class Day(StrEnum):
    """Whose day a column holds."""

    OF_INVOICE = "the counter's that issued the invoice"
    OF_PAYMENT = "the counter's that received the payment"
    OF_DEPOSIT = "the counter's whose cash was handed over"
    MONTH = "the first of a month, of the day of its counter"
    TERMS = "days of service and of terms, counted from days that were given"
    GIVEN = "as somebody gave it"


COLUMNS: Final = {
    "billing_cycle.effective_from": Day.GIVEN, "customer.installed_on": Day.GIVEN, "deposit.deposited_on": Day.OF_DEPOSIT,
    "deposit_correction.corrected_on": Day.OF_DEPOSIT, "deposit_decision.decided_on": Day.OF_DEPOSIT,
    "difference_settlement.settled_on": Day.OF_DEPOSIT, "daily_takings.day": Day.OF_PAYMENT,
    "discount.from_on": Day.GIVEN, "discount.until_on": Day.GIVEN,
    "invoice.covers_from": Day.TERMS, "invoice.covers_until": Day.TERMS, "invoice.due_on": Day.OF_INVOICE, "blackout_date.day": Day.GIVEN,
    "opening_balance.billed_until": Day.GIVEN, "opening_history.happened_on": Day.GIVEN, "payment.received_on": Day.OF_PAYMENT,
    "payment_promise.until_on": Day.GIVEN, "payment_reversal.reversed_on": Day.OF_PAYMENT, "period.month": Day.GIVEN,
    "receipt.month": Day.MONTH, "receipt_series.month": Day.MONTH, "refund.refunded_on": Day.OF_PAYMENT,
    "refund_reversal.reversed_on": Day.OF_PAYMENT, "service_access.block_on": Day.TERMS, "settlement_reversal.reversed_on": Day.OF_DEPOSIT,
    "suspension.from_on": Day.GIVEN, "suspension.until_on": Day.GIVEN,
    "write_off.written_off_on": Day.OF_INVOICE, "write_off_reversal.reversed_on": Day.OF_INVOICE,
}  # fmt: skip
"""Every column that holds a date. A new one is put here, with its rule, and if the day is a counter's a way to write it into DOING."""
COUNTERS_OWN: Final = (Day.OF_INVOICE, Day.OF_PAYMENT, Day.OF_DEPOSIT, Day.MONTH)
FIRST: Final = date(2026, 3, 1)
MOMENT: Final = timedelta(microseconds=1)
Doing = Callable[[World, datetime], Awaitable[None]]


def midnight(zone: str) -> datetime:
    """When 1 March begins there."""
    return datetime.combine(FIRST, time(), ZoneInfo(zone)).astimezone(UTC)


async def _receive(world: World, at: datetime) -> None:
    await world.pay(300_000, at=at)


async def _reverse(world: World, at: datetime) -> None:
    await world.pay(300_000)
    await world.do(lambda session: steps.reverse_payment(world, session), at=at)


async def _refund(world: World, at: datetime) -> None:
    await world.pay(350_000)
    await world.do(lambda session: steps.refund(world, session), by="kasir", at=at)


async def _reverse_refund(world: World, at: datetime) -> None:
    await world.pay(350_000)
    await world.do(lambda session: steps.refund(world, session), by="kasir")
    world.made["refund"] = await world.newest("refund")
    await world.do(lambda session: steps.reverse_refund(world, session), at=at)


async def _write_off(world: World, at: datetime) -> None:
    await world.do(lambda session: steps.write_off("2026-02")(world, session), at=at)


async def _reverse_write_off(world: World, at: datetime) -> None:
    await steps.written_off("2026-02")(world)
    await world.do(lambda session: steps.reverse_write_off("2026-02")(world, session), at=at)


async def _submit(world: World, at: datetime) -> None:
    await world.pay(300_000)
    await world.submit(250_000, at=at)


async def _verify(world: World, at: datetime) -> None:
    deposit_id = await world.submit(250_000)
    await world.do(lambda session: deposits.verify(session, deposit_id, key=world.key()), at=at)


async def _correct(world: World, at: datetime) -> None:
    await world.hand_in(250_000)
    await world.do(lambda session: steps.correct_deposit(240_000)(world, session), at=at)


async def _settle(world: World, at: datetime) -> None:
    await steps.handed_in(240_000)(world)
    await world.do(lambda session: steps.settle("SHORTAGE")(world, session), at=at)


async def _reverse_settlement(world: World, at: datetime) -> None:
    await steps.settled_shortage(world)
    await world.do(lambda session: steps.reverse_settlement(world, session), at=at)


async def _void(world: World, at: datetime) -> None:
    await world.do(lambda session: steps.void("2026-01")(world, session), at=at)


async def _issue_late(world: World, at: datetime) -> None:
    """February's invoice again, after its due day: it is due on the day of its issue."""
    await world.do(lambda session: steps.void("2026-02")(world, session))
    await world.isp.generate(FEBRUARY, at=at, counters=[world.isp.counters["TIMUR"]])


DOING: Final[dict[str, Doing]] = {
    "daily_takings.day": _receive, "payment.received_on": _receive,
    "receipt.month": _receive, "receipt_series.month": _receive,
    "payment_reversal.reversed_on": _reverse, "refund.refunded_on": _refund, "refund_reversal.reversed_on": _reverse_refund,
    "write_off.written_off_on": _write_off, "write_off_reversal.reversed_on": _reverse_write_off, "deposit.deposited_on": _submit,
    "deposit_decision.decided_on": _verify, "deposit_correction.corrected_on": _correct, "difference_settlement.settled_on": _settle,
    "settlement_reversal.reversed_on": _reverse_settlement, "invoice.due_on": _issue_late,
}  # fmt: skip
"""How a day of a counter is written, by the last row of the column's table."""
ORDER: Final = {"daily_takings": "day", "receipt": "payment_id",
                "receipt_series": "month", "payment_reversal": "payment_id", "refund_reversal": "refund_id",
                "deposit_decision": "deposit_id", "settlement_reversal": "settlement_id", "write_off_reversal": "write_off_id"}  # fmt: skip


def test_every_date_has_its_rule() -> None:
    there = {f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.c if isinstance(column.type, Date)}
    assert there == COLUMNS.keys()
    assert DOING.keys() == {name for name, whose in COLUMNS.items() if whose in COUNTERS_OWN}


@pytest.mark.parametrize("zone", TIMEZONES)
@pytest.mark.parametrize("name", DOING)
async def test_a_date_is_the_counters_own_day(database: Database, name: str, zone: str) -> None:
    """Done as the day begins; then once more in another world, a moment before."""
    table, _, column = name.partition(".")
    for ago, day in ((MOMENT, FIRST - timedelta(days=1)), (timedelta(), FIRST)):
        world = await World.make(database, zone)
        await DOING[name](world, midnight(zone) - ago)
        last = f"SELECT {column} FROM {table} ORDER BY {ORDER.get(table, 'id')} DESC LIMIT 1"
        assert await world.isp.value(last) == (day.replace(day=1) if COLUMNS[name] is Day.MONTH else day)
        await database.connection.rollback()  # type: ignore[attr-defined]
        await database.connection.begin()  # type: ignore[attr-defined]


@pytest.mark.parametrize("zone", TIMEZONES)
async def test_the_dashboard_is_of_the_counters_day_and_month(database: Database, zone: str) -> None:
    world, begins = await World.make(database, zone), midnight(zone)
    await world.pay(100_000, at=begins - MOMENT)
    await world.pay(50_000, name="today", at=begins)
    timur = world.isp.counters["TIMUR"]

    async def read(at: datetime) -> tuple[date, int, int, int, int]:
        async with database.reading() as session:
            (one,) = [one for one in await dashboard.read(session, at=at, scope=EVERYWHERE) if one.counter_id == timur]
        return one.day, one.received_today, one.payments_today, one.received_this_month, one.payments_this_month

    assert await read(begins - MOMENT) == (FIRST - timedelta(days=1), 100_000, 1, 100_000, 1)
    assert await read(begins) == (FIRST, 50_000, 1, 50_000, 1)
    assert await read(begins + timedelta(days=1)) == (FIRST + timedelta(days=1), 0, 0, 50_000, 1)
    assert await read(begins + timedelta(days=1) - MOMENT) == (FIRST, 50_000, 1, 50_000, 1)


@pytest.mark.parametrize("zone", TIMEZONES)
async def test_somebody_is_late_from_the_counters_midnight_on(database: Database, zone: str) -> None:
    """The invoice of 5 February and 24 days are 1 March: blocked as that day begins, not a moment before."""
    world, begins = await World.make(database, zone), midnight(zone)
    await world.pay(150_000)  # January's
    await world.do(lambda session: policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=24, minimum=MINIMUM))
    wanted = "SELECT desired FROM service_access WHERE key = 'late'"
    await world.sweep(begins - MOMENT)
    assert await world.isp.value(wanted) == "ACTIVE"
    await world.sweep(begins)
    assert await world.isp.value(wanted) == "BLOCKED"
    await world.pay(1, name="little", at=begins)
    assert await world.isp.value(wanted) == "BLOCKED", "who is late since today isn't given back"


@pytest.mark.parametrize("zone", TIMEZONES)
async def test_a_day_on_which_nobody_is_blocked_is_the_counters(database: Database, zone: str) -> None:
    world, begins = await World.make(database, zone), midnight(zone)
    await world.do(lambda session: steps.promise(world, session))
    await world.do(lambda session: promises.record(session, world.people["late"], until_on=FIRST - timedelta(days=1), reason="gajian"))
    await world.do(lambda session: policy.add_blackout_date(session, FIRST, reason="libur"))
    wanted = "SELECT desired FROM service_access WHERE key = 'late'"
    for at in (begins, begins + timedelta(days=1) - MOMENT):
        await world.sweep(at)
        assert await world.isp.value(wanted) == "ACTIVE"
    await world.sweep(begins + timedelta(days=1))
    assert await world.isp.value(wanted) == "BLOCKED"


@pytest.mark.parametrize("zone", TIMEZONES)
async def test_a_void_stands_in_the_newest_month_that_has_begun_at_the_counter(database: Database, zone: str) -> None:
    for ago, month in ((MOMENT, "2026-02"), (timedelta(), "2026-03")):
        world = await World.make(database, zone)
        await steps.closed("2026-01")(world)
        await _void(world, midnight(zone) - ago)
        dated = "SELECT to_char(month, 'YYYY-MM') FROM invoice_void JOIN period ON period.id = period_id"
        assert await world.isp.value(dated) == month
        await database.connection.rollback()  # type: ignore[attr-defined]
        await database.connection.begin()  # type: ignore[attr-defined]


@pytest.mark.parametrize("zone", TIMEZONES)
async def test_a_late_fee_is_due_from_the_counters_midnight_on(database: Database, zone: str) -> None:
    """February's invoice was due on the 20th; 8 days later is the 28th, and the fee comes when that is over."""
    for ago, fees in ((MOMENT, 1), (timedelta(), 2)):  # January's anyway
        world = await World.make(database, zone)
        await world.do(lambda session: settings.change(session, late_fee=5_000, late_fee_after_days=8))
        await world.isp.generate(MARCH, at=midnight(zone) - ago, counters=[world.isp.counters["TIMUR"]])
        assert await world.isp.value("SELECT count(*) FROM charge WHERE kind = 'LATE_FEE'") == fees
        await database.connection.rollback()  # type: ignore[attr-defined]
        await database.connection.begin()  # type: ignore[attr-defined]
