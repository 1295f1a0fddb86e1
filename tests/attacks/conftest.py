"""A server to attack, shared by the tests of a file, and what an idle request of it takes.

A test that needs other settings makes a server of its own: `async with target(committed_url, SEBILLING_…="…") as attacked`.
"""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sebilling.auth import passwords
from sebilling.db.databases import create_database, drop_database
from tests.attacks.target import Target, target
from tests.harness import CHEAP_HASHES

_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module")
async def attacked(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """A server with a database of its own."""
    name = f"attacked_{next(_numbers)}"
    url = await create_database(server_url, name, template=template)
    var: Path = tmp_path_factory.mktemp("var")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", CHEAP_HASHES)
        async with target(url, SEBILLING_VAR=str(var)) as running:
            yield running
    await drop_database(server_url, name)


@pytest_asyncio.fixture
async def idle(attacked: Target) -> float:
    """Seconds that a request takes while nothing else happens."""
    return await attacked.idle_seconds()
