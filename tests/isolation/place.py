"""An ISP with one device in memory, its engine, and a clock that stands still: what the tests of the engine happen in."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sebilling.billing.isolation import policy, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.isolation.sweep import Decided
from sebilling.db.engine import Database
from sebilling.network import accesses, devices
from sebilling.network.engine import Engine
from sebilling.network.reconcile import work_one
from sebilling.vault import Vault
from tests.harness import Isp
from tests.isolation.gear import Gear, plugins

ISSUED = datetime(2026, 2, 3, 2, 0, tzinfo=UTC)
LATE = datetime(2026, 2, 14, 2, 0, tzinfo=UTC)


@dataclass
class Place:
    """An ISP with one device; time stands still unless it is moved."""

    isp: Isp
    gear: Gear
    engine: Engine
    device_id: int = 0
    now: datetime = LATE
    people: dict[str, int] = field(default_factory=dict)

    async def person(self, name: str) -> int:
        """A customer whose PPPoE name is theirs, with a profile on the gear."""
        customer_id = await self.isp.customer(name)
        self.gear.profiles[name] = f"home-{name}"
        async with self.isp.write(self.now) as session:
            await accesses.give(
                session, self.engine.plugins, customer_id=customer_id, device_id=self.device_id, service_kind="PPPOE", key=name
            )
        self.people[name] = customer_id
        return customer_id

    async def sweep(self) -> Decided:
        async with self.isp.write(self.now) as session:
            return await sweep.decide(session)

    async def work(self) -> None:
        """Until nothing is to be done; time passes where the engine waits."""
        for _ in range(50):
            if not await work_one(self.engine):
                if await self.isp.value("SELECT count(*) FROM service_access JOIN device ON device.id = device_id AND enabled"
                                        " WHERE desired_generation > observed_generation") == 0:  # fmt: skip
                    return
                self.now += timedelta(seconds=30)
        raise AssertionError("the engine doesn't come to rest")

    async def access(self, name: str) -> tuple[str, str]:
        rows = await self.isp.rows("SELECT desired, actual FROM service_access WHERE key = :key", key=name)
        return rows[0][0], rows[0][1]


ENGINES: list[Engine] = []
"""Open ones: the fixture `gear` closes them."""


async def make(database: Database, gear: Gear, *names: str) -> Place:
    """Customers with an unpaid invoice of 3 February; the ISP cuts ten days after an invoice."""
    isp = await Isp.make(database)
    engine = Engine(database, plugins(), Vault(b"key"), lambda: place.now, "worker", random.Random(1))
    ENGINES.append(engine)
    place = Place(isp, gear, engine)
    async with isp.write() as session:
        place.device_id = await devices.create(
            session, engine.plugins, engine.vault, name="RB1", kind="test.gear", config={"gear": "one", "password": "rahasia-sekali"}
        )
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
    for name in names:
        await place.person(name)
    await isp.open()
    await isp.generate(at=ISSUED)
    return place
