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
from sebilling.errors import Unavailable
from sebilling.jobs import sweep
from sebilling.logs import get_logger
from sebilling.storage import ObjectStore

_log = get_logger(__name__)
_LOOK_SECONDS: Final = 2.0
"""A worker in another process isn't woken, so it looks."""


async def run(database: Database, store: ObjectStore, *, clock: Clock, wake: asyncio.Event, chunk: int) -> None:
    """Work until cancelled. A database that is away is waited for; anything unexpected is logged and tried again."""
    swept_at = clock()
    while True:
        wake.clear()
        try:
            if not swept_at <= clock() < swept_at + sweep.PATIENCE:  # before it, too: the clock was ahead
                swept_at = clock()
                await sweep.orphans(database, store, at=swept_at)
            async with database.transaction(actor=operator("worker"), at=clock()) as session:
                more = await generation.advance(session, chunk=chunk)
        except Unavailable as error:
            more = False
            _log.warning("worker_waits", why=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the next run must not wait for a restart
            more = False
            _log.exception("worker_failed")
        if not more:
            # not wait_for: on Python 3.11 it swallows a cancel that comes together with the wake-up
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await wake.wait()
