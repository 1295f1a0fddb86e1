"""Reading customers from the router: all in one round trip, comments as people wrote them, never a password."""

import pytest
from sebilling.plugins.contract import CustomerSource, DeviceError, Fault, Subscriber

from sebilling_mikrotik import DhcpDriver, HotspotDriver, PppoeDriver, QueueDriver
from sebilling_mikrotik.testing import Router, Simulator

from .conftest import NAMES, PASSWORD, made


async def read(simulator: Simulator, **more: object) -> dict[str, Subscriber]:
    driver = made(PppoeDriver, simulator, **more)
    await driver.open()
    try:
        return {one.key: one for one in await driver.read_customers()}
    finally:
        await driver.close()


async def test_secrets_and_profiles_become_customers(router: Router, simulator: Simulator) -> None:
    for name in NAMES:
        router.add("/ppp/secret", name=name, password=PASSWORD, profile="10M", disabled="yes" if name == "0812" else "no")
    router.add("/ppp/profile", name="lepas", rate_limit="0/0")
    router.add("/ppp/profile", name="satu", rate_limit="512k")
    router.add("/ppp/secret", name="free", profile="lepas")
    router.add("/ppp/secret", name="one", profile="satu", comment="Toko Jaya - LKT01")
    router.add("/ppp/secret", name="cut", profile="isolir")
    router.add("/ppp/secret", name="pop-bukit", profile="10M", service="sstp")
    router.add("/ppp/secret", name="any", profile="satu", service="any")
    found = await read(simulator)
    assert [*found] == [*NAMES, "free", "one", "cut", "pop-bukit", "any"]
    assert {name: one.left_out.english for name, one in found.items() if one.left_out} == {"pop-bukit": "service sstp"}, (
        "a tunnel is no customer"
    )
    for name in NAMES:
        assert found[name] == Subscriber(name, "PPPOE", "10M", disabled=name == "0812", rate_down_kbps=20_000, rate_up_kbps=10_000)
    assert found["free"] == Subscriber("free", "PPPOE", "lepas"), "0 is no limit"
    assert found["one"] == Subscriber("one", "PPPOE", "satu", "Toko Jaya - LKT01", rate_down_kbps=512, rate_up_kbps=512)
    assert found["cut"].plan is None, "nobody can tell the plan of who is cut"
    assert (await read(simulator, method="disable"))["cut"].plan == "isolir", "it is a profile like any other then"
    assert PASSWORD not in str(found)
    assert not [command for command in simulator.seen if "password" in str(command)]


async def test_a_comment_of_an_old_winbox(router: Router, simulator: Simulator) -> None:
    raw = "".join(chr(byte) if byte < 0x80 else chr(0xF700 + byte) for byte in "Café Dé".encode("cp1252"))
    router.add("/ppp/secret", name="a", profile="10M", comment="Café 🌴")
    router.add("/ppp/secret", name="b", profile="10M", comment=raw)
    assert {name: one.comment for name, one in (await read(simulator)).items()} == {"a": "Café 🌴", "b": "Café Dé"}


@pytest.mark.parametrize("refused", ["/ppp/secret/print", "/ppp/profile/print"])
async def test_all_or_an_error(router: Router, simulator: Simulator, refused: str) -> None:
    router.add("/ppp/secret", name="a", profile="10M")
    simulator.faults.traps = {refused: ("2", "not enough permissions (9)")}
    with pytest.raises(DeviceError) as caught:
        await read(simulator)
    assert caught.value.fault is Fault.PERMISSION
    simulator.faults.traps, simulator.faults.reset_after = None, 1
    with pytest.raises(DeviceError):
        await read(simulator)


async def test_hotspot_users_without_vouchers(router: Router, simulator: Simulator) -> None:
    router.add("/ip/hotspot/user/profile", name="10M", rate_limit="10M/20M")
    router.add("/ip/hotspot/user", name="siti", password=PASSWORD, profile="10M", comment="Siti - LKT01", limit_uptime="0s")
    router.add("/ip/hotspot/user", name="vc-1234", profile="10M", limit_uptime="1d")
    router.add("/ip/hotspot/user", name="T-AA:BB", profile="default", dynamic="true")
    router.add("/ip/hotspot/user", name="cut", profile="isolir")
    driver = made(HotspotDriver, simulator)
    await driver.open()
    siti, ticket, trial, cut = await driver.read_customers()
    await driver.close()
    assert siti == Subscriber("siti", "HOTSPOT", "10M", "Siti - LKT01", rate_down_kbps=20_000, rate_up_kbps=10_000)
    assert ticket.left_out is not None
    assert "limit-uptime=1d" in ticket.left_out.english
    assert trial.left_out is not None
    assert (cut.plan, cut.left_out) == (None, None)
    assert not [command for command in simulator.seen if "password" in str(command)]


def test_only_who_can_list_customers_says_so() -> None:
    drivers = (PppoeDriver, HotspotDriver, QueueDriver, DhcpDriver)
    assert [issubclass(driver, CustomerSource) for driver in drivers] == [True, True, False, False]
