"""The loops of a worker, the same in `sebilling worker` and in a server with an inline worker."""

import asyncio
import functools
from collections.abc import Coroutine

from sebilling import keys
from sebilling.auth import customer_links
from sebilling.config import Settings
from sebilling.jobs import backups, generation_worker, hooks, relay
from sebilling.network import worker
from sebilling.network.engine import Engine
from sebilling.storage import ObjectStore


def loops(engine: Engine, store: ObjectStore, settings: Settings, *, wake: asyncio.Event) -> list[Coroutine[object, None, None]]:
    """Loops for generation, isolation, the feed, plugins' hooks and backups. Each runs until cancelled; `wake` signals that a run waits."""
    database, clock = engine.database, engine.clock
    page = functools.partial(customer_links.address, key=keys.key_of(settings), public_url=settings.public_url)
    to, hour = settings.backup_to, settings.backup_hour
    return [
        *([] if to is None else [backups.run(database, backups.Schedule(to, hour), clock=clock)]),
        generation_worker.run(database, store, clock=clock, wake=wake, chunk=settings.generate_chunk),
        worker.run(engine),
        relay.run(database, clock=clock),
        hooks.run(database, engine.plugins, clock=clock, page=page),
    ]
