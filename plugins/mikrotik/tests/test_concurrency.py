"""A thousand customers behind 20 ms of latency."""

import asyncio
import time
from collections import Counter

import pytest
from sebilling.plugins.contract import Result, State

from sebilling_mikrotik.pppoe import PppoeDriver
from sebilling_mikrotik.testing import Router, Simulator

from .conftest import blocked, jobs, made, refs, restored

CUSTOMERS = 1_000
LOOSE_SECONDS = 30


async def test_a_thousand_customers_at_20_ms(router: Router, simulator: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"pelanggan-{number}" for number in range(CUSTOMERS)]
    for name in names:
        router.add("/ppp/secret", name=name, password="x", profile="10M")
        router.dial(name)
    before = {name: dict(router.table("/ppp/secret").find(name) or {}) for name in names}
    simulator.faults.delay_seconds = 0.02
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(names))
    start = time.perf_counter()
    cut = await blocked(driver, wanted)
    block_seconds = time.perf_counter() - start
    assert Counter(one.result for one in cut.values()) == {Result.CHANGED: CUSTOMERS}
    assert all(row["profile"] == "isolir" for row in router.table("/ppp/secret").rows.values())
    await asyncio.sleep(0.1)
    states = await driver.read_state([job.ref for job in wanted], {job.ref.id: job.snapshot for job in wanted})
    assert Counter(one.state for one in states.values()) == {State.BLOCKED: CUSTOMERS}
    start = time.perf_counter()
    back = await restored(driver, wanted)
    restore_seconds = time.perf_counter() - start
    assert Counter(one.result for one in back.values()) == {Result.CHANGED: CUSTOMERS}
    assert {name: dict(router.table("/ppp/secret").find(name) or {}) for name in names} == before
    start = time.perf_counter()
    few = wanted[:20]
    for job in few:
        assert (await blocked(driver, [job]))[job.ref.id].result is Result.CHANGED
    one_by_one = (time.perf_counter() - start) / len(few) * CUSTOMERS
    await driver.close()
    with capsys.disabled():
        print(
            f"\n{CUSTOMERS} PPPoE at 20 ms: blocked and verified {block_seconds:.2f} s, restored {restore_seconds:.2f} s;"
            f" one by one {one_by_one:.0f} s (ratio {one_by_one / block_seconds:.0f})"
        )
    assert block_seconds < LOOSE_SECONDS
    assert restore_seconds < LOOSE_SECONDS
