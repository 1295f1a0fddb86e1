"""The engine's loops in a worker: sweeps, devices side by side, health. Any number of workers may run; leases keep them apart."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from sebilling.billing import isolation as domain
from sebilling.clock import Clock
from sebilling.db.engine import Database
from sebilling.errors import SebillingError, Unavailable
from sebilling.jobs import isolation
from sebilling.jobs.isolation import Engine
from sebilling.logs import get_logger
from sebilling.plugins.loading import Plugins
from sebilling.plugins.secrets import Undecipherable, Vault

_log = get_logger(__name__)
Turn = Callable[[Engine], Awaitable[int]]
"""Something done again and again; gives how many looks to wait before the next."""
SIDE_BY_SIDE: Final = 16
"""Devices that one worker works on at once: a dead one holds up nobody else."""
LOOK_SECONDS: Final = 0.3
SWEEP_EVERY: Final = timedelta(seconds=30)
_ONE_SWEEP: Final = text("SELECT pg_try_advisory_xact_lock(3, 0)")


def engine_of(database: Database, plugins: Plugins, vault: Vault, *, clock: Clock) -> Engine:
    """An engine with a name of its own."""
    return Engine(database, plugins, vault, clock, f"{socket.gethostname()[:20]}-{os.getpid()}-{secrets.token_hex(3)}")


async def sweep(engine: Engine) -> None:
    """Decide who is cut and who is given back, unless another worker is just doing it."""
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        if await session.value(_ONE_SWEEP):
            decided = await domain.decide(session)
            if decided.cut or decided.given_back or decided.held:
                _log.info("isolation_swept", cut=decided.cut, given_back=decided.given_back, held=decided.held)


async def run(engine: Engine) -> None:
    """Work until cancelled."""
    async with asyncio.TaskGroup() as group:
        for _ in range(SIDE_BY_SIDE):
            group.create_task(_forever(_device, engine))
        group.create_task(_forever(_sweeps, engine))
        group.create_task(_forever(_health, engine))


async def _forever(turn: Turn, engine: Engine) -> None:
    """Turn after turn: a database that is away is waited for, anything unexpected is logged and tried again."""
    while True:
        pause = LOOK_SECONDS * engine.chance.uniform(0.8, 1.2)
        try:
            pause *= await turn(engine)
        except Unavailable as error:
            _log.warning("isolation_waits", why=str(error))
            pause = 1
        except Exception:  # noqa: BLE001 - whatever it is, the next turn must not wait for a restart
            _log.exception("isolation_failed")
            pause = 1
        await asyncio.sleep(pause)


async def _device(engine: Engine) -> int:
    return 0 if await isolation.work_one(engine) else SIDE_BY_SIDE // 4


async def _sweeps(engine: Engine) -> int:
    await sweep(engine)
    return int(SWEEP_EVERY.total_seconds() / LOOK_SECONDS)


async def _health(engine: Engine) -> int:
    for device_id in await isolation.unchecked(engine):
        with suppress(SebillingError, Undecipherable):  # shown at the device, or gone meanwhile
            await isolation.probe(engine, device_id)
    return 20
