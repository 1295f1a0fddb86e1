"""The leak audit and who is online: planted leaks are found exactly, and nothing else."""

import os
import random
from typing import Final

import pytest

from sebilling.billing import customers, plans
from sebilling.db.engine import Database
from sebilling.device_errors import DeviceUnusable
from sebilling.network import audit, online
from sebilling.network.audit import LeakKind
from tests.isolation.gear import Gear
from tests.isolation.place import Place, make

_PEOPLE: Final = int(os.environ.get("SEBILLING_TEST_AUDITED", "120"))


async def test_planted_leaks_are_found_and_nothing_else(database: Database, gear: Gear) -> None:
    names = [f"n{number:04}" for number in range(_PEOPLE)]
    place = await make(database, gear, *names)
    async with place.isp.write() as session:
        await plans.update(session, place.isp.plan_id, rate_down_kbps=10_000, rate_up_kbps=10_000)
    gear.rates = dict.fromkeys(names, 10_000)
    gear.online = [(name, f"10.0.{number // 256}.{number % 256}") for number, name in enumerate(names)]
    assert (await audit.audit(place.engine, place.device_id)).leaks == []
    chosen = random.Random(7).sample(names, 20)
    for name in chosen[:5]:
        gear.profiles[f"free-{name}"] = "home"
    for name in chosen[5:10]:
        gear.rates[name] = 20_000
    for name in chosen[10:15]:
        gear.online.append((name, "10.9.9.9"))
    async with place.isp.write() as session:
        for name in chosen[15:]:
            await customers.update(session, place.people[name], active=False)
    found = await audit.audit(place.engine, place.device_id)
    assert [(leak.kind, leak.key) for leak in found.leaks] == [
        *((LeakKind.NOT_A_CUSTOMER, f"free-{name}") for name in sorted(chosen[:5])),
        *((LeakKind.ENDED, name) for name in sorted(chosen[15:])),
        *((LeakKind.FASTER_THAN_SOLD, name) for name in sorted(chosen[5:10])),
        *((LeakKind.DOUBLE_LOGIN, name) for name in sorted(chosen[10:15])),
    ]
    assert (found.accounts, found.online) == (_PEOPLE + 5, _PEOPLE + 5)


async def test_who_is_to_be_blocked_and_has_access_is_a_leak(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi", "siti")
    await place.sweep()
    await place.work()
    assert (await audit.audit(place.engine, place.device_id)).leaks == []
    gear.profiles["budi"] = "home-budi"
    (leak,) = (await audit.audit(place.engine, place.device_id)).leaks
    assert (leak.kind, leak.customer_id) == (LeakKind.UNPAID, place.people["budi"])


async def test_who_is_online_is_asked_of_the_device(database: Database, gear: Gear) -> None:
    place: Place = await make(database, gear, "budi")
    gear.online = [("tamu", "10.0.0.2"), ("budi", "10.0.0.1")]
    found = await online.read(place.engine, place.device_id)
    assert [(one.usage.key, one.usage.address, one.customer_id) for one in found] == [
        ("budi", "10.0.0.1", place.people["budi"]), ("tamu", "10.0.0.2", None),
    ]  # fmt: skip


async def test_a_device_that_is_away_is_told_so(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    gear.unreachable = True
    with pytest.raises(DeviceUnusable, match=r"RB1.*no route"):
        await online.read(place.engine, place.device_id)


async def test_what_a_device_lists_in_another_spelling_is_known(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    gear.profiles = {"BUDI": "home-budi"}
    gear.online = [("Budi", "10.0.0.1")]
    assert [(one.usage.key, one.customer_id) for one in await online.read(place.engine, place.device_id)] == [
        ("budi", place.people["budi"])
    ]
    assert LeakKind.NOT_A_CUSTOMER not in {leak.kind for leak in (await audit.audit(place.engine, place.device_id)).leaks}
