"""The engine with a Linux router: who is late is offline and who pays is online, by packets through nftables in network namespaces."""

import os
import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sebilling_nftables.testing import Lab, lacking

from sebilling import keys
from sebilling.billing.isolation import policy, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.db.engine import Database
from sebilling.network import accesses, devices, looks
from sebilling.network.engine import Engine
from sebilling.network.looks import Found
from sebilling.network.reconcile import work_one
from sebilling.plugins.loading import Plugins
from sebilling.vault import Vault
from tests.harness import SECRET_KEY, Isp

ISSUED: Final = datetime(2026, 2, 3, 2, 0, tzinfo=UTC)
LATE: Final = datetime(2026, 2, 14, 2, 0, tzinfo=UTC)
CUSTOMERS: Final = {"budi": ("10.64.0.5/32", "2001:DB8:64:5::/64"), "siti": ("10.64.0.6",), "wati": ("10.64.8.8/29",)}
ADDRESSES: Final = {"budi": ["10.64.0.5", "2001:db8:64:5::1"], "siti": ["10.64.0.6"], "wati": ["10.64.8.8", "10.64.8.15"]}


class Place:
    """An ISP whose customers are behind the lab's router; time stands still unless it is moved."""

    def __init__(self, isp: Isp, database: Database, lab: Lab) -> None:
        self.isp, self.lab, self.now = isp, lab, LATE
        self.engine = Engine(database, Plugins.load(), Vault(keys.derived(SECRET_KEY)), lambda: self.now, "worker", random.Random(1))
        self.people: dict[str, int] = {}
        self.device_id = 0

    async def furnish(self) -> None:
        """Customers with an unpaid invoice; the ISP blocks ten days after it."""
        config = {"transport": "local", "netns": self.lab.router.name}
        async with self.isp.write() as session:
            self.device_id = await devices.create(
                session, self.engine.plugins, self.engine.vault, name="BNG1", kind="nftables.set", config=config
            )
            await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
        for name, own in CUSTOMERS.items():
            self.people[name] = await self.isp.customer(name)
            for key in own:
                async with self.isp.write(self.now) as session:
                    await accesses.give(
                        session, self.engine.plugins,
                        customer_id=self.people[name], device_id=self.device_id, service_kind="STATIC_IP", key=key,
                    )  # fmt: skip
        await self.isp.open()
        await self.isp.generate(at=ISSUED)

    async def work(self) -> None:
        """Until nothing is to be done."""
        for _ in range(20):
            if not await work_one(self.engine):
                if not await self.isp.value("SELECT count(*) FROM service_access WHERE desired_generation > observed_generation"):
                    return
                self.now += timedelta(seconds=30)
        raise AssertionError("the engine doesn't come to rest")

    async def sweep_and_work(self) -> None:
        async with self.isp.write(self.now) as session:
            await sweep.decide(session)
        await self.work()

    async def told(self) -> set[str]:
        """Customers who are shown as blocked."""
        rows = await self.isp.rows("SELECT customer_id FROM service_access WHERE actual = 'BLOCKED'")
        return {name for name, customer_id in self.people.items() if (customer_id,) in {tuple(row) for row in rows}}

    def offline(self) -> set[str]:
        """Customers none of whose addresses gets a packet through."""
        return {name for name, addresses in ADDRESSES.items() if not self.lab.online(addresses)}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    if (problem := lacking()) and not (os.environ.get("CI") == "true" and os.geteuid() == 0):
        pytest.skip(problem)
    with Lab("e") as lab:
        yield lab


@pytest.fixture
async def place(database: Database, lab: Lab) -> AsyncIterator[Place]:
    lab.reset()
    made = Place(await Isp.make(database), database, lab)
    await made.furnish()
    yield made
    await made.engine.close()


async def test_who_is_late_is_offline_and_who_pays_is_online(place: Place) -> None:
    before = place.lab.ruleset()
    assert place.offline() == set()
    await place.sweep_and_work()
    assert await place.told() == place.offline() == set(CUSTOMERS)
    assert place.lab.pinged([address for addresses in ADDRESSES.values() for address in addresses]) == set()
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    await place.work()
    assert await place.told() == place.offline() == {"siti", "wati"}
    for name in ("siti", "wati"):
        await place.isp.pay(place.people[name], 150_000, at=place.now)
    await place.work()
    assert await place.told() == place.offline() == set()
    assert place.lab.ruleset() == before


async def test_what_a_restart_or_a_hand_undid_is_found_by_the_next_look_and_blocked_again(place: Place) -> None:
    await place.sweep_and_work()
    for undo in (place.lab.reset, lambda: place.lab.nft("delete element inet sebilling blocked4 { 10.64.0.6 }")):
        undo()
        assert "siti" not in place.offline()
        found = await looks.look_at(place.engine, place.device_id)
        assert isinstance(found, Found)
        assert found.put_right
        await place.work()
        assert await place.told() == place.offline() == set(CUSTOMERS)


async def test_nobody_is_shown_as_blocked_behind_a_wall_with_a_hole(place: Place) -> None:
    place.lab.nft("insert rule inet sebilling forward accept")
    async with place.isp.write(place.now) as session:
        await sweep.decide(session)
    await work_one(place.engine)
    assert await place.told() == place.offline() == set()
    (problems,) = await place.isp.rows("SELECT problems::text FROM device")
    assert "nft 'delete rule inet sebilling forward handle" in problems[0]
    place.lab.nft("flush chain inet sebilling forward")
    place.lab.reset()
    await place.work()
    assert await place.told() == place.offline() == set(CUSTOMERS)


async def test_who_was_listed_by_hand_isnt_told_that_they_are_back(place: Place) -> None:
    place.lab.nft("add element inet sebilling blocked4 { 10.64.0.6 }")
    await place.sweep_and_work()
    await place.isp.pay(place.people["siti"], 150_000, at=place.now)
    await place.work()
    assert "siti" in place.offline()
    kinds = {row[0] for row in await place.isp.rows("SELECT kind FROM event WHERE kind LIKE 'customer.%'")}
    assert "customer.left_blocked" in kinds
    assert "customer.restored" not in kinds
