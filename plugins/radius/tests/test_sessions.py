"""What NASes answer, and what is told of it: never more than is known, and nobody is asked for ever."""

import pytest
from sebilling.plugins.contract import Fault, Result, State

from sebilling_radius import GroupDriver, RejectDriver
from sebilling_radius.sessions import IN_FLIGHT_PER_NAS
from sebilling_radius.testing import Receiver, Rig
from sebilling_radius.testing.receiver import ACK, SILENT

from .conftest import NAS_SECRET, blocked, jobs, made, read, refs, restored

PLAIN_NAK = 1


@pytest.mark.parametrize(
    ("cause", "result", "fault", "retryable"),
    [
        (ACK, Result.CHANGED, None, False),
        (PLAIN_NAK, Result.FAILED, Fault.REFUSED, True),
        (401, Result.FAILED, Fault.PROTOCOL, False),
        (403, Result.FAILED, Fault.SETUP, False),
        (501, Result.FAILED, Fault.PERMISSION, False),
        (506, Result.FAILED, Fault.REFUSED, True),
        (SILENT, Result.UNKNOWN, Fault.TIMEOUT, True),
    ],
)
@pytest.mark.parametrize("driver_class", [GroupDriver, RejectDriver])
async def test_each_answer(
    driver_class: type[GroupDriver | RejectDriver],
    cause: int,
    *,
    result: Result,
    fault: Fault | None,
    retryable: bool,
    rig: Rig,
    nas: Receiver,
) -> None:
    nas.answer = lambda _: cause
    await rig.add_customer("budi")
    await rig.open_sessions(["budi"])
    before = await rig.dump()
    driver = made(driver_class, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    for _ in range(2):
        told = (await blocked(driver, wanted))[1]
        assert (told.result, told.fault, told.retryable) == (
            result if result is not Result.CHANGED or not _ else Result.UNCHANGED,
            fault,
            retryable,
        )
        assert (await read(driver, wanted))[1].actual is (State.BLOCKED if fault is None else State.ACTIVE)
        await driver.close()  # a fresh session knows as much
        await driver.open()
    nas.answer = lambda _: ACK
    await blocked(driver, wanted)
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    await restored(driver, wanted)
    assert await rig.dump() == before
    await driver.close()


async def test_only_sessions_that_are_left_are_asked_about_again(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    stuck, *_ = await rig.open_sessions(["budi"] * 3)
    nas.answer = lambda asked: SILENT if asked.session_id == stuck else ACK
    driver = made(GroupDriver, rig, nas, coa_tries=1)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, wanted))[1].result is Result.UNKNOWN
    garden = await rig.open_sessions(["budi"])  # dialled into the garden
    nas.asked.clear()
    assert (await blocked(driver, wanted))[1].result is Result.UNKNOWN
    assert [one.session_id for one in nas.asked] == [stuck]
    nas.answer = lambda _: ACK
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    nas.asked.clear()
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert [one.session_id for one in nas.asked] == garden
    await driver.close()


async def test_who_paid_stays_blocked_until_the_garden_session_is_gone_and_keeps_the_new_one(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    before = await rig.dump()
    driver = made(GroupDriver, rig, nas, coa_tries=1)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await blocked(driver, wanted)
    one, other = await rig.open_sessions(["budi"] * 2)
    nas.answer = lambda asked: SILENT if asked.session_id == one else ACK
    for _ in range(2):
        assert (await restored(driver, wanted))[1].result is Result.UNKNOWN
        assert (await read(driver, wanted, cut=False))[1].actual is State.BLOCKED
        await driver.close()
        await driver.open()
    (back,) = await rig.open_sessions(["budi"])  # dialled in again, in the plan
    nas.asked.clear()
    nas.answer = lambda _: ACK
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert [asked.session_id for asked in nas.asked] == [one]
    assert back != other
    assert (await read(driver, wanted, cut=False))[1].actual is State.ACTIVE
    assert await rig.dump() == before
    await driver.close()


async def test_cut_again_before_the_garden_session_was_ended(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", reply=[("Framed-IP-Address", ":=", "10.5.0.9")])
    before = await rig.dump()
    driver = made(GroupDriver, rig, nas, coa_tries=1)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await blocked(driver, wanted)
    await rig.open_sessions(["budi"])
    nas.answer = lambda _: SILENT
    assert (await restored(driver, wanted))[1].result is Result.UNKNOWN
    assert (await jobs(driver, refs(["budi"]))) == wanted
    nas.answer = lambda _: ACK
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert await rig.dump() == before
    await driver.close()


async def test_more_sessions_than_a_mark_names(rig: Rig, nas: Receiver) -> None:
    nas.answer = lambda _: SILENT
    await rig.add_customer("budi")
    await rig.open_sessions(["budi"] * 40)
    driver = made(GroupDriver, rig, nas, coa_tries=1)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, wanted))[1].result is Result.UNKNOWN
    assert (await read(driver, wanted))[1].actual is State.ACTIVE
    nas.answer = lambda _: ACK
    nas.asked.clear()
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert len(nas.asked) == 40
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    await driver.close()


async def test_answers_signed_by_another_secret_count_for_nothing(rig: Rig) -> None:
    await rig.add_customer("budi")
    await rig.open_sessions(["budi"])
    async with Receiver(NAS_SECRET, lies=True) as liar:
        driver = made(GroupDriver, rig, liar)
        await driver.open()
        assert (await blocked(driver, await jobs(driver, refs(["budi"]))))[1].result is Result.UNKNOWN
        assert liar.asked
        await driver.close()


async def test_a_wrong_secret_is_silence(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    await rig.open_sessions(["budi"])
    driver = made(GroupDriver, rig, nas, nas=[{"address": "127.0.0.1", "secret": "salah", "port": nas.port}])
    await driver.open()
    told = (await blocked(driver, await jobs(driver, refs(["budi"]))))[1]
    assert (told.result, told.fault) == (Result.UNKNOWN, Fault.TIMEOUT)
    assert told.message is not None
    assert "secret" in told.message.english
    assert (nas.dropped, nas.asked) == (2, [])
    await driver.close()


async def test_one_dead_nas_holds_up_nobody_else(rig: Rig, nas: Receiver) -> None:
    names = [f"p{number}" for number in range(300)]
    await rig.add_many(names, with_sessions=False)
    await rig.open_sessions(names[:200], nas="127.0.0.2", prefix="dead")
    await rig.open_sessions(names[200:], nas="127.0.0.1", prefix="good")
    nas.answer = lambda asked: SILENT if asked.session_id.startswith("dead") else ACK
    async with Receiver(NAS_SECRET, lambda _: SILENT) as dead:
        entries = [{"address": "127.0.0.2", "send_to": "127.0.0.1", "secret": NAS_SECRET, "port": dead.port},
                   {"address": "127.0.0.0/8", "secret": NAS_SECRET, "port": nas.port, "send_to": "127.0.0.1"}]  # fmt: skip
        driver = made(GroupDriver, rig, nas, nas=entries, coa_tries=1, coa_timeout_seconds=2)  # time for a hundred answers
        await driver.open()
        wanted = await jobs(driver, refs(names))
        told = await blocked(driver, wanted)
        assert {told[ref_id].result for ref_id in range(201, 301)} == {Result.CHANGED}
        assert {told[ref_id].result for ref_id in range(1, 201)} == {Result.UNKNOWN, Result.FAILED}
        assert {told[ref_id].fault for ref_id in range(1, 201)} == {Fault.TIMEOUT}
        assert len(dead.asked) == IN_FLIGHT_PER_NAS  # after the first window it is known to be silent
        assert {one.actual for ref_id, one in (await read(driver, wanted)).items() if ref_id <= 200} == {State.ACTIVE}
        await driver.close()


async def test_a_nas_without_a_secret_is_the_settings_fault(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    await rig.open_sessions(["budi"], nas="10.77.0.1")
    driver = made(GroupDriver, rig, nas)
    await driver.open()
    told = (await blocked(driver, await jobs(driver, refs(["budi"]))))[1]
    assert (told.result, told.fault, told.retryable) == (Result.FAILED, Fault.SETUP, False)
    assert told.message is not None
    assert "10.77.0.1" in told.message.english
    assert any("10.77.0.1" in problem.english for problem in (await driver.probe()).problems)
    await driver.close()


async def test_the_window_is_kept(rig: Rig, nas: Receiver) -> None:
    names = [f"p{number}" for number in range(500)]
    await rig.add_many(names)
    nas.delay_seconds = 0.02
    driver = made(GroupDriver, rig, nas, coa_timeout_seconds=1.5)
    await driver.open()
    assert {one.result for one in (await blocked(driver, await jobs(driver, refs(names)))).values()} == {Result.CHANGED}
    assert len(nas.asked) == 500
    assert 16 < nas.most_at_once <= IN_FLIGHT_PER_NAS
    await driver.close()


async def test_a_session_that_began_after_the_reject_is_ended(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    driver = made(RejectDriver, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await blocked(driver, wanted)
    await rig.open_sessions(["budi"])  # it had been let in just before
    assert (await read(driver, wanted))[1].actual is State.ACTIVE
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    await driver.close()


async def test_a_session_is_changed_by_coa_with_the_groups_attributes(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    (session,) = await rig.open_sessions(["budi"])
    driver = made(GroupDriver, rig, nas, session="coa")
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert not nas.asked[0].disconnect
    assert nas.asked[0].attributes["Mikrotik-Address-List"] == ["ISOLIR"]
    assert nas.asked[0].attributes["Mikrotik-Rate-Limit"] == ["512k/512k"]
    assert (await blocked(driver, wanted))[1].result is Result.UNCHANGED
    await restored(driver, wanted)
    assert [(one.session_id, one.disconnect) for one in nas.asked] == [(session, False), (session, True)]
    await driver.close()
