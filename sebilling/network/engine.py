"""Tools of the isolation engine: drivers for devices, deadlines around their calls, backoff after failures."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

from sebilling.actor import Actor, operator
from sebilling.clock import Clock
from sebilling.db.engine import Database
from sebilling.db.leases import Leases
from sebilling.device_errors import AddressRefused, DeviceBusy, InvalidDevice
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.network import devices
from sebilling.nouns import Noun
from sebilling.plugins import destinations
from sebilling.plugins.contract import DeviceConfig, DeviceError, DeviceHealth, DriverContext, Fault, IsolationDriver
from sebilling.plugins.loading import Plugins
from sebilling.vault import Vault

_log = get_logger(__name__)
T = TypeVar("T")
MAX_CALL_SECONDS: Final = 900.0
"""Deadline of one call of a driver, whatever budget it declares."""
OPEN_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 3.0
MAX_BACKOFF_SECONDS: Final = 20.0
"""A device that is reachable again is served within this time, as its customers wait for their internet."""
MAX_DOUBLINGS: Final = 10
"""A permanent failure of one access is tried again after MAX_BACKOFF_SECONDS, doubled each time up to this often: 5.7 hours at most."""
WAIT_SECONDS: Final = 10.0
"""How long a person waits for a device on which a worker is working."""
_LOOK_SECONDS: Final = 0.2
_DEVICES: Final = 4
"""Advisory lock space of the devices' leases; 1 to 3 belong to billing and the sweep."""


@dataclass(slots=True)
class Engine:
    """What a worker needs to run isolation. `name` identifies the worker; `chance` spreads retries. Call `close()` at the end."""

    database: Database
    plugins: Plugins
    vault: Vault
    clock: Clock
    name: str
    chance: random.Random = field(default_factory=random.Random)
    leases: Leases = field(init=False)

    def __post_init__(self) -> None:
        self.leases = Leases(self.database.direct_url, space=_DEVICES, acts_outside=True)

    @property
    def actor(self) -> Actor:
        """The actor of blocks and restores: the engine, with the name of its worker."""
        return operator(f"isolation {self.name}")

    def driver(self, device: devices.StoredDevice) -> IsolationDriver[DeviceConfig]:
        """Create a driver for one session with the device. Raises DeviceError if its settings can't be read."""
        try:
            config = devices.config_of(self.plugins, self.vault, device.kind, device.config, device.config_version)
        except InvalidDevice as error:
            raise DeviceError(Fault.SETUP, Sentence(error.message("en"), error.message("id")), retryable=False) from error
        logger = logging.getLogger(f"sebilling.device.{device.kind}")
        return self.plugins.drivers[device.kind](config, DriverContext(device.id, device.name, logger))

    @asynccontextmanager
    async def lease(self, device_id: int, *, name: str | None = None, field: str = "device_id") -> AsyncIterator[None]:
        """Hold a device's lease for a person, as soon as no worker is working on it. Raises DeviceBusy after WAIT_SECONDS."""
        for _ in range(int(WAIT_SECONDS / _LOOK_SECONDS)):
            async with self.leases.hold(device_id) as mine:
                if mine:
                    yield
                    return
            await asyncio.sleep(_LOOK_SECONDS)
        raise DeviceBusy(field=field, given=name or Noun.DEVICE.id(device_id))

    @asynccontextmanager
    async def session(self, device: devices.StoredDevice) -> AsyncIterator[IsolationDriver[DeviceConfig]]:
        """A session with a device, from login to logout. The caller holds its lease. Raises DeviceError."""
        driver = self.driver(device)
        try:
            await self.open(driver)
            yield driver
        finally:
            with suppress(DeviceError):
                await self.call(CLOSE_SECONDS, driver.close())

    def permanent_backoff(self, attempts: int) -> timedelta:
        """Time to wait after a failure that won't go away by itself: MAX_BACKOFF_SECONDS, doubled each time, with jitter."""
        return timedelta(seconds=longest_wait(attempts) * self.chance.uniform(0.5, 1))

    def backoff(self, attempts: int) -> timedelta:
        """Time to wait after this many failures: doubling from half a second, with jitter, at most MAX_BACKOFF_SECONDS."""
        longest = min(MAX_BACKOFF_SECONDS, 0.5 * (1 << min(attempts, 10)))
        return timedelta(seconds=longest * self.chance.uniform(0.5, 1))

    async def open(self, driver: IsolationDriver[DeviceConfig]) -> None:
        """Open a session, if the addresses in its settings are allowed. Raises DeviceError."""
        await self.look_up(driver)
        await self.call(OPEN_SECONDS, driver.open())

    async def probe(self, driver: IsolationDriver[DeviceConfig]) -> DeviceHealth:
        """Probe the device with its driver. Raises DeviceError."""
        await self.look_up(driver)
        return await self.call(OPEN_SECONDS, driver.probe())

    async def look_up(self, driver: IsolationDriver[DeviceConfig]) -> None:
        """Resolve and check the addresses in a driver's settings, before any secret is sent. Raises DeviceError."""
        try:
            await self.plugins.networks.look_up(host for _, host in destinations.hosts(driver.config))
        except AddressRefused as error:
            raise _refused(error) from error

    async def call(self, seconds: float, work: Awaitable[T]) -> T:
        """Await a call of the driver. Raises DeviceError: TIMEOUT after `seconds`, PROTOCOL for anything unexpected that it raises.

        Every connection that it opens meanwhile is checked; a refused one is reported instead of the driver's own error.
        """
        with self.plugins.networks.watched() as refused:
            try:
                answer = await within(seconds, work)
            except DeviceError as error:
                raise _refused(refused[0]) if refused else error from error
        if refused and isinstance(answer, DeviceHealth) and not answer.reachable:
            raise _refused(refused[0])
        return answer

    async def close(self) -> None:
        """Release every device."""
        await self.leases.close()


def _refused(error: AddressRefused) -> DeviceError:
    return DeviceError(Fault.UNREACHABLE, Sentence(error.message("en"), error.message("id")), retryable=False)


def longest_wait(attempts: int) -> float:
    """The most seconds that an access waits after this many failures; a later `next_at` was written by a wrong clock."""
    return MAX_BACKOFF_SECONDS * float(1 << min(attempts, MAX_DOUBLINGS))


def budget(driver: IsolationDriver[DeviceConfig], jobs: int) -> float:
    """Seconds that a call with this many jobs may take: as the driver declares it, from 1 to MAX_CALL_SECONDS. Raises DeviceError."""
    try:
        return min(max(1.0, driver.budget(jobs)), MAX_CALL_SECONDS)
    except Exception as error:
        _log.exception("driver_failed")
        name = type(error).__name__
        message = Sentence(f"the driver's budget failed: '{name}'", f"budget dari driver gagal: '{name}'")
        raise DeviceError(Fault.PROTOCOL, message, retryable=True) from error


def sentence(message: object) -> Sentence:
    """Return what a driver says, in both languages. A plugin is not trusted: anything but a Sentence is quoted as its own words."""
    if isinstance(message, Sentence):
        return message
    return Sentence(f'The driver says: "{message}"', f'Driver mengatakan: "{message}"')


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Await a call of the driver. Raises DeviceError: TIMEOUT after `seconds`, PROTOCOL for anything unexpected that it raises."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except DeviceError:
        raise
    except TimeoutError as error:
        message = Sentence(f"the device didn't answer within {seconds:.0f} seconds", f"perangkat tidak menjawab dalam {seconds:.0f} detik")
        raise DeviceError(Fault.TIMEOUT, message, retryable=True) from error
    except OSError as error:
        name = type(error).__name__
        message = Sentence(f"the device can't be reached: '{name}'", f"perangkat tidak terjangkau: '{name}'")
        raise DeviceError(Fault.UNREACHABLE, message, retryable=True) from error
    except Exception as error:
        _log.exception("driver_failed")
        name = type(error).__name__
        message = Sentence(f"the driver failed: '{name}'", f"driver gagal: '{name}'")
        raise DeviceError(Fault.PROTOCOL, message, retryable=True) from error
