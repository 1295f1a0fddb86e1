"""FreeRADIUS in the demo: a real server, run by the plugin's rig with its own PostgreSQL; the rig also acts as the NAS."""

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from sebilling.demo.gear import Subscriber, lacks

_PASSWORD: Final = "x"  # noqa: S105 - the rig's, for customers that it generates
_GROUPS: Final = """UPDATE radusergroup SET groupname = new.plan FROM unnest($1::text[], $2::text[]) AS new (name, plan)
                    WHERE username = new.name"""
_BLOCKED: Final = """SELECT username FROM (
    SELECT DISTINCT ON (username) username, groupname FROM radusergroup ORDER BY username, priority) AS first WHERE groupname = 'isolir'
    UNION SELECT username FROM radcheck WHERE attribute = 'Auth-Type' AND value = 'Reject'"""
_TABLES: Final = ("radcheck", "radreply", "radusergroup")


class Radius:
    """PPPoE by RADIUS: a blocked customer is in the group `isolir`."""

    kind: ClassVar = "radius.group"
    service: ClassVar = "RADIUS"
    name: ClassVar = "RADIUS-Megamendung"
    what: ClassVar = "FreeRADIUS"
    holds: ClassVar = "customers in the tables of a FreeRADIUS, which is the NAS too"

    def __init__(self) -> None:
        self._rig: Any = None
        self._sessions: dict[str, tuple[str, str]] = {}
        """By key: the session's id, and what the customer got at login."""
        self._rates: dict[str, str] = {}

    @classmethod
    def problem(cls) -> str:
        """Return why the device can't run here; empty if it can."""
        missing = lacks("sebilling_radius")
        return missing or str(importlib.import_module("sebilling_radius.testing").freeradius_problem())

    @staticmethod
    def key(number: int, pppoe_name: str) -> str:  # noqa: ARG004 - RADIUS identifies customers by names
        """Return the user name."""
        return pppoe_name

    async def start(self) -> None:
        """Start PostgreSQL and FreeRADIUS. They end with this thread at the latest."""
        self._rig = importlib.import_module("sebilling_radius.testing").Rig()
        self._rig.__enter__()
        await self._rig.set_up()

    async def stop(self) -> None:
        """Stop both, and remove their files."""
        if self._rig is not None:
            self._rig.__exit__(None, None, None)

    def config(self) -> dict[str, Any]:
        """Return the driver's settings."""
        return dict(self._rig.settings(interim_seconds=86_400))  # its NAS reports sessions only when they start and end

    async def put(self, subscribers: Sequence[Subscriber]) -> None:
        """Add a group for each plan, and customers with their own addresses."""
        self._rates = {customer.key: f"{customer.megabits // 2}M/{customer.megabits}M" for customer in subscribers}
        for plan, rate in {customer.plan: self._rates[customer.key] for customer in subscribers}.items():
            await self._rig.add_group(plan, ("Mikrotik-Rate-Limit", "=", rate))
        names = [customer.key for customer in subscribers]
        await self._rig.add_many(names, with_sessions=False)
        await self._rig.query(_GROUPS, names, [customer.plan for customer in subscribers])

    async def state(self) -> Mapping[str, Any]:
        """Return every row with its id; rows that were parked count to their customer."""
        parked_name = importlib.import_module("sebilling_radius.mark").parked_name
        rows_by_name: dict[str, list[tuple[Any, ...]]] = {}
        for table in _TABLES:
            for row in await self._rig.query(f"SELECT * FROM {table} ORDER BY id"):
                rows_by_name.setdefault(row["username"], []).append((table, *row.values()))
        return {key: rows + rows_by_name.get(parked_name(key), []) for key, rows in rows_by_name.items()}

    async def blocked_keys(self) -> set[str]:
        """Return customers whose first group is isolir, and those who are rejected."""
        return {row["username"] for row in await self._rig.query(_BLOCKED)}

    async def dial(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Log in with radclient, as a NAS does; existing sessions stay.

        Raises RuntimeError if there is no answer, if a blocked customer gets the plan's speed, or if another one doesn't.
        """
        blocked = await self.blocked_keys()
        up = set(await self._rig.at_the_nas())
        sessions = {key: session for key, session in self._sessions.items() if session[0] in up}
        answers = {}
        for key in [key for key in keys if key not in sessions]:
            answers[key] = answer = self._rig.authenticate(key, _PASSWORD)
            if ((answer or {}).get("Mikrotik-Rate-Limit") == self._rates[key]) == (key in blocked):
                raise RuntimeError(f"FreeRADIUS answers {key} with {answer}; the plan's speed is {self._rates[key]}")
            await asyncio.sleep(0)  # Ctrl-C need not wait for the others
        accepted = {key: answer for key, answer in answers.items() if answer is not None}
        for (key, answer), session_id in zip(accepted.items(), await self._rig.open_sessions(list(accepted)), strict=True):
            sessions[key] = session_id, ", ".join(f"{name} {value}" for name, value in sorted(answer.items()))
        self._sessions = sessions
        return {key: sessions[key][1] if key in sessions else "refused" for key in keys}
