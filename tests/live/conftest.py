"""One site for all of these tests, as starting its processes takes longer than most of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from sebilling import feed
from sebilling.actor import Role
from sebilling.db.databases import create_database, drop_database
from sebilling.db.engine import Database
from tests.harness import Isp, make_user
from tests.live.watching import running, token_of
from tests.processes import ServerProcess


@dataclass
class Site:
    """Two API processes, a worker, an ISP of two counters, and tokens."""

    isp: Isp
    a: ServerProcess
    b: ServerProcess
    admin: str
    clerk: str
    """Of LKT01."""


@pytest_asyncio.fixture(scope="session")
async def running_site(server_url: str, template: str) -> AsyncIterator[Site]:
    url = await create_database(server_url, "live", template=template)
    database = Database(url, connections=20)
    isp = await Isp.make(database, "LKT01", "LKT02")
    async with isp.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    with running(url, 2, SEBILLING_LIVE_CONNECTIONS="10") as (a, b):
        yield Site(isp, a, b, await token_of(a.address), await token_of(a.address, "kasir"))
    await database.close()
    await drop_database(server_url, "live")


@pytest_asyncio.fixture
async def site(running_site: Site) -> Site:
    """The site, when what the test before has written is numbered and told: it would be news to who comes now."""
    async with asyncio.timeout(30):
        while True:
            async with running_site.isp.database.reading() as session:
                if not (await feed.waiting(session)).events:
                    break
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    return running_site
