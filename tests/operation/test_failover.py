"""The primary is killed again and again under payments: none that was acknowledged is lost, none is doubled, and everything recovers.

It needs Debian's etcd, Patroni, PgBouncer and HAProxy, and starts a cluster as `make cluster` does. SEBILLING_TEST_FAILOVERS says how
often the primary is killed; without it nothing runs.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from typing import Final

import pytest

from tests.operation.clerks import Clerk, at_work
from tools.cluster.cluster import Cluster

KILLS: Final = int(os.environ.get("SEBILLING_TEST_FAILOVERS", "0"))
pytestmark = pytest.mark.skipif(KILLS == 0, reason="takes six minutes and Debian's programs of a cluster: make campaign ARGS=operation")


@pytest.mark.crash
async def test_no_acknowledged_payment_is_lost_when_primaries_are_killed(cluster: Cluster) -> None:
    killed = []
    async with at_work(cluster, clerks=4, pause_seconds=0.2) as office:
        for number in range(KILLS):
            await asyncio.sleep(3)
            killed.append(await _one_failover(cluster, has_power=number % 2 == 0))
            unavailable = _unavailable(office.clerks, killed[-1])
            sys.stdout.write(f"{number + 1}: {'PostgreSQL' if number % 2 == 0 else 'machine'} killed, {unavailable:.1f} s\n")
        await asyncio.sleep(3)
    seconds = sorted(_unavailable(office.clerks, moment) for moment in killed)
    p95 = seconds[max(0, -(-len(seconds) * 95 // 100) - 1)]
    refusals = set().union(*(clerk.refused for clerk in office.clerks))
    sys.stdout.write(
        f"{KILLS} primaries killed, {office.payments} payments, {office.sent_again} sent again ({refusals});"
        f" unavailable: median {seconds[len(seconds) // 2]:.1f} s, p95 {p95:.1f} s, longest {seconds[-1]:.1f} s\n"
    )
    assert cluster.is_whole(), "the last former primary is a replica again"
    assert all(program.is_running for program in (*cluster.servers.values(), *cluster.workers.values()))
    assert p95 <= 15


def _unavailable(clerks: Sequence[Clerk], moment: float) -> float:
    """The longest that a payment took which was under way at the moment of a kill or sent soon after it."""
    return max((done - began for clerk in clerks for began, done in clerk.waited if began <= moment + 15 and done >= moment), default=0)


async def _one_failover(cluster: Cluster, *, has_power: bool) -> float:
    """Kill the primary, its PostgreSQL alone or all on its machine; wait for another, and for all three. Gives the moment."""
    primary = await asyncio.to_thread(cluster.primary)
    assert primary is not None
    moment = time.monotonic()
    if has_power:
        primary.kill_postgresql()
    else:
        primary.lose_power()
    until = time.monotonic() + 60
    while (now := await asyncio.to_thread(cluster.primary)) is None or now is primary:
        assert time.monotonic() < until, "no other primary"
        await asyncio.sleep(0.3)
    primary.start()
    await asyncio.to_thread(cluster.await_whole, 120)
    assert not primary.is_primary, "the former primary is a replica"
    return moment
