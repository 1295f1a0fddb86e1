"""A router over SSH: one connection with a pinned host key, one channel for each command, on a thread of its own."""

import asyncio
import contextvars
import importlib
import shlex
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from sebilling_nftables.config import NftablesConfig
from sebilling_nftables.hosts import Answer

if TYPE_CHECKING:
    from sebilling_nftables.ssh_connection import SshConnection

T = TypeVar("T")
_CLOSE_SECONDS: Final = 2.0


class SshHost:
    """A machine that is reached over SSH."""

    def __init__(self, config: NftablesConfig) -> None:
        self._config = config
        self._connection: SshConnection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"nftables-{config.host}")

    async def connect(self) -> None:
        """Connect and log in. Raises DeviceError."""
        library = await asyncio.to_thread(importlib.import_module, "sebilling_nftables.ssh_connection")  # paramiko is slow to import
        self._connection = library.SshConnection(self._config)
        try:
            await self._run(self._connection.connect)
        except BaseException:
            self._end()
            raise

    async def run(self, command: Sequence[str], text: str = "") -> Answer:
        """Run a command. Raises Unanswered if it was begun, and DeviceError if not."""
        connection = self._connection
        assert connection is not None, "connect first"  # noqa: S101 - an error of this package's own code
        return await self._run(lambda: connection.run(shlex.join(command), text))

    async def close(self) -> None:
        """Disconnect. Never raises."""
        self._end()

    async def _run(self, work: Callable[[], T]) -> T:
        """Run blocking work on the thread. If cancelled, end the connection, so that the thread ends too."""
        context = contextvars.copy_context()  # by it SeBilling checks the addresses that are connected to
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: context.run(work))
        except asyncio.CancelledError:
            self._end()
            raise

    def _end(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.abort()
        self._thread.shutdown(wait=False, cancel_futures=True)
