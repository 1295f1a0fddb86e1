"""The plan's speed for active customers, restores without a snapshot, and who is online."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sebilling.plugins.contract import (
    Fault,
    IsolationDriver,
    Job,
    Outcome,
    PlanApplier,
    Ref,
    Result,
    State,
    Usage,
    UsageReader,
)

from sebilling_mikrotik import AddressListDriver, DhcpDriver, HotspotDriver, PppoeDriver, QueueDriver
from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.traffic import online

from .conftest import blocked, jobs, made, refs, restored

SECRET, USER, QUEUE = "/ppp/secret", "/ip/hotspot/user", "/queue/simple"


async def applied(driver: IsolationDriver[Any], wanted: list[Ref]) -> dict[int, Outcome]:
    assert isinstance(driver, PlanApplier)
    return {outcome.ref_id: outcome async for outcome in driver.apply_plan(wanted)}


def row(router: Router, menu: str, name: str) -> dict[str, str]:
    found = router.table(menu).find(name)
    assert found is not None
    return found


@pytest.mark.parametrize(("driver_class", "menu"), [(PppoeDriver, SECRET), (HotspotDriver, USER)])
async def test_accounts_get_the_one_profile_of_their_plans_speed(
    driver_class: type[PppoeDriver], menu: str, router: Router, simulator: Simulator
) -> None:
    profiles = "/ppp/profile" if menu == SECRET else "/ip/hotspot/user/profile"
    for name, rate in (("20M", "20M/40M"), ("a", "5M/5M"), ("b", "5M/5M")):
        router.add(profiles, name=name, rate_limit=rate)
    for name, profile in (
        ("fast", "default"),
        ("already", "20M"),
        ("cut", "isolir"),
        ("none", "default"),
        ("two", "default"),
        ("x", "default"),
    ):
        router.add(menu, name=name, profile=profile)
        (router.dial if menu == SECRET else router.hotspot_login)(name)
    before = {found["session-id"] for found in router.table("/ppp/active").rows.values()}
    speeds = {
        "fast": (40_000, 20_000),
        "already": (40_000, 20_000),
        "cut": (40_000, 20_000),
        "none": (1, 1),
        "two": (5_000, 5_000),
        "x": (None, None),
    }
    wanted = [Ref(number, name, *speed) for number, (name, speed) in enumerate([*speeds.items(), ("gone", (1, 1))], 1)]
    driver = made(driver_class, simulator)
    await driver.open()
    outcomes = await applied(driver, wanted)
    assert [outcomes[ref.id].result for ref in wanted[:2]] == [Result.CHANGED, Result.UNCHANGED]
    assert [outcomes[ref.id].fault for ref in wanted[2:]] == [Fault.REFUSED, Fault.SETUP, Fault.SETUP, Fault.SETUP, Fault.ABSENT]
    assert [row(router, menu, name)["profile"] for name in speeds] == ["20M", "20M", "isolir", "default", "default", "default"]
    await asyncio.sleep(0.1)
    if menu == SECRET:
        new = [found["name"] for found in router.table("/ppp/active").rows.values() if found["session-id"] not in before]
        assert new == ["fast"], "only whose profile changed dials again"
    assert (await applied(driver, wanted[:1]))[1].result is Result.UNCHANGED
    await driver.close()


async def test_queues_keep_their_ratios(router: Router, simulator: Simulator) -> None:
    router.add(
        QUEUE, name="budi", max_limit="10M/20M", limit_at="1M/2M", burst_limit="20M/40M", burst_threshold="5M/10M", burst_time="8s/8s"
    )
    router.add(QUEUE, name="open", max_limit="0/0")
    router.add(QUEUE, name="cut", max_limit="64k/64k")
    driver = made(QueueDriver, simulator)
    await driver.open()
    wanted = refs(["budi", "open", "cut"], rate_down_kbps=40_000, rate_up_kbps=20_000)
    for result in (Result.CHANGED, Result.UNCHANGED):
        outcomes = await applied(driver, wanted)
        assert [outcomes[1].result, outcomes[2].result, outcomes[3].fault] == [result, result, Fault.REFUSED]
    budi = row(router, QUEUE, "budi")
    names = ("max-limit", "limit-at", "burst-limit", "burst-threshold", "burst-time")
    assert [budi[name] for name in names] == ["20000000/40000000", "2000000/4000000", "40000000/80000000", "10000000/20000000", "8s/8s"]
    await driver.close()


async def test_five_thousand_at_20_ms(router: Router, simulator: Simulator) -> None:
    router.add("/ppp/profile", name="20M", rate_limit="20M/40M")
    names = [f"u{number}" for number in range(5_000)]
    for name in names:
        router.add(SECRET, name=name, profile="10M")
        router.dial(name)
    simulator.faults.delay_seconds = 0.02
    driver = made(PppoeDriver, simulator, timeout_seconds=10, kicks_per_second=1_000)
    await driver.open()
    began = time.perf_counter()
    outcomes = await applied(driver, refs(names, rate_down_kbps=40_000, rate_up_kbps=20_000))
    took = time.perf_counter() - began
    assert Counter(one.result for one in outcomes.values()) == {Result.CHANGED: 5_000}
    assert {found["profile"] for found in router.table(SECRET).rows.values()} == {"20M"}
    print(f"5,000 plans at 20 ms: {took:.1f} s")
    assert took < 60, "20 s where nothing else runs"
    await driver.close()


async def test_who_is_in_the_garden_without_a_snapshot_is_reclaimed(router: Router, simulator: Simulator) -> None:
    router.add("/ppp/profile", name="20M", rate_limit="20M/40M")
    for name, profile in (("budi", "isolir"), ("odd", "isolir"), ("active", "10M")):
        router.add(SECRET, name=name, profile=profile)
        router.dial(name)
    wanted = [Ref(1, "budi", 40_000, 20_000), Ref(2, "odd", 7_000, 7_000), Ref(3, "active", 40_000, 20_000)]
    driver = made(PppoeDriver, simulator)
    await driver.open()
    outcomes = await restored(driver, [Job(ref, {}, reclaim=True) for ref in wanted])
    assert [outcomes[ref.id].result for ref in wanted] == [Result.CHANGED, Result.FAILED, Result.UNCHANGED]
    assert outcomes[2].message is not None
    assert "by hand" in outcomes[2].message.english
    assert [row(router, SECRET, ref.key)["profile"] for ref in wanted] == ["20M", "isolir", "10M"]
    await asyncio.sleep(0.1)
    assert [online(router, SECRET, ref.key) for ref in wanted] == [True, False, True]
    assert (await driver.read_state(wanted[:1], {}))[1].actual is State.ACTIVE
    await driver.close()


async def test_other_methods_reclaim_what_bears_our_mark(router: Router, simulator: Simulator) -> None:
    router.add(QUEUE, name="budi", target="10.9.0.1/32", max_limit="64k/64k")
    router.add(QUEUE, name="slow", target="10.9.0.2/32", max_limit="1M/1M")
    queue = made(QueueDriver, simulator)
    await queue.open()
    outcomes = await restored(queue, [Job(ref, {}, reclaim=True) for ref in refs(["budi", "slow"], 40_000, 20_000)])
    assert [outcomes[1].result, outcomes[2].result] == [Result.CHANGED, Result.UNCHANGED]
    assert row(router, QUEUE, "budi")["max-limit"] == "20000000/40000000"
    await queue.close()
    listed = made(AddressListDriver, simulator)
    await listed.open()
    await blocked(listed, await jobs(listed, refs(["10.9.0.1"])))
    assert (await restored(listed, [Job(Ref(1, "10.9.0.1"), {}, reclaim=True)]))[1].result is Result.CHANGED
    assert online(router, "", "10.9.0.1")
    await listed.close()
    router.add(SECRET, name="dark", profile="10M", disabled="yes")
    router.add("/ip/dhcp-server/lease", mac_address="AA:BB:CC:00:00:01", block_access="yes")
    for driver, key in ((made(PppoeDriver, simulator, method="disable"), "dark"), (made(DhcpDriver, simulator), "AA:BB:CC:00:00:01")):
        await driver.open()
        outcome = (await restored(driver, [Job(Ref(1, key, 1, 1), {}, reclaim=True)]))[1]
        assert (outcome.result, outcome.fault) == (Result.FAILED, Fault.SETUP), "nothing tells who disabled it"
        await driver.close()


async def usage(driver: IsolationDriver[Any]) -> list[Usage]:
    assert isinstance(driver, UsageReader)
    await driver.open()
    try:
        return list(await driver.read_usage())
    finally:
        await driver.close()


async def test_who_is_online(router: Router, simulator: Simulator) -> None:
    router.add(SECRET, name="budi", profile="10M", remote_address="10.5.0.9")
    session = router.dial("budi") or {}
    session |= {"caller-id": "AA:BB:CC:00:00:09", "uptime": "1h2m3s"}
    row(router, "/interface", "<pppoe-budi>").update({"rx-byte": "1000", "tx-byte": "20000"})
    router.add("/ppp/active", name="noc", service="l2tp", address="10.99.0.9")
    (budi,) = await usage(made(PppoeDriver, simulator))
    assert (budi.key, budi.service_kind, budi.address, budi.mac) == ("budi", "PPPOE", "10.5.0.9", "AA:BB:CC:00:00:09")
    assert (budi.bytes_up, budi.bytes_down) == (1_000, 20_000)
    assert budi.since is not None
    assert abs(datetime.now(UTC) - timedelta(seconds=3_723) - budi.since) < timedelta(seconds=30)
    for _ in range(2):
        router.add("/ip/hotspot/active", user="siti", address="10.7.0.1", mac_address="AA:BB:CC:00:00:07", uptime="00:00:10", bytes_in="7")
    assert [(one.key, one.service_kind, one.bytes_up, one.bytes_down) for one in await usage(made(HotspotDriver, simulator))] == [
        ("siti", "HOTSPOT", 7, 0)
    ] * 2
    lease = {"mac_address": "AA:BB:CC:00:00:01", "address": "10.6.0.1"}
    router.add("/ip/dhcp-server/lease", **lease, status="bound", active_address="10.6.0.1")
    router.add("/ip/dhcp-server/lease", mac_address="AA:BB:CC:00:00:02", address="10.6.0.2")
    assert await usage(made(DhcpDriver, simulator)) == [Usage("AA:BB:CC:00:00:01", "DHCP", None, "10.6.0.1", "AA:BB:CC:00:00:01")]
    router.add(QUEUE, name="budi", target="10.9.0.1/32", rate="8000/64000", bytes="5/6")
    router.add(QUEUE, name="idle", target="10.9.0.2/32", rate="0/0", bytes="5/6")
    assert await usage(made(QueueDriver, simulator)) == [Usage("budi", "QUEUE", None, "10.9.0.1", "", 5, 6)]


def test_only_what_can_says_so() -> None:
    drivers = (PppoeDriver, HotspotDriver, QueueDriver, DhcpDriver, AddressListDriver)
    assert [issubclass(driver, PlanApplier) for driver in drivers] == [True, True, True, False, False]
    assert [issubclass(driver, UsageReader) for driver in drivers] == [True, True, True, True, False]
