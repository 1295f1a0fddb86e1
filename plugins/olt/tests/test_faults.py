"""What goes wrong on the way: the outcome is right, nothing is taken for done that isn't, and the next session brings it in line."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sebilling.plugins.contract import DeviceError, Fault, IsolationDriver, Job, Result, State

from sebilling_olt import plan, sending
from sebilling_olt.onu import Onu
from sebilling_olt.session import _locks
from sebilling_olt.testing import FIRMWARES, Olt, Simulator

from .conftest import PASSWORD, Way, blocked, english, jobs, made, refs, restored, ways

FOUR = [one for one in ways() if one.id.startswith(("huawei-ma5800-ssh", "huawei-ma5608t-telnet", "zte-c320-telnet", "zte-c300-ssh"))]
"""Each firmware once, each maker by both transports: a fault has nothing to do with which of the two it is."""
TWO = [FOUR[0], FOUR[2]]


@pytest.fixture(params=FOUR)
def way(request: pytest.FixtureRequest) -> Way:
    found = request.param
    assert isinstance(found, Way)
    return found


@pytest.fixture
def keys(way: Way, olt: Olt) -> list[str]:
    found = [way.key(number) for number in range(30)]
    for key in found:
        olt.add(key)
    olt.save()
    return found


async def fault_of(driver: IsolationDriver[Any]) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await driver.open()
    await driver.close()
    return caught.value


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Neither threads nor locks, whatever went wrong. A thread that waits for the OLT must have ended by now, and soon does."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("olt-"):
            thread.join(3)
            assert not thread.is_alive()
    assert not any(lock.locked() for lock in _locks.values())


@pytest.mark.parametrize("way", ways(), indirect=True)
async def test_a_wrong_password_is_tried_once(way: Way, olt: Olt, simulator: Simulator) -> None:
    error = await fault_of(made(simulator, way, password="salah"))
    assert (error.fault, error.retryable) == (Fault.AUTH, False)
    assert olt.failed_logins == 1


@pytest.mark.parametrize("way", [one for one in ways() if one.id.startswith("zte-c300")], indirect=True)
async def test_enable_wants_its_password(way: Way, olt: Olt, simulator: Simulator) -> None:
    wrong = await fault_of(made(simulator, way, enable_password="salah"))
    assert (wrong.fault, wrong.retryable, "enable" in str(wrong)) == (Fault.AUTH, False, True)
    assert olt.failed_logins == 1
    none = await fault_of(made(simulator, way, enable_password=None))
    assert (none.fault, "set enable_password" in str(none)) == (Fault.SETUP, True)


@pytest.mark.parametrize("way", ways(), indirect=True)
async def test_no_session_free(way: Way, olt: Olt, simulator: Simulator) -> None:
    olt.most_sessions = 0
    error = await fault_of(made(simulator, way))
    assert (error.fault, error.retryable) == (Fault.REFUSED, True)
    assert "session" in str(error)


@pytest.mark.parametrize("way", TWO, indirect=True)
@pytest.mark.parametrize(
    ("said", "fault"),
    [("  The user has been locked.", Fault.AUTH), ("", Fault.UNREACHABLE), ("  Password must be changed. Change now? ", Fault.SETUP)],
)
async def test_other_ways_to_be_turned_away(way: Way, simulator: Simulator, said: str, fault: Fault) -> None:
    simulator.faults.refuse_login = said or " "
    error = await fault_of(made(simulator, way))
    assert error.fault in ({fault} if said.startswith("  The") or not said else {fault, Fault.UNREACHABLE})


async def test_nobody_there(way: Way, simulator: Simulator) -> None:
    driver = made(simulator, way)
    await simulator.stop()
    error = await fault_of(driver)
    assert (error.fault, error.retryable) == (Fault.UNREACHABLE, True)
    assert not (await driver.probe()).reachable


@pytest.mark.parametrize("transport", ["ssh", "telnet"])
async def test_something_else_answers_or_nothing_does(transport: str) -> None:
    connections = list[asyncio.Task[None] | None]()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        try:
            await reader.read(-1)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    olt = Olt(FIRMWARES["zte-c320"])
    simulator = Simulator(olt)
    simulator.port = server.sockets[0].getsockname()[1]
    driver = made(simulator, Way(olt.firmware, "ssh", "state"), transport=transport, timeout_seconds=0.4)
    began = time.perf_counter()
    assert (await fault_of(driver)).fault in {Fault.TIMEOUT, Fault.UNREACHABLE}
    assert time.perf_counter() - began < 30, "nor for ever"
    server.close()
    await server.wait_closed()
    await asyncio.gather(*filter(None, connections))  # else what is left of them is told to whichever test comes next


@pytest.mark.parametrize("pinned", ["", "SHA256:" + "A" * 43])
async def test_an_unknown_or_changed_host_key_is_refused_before_the_password_is_sent(pinned: str) -> None:
    olt = Olt(FIRMWARES["huawei-ma5800"])
    olt.user("sebilling", PASSWORD)
    async with Simulator(olt) as simulator:
        way = Way(olt.firmware, "ssh", "deactivate")
        error = await fault_of(made(simulator, way, host_fingerprint=pinned, password="salah"))
        assert (error.fault, error.retryable) == (Fault.SETUP, False)
        assert simulator.fingerprint in str(error)
        assert olt.failed_logins == 0
        health = await made(simulator, way, host_fingerprint=pinned).probe()
        assert health.reachable
        assert simulator.fingerprint in health.problems[0].english
        public = simulator.public_key
        for good in (simulator.fingerprint, public, f"[127.0.0.1]:{simulator.port} {public}", f"{pinned}\n{simulator.fingerprint}"):
            assert (await made(simulator, way, host_fingerprint=good).probe()).ok


async def _given_back(driver: IsolationDriver[Any], wanted: list[Job], olt: Olt, before: str) -> None:
    """The next session restores, and all is as it was, saved too."""
    await driver.open()
    told = await restored(driver, wanted)
    assert {one.result for one in told.values()} <= {Result.CHANGED, Result.UNCHANGED}
    assert olt.running() == olt.saved == before
    await driver.close()


@pytest.mark.parametrize("what", ["drop_after", "hang_after"])
async def test_a_line_that_breaks_in_the_middle(way: Way, olt: Olt, keys: list[str], simulator: Simulator, what: str) -> None:
    before = olt.running()
    driver = made(simulator, way, timeout_seconds=1.5)
    await driver.open()
    wanted = await jobs(driver, refs(keys))
    setattr(simulator.faults, what, 10)
    told = await blocked(driver, wanted)
    sent = {number for number, one in told.items() if one.result is Result.UNKNOWN}
    assert sent == set(range(1, 12))
    assert {one.result for number, one in told.items() if number not in sent} == {Result.FAILED}
    assert all(one.retryable for one in told.values())
    assert sum(way.off(olt, key) for key in keys) == 11
    with pytest.raises(DeviceError):
        await driver.read_state([job.ref for job in wanted], {})
    await driver.close()
    setattr(simulator.faults, what, None)
    again = made(simulator, way)
    await again.open()
    told = await blocked(again, wanted)
    assert [one.result for _, one in sorted(told.items())] == [Result.UNCHANGED] * 11 + [Result.CHANGED] * 19
    assert all(way.off(olt, key) for key in keys)
    assert olt.saved == olt.running()
    await again.close()
    await _given_back(made(simulator, way), wanted, olt, before)


@pytest.mark.parametrize("said", ["refused", "  Saving: failed, no space left"])
async def test_a_save_that_broke_off_is_made_up_for(way: Way, olt: Olt, keys: list[str], simulator: Simulator, said: str) -> None:
    before = olt.running()
    driver = made(simulator, way)
    await driver.open()
    wanted = await jobs(driver, refs(keys[:3]))
    busy = "  Failure: System is busy" if way.firmware.maker == "huawei" else "%Error 20400: System is busy"
    simulator.faults.save_refused = busy if said == "refused" else said
    told = await blocked(driver, wanted)
    assert {(one.result, one.retryable) for one in told.values()} == {(Result.FAILED, True)}
    assert "not saved" in english(told[1])
    assert olt.saved == before != olt.running()
    simulator.faults.save_refused = ""
    told = await blocked(driver, wanted)
    assert {one.result for one in told.values()} == {Result.UNCHANGED}
    assert olt.saved == olt.running() != before
    await driver.close()
    await _given_back(made(simulator, way), wanted, olt, before)


async def test_alarms_everywhere_and_a_slow_echo_change_nothing(way: Way, olt: Olt, keys: list[str], simulator: Simulator) -> None:
    before = olt.running()
    simulator.faults.alarm_every, simulator.faults.echo_seconds = 2, 0.0005
    driver = made(simulator, way)
    await driver.open()
    wanted = await jobs(driver, refs(keys[:10]))
    everybody = [job.ref for job in wanted]
    assert all(job.snapshot for job in wanted)
    assert {one.result for one in (await blocked(driver, wanted)).values()} == {Result.CHANGED}
    assert {one.state for one in (await driver.read_state(everybody, {})).values()} == {State.BLOCKED}
    assert {one.result for one in (await restored(driver, wanted)).values()} == {Result.CHANGED}
    assert olt.running() == olt.saved == before
    assert simulator.counted.alarms > 12
    await driver.close()


async def _until_it_fails(driver: IsolationDriver[Any], wanted: list[Job]) -> None:
    for _ in range(6):
        await driver.read_state([job.ref for job in wanted], {})


async def test_a_command_that_the_olt_heard_wrongly_is_not_sent_off(way: Way, olt: Olt, keys: list[str], simulator: Simulator) -> None:
    driver = made(simulator, way, timeout_seconds=1)
    await driver.open()
    wanted = await jobs(driver, refs(keys))
    before, came = olt.running(), len(simulator.seen)
    simulator.faults.lose_every = 5
    with pytest.raises(DeviceError, match="wasn't sent off"):
        await _until_it_fails(driver, wanted)
    assert set(simulator.seen[came:]) == {simulator.seen[came]}  # the one that was heard wrongly was never carried out
    assert olt.running() == before
    await driver.close()


@pytest.mark.parametrize("what", ["truncate", "headless"])
async def test_a_reading_that_isnt_whole_never_looks_like_an_empty_one(
    way: Way, olt: Olt, keys: list[str], simulator: Simulator, what: str
) -> None:
    driver = made(simulator, way)
    await driver.open()
    wanted = await jobs(driver, refs(keys))
    setattr(simulator.faults, what, True)
    for call in (driver.read_state([job.ref for job in wanted], {}), driver.snapshot([job.ref for job in wanted]), blocked(driver, wanted)):
        with pytest.raises(DeviceError) as caught:
            await call
        assert caught.value.fault is Fault.PROTOCOL
    assert not any(way.off(olt, key) for key in keys)
    await driver.close()


async def test_an_olt_that_says_done_and_does_nothing_is_found_out(way: Way, keys: list[str], olt: Olt, simulator: Simulator) -> None:
    driver = made(simulator, way)
    await driver.open()
    wanted = await jobs(driver, refs(keys[:2]))
    simulator.faults.deaf = True
    told = await blocked(driver, wanted)
    assert {(one.result, one.fault, one.retryable) for one in told.values()} == {(Result.FAILED, Fault.REFUSED, True)}
    assert olt.saves == 1
    await driver.close()


async def test_an_olt_that_refuses_is_told_in_its_own_words(way: Way, keys: list[str], olt: Olt, simulator: Simulator) -> None:
    huawei = way.firmware.maker == "huawei"
    said = {
        "  Failure: The operation is not supported" if huawei else "%Error 20777: not supported": Fault.REFUSED,
        "  % User has insufficient rights" if huawei else "%Error 20204: No permission": Fault.PERMISSION,
        "  % Unknown command, the error locates at '^'" if huawei else "%Error 20200: Invalid command": Fault.SETUP,
    }
    driver = made(simulator, way)
    await driver.open()
    wanted = await jobs(driver, refs(keys[:2]))
    for words, fault in said.items():
        simulator.faults.refuse = words
        told = await blocked(driver, wanted)
        assert {(one.result, one.fault) for one in told.values()} == {(Result.FAILED, fault)}
        assert words.split()[-1] in english(told[1])
    assert olt.saves == 1
    await driver.close()


@pytest.mark.parametrize(
    "ask", ["This will delete the ONU. Continue? (y/n)[n]:", "The board restarts. Sure? [yes/no]:", "ONU reset (Y/N):"]
)
async def test_what_sounds_like_harm_is_never_agreed_to(way: Way, keys: list[str], olt: Olt, simulator: Simulator, ask: str) -> None:
    before = olt.running()
    driver = made(simulator, way, timeout_seconds=1)
    await driver.open()
    wanted = await jobs(driver, refs(keys[:2]))
    change = plan.modes(driver.config, [(1, _onu(keys[0]), {"admin": driver.config.dialect.blocked[way.method]})])
    simulator.faults.ask = ask
    errors = await driver.session.run(lambda: sending.send(driver.session.talk, driver.config, change))
    assert errors[1].fault is Fault.REFUSED
    assert "agree" in str(errors[1])
    assert olt.running() == before
    await driver.close()
    simulator.faults.ask = "Harmless? (y/n)[n]:"  # even so, nothing is agreed to where we only read
    await driver.open()
    with pytest.raises(DeviceError, match="agree"):
        await driver.read_state([job.ref for job in wanted], {})
    await driver.close()


def _onu(key: str) -> Onu:
    onu = Onu.parse(key)
    assert onu is not None
    return onu


async def test_a_place_that_cant_be_entered_is_not_worked_in(way: Way, keys: list[str], olt: Olt, simulator: Simulator) -> None:
    before = olt.running()
    usual = way.driver.config_model.model_validate({"host": "x", "username": "x", "password": "x", "method": way.method}).templates
    other = [line.replace("gpon", "epon", 1) if way.firmware.maker == "huawei" else line.replace("_", "-", 1) for line in usual.enter]
    driver = made(simulator, way, commands=usual.model_dump() | {"enter": other})
    await driver.open()
    wanted = await jobs(driver, refs(keys[:3]))
    came = len(simulator.seen)
    told = await blocked(driver, wanted)
    assert {(one.result, one.fault) for one in told.values()} == {(Result.FAILED, Fault.SETUP)}
    assert not any(command in {"shutdown", "ont deactivate 1 0", "onu 1 state disable"} for command in simulator.seen[came:])
    assert (olt.running(), olt.saves) == (before, 1)
    await driver.close()
    simulator.faults.stay = True  # not even an error
    driver = made(simulator, way)
    await driver.open()
    told = await blocked(driver, wanted)
    assert {(one.result, one.fault) for one in told.values()} == {(Result.FAILED, Fault.PROTOCOL)}
    assert not any(command in {"shutdown", "ont deactivate 1 0", "onu 1 state disable"} for command in simulator.seen[came:])
    await driver.close()


async def test_a_call_that_is_given_up_ends_its_thread(way: Way, keys: list[str], simulator: Simulator) -> None:
    driver = made(simulator, way)
    await driver.open()
    simulator.faults.answer_seconds = 120
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await driver.read_state(refs(keys), {})
    began = time.perf_counter()
    await driver.close()
    assert time.perf_counter() - began < 60, "not when the answer would have come"


@pytest.mark.parametrize("way", TWO, indirect=True)
async def test_one_session_at_a_time(way: Way, keys: list[str], olt: Olt, simulator: Simulator) -> None:
    driver, other = made(simulator, way), made(simulator, way)
    await driver.open()
    health = await other.probe()
    assert (health.reachable, health.problems, "busy" in health.facts) == (True, (), True)
    assert olt.sessions == 1
    opening = asyncio.create_task(other.open())
    await asyncio.sleep(0.2)
    assert olt.sessions == 1
    await driver.close()
    await opening
    assert len(await other.snapshot(refs(keys))) == len(keys)
    await other.close()
