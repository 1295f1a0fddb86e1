"""On MariaDB, with FreeRADIUS's own queries for MySQL, which ignore capitals: the same as on PostgreSQL."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from sebilling.plugins.contract import DeviceError, Fault, IsolationDriver, Job, Result, State

from sebilling_radius import GroupDriver, RejectDriver
from sebilling_radius.testing import MysqlRig, freeradius_problem, mariadb_problem
from sebilling_radius.testing.freeradius import MYSQL
from sebilling_radius.testing.mysql_rig import GRANTS_MYSQL, GRANTS_MYSQL_REJECT

from .conftest import NAMES as CAREFUL
from .conftest import blocked, jobs, made, needed, read, refs, restored
from .test_effect import BOTH, DISABLED, STRICT, placed

FIXED: Final = [("Framed-IP-Address", ":=", "10.5.0.9"), ("Mikrotik-Rate-Limit", ":=", "7M/9M"), ("Session-Timeout", ":=", "3600")]
NAMES: Final = (*CAREFUL, "a%b_c")


@pytest.fixture(scope="module")
def whole() -> Iterator[MysqlRig]:
    needed(mariadb_problem() or freeradius_problem(MYSQL))
    with MysqlRig() as rig:
        asyncio.run(rig.set_up(grants=(GRANTS_MYSQL, GRANTS_MYSQL_REJECT)))
        yield rig


@pytest.fixture
async def rig(whole: MysqlRig) -> MysqlRig:
    await whole.empty()
    await whole.query("DELETE FROM radgroupreply WHERE groupname NOT IN ('isolir', '10M')")
    await whole.add_customer("someone else", reply=[("Framed-IP-Address", ":=", "10.1.1.1")], groups=[("10M", 1), ("isolir", 5)])
    return whole


@BOTH
@pytest.mark.parametrize("typed", ["budi", "Budi"])
async def test_a_customer_is_blocked_and_restored(driver_class: type[IsolationDriver[Any]], typed: str, rig: MysqlRig) -> None:
    await rig.add_customer("budi", reply=FIXED)
    before = await rig.dump()
    async with placed(driver_class, rig, nas=STRICT["exos"]) as place:
        assert await place.nas.dial(typed)
        assert place.nas.online(typed)
        place.wanted = [Job(job.ref, json.loads(json.dumps(job.snapshot))) for job in place.wanted]
        assert (await place.block()).result is Result.CHANGED
        assert not place.nas.online(typed)
        assert (await place.reading()).actual is State.BLOCKED
        assert await place.nas.dial(typed) is (driver_class is GroupDriver)
        assert not place.nas.online(typed)
        assert (await place.block()).result is Result.UNCHANGED
        assert await jobs(place.driver, [place.wanted[0].ref]) == place.wanted
        assert (await place.restore()).result is Result.CHANGED
        assert not place.nas.walled(typed)
        assert await rig.dump() == before
        assert await place.nas.dial(typed)
        assert place.nas.online(typed)
        assert (await place.reading(cut=False)).actual is State.ACTIVE


@BOTH
async def test_names_that_a_careless_client_would_run(driver_class: type[IsolationDriver[Any]], rig: MysqlRig) -> None:
    for name in NAMES:
        await rig.add_customer(name, reply=FIXED)
    before = await rig.dump()
    driver = made(driver_class, rig)
    await driver.open()
    wanted = await jobs(driver, refs([*NAMES, "nobody", "budi santoso "]))
    told = await blocked(driver, wanted)
    assert [outcome.result for outcome in told.values() if outcome.ref_id <= len(NAMES)] == [Result.CHANGED] * len(NAMES)
    assert [told[len(NAMES) + number].fault for number in (1, 2)] == [Fault.ABSENT] * 2
    assert {reading.actual for reading in (await read(driver, wanted[: len(NAMES)])).values()} == {State.BLOCKED}
    await restored(driver, wanted)
    assert await rig.dump() == before
    await driver.close()


@BOTH
async def test_who_is_switched_off_stays_off(driver_class: type[IsolationDriver[Any]], rig: MysqlRig) -> None:
    await rig.query("INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES (%s, 'Auth-Type', ':=', 'Reject')", DISABLED)
    await rig.add_customer("budi", groups=[(DISABLED, -1), ("10M", 0)])
    async with placed(driver_class, rig) as place:
        await place.block()
        assert not await place.nas.dial("budi")
        (budi, _) = await place.driver.read_customers()  # type: ignore[attr-defined]  # an ability of these drivers
        assert (budi.key, budi.plan, budi.disabled, budi.rate_down_kbps) == ("budi", "10M", True, 20_000)


@BOTH
async def test_a_changed_plan_sets_the_speed(driver_class: type[IsolationDriver[Any]], rig: MysqlRig) -> None:
    await rig.add_customer("budi", reply=FIXED)
    await rig.add_customer("wati")
    driver = made(driver_class, rig)
    await driver.open()
    wanted = await jobs(driver, refs(["budi", "wati"], rate_down_kbps=9_000, rate_up_kbps=5_000), plan_changed=True)
    await blocked(driver, wanted)
    assert {outcome.result for outcome in (await restored(driver, wanted)).values()} == {Result.CHANGED}
    for name in ("budi", "wati"):
        answer = rig.authenticate(name)
        assert answer is not None
        assert answer["Mikrotik-Rate-Limit"] == "5000k/9000k"
    await driver.close()


@pytest.mark.parametrize(("grants", "driver_class"), [(GRANTS_MYSQL, GroupDriver), (GRANTS_MYSQL_REJECT, RejectDriver)])
async def test_the_grants_of_the_readme_are_enough_and_needed(grants: str, driver_class: type[IsolationDriver[Any]], rig: MysqlRig) -> None:
    await rig.query("REVOKE ALL PRIVILEGES, GRANT OPTION FROM sebilling")
    try:
        await rig.query("GRANT SELECT ON radius.radacct TO sebilling")
        assert (await made(driver_class, rig).probe()).problems
        await rig.query(grants)
        health = await made(driver_class, rig).probe()
        assert health.ok, health.problems
        assert health.facts.keys() >= {"mysql", "coa", "advice", "open_sessions", "newest_accounting"}
        assert "privileges" not in health.facts
    finally:
        await rig.query(GRANTS_MYSQL + GRANTS_MYSQL_REJECT)


async def test_the_probe_names_what_is_wrong_with_the_tables(rig: MysqlRig) -> None:
    await rig.query("ALTER TABLE radusergroup ENGINE = MyISAM")
    try:
        problems = [problem.english for problem in (await made(GroupDriver, rig, matching="exact").probe()).problems]
    finally:
        await rig.query("ALTER TABLE radusergroup ENGINE = InnoDB")
    assert any("ENGINE = InnoDB" in problem for problem in problems)
    assert any("set matching to lower" in problem for problem in problems)


@pytest.mark.parametrize(
    ("more", "fault", "retryable"),
    [
        ({"database_password": "salah"}, Fault.AUTH, False),
        ({"database_user": "nobody"}, Fault.AUTH, False),
        ({"database_name": "nothing"}, Fault.AUTH, False),  # the server doesn't tell that it isn't there
        ({"database_port": 9}, Fault.UNREACHABLE, True),
        ({"database_tls": True}, Fault.SETUP, False),
    ],
)
async def test_what_keeps_it_from_logging_in(more: Mapping[str, Any], fault: Fault, *, retryable: bool, rig: MysqlRig) -> None:
    driver = made(GroupDriver, rig, **more)
    with pytest.raises(DeviceError) as caught:
        await driver.open()
    assert (caught.value.fault, caught.value.retryable) == (fault, retryable)
    assert rig.password not in repr(caught.value.message)
    await driver.close()


async def test_who_changes_a_row_at_the_same_time_is_seen(rig: MysqlRig) -> None:
    for name in ("budi", "wati"):
        await rig.add_customer(name, reply=FIXED)
    driver = made(GroupDriver, rig)
    await driver.open()
    wanted = await jobs(driver, refs(["budi", "wati"]))
    holder = rig.database.connect()
    holder.autocommit(False)  # noqa: FBT003 - its own interface
    holder.cursor().execute("UPDATE radreply SET value = '10.7.7.7' WHERE username = 'budi' AND attribute = 'Framed-IP-Address'")
    call = asyncio.create_task(blocked(driver, wanted))
    await asyncio.sleep(0.3)
    assert not call.done()
    holder.commit()
    holder.close()
    found = await call
    assert (found[1].result, found[1].fault, found[2].result) == (Result.FAILED, Fault.DRIFTED, Result.CHANGED)
    await driver.close()


@BOTH
async def test_the_server_is_killed_and_comes_back(driver_class: type[IsolationDriver[Any]], rig: MysqlRig) -> None:
    await rig.add_customer("budi", reply=FIXED)
    before = await rig.dump()
    driver = made(driver_class, rig)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    rig.database.kill()
    with pytest.raises(DeviceError) as caught:
        await blocked(driver, wanted)
    assert (caught.value.fault, caught.value.retryable) == (Fault.UNREACHABLE, True)
    await driver.close()
    assert not (await driver.probe()).reachable
    rig.database.start()
    await driver.open()
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert await rig.dump() == before
    await driver.close()


@BOTH
async def test_a_row_that_is_refused_fails_alone(driver_class: type[IsolationDriver[Any]], rig: MysqlRig) -> None:
    names = ["budi", "x" * 60, "wati"]  # with our prefix it is longer than the column
    for name in names:
        await rig.add_customer(name, reply=FIXED)
    before = await rig.dump()
    driver = made(driver_class, rig)
    await driver.open()
    wanted = await jobs(driver, refs(names))
    told = await blocked(driver, wanted)
    assert [told[ref_id].result for ref_id in (1, 2, 3)] == [Result.CHANGED, Result.FAILED, Result.CHANGED]
    assert told[2].fault is Fault.REFUSED
    await restored(driver, wanted)
    assert await rig.dump() == before
    await driver.close()
