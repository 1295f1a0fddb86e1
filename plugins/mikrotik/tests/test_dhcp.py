"""Leases: blocked once the bound lease has expired, and what lets a customer stay online."""

import pytest
from sebilling.plugins.contract import InvalidValue, Result, State

from sebilling_mikrotik import AddressListDriver, DhcpDriver, PppoeDriver
from sebilling_mikrotik.durations import seconds_of
from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.terminal import paste
from sebilling_mikrotik.testing.traffic import online

from .conftest import blocked, jobs, made, refs, restored

MAC = "AA:BB:CC:00:00:01"
LEASE = "/ip/dhcp-server/lease"


async def test_a_bound_lease_is_online_until_it_expires(router: Router, simulator: Simulator) -> None:
    lease = router.add(LEASE, mac_address=MAC, address="10.6.0.1", status="bound", expires_after="7m30s")
    driver = made(DhcpDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs([MAC]))
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    reading = (await driver.read_state([job.ref], {1: job.snapshot}))[1]
    assert online(router, LEASE, MAC)
    assert (reading.state, reading.actual, reading.look_again_seconds) == (State.BLOCKED, State.ACTIVE, 451)
    lease["status"] = "waiting"
    del lease["expires-after"]
    assert not online(router, LEASE, MAC)
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.BLOCKED
    assert (await blocked(driver, [job]))[1].result is Result.UNCHANGED
    assert (await restored(driver, [job]))[1].result is Result.CHANGED
    assert online(router, LEASE, MAC)
    assert (await driver.read_state([job.ref], {}))[1].actual is State.ACTIVE
    await driver.close()


async def test_the_probe_looks_at_lease_time_and_arp_and_prints_what_to_paste(router: Router, simulator: Simulator) -> None:
    server = router.table("/ip/dhcp-server").find("dhcp1") or {}
    server |= {"lease-time": "1d", "add-arp": "false"}
    (router.table("/interface/bridge").find("bridge") or {})["arp"] = "enabled"
    driver = made(DhcpDriver, simulator)
    long, arp = [problem.english for problem in (await driver.probe()).problems if "TLS" not in problem.english]
    assert "lease-time 1d" in long
    assert "arp=reply-only" in arp
    assert paste(router, long) + paste(router, arp) == 3
    assert [problem.english[:10] for problem in (await driver.probe()).problems] == ["TLS is off"]


async def test_ipv6_on_the_same_interface_keeps_them_online(router: Router, simulator: Simulator) -> None:
    router.add(LEASE, mac_address=MAC, address="10.6.0.1")
    address = router.add("/ipv6/address", address="2001:db8:d::1/64", interface="bridge")
    driver = made(DhcpDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs([MAC]))
    await blocked(driver, [job])
    assert online(router, LEASE, MAC)
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.ACTIVE
    assert any("IPv6" in problem.english for problem in (await driver.probe()).problems)
    address["disabled"] = "true"
    assert not online(router, LEASE, MAC)
    assert (await driver.read_state([job.ref], {1: job.snapshot}))[1].actual is State.BLOCKED
    await driver.close()


@pytest.mark.parametrize("text", ["aa-bb-cc-00-11-22", "AABB.CC00.1122", "aa:bb:cc:00:11:22", " AABBCC001122 "])
def test_one_spelling_of_a_mac(text: str) -> None:
    assert DhcpDriver.canonical_key("DHCP", text) == "AA:BB:CC:00:11:22"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("10.1.0.5", "10.1.0.5"), ("10.1.0.5/32", "10.1.0.5"), (" 10.1.0.8/29", "10.1.0.8/29"), ("2001:DB8:0:0::5", "2001:db8::5"),
        ("2001:db8::5/128", "2001:db8::5"), ("2001:db8:8::/56", "2001:db8:8::/56"),
    ],
)  # fmt: skip
def test_one_spelling_of_an_address(text: str, key: str) -> None:
    assert AddressListDriver.canonical_key("STATIC_IP", text) == key


@pytest.mark.parametrize("text", ["not-an-ip", "", "10.1.0.5/29", "0.0.0.0/0", "10.0.0.0/8", "2001::/16", "10.1.0", "10.1.0.5-10.1.0.9"])
def test_what_is_no_address_of_one_customer(text: str) -> None:
    with pytest.raises(InvalidValue):
        AddressListDriver.canonical_key("STATIC_IP", text)


@pytest.mark.parametrize("text", ["", "AA:BB:CC:00:11", "AA:BB:CC:00:11:2G", "budi"])
def test_what_is_no_mac(text: str) -> None:
    with pytest.raises(InvalidValue):
        DhcpDriver.canonical_key("DHCP", text)


def test_names_stay_as_they_are() -> None:
    assert PppoeDriver.canonical_key("PPPOE", "Budi @isp ") == "Budi @isp "


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7m30s", 450),
        ("1d", 86_400),
        ("1w2d3h4m5s", 788_645),
        ("00:09:32", 572),
        ("1d02:03:04", 93_784),
        ("0s", 0),
        ("never", None),
        ("", None),
    ],
)
def test_durations_as_routeros_prints_them(text: str, seconds: int | None) -> None:
    assert seconds_of(text) == seconds
