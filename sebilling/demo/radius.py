"""FreeRADIUS in the demo: a real one, run privately by the plugin's rig, with its tables in a PostgreSQL of its own, and as the NAS."""

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from sebilling.demo.gear import Subscriber, lacks

_PASSWORD: Final = "x"  # noqa: S105 - the rig's, for customers that it makes up
_GROUPS: Final = """UPDATE radusergroup SET groupname = new.plan FROM unnest($1::text[], $2::text[]) AS new (name, plan)
                    WHERE username = new.name"""
_CUT: Final = """SELECT username FROM (
    SELECT DISTINCT ON (username) username, groupname FROM radusergroup ORDER BY username, priority) AS first WHERE groupname = 'isolir'
    UNION SELECT username FROM radcheck WHERE attribute = 'Auth-Type' AND value = 'Reject'"""
_TABLES: Final = ("radcheck", "radreply", "radusergroup")


class Radius:
    """PPPoE by RADIUS: who is cut is in the group `isolir`."""

    kind: ClassVar = "radius.group"
    service: ClassVar = "RADIUS"
    name: ClassVar = "RADIUS-Megamendung"
    what: ClassVar = "FreeRADIUS"
    holds: ClassVar = "customers in the tables of a FreeRADIUS, which is the NAS too"

    def __init__(self) -> None:
        self._rig: Any = None
        self._sessions: dict[str, tuple[str, str]] = {}
        """By key: the session's id, and what was given at its login."""
        self._rates: dict[str, str] = {}

    @classmethod
    def problem(cls) -> str:
        """Why it can't be here; empty if it can."""
        missing = lacks("sebilling_radius")
        return missing or str(importlib.import_module("sebilling_radius.testing").freeradius_problem())

    @staticmethod
    def key(number: int, pppoe_name: str) -> str:  # noqa: ARG004 - RADIUS goes by names
        """The user name."""
        return pppoe_name

    async def start(self) -> None:
        """Start PostgreSQL and FreeRADIUS. They end with this thread, even if nobody stops them."""
        self._rig = importlib.import_module("sebilling_radius.testing").Rig()
        self._rig.__enter__()
        await self._rig.set_up()

    async def stop(self) -> None:
        """End both, and remove their files."""
        if self._rig is not None:
            self._rig.__exit__(None, None, None)

    def config(self) -> dict[str, Any]:
        """The driver's settings."""
        return dict(self._rig.settings())

    async def put(self, subscribers: Sequence[Subscriber]) -> None:
        """A group for each plan; each customer with an address of their own, dialled in."""
        self._rates = {one.key: f"{one.megabits // 2}M/{one.megabits}M" for one in subscribers}
        for plan, rate in {one.plan: self._rates[one.key] for one in subscribers}.items():
            await self._rig.add_group(plan, ("Mikrotik-Rate-Limit", "=", rate))
        names = [one.key for one in subscribers]
        await self._rig.add_many(names, with_sessions=False)
        await self._rig.query(_GROUPS, names, [one.plan for one in subscribers])

    async def state(self) -> Mapping[str, Any]:
        """Every row with its id; rows that were set aside are their customer's."""
        parked_name = importlib.import_module("sebilling_radius.mark").parked_name
        found: dict[str, list[tuple[Any, ...]]] = {}
        for table in _TABLES:
            for row in await self._rig.query(f"SELECT * FROM {table} ORDER BY id"):
                found.setdefault(row["username"], []).append((table, *row.values()))
        return {key: rows + found.get(parked_name(key), []) for key, rows in found.items()}

    async def cut(self) -> set[str]:
        """RowScope first group is isolir, and who is refused."""
        return {row["username"] for row in await self._rig.query(_CUT)}

    async def dial(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Log in by radclient, as a NAS does; who has a session keeps it and what it was given.

        Raises RuntimeError for silence, and for a plan's speed for someone who is cut, or another one for someone who isn't.
        """
        cut = await self.cut()
        up = set(await self._rig.at_the_nas())
        given = {key: session for key, session in self._sessions.items() if session[0] in up}
        answers = {}
        for key in [key for key in keys if key not in given]:
            answers[key] = answer = self._rig.authenticate(key, _PASSWORD)
            if ((answer or {}).get("Mikrotik-Rate-Limit") == self._rates[key]) == (key in cut):
                raise RuntimeError(f"FreeRADIUS gives {key} {answer}; the plan's speed is {self._rates[key]}")
            await asyncio.sleep(0)  # Ctrl-C need not wait for the others
        accepted = {key: answer for key, answer in answers.items() if answer is not None}
        for (key, answer), session_id in zip(accepted.items(), await self._rig.open_sessions(list(accepted)), strict=True):
            given[key] = session_id, ", ".join(f"{name} {value}" for name, value in sorted(answer.items()))
        self._sessions = given
        return {key: given[key][1] if key in given else "refused" for key in keys}
