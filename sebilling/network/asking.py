"""Asking a device something for a person, in a session of its own, as soon as no worker is working on it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sebilling.device_errors import DeviceUnusable
from sebilling.network import devices
from sebilling.network.engine import Engine
from sebilling.plugins.contract import DeviceConfig, DeviceError, IsolationDriver

T = TypeVar("T")


async def ask(engine: Engine, device_id: int, question: Callable[[IsolationDriver[DeviceConfig]], Awaitable[T]], *, seconds: float) -> T:
    """Open a session, put the question to its driver within `seconds`, and return the answer. Stores nothing.

    Call it outside a transaction. Raises NotFound, DeviceBusy, DeviceUnusable.
    """
    async with engine.database.reading() as session:
        device = await devices.stored(session, device_id)
    async with engine.lease(device_id):
        try:
            async with engine.session(device) as driver:
                return await engine.call(seconds, question(driver))
        except DeviceError as error:
            raise DeviceUnusable(field="device_id", device=device.name, why=error.message) from error
