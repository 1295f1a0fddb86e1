"""Looks: what was undone on the gear is found and put right, or reported; and what a person does about it."""

import io
import os
from datetime import timedelta
from typing import Final

import pytest
from rich.console import Console
from sqlalchemy import text

from sebilling.billing import settings
from sebilling.billing.settings import DriftAction
from sebilling.cli.isolation import recover
from sebilling.db.engine import Database
from sebilling.device_errors import AccessInUse, InvalidDevice
from sebilling.errors import AlreadyExists
from sebilling.network import accesses, health, looks
from sebilling.network.looks import Found
from sebilling.network.reconcile import work_one
from tests.isolation.gear import Gear
from tests.isolation.place import Place, make

RECOVERED: Final = int(os.environ.get("SEBILLING_TEST_RECOVERED", "18"))
"""Customers of the restored database."""


async def look(place: Place) -> Found | None:
    return await looks.look_at(place.engine, place.device_id)


async def kinds(place: Place) -> list[str]:
    rows = await place.isp.rows("SELECT kind FROM event WHERE kind LIKE 'customer.%blocked' OR kind LIKE 'customer.restored'"
                                " OR kind = 'isolation.drift_found' ORDER BY id")  # fmt: skip
    return [row[0] for row in rows]


async def blocked(database: Database, gear: Gear, *names: str) -> Place:
    """Everybody is late and blocked."""
    place = await make(database, gear, *names)
    async with place.isp.write(place.now) as session:
        await settings.change(session, mass_block_percent=100)  # that everybody is late isn't what is tested
    await place.sweep()
    await place.work()
    assert {gear.profiles[name] for name in names} == {"isolir"}
    return place


async def choose(place: Place, action: DriftAction) -> None:
    async with place.isp.write(place.now) as session:
        await settings.change(session, drift_action=action.value)


async def test_who_was_unblocked_by_hand_is_blocked_again(database: Database, gear: Gear) -> None:
    place = await blocked(database, gear, "budi", "siti")
    gear.profiles["budi"] = "home-budi"
    assert await look(place) == Found(read=2, out_of_sync=1, put_right=1)
    await place.work()
    assert gear.profiles == {"budi": "isolir", "siti": "isolir"}
    assert await kinds(place) == ["customer.blocked", "customer.blocked", "isolation.drift_found", "customer.blocked"]
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    await place.work()
    assert gear.profiles["budi"] == "home-budi", "as before the first block"


async def test_it_is_only_reported_where_the_isp_wants_it_so(database: Database, gear: Gear) -> None:
    place = await blocked(database, gear, "budi")
    await choose(place, DriftAction.REPORT)
    gear.profiles["budi"] = "home-budi"
    assert await look(place) == Found(1, 1, 0)
    await place.work()
    assert (gear.profiles["budi"], await place.access("budi")) == ("home-budi", ("BLOCKED", "ACTIVE"))
    assert await look(place) == Found(1, 1, 0)
    assert (await kinds(place)).count("isolation.drift_found") == 1, "it is told once"


async def test_what_a_hand_set_to_a_third_value_and_what_is_gone_is_reported(database: Database, gear: Gear) -> None:
    place = await blocked(database, gear, "budi", "siti")
    del gear.profiles["siti"]
    assert await look(place) == Found(2, 1, 0)
    assert await place.access("siti") == ("BLOCKED", "ABSENT")
    assert "no such account" in await place.isp.value("SELECT error->>'en' FROM service_access WHERE key = 'siti'")


async def test_who_is_blocked_on_the_device_and_owes_nothing_is_reported_or_restored(database: Database, gear: Gear) -> None:
    """As after a router was restored from its own old backup."""
    place = await blocked(database, gear, "budi")
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    await place.work()
    gear.profiles["budi"] = "isolir"
    assert await look(place) == Found(1, 1, 0)
    await place.work()
    assert (gear.profiles["budi"], await place.access("budi")) == ("isolir", ("ACTIVE", "BLOCKED"))
    await choose(place, DriftAction.ENFORCE)
    assert await look(place) == Found(1, 1, 1)
    await place.work()
    assert (gear.profiles["budi"], await place.access("budi")) == ("home-budi", ("ACTIVE", "ACTIVE"))
    assert await kinds(place) == ["customer.blocked", "customer.restored", "isolation.drift_found", "customer.restored"]


async def test_a_device_that_knows_nobody_changes_nothing(database: Database, gear: Gear) -> None:
    """It was reset, or it is another one: that is the device's problem, and not that of each customer."""
    place = await blocked(database, gear, *"abcdefgh")
    gear.profiles.clear()
    assert await look(place) is None
    assert await place.isp.value("SELECT count(*) FROM service_access WHERE actual = 'BLOCKED'") == 8
    assert "doesn't know 8 of 8" in await place.isp.value("SELECT problems->0->>'en' FROM device")


async def test_a_device_is_looked_at_every_ten_minutes_and_when_it_comes_back(database: Database, gear: Gear) -> None:
    place = await blocked(database, gear, "budi")
    gear.uptime = 5_000.0
    await health.probe(place.engine, place.device_id)
    await look(place)
    assert list(await looks.due(place.engine)) == []
    place.now += timedelta(minutes=10)
    assert list(await looks.due(place.engine)) == [place.device_id]
    reads = gear.reads
    await look(place)
    assert (gear.reads - reads, list(await looks.due(place.engine))) == (1, []), "one bulk read"
    gear.uptime = 20.0
    await health.probe(place.engine, place.device_id)
    assert list(await looks.due(place.engine)) == [place.device_id], "it was started again"
    await look(place)
    gear.unreachable = True
    await health.probe(place.engine, place.device_id)
    gear.unreachable = False
    await health.probe(place.engine, place.device_id)
    assert list(await looks.due(place.engine)) == [place.device_id], "it was away"


async def test_whose_session_is_still_up_isnt_shown_as_blocked(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    gear.lingering.add("budi")
    await place.sweep()
    with pytest.raises(AssertionError, match="come to rest"):
        await place.work()
    assert (gear.profiles["budi"], await place.access("budi")) == ("isolir", ("BLOCKED", "ACTIVE"))
    assert await kinds(place) == []
    assert "still online" in await place.isp.value("SELECT error->>'en' FROM service_access")
    gear.lingering.clear()
    await place.work()
    assert (await place.access("budi"), await kinds(place)) == (("BLOCKED", "BLOCKED"), ["customer.blocked"])


async def test_what_a_device_cant_tell_is_no_success(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    gear.dumb = True
    await place.sweep()
    with pytest.raises(AssertionError, match="come to rest"):
        await place.work()
    assert (await place.access("budi"), await kinds(place)) == (("BLOCKED", "UNKNOWN"), [])


async def test_who_was_blocked_before_us_isnt_told_that_they_are_back(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    gear.profiles["budi"] = "isolir"
    await place.sweep()
    await place.work()
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    await place.work()
    assert (gear.profiles["budi"], await place.access("budi")) == ("isolir", ("ACTIVE", "BLOCKED"))
    assert (await kinds(place))[-1] == "customer.left_blocked"
    access_id = await place.isp.value("SELECT id FROM service_access")
    async with place.isp.write(place.now) as session:
        await accesses.retry(session, access_id, reclaim=True)
    await place.work()
    assert (gear.profiles["budi"], await place.access("budi")) == ("home-budi", ("ACTIVE", "ACTIVE"))
    assert (await kinds(place))[-1] == "customer.restored"


async def test_a_wrong_key_waits_for_hours_until_it_is_corrected(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    gear.profiles = {"budi2": "home-budi2"}
    begun = place.now
    await place.sweep()
    sessions = 0
    for _ in range(24 * 60):
        if await looks.due(place.engine):
            await look(place)
        if await work_one(place.engine):
            sessions += 1
        place.now += timedelta(minutes=1)
    assert sessions < 20, f"{sessions} sessions in a day for one wrong key"
    assert place.now - begun == timedelta(days=1)
    assert await place.access("budi") == ("BLOCKED", "ABSENT")
    access_id = await place.isp.value("SELECT id FROM service_access")
    async with place.isp.write(place.now) as session:
        await accesses.change_key(session, place.engine.plugins, access_id, key="budi2")
    assert await work_one(place.engine), "at once"
    assert (gear.profiles["budi2"], await place.access("budi2")) == ("isolir", ("BLOCKED", "BLOCKED"))


async def test_an_access_that_the_device_doesnt_have_can_be_removed(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    gear.profiles.clear()
    await place.sweep()
    await work_one(place.engine)
    access_id = await place.isp.value("SELECT id FROM service_access")
    async with place.isp.write(place.now) as session:
        await accesses.take(session, access_id)
    assert await place.isp.value("SELECT count(*) FROM service_access") == 0


async def test_a_blocked_access_is_removed_only_by_force(database: Database, gear: Gear) -> None:
    place = await blocked(database, gear, "budi")
    access_id = await place.isp.value("SELECT id FROM service_access")
    async with place.isp.write(place.now) as session:
        with pytest.raises(AccessInUse):
            await accesses.take(session, access_id)
        with pytest.raises(AccessInUse):
            await accesses.change_key(session, place.engine.plugins, access_id, key="other")
        await accesses.take(session, access_id, force=True)
    assert await place.isp.value("SELECT data->>'actual' FROM event WHERE kind = 'service_access.taken'") == "BLOCKED"


async def test_a_key_has_one_spelling(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi", "siti")

    async def give(key: str, device_id: int) -> None:
        async with place.isp.write(place.now) as session:
            await accesses.give(
                session, place.engine.plugins, customer_id=place.people["siti"], device_id=device_id, service_kind="PPPOE", key=key
            )

    with pytest.raises(AlreadyExists):
        await give("BUDI", place.device_id)
    with pytest.raises(InvalidDevice, match="no spaces"):
        await give("bu di", place.device_id)


async def test_after_yesterdays_database_everybody_is_as_they_should_be(database: Database, gear: Gear) -> None:
    """Since the backup some were blocked, and one of those who were blocked has paid: the router knows, the database doesn't."""
    names = [f"n{number}" for number in range(RECOVERED)]
    place = await blocked(database, gear, *names)
    third = RECOVERED // 3
    paid, owing, never = names[:third], names[third : 2 * third], names[2 * third :]
    lost = [place.people[name] for name in paid + never]
    for customer_id in lost:
        await place.isp.pay(customer_id, 150_000, at=place.now)
    await place.work()
    # the backup: `paid` were free of debt and open, and were blocked later for something that was settled before the backup;
    # `owing` were late and not yet blocked; `never` weren't touched
    for name in paid:
        gear.profiles[name] = "isolir"
    async with place.isp.write(place.now) as session:
        await session.execute(text(
            "UPDATE service_access SET desired = 'ACTIVE', block_reason = NULL, block_on = NULL, block_amount = NULL,"
            " block_invoice_id = NULL,"
            " snapshot = NULL, actual = 'UNKNOWN', observed_generation = desired_generation WHERE key = ANY (:keys)"
        ), {"keys": owing})  # fmt: skip
        before = await session.only_value(text("SELECT max(id) FROM event"), {}, kind=int)
    out = Console(file=io.StringIO(), width=200)
    assert await recover(place.engine, out, out) == 0
    assert {name: gear.profiles[name] for name in paid + never} == {name: f"home-{name}" for name in paid + never}
    assert {gear.profiles[name] for name in owing} == {"isolir"}
    rows = await place.isp.rows(
        "SELECT key FROM event JOIN service_access ON service_access.id = subject_id"
        " WHERE kind = 'customer.restored' AND event.id > :before",
        before=before,
    )
    assert sorted(row[0] for row in rows) == sorted(paid), "told only to those who are back"
    for name in owing:
        await place.isp.pay(place.people[name], 150_000, at=place.now)
    await place.work()
    assert {gear.profiles[name] for name in owing} == {f"home-{name}" for name in owing}, "though how they were before was lost"


async def test_what_is_refused_for_good_isnt_hurried_by_looks(database: Database, gear: Gear) -> None:
    """A look finds the customer active, which is no news: the block has failed, and waits for hours."""
    place = await make(database, gear, "budi")
    gear.forbids.add("budi")
    await place.sweep()
    sessions = 0
    for _ in range(24 * 60):
        if await looks.due(place.engine):
            await look(place)
        sessions += await work_one(place.engine)
        place.now += timedelta(minutes=1)
    assert sessions < 20, f"{sessions} sessions in a day for one refusal"
