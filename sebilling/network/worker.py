"""The isolation engine's loops in a worker: sweeps, devices in parallel, health. Any number of workers may run; leases separate them."""

import asyncio
import functools
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from sebilling.billing.isolation import sweep as sweeps
from sebilling.clock import Clock
from sebilling.db import clocks
from sebilling.db.engine import Database
from sebilling.errors import NotFound
from sebilling.logs import get_logger
from sebilling.network import health, looks, reconcile, speeds
from sebilling.network.engine import Engine
from sebilling.operator_errors import ClockWrong
from sebilling.plugins.loading import Plugins
from sebilling.retry import Retries, forgiving
from sebilling.vault import Vault

_log = get_logger(__name__)
Turn = Callable[[Engine], Awaitable[float]]
"""One iteration of a loop; returns the seconds to wait before the next."""
SIDE_BY_SIDE: Final = 32
"""Devices that one worker handles at once, so that a dead one doesn't delay the others."""
MAX_TRIED: Final = 200
"""Devices whose lease is tried in one iteration, as other workers may hold the first of them."""
LOOK_SECONDS: Final = 0.25
LOOK_HEALTH_SECONDS: Final = 5.0
SWEEP_SECONDS: Final = 30.0
SWEEP_SHARE: Final = 10
"""A sweep of a million customers takes seconds: wait this many times its duration, so that sweeps take about a tenth of the time.
Payments don't wait for it."""


def engine_of(database: Database, plugins: Plugins, vault: Vault, *, clock: Clock) -> Engine:
    """Create an engine with a unique name."""
    return Engine(database, plugins, vault, clock, f"{socket.gethostname()[:20]}-{os.getpid()}-{secrets.token_hex(3)}")


async def sweep(engine: Engine) -> None:
    """Decide which customers are blocked and restored, unless another worker is doing it at this moment."""
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        decided = await sweeps.decide_if_free(session)
    if decided is not None and (decided.blocked or decided.restored or decided.held):
        _log.info("isolation_swept", blocked=decided.blocked, restored=decided.restored, held=decided.held)


async def run(engine: Engine) -> None:
    """Run the loops until cancelled."""
    try:
        async with asyncio.TaskGroup() as group:
            turns: dict[str, Turn] = {
                "devices": functools.partial(_devices, group),
                "sweep": _sweeps,
                "health": _health,
                "looks": _looks,
                "speeds": _speeds,
            }
            for name, turn in turns.items():
                group.create_task(_forever(name, turn, engine))
    finally:
        await engine.close()


async def _forever(name: str, turn: Turn, engine: Engine) -> None:
    """Repeat a loop: wait while the database is unavailable; log anything unexpected and retry."""
    turns = Retries("isolation", of=name)
    while True:
        pause = await turns.run(turn(engine))
        await asyncio.sleep(pause * engine.chance.uniform(0.8, 1.2))


async def _devices(group: asyncio.TaskGroup, engine: Engine) -> float:
    """Start work on devices that have some, up to SIDE_BY_SIDE at once."""
    room = SIDE_BY_SIDE - len(engine.leases.held)
    for device_id in (await reconcile.waiting(engine))[:MAX_TRIED] if room > 0 else ():
        group.create_task(forgiving("isolation", _device(engine, device_id), of=f"device {device_id}"))
        await asyncio.sleep(0)  # let it take its lease
        if len(engine.leases.held) >= SIDE_BY_SIDE:
            break
    return LOOK_SECONDS


async def _device(engine: Engine, device_id: int) -> float:
    await reconcile.work_on(engine, device_id)
    return 0


async def _sweeps(engine: Engine) -> float:
    began = time.monotonic()  # the clock may be set meanwhile
    try:
        await clocks.check(engine.database)
    except ClockWrong as error:
        _log.warning("isolation_not_swept", clock_apart_seconds=error.seconds)
    else:
        await sweep(engine)
    return max(SWEEP_SECONDS, (time.monotonic() - began) * SWEEP_SHARE)


async def _health(engine: Engine) -> float:
    for device_id in await health.unchecked(engine):
        async with engine.leases.hold(device_id) as mine:
            if mine:  # otherwise the worker that holds it learns its health
                with suppress(NotFound):  # deleted meanwhile
                    await health.probe(engine, device_id)
    return LOOK_HEALTH_SECONDS


async def _looks(engine: Engine) -> float:
    for device_id in await looks.due(engine):
        await looks.look_at(engine, device_id)
    return LOOK_HEALTH_SECONDS


async def _speeds(engine: Engine) -> float:
    for device_id in await speeds.due(engine):
        await speeds.give(engine, device_id)
    return LOOK_HEALTH_SECONDS
