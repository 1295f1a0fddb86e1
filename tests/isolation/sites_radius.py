"""A RADIUS database with a NAS, for campaigns: both may fail."""

import asyncio
import itertools
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
from sebilling_radius.testing import Receiver, Rig
from sebilling_radius.testing.receiver import ACK, SILENT, Asked
from sebilling_radius.testing.rig import GRANTS, GRANTS_REJECT

from tests.isolation.sites import Site

_UNKNOWN_SESSION = 503
_NO_RESOURCES = 506
_STOP = "UPDATE radacct SET acctstoptime = now(), acctterminatecause = 'Admin-Reset' WHERE acctsessionid = ANY ($1)"


class RadiusSite(Site):
    """The walled garden by group. Who is told to hang up dials again, as the tables say."""

    kind, service = "radius.group", "RADIUS"
    query = "SELECT DISTINCT ON (username) username, groupname = 'isolir' AS cut FROM radusergroup ORDER BY username, priority"

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(keys)
        self.rig = Rig(radius=False)
        self.nas = Receiver(self.rig.secret, self._asked)
        self._up: set[str] = set()
        self._stopped: set[str] = set()
        """Sessions whose end radacct doesn't have yet."""
        self._numbers = itertools.count(1)
        self._says: int | None = None

    async def start(self) -> None:
        # in a thread of the pool, which lives as long as the servers are to
        await asyncio.to_thread(self.rig.__enter__)
        await self.rig.set_up(grants=(GRANTS, GRANTS_REJECT))
        await self.rig.add_many(self.keys, with_sessions=False)
        self._up = set(await self.rig.open_sessions(self.keys))
        await self.nas.__aenter__()
        await super().start()

    async def stop(self) -> None:
        await super().stop()
        await self.nas.__aexit__()
        await asyncio.to_thread(self.rig.__exit__)

    def config(self) -> dict[str, Any]:
        nas = [{"address": "127.0.0.0/8", "secret": self.rig.secret, "port": self.nas.port}]
        return self.rig.settings(nas=nas, coa_timeout_seconds=0.2, coa_tries=2, timeout_seconds=1.5)

    async def _asked(self, asked: Asked) -> int:
        if self._says is not None:
            return self._says
        if asked.session_id not in self._up:
            return _UNKNOWN_SESSION
        self._up.remove(asked.session_id)
        self._stopped.add(asked.session_id)
        with suppress(ConnectionError):
            await self._report()
        return ACK

    async def _report(self) -> None:
        """Accounting of ended sessions, which a NAS repeats until it is stored."""
        ids = sorted(self._stopped)
        await self._rows(_STOP, ids)
        self._stopped.difference_update(ids)

    async def fail(self, chance: random.Random) -> None:
        match chance.randrange(4):
            case 0:
                self._says = SILENT
            case 1:
                self._says = _NO_RESOURCES
            case 2:
                self.nas.delay_seconds = 0.3
            case _:
                await asyncio.to_thread(self.rig.database.kill)

    async def heal(self) -> None:
        self._says, self.nas.delay_seconds = None, 0
        try:
            _ = self.rig.database.pid
        except RuntimeError:
            await asyncio.to_thread(self.rig.database.start)
        await self._report()

    async def _rows(self, query: str, *values: object) -> list[Mapping[str, Any]]:
        try:
            return await self.rig.query(query, *values)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise ConnectionError("the RADIUS database is away") from error

    async def cut_keys(self) -> set[str]:
        return {row["username"] for row in await self._rows(self.query) if row["cut"] and row["username"] in self.keys}

    async def online_keys(self) -> set[str]:
        """Those whom the tables let in, and those whose session from before was never ended."""
        rows = await self._rows("SELECT username FROM radacct WHERE acctsessionid = ANY ($1)", sorted(self._up))
        return (await super().online_keys()) | {row["username"] for row in rows}

    async def state(self) -> Mapping[str, Any]:
        found: dict[str, list[tuple[Any, ...]]] = {key: [] for key in self.keys}
        for table in ("radcheck", "radreply", "radusergroup"):
            for row in await self._rows(f"SELECT * FROM {table} ORDER BY id"):
                found.setdefault(row["username"], []).append((table, *row.values()))
        return found


class RejectSite(RadiusSite):
    """The login is refused."""

    kind = "radius.reject"
    query = "SELECT username, value = 'Reject' AS cut FROM radcheck WHERE attribute = 'Auth-Type'"
