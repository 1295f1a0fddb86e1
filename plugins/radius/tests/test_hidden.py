"""Sessions that radacct doesn't show, or shows under another name, and NASes that share an address."""

from typing import Any

import pytest
from pydantic import ValidationError
from sebilling.plugins.contract import IsolationDriver, Result, State

from sebilling_radius import GroupDriver, RejectDriver
from sebilling_radius.testing import Nas, Receiver, Rig

from .conftest import NAS_SECRET, blocked, jobs, made, read, refs, restored
from .test_effect import BOTH, INTERIM, placed


@BOTH
async def test_a_row_that_a_cleanup_closed_while_the_session_is_up(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(driver_class, radius, nas={"requires": frozenset({"Framed-IP-Address", "Acct-Session-Id"})}) as place:
        await place.nas.dial("budi")
        await radius.query("UPDATE radacct SET acctstoptime = now() WHERE username = 'budi'")
        assert (await place.block()).result is Result.CHANGED
        assert not place.nas.online("budi")
        assert (await place.reading()).actual is State.BLOCKED


@BOTH
async def test_a_session_without_any_row(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.add_customer("budi", last_session=None)
    async with placed(driver_class, radius, nas={"accounts": False}) as place:
        await place.nas.dial("budi")
        assert (await place.block()).result is Result.CHANGED
        assert not place.nas.online("budi")
        assert (await place.reading()).actual is State.BLOCKED


@BOTH
async def test_a_hidden_session_that_no_request_matches_is_never_told_as_blocked(
    driver_class: type[IsolationDriver[Any]], radius: Rig
) -> None:
    await radius.add_customer("budi", last_session=None)
    async with placed(driver_class, radius, nas={"accounts": False, "requires": frozenset({"Framed-IP-Address"})}) as place:
        await place.nas.dial("budi")
        await radius.query("DELETE FROM radacct")  # no accounting at all
        for _ in range(3):
            assert (await place.block()).result is Result.UNKNOWN
            assert place.nas.online("budi")
            assert (await place.reading()).actual is None
            await place.later(5 * INTERIM)
        health = await place.driver.probe()
        assert any("radacct is empty" in problem.english for problem in health.problems)


@BOTH
async def test_a_second_look_after_an_interval(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.add_customer("budi", last_session="NAS-Reboot")  # as a cleanup writes
    await radius.add_customer("wati")
    async with placed(driver_class, radius) as place:
        await place.nas.dial("wati")
        assert (await place.block()).result is Result.UNKNOWN
        reading = await place.reading()
        assert reading.actual is None
        assert reading.look_again_seconds is not None
        assert INTERIM < reading.look_again_seconds <= 2 * INTERIM + 62
        await place.later(reading.look_again_seconds)
        await place.nas.interim()  # of wati: accounting works, and shows nothing of budi
        assert (await place.reading()).actual is State.BLOCKED
        assert (await place.block()).result in {Result.CHANGED, Result.UNCHANGED}


async def test_who_paid_isnt_left_in_a_hidden_garden_session(radius: Rig) -> None:
    await radius.add_customer("budi")
    before = await radius.dump()
    async with placed(GroupDriver, radius) as place:
        await place.block()
        place.nas.accounts = False
        await place.nas.dial("budi")
        assert place.nas.walled("budi")
        await radius.query("UPDATE radacct SET acctterminatecause = NULL, acctstoptime = now()")
        assert (await place.restore()).result is Result.CHANGED
        assert not place.nas.walled("budi")
        assert (await place.reading(cut=False)).actual is State.ACTIVE
        assert await radius.dump() == before


@BOTH
@pytest.mark.parametrize(
    ("matching", "typed"), [("lower", "Budi"), ("without_realm", "budi@isp.id"), ("without_realm", "BUDI@isp.id"), ("lower", "budi")]
)
async def test_a_session_under_another_spelling(
    driver_class: type[IsolationDriver[Any]], matching: str, typed: str, rig: Rig, nas: Receiver
) -> None:
    for name in ("budi", "budi2"):
        await rig.add_customer(name, reply=[("Framed-IP-Address", ":=", "10.5.0.9")])
    before = await rig.dump()
    (session,) = await rig.open_sessions([typed])
    await rig.open_sessions(["budi2", "budi2@isp.id", "abudi"])
    driver = made(driver_class, rig, nas, matching=matching)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert [(asked.user_name, asked.session_id) for asked in nas.asked] == [(typed, session)]
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert await rig.dump() == before
    await driver.close()


@BOTH
async def test_rows_under_another_spelling_belong_to_the_customer(
    driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver
) -> None:
    await rig.add_customer("Budi", reply=[("Framed-IP-Address", ":=", "10.5.0.9")])
    before = await rig.dump()
    driver = made(driver_class, rig, nas, matching="lower")
    await driver.open()
    wanted = await jobs(driver, refs(["budi", "wati", "WATI"]))
    assert wanted[0].snapshot
    told = await blocked(driver, wanted)
    assert told[1].result is Result.CHANGED
    assert [outcome.fault and outcome.fault.value for outcome in told.values()][:2] != [None, None]
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert await rig.dump() == before
    await driver.close()


@BOTH
async def test_two_nases_behind_one_address_are_both_asked(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    for name in ("budi", "wati"):
        await radius.add_customer(name)
    async with Nas(radius, NAS_SECRET, identifier="pop-a") as one, Nas(radius, "rahasia-lain-7", identifier="pop-b") as other:
        entries = [
            {"address": "127.0.0.1", "secret": NAS_SECRET, "port": one.receiver.port, "identifier": "pop-a"},
            {"address": "127.0.0.1", "secret": "rahasia-lain-7", "port": other.receiver.port, "identifier": "pop-b"},
        ]
        driver = made(driver_class, radius, one.receiver, nas=entries, coa_timeout_seconds=1)
        await driver.open()
        await one.dial("wati")
        await other.dial("budi")
        wanted = await jobs(driver, refs(["wati", "budi"]))
        assert {outcome.result for outcome in (await blocked(driver, wanted)).values()} == {Result.CHANGED}
        assert not one.online("wati")
        assert not other.online("budi")
        assert {reading.actual for reading in (await read(driver, wanted)).values()} == {State.BLOCKED}
        if driver_class is GroupDriver:
            await other.settle()
            await other.dial("budi")
            assert other.walled("budi")
            assert (await restored(driver, wanted[1:]))[2].result is Result.CHANGED
            assert not other.walled("budi")
        await driver.close()


async def test_the_denial_of_a_nas_that_may_be_the_wrong_one_is_no_end(radius: Rig) -> None:
    await radius.add_customer("budi")
    async with Nas(radius, NAS_SECRET) as right, Nas(radius, NAS_SECRET) as wrong:
        entry = {"address": "127.0.0.1", "secret": NAS_SECRET, "port": wrong.receiver.port}
        driver = made(RejectDriver, radius, wrong.receiver, nas=[entry], coa_timeout_seconds=1)
        await driver.open()
        await right.dial("budi")
        wanted = await jobs(driver, refs(["budi"]))
        assert (await blocked(driver, wanted))[1].result is Result.UNKNOWN
        assert (await read(driver, wanted))[1].actual is None
        assert right.online("budi")
        await driver.close()


def test_two_entries_that_reach_the_same_place_are_refused() -> None:
    entry = {"address": "10.0.0.1", "secret": "sandi-nas-1"}
    settings = {"database_host": "db", "database_password": "x", "nas": [entry, {**entry, "secret": "sandi-nas-2"}]}
    with pytest.raises(ValidationError, match=r"same port.*port or send_to"):
        GroupDriver.config_model.model_validate(settings)


@pytest.mark.parametrize("lost", ["the snapshot", "the mark", "all of ours but the group"])
async def test_who_was_blocked_before_a_backup_was_restored_is_reclaimed(lost: str, radius: Rig) -> None:
    await radius.add_customer("budi", reply=[("Framed-IP-Address", ":=", "10.5.0.9")])
    before = await radius.dump()
    async with placed(GroupDriver, radius) as place:
        await place.block()
        await place.nas.dial("budi")
        if lost != "the snapshot":
            await radius.query("DELETE FROM radreply WHERE attribute = 'SeBilling-Mark'")
        if lost == "all of ours but the group":
            await radius.query("UPDATE radreply SET username = 'budi' WHERE username = '~sebilling~budi'")
        place.wanted = [type(place.wanted[0])(place.wanted[0].ref, {}, reclaim=True)]
        assert (await place.restore()).result is Result.CHANGED
        assert not place.nas.walled("budi")
        assert (await place.reading(cut=False)).actual is State.ACTIVE
        assert await radius.dump() == before
        assert (await place.restore()).result is Result.UNCHANGED


async def test_who_cant_be_reclaimed_is_told_with_the_remedy(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", groups=[("isolir", 0)])
    driver = made(GroupDriver, rig, nas)
    await driver.open()
    job = (await jobs(driver, refs(["budi"])))[0]
    told = (await restored(driver, [type(job)(job.ref, {}, reclaim=True)]))[1]
    assert told.result is Result.FAILED
    assert told.message is not None
    assert "by hand" in told.message.english
    await driver.close()
