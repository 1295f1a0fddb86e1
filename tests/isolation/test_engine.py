"""The engine: late customers are cut and payers given back, exactly as it was, whatever the gear does."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import text

from sebilling.billing import customers
from sebilling.billing.isolation import blocks, holds, policy, promises
from sebilling.billing.isolation.sweep import Decided
from sebilling.db.engine import Database
from sebilling.errors import StillOverdue
from sebilling.jobs.plugin_context import PluginContext
from sebilling.network.reconcile import work_one
from tests.isolation.gear import Gear
from tests.isolation.place import LATE, make


async def test_who_is_made_inactive_stays_blocked_until_they_pay(database: Database, gear: Gear) -> None:
    """An inactive customer gets no invoices any more; what they owe they owe. It gave them the internet back, unpaid."""
    place = await make(database, gear, "budi")
    assert await place.sweep() == Decided(1, 0)
    await place.work()
    async with place.isp.write(place.now) as session:
        await customers.update(session, place.people["budi"], active=False)
    assert await place.sweep() == Decided(0, 0)
    await place.work()
    assert (await place.access("budi"), gear.profiles["budi"]) == (("BLOCKED", "BLOCKED"), "isolir")
    await place.isp.pay(place.people["budi"], 149_999, at=place.now)
    assert await place.sweep() == Decided(0, 0)
    await place.isp.pay(place.people["budi"], 1, at=place.now)
    await place.work()
    assert gear.profiles["budi"] == "home-budi"


async def test_who_is_inactive_before_the_engine_gets_there_is_blocked_all_the_same(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    assert await place.sweep() == Decided(1, 0)
    async with place.isp.write(place.now) as session:
        await customers.update(session, place.people["budi"], active=False)
    await place.work()
    assert gear.profiles["budi"] == "isolir"


async def test_who_is_late_is_cut_and_who_pays_is_back_as_they_were(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi", "siti")
    place.now = LATE - timedelta(days=2)
    assert await place.sweep() == Decided(0, 0), "ten days aren't over"
    place.now = LATE
    assert await place.sweep() == Decided(2, 0)
    await place.work()
    assert gear.profiles == {"budi": "isolir", "siti": "isolir"}
    assert await place.access("budi") == ("BLOCKED", "BLOCKED")
    await place.isp.pay(place.people["budi"], 149_999, at=place.now)
    await place.work()
    assert gear.profiles["budi"] == "isolir", "one rupiah is owed"
    await place.isp.pay(place.people["budi"], 1, at=place.now)
    assert (await place.access("budi"))[0] == "ACTIVE", "wanted in the payment's own transaction"
    await place.work()
    assert gear.profiles == {"budi": "home-budi", "siti": "isolir"}
    assert await place.access("budi") == ("ACTIVE", "ACTIVE")
    assert await place.sweep() == Decided(0, 0)
    kinds = await place.isp.rows("SELECT kind FROM event WHERE kind LIKE 'customer.%ed' AND subject = 'service_access' ORDER BY id")
    assert [row[0] for row in kinds] == ["customer.blocked", "customer.blocked", "customer.restored"]


async def test_who_pays_between_the_decision_and_the_deed_is_never_cut(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi", "siti")
    await place.sweep()
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    await place.work()
    assert gear.log == [("siti", "isolir")], "Budi's access was never touched"
    assert await place.access("budi") == ("ACTIVE", "ACTIVE")


async def test_a_wish_that_is_stale_is_looked_at_again_under_lock(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    async with place.isp.write(place.now) as session:  # as if the sweep had read before the payment committed
        await session.execute(
            text(
                "UPDATE service_access SET desired = 'BLOCKED', desired_generation = desired_generation + 1, block_reason = 'OVERDUE',"
                " block_on = '2026-02-13', block_amount = 150000, block_invoice_id = (SELECT id FROM invoice)"
            )
        )
    await place.work()
    assert gear.log == []
    assert await place.access("budi") == ("ACTIVE", "ACTIVE")


@pytest.mark.parametrize("dies_after", range(5))
async def test_a_line_that_breaks_anywhere_converges(database: Database, gear: Gear, dies_after: int) -> None:
    place = await make(database, gear, "a", "b", "c", "d")
    await place.sweep()
    gear.dies_after = dies_after
    assert await work_one(place.engine)
    gear.unreachable = False
    place.now += timedelta(minutes=1)
    await place.work()
    assert set(gear.profiles.values()) == {"isolir"}
    assert (await place.isp.rows("SELECT DISTINCT actual, observed_generation = desired_generation FROM service_access")) == [
        ("BLOCKED", True)
    ]
    gear.dies_after = dies_after
    for name, customer_id in place.people.items():
        if name != "d":
            await place.isp.pay(customer_id, 150_000, at=place.now)
    await work_one(place.engine)
    gear.unreachable = False
    place.now += timedelta(minutes=1)
    await place.work()
    assert gear.profiles == {"a": "home-a", "b": "home-b", "c": "home-c", "d": "isolir"}


async def test_a_device_that_is_back_is_told_so_by_whoever_works_on_it(database: Database, gear: Gear) -> None:
    """Nobody else probes it meanwhile: for as long as there was something to do, it was told as away."""
    place = await make(database, gear, "budi")
    await place.sweep()
    gear.unreachable = True
    assert await work_one(place.engine)
    assert await place.isp.value("SELECT reachable FROM device") is False
    gear.unreachable = False
    place.now += timedelta(seconds=30)  # no time to probe it yet
    await place.work()
    assert gear.profiles["budi"] == "isolir"
    assert await place.isp.value("SELECT reachable FROM device") is True
    told = await place.isp.rows("SELECT data->>'reachable' FROM event WHERE kind LIKE 'device.health%' ORDER BY id")
    assert [row[0] for row in told] == ["false", "true"]


async def test_a_busy_device_is_probed_by_whoever_works_on_it(database: Database, gear: Gear) -> None:
    """Once a minute, as an idle one: what was solved was told for as long as there was something to do, and a restart wasn't noticed."""
    place = await make(database, gear, "budi", "siti")
    ill = 'UPDATE device SET reachable = true, problems = \'[{"en": "full", "id": "penuh"}]\', checked_at = :at'
    told = []
    for seconds in (59, 60):
        async with place.isp.write(place.now) as session:
            await session.execute(text(ill), {"at": place.now - timedelta(seconds=seconds)})
            await session.execute(text("UPDATE service_access SET desired_generation = desired_generation + 1"))
        await place.work()
        told.append(await place.isp.value("SELECT (problems::text, facts->>'version')::text FROM device"))
    assert ["full" in row for row in told] == [True, False]
    assert told[1] == "([],1)"


async def test_what_was_not_answered_is_read_and_not_told_as_done(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    await place.sweep()
    gear.forgets_answers = 1
    await place.work()
    assert await place.access("budi") == ("BLOCKED", "BLOCKED")
    assert gear.log == [("budi", "isolir")], "it was read back, not done again"


async def test_what_someone_changed_by_hand_is_reported_and_left(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    await place.sweep()
    await place.work()
    gear.profiles["budi"] = "by-hand"
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    assert await work_one(place.engine)
    assert gear.profiles["budi"] == "by-hand"
    assert await place.isp.value("SELECT error FROM service_access") == {"en": "changed by hand", "id": "diubah manual"}
    assert await place.isp.value("SELECT data->>'fault' FROM event WHERE kind = 'isolation.failed'") == "DRIFTED"


async def test_a_block_by_hand_stays_until_someone_lifts_it(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    async with place.isp.write(place.now) as session:
        await blocks.block(session, place.people["budi"], reason="kabel dicuri")
    await place.work()
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    await place.sweep()
    await place.work()
    assert gear.profiles["budi"] == "isolir"
    async with place.isp.write(place.now) as session:
        await blocks.restore(session, place.people["budi"], reason="sudah ditemukan")
    await place.work()
    assert gear.profiles["budi"] == "home-budi"


async def test_lifting_a_block_of_someone_overdue_needs_a_promise(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    await place.sweep()
    await place.work()
    with pytest.raises(StillOverdue):
        async with place.isp.write(place.now) as session:
            await blocks.restore(session, place.people["budi"], reason="kasihan")
    async with place.isp.write(place.now) as session:
        await promises.record(session, place.people["budi"], until_on=date(2026, 2, 20), reason="gajian tanggal 20")
    await place.work()
    assert gear.profiles["budi"] == "home-budi"
    assert await place.sweep() == Decided(0, 0)
    place.now = datetime(2026, 2, 20, 16, 59, tzinfo=UTC)  # 23:59 in Jakarta
    assert await place.sweep() == Decided(0, 0)
    place.now += timedelta(minutes=1)
    assert await place.sweep() == Decided(1, 0), "the promise is over"


async def test_what_was_decided_before_a_blackout_date_waits_until_it_is_over(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi", "siti")
    async with place.isp.write(place.now) as session:
        await policy.add_blackout_date(session, date(2026, 2, 15), reason="Hari raya")
    gear.unreachable = True
    assert await place.sweep() == Decided(2, 0)
    await work_one(place.engine)
    gear.unreachable = False
    for hours in (0, 1, 24):  # the router is back on the blackout date, of which these are the first and the last minute in Jakarta
        place.now = datetime(2026, 2, 14, 17, 0, tzinfo=UTC) + timedelta(hours=hours) - timedelta(minutes=hours // 24)
        assert not await work_one(place.engine), "the router isn't even asked"
    assert gear.profiles == {"budi": "home-budi", "siti": "home-siti"}
    assert await place.isp.rows("SELECT DISTINCT desired FROM service_access") == [("BLOCKED",)], "neither forgotten nor restored"
    await place.isp.pay(place.people["siti"], 150_000, at=place.now)
    place.now += timedelta(minutes=1)
    assert await work_one(place.engine)
    assert gear.profiles == {"budi": "isolir", "siti": "home-siti"}


async def test_on_a_blackout_date_payers_are_restored_and_blocks_by_hand_are_made(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi", "siti", "tono")
    await place.isp.pay(place.people["tono"], 150_000, at=place.now)
    assert await place.sweep() == Decided(2, 0)
    await place.work()
    async with place.isp.write(place.now) as session:
        await policy.add_blackout_date(session, date(2026, 2, 15), reason="Hari raya")
    place.now += timedelta(days=1)
    await place.isp.pay(place.people["siti"], 150_000, at=place.now)
    async with place.isp.write(place.now) as session:
        await blocks.block(session, place.people["tono"], reason="kabel dicuri")
    await place.work()
    assert gear.profiles == {"budi": "isolir", "siti": "home-siti", "tono": "isolir"}


async def test_upcoming_blocks_are_those_within_so_many_days_and_not_yet_overdue(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    ((customer_id, block_on),) = await place.isp.rows("SELECT customer_id, block_on FROM isolation")
    context = PluginContext(database, clock=lambda: place.now, page=lambda number: f"https://isp.example/{number}")

    async def upcoming(within_days: int) -> list[tuple[str, int, date]]:
        found = await asyncio.to_thread(context.upcoming_blocks, within_days=within_days)
        assert all(block.customer.page == f"https://isp.example/{block.customer.id.removeprefix('cus_')}" for block in found)
        return [(block.customer.id, block.amount, block.block_on) for block in found]

    place.now = datetime.combine(block_on - timedelta(days=3), time(5), UTC)
    assert await upcoming(3) == [(f"cus_{customer_id}", 150_000, block_on)]
    assert await upcoming(2) == []
    place.now += timedelta(days=3)
    assert await upcoming(3) == [], "from that day on they are overdue"


async def test_nobody_is_blocked_on_a_blackout_date(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    async with place.isp.write(place.now) as session:
        await policy.add_blackout_date(session, date(2026, 2, 14), reason="Hari raya")
    assert await place.sweep() == Decided(0, 0)
    place.now += timedelta(days=1)
    assert await place.sweep() == Decided(1, 0)


async def test_a_sweep_that_would_cut_too_many_asks_first(database: Database, gear: Gear) -> None:
    names = [f"p{number:02d}" for number in range(25)]
    place = await make(database, gear, *names)
    assert await place.sweep() == Decided(0, 0, held=25)
    assert await place.sweep() == Decided(0, 0, held=25)
    ((hold_id, would_block),) = await place.isp.rows("SELECT id, would_block FROM isolation_hold")
    assert would_block == 25
    async with place.isp.write(place.now) as session:
        await holds.decide(session, hold_id, approved=True)
    assert await place.sweep() == Decided(25, 0)
    await place.work()
    assert set(gear.profiles.values()) == {"isolir"}


async def test_whom_the_device_does_not_know_is_told_and_not_cut(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi", "siti")
    del gear.profiles["budi"]
    await place.sweep()
    assert await work_one(place.engine)
    assert gear.log == [("siti", "isolir")]
    assert await place.access("budi") == ("BLOCKED", "ABSENT")
    assert "knows no 'budi'" in await place.isp.value("SELECT error->>'en' FROM service_access WHERE key = 'budi'")


async def test_a_device_that_knows_hardly_anybody_is_none_of_ours(database: Database, gear: Gear) -> None:
    names = [f"p{number}" for number in range(7)]
    place = await make(database, gear, *names)
    for name in names[:6]:
        del gear.profiles[name]
    await place.sweep()
    assert await work_one(place.engine)
    assert gear.log == [], "nobody is cut, those that it knows neither"
    assert "doesn't know 6 of 7" in await place.isp.value("SELECT DISTINCT error->>'en' FROM service_access")
    gear.profiles |= {name: f"home-{name}" for name in names}
    place.now += timedelta(minutes=1)
    await place.work()
    assert set(gear.profiles.values()) == {"isolir"}


async def test_what_changes_after_a_cut_that_failed_is_given_back_as_it_is_then(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    await place.sweep()
    gear.refuses = 1
    assert await work_one(place.engine)
    assert await place.isp.value("SELECT snapshot IS NULL FROM service_access")
    gear.profiles["budi"] = "home-20m"
    place.now += timedelta(minutes=1)
    await place.work()
    assert gear.profiles["budi"] == "isolir"
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    await place.work()
    assert gear.profiles["budi"] == "home-20m"


async def test_who_was_cut_before_us_is_left_so_and_not_tried_for_ever(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    gear.profiles["budi"] = "isolir"
    await place.sweep()
    await place.work()
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    await place.work()
    assert gear.profiles["budi"] == "isolir"
    assert await place.access("budi") == ("ACTIVE", "BLOCKED"), "it is seen that they have no internet"
    assert await place.isp.value("SELECT count(*) FROM event WHERE kind = 'customer.left_blocked'") == 1
    assert await place.isp.value("SELECT count(*) FROM event WHERE kind = 'customer.restored'") == 0, "nobody is told that they are back"


async def test_no_secret_is_anywhere_in_the_database(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    await place.sweep()
    await place.work()
    assert await place.isp.value("SELECT position('rahasia' in encode(config, 'escape')) FROM device") == 0
    assert await place.isp.value("SELECT count(*) FROM event WHERE data::text LIKE '%rahasia%'") == 0
