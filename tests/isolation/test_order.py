"""Who paid is given back before anybody is cut: on a device, among devices, and if they pay while others are being cut."""

from datetime import timedelta

import pytest

from sebilling.db.engine import Database
from sebilling.network import devices
from sebilling.network.reconcile import waiting
from sebilling.plugins.contract import Job, Outcome
from tests.isolation.gear import GEARS, Gear, GearDriver
from tests.isolation.place import Place, make

MANY = GearDriver.max_batch + 2


async def both(database: Database, gear: Gear) -> tuple[Place, list[str], list[str]]:
    """More payers than a batch to be given back, and as many late ones to be cut, who have waited for longer."""
    payers, late = [f"payer-{n}" for n in range(MANY)], [f"late-{n}" for n in range(MANY)]
    place = await make(database, gear, *payers)
    await place.sweep()
    await place.work()
    assert set(gear.profiles.values()) == {"isolir"}
    for name in late:
        await place.person(name)
    await place.isp.generate()
    gear.log.clear()
    return place, payers, late


async def test_on_a_device_everybody_is_given_back_before_anybody_is_cut(database: Database, gear: Gear) -> None:
    place, payers, late = await both(database, gear)
    assert (await place.sweep()).blocked == MANY
    place.now += timedelta(minutes=1)
    for number, name in enumerate(reversed(payers)):
        await place.isp.pay(place.people[name], 150_000, at=place.now + timedelta(seconds=number))
    place.now += timedelta(minutes=1)
    await place.work()
    assert [profile == "isolir" for _, profile in gear.log] == [False] * MANY + [True] * MANY
    assert {name for name, _ in gear.log} == {*payers, *late}
    assert [name for name, _ in gear.log][:MANY] == payers[::-1], "who has waited longest comes first"


async def test_who_pays_while_others_are_cut_goes_before_the_rest(database: Database, gear: Gear, monkeypatch: pytest.MonkeyPatch) -> None:
    place, payers, _ = await both(database, gear)
    await place.sweep()
    set_one = GearDriver._set

    async def pays_meanwhile(self: GearDriver, job: Job, profile: str) -> Outcome:
        if not gear.log:
            await place.isp.pay(place.people[payers[0]], 150_000, at=place.now)
        return await set_one(self, job, profile)

    monkeypatch.setattr(GearDriver, "_set", pays_meanwhile)
    await place.work()
    order = [profile == "isolir" for _, profile in gear.log]
    assert order == [True] * GearDriver.max_batch + [False] + [True] * 2, "after the batch that was under way"


async def test_devices_on_which_someone_waits_for_their_internet_come_first(database: Database, gear: Gear) -> None:
    place, payers, _ = await both(database, gear)
    first = place.device_id
    async with place.isp.write() as session:
        config = {"gear": "two", "password": "rahasia-sekali"}
        place.device_id = await devices.create(
            session, place.engine.plugins, place.engine.vault, name="RB2", kind="test.gear", config=config
        )
    GEARS["two"] = Gear()
    await place.person("also-late")
    await place.isp.generate()
    await place.sweep()
    second = place.device_id
    assert await waiting(place.engine) == [second, first], "on both people are only cut, and the second has waited longer"
    await place.isp.pay(place.people[payers[0]], 150_000, at=place.now)
    assert await waiting(place.engine) == [first, second]
