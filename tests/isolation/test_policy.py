"""On which day someone is cut: the view against the rule, said once more in Python."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sebilling.actor import EVERYWHERE
from sebilling.billing import settings as settings_of_isp
from sebilling.billing.isolation import forecast, policy, promises
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import Isp
from tests.money.model import months_between, months_later

JAKARTA = ZoneInfo("Asia/Jakarta")


def block_on(
    *, mode: IsolationMode, days: int, minimum: int, installed: date, owed: list[tuple[date, date, int]], promised: date | None,
    kept: set[date],
) -> date | None:  # fmt: skip
    """`owed` holds the day of issue, the due date and the outstanding amount of each invoice."""
    if mode is IsolationMode.MANUAL:
        return None
    found, total = None, 0
    for day, amount in sorted((FIRST[mode](installed, issued, due) + timedelta(days=days), amount) for issued, due, amount in owed):
        total += amount
        if total >= minimum and found is None:
            found = day
    if found is None:
        return None
    if promised is not None:
        found = max(found, promised + timedelta(days=1))
    while found in kept:
        found += timedelta(days=1)
    return found


def _of_due_date(_installed: date, _issued: date, due: date) -> date:
    return due


def _of_invoice(_installed: date, issued: date, _due: date) -> date:
    return issued


def _of_installation(installed: date, issued: date, _due: date) -> date:
    months = months_between(installed, issued)
    monthly = months_later(installed, months)
    return monthly if monthly >= issued else months_later(installed, months + 1)


FIRST: Final = {
    IsolationMode.FROM_DUE_DATE: _of_due_date,
    IsolationMode.FROM_INVOICE: _of_invoice,
    IsolationMode.FROM_INSTALL_DATE: _of_installation,
}
"""Mode → the day from which days are counted, by the days of the installation and of issue, and the due date."""
DUE_DAY: Final = 20


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mode=st.sampled_from(IsolationMode), days=st.integers(0, 40), minimum=st.sampled_from((1, 100_000, 200_000, 400_000)),
    installed=st.dates(date(2025, 1, 1), date(2025, 12, 31)), issued=st.lists(st.integers(0, 27), min_size=1, max_size=3),
    paid=st.integers(0, 300_000), promised=st.none() | st.integers(0, 50), kept=st.sets(st.integers(0, 90), max_size=20),
)  # fmt: skip
async def test_the_day_is_what_the_rule_says(
    database: Database, *, mode: IsolationMode, days: int, minimum: int, installed: date, issued: list[int], paid: int,
    promised: int | None, kept: set[int],
) -> None:  # fmt: skip
    connection = database.connection  # type: ignore[attr-defined]
    await connection.rollback()
    await connection.begin()
    isp = await Isp.make(database)
    customer_id = await isp.customer(installed_on=installed)
    owed: list[tuple[date, date, int]] = []
    for number, day in enumerate(issued):
        month = Month(2026, 1).plus(number)
        at = datetime(month.year, month.number, 1, 17, 30, tzinfo=UTC) + timedelta(days=day)  # half past midnight of the next day
        await isp.open(month)
        await isp.generate(month, at=at)
        issued_on = at.astimezone(JAKARTA).date()
        owed.append((issued_on, max(issued_on, month.first.replace(day=DUE_DAY)), 150_000))
    if paid:
        await isp.pay(customer_id, paid, at=datetime(2026, 4, 1, tzinfo=UTC))
    rows = await isp.rows("SELECT outstanding FROM invoice ORDER BY id")
    owed = [(issued_on, due_on, outstanding) for (issued_on, due_on, _), (outstanding,) in zip(owed, rows, strict=True) if outstanding]
    at = datetime(2026, 4, 1, 2, 0, tzinfo=UTC)
    until = None if promised is None else date(2026, 4, 1) + timedelta(days=promised)
    keeping = {date(2026, 3, 20) + timedelta(days=offset) for offset in kept}
    async with isp.write(at) as session:
        await policy.set_policy(session, mode=mode, days=days, minimum=minimum)
        if until is not None:
            await promises.record(session, customer_id, until_on=until, reason="gajian")
        for kept_day in keeping:
            await policy.add_blackout_date(session, kept_day, reason="libur")
    async with database.reading() as session:
        found = await forecast.of_customer(session, customer_id, scope=EVERYWHERE)
    assert (None if found is None else found.block_on) == block_on(
        mode=mode, days=days, minimum=minimum, installed=installed, owed=owed,
        promised=until, kept=keeping,
    )  # fmt: skip


async def test_nobody_is_blocked_for_service_that_has_not_begun(database: Database) -> None:
    """Installed on 28 March and invoiced on 1 March: the seven days count from the 28th."""
    isp = await Isp.make(database)
    customer_id = await isp.customer(installed_on=date(2026, 3, 28))
    async with isp.write() as session:
        await settings_of_isp.change(session, prorate_first_month=True)
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=7)
    await isp.open(Month(2026, 3))
    await isp.generate(Month(2026, 3), at=datetime(2026, 3, 1, 3, 0, tzinfo=UTC))
    async with database.reading() as session:
        upcoming = await forecast.of_customer(session, customer_id, scope=EVERYWHERE)
    assert upcoming is not None
    assert upcoming.block_on == date(2026, 4, 4)


async def test_the_database_knows_the_modes_of_the_code_and_no_other(database: Database) -> None:
    isp = await Isp.make(database)
    for mode in IsolationMode:
        async with isp.write() as session:
            await policy.set_policy(session, mode=mode, days=7)
    with pytest.raises(DBAPIError, match="isolation_policy_mode_check"):
        async with isp.write() as session:
            await session.execute(text("UPDATE isolation_policy SET mode = 'SOMETIMES'"))


async def test_the_isps_policy_can_not_vanish(database: Database) -> None:
    """Without it nobody would be overdue, and everybody who is blocked would be restored."""
    isp = await Isp.make(database)
    for statement in ("DELETE FROM isolation_policy", "TRUNCATE isolation_policy"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with isp.write() as session:
                await session.execute(text(statement))


async def test_a_customers_policy_goes_before_the_counters_and_that_before_the_isps(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate(at=datetime(2026, 2, 1, 3, 0, tzinfo=UTC))

    async def cut() -> date | None:
        async with database.reading() as session:
            upcoming = await forecast.of_customer(session, customer_id, scope=EVERYWHERE)
        return None if upcoming is None else upcoming.block_on

    assert await cut() is None, "until the ISP decides, nobody is cut"
    for given_to, days in (({}, 10), ({"counter_id": isp.counters["LKT01"]}, 20), ({"customer_id": customer_id}, 5)):
        async with isp.write() as session:
            await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=days, **given_to)
        assert await cut() == date(2026, 2, 1) + timedelta(days=days)
    async with isp.write() as session:
        await policy.forget_policy(session, customer_id=customer_id)
    assert await cut() == date(2026, 2, 21)
