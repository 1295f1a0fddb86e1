"""Asking a device something for a person, in a session of its own, as soon as no worker is working on it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from sqlalchemy import text

from sebilling.device_errors import DeviceBusy, DeviceUnusable
from sebilling.errors import NotFound
from sebilling.network.devices import StoredDevice
from sebilling.network.engine import CLOSE_SECONDS, Engine
from sebilling.nouns import Noun
from sebilling.plugins.contract import DeviceConfig, DeviceError, IsolationDriver

T = TypeVar("T")
WAIT_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.2
_DEVICE: Final = text("SELECT id, name, kind, config, config_version FROM device WHERE id = :device")


async def ask(engine: Engine, device_id: int, question: Callable[[IsolationDriver[DeviceConfig]], Awaitable[T]], *, seconds: float) -> T:
    """Open a session, put the question to its driver within `seconds`, and return the answer. Stores nothing.

    Call it outside a transaction. Raises NotFound, DeviceBusy after WAIT_SECONDS, DeviceUnusable.
    """
    async with engine.database.reading() as session:
        device = await session.row(_DEVICE, {"device": device_id}, into=StoredDevice)
    if device is None:
        raise NotFound(field="device_id", noun=Noun.DEVICE, given=device_id)
    for _ in range(int(WAIT_SECONDS / _LOOK_SECONDS)):
        async with engine.leases.hold(device_id) as mine:
            if mine:
                return await _asked(engine, device, question, seconds)
        await asyncio.sleep(_LOOK_SECONDS)
    raise DeviceBusy(field="device_id", given=Noun.DEVICE.id(device_id))


async def _asked(
    engine: Engine, device: StoredDevice, question: Callable[[IsolationDriver[DeviceConfig]], Awaitable[T]], seconds: float
) -> T:  # fmt: skip
    try:
        driver = engine.driver(device)
        try:
            await engine.open(driver)
            return await engine.call(seconds, question(driver))
        finally:
            with suppress(DeviceError):
                await engine.call(CLOSE_SECONDS, driver.close())
    except DeviceError as error:
        raise DeviceUnusable(field="device_id", device=device.name, why=error.message) from error
