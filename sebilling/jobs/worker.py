"""The loops of a worker, the same in `sebilling worker` and in a server with an inline worker."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine

from sebilling import keys
from sebilling.auth import customer_links
from sebilling.config import Settings
from sebilling.db import slow_statements
from sebilling.jobs import backups, generation_worker, hooks, relay
from sebilling.network import worker
from sebilling.network.engine import Engine
from sebilling.storage import ObjectStore


def loops(engine: Engine, store: ObjectStore, settings: Settings, *, wake: asyncio.Event) -> list[Coroutine[object, None, None]]:
    """Loops for generation, isolation, the feed, plugins' hooks and backups. Each runs until cancelled; `wake` signals that a run waits."""
    database, clock = engine.database, engine.clock
    page = functools.partial(customer_links.address, key=keys.key_of(settings), public_url=settings.public_url)
    to, hour = settings.backup_to, settings.backup_hour
    chunk, schedule = settings.generate_chunk, None if to is None else backups.Schedule(to, hour)
    return [
        *([] if schedule is None else [_named("backups", lambda: backups.run(database, schedule, clock=clock))]),
        _named("generation", lambda: generation_worker.run(database, store, clock=clock, wake=wake, chunk=chunk)),
        _named("isolation", lambda: worker.run(engine)),
        _named("feed", lambda: relay.run(database, clock=clock)),
        _named("hooks", lambda: hooks.run(database, engine.plugins, clock=clock, page=page)),
    ]


async def _named(job: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a loop, whose slow statements are logged under its name. It must be a task of its own."""
    slow_statements.sender.set(job)
    await run()
