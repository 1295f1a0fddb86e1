"""Helpers for simulators of devices: stop a server without losing connections that it is accepting, start it again, and test that."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
_ENDS_SECONDS = 5.0
_TRIES, _PAUSE_SECONDS = 20, 0.05


class Listening(Protocol):
    """A server of asyncio, or of what is made on it."""

    @property
    def sockets(self) -> Sequence[Any]:
        """Listening sockets."""

    def close(self) -> None:
        """Stop listening."""


async def stop_listening(server: Listening) -> None:
    """Stop accepting connections, and close the server. Closing the existing connections comes after that, and is up to the caller.

    A connection accepted in this iteration of the event loop gets its handler first, so that it can be closed like all others. asyncio
    (3.11) loses it if the server is closed in the same iteration: it stays open without a handler, until the garbage collector finds it
    and warns.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    for _ in ("the connection", "its protocol", "its handler"):  # each takes one more iteration; with TLS the handler comes later
        await asyncio.sleep(0)
    server.close()


async def listening_again(start: Callable[[], Awaitable[T]]) -> T:
    """Start a server at the port where it listened before, as `start` does, which may not be free yet: the sockets of its connections
    are closed some iterations later. Tries for a second. Raises OSError.
    """
    for _ in range(_TRIES):
        with suppress(OSError):
            return await start()
        await asyncio.sleep(_PAUSE_SECONDS)
    return await start()


async def stopped_while_letting_in(port: int, stop: Callable[[], Awaitable[None]], *, turns: int) -> None:
    """For tests: connect to 127.0.0.1, stop the simulator that many event loop iterations later (0 to 5 are of interest), and wait until
    the connection has ended. Raises TimeoutError if it stays open; collect garbage afterwards to find what wasn't closed.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=_ENDS_SECONDS) as client:
        for _ in range(turns):
            await asyncio.sleep(0)
        await stop()
        client.settimeout(0)
        async with asyncio.timeout(_ENDS_SECONDS):
            with suppress(ConnectionError):
                while await asyncio.get_running_loop().sock_recv(client, 1 << 16):
                    pass
