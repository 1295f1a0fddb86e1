"""All that a worker does: the same in `sebilling worker` and in a server that works inline."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from sebilling.jobs import generation_worker, hooks, relay
from sebilling.network import worker
from sebilling.network.engine import Engine
from sebilling.storage import ObjectStore


def loops(engine: Engine, store: ObjectStore, *, wake: asyncio.Event, chunk: int) -> list[Coroutine[Any, Any, None]]:
    """Generation, isolation, the feed and the hooks of plugins: each runs until cancelled. `wake` says that a run waits."""
    database, clock = engine.database, engine.clock
    return [
        generation_worker.run(database, store, clock=clock, wake=wake, chunk=chunk),
        worker.run(engine),
        relay.run(database, clock=clock),
        hooks.run(database, engine.plugins, clock=clock),
    ]
