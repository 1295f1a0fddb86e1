"""The database refuses, breaks or dies: what is told is so, and a second run converges."""

import asyncio
import os
from typing import Any, Final

import asyncpg
import pytest
from sebilling.plugins.contract import DeviceError, Fault, IsolationDriver, Job, Outcome, Result, State

from sebilling_radius import GroupDriver, RejectDriver, faults
from sebilling_radius.testing import Receiver, Rig
from sebilling_radius.testing.receiver import ACK

from .conftest import blocked, jobs, made, read, refs, restored
from .link import Link

EVERY: Final = int(os.environ.get("SEBILLING_TEST_RADIUS_EVERY", "3"))
"""The link breaks at every answer of so many; 1 in a campaign."""
BOTH = pytest.mark.parametrize("driver_class", [GroupDriver, RejectDriver])
FIXED = [("Framed-IP-Address", ":=", "10.5.0.9")]
SUCCESS = {Result.CHANGED, Result.UNCHANGED}


async def told(driver: IsolationDriver[Any], wanted: list[Job], *, restoring: bool) -> dict[int, Outcome]:
    """As the engine has it: what has no outcome when the call raises is unknown."""
    found: dict[int, Outcome] = {}
    try:
        async for one in driver.restore(wanted) if restoring else driver.block(wanted):
            found[one.ref_id] = one
    except DeviceError as error:
        if error.fault not in {Fault.UNREACHABLE, Fault.TIMEOUT} or not error.retryable:
            raise
    return found


@BOTH
@pytest.mark.parametrize("restoring", [False, True])
@pytest.mark.parametrize("made_first", [False, True])
async def test_the_link_breaks_at_each_answer(
    driver_class: type[IsolationDriver[Any]], *, restoring: bool, made_first: bool, rig: Rig, nas: Receiver
) -> None:
    names = ["budi", "wati", "0812"]
    for name in names:
        await rig.add_customer(name, reply=FIXED)
    before = await rig.dump()
    async with Link(rig.database.port) as link:
        driver = made(driver_class, rig, nas, database_port=link.port)
        answers = 0
        while await _broke(driver, rig, link, names, answers, made_first=made_first, restoring=restoring):
            assert await rig.dump() == before
            answers += EVERY
        assert await rig.dump() == before
        assert answers > 8, "the link was to break many times"


async def _broke(
    driver: IsolationDriver[Any], rig: Rig, link: Link, names: list[str], answers: int, *, made_first: bool, restoring: bool
) -> bool:
    """The link breaks after so many answers, in one call; then a second run finishes. False if it held."""
    await rig.query("DELETE FROM radacct")
    await rig.open_sessions(names)
    await driver.open()
    wanted = await jobs(driver, refs(names))
    if restoring:
        await blocked(driver, wanted)
        await rig.query("DELETE FROM radacct")
        await rig.open_sessions(names)
    link.answers, link.cut_after, link.made = 0, answers, made_first
    found = await told(driver, wanted, restoring=restoring)
    broke = len(found) < len(names) or not all(one.result in SUCCESS for one in found.values())
    await driver.close()
    await link.listen()
    await driver.open()
    states = await read(driver, wanted, cut=not restoring)
    for one in found.values():
        assert one.result not in SUCCESS or states[one.ref_id].actual is (State.ACTIVE if restoring else State.BLOCKED)
    if not broke:
        assert {one.result for one in found.values()} == {Result.CHANGED}
    await blocked(driver, wanted)
    assert {one.state for one in (await read(driver, wanted)).values()} == {State.BLOCKED}
    await restored(driver, wanted)
    assert {one.state for one in (await read(driver, wanted, cut=False)).values()} == {State.ACTIVE}
    await driver.close()
    return broke


@pytest.mark.parametrize("restoring", [False, True])
async def test_the_database_is_killed_while_sessions_are_ended(*, restoring: bool, rig: Rig, nas: Receiver) -> None:
    names = [f"p{number}" for number in range(300)]
    await rig.add_many(names)
    before = await rig.dump()
    driver = made(GroupDriver, rig, nas, coa_timeout_seconds=1.5)
    await driver.open()
    wanted = await jobs(driver, refs(names))
    if restoring:
        await blocked(driver, wanted)
        await rig.open_sessions(names)
        nas.asked.clear()

    def answer(_: object) -> int:
        if len(nas.asked) == 100:
            rig.database.kill()
        return ACK

    nas.answer = answer
    found = await told(driver, wanted, restoring=restoring)
    assert len(found) == len(names)
    assert {(one.result, one.fault) for one in found.values()} == {(Result.UNKNOWN, Fault.UNREACHABLE)}
    with pytest.raises(DeviceError):
        await driver.read_state(refs(names), {})
    await driver.close()
    rig.database.start()
    nas.answer = lambda _: 503
    await driver.open()
    states = await read(driver, wanted, cut=not restoring)
    assert {one.actual for one in states.values()} == {
        State.BLOCKED if restoring else State.ACTIVE
    }  # written, and no session known to be gone
    await rig.query("UPDATE radacct SET acctstoptime = now(), acctterminatecause = 'Admin-Reset' WHERE acctstoptime IS NULL")
    again = await told(driver, wanted, restoring=restoring)
    assert {one.result for one in again.values()} <= SUCCESS
    assert {one.state for one in (await read(driver, wanted, cut=not restoring)).values()} == {State.ACTIVE if restoring else State.BLOCKED}
    await restored(driver, wanted)
    assert await rig.dump() == before
    await driver.close()


async def test_the_database_is_killed_inside_the_transaction(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", reply=FIXED)
    before = await rig.dump()
    driver = made(GroupDriver, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    holder = await rig.admin()
    held = holder.transaction()
    await held.start()
    await holder.execute("UPDATE radreply SET value = value WHERE username = 'budi'")
    call = asyncio.create_task(told(driver, wanted, restoring=False))
    await asyncio.sleep(0.3)
    assert not call.done()
    rig.database.kill()
    assert {one.result for one in (await call).values()} <= {Result.UNKNOWN, Result.FAILED}
    holder.terminate()
    await driver.close()
    rig.database.start()
    assert await rig.dump() == before
    await driver.open()
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    await restored(driver, wanted)
    assert await rig.dump() == before
    await driver.close()


async def test_who_changes_a_row_at_the_same_time_is_seen(rig: Rig, nas: Receiver) -> None:
    for name in ("budi", "wati"):
        await rig.add_customer(name, reply=FIXED)
    driver = made(GroupDriver, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi", "wati"]))
    holder = await rig.admin()
    held = holder.transaction()
    await held.start()
    await holder.execute("UPDATE radreply SET value = '10.7.7.7' WHERE username = 'budi'")
    call = asyncio.create_task(told(driver, wanted, restoring=False))
    await asyncio.sleep(0.3)
    assert not call.done()
    await held.commit()
    await holder.close()
    found = await call
    assert (found[1].result, found[1].fault, found[2].result) == (Result.FAILED, Fault.DRIFTED, Result.CHANGED)
    assert {row["username"] for row in await rig.query("SELECT username FROM radreply WHERE value = '10.7.7.7'")} == {"budi"}
    await driver.close()


def test_a_message_of_the_database_is_told_without_the_password() -> None:
    raised = asyncpg.PostgresError("password  sandi-77\nis wrong " + "x" * 500)
    error = faults.told(raised, hide="sandi-77")
    assert "sandi-77" not in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 300


@BOTH
async def test_rows_that_others_hold_or_refuse_fail_alone(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    names = ["budi", "refused", "wati"]
    for name in names:
        await rig.add_customer(name, reply=FIXED)
    before = await rig.dump()
    for table in ("radusergroup", "radcheck"):
        await rig.query(f"ALTER TABLE {table} ADD CONSTRAINT no CHECK (username <> 'refused') NOT VALID")
    driver = made(driver_class, rig, nas)
    await driver.open()
    try:
        wanted = await jobs(driver, refs(names))
        for restoring in (False, True):
            found = await told(driver, wanted, restoring=restoring)
            assert found[2].result is (Result.UNCHANGED if restoring else Result.FAILED)
            assert found[2].fault is (None if restoring else Fault.REFUSED)
            assert {found[1].result, found[3].result} == {Result.CHANGED}
        assert await rig.dump() == before
    finally:
        for table in ("radusergroup", "radcheck"):
            await rig.query(f"ALTER TABLE {table} DROP CONSTRAINT no")
    await driver.close()


@BOTH
async def test_the_keys_that_are_advised_are_kept(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", reply=[*FIXED, ("Framed-Route", "+=", "a"), ("Framed-Route", "+=", "b")])
    driver = made(driver_class, rig, nas)
    await driver.open()
    advice = str((await driver.probe()).facts["advice"]).replace(" CONCURRENTLY", "").split(";")
    made_keys = [one.strip() for one in advice if one.strip()]
    assert len(made_keys) == 4
    for statement in made_keys:
        await rig.query(statement)
    try:
        assert "advice" not in (await driver.probe()).facts
        wanted = await jobs(driver, refs(["budi"]))
        for _ in range(2):
            assert (await blocked(driver, wanted))[1].result is Result.CHANGED
            assert (await restored(driver, wanted))[1].result is Result.CHANGED
    finally:
        for name in ("radusergroup_once", "radcheck_once", "radreply_once", "radacct_of_user"):
            await rig.query(f"DROP INDEX {name}")
    await driver.close()


@pytest.mark.parametrize(
    ("more", "fault", "retryable"),
    [
        ({"database_password": "salah"}, Fault.AUTH, False),
        ({"database_user": "nobody"}, Fault.AUTH, False),
        ({"database_name": "nothing"}, Fault.SETUP, False),
        ({"database_port": 9}, Fault.UNREACHABLE, True),
        ({"database_host": "no.such.host.invalid"}, Fault.UNREACHABLE, True),
        ({"database_tls": True}, Fault.SETUP, False),
        ({"database_tls": True, "database_ca_pem": "nonsense"}, Fault.SETUP, False),
    ],
)
async def test_what_keeps_it_from_logging_in(more: dict[str, Any], fault: Fault, *, retryable: bool, rig: Rig) -> None:
    driver = made(GroupDriver, rig, **more)
    with pytest.raises(DeviceError) as caught:
        await driver.open()
    assert (caught.value.fault, caught.value.retryable) == (fault, retryable)
    assert rig.password not in repr(caught.value.message)
    await driver.close()
    health = await driver.probe()
    assert (health.reachable, health.ok) == (fault is not Fault.UNREACHABLE, False)


async def test_a_server_that_says_nothing_is_given_up(rig: Rig) -> None:
    ended = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        driver = made(GroupDriver, rig, database_port=port, timeout_seconds=0.3)
        with pytest.raises(DeviceError) as caught:
            await driver.open()
        assert caught.value.fault is Fault.TIMEOUT
        await ended.wait()


async def test_without_its_privileges_nobody_is_touched(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", reply=FIXED)
    before = await rig.dump()
    driver = made(GroupDriver, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await rig.query("REVOKE UPDATE ON radreply FROM sebilling")
    try:
        with pytest.raises(DeviceError) as caught:
            await blocked(driver, wanted)
        assert (caught.value.fault, caught.value.retryable) == (Fault.PERMISSION, False)
        assert any("UPDATE on" in problem.english for problem in (await driver.probe()).problems)
    finally:
        await rig.query("GRANT UPDATE ON radreply TO sebilling")
    assert await rig.dump() == before
    await driver.close()


async def test_calls_before_open_are_told(rig: Rig) -> None:
    with pytest.raises(DeviceError):
        await made(GroupDriver, rig).read_state(refs(["budi"]), {})
