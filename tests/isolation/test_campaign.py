"""Whatever fails and whoever is killed: in the end everybody is as they should be, and nobody was cut who shouldn't have been.

`make campaign ARGS=isolation` takes 300 seeds.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sebilling.db.databases import create_database, drop_database
from sebilling.db.embedded import embedded_database
from sebilling.db.engine import Database
from sebilling.db.migrate import migrate
from tests.isolation.campaign import Campaign

SEEDS = int(os.environ.get("SEBILLING_TEST_ISOLATION_SEEDS", "1"))
FIRST = int(os.environ.get("SEBILLING_TEST_ISOLATION_FIRST", "1"))
LANES = 4
"""Seeds side by side, each lane with a database server of its own to kill."""


@contextmanager
def _server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="sebilling-campaign-"))
    folder.chmod(0o711)  # as in conftest.py
    try:
        with embedded_database(folder / "postgres", own=True, settings={"fsync": "off"}) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.crash
async def test_everything_comes_right_and_nobody_was_wrongly_cut() -> None:
    seeds = iter(range(FIRST, FIRST + SEEDS))
    numbers = itertools.count(1)

    async def lane(url: str) -> None:
        for seed in seeds:
            name = f"campaign_{next(numbers)}"
            database = Database(await create_database(url, name, template="template_of_campaign"), connections=8)
            try:
                await Campaign(seed, database).run()
                print(f"seed {seed} came right", flush=True)  # noqa: T201 - a campaign is watched
            finally:
                await database.close()
            await drop_database(url, name)

    with ExitStack() as servers:
        places = [servers.enter_context(_server()) for _ in range(min(LANES, SEEDS))]
        for url in places:
            await migrate(await create_database(url, "template_of_campaign"))
        async with asyncio.TaskGroup() as group:
            for url in places:
                group.create_task(lane(url))
