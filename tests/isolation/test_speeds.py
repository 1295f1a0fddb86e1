"""Speeds: another plan, or another speed of a plan, reaches the device, for those who are active and those who are restored later."""

import os
from datetime import timedelta
from typing import Final

from sebilling.billing import customers, plans
from sebilling.billing.isolation import blocks
from sebilling.db.engine import Database
from sebilling.network import speeds
from tests.harness import Api
from tests.isolation.gear import Gear
from tests.isolation.place import Place, make

PEOPLE: Final = int(os.environ.get("SEBILLING_TEST_SPEEDS", "20"))


async def speed(place: Place, kbps: int) -> None:
    async with place.isp.write(place.now) as session:
        await plans.update(session, place.isp.plan_id, rate_down_kbps=kbps, rate_up_kbps=kbps)


async def events(place: Place) -> list[str]:
    return [row[0] for row in await place.isp.rows("SELECT data->>'key' FROM event WHERE kind = 'service_access.speed_given' ORDER BY id")]


async def test_a_plans_new_speed_reaches_everybody_who_has_it(database: Database, gear: Gear) -> None:
    place = await make(database, gear, *[f"n{number}" for number in range(PEOPLE)])
    assert list(await speeds.due(place.engine)) == [], "nothing is sent that nobody changed"
    await speed(place, 20_000)
    assert await speeds.give(place.engine, place.device_id) == PEOPLE
    assert set(gear.rates.values()) == {20_000}
    assert (len(await events(place)), list(await speeds.due(place.engine))) == (PEOPLE, [])
    await speed(place, 20_000)
    assert list(await speeds.due(place.engine)) == [], "the same speed again is no change"


async def test_who_still_waits_is_counted(committed: Database, gear: Gear) -> None:
    """By plan and by device, those who are blocked apart: they get the speed when they are restored."""
    place = await make(committed, gear, "budi", "siti")
    api = Api(committed, at=place.now)
    await api.sign_in()
    counts = "{ devices { speedsPending } plans { nodes { speedsPending } } serviceAccesses(filter: {speedPending: true}) { totalCount } }"

    async def waiting() -> list[int]:
        data = (await api.raw(counts))["data"]
        return [data["devices"][0]["speedsPending"], data["plans"]["nodes"][0]["speedsPending"], data["serviceAccesses"]["totalCount"]]

    assert await waiting() == [0, 0, 0]
    await speed(place, 20_000)
    assert await waiting() == [2, 2, 2]
    async with place.isp.write(place.now) as session:
        await blocks.block(session, place.people["siti"], reason="kabel dicuri")
    assert await waiting() == [1, 1, 2]
    assert await speeds.give(place.engine, place.device_id) == 1
    assert await waiting() == [0, 0, 1]


async def test_another_plan_reaches_the_customer(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi", "siti")
    async with place.isp.write(place.now) as session:
        fast = await plans.create(session, name="Cepat", price=250_000, rate_down_kbps=50_000, rate_up_kbps=25_000)
        await customers.update(session, place.people["budi"], plan_id=fast)
    assert await speeds.give(place.engine, place.device_id) == 1
    assert (gear.rates, await events(place)) == ({"budi": 50_000}, ["budi"])


async def test_who_is_blocked_gets_the_speed_when_they_are_back(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    await place.sweep()
    await place.work()
    await speed(place, 30_000)
    assert list(await speeds.due(place.engine)) == []
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    await place.work()
    assert await speeds.give(place.engine, place.device_id) == 1
    assert gear.rates == {"budi": 30_000}


async def test_what_fails_is_shown_and_tried_again(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi", "siti")
    del gear.profiles["siti"]
    await speed(place, 20_000)
    gear.refuses = 1
    assert await speeds.give(place.engine, place.device_id) == 0
    errors = dict(await place.isp.rows("SELECT key, error->>'en' FROM service_access"))
    assert errors == {"budi": "disk full", "siti": "no such name"}
    place.now += timedelta(minutes=1)
    assert await speeds.give(place.engine, place.device_id) == 1
    assert dict(await place.isp.rows("SELECT key, speed_pending FROM service_access")) == {"budi": False, "siti": True}
