"""The ISP's devices in the demo: one class per kind, each run in its own thread while it exists.

The simulators and the FreeRADIUS rig come with the plugins, which are separate distributions: they are imported when a device starts.
"""

import asyncio
import importlib.util
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, TypeVar

T = TypeVar("T")
_PATIENCE_SECONDS: Final = 180
"""Longest wait for one task: PostgreSQL and FreeRADIUS start within it."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A customer, by their name on the device."""

    key: str
    plan: str
    """Such as `Home 10M`; the number is the speed in Mbit/s."""

    @property
    def megabits(self) -> int:
        """Speed of the plan in Mbit/s. Raises ValueError for a plan without a speed."""
        return int(self.plan.rpartition(" ")[2].removesuffix("M"))


class Gear(Protocol):
    """A kind of device. All but `problem` and `key` runs in the device's thread; `stop` may follow a failed `start`."""

    kind: ClassVar[str]
    """Kind of the driver."""
    service: ClassVar[str]
    name: ClassVar[str]
    what: ClassVar[str]
    """Noun phrase for the step "connect …"."""
    holds: ClassVar[str]
    """Noun phrase for the result of that step, after a number."""

    @classmethod
    def problem(cls) -> str:
        """Return why the device can't run here; empty if it can."""

    @staticmethod
    def key(number: int, pppoe_name: str) -> str:
        """Return the name on this device of the customer with that number (from 0)."""

    async def start(self) -> None:
        """Start, configured as the plugin's README requires, with a user for SeBilling."""

    async def stop(self) -> None:
        """Stop and leave nothing behind."""

    def config(self) -> dict[str, Any]:
        """Return the driver's settings."""

    async def put(self, subscribers: Sequence[Subscriber]) -> None:
        """Configure customers as the ISP would have."""

    async def state(self) -> Mapping[str, Any]:
        """Return the state that must be restored exactly, by key."""

    async def blocked_keys(self) -> set[str]:
        """Return the keys of customers to whom the device gives no internet."""

    async def dial(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Connect these customers and return what each gets, in words."""


@dataclass(slots=True)
class Running:
    """A running device. `run` executes a coroutine in its thread and returns the result; it may raise TimeoutError."""

    gear: Gear
    run: Callable[[Coroutine[Any, Any, Any]], Any]


@contextmanager
def running(kind: type[Gear]) -> Iterator[Running]:
    """Run a device until the end of the block."""
    gear, loop = kind(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=gear.name, daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result(timeout=_PATIENCE_SECONDS)
        except BaseException:
            future.cancel()  # Ctrl-C arrives here while the thread is still working
            raise

    try:
        run(gear.start())
        yield Running(gear, run)
    finally:
        run(gear.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()


def lacks(module: str) -> str:
    """Return why a plugin's device can't run here; empty if the plugin is installed."""
    return "" if importlib.util.find_spec(module) else f"the plugin {module.replace('_', '-')} isn't installed"
