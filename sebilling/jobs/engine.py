"""What the isolation engine works with: a driver for a device, deadlines around its calls, waiting after failures."""

import asyncio
import logging
import random
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Row

from sebilling.actor import Actor, operator
from sebilling.clock import Clock
from sebilling.db.engine import Database
from sebilling.db.leases import Leases
from sebilling.errors import InvalidDevice
from sebilling.logs import get_logger
from sebilling.plugins import devices
from sebilling.plugins.contract import DeviceError, DriverContext, Fault, IsolationDriver
from sebilling.plugins.loading import Plugins
from sebilling.plugins.secrets import Undecipherable, Vault

_log = get_logger(__name__)
T = TypeVar("T")
CALL_SECONDS: Final = 60.0
"""Deadline of one call of a driver."""
OPEN_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 3.0
MOST_BACKOFF_SECONDS: Final = 20.0
"""A device that comes back is at work within this time; its customers wait for their internet."""
_DEVICES: Final = 4
"""The space of the devices' leases among the advisory locks; 1 to 3 are billing's and the sweep's."""


@dataclass(slots=True)
class Engine:
    """What a worker needs. `name` is its own; `chance` spreads retries. `close()` it at the end."""

    database: Database
    plugins: Plugins
    vault: Vault
    clock: Clock
    name: str
    chance: random.Random = field(default_factory=random.Random)
    leases: Leases = field(init=False)

    def __post_init__(self) -> None:
        self.leases = Leases(self.database.url, space=_DEVICES)

    @property
    def actor(self) -> Actor:
        """Who cuts and gives back: the engine, by its worker's name."""
        return operator(f"isolation {self.name}")

    def driver(self, device: Row[*tuple[Any, ...]]) -> IsolationDriver[Any]:
        """A driver for one session with the device. Raises DeviceError if its settings can't be read."""
        try:
            config = devices.config_of(self.plugins, self.vault, device.kind, device.config, device.config_version)
        except (InvalidDevice, Undecipherable, ValueError) as error:
            raise DeviceError(Fault.SETUP, str(error), retryable=False) from error
        logger = logging.getLogger(f"sebilling.device.{device.kind}")
        return self.plugins.drivers[device.kind](config, DriverContext(device.id, device.name, logger))

    def backoff(self, attempts: int) -> timedelta:
        """How long to wait after so many failures: doubling from half a second, with jitter, at most MOST_BACKOFF_SECONDS."""
        longest = min(MOST_BACKOFF_SECONDS, 0.5 * 2 ** min(attempts, 10))
        return timedelta(seconds=longest * self.chance.uniform(0.5, 1))

    async def close(self) -> None:
        """Let go of every device."""
        await self.leases.close()


async def within(seconds: float, work: Awaitable[T]) -> T:
    """The driver's answer, or DeviceError: TIMEOUT after `seconds`, PROTOCOL for whatever else it raises."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except DeviceError:
        raise
    except TimeoutError as error:
        raise DeviceError(Fault.TIMEOUT, f"the device didn't answer within {seconds:.0f} seconds", retryable=True) from error
    except OSError as error:
        raise DeviceError(Fault.UNREACHABLE, f"the device can't be reached: {type(error).__name__}", retryable=True) from error
    except Exception as error:
        _log.exception("driver_failed")
        raise DeviceError(Fault.PROTOCOL, f"the driver failed: {type(error).__name__}", retryable=True) from error
