"""What goes wrong on the way, and what is told of it: never more than is known."""

import asyncio
import ssl
from collections import Counter
from typing import Any

import pytest
import trustme
from sebilling.plugins.contract import DeviceError, Fault, IsolationDriver, Result, State

from sebilling_mikrotik import AddressListDriver, PppoeDriver
from sebilling_mikrotik.session import Session
from sebilling_mikrotik.testing import Router, Simulator

from .conftest import PASSWORD, blocked, jobs, made, refs, restored

NAMES = [f"u{number}" for number in range(100)]
FIRST_READ = 12
"""Commands of the read before the first change."""


@pytest.fixture
def customers(router: Router) -> list[str]:
    for name in NAMES:
        router.add("/ppp/secret", name=name, profile="10M")
        router.dial(name)
    return NAMES


async def fault_of(driver: IsolationDriver[Any]) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await driver.open()
    await driver.close()
    assert PASSWORD not in str(caught.value)
    return caught.value


async def test_nobody_listens(simulator: Simulator) -> None:
    await simulator.stop()
    error = await fault_of(made(PppoeDriver, simulator))
    assert (error.fault, error.retryable) == (Fault.UNREACHABLE, True)


async def test_a_wrong_password_is_not_a_dead_link(simulator: Simulator) -> None:
    error = await fault_of(made(PppoeDriver, simulator, password="wrong"))
    assert (error.fault, error.retryable) == (Fault.AUTH, False)


async def test_a_router_before_6_43_is_noticed(simulator: Simulator) -> None:
    simulator.faults.challenge_login = True
    error = await fault_of(made(PppoeDriver, simulator))
    assert (error.fault, error.retryable) == (Fault.PROTOCOL, False)
    assert "6.43" in str(error)


async def test_a_plain_login_that_only_seems_to_work(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sebilling_mikrotik.testing.simulator._Connection._login", lambda *_: [("!done",)])
    assert (await fault_of(made(PppoeDriver, simulator))).fault is Fault.AUTH


@pytest.mark.parametrize("greeting", [b"SSH-2.0-ROSSSH\r\n", b"\xff\xfb\x01", b"\x05!done\x00", b"\x05!huh?\x06.tag=1\x00"])
async def test_something_else_answers(greeting: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        config = PppoeDriver.config_model.model_validate(
            {
                "host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "username": "x", "password": PASSWORD, "tls": False,
                "timeout_seconds": 0.3,
            }
        )  # fmt: skip
        with pytest.raises(DeviceError) as caught:
            await Session.connect(config)
        assert caught.value.fault in {Fault.PROTOCOL, Fault.TIMEOUT}  # a greeting of SSH looks like the beginning of a long word


@pytest.mark.parametrize("drip", [None, 0.02])
async def test_a_router_that_hangs_or_drips_is_left_in_time(drip: float | None, customers: list[str], simulator: Simulator) -> None:
    driver = made(PppoeDriver, simulator, timeout_seconds=0.3, read_timeout_seconds=0.3)
    await driver.open()
    if drip is None:
        simulator.faults.hang_after = 0
    else:
        simulator.faults.drip_seconds = drip
    start = asyncio.get_running_loop().time()
    with pytest.raises(DeviceError) as caught:
        await driver.read_state(refs(customers), {})
    assert (caught.value.fault, caught.value.retryable) == (Fault.TIMEOUT, True)
    with pytest.raises(DeviceError):
        await driver.snapshot(refs(customers))
    await driver.close()
    assert asyncio.get_running_loop().time() - start < 30, "nor for ever"


@pytest.mark.parametrize("fault", ["reset_after", "hang_after", "fatal_after"])
@pytest.mark.parametrize("after", [0, 1, 4, 30, 100, 104, 150, 205])
async def test_a_break_at_any_moment_tells_no_half_truth_and_a_retry_converges(
    fault: str, after: int, customers: list[str], router: Router, simulator: Simulator
) -> None:
    driver = made(PppoeDriver, simulator, timeout_seconds=0.5, read_timeout_seconds=0.5)
    await driver.open()
    wanted = await jobs(driver, refs(customers))
    setattr(simulator.faults, fault, after)
    if after < FIRST_READ:  # the only thing that may raise: nobody was touched
        with pytest.raises(DeviceError):
            await blocked(driver, wanted)
        assert all(row["profile"] == "10M" for row in router.table("/ppp/secret").rows.values())
    else:
        told = await blocked(driver, wanted)
        assert told.keys() == {job.ref.id for job in wanted}
        assert {one.result for one in told.values()} <= {Result.UNKNOWN, Result.FAILED}
        for job in wanted:
            untouched = (router.table("/ppp/secret").find(job.ref.key) or {})["profile"] == "10M"
            assert untouched or told[job.ref.id].result is Result.UNKNOWN
    await driver.close()
    setattr(simulator.faults, fault, None)
    await driver.open()
    await asyncio.sleep(0.1)
    await blocked(driver, wanted)
    await asyncio.sleep(0.1)
    states = await driver.read_state([job.ref for job in wanted], {job.ref.id: job.snapshot for job in wanted})
    assert Counter(one.state for one in states.values()) == {State.BLOCKED: len(customers)}
    await restored(driver, wanted)
    assert all(row["profile"] == "10M" for row in router.table("/ppp/secret").rows.values())
    await driver.close()


@pytest.mark.parametrize("reason", [None, "", "out of memory", f"no {PASSWORD}"])
async def test_fatal_with_and_without_a_reason(reason: str | None, simulator: Simulator) -> None:
    driver = made(PppoeDriver, simulator)
    await driver.open()
    simulator.faults.fatal_after, simulator.faults.fatal_reason = 0, reason or None
    with pytest.raises(DeviceError) as caught:
        await driver.read_state(refs(["a"]), {})
    assert caught.value.fault is Fault.UNREACHABLE
    assert (reason or "").replace(PASSWORD, "***") in str(caught.value)
    await driver.close()


async def test_a_reboot_in_the_middle(customers: list[str], router: Router, simulator: Simulator) -> None:
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(customers))
    simulator.faults.delay_seconds = 0.02
    changing = asyncio.Event()
    simulator.watch = lambda _, command: changing.set() if command[0].endswith("/set") else None
    call = asyncio.create_task(blocked(driver, wanted))
    await changing.wait()
    await simulator.reboot()
    told = await call
    assert {one.result for one in told.values()} <= {Result.UNKNOWN, Result.FAILED}
    await driver.close()
    await driver.open()
    await blocked(driver, wanted)
    await asyncio.sleep(0.1)
    states = await driver.read_state([job.ref for job in wanted], {job.ref.id: job.snapshot for job in wanted})
    assert {one.state for one in states.values()} == {State.BLOCKED}
    assert len(router.table("/ppp/active").rows) == len(customers)
    await driver.close()


@pytest.mark.parametrize(
    ("trap", "fault", "retryable"),
    [
        (("", "not enough permissions (9)"), Fault.PERMISSION, False),
        (("4", "failure: disk full"), Fault.REFUSED, True),
        (("0", "no such item"), Fault.ABSENT, False),
        (("1", "input does not match any value of profile"), Fault.SETUP, False),
        (("5", "unknown parameter profile"), Fault.PROTOCOL, False),
        (("2", "interrupted"), Fault.REFUSED, True),
        (("1", "invalid value for argument profile"), Fault.REFUSED, False),
    ],
)
async def test_a_refusal_fails_its_job(
    trap: tuple[str, str], fault: Fault, *, retryable: bool, customers: list[str], simulator: Simulator
) -> None:
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(customers[:5]))
    simulator.faults.traps = {"/ppp/secret/set": trap}
    told = await blocked(driver, wanted)
    assert {(one.result, one.fault, one.retryable) for one in told.values()} == {(Result.FAILED, fault, retryable)}
    simulator.faults.traps = {"/ppp/active/remove": ("", f"not enough permissions {PASSWORD}")}
    told = await blocked(driver, wanted)
    assert {(one.result, one.fault) for one in told.values()} == {(Result.FAILED, Fault.PERMISSION)}
    assert PASSWORD not in str(told)
    simulator.faults.traps = {"/ppp/secret/print": trap}
    with pytest.raises(DeviceError):
        await driver.read_state(refs(customers), {})
    await driver.close()


async def test_a_trap_with_attributes_nobody_knows(simulator: Simulator) -> None:
    driver = made(PppoeDriver, simulator)
    await driver.open()
    simulator.faults.traps = {"/ppp/secret/print": ("7", "x\r\n=what=ever")}
    with pytest.raises(DeviceError) as caught:
        await driver.snapshot(refs(["a"]))
    assert caught.value.fault is Fault.REFUSED
    await driver.close()


async def test_a_user_without_write_touches_nobody(customers: list[str], router: Router, simulator: Simulator) -> None:
    router.table("/user/group").set(router.table("/user/group").find("sebilling") or {}, {"policy": "read,api"})
    driver = made(PppoeDriver, simulator)
    await driver.open()
    told = await blocked(driver, await jobs(driver, refs(customers)))
    assert {(one.result, one.fault) for one in told.values()} == {(Result.FAILED, Fault.PERMISSION)}
    await driver.close()


async def test_without_its_setup_nobody_is_touched(customers: list[str], router: Router, simulator: Simulator) -> None:
    router.table("/ppp/profile").remove(router.table("/ppp/profile").find("isolir") or {})
    for rule in router.table("/ip/firewall/filter").rows.values():
        rule["disabled"] = "true"
    for driver, keys in ((made(PppoeDriver, simulator), customers), (made(AddressListDriver, simulator), ["10.0.0.1"])):
        await driver.open()
        wanted = await jobs(driver, refs(keys))
        with pytest.raises(DeviceError) as caught:
            await blocked(driver, wanted)
        assert caught.value.fault is Fault.SETUP
        await driver.close()
    assert not [command for command in simulator.seen if command[0].endswith(("/set", "/add"))]


async def test_a_session_that_will_not_end_is_not_told_as_success(customers: list[str], simulator: Simulator) -> None:
    driver = made(PppoeDriver, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(customers[:2]))
    simulator.faults.traps = {"/ppp/active/remove": ("0", "no such item")}
    told = await blocked(driver, wanted)
    assert {(one.result, one.retryable) for one in told.values()} == {(Result.FAILED, True)}
    await driver.close()


@pytest.mark.parametrize(("driver_class", "keys"), [(PppoeDriver, ["u0", "u1"]), (AddressListDriver, ["10.0.0.1", "10.0.0.2"])])
async def test_a_router_that_says_done_and_does_nothing_is_found_out(
    driver_class: type[IsolationDriver[Any]], *, keys: list[str], customers: list[str], router: Router, simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    del customers
    driver = made(driver_class, simulator)
    await driver.open()
    wanted = await jobs(driver, refs(keys))
    for menu in ("/ppp/secret", "/ip/firewall/address-list"):
        monkeypatch.setattr(router.table(menu), "set", lambda *_: None)
        monkeypatch.setattr(router.table(menu), "add", lambda *_, **__: {".id": "*0"})
    told = await blocked(driver, wanted)
    assert {one.result for one in told.values()} == {Result.FAILED}
    await driver.close()


async def test_empty_answers_of_7_18(simulator: Simulator, router: Router) -> None:
    next(iter(router.table("/system/resource").rows.values()))["version"] = "7.18.2 (stable)"
    driver = made(PppoeDriver, simulator)
    await driver.open()
    assert (await driver.read_state(refs(["nobody"]), {}))[1].actual is State.ABSENT
    await driver.close()


async def test_two_at_a_time_share_a_session_and_mix_nothing_up(customers: list[str], simulator: Simulator) -> None:
    simulator.faults.delay_seconds = 0.005
    driver = made(PppoeDriver, simulator)
    await driver.open()
    found = await asyncio.gather(*(driver.session.rows("/ppp/secret/print", f"?name={name}") for name in customers))
    assert [rows[0]["name"] for rows in found] == customers
    call = asyncio.create_task(driver.session.rows("/ppp/secret/print"))
    await asyncio.sleep(0.001)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.sleep(0.02)  # its late answer belongs to nobody
    assert len(await driver.session.rows("/ppp/secret/print")) == len(customers)
    await driver.close()
    await driver.close()


async def test_tls_is_verified(router: Router) -> None:
    ours, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.issue_cert("router.isp.id").configure_cert(context)
    pem, wrong = ours.cert_pem.bytes().decode(), other.cert_pem.bytes().decode()
    async with Simulator(router, tls=context) as simulator:
        good = made(PppoeDriver, simulator, tls=True, ca_pem=pem, server_name="router.isp.id")
        await good.open()
        assert (await good.probe()).ok
        await good.close()
        for more in ({"ca_pem": wrong, "server_name": "router.isp.id"}, {"ca_pem": pem}, {}, {"ca_pem": "nonsense"}):
            error = await fault_of(made(PppoeDriver, simulator, tls=True, **more))
            assert (error.fault, error.retryable) == (Fault.SETUP, False)
    async with Simulator(router) as plain:
        assert (await fault_of(made(PppoeDriver, plain, tls=True, timeout_seconds=0.5))).fault in {
            Fault.SETUP,
            Fault.TIMEOUT,
            Fault.UNREACHABLE,
        }
