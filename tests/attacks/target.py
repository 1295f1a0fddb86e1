"""The server that is attacked: a process over a database of its own, with a user of each role."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from sebilling.actor import Role
from sebilling.db.engine import Database
from tests.harness import PASSWORD, Isp, make_user
from tests.processes import ServerProcess

ME: Final = "{ me { username role } }"
SIGN_IN: Final = "mutation($input: SignInInput!) { signIn(input: $input) { token errors { code } } }"
IDLE_REQUESTS: Final = 15
MIN_IDLE_SECONDS: Final = 0.01
"""An idle request counts as at least this long: on two cores that several lanes of tests share, one turn of another takes as long."""


class Target:
    """A running server, its ISP, and how each role asks it something. The user of a role is called like it: `clerk`."""

    def __init__(self, server: ServerProcess, isp: Isp) -> None:
        self.server = server
        self.isp = isp
        self.address = server.address
        self.http = httpx.AsyncClient(base_url=server.address, timeout=60)
        self._tokens: dict[Role, str] = {}

    @property
    def host_and_port(self) -> tuple[str, int]:
        """For sockets of one's own."""
        url = httpx.URL(self.address)
        return url.host, url.port or 80

    async def headers(self, role: Role | None) -> dict[str, str]:
        """What a signed-in user of this role sends, or a stranger (None)."""
        if role is None:
            return {}
        if role not in self._tokens:
            given = {"username": role.lower(), "password": PASSWORD}
            answer = await self.http.post("/graphql", json={"query": SIGN_IN, "variables": {"input": given}})
            self._tokens[role] = answer.json()["data"]["signIn"]["token"]
        return {"Authorization": f"Bearer {self._tokens[role]}"}

    async def ask(self, role: Role | None, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The whole answer."""
        body = {"query": document, "variables": dict(variables or {})}
        answer: dict[str, Any] = (await self.http.post("/graphql", json=body, headers=await self.headers(role))).json()
        return answer

    async def request_seconds(self, *, requests: int = 1) -> float:
        """How long `me` takes an auditor now: the median of so many requests, one after the other."""
        await self.headers(Role.AUDITOR)
        taken = []
        for _ in range(requests):
            began = time.perf_counter()
            answer = await self.ask(Role.AUDITOR, ME)
            taken.append(time.perf_counter() - began)
            assert answer["data"]["me"]["role"] == "AUDITOR", answer
        return statistics.median(taken)

    async def idle_seconds(self) -> float:
        """How long a request takes while nothing else happens: the measure of every attack in the same run."""
        await self.request_seconds(requests=3)
        return max(MIN_IDLE_SECONDS, await self.request_seconds(requests=IDLE_REQUESTS))

    async def slowest_during(self, attack: "asyncio.Task[Any]") -> float:
        """How long the slowest `me` of somebody else takes while the attack runs; at least one is asked."""
        slowest = await self.request_seconds()
        while not attack.done():
            slowest = max(slowest, await self.request_seconds())
        await attack
        return slowest


@asynccontextmanager
async def target(url: str, *, descriptors: int | None = None, **environment: str) -> AsyncIterator[Target]:
    """A server over the migrated, empty database at `url`, filled with an ISP and a user of each role; ended afterwards.

    `descriptors` is the process's limit of open files.
    """
    database = Database(url, connections=3)
    try:
        isp = await Isp.make(database)  # with the user `admin`
        async with isp.write() as session:
            for role in Role:
                if role is not Role.ADMIN:
                    codes = ["LKT01"] if role in {Role.CLERK, Role.COLLECTOR} else []
                    await make_user(session, role.lower(), role, *codes)
        server = await asyncio.to_thread(lambda: ServerProcess(url, descriptors, **environment))
        try:
            attacked = Target(server, isp)
            yield attacked
            await attacked.http.aclose()
        finally:
            server.stop()
    finally:
        await database.close()
