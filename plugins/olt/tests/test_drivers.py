"""The life of a customer on each firmware, by SSH and Telnet: read, snapshot, cut, read, give back, byte for byte."""

import importlib
import json
import logging
import math
import subprocess
import sys
import time
from importlib.metadata import entry_points

import pytest
from pydantic import ValidationError
from sebilling.plugins.contract import DeviceError, Fault, InvalidValue, Job, Ref, Result, State
from sebilling.plugins.loading import Plugins, PluginStatus

from sebilling_olt import HuaweiDriver, ZteDriver, ZteLanDriver
from sebilling_olt.testing import FIRMWARES, Olt, Simulator

from .conftest import ENABLE, PASSWORD, Way, blocked, english, jobs, made, refs, restored, ways

LAN = [one for one in ways(lan=True) if one.id.endswith("lan")]


@pytest.mark.parametrize("way", ways(lan=True), indirect=True)
async def test_128_onus_are_cut_verified_and_given_back_byte_for_byte(way: Way, olt: Olt, simulator: Simulator) -> None:
    count = 40 if way.method == "lan" else 128  # LAN ports take eight commands per ONU
    keys = [way.key(number) for number in range(count - 28)] + [way.key(number, port=3) for number in range(28)]
    for number, key in enumerate(keys):
        olt.add(key, off=number == 7 and way.method != "lan", locked=(2, 3) if number == 9 else ())
    olt.add(way.key(0, port=5))  # a neighbour
    olt.save()
    before = olt.running()
    driver = made(simulator, way)
    began = time.perf_counter()
    await driver.open()
    opened = time.perf_counter()
    wanted = await jobs(driver, refs(keys))
    wanted = [Job(job.ref, json.loads(json.dumps(job.snapshot))) for job in wanted]
    snapshots = {job.ref.id: job.snapshot for job in wanted}
    everybody = [job.ref for job in wanted]
    told = await blocked(driver, wanted)
    cut = time.perf_counter()
    off_before = {8} if way.method != "lan" else set()
    assert {number for number, one in told.items() if one.result is Result.UNCHANGED} == off_before
    assert {one.result for number, one in told.items() if number not in off_before} == {Result.CHANGED}
    assert {one.state for one in (await driver.read_state(everybody, snapshots)).values()} == {State.BLOCKED}
    assert all(way.off(olt, key) for key in keys)
    assert not way.off(olt, way.key(0, port=5))
    assert olt.saved == olt.running() != before
    batches = math.ceil(count / driver.max_batch)
    assert olt.saves == 1 + batches
    told = await restored(driver, wanted)
    assert {number for number, one in told.items() if one.result is Result.UNCHANGED} == off_before
    assert {one.result for one in told.values()} <= {Result.CHANGED, Result.UNCHANGED}
    assert olt.running() == olt.saved == before
    assert olt.saves == 1 + 2 * batches
    states = await driver.read_state(everybody, {})
    assert {number for number, one in states.items() if one.state is not State.ACTIVE} == off_before
    print(f"{way.firmware.name} {way.transport} {way.method}: login {opened - began:.2f} s, {count} cut in {cut - opened:.2f} s")
    await driver.close()
    assert olt.sessions == 0


@pytest.mark.parametrize("way", ways(lan=True), indirect=True)
async def test_a_second_time_changes_nothing_and_missing_ones_fail_alone(way: Way, olt: Olt, simulator: Simulator) -> None:
    good = [way.key(number) for number in range(3)]
    for key in good:
        olt.add(key)
    bad = [way.key(77), way.key(0, port=9), "7/7/7:7", "0/01/1:1", "1/2/1:5\nreboot", "1/2/1:5 ", "", "budi", "0/1/1:999", "０/1/1:1"]
    driver = made(simulator, way)
    await driver.open()
    before = olt.running()
    wanted = await jobs(driver, refs([*good, *bad]))
    assert [bool(job.snapshot) for job in wanted] == [True] * 3 + [False] * len(bad)
    for call, state in ((blocked, State.BLOCKED), (restored, State.ACTIVE)):
        for expected in (Result.CHANGED, Result.UNCHANGED):
            told = await call(driver, wanted)
            assert [told[number].result for number in (1, 2, 3)] == [expected] * 3
            assert {one.result for number, one in told.items() if number > 3} == {Result.FAILED}
            assert {one.fault for number, one in told.items() if number > 3} == {Fault.ABSENT, Fault.REFUSED}
            states = await driver.read_state([job.ref for job in wanted], {})
            assert [one.state for _, one in sorted(states.items())] == [state] * 3 + [State.ABSENT] * len(bad)
    assert olt.running() == before
    assert not any("reboot" in command or "delete" in command or "no onu" in command for command in simulator.seen)
    await driver.close()


async def test_a_read_command_that_doesnt_fit_makes_nobody_absent(way: Way, olt: Olt, simulator: Simulator) -> None:
    olt.add(way.key(1))
    driver = made(simulator, way)
    await driver.open()
    if way.firmware.maker == "zte":  # no such board, and none that was read: it could be the command
        with pytest.raises(DeviceError) as caught:
            await driver.read_state(refs(["7/7/7:7"]), {})
        assert caught.value.fault is Fault.SETUP
    for keys in (["7/7/7:7", way.key(1)], ["7/7/7:7"]):
        states = await driver.read_state(refs(keys), {})
        assert states[1].actual is State.ABSENT
    await driver.close()


async def test_nothing_is_saved_where_nothing_changed(way: Way, olt: Olt, simulator: Simulator) -> None:
    olt.add(way.key(1), off=True)
    olt.add(way.key(2))
    driver = made(simulator, way)
    await driver.open()
    (job,) = await jobs(driver, refs([way.key(1)]))
    never_blocked = Job(Ref(2, way.key(2)), {})
    for call in (blocked, restored):
        assert (await call(driver, [job]))[1].result is Result.UNCHANGED
    assert (await restored(driver, [never_blocked]))[2].result is Result.UNCHANGED
    refused = (await blocked(driver, [never_blocked]))[2]
    assert (refused.result, refused.fault) == (Result.FAILED, Fault.REFUSED)  # without a snapshot nobody is cut
    assert olt.saves == 0
    assert not way.off(olt, way.key(2))
    await driver.close()


@pytest.mark.parametrize("way", [one for one in ways() if one.id.startswith("huawei-ma5800")], indirect=True)
async def test_another_onu_in_the_same_place_is_left_alone(way: Way, olt: Olt, simulator: Simulator) -> None:
    key = way.key(1)
    olt.add(key)
    driver = made(simulator, way)
    await driver.open()
    wanted = await jobs(driver, refs([key]))
    await blocked(driver, wanted)
    olt.units.clear()
    olt.add(key, off=True).sn = "48575443DEADBEEF"
    by_hand = olt.running()
    assert (await driver.read_state([wanted[0].ref], {1: wanted[0].snapshot}))[1].actual is State.DRIFTED
    for call in (blocked, restored):
        told = (await call(driver, wanted))[1]
        assert (told.result, told.fault) == (Result.FAILED, Fault.DRIFTED)
    assert olt.running() == by_hand
    await driver.close()


@pytest.mark.parametrize("way", LAN, indirect=True)
async def test_lan_ports_that_are_cut_in_part(way: Way, olt: Olt, simulator: Simulator) -> None:
    key = way.key(1)
    unit = olt.add(key, locked=(2,))
    driver = made(simulator, way)
    await driver.open()
    wanted = await jobs(driver, refs([key]))
    await blocked(driver, wanted)
    unit.locked = {1, 2, 3}  # by a session that broke off, or by hand
    reading = (await driver.read_state([wanted[0].ref], {1: wanted[0].snapshot}))[1]
    assert (reading.actual, reading.detail is not None and "in part" in reading.detail.english) == (State.ACTIVE, True)
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    unit.locked = {1, 2, 3}
    assert (await restored(driver, wanted))[1].result is Result.CHANGED  # what is left of ours is taken away
    assert unit.locked == {2}
    await driver.close()


@pytest.mark.parametrize("way", LAN[:1], indirect=True)
async def test_an_onu_with_fewer_lan_ports_than_set(way: Way, olt: Olt, simulator: Simulator) -> None:
    olt.add(way.key(1), lan_ports=1)
    olt.add(way.key(2))
    driver = made(simulator, way)
    await driver.open()
    wanted = await jobs(driver, refs([way.key(1), way.key(2)]))
    told = await blocked(driver, wanted)
    assert [told[number].result for number in (1, 2)] == [Result.FAILED, Result.CHANGED]
    assert "ONT return error" in english(told[1])
    await restored(driver, wanted)
    assert olt.unit(way.key(1)).locked == set()
    await driver.close()


@pytest.mark.parametrize("way", ways(lan=True), indirect=True)
async def test_the_probe_changes_nothing(way: Way, olt: Olt, simulator: Simulator) -> None:
    olt.add(way.key(1))
    before = olt.running()
    health = await made(simulator, way).probe()
    assert health.reachable
    assert [problem.english.partition(":")[0] for problem in health.problems] == ["Telnet"] * (way.transport == "telnet")
    assert health.facts["name"] == way.firmware.host
    assert way.firmware.version in str(health.facts["version"])
    assert (olt.running(), olt.saves, olt.sessions) == (before, 0, 0)
    wrong = await made(simulator, way, password="salah").probe()
    assert (wrong.reachable, wrong.ok) == (True, False)


async def test_a_call_without_a_session_or_after_its_end(way: Way, simulator: Simulator) -> None:
    driver = made(simulator, way)
    with pytest.raises(Exception, match="call open first"):
        await driver.read_state(refs([way.key(1)]), {})
    await driver.close()
    await driver.open()
    await driver.open()
    await driver.close()
    await driver.close()


def test_the_plugin_comes_in_by_its_door() -> None:
    points = [point for point in entry_points(group="sebilling.plugins") if point.name == "olt"]
    if not points:
        pytest.skip("the plugin isn't installed in this environment: pip install --editable plugins/olt")
    loaded = Plugins.load(points=points)
    assert [(one.status, one.error) for one in loaded.plugins] == [(PluginStatus.ACTIVE, None)]
    assert loaded.drivers.keys() == {"olt.huawei", "olt.zte", "olt.zte_lan"}


@pytest.mark.parametrize("driver", [HuaweiDriver, ZteDriver, ZteLanDriver])
def test_settings_hide_the_passwords(driver: type[HuaweiDriver]) -> None:
    good = {"host": "olt", "username": "u", "password": PASSWORD, "enable_password": ENABLE}
    config = driver.config_model.model_validate(good)
    for secret in (PASSWORD, ENABLE):
        assert secret not in f"{config!r} {config} {config.model_dump()}"
    assert config.transport == "ssh"
    assert "password" in driver.config_model.model_json_schema()["properties"]
    with pytest.raises(ValidationError) as caught:
        driver.config_model.model_validate(good | {"port": 0, "more": 1})
    assert PASSWORD not in str(caught.value)
    assert ENABLE not in str(caught.value)


def test_netmiko_is_only_loaded_for_a_session() -> None:
    code = "import sys, sebilling_olt; print(sorted({'netmiko', 'paramiko'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"


def test_netmiko_never_logs_what_is_written() -> None:
    importlib.import_module("sebilling_olt.terminal")  # where netmiko comes in
    for name in ("netmiko", "paramiko", "paramiko.transport"):
        logger = logging.getLogger(name)
        record = logger.makeRecord(name, logging.DEBUG, "", 0, "write_channel: secret", (), None)
        assert not logger.filter(record)


@pytest.mark.parametrize("how", ["shown", "hidden"])
async def test_a_name_that_is_left_in_the_input_line_is_got_rid_of(how: str) -> None:
    """As a Huawei by Telnet does it after its banner: the first command would be run together with it."""
    way = Way(FIRMWARES["huawei-ma5608t"], "telnet", "deactivate")
    olt = Olt(way.firmware, enable_password=ENABLE)
    olt.user("sebilling", PASSWORD)
    olt.add("0/1/2:5")
    async with Simulator(olt, transport="telnet") as simulator:
        simulator.faults.name_stuck = how
        driver = made(simulator, way)
        await driver.open()
        states = await driver.read_state(refs(["0/1/2:5"]), {})
        await driver.close()
    assert states[1].actual is State.ACTIVE


def test_a_key_has_one_spelling() -> None:
    assert HuaweiDriver.canonical_key("ONU", "00/01/2 : 005") == "0/1/2:5"
    with pytest.raises(InvalidValue, match="frame/slot/port:onu"):
        HuaweiDriver.canonical_key("ONU", "0/1/2")
