"""Asynchronous session: a separate thread for netmiko, and one session at a time per OLT in this process."""

import asyncio
import contextvars
import importlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from sebilling.plugins.contract import DeviceError, Fault, Sentence

from sebilling_olt.config import OltConfig
from sebilling_olt.conversation import Conversation
from sebilling_olt.login import log_in

if TYPE_CHECKING:
    from sebilling_olt.terminal import Terminal

T = TypeVar("T")
_CLOSE_SECONDS: Final = 5.0
_locks: dict[tuple[str, int], threading.Lock] = {}


class Busy(DeviceError):
    """This process already has a session with the OLT."""

    def __init__(self) -> None:
        super().__init__(
            Fault.REFUSED,
            Sentence("SeBilling is at work on this OLT in another session.", "SeBilling sedang bekerja di OLT ini dalam sesi lain."),
            retryable=True,
        )


class Session:
    """An open, logged-in session in configuration mode. Create it with `connect`."""

    def __init__(self, terminal: "Terminal", config: OltConfig, logger: logging.Logger) -> None:
        self._lock = _locks.setdefault((config.host, config.tcp_port), threading.Lock())
        self._terminal = terminal
        self.talk = Conversation(self._terminal, config, logger)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"olt-{config.host}")
        self._held = False

    @classmethod
    async def connect(cls, config: OltConfig, logger: logging.Logger, *, wait_seconds: float) -> "Session":
        """Connect and log in; wait up to the limit for another session of ours to end. Raises Busy, DeviceError."""
        lines = await asyncio.to_thread(importlib.import_module, "sebilling_olt.terminal")  # netmiko is slow to import
        session = cls(lines.Terminal(config), config, logger)
        try:
            until = asyncio.get_running_loop().time() + wait_seconds
            while not session._take():
                if asyncio.get_running_loop().time() > until:
                    raise Busy  # noqa: TRY301 - what was made must be undone as for any other error
                await asyncio.sleep(0.05)
            await session.run(session._terminal.connect)
            await session.run(lambda: log_in(session.talk))
        except BaseException:
            session._end()
            raise
        return session

    def _take(self) -> bool:
        self._held = self._held or self._lock.acquire(blocking=False)
        return self._held

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work on the session's thread. If cancelled, end the connection, so that the thread ends too."""
        context = contextvars.copy_context()  # by it SeBilling checks the addresses that are connected to
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: context.run(work))
        except asyncio.CancelledError:
            self.talk.usable = False
            self._terminal.abort()
            raise

    async def close(self) -> None:
        """Log out. Never raises."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.run(self.talk.log_out)
        except (TimeoutError, RuntimeError):
            pass
        finally:
            self._end()

    def _end(self) -> None:
        self._terminal.abort()
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._held:
            self._held = False
            self._lock.release()
