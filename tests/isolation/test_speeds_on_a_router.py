"""A plan's new speed, from the plan to a simulated router that takes its time: how many wait is told, and all of them get it."""

import os
import time
from typing import Final

from sqlalchemy import text

from sebilling.billing import plans
from sebilling.db.engine import Database
from sebilling.network import accesses, speeds
from tests.isolation import routers

CUSTOMERS: Final = int(os.environ.get("SEBILLING_TEST_ROUTER_SPEEDS", "60"))
SECRET: Final = "/ppp/secret"
_WAITING: Final = "SELECT count(*) FROM service_access WHERE speed_pending"


async def test_all_customers_of_a_plan_get_its_new_speed(committed: Database) -> None:
    async with routers.place(committed) as place:
        isp = place.isp
        device_id = await place.device(kicks_per_second=1_000)
        await isp.many_customers(CUSTOMERS)
        people = await isp.rows("SELECT id, lower(code) FROM customer ORDER BY id")
        async with isp.write() as session:
            await plans.update(session, isp.plan_id, rate_down_kbps=10_000, rate_up_kbps=5_000)
            for customer_id, key in people:
                place.router.add(SECRET, name=key, profile="10M")
                place.router.dial(key)
                await accesses.give(
                    session, place.engine.plugins, customer_id=customer_id, device_id=device_id, service_kind="PPPOE", key=key
                )
            await session.execute(text("UPDATE service_access SET speed_pending = false"))
        async with isp.write() as session:
            await plans.update(session, isp.plan_id, rate_down_kbps=20_000, rate_up_kbps=10_000)
        assert await isp.value(_WAITING) == CUSTOMERS, "shown as progress, and counting down"
        place.simulator.faults.delay_seconds = 0.02
        began = time.perf_counter()
        given = 0
        while list(await speeds.due(place.engine)):
            given += await speeds.give(place.engine, device_id)
        print(f"{CUSTOMERS} speeds on a router that answers after 20 ms: {time.perf_counter() - began:.1f} s")  # noqa: T201 - a measurement
        assert (given, await isp.value(_WAITING)) == (CUSTOMERS, 0)
        assert {row["profile"] for row in place.router.table(SECRET).rows.values()} == {"20M"}
        assert await isp.value("SELECT count(*) FROM event WHERE kind = 'service_access.speed_given'") == CUSTOMERS
