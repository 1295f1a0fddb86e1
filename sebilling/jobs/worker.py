"""The worker: drives generation runs that are too large for a request, and those whose process died.

No queue: a run is its own job. Its row says that it isn't finished, its row lock says that someone is at it, and a
process that dies lets go of the lock. Any number of workers may run. See docs/decisions/0004.
"""

import asyncio
from contextlib import suppress
from typing import Final

from sebilling.actor import operator
from sebilling.billing import generation
from sebilling.clock import Clock
from sebilling.db.engine import Database
from sebilling.jobs import sweep
from sebilling.jobs.turns import forgiving
from sebilling.storage import ObjectStore

_LOOK_SECONDS: Final = 2.0
"""A worker in another process isn't woken, so it looks."""


async def run(database: Database, store: ObjectStore, *, clock: Clock, wake: asyncio.Event, chunk: int) -> None:
    """Work until cancelled. A database that is away is waited for; anything unexpected is logged and tried again."""
    swept_at = clock()

    async def turn() -> float:
        nonlocal swept_at
        if clock() >= swept_at + sweep.PATIENCE:
            swept_at = clock()
            await sweep.orphans(database, store, at=swept_at)
        async with database.transaction(actor=operator("worker"), at=clock()) as session:
            return 0 if await generation.advance(session, chunk=chunk) else _LOOK_SECONDS

    while True:
        wake.clear()
        if pause := await forgiving("worker", turn()):
            # not wait_for: on Python 3.11 it swallows a cancel that comes together with the wake-up
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await wake.wait()
