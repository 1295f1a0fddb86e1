"""The worker: drives generation runs that are too large for a request, and those whose process died.

No queue: a run is its own job. Its row says that it isn't finished, its row lock says that someone is at it, and a
process that dies lets go of the lock. A run that fails is tried again later, behind those that don't. Any number of workers
may run. See docs/decisions/0004 and 0018.
"""

import asyncio
from contextlib import suppress
from typing import Final

from sebilling.actor import operator
from sebilling.billing import generation
from sebilling.clock import Clock
from sebilling.db.engine import Database
from sebilling.jobs import orphaned_proofs
from sebilling.retry import Retries
from sebilling.storage import ObjectStore

_LOOK_SECONDS: Final = 2.0
"""A worker in another process isn't woken, so it looks."""


async def run(database: Database, store: ObjectStore, *, clock: Clock, wake: asyncio.Event, chunk: int) -> None:
    """Work until cancelled. A database that is away is waited for; anything unexpected is logged and tried again."""
    swept_at, turns, more = clock(), Retries("worker"), False

    async def turn() -> float:
        nonlocal swept_at, more
        more = False
        if not swept_at <= clock() < swept_at + orphaned_proofs.PATIENCE:  # before it, too: the clock was ahead
            swept_at = clock()
            await orphaned_proofs.orphans(database, store, at=swept_at)
        outcome = await generation.attempt(lambda: database.transaction(actor=operator("worker"), at=clock()), chunk=chunk)
        more = outcome is not generation.Attempt.NOTHING
        return 0

    while True:
        wake.clear()
        await asyncio.sleep(await turns.run(turn()))
        if not more:
            # not wait_for: on Python 3.11 it swallows a cancel that comes together with the wake-up
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await wake.wait()
