"""Drift on many routers at once: what hands undid and what an old backup brought back is found within one interval, by one read each."""

import os
import random
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from sebilling.billing import settings
from sebilling.billing.isolation import policy
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.settings import DriftAction
from sebilling.db.engine import Database
from sebilling.network import accesses, devices, looks
from sebilling.network.engine import Engine
from sebilling.vault import Vault
from tests.harness import Isp
from tests.isolation.gear import GEARS, Gear, plugins
from tests.isolation.place import ENGINES, ISSUED, LATE, Place

ROUTERS: Final = 20
ACCESSES: Final = int(os.environ.get("SEBILLING_TEST_LOOKS_ACCESSES", "600"))
LATE_SHARE: Final = 10
"""One of so many is late, and blocked."""
UNDONE: Final = max(10, ACCESSES // 100)
# the others begin in March, so that February's invoices are those of the late ones
_CUSTOMERS: Final = text(
    """
    INSERT INTO customer (code, name, phone, address, counter_id, plan_id, installed_on, active, created_at)
    SELECT 'N' || n, 'Pelanggan ' || n, '', '', :counter, :plan, CASE WHEN n % :share = 0 THEN DATE '2025-01-01' ELSE DATE '2026-03-01' END,
           true, now()
      FROM generate_series(1, :count) n
    """
)


async def many(database: Database) -> tuple[Place, dict[str, Gear]]:
    """Customers on routers, by turns; every tenth is late and blocked."""
    isp = await Isp.make(database)
    engine = Engine(database, plugins(), Vault(b"key"), lambda: place.now, "worker", random.Random(1))
    ENGINES.append(engine)
    gears = {f"router{number}": Gear() for number in range(ROUTERS)}
    GEARS.update(gears)
    place = Place(isp, next(iter(gears.values())), engine)
    async with isp.write() as session:
        counter = next(iter(isp.counters.values()))
        await session.execute(_CUSTOMERS, {"counter": counter, "plan": isp.plan_id, "share": LATE_SHARE, "count": ACCESSES})
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
        await settings.change(session, drift_action=DriftAction.ENFORCE.value, mass_block_percent=100)
        made = [
            await devices.create(session, engine.plugins, engine.vault, name=name, kind="test.gear", config={"gear": name, "password": "x"})
            for name in gears
        ]
    people = await isp.rows("SELECT id, lower(code) FROM customer ORDER BY id")
    async with isp.write(place.now) as session:
        for number, (customer_id, key) in enumerate(people):
            list(gears.values())[number % ROUTERS].profiles[key] = f"home-{key}"
            device_id = made[number % ROUTERS]
            await accesses.give(session, engine.plugins, customer_id=customer_id, device_id=device_id, service_kind="PPPOE", key=key)
    place.people = {key: customer_id for customer_id, key in people}
    await isp.open()
    await isp.generate(at=ISSUED)
    place.now = LATE
    await place.sweep()
    await work(place)
    return place, gears


async def work(place: Place) -> None:
    """Until nothing is to be done."""
    for _ in range(ROUTERS):
        await place.work()
        if not await place.isp.value("SELECT count(*) FROM service_access WHERE desired_generation > observed_generation"):
            return


async def test_all_is_found_within_one_interval_by_one_read_of_each_router(database: Database) -> None:
    place, gears = await many(database)
    late = {row[0] for row in await place.isp.rows("SELECT key FROM service_access WHERE desired = 'BLOCKED'")}
    assert len(late) == ACCESSES // LATE_SHARE
    assert {key for gear in gears.values() for key, profile in gear.profiles.items() if profile == "isolir"} == late
    chance = random.Random(7)
    by_hand = set(chance.sample(sorted(late), min(UNDONE, len(late))))
    old = gears["router0"]  # its backup is from before the cut, when others were late
    others = set(chance.sample(sorted(old.profiles.keys() - late), 5))
    for gear in gears.values():
        for key in gear.profiles:
            if key in by_hand or (gear is old and key in late):
                gear.profiles[key] = f"home-{key}"
            if gear is old and key in others:
                gear.profiles[key] = "isolir"
        gear.reads = 0
        gear.log.clear()
    place.now += timedelta(minutes=10)
    found = [await looks.look_at(place.engine, device_id) for device_id in await looks.due(place.engine)]
    assert [gear.reads for gear in gears.values()] == [1] * ROUTERS, "one bulk read"
    wrong = by_hand | others | (late & old.profiles.keys())
    assert sum(one.out_of_sync for one in found if one is not None) == len(wrong)
    await work(place)
    assert {key for gear in gears.values() for key, profile in gear.profiles.items() if profile == "isolir"} == late
    cut = {key for gear in gears.values() for key, profile in gear.log if profile == "isolir"}
    assert cut <= late, "nobody was wrongly cut on the way"
    assert {key for gear in gears.values() for key, _ in gear.log} == wrong, "and nobody else was touched"
    assert list(await looks.due(place.engine)) == []
