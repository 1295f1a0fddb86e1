"""Secrets of PPPoE beside tunnels of the same name: only the customer's are read, blocked and ended."""

import asyncio

from sebilling.plugins.contract import Fault, Ref, Result, State

from sebilling_mikrotik import PppoeDriver
from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.traffic import online

from .conftest import blocked, jobs, made, refs, restored


def put(router: Router) -> None:
    router.add("/ppp/profile", name="vpn-noc")
    router.add("/ppp/secret", name="gito", profile="10M", service="pppoe")
    router.add("/ppp/secret", name="gito", profile="vpn-noc", service="l2tp")
    router.add("/ppp/secret", name="noc", profile="vpn-noc", service="l2tp")
    router.add("/ppp/active", name="gito", service="pppoe", address="10.20.0.9")
    router.add("/ppp/active", name="gito", service="l2tp", address="10.99.0.9")
    router.add("/ppp/active", name="noc", service="l2tp", address="10.99.0.8")


def sessions(router: Router) -> list[tuple[str, str]]:
    return [(row["name"], row["service"]) for row in router.table("/ppp/active").rows.values()]


async def test_a_tunnel_of_the_same_name_is_left_alone(router: Router, simulator: Simulator) -> None:
    put(router)
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(["gito", "noc"]))
    outcomes = await blocked(driver, wanted)
    assert (outcomes[1].result, outcomes[2].fault) == (Result.CHANGED, Fault.ABSENT)
    assert outcomes[2].message is not None
    assert "l2tp" in outcomes[2].message.english
    secrets = [(row["name"], row["service"], row["profile"]) for row in router.table("/ppp/secret").rows.values()]
    assert secrets == [("gito", "pppoe", "isolir"), ("gito", "l2tp", "vpn-noc"), ("noc", "l2tp", "vpn-noc")]
    await asyncio.sleep(0.1)
    assert sorted(sessions(router)) == [("gito", "l2tp"), ("gito", "pppoe"), ("noc", "l2tp")]
    assert not online(router, "/ppp/secret", "gito")
    states = await driver.read_state([job.ref for job in wanted], {1: wanted[0].snapshot})
    assert [states[number].actual for number in (1, 2)] == [State.BLOCKED, State.ABSENT]
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert online(router, "/ppp/secret", "gito")
    await driver.close()


async def test_a_secret_of_any_service_is_cut_in_each(router: Router, simulator: Simulator) -> None:
    router.add("/ppp/secret", name="any", profile="10M", service="any")
    router.dial("any")
    router.add("/ppp/active", name="any", service="l2tp", address="10.99.0.7")
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(["any"]))
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    await asyncio.sleep(0.1)
    assert sessions(router) == [("any", "pppoe")]
    assert not online(router, "/ppp/secret", "any")
    await driver.close()


async def test_two_secrets_for_one_customer_are_ambiguous(router: Router, simulator: Simulator) -> None:
    for service in ("pppoe", "any"):
        router.add("/ppp/secret", name="budi", profile="10M", service=service)
    driver = made(PppoeDriver, simulator)
    await driver.open()
    assert (await driver.read_state([Ref(1, "budi")], {}))[1].state is State.DRIFTED
    await driver.close()


async def test_one_customer_reads_only_their_rows_of_the_list(router: Router, simulator: Simulator) -> None:
    for name in ("budi", "siti"):
        router.add("/ppp/secret", name=name, profile="isolir")
        router.dial(name)
    for number in range(50):
        router.add("/ip/firewall/address-list", list="SPAM", address=f"192.0.2.{number}", dynamic="true")
    driver = made(PppoeDriver, simulator)
    await driver.open()
    await driver.read_state(refs(["budi"]), {})
    (command,) = [command for command in simulator.seen if command[0] == "/ip/firewall/address-list/print"]
    address = (router.table("/ppp/active").find("budi") or {})["address"]
    assert set(command[2:]) == {"?list=ISOLIR", "?dynamic=true", f"?address={address}"}
    await driver.close()


async def test_a_session_that_takes_its_time_and_kicks_that_are_spread(router: Router, simulator: Simulator) -> None:
    names = [f"u{number}" for number in range(20)]
    for name in names:
        router.add("/ppp/secret", name=name, profile="10M")
        router.dial(name)
    driver = made(PppoeDriver, simulator, kicks_per_second=50, session_seconds=3)
    await driver.open()
    wanted = await jobs(driver, refs(names))
    loop, ended = asyncio.get_running_loop(), []
    table = router.table("/ppp/active")
    remove = table.remove

    def late(row: dict[str, str]) -> None:
        ended.append(loop.time())
        loop.call_later(0.8, lambda: remove(row))

    table.remove = late  # type: ignore[method-assign]  # this router takes 0.8 s to end a session
    outcomes = await blocked(driver, wanted)
    assert {one.result for one in outcomes.values()} == {Result.CHANGED}
    assert ended[-1] - ended[0] > 0.25, "20 at 50 per second"
    assert not table.rows
    assert 60 < driver.budget(1_000) <= 900
    assert driver.budget(10) < driver.budget(1_000)
    await driver.close()
