"""Half an hour of faults under payments, blocks and restores: nothing is lost or doubled, everything converges, and monitors see each.

SEBILLING_TEST_CHAOS_SECONDS says how long; without it nothing runs. It starts the cluster of the failover test, with a simulated router.
"""

import asyncio
import contextlib
import os
import random
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import httpx
import pytest

from sebilling.db.engine import Database
from tests.operation import faults
from tests.operation.clerks import Office, at_work, signed_in
from tests.operation.faults import Fault
from tests.operation.monitor import ALERTS, Monitor, watched
from tests.operation.router import connected_router
from tests.processes import HttpApi
from tests.wrong_clock import LIBRARY
from tools.cluster.cluster import Cluster

SECONDS: Final = int(os.environ.get("SEBILLING_TEST_CHAOS_SECONDS", "0"))
SEED: Final = int(os.environ.get("SEBILLING_TEST_CHAOS_SEED", "1"))
pytestmark = pytest.mark.skipif(SECONDS == 0, reason="takes half an hour and Debian's programs of a cluster: make chaos")
RED_SECONDS: Final = 60
GREEN_SECONDS: Final = 120
ALERT_SECONDS: Final = 120
BLOCK: Final = "mutation($input: BlockCustomerInput!) { blockCustomer(input: $input) { errors { code } } }"
RESTORE: Final = "mutation($input: BlockCustomerInput!) { restoreCustomer(input: $input) { errors { code } } }"
ACCESSES: Final = "{ serviceAccesses(first: 200) { nodes { key desired actual inSync } } }"


async def block_and_restore(admin: HttpApi, customers: Sequence[int], dice: random.Random) -> None:
    """Until cancelled; whether a deed was done is seen at the end, at the router, as during a fault there may be no answer."""
    while True:
        with contextlib.suppress(httpx.HTTPError, ValueError, AssertionError):
            await admin.ask(dice.choice([BLOCK, RESTORE]), input={"customerId": f"cus_{dice.choice(customers)}", "reason": "chaos"})
        await asyncio.sleep(0.5)


async def converged(admin: HttpApi, simulator: Any) -> None:
    """Wait until the router has each customer as SeBilling wants them."""
    until = time.monotonic() + GREEN_SECONDS
    while True:
        nodes = (await admin.ask(ACCESSES))["nodes"]
        rows = {row["name"]: row for row in simulator.router.table("/ppp/secret").rows.values()}
        wrong = [
            node for node in nodes if not node["inSync"] or (rows[node["key"]]["profile"] == "isolir") != (node["desired"] == "BLOCKED")
        ]
        if not wrong:
            return
        assert time.monotonic() < until, wrong
        await asyncio.sleep(0.5)


@pytest.mark.crash
async def test_every_fault_is_seen_and_overcome(cluster: Cluster) -> None:
    kinds = [kind for kind in faults.KINDS if not issubclass(kind, faults.DiskFull) or os.geteuid() == 0]
    assert shutil.which("strace"), "strace isn't installed (Debian: strace)"
    assert LIBRARY, "libfaketime isn't installed (Debian: faketime)"
    for program in (*cluster.servers.values(), *cluster.workers.values()):
        program.environment.update(faults.clock(cluster).environment)
    told: list[type[Fault]] = []
    dice, began = random.Random(SEED), time.monotonic()
    with contextlib.ExitStack() as disk:
        if os.geteuid() == 0:
            faults.mount(cluster.folder / "var")
            disk.callback(faults.unmount, cluster.folder / "var")
        async with at_work(cluster, clerks=12, pause_seconds=0.2) as office, signed_in(cluster) as admin, watched(cluster) as monitor:
            database = Database(cluster.url, connections=2)
            people = [await office.isp.customer() for _ in range(20)]  # who owe nothing, so that a technician may restore them
            async with connected_router(admin, people) as simulator:
                deeds = asyncio.create_task(block_and_restore(admin, people, dice))
                while time.monotonic() - began < SECONDS:
                    waiting = waiting_kinds(kinds, told)
                    fault = dice.choice(waiting)(cluster, simulator)
                    say(f"{type(fault).__name__}: ")
                    seen, over = await overcome(fault, cluster, database, admin.http, monitor)
                    told.append(type(fault))
                    say(f"red after {seen:.1f} s, green {over:.1f} s after it was mended\n")
                    await asyncio.to_thread(cluster.await_whole, GREEN_SECONDS)
                    await asyncio.sleep(dice.uniform(1, 5))
                deeds.cancel()
                await asyncio.gather(deeds, return_exceptions=True)
                await converged(admin, simulator)
            await database.close()
    summary(office, len(told), time.monotonic() - began)
    sys.stdout.write(f"alerts that fired: {', '.join(sorted(monitor.fired))}\n")
    if len(told) >= len(kinds):
        # Faults of machines are no errors of ours: what is logged as one would be a find.
        assert monitor.fired == ALERTS - {"SebillingErrors"}


def say(words: str) -> None:
    """At once, so that the fault is known at which it failed."""
    sys.stdout.write(words)
    sys.stdout.flush()


def waiting_kinds(kinds: Sequence[type[Fault]], told: Sequence[type[Fault]]) -> list[type[Fault]]:
    """Kinds whose turn has not come in this round: each comes once before one comes again."""
    this_round = set(told[len(told) - len(told) % len(kinds) :])
    return [kind for kind in kinds if kind not in this_round]


async def overcome(fault: Fault, cluster: Cluster, database: Database, http: httpx.AsyncClient, monitor: Monitor) -> tuple[float, float]:
    """Seconds until the fault is red, and from its mending until nothing is. Its alerts fire before it is mended, and not after."""
    began = time.monotonic()
    try:
        await fault.strike()
        while fault.part is not None and fault.part not in (bad := await faults.red(cluster, database, http)):
            assert time.monotonic() - began < RED_SECONDS, f"{type(fault).__name__} isn't seen: {bad}"
            await asyncio.sleep(0.2)
        seen = time.monotonic() - began
        await monitor.tells(fault.alerts, ALERT_SECONDS)
        await asyncio.sleep(3)
    finally:
        await fault.mend()
    mended = time.monotonic()
    while bad := await faults.red(cluster, database, http):
        assert time.monotonic() - mended < GREEN_SECONDS, f"after {type(fault).__name__}: {bad}"
        await asyncio.sleep(0.2)
    green = time.monotonic() - mended
    await monitor.forgets(fault.alerts, GREEN_SECONDS)
    return seen, green


def summary(office: Office, count: int, seconds: float) -> None:
    rate = office.payments / seconds
    sys.stdout.write(f"{count} faults, {office.payments} payments ({rate:.0f} a second), {office.sent_again} sent again\n")
