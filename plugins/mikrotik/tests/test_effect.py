"""Blocked means offline: judged by the packets that get through the simulated router, not by its rows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from sebilling.plugins.contract import DeviceError, Fault, IsolationDriver, Result, State

from sebilling_mikrotik import AddressListDriver, HotspotDriver, PppoeDriver
from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.terminal import paste
from sebilling_mikrotik.testing.traffic import connect, online

from .conftest import blocked, jobs, made, read_one, refs, restored

FILTER: Final = "/ip/firewall/filter"


@dataclass(frozen=True)
class Method:
    """A way of blocking that needs a wall, and one customer for it."""

    driver: type[IsolationDriver[Any]]
    menu: str
    key: str
    address: str

    def put(self, router: Router) -> None:
        if self.menu == "/ppp/secret":
            router.add(self.menu, name=self.key, profile="10M", remote_address=self.address, service="pppoe")
            router.dial(self.key)
        elif self.menu == "/ip/hotspot/user":
            router.add(self.menu, name=self.key)
            router.hotspot_login(self.key)


METHODS: Final = (
    Method(PppoeDriver, "/ppp/secret", "budi", "10.5.0.9"),
    Method(HotspotDriver, "/ip/hotspot/user", "budi", "10.0.0.1"),
    Method(AddressListDriver, "/ip/firewall/address-list", "10.9.0.1", "10.9.0.1"),
)


@pytest.fixture(params=METHODS, ids=lambda method: method.driver.kind)
def method(request: pytest.FixtureRequest) -> Method:
    found: Method = request.param
    return found


def rule(router: Router, **fields: str) -> None:
    """Put a rule at the top."""
    table = router.table(FILTER)
    table.move([router.add(FILTER, **fields)], 0)


LEAKS: Final[Sequence[tuple[str, dict[str, str]]]] = (
    ("no wall", {}),
    ("off", {"action": "drop", "src_address_list": "ISOLIR", "disabled": "yes"}),
    ("invalid", {"action": "drop", "src_address_list": "ISOLIR", "invalid": "true"}),
    ("other chain", {"chain": "input", "action": "drop", "src_address_list": "ISOLIR"}),
    ("destination", {"action": "drop", "dst_address_list": "ISOLIR"}),
    ("accepts", {"action": "accept", "src_address_list": "ISOLIR"}),
    ("only TCP", {"action": "reject", "src_address_list": "ISOLIR", "protocol": "tcp"}),
    ("only new ones", {"action": "drop", "src_address_list": "ISOLIR", "connection_state": "invalid"}),
    ("one way out", {"action": "drop", "src_address_list": "ISOLIR", "out_interface": "backup"}),
    ("other list", {"action": "drop", "src_address_list": "isolir"}),
)


@pytest.mark.parametrize("leak", [fields for _, fields in LEAKS], ids=[name for name, _ in LEAKS])
async def test_what_is_no_wall_blocks_nobody_and_the_printed_lines_mend_it(
    leak: dict[str, str], method: Method, router: Router, simulator: Simulator
) -> None:
    table = router.table(FILTER)
    for row in list(table.rows.values()):
        table.remove(row)
    if leak:
        rule(router, **leak)
    method.put(router)
    driver = made(method.driver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs([method.key]))
    with pytest.raises(DeviceError) as caught:
        await blocked(driver, [job])
    assert caught.value.fault is Fault.SETUP
    (problem,) = [one for one in (await driver.probe()).problems if "TLS" not in one.english]
    assert problem == caught.value.message
    assert paste(router, problem.english) > 0
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert not online(router, method.menu, method.key)
    assert (await read_one(driver, job)).actual is State.BLOCKED
    assert (await restored(driver, [job]))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert online(router, method.menu, method.key)
    assert (await read_one(driver, job)).actual is State.ACTIVE
    await driver.close()


ABOVE: Final[Sequence[tuple[str, dict[str, str]]]] = (
    ("established", {"connection_state": "established,related"}),
    ("everything", {}),
    ("its own list", {"src_address_list": "ISOLIR"}),
    ("HTTPS", {"protocol": "tcp", "dst_port": "443"}),
    ("ping", {"protocol": "icmp"}),
    ("anywhere", {"dst_address": "0.0.0.0/0"}),
    ("customers", {"src_address": "10.0.0.0/8"}),
    ("FastTrack", {"action": "fasttrack-connection", "connection_state": "established,related"}),
    ("jump", {"action": "jump", "jump_target": "customers"}),
)


@pytest.mark.parametrize("above", [fields for _, fields in ABOVE], ids=[name for name, _ in ABOVE])
async def test_a_rule_above_the_wall_lets_through_and_the_printed_line_mends_it(
    above: dict[str, str], method: Method, router: Router, simulator: Simulator
) -> None:
    method.put(router)
    rule(router, chain="customers", action="accept")
    driver = made(method.driver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs([method.key]))
    connect(router, method.address)
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert not online(router, method.menu, method.key)
    rule(router, **above)
    connect(router, method.address)
    state = await read_one(driver, job)
    assert state.actual is State.ACTIVE, "not in effect"
    assert state.detail is not None
    with pytest.raises(DeviceError) as caught:
        await blocked(driver, [job])
    assert paste(router, caught.value.message.english) == 1
    assert (await blocked(driver, [job]))[1].result in {Result.CHANGED, Result.UNCHANGED}
    await asyncio.sleep(0.1)
    assert not online(router, method.menu, method.key)
    assert (await read_one(driver, job)).actual is State.BLOCKED
    await driver.close()


FINE: Final[Sequence[tuple[str, Sequence[dict[str, str]]]]] = (
    ("as the README has it", [
        {"action": "drop", "src_address_list": "ISOLIR"}, {"action": "reject", "src_address_list": "ISOLIR", "protocol": "tcp"},
        {"action": "accept", "src_address_list": "ISOLIR", "dst_address": "203.0.113.80"},
        {"action": "accept", "src_address_list": "ISOLIR", "protocol": "udp", "dst_port": "53"},
    ]),
    ("all but the page", [{"action": "drop", "src_address_list": "ISOLIR", "dst_address": "!203.0.113.80"}]),
    ("all but the pages", [{"action": "reject", "src_address_list": "ISOLIR", "dst_address_list": "!PAY"}]),
    ("a chain of its own", [
        {"chain": "isolir", "action": "drop"}, {"chain": "isolir", "protocol": "udp", "dst_port": "53"},
        {"action": "jump", "jump_target": "isolir", "src_address_list": "ISOLIR"},
    ]),
    ("IPsec above", [{"action": "drop", "src_address_list": "ISOLIR"}, {"ipsec_policy": "in,ipsec"}]),
    ("others above", [{"action": "drop", "src_address_list": "ISOLIR"}, {"src_address_list": "!ISOLIR"}]),
)  # fmt: skip


@pytest.mark.parametrize("rules", [rules for _, rules in FINE], ids=[name for name, _ in FINE])
async def test_walls_of_several_kinds(rules: Sequence[dict[str, str]], router: Router, simulator: Simulator) -> None:
    router.table(FILTER).remove(next(iter(router.table(FILTER).rows.values())))
    rule(router, action="accept", connection_state="established,related")
    for fields in rules:
        rule(router, **fields)
    driver = made(AddressListDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs(["10.9.0.1"]))
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    assert not online(router, "", "10.9.0.1")
    assert online(router, "", "10.9.0.2")
    assert (await read_one(driver, job)).actual is State.BLOCKED
    await driver.close()


@pytest.mark.parametrize("where", [FILTER, "/ip/firewall/mangle"])
async def test_connections_from_before_in_fasttrack_are_ended(where: str, method: Method, router: Router, simulator: Simulator) -> None:
    """A download that began before the block goes on past every rule, with the same address after dialling again."""
    method.put(router)
    router.add(where, chain="forward", action="fasttrack-connection", connection_state="established,related")
    download = connect(router, method.address)
    assert download is not None
    download["fasttrack"] = "true"
    bystander = router.add("/ip/firewall/connection", src_address="10.7.7.7:1", reply_src_address="198.51.100.77:443", fasttrack="true")
    incoming = router.add(
        "/ip/firewall/connection", src_address="198.51.100.9:9", reply_src_address=f"{method.address}:22", fasttrack="true"
    )
    driver = made(method.driver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs([method.key]))
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert not online(router, method.menu, method.key)
    assert list(router.table("/ip/firewall/connection").rows.values()) == [bystander]
    if method.menu != "/ip/hotspot/user":  # its next login is under another address
        router.add("/ip/firewall/connection", **{name.replace("-", "_"): value for name, value in incoming.items() if name != ".id"})
        assert online(router, method.menu, method.key)
        assert (await read_one(driver, job)).actual is State.ACTIVE
        assert (await blocked(driver, [job]))[1].result is Result.CHANGED
        await asyncio.sleep(0.1)
        assert not online(router, method.menu, method.key)
        assert (await read_one(driver, job)).actual is State.BLOCKED
    await driver.close()


async def test_a_connection_that_cant_be_ended_is_told(router: Router, simulator: Simulator) -> None:
    router.add(FILTER, chain="forward", action="fasttrack-connection")
    router.add("/ip/firewall/connection", src_address="10.9.0.1:1", reply_src_address="198.51.100.77:443", fasttrack="true")
    driver = made(AddressListDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(["10.9.0.1"]))
    simulator.faults.traps = {"/ip/firewall/connection/remove": ("", "no such item")}
    outcome = (await blocked(driver, wanted))[1]
    assert (outcome.result, outcome.retryable) == (Result.FAILED, True)
    await driver.close()


async def test_rules_that_the_router_made_itself_stay_at_the_top(router: Router, simulator: Simulator) -> None:
    """A hotspot's jump, whose chain lets nobody through, and FastTrack's counter."""
    table = router.table(FILTER)
    for row in list(table.rows.values()):
        table.remove(row)
    rule(router, action="accept", connection_state="established,related")
    rule(router, chain="hs-unauth", action="reject", dynamic="true")
    rule(router, action="jump", jump_target="hs-unauth", protocol="hotspot", dynamic="true")
    rule(router, action="passthrough", dynamic="true")
    driver = made(AddressListDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs(["10.9.0.1"]))
    with pytest.raises(DeviceError) as caught:
        await blocked(driver, [job])
    assert "place-before=3" in caught.value.message.english
    assert paste(router, caught.value.message.english) == 2
    assert [row["dynamic"] for row in table.rows.values()] == ["true", "true", "true", "false", "false", "false"]
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    assert not online(router, "", "10.9.0.1")
    await driver.close()
