"""The conformance kit on both drivers: a database behind a wire that breaks, and a NAS in this process that hangs up."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final

import pytest
from sebilling.plugins.conformance import AWKWARD_NAMES, DriverConformance, World
from sebilling.plugins.contract import IsolationDriver, Ref

from sebilling_radius import GroupDriver, RejectDriver
from sebilling_radius.testing import Receiver, Rig
from sebilling_radius.testing.receiver import ACK, SILENT, Asked

from .conftest import NAMES, NAS_SECRET
from .link import Link

CUSTOMERS_PASSWORD: Final = "sandi-pelanggan-17"
NAMED: Final = tuple(dict.fromkeys([*NAMES, *AWKWARD_NAMES]))
PLAN, GARDEN = "plan", "garden"
IS_BLOCKED: Final[Mapping[type[IsolationDriver[Any]], str]] = {
    GroupDriver: "SELECT groupname = 'isolir' AS cut FROM radusergroup WHERE username = $1 ORDER BY priority LIMIT 1",
    RejectDriver: "SELECT value = 'Reject' AS cut FROM radcheck WHERE username = $1 AND attribute = 'Auth-Type' ORDER BY id DESC LIMIT 1",
}
BY_HAND: Final[Mapping[type[IsolationDriver[Any]], tuple[str, str]]] = {  # a third thing, and cut
    GroupDriver: (
        "INSERT INTO radusergroup (username, groupname, priority) VALUES ($1, 'vip', -9)",
        "INSERT INTO radusergroup (username, groupname, priority) VALUES ($1, 'isolir', -1)",
    ),
    RejectDriver: (
        "INSERT INTO radcheck (username, attribute, op, value) VALUES ($1, 'Auth-Type', ':=', 'Accept')",
        "INSERT INTO radcheck (username, attribute, op, value) VALUES ($1, 'Auth-Type', ':=', 'Reject')",
    ),
}


class RadiusWorld(World):
    """Customers with a fixed address and a session, which the NAS knows as one of the plan or one of the garden."""

    absent = Ref(900, "nobody")
    wrong_password: Mapping[str, Any] = {"database_password": "salah-sekali-55"}

    def __init__(self, driver: type[IsolationDriver[Any]], rig: Rig, connection: Any, *, link: Link, nas: Receiver, **more: str) -> None:
        self.driver, self.rig, self.connection, self.link = driver, rig, connection, link
        self.refs = [Ref(number, key) for number, key in enumerate(NAMED, 1)]
        self.secrets = (rig.password, NAS_SECRET, CUSTOMERS_PASSWORD)
        entry = {"address": "127.0.0.1", "secret": NAS_SECRET, "port": nas.port}
        self.settings = rig.settings(database_port=link.port, nas=[entry], coa_timeout_seconds=2, coa_tries=1, **more)
        self.sessions: dict[str, tuple[str, str]] = {}
        """What the NAS has up: id → user and plan or garden."""
        self._one_at_a_time = asyncio.Lock()
        self.ended: list[str] = []
        self.reporting: asyncio.Task[None] | None = None
        self.kept: str | None = None
        """Whose session goes on, as the NAS finds it by nothing that it is asked."""
        self.left: int | None = None
        """Requests that are still answered."""
        self.made = True
        nas.answer = self.asked

    async def query(self, statement: str, *values: object) -> list[Mapping[str, Any]]:
        """Rows, as superuser, on a connection of the world's own."""
        async with self._one_at_a_time:
            return [dict(row) for row in await self.connection.fetch(statement, *values)]

    async def fill(self) -> None:
        """The customers of `refs`."""
        await self.rig.add_many([ref.key for ref in self.refs], with_sessions=False)
        await self.query("UPDATE radcheck SET value = $1", CUSTOMERS_PASSWORD)
        await self.settle()

    def asked(self, asked: Asked) -> int:
        """A Disconnect or a CoA at the NAS."""
        if self.left == 0 and not self.made:
            return SILENT
        if self.sessions.get(asked.session_id, ("", ""))[0] == self.kept:
            return 503
        there = self.sessions.pop(asked.session_id, None)
        if there is not None and not asked.disconnect:
            self.sessions[asked.session_id] = (there[0], GARDEN)
        elif there is not None:
            self.ended.append(asked.session_id)
            if self.reporting is None or self.reporting.done():
                self.reporting = asyncio.get_running_loop().create_task(self.report())
        if self.left == 0:
            return SILENT
        if self.left is not None:
            self.left -= 1
        return ACK if there is not None else 503

    async def report(self) -> None:
        """The NAS reports sessions as ended, which it does even if its answer to a Disconnect is lost."""
        statement = "UPDATE radacct SET acctstoptime = now(), acctterminatecause = 'Admin-Reset' WHERE acctsessionid = ANY ($1)"
        while self.ended:
            ids, self.ended = self.ended, []
            await self.query(statement, ids)

    async def reported(self) -> None:
        """Wait until radacct has all ends."""
        if self.reporting is not None:
            await self.reporting

    async def state(self) -> Any:
        return await self.rig.dump()

    async def is_blocked(self, ref: Ref) -> bool:
        up = [kind for name, kind in self.sessions.values() if name == ref.key]
        if up:  # a session goes on as it began, whatever the tables say since
            return all(kind == GARDEN for kind in up)
        return await self._by_the_tables(ref.key)

    async def _by_the_tables(self, key: str) -> bool:
        found = await self.query(IS_BLOCKED[self.driver], key)
        return bool(found and found[0]["cut"])

    async def settle(self) -> None:
        """Who is offline and may dials again."""
        await self.reported()
        offline = [ref.key for ref in self.refs if ref.key not in {name for name, _ in self.sessions.values()}]
        kinds = {key: GARDEN if await self._by_the_tables(key) else PLAN for key in offline}
        dialling = [key for key in offline if kinds[key] == PLAN or self.driver is GroupDriver]
        for session, key in zip(await self.rig.open_sessions(dialling), dialling, strict=True):
            self.sessions[session] = (key, kinds[key])

    async def cut_link_after(self, jobs: int, *, made: bool) -> None:
        if self.driver is RejectDriver and any([await self.is_blocked(ref) for ref in self.refs]):
            self.link.cut_at, self.link.made = b"COMMIT", made  # no session is ended: all jobs are made at once, or none
        else:
            # A CoA that was done and not answered leaves no trace in the tables: it reads as not done, and is sent again.
            self.left, self.made = jobs, made and "session" not in self.settings

    async def break_reading(self, answers: int) -> None:
        self.link.answers, self.link.cut_after = 0, answers

    async def make_unreachable(self) -> None:
        await self.link.sever()

    async def mend(self) -> None:
        self.left, self.kept = None, None
        await self.reported()
        await self.link.listen()

    async def online(self, ref: Ref) -> bool:
        up = [kind for name, kind in self.sessions.values() if name == ref.key]
        return PLAN in up or (not up and not await self._by_the_tables(ref.key))

    async def keep_online(self, ref: Ref) -> None:
        self.kept = ref.key

    async def undo_by_hand(self, ref: Ref) -> None:
        parked = f"~sebilling~{ref.key}"
        await self.query("UPDATE radreply SET username = $2 WHERE username = $1 AND attribute <> 'SeBilling-Mark'", parked, ref.key)
        for table in ("radreply", "radcheck"):
            await self.query(f"DELETE FROM {table} WHERE username = $1 AND attribute = 'SeBilling-Mark'", parked)
        await self.query("DELETE FROM radusergroup WHERE username = $1 AND groupname = 'isolir'", ref.key)
        await self.query("DELETE FROM radcheck WHERE username = $1 AND attribute = 'Auth-Type'", ref.key)

    async def reboot(self) -> None:
        self.sessions.clear()
        await self.query("UPDATE radacct SET acctstoptime = now(), acctterminatecause = 'NAS-Reboot' WHERE acctstoptime IS NULL")

    async def by_hand(self, ref: Ref) -> None:
        await self.query(BY_HAND[self.driver][0], ref.key)

    async def blocked_by_hand(self, ref: Ref) -> None:
        await self.query(BY_HAND[self.driver][1], ref.key)

    async def more(self, count: int) -> Sequence[Ref]:
        refs = [Ref(1_000 + number, f"n{number}") for number in range(count)]
        await self.rig.add_many([ref.key for ref in refs], with_sessions=False)
        self.refs = [*self.refs, *refs]
        await self.settle()
        return refs


class Conformance(DriverConformance):
    """The kit on one driver."""

    driver: ClassVar[type[IsolationDriver[Any]]]
    rig: ClassVar[Rig]
    more: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _rig(self, whole_rig: Rig) -> None:
        type(self).rig = whole_rig

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        connection = await self.rig.admin()
        await connection.execute("TRUNCATE radcheck, radreply, radusergroup, radacct, nas_session RESTART IDENTITY")
        async with Link(self.rig.database.port) as link, Receiver(NAS_SECRET) as nas:
            world = RadiusWorld(self.driver, self.rig, connection, link=link, nas=nas, **self.more)
            try:
                await world.fill()
                yield world
            finally:
                await world.reported()
                await connection.close()


class TestGroup(Conformance):
    driver = GroupDriver


class TestGroupByCoa(Conformance):
    driver = GroupDriver
    more: ClassVar[Mapping[str, str]] = {"session": "coa"}


class TestReject(Conformance):
    driver = RejectDriver
