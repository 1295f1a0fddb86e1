"""The life of a customer under each driver: read, snapshot, cut, read, give back, byte for byte."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sebilling.plugins.contract import Fault, IsolationDriver, Job, Ref, Result, State

from sebilling_mikrotik import AddressListDriver, DhcpDriver, HotspotDriver, PppoeDriver, QueueDriver
from sebilling_mikrotik.testing import Router, Simulator

from .conftest import NAMES, blocked, jobs, made, refs, restored

MACS = [f"AA:BB:CC:00:00:{number:02X}" for number in range(11)]
ADDRESSES = [f"10.9.0.{number}" for number in range(1, 11)] + ["10.9.1.0/29"]


@dataclass(frozen=True)
class World:
    """A driver, the menu that it changes, and how a customer is put there."""

    driver: type[IsolationDriver[Any]]
    menu: str
    keys: tuple[str, ...]
    put: Callable[[Router, str], object]
    by_hand: dict[str, str]
    more: tuple[tuple[str, str], ...] = ()


def put_secret(router: Router, key: str) -> None:
    router.add("/ppp/secret", name=key, password="x", profile="10M", remote_address="10.5.0.9", comment="rumah = 3")
    router.dial(key)


def put_user(router: Router, key: str) -> None:
    router.add("/ip/hotspot/user", name=key, password="x", profile="default")
    router.hotspot_login(key)


def put_queue(router: Router, key: str) -> None:
    router.add("/queue/simple", name=key, target="10.5.0.1/32", max_limit="10M/20M")


def put_lease(router: Router, key: str) -> None:
    router.add("/ip/dhcp-server/lease", mac_address=key, address="10.6.0.1")


WORLDS = {
    "pppoe": World(PppoeDriver, "/ppp/secret", NAMES, put_secret, {"profile": "default"}),
    "pppoe-disable": World(PppoeDriver, "/ppp/secret", NAMES, put_secret, {}, (("method", "disable"),)),
    "hotspot": World(HotspotDriver, "/ip/hotspot/user", NAMES, put_user, {"profile": "other"}),
    "hotspot-disable": World(HotspotDriver, "/ip/hotspot/user", NAMES, put_user, {}, (("method", "disable"),)),
    "queue": World(QueueDriver, "/queue/simple", NAMES, put_queue, {"max-limit": "5M/5M"}),
    "dhcp": World(DhcpDriver, "/ip/dhcp-server/lease", tuple(MACS), put_lease, {}),
    "address_list": World(AddressListDriver, "/ip/firewall/address-list", tuple(ADDRESSES), lambda *_: None, {"disabled": "true"}),
}


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    return WORLDS[request.param]


def rows(router: Router, menu: str) -> list[dict[str, str]]:
    return [dict(row) for row in router.table(menu).rows.values() if row.get("dynamic") != "true"]


async def test_the_whole_life(world: World, router: Router, simulator: Simulator) -> None:
    for key in world.keys:
        world.put(router, key)
    before = rows(router, world.menu)
    driver = made(world.driver, simulator, **dict(world.more))
    await driver.open()
    wanted = await jobs(driver, refs(world.keys))
    wanted = [Job(job.ref, json.loads(json.dumps(job.snapshot))) for job in wanted]
    snapshots = {job.ref.id: job.snapshot for job in wanted}
    everybody = [job.ref for job in wanted]
    assert {one.state for one in (await driver.read_state(everybody, {})).values()} == {State.ACTIVE}
    for expected in (Result.CHANGED, Result.UNCHANGED):
        assert {one.result for one in (await blocked(driver, wanted)).values()} == {expected}
        await asyncio.sleep(0.1)  # they dial again
        assert {one.state for one in (await driver.read_state(everybody, snapshots)).values()} == {State.BLOCKED}
    for expected in (Result.CHANGED, Result.UNCHANGED):
        assert {one.result for one in (await restored(driver, wanted)).values()} == {expected}
        await asyncio.sleep(0.1)
        assert {one.state for one in (await driver.read_state(everybody, snapshots)).values()} == {State.ACTIVE}
    assert rows(router, world.menu) == before
    await driver.close()


@pytest.mark.parametrize("world", [world for name, world in WORLDS.items() if name != "address_list"])  # an address has no row of its own
async def test_a_missing_one_and_a_doubled_one_fail_alone(world: World, router: Router, simulator: Simulator) -> None:
    good, double, gone = world.keys[:3]
    for key in (good, double, double):
        world.put(router, key)
    driver = made(world.driver, simulator, **dict(world.more))
    await driver.open()
    wanted = await jobs(driver, refs([good, double, gone]))
    assert [job.snapshot != {} for job in wanted] == [True, False, False]
    for outcomes in (await blocked(driver, wanted), await restored(driver, wanted)):
        assert [outcomes[number].fault for number in (1, 2, 3)] == [None, Fault.AMBIGUOUS, Fault.ABSENT]
        assert outcomes[1].result is Result.CHANGED
    states = await driver.read_state([job.ref for job in wanted], {})
    assert [states[number].actual for number in (1, 2, 3)] == [State.ACTIVE, State.DRIFTED, State.ABSENT]
    await driver.close()


@pytest.mark.parametrize("world", [world for world in WORLDS.values() if world.by_hand])  # a boolean is as it was or as we left it
async def test_what_a_hand_changed_is_reported_and_left_alone(world: World, router: Router, simulator: Simulator) -> None:
    router.add("/ip/hotspot/user/profile", name="other")
    world.put(router, world.keys[0])
    driver = made(world.driver, simulator, **dict(world.more))
    await driver.open()
    wanted = await jobs(driver, refs(world.keys[:1]))
    await blocked(driver, wanted)
    row = next(row for row in router.table(world.menu).rows.values() if row.get("dynamic") != "true")
    router.table(world.menu).set(row, world.by_hand)
    by_hand = dict(row)
    await asyncio.sleep(0.1)
    states = await driver.read_state([wanted[0].ref], {1: wanted[0].snapshot})
    assert states[1].actual is State.DRIFTED
    for outcomes in (await restored(driver, wanted), await blocked(driver, wanted)):
        assert (outcomes[1].result, outcomes[1].fault) == (Result.FAILED, Fault.DRIFTED)
    assert dict(row) == by_hand
    await driver.close()


async def test_only_what_cuts_is_ever_set(world: World, router: Router, simulator: Simulator) -> None:
    for key in world.keys[:3]:
        world.put(router, key)
    driver = made(world.driver, simulator, **dict(world.more))
    await driver.open()
    wanted = await jobs(driver, refs(world.keys[:3]))
    await blocked(driver, wanted)
    await restored(driver, wanted)
    await driver.close()
    fields = {word[1:].partition("=")[0] for command in simulator.seen if command[0].endswith(("/set", "/add")) for word in command[1:]}
    assert fields - {".id"} in ({"profile"}, {"disabled"}, {"max-limit"}, {"block-access"}, {"list", "address", "comment"})


@pytest.mark.parametrize("name", ["pppoe", "pppoe-disable", "hotspot", "hotspot-disable"])
async def test_a_call_that_died_before_the_kick_is_finished_by_the_next(name: str, router: Router, simulator: Simulator) -> None:
    world = WORLDS[name]
    world.put(router, world.keys[0])
    driver = made(world.driver, simulator, **dict(world.more))
    await driver.open()
    wanted = await jobs(driver, refs(world.keys[:1]))
    row = next(iter(router.table(world.menu).rows.values()))
    was = dict(row)
    router.table(world.menu).set(row, {"disabled": "yes"} if world.more else {"profile": "isolir"})  # as if only the set had come through
    assert (await driver.read_state([wanted[0].ref], {1: wanted[0].snapshot}))[1].actual is State.ACTIVE
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert (await driver.read_state([wanted[0].ref], {1: wanted[0].snapshot}))[1].actual is State.BLOCKED
    router.table(world.menu).set(row, {"disabled": was["disabled"], "profile": was["profile"]})
    if not world.more:
        if name == "hotspot":
            router.table("/ip/hotspot/user").set(row, {"profile": "isolir"})
            router.hotspot_login(world.keys[0])
            router.table("/ip/hotspot/user").set(row, {"profile": was["profile"]})
        assert (await driver.read_state([wanted[0].ref], {1: wanted[0].snapshot}))[1].actual is State.BLOCKED
        assert (await restored(driver, wanted))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert (await driver.read_state([wanted[0].ref], {1: wanted[0].snapshot}))[1].actual is State.ACTIVE
    await driver.close()


async def test_a_hotspot_cookie_goes_with_the_block_and_stays_with_the_restore(router: Router, simulator: Simulator) -> None:
    put_user(router, "budi")
    driver = made(HotspotDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await blocked(driver, wanted)
    assert not router.table("/ip/hotspot/active").rows
    assert not router.table("/ip/hotspot/cookie").rows
    router.hotspot_login("budi")
    await restored(driver, wanted)
    assert router.table("/ip/hotspot/cookie").find("budi")
    await asyncio.sleep(0.1)
    assert router.table("/ip/hotspot/active").find("budi")  # the cookie let him in again
    await driver.close()


async def test_a_queue_is_throttled_by_its_limit_alone(router: Router, simulator: Simulator) -> None:
    put_queue(router, "budi")
    router.add("/queue/simple", name="off", max_limit="1M/1M", disabled="yes")
    router.add("/queue/simple", name="<pppoe-x>", max_limit="1M/1M", dynamic="true")
    driver = made(QueueDriver, simulator)
    await driver.open()
    outcomes = await blocked(driver, await jobs(driver, refs(["budi", "off", "<pppoe-x>"])))
    assert [outcomes[number].fault for number in (1, 2, 3)] == [None, Fault.DRIFTED, Fault.SETUP]
    assert (router.table("/queue/simple").find("budi") or {})["max-limit"] == "64000/64000"
    await driver.close()
    with pytest.raises(ValueError, match="no limit at all"):
        made(QueueDriver, simulator, throttle="0/64k")


@pytest.mark.parametrize(
    ("rates", "profile", "told"), [(["7M/9M"], "p0", "p0"), ([], "10M", "no profile"), (["7M/9M", "7M/9M"], "10M", "several")]
)
async def test_a_changed_plan_takes_the_profile_of_its_speed(
    rates: list[str], profile: str, told: str, router: Router, simulator: Simulator
) -> None:
    for number, rate in enumerate(rates):
        router.add("/ppp/profile", name=f"p{number}", rate_limit=f"{rate} 8M/10M")
    put_secret(router, "budi")
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"], rate_down_kbps=9_000, rate_up_kbps=7_000), plan_changed=True)
    await blocked(driver, wanted)
    outcome = (await restored(driver, wanted))[1]
    assert outcome.result is Result.CHANGED
    assert outcome.message is not None
    assert told in outcome.message.english
    assert (router.table("/ppp/secret").find("budi") or {})["profile"] == profile
    await asyncio.sleep(0.1)
    assert (await driver.read_state([wanted[0].ref], {1: wanted[0].snapshot}))[1].actual is State.ACTIVE
    await driver.close()


async def test_a_changed_plan_sets_a_queue_upload_first(router: Router, simulator: Simulator) -> None:
    put_queue(router, "budi")
    driver = made(QueueDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"], rate_down_kbps=9_000, rate_up_kbps=7_000), plan_changed=True)
    await blocked(driver, wanted)
    assert [(await restored(driver, wanted))[1].result for _ in range(2)] == [Result.CHANGED, Result.UNCHANGED]
    assert (router.table("/queue/simple").find("budi") or {})["max-limit"] == "7000000/9000000"
    await driver.close()


async def test_only_our_own_entries_are_removed(router: Router, simulator: Simulator) -> None:
    router.add("/ip/firewall/address-list", list="ISOLIR", address="10.9.0.1", comment="by hand")
    router.add("/ip/firewall/address-list", list="OTHER", address="10.9.0.2", comment="sebilling:2")
    driver = made(AddressListDriver, simulator)
    await driver.open()
    wanted = [*await jobs(driver, refs(["10.9.0.1", "10.9.0.2"])), Job(Ref(3, "not an address"), {})]
    outcomes = await blocked(driver, wanted)
    assert [outcomes[number].fault for number in (1, 2, 3)] == [Fault.DRIFTED, None, Fault.REFUSED]
    outcomes = await restored(driver, wanted[:2])
    assert [outcomes[number].fault for number in (1, 2)] == [Fault.DRIFTED, None]
    assert [row["comment"] for row in rows(router, "/ip/firewall/address-list")] == ["by hand", "sebilling:2"]
    await driver.close()


async def test_who_was_in_isolir_before_us_stays_there(router: Router, simulator: Simulator) -> None:
    router.add("/ppp/secret", name="budi", profile="isolir")
    router.dial("budi")
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, wanted))[1].result is Result.UNCHANGED
    assert (await restored(driver, wanted))[1].result is Result.UNCHANGED
    await driver.close()


async def test_disabled_by_hand_while_cut_is_reported(router: Router, simulator: Simulator) -> None:
    put_secret(router, "budi")
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await blocked(driver, wanted)
    row = router.table("/ppp/secret").find("budi") or {}
    router.table("/ppp/secret").set(row, {"disabled": "yes"})
    assert (await restored(driver, wanted))[1].fault is Fault.DRIFTED
    assert row["profile"] == "isolir"
    await driver.close()


async def test_a_name_that_is_not_utf8_comes_back_to_the_byte(router: Router, simulator: Simulator) -> None:
    name = "caf\uf7e9"  # b"caf\xe9" on the wire
    router.add("/ppp/profile", name=name)
    router.add("/ppp/secret", name=name, profile=name)
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = [replace(job, snapshot=json.loads(json.dumps(job.snapshot))) for job in await jobs(driver, refs([name]))]
    await blocked(driver, wanted)
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert (router.table("/ppp/secret").find(name) or {})["profile"] == name
    await driver.close()


async def test_a_switch_that_routeros_leaves_out_is_kept_as_off(router: Router, simulator: Simulator) -> None:
    put_lease(router, MACS[0])
    row = next(iter(router.table("/ip/dhcp-server/lease").rows.values()))
    del row["block-access"], row["disabled"]
    driver = made(DhcpDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs(MACS[:1]))
    assert job.snapshot == {"block-access": "false", "disabled": "false"}, "an empty one couldn't be told from none"
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    assert (await restored(driver, [job]))[1].result is Result.CHANGED
    assert row["block-access"] == "false"
    await driver.close()
