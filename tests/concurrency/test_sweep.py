"""The sweep beside payments and other sweeps: it waits for nobody whom it leaves as they are, and there is one hold, not two."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text

from sebilling.billing.isolation import blocks, policy, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.isolation.sweep import Decided
from sebilling.db.engine import Database
from tests.concurrency.test_locks import waits
from tests.harness import Isp

ISSUED: Final = datetime(2026, 2, 3, 2, 0, tzinfo=UTC)
OVERDUE_AT: Final = datetime(2026, 2, 14, 2, 0, tzinfo=UTC)
DEVICE: Final = text(
    "INSERT INTO device (name, kind, config, config_version, enabled, created_at, problems, facts, next_at, failures)"
    " VALUES ('RB1', 'test.gear', '', 1, true, now(), '[]', '{}', now(), 0) RETURNING id"
)
ACCESS: Final = text(
    "INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at, desired_generation,"
    " observed_generation, actual, attempts, next_at)"
    " VALUES (:customer, :device, 'PPPOE', :key, 'ACTIVE', false, now(), 0, 0, 'UNKNOWN', 0, now())"
)


async def make(database: Database, count: int) -> tuple[Isp, list[int]]:
    """An ISP with so many overdue customers, and their ids."""
    isp = await Isp.make(database)
    customer_ids = [await isp.customer(f"customer-{number}") for number in range(count)]
    async with isp.write() as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
        device_id = await session.value(DEVICE)
        for customer_id in customer_ids:
            await session.execute(ACCESS, {"customer": customer_id, "device": device_id, "key": f"key-{customer_id}"})
    await isp.open()
    await isp.generate(at=ISSUED)
    return isp, customer_ids


async def decide(isp: Isp) -> Decided:
    """A sweep in a transaction of its own."""
    async with isp.write(OVERDUE_AT) as session:
        return await sweep.decide(session)


async def test_a_sweep_does_not_wait_for_those_who_stay_blocked(committed: Database) -> None:
    """It locked every block of the engine, so that one payment of a blocked customer held up all blocks and restores."""
    isp, (budi, _) = await make(committed, 2)
    assert await decide(isp) == Decided(2, 0)
    async with isp.write(OVERDUE_AT) as session:
        assert await blocks.reconsider(session, [budi]) == 0  # as a payment of a part does, which locks their accesses
        assert await asyncio.wait_for(decide(isp), 20) == Decided(0, 0)


async def test_two_sweeps_at_once_make_one_hold(committed: Database) -> None:
    isp, _ = await make(committed, 25)
    async with isp.write(OVERDUE_AT) as session:
        assert await sweep.decide(session) == Decided(0, 0, held=25)
        async with isp.write(OVERDUE_AT) as other:
            assert await sweep.decide_if_free(other) is None
        second = await waits(decide(isp))
    assert await second == Decided(0, 0, held=25)
    assert await isp.value("SELECT count(*) FROM isolation_hold") == 1
    assert await isp.value("SELECT count(*) FROM event WHERE kind = 'isolation.held'") == 1
