"""Two counters with everything that can hang on them, for the tests of rights; and two with months of invoices, for lists and papers."""

from collections.abc import AsyncIterator

import pytest_asyncio

from sebilling.db.engine import Database
from tests.isolation.gear import Gear
from tests.schema.shop import Shop
from tests.schema.two_counters import World, make


@pytest_asyncio.fixture
async def world(database: Database, gear: Gear) -> World:
    return await make(database)


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    made = await Shop.make(database)
    yield made
    await made.isp.check()
