"""Worker for invoice generation: executes runs that are too large for a request, and those whose process died.

There is no queue: a run is its own job. Its row says that it isn't finished, a row lock says that a worker has it, and a process
that dies releases the lock. A run that fails is retried later, after the others. Any number of workers may run. See
docs/decisions/0004 and 0018.
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
"""Polling interval, as a worker in another process isn't woken."""


async def run(database: Database, store: ObjectStore, *, clock: Clock, wake: asyncio.Event, chunk: int) -> None:
    """Work until cancelled. Wait while the database is unavailable; log anything unexpected and retry."""
    swept_at, turns, more = clock(), Retries("worker"), False

    async def turn() -> float:
        nonlocal swept_at, more
        more = False
        if not swept_at <= clock() < swept_at + orphaned_proofs.PATIENCE:  # a time in the future: the clock was ahead
            swept_at = clock()
            await orphaned_proofs.orphans(database, store, at=swept_at)
        outcome = await generation.attempt(lambda: database.transaction(actor=operator("worker"), at=clock()), chunk=chunk)
        more = outcome is not generation.Attempt.NOTHING
        return 0

    while True:
        wake.clear()
        await asyncio.sleep(await turns.run(turn()))
        if not more:
            # not wait_for: on Python 3.11 it swallows a cancellation that coincides with the wake-up
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await wake.wait()
