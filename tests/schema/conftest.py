"""Two counters with everything that can hang on them, for the tests of rights."""

import pytest_asyncio

from sebilling.db.engine import Database
from tests.isolation.gear import Gear
from tests.schema.two_counters import World, make


@pytest_asyncio.fixture
async def world(database: Database, gear: Gear) -> World:
    return await make(database)
