"""`sebilling worker`: the background jobs."""

import asyncio
import signal
from contextlib import suppress

from sebilling.cli.database import read_settings, with_database
from sebilling.cli.operation import metrics_of, store_of
from sebilling.cli.plugins import engine_of
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.jobs.worker import loops


async def work_for_ever(settings: Settings, database: Database) -> None:
    """Run generation, isolation, the feed and the plugin hooks concurrently, until cancelled or SIGTERM."""
    store, engine = store_of(settings), engine_of(settings, database)
    end = asyncio.Event()
    with suppress(NotImplementedError):  # on systems without these signals
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    work = loops(engine, store, settings, wake=asyncio.Event())
    if (metrics := metrics_of(settings)) is not None:
        work.append(metrics.keep_current(database, settings.var))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop) for loop in work]
        await end.wait()
        for task in tasks:
            task.cancel()


def worker() -> None:
    """Run background jobs: generation runs, isolation, the event feed and plugin hooks. Any number may run beside the servers."""
    settings = read_settings()
    with_database(lambda database: work_for_ever(settings, database), connections=settings.database_connections, waits=True)
