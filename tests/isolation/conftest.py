"""The device in memory, and the end of engines that work on it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.isolation.gear import GEARS, Gear
from tests.isolation.place import ENGINES


@pytest_asyncio.fixture
async def gear() -> AsyncIterator[Gear]:
    """The device that the tests' driver talks to, by the name `one`."""
    GEARS["one"] = Gear()
    yield GEARS["one"]
    GEARS.clear()
    while ENGINES:
        await ENGINES.pop().close()
