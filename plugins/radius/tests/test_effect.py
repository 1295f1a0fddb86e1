"""Blocked means offline, restored means online: judged by a NAS with traffic, which ends a session only if the request truly matches it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from sebilling.plugins.contract import IsolationDriver, Job, Outcome, Reading, Result, State

from sebilling_radius import GroupDriver, RejectDriver
from sebilling_radius.testing import MysqlRig, Nas, Rig

from .conftest import NAS_SECRET, blocked, jobs, made, read, refs, restored

BOTH: Final = pytest.mark.parametrize("driver_class", [GroupDriver, RejectDriver])
INTERIM: Final = 600
DISABLED: Final = "daloRADIUS-Disabled-Users"


class Place:
    """A driver, a NAS, and the customer budi."""

    def __init__(self, driver: IsolationDriver[Any], rig: Rig | MysqlRig, nas: Nas, wanted: list[Job]) -> None:
        self.driver, self.rig, self.nas, self.wanted = driver, rig, nas, wanted

    async def block(self) -> Outcome:
        outcome = (await blocked(self.driver, self.wanted))[1]
        await self.nas.settle()
        return outcome

    async def restore(self) -> Outcome:
        outcome = (await restored(self.driver, self.wanted))[1]
        await self.nas.settle()
        return outcome

    async def reading(self, *, cut: bool = True) -> Reading:
        return (await read(self.driver, self.wanted, cut=cut))[1]

    async def later(self, seconds: float) -> None:
        """Time passes: whatever was written in the tables is older."""
        for column in ("acctstarttime", "acctupdatetime", "acctstoptime"):
            await self.rig.query(f"UPDATE radacct SET {column} = {column} - make_interval(secs => $1)", seconds)
        for table in ("radreply", "radcheck"):
            marks = await self.rig.query(f"SELECT id, value FROM {table} WHERE attribute = 'SeBilling-Mark'")
            for mark in marks:
                words = mark["value"].split(" ", 5)
                at = int(words[4].rstrip("?"))
                words[4] = f"{at - int(seconds)}{'?' if words[4].endswith('?') else ''}"
                await self.rig.query(f"UPDATE {table} SET value = $1 WHERE id = $2", " ".join(words), mark["id"])


@asynccontextmanager
async def placed(
    driver_class: type[IsolationDriver[Any]], rig: Rig | MysqlRig, *, key: str = "budi", nas: Mapping[str, Any] | None = None, **more: Any
) -> AsyncIterator[Place]:
    async with Nas(rig, NAS_SECRET, **dict(nas or {})) as server:
        entry = {"address": "127.0.0.1", "secret": NAS_SECRET, "port": server.receiver.port}
        driver = made(driver_class, rig, server.receiver, nas=[entry], interim_seconds=INTERIM, coa_timeout_seconds=1, **more)
        await driver.open()
        try:
            yield Place(driver, rig, server, await jobs(driver, refs([key])))
        finally:
            await driver.close()


STRICT: Final[Mapping[str, Mapping[str, Any]]] = {
    "ruckus": {"requires": frozenset({"Framed-IP-Address", "NAS-IP-Address"})},
    "fortigate": {"requires": frozenset({"Framed-IP-Address", "Acct-Session-Id", "Event-Timestamp"})},
    "exos": {"requires": frozenset({"NAS-IP-Address", "NAS-Port-Id", "Calling-Station-Id"})},
    "dual stack": {"requires": frozenset({"Framed-IPv6-Prefix", "Delegated-IPv6-Prefix"}), "ip6": True},
    "knows few attributes": {"unsupported": frozenset({"NAS-Port-Id", "Event-Timestamp"}) - {"Event-Timestamp"}},
}


@BOTH
@pytest.mark.parametrize("kind", STRICT)
async def test_a_nas_that_wants_to_see_more_than_the_name(driver_class: type[IsolationDriver[Any]], kind: str, radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(driver_class, radius, nas=STRICT[kind]) as place:
        assert await place.nas.dial("budi")
        assert place.nas.online("budi")
        before = await radius.dump()
        assert (await place.block()).result is Result.CHANGED
        assert not place.nas.online("budi")
        assert (await place.reading()).actual is State.BLOCKED
        assert await place.nas.dial("budi") is (driver_class is GroupDriver)
        assert not place.nas.online("budi")
        assert (await place.reading()).actual is State.BLOCKED
        assert (await place.restore()).result is Result.CHANGED
        assert not place.nas.walled("budi")
        assert await place.nas.dial("budi")
        assert place.nas.online("budi")
        assert (await place.reading(cut=False)).actual is State.ACTIVE
        assert await radius.dump() == before


@BOTH
async def test_a_nas_that_denies_a_live_session(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(driver_class, radius, nas={"requires": frozenset({"Filter-Id"})}) as place:  # nothing that we send is enough
        assert await place.nas.dial("budi")
        for _ in range(2):
            assert (await place.block()).result is Result.UNKNOWN
            reading = await place.reading()
            assert (reading.state, reading.in_effect, reading.actual) == (State.BLOCKED, None, None)
            assert reading.look_again_seconds is not None
            assert 0 < reading.look_again_seconds <= 2 * INTERIM + 62
            await place.later(INTERIM)
            await place.nas.interim()  # it is up, and says so
        await place.nas.hang_up("budi")
        assert (await place.reading()).actual is State.BLOCKED
        assert (await place.block()).result in {Result.CHANGED, Result.UNCHANGED}


@BOTH
async def test_a_denied_session_that_is_reported_no_more(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(driver_class, radius) as place:
        await radius.open_sessions(["budi"], answer=None)  # a row of a session that the NAS lost, as at a power failure
        assert (await place.block()).result is Result.UNKNOWN
        assert (await place.reading()).actual is None
        await place.later(2 * INTERIM + 61)
        assert (await place.reading()).actual is State.BLOCKED
        assert (await place.block()).result in {Result.CHANGED, Result.UNCHANGED}


@BOTH
async def test_an_old_stale_row_delays_nothing(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(driver_class, radius) as place:
        await radius.open_sessions(["budi"], answer=None)
        await place.later(86_400)
        assert (await place.block()).result is Result.CHANGED
        assert (await place.reading()).actual is State.BLOCKED


async def test_without_interim_reports_only_a_closed_row_counts(radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(GroupDriver, radius) as place:
        place.driver.config = place.driver.config.model_copy(update={"interim_seconds": 0})
        await place.driver.close()
        await place.driver.open()
        await radius.open_sessions(["budi"], answer=None)
        await place.later(86_400)
        assert (await place.block()).result is Result.UNKNOWN
        reading = await place.reading()
        assert (reading.actual, reading.look_again_seconds) == (None, None)
        await radius.query("UPDATE radacct SET acctstoptime = now()")
        assert (await place.reading()).actual is State.BLOCKED


async def test_a_session_that_goes_on_after_its_ack(radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(GroupDriver, radius) as place:
        await place.nas.dial("budi")
        connection = place.nas.connections[0]
        place.nas.receiver.answer = lambda _: 0  # says so, and does nothing
        assert (await place.block()).result is Result.CHANGED
        assert place.nas.online("budi")
        await place.later(INTERIM)
        await place.nas.interim()
        reading = await place.reading()
        assert (reading.state, reading.in_effect) == (State.BLOCKED, False)
        place.nas.receiver.answer = place.nas._asked
        assert (await place.block()).result is Result.CHANGED
        assert connection not in place.nas.connections


@BOTH
async def test_who_is_switched_off_by_a_group_stays_off(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.query("INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES ($1, 'Auth-Type', ':=', 'Reject')", DISABLED)
    try:
        await radius.add_customer("budi")
        async with placed(driver_class, radius) as place:
            assert await place.nas.dial("budi")
            await radius.query("INSERT INTO radusergroup (username, groupname, priority) VALUES ('budi', $1, -1)", DISABLED)
            before = await radius.dump()
            (budi, _) = await place.driver.read_customers()  # type: ignore[attr-defined]  # an ability of these drivers
            assert (budi.key, budi.plan, budi.disabled) == ("budi", "10M", True)
            assert place.nas.online("budi")  # from before
            await place.block()
            assert not place.nas.online("budi")
            assert not await place.nas.dial("budi")
            assert (await place.reading()).actual is State.BLOCKED
            await place.restore()
            assert not await place.nas.dial("budi")
            assert await radius.dump() == before
    finally:
        await radius.query("DELETE FROM radgroupcheck")


@BOTH
async def test_who_is_rejected_in_radcheck_stays_off(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(driver_class, radius) as place:
        assert await place.nas.dial("budi")
        await radius.query("INSERT INTO radcheck (username, attribute, op, value) VALUES ('budi', 'auth-type', ':=', 'Reject')")
        before = await radius.dump()
        (budi, _) = await place.driver.read_customers()  # type: ignore[attr-defined]  # an ability of these drivers
        assert (budi.key, budi.disabled) == ("budi", True)
        await place.block()
        assert not place.nas.online("budi")
        assert not await place.nas.dial("budi")
        await place.restore()
        assert await radius.dump() == before


async def test_disabled_behind_our_group_is_reported(radius: Rig) -> None:
    await radius.query("INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES ($1, 'Auth-Type', ':=', 'Reject')", DISABLED)
    try:
        await radius.add_customer("budi", groups=[("10M", -1)])
        async with placed(GroupDriver, radius) as place:
            await place.block()
            await radius.query("INSERT INTO radusergroup (username, groupname, priority) VALUES ('budi', $1, -1)", DISABLED)
            await radius.query("DELETE FROM radusergroup WHERE groupname = '10M' AND username = 'budi'")
            reading = await place.reading()
            assert reading.actual is State.DRIFTED
            assert reading.detail is not None
            assert DISABLED in reading.detail.english
            await radius.query("UPDATE radusergroup SET priority = -9 WHERE groupname = $1", DISABLED)
            assert (await place.reading()).actual is State.BLOCKED
            assert not await place.nas.dial("budi")
    finally:
        await radius.query("DELETE FROM radgroupcheck")
