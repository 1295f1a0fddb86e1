"""What stands for the ISP's devices in the demo: one class per kind, each run by a thread of its own that lives as long as it does.

The simulators and the rig come with the plugins, which are distributions of their own: they are imported when a device starts.
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
"""Longest wait for one piece of work: PostgreSQL and FreeRADIUS start in it."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A customer, by what they are called on the device."""

    key: str
    plan: str
    """Such as `Home 10M`; the number is the speed."""

    @property
    def megabits(self) -> int:
        """What they pay for, per second. Raises ValueError for a plan without its speed."""
        return int(self.plan.rpartition(" ")[2].removesuffix("M"))


class Gear(Protocol):
    """A kind of device. All but `problem` and `key` runs in the device's thread; `stop` may come after a `start` that failed."""

    kind: ClassVar[str]
    """The driver's."""
    service: ClassVar[str]
    name: ClassVar[str]
    what: ClassVar[str]
    """In the story: connect …"""
    holds: ClassVar[str]
    """In the story: so many …"""

    @classmethod
    def problem(cls) -> str:
        """Why it can't be here; empty if it can."""

    @staticmethod
    def key(number: int, pppoe_name: str) -> str:
        """What the customer of that number (from 0) on this device is called there."""

    async def start(self) -> None:
        """Be there, set up as the plugin's README asks, with a user for SeBilling."""

    async def stop(self) -> None:
        """Be there no more; nothing is left behind."""

    def config(self) -> dict[str, Any]:
        """The driver's settings."""

    async def put(self, subscribers: Sequence[Subscriber]) -> None:
        """Set customers up as the ISP would have."""

    async def state(self) -> Mapping[str, Any]:
        """All that must be back exactly as it was, by key."""

    async def cut(self) -> set[str]:
        """Whom the device itself gives no internet."""

    async def dial(self, keys: Sequence[str]) -> Mapping[str, str]:
        """These customers want to go online, and what each is given, in words."""


@dataclass(slots=True)
class Running:
    """A device that is there. `run` does its work in its thread and gives the result; it may raise TimeoutError."""

    gear: Gear
    run: Callable[[Coroutine[Any, Any, Any]], Any]


@contextmanager
def running(kind: type[Gear]) -> Iterator[Running]:
    """Start a device; it stops at the end of the block, whatever ends it."""
    gear, loop = kind(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=gear.name, daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result(timeout=_PATIENCE_SECONDS)
        except BaseException:
            future.cancel()  # Ctrl-C comes here, while the thread is still at work
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
    """Why a plugin's device can't be here, in words; empty if the plugin is installed."""
    return "" if importlib.util.find_spec(module) else f"the plugin {module.replace('_', '-')} isn't installed"
