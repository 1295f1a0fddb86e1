"""Blocked on IPv4 alone isn't blocked."""

import asyncio

import pytest
from sebilling.plugins.contract import DeviceError, Fault, Result, State

from sebilling_mikrotik import AddressListDriver, HotspotDriver, PppoeDriver, QueueDriver
from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.terminal import paste
from sebilling_mikrotik.testing.traffic import connect, online

from .conftest import PASSWORD, blocked, jobs, made, refs, restored

SECRET, QUEUE, USER = "/ppp/secret", "/queue/simple", "/ip/hotspot/user"


@pytest.mark.parametrize("given", ["secret", "isolir", "default"])
async def test_a_session_with_ipv6_needs_a_garden_without_it(given: str, router: Router, simulator: Simulator) -> None:
    router.add(SECRET, name="budi", profile="10M", **({"remote_ipv6_prefix": "2001:db8:b::/64"} if given == "secret" else {}))
    if given != "secret":
        (router.table("/ppp/profile").find(given) or {})["dhcpv6-pd-pool"] = "pool6"
    router.dial("budi")
    driver = made(PppoeDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs(["budi"]))
    await blocked(driver, [job])
    await asyncio.sleep(0.1)
    reading = (await driver.read_state([job.ref], {1: job.snapshot}))[1]
    assert online(router, SECRET, "budi")
    assert reading.actual is State.ACTIVE
    assert reading.detail is not None
    assert paste(router, reading.detail.english) == 1
    assert online(router, SECRET, "budi"), "the session goes on as it began"
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.ACTIVE
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert not online(router, SECRET, "budi")
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.BLOCKED
    assert (await restored(driver, [job]))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert online(router, SECRET, "budi")
    await driver.close()


async def test_the_probe_tells_of_ipv6_in_profiles(router: Router, simulator: Simulator) -> None:
    (router.table("/ppp/profile").find("10M") or {})["remote-ipv6-prefix-pool"] = "pool6"
    assert not [one for one in (await made(PppoeDriver, simulator).probe()).problems if "IPv6" in one.english], "blocked ones get none"
    (router.table("/ppp/profile").find("default") or {})["remote-ipv6-prefix-pool"] = "pool6"
    (problem,) = [one.english for one in (await made(PppoeDriver, simulator).probe()).problems if "TLS" not in one.english]
    assert "IPv6 is on" in problem
    next(iter(router.table("/ipv6/settings").rows.values()))["disable-ipv6"] = "true"
    assert not [one for one in (await made(PppoeDriver, simulator).probe()).problems if "IPv6" in one.english]


async def test_an_ipv6_network_is_blocked_by_its_own_list_and_wall(router: Router, simulator: Simulator) -> None:
    key = "2001:db8:8::/56"
    driver = made(AddressListDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs([key]))
    with pytest.raises(DeviceError) as caught:
        await blocked(driver, [job])
    assert caught.value.fault is Fault.SETUP
    assert paste(router, caught.value.message.english) == 2
    router.add("/ipv6/firewall/filter", chain="forward", action="fasttrack-connection")
    assert connect(router, "2001:db8:8::1") is not None
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    assert not online(router, "", key)
    assert online(router, "", "2001:db8:9::/56")
    assert not router.table("/ip/firewall/address-list").rows
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.BLOCKED
    assert (await blocked(driver, [job]))[1].result is Result.UNCHANGED
    assert (await restored(driver, [job]))[1].result is Result.CHANGED
    assert online(router, "", key)
    assert not router.table("/ipv6/firewall/address-list").rows
    await driver.close()


async def test_an_ipv4_address_needs_the_ipv6_wall_too_where_customers_have_ipv6(router: Router, simulator: Simulator) -> None:
    router.add("/ipv6/address", address="2001:db8:1::1/64", interface="bridge")
    router.add("/ipv6/address", address="fe80::1/64", interface="ether1", advertise="no")
    driver = made(AddressListDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(["10.9.0.1"]))
    with pytest.raises(DeviceError) as caught:
        await blocked(driver, wanted)
    assert "/ipv6 firewall filter" in caught.value.message.english
    assert caught.value.message in (await driver.probe()).problems
    paste(router, caught.value.message.english)
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    await driver.close()


@pytest.mark.parametrize("kind", ["its own address", "a delegated prefix"])
async def test_a_static_customer_with_ipv6_is_offline_when_both_are_blocked(kind: str, router: Router, simulator: Simulator) -> None:
    mac, network = "AA:BB:CC:00:00:09", "2001:db8:8::/56"
    router.add("/ipv6/address", address="2001:db8:1::1/64", interface="bridge")
    router.add("/ip/arp", address="10.9.0.1", mac_address=mac)
    router.add("/ipv6/neighbor", address="fe80::9", mac_address=mac)
    if kind == "its own address":
        router.add("/ipv6/neighbor", address="2001:db8:8::9", mac_address=mac)
    else:
        router.add("/ipv6/dhcp-server/binding", address=network, client_address="fe80::9")
    router.add("/ipv6/firewall/filter", chain="forward", action="drop", src_address_list="ISOLIR")
    driver = made(AddressListDriver, simulator)
    await driver.open()
    first, second = await jobs(driver, refs(["10.9.0.1", network]))
    assert (await blocked(driver, [first]))[1].result is Result.CHANGED
    assert online(router, "", "10.9.0.1")
    reading = (await driver.read_state([first.ref], {1: first.snapshot}))[1]
    assert reading.actual is State.ACTIVE
    assert reading.detail is not None
    assert "2001:db8:8::" in reading.detail.english
    assert (await blocked(driver, [second]))[2].result is Result.CHANGED
    assert not online(router, "", "10.9.0.1")
    assert (await driver.read_state([first.ref], {1: first.snapshot}))[1].actual is State.BLOCKED
    await driver.close()


@pytest.mark.parametrize("method", ["profile", "disable"])
async def test_a_hotspot_with_ipv6_holds_nobody_back(method: str, router: Router, simulator: Simulator) -> None:
    router.add(USER, name="budi")
    address = router.add("/ipv6/address", address="2001:db8:d::1/64", interface="bridge")
    driver = made(HotspotDriver, simulator, method=method)
    await driver.open()
    (job,) = await jobs(driver, refs(["budi"]))
    await blocked(driver, [job])
    assert online(router, USER, "budi")
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.ACTIVE
    assert any("IPv6" in problem.english for problem in (await driver.probe()).problems)
    address["disabled"] = "true"
    assert not online(router, USER, "budi")
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.BLOCKED
    await driver.close()


async def test_a_queue_for_ipv4_alone_limits_ipv4_alone(router: Router, simulator: Simulator) -> None:
    queue = router.add(QUEUE, name="budi", target="10.9.0.1/32", max_limit="10M/20M")
    router.add("/ipv6/dhcp-server", name="six", interface="bridge")
    driver = made(QueueDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs(["budi"]))
    await blocked(driver, [job])
    assert online(router, QUEUE, "budi")
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.ACTIVE
    (router.table("/ipv6/dhcp-server").find("six") or {})["interface"] = "<pppoe-siti>"
    assert not online(router, QUEUE, "budi"), "a PPP session's IPv6 is its own"
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.BLOCKED
    (router.table("/ipv6/dhcp-server").find("six") or {})["interface"] = "bridge"
    queue["target"] = "10.9.0.1/32,2001:db8:1::/64"
    assert not online(router, QUEUE, "budi")
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.BLOCKED
    await driver.close()


async def test_a_router_without_ipv6() -> None:
    router = Router(version="6.49.10 (long-term)", ipv6=False)
    router.user("sebilling", PASSWORD)
    router.setup()
    async with Simulator(router) as simulator:
        driver = made(AddressListDriver, simulator)
        await driver.open()
        wanted = await jobs(driver, refs(["10.9.0.1"]))
        assert (await blocked(driver, wanted))[1].result is Result.CHANGED
        assert not online(router, "", "10.9.0.1")
        with pytest.raises(DeviceError) as caught:
            await blocked(driver, await jobs(driver, refs(["2001:db8::5"])))
        assert "no IPv6" in caught.value.message.english
        await driver.close()
