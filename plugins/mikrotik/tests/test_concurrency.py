"""A thousand customers behind 20 ms of latency."""

import asyncio
from collections import Counter

from sebilling.plugins.contract import Result, State

from sebilling_mikrotik.pppoe import PppoeDriver
from sebilling_mikrotik.testing import Router, Simulator

from .conftest import blocked, jobs, made, refs, restored

CUSTOMERS = 1_000


async def test_a_thousand_customers_at_20_ms(router: Router, simulator: Simulator) -> None:
    """How long it takes is measured by `make bench ARGS=isolate`."""
    names = [f"pelanggan-{number}" for number in range(CUSTOMERS)]
    for name in names:
        router.add("/ppp/secret", name=name, password="x", profile="10M")
        router.dial(name)
    before = {name: dict(router.table("/ppp/secret").find(name) or {}) for name in names}
    simulator.faults.delay_seconds = 0.02
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(names))
    cut = await blocked(driver, wanted)
    assert Counter(one.result for one in cut.values()) == {Result.CHANGED: CUSTOMERS}
    assert all(row["profile"] == "isolir" for row in router.table("/ppp/secret").rows.values())
    await asyncio.sleep(0.1)
    states = await driver.read_state([job.ref for job in wanted], {job.ref.id: job.snapshot for job in wanted})
    assert Counter(one.state for one in states.values()) == {State.BLOCKED: CUSTOMERS}
    back = await restored(driver, wanted)
    assert Counter(one.result for one in back.values()) == {Result.CHANGED: CUSTOMERS}
    assert {name: dict(router.table("/ppp/secret").find(name) or {}) for name in names} == before
    await driver.close()
