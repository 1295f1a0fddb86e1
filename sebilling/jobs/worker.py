"""The loops of a worker, the same in `sebilling worker` and in a server with an inline worker."""

import asyncio
from collections.abc import Coroutine

from sebilling.jobs import generation_worker, hooks, relay
from sebilling.network import worker
from sebilling.network.engine import Engine
from sebilling.storage import ObjectStore


def loops(engine: Engine, store: ObjectStore, *, wake: asyncio.Event, chunk: int) -> list[Coroutine[object, None, None]]:
    """Loops for generation, isolation, the feed and plugins' hooks. Each runs until cancelled; `wake` signals that a run waits."""
    database, clock = engine.database, engine.clock
    return [
        generation_worker.run(database, store, clock=clock, wake=wake, chunk=chunk),
        worker.run(engine),
        relay.run(database, clock=clock),
        hooks.run(database, engine.plugins, clock=clock),
    ]
