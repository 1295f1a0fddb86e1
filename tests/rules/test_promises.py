"""Which of several promises holds: the newest, also if it is shorter; up to and on its day, by the clock of the customer's counter."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from sebilling.actor import EVERYWHERE
from sebilling.billing.isolation import forecast, promises
from sebilling.clock import TIMEZONES
from sebilling.db.engine import Database
from sebilling.errors import InvalidDate
from tests.rules.steps import reverse_payment
from tests.rules.world import EAST, World

PROMISED_ON = date(2026, 2, 25)
MOMENT = timedelta(microseconds=1)


def midnight(day: date, zone: str = EAST) -> datetime:
    """When the day begins there."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


async def promise(world: World, until_on: date, *, at: datetime | None = None) -> None:
    moment = at or midnight(PROMISED_ON)
    await world.do(lambda session: promises.record(session, world.people["late"], until_on=until_on, reason="gajian"), at=moment)


async def wanted(world: World) -> str:
    return str(await world.isp.value("SELECT desired FROM service_access WHERE key = 'late'"))


async def block_on(world: World) -> date | None:
    async with world.isp.database.reading() as session:
        upcoming = await forecast.of_customer(session, world.people["late"], scope=EVERYWHERE)
    return None if upcoming is None else upcoming.block_on


@pytest.mark.parametrize("zone", TIMEZONES)
async def test_a_promise_holds_on_its_day_and_no_longer(database: Database, zone: str) -> None:
    world = await World.make(database, zone)
    await promise(world, date(2026, 2, 28), at=midnight(PROMISED_ON, zone))
    assert await wanted(world) == "ACTIVE"
    assert await block_on(world) == date(2026, 3, 1)
    await world.sweep(midnight(date(2026, 3, 1), zone) - MOMENT)
    assert await wanted(world) == "ACTIVE"
    await world.sweep(midnight(date(2026, 3, 1), zone))
    assert await wanted(world) == "BLOCKED"


@pytest.mark.parametrize("zone", TIMEZONES)
@pytest.mark.parametrize("moment", [timedelta(), timedelta(days=1) - MOMENT], ids=["as-the-day-begins", "as-it-ends"])
async def test_a_promise_is_for_a_day_from_today_on_by_the_counters_clock(database: Database, zone: str, moment: timedelta) -> None:
    world = await World.make(database, zone)
    at = midnight(PROMISED_ON, zone) + moment
    for refused in (PROMISED_ON - timedelta(days=1), PROMISED_ON + timedelta(days=61)):
        with pytest.raises(InvalidDate):
            await promise(world, refused, at=at)
    for taken in (PROMISED_ON, PROMISED_ON + timedelta(days=60)):
        await promise(world, taken, at=at)


@pytest.mark.parametrize(
    ("first", "second"), [(date(2026, 3, 20), date(2026, 2, 27)), (date(2026, 2, 27), date(2026, 3, 20))], ids=["shorter", "longer"]
)
async def test_the_newest_promise_holds_shorter_or_longer(database: Database, first: date, second: date) -> None:
    world = await World.make(database)
    await promise(world, first)
    await promise(world, second)
    assert await block_on(world) == second + timedelta(days=1)
    await world.sweep(midnight(second))
    assert await wanted(world) == "ACTIVE"
    await world.sweep(midnight(second + timedelta(days=1)))
    assert await wanted(world) == "BLOCKED"


async def test_a_second_promise_restores_who_was_blocked_after_the_first(database: Database) -> None:
    world = await World.make(database)
    await promise(world, PROMISED_ON)
    await world.sweep(midnight(PROMISED_ON + timedelta(days=1)))
    assert await wanted(world) == "BLOCKED"
    await promise(world, PROMISED_ON + timedelta(days=2), at=midnight(PROMISED_ON + timedelta(days=1)))
    assert await wanted(world) == "ACTIVE"


async def test_a_promise_that_has_expired_holds_for_no_later_debt_and_no_payment(database: Database) -> None:
    """It had ended when Budi paid a part: what is left is the policy's to judge, not the promise's."""
    world = await World.make(database)
    await promise(world, PROMISED_ON)
    later = midnight(PROMISED_ON + timedelta(days=1))
    await world.sweep(later)
    await world.pay(150_000, at=later)
    assert await wanted(world) == "BLOCKED"
    await world.pay(50_001, at=later)
    assert await wanted(world) == "ACTIVE"


async def test_a_promise_of_somebody_who_is_not_late_yet_holds_when_they_are(database: Database) -> None:
    """Budi pays, promises, and then the payment turns out to be none: the promise was made before the block."""
    world = await World.make(database)
    await world.pay(300_000)
    await promise(world, date(2026, 3, 3), at=midnight(PROMISED_ON))
    await world.do(lambda session: reverse_payment(world, session))
    await world.sweep(midnight(date(2026, 3, 3)))
    assert await wanted(world) == "ACTIVE"
    await world.sweep(midnight(date(2026, 3, 4)))
    assert await wanted(world) == "BLOCKED"


async def test_somebody_elses_promise_is_none_of_budis(database: Database) -> None:
    world = await World.make(database)
    neighbour, day = world.people["neighbour"], date(2026, 3, 20)
    await world.do(lambda session: promises.record(session, neighbour, until_on=day, reason="gajian"))
    assert await wanted(world) == "BLOCKED"
    await promise(world, PROMISED_ON)
    await world.do(lambda session: promises.record(session, neighbour, until_on=day, reason="gajian lagi"), at=midnight(day))
    assert await block_on(world) == PROMISED_ON + timedelta(days=1)
