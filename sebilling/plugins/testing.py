"""For simulators of gear: how a server stops without losing whom it is just letting in, and how a test sees that."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

_ENDS_SECONDS = 5.0


class Listening(Protocol):
    """A server of asyncio, or of what is made on it."""

    @property
    def sockets(self) -> Sequence[Any]:
        """Where it listens."""

    def close(self) -> None:
        """Listen no more."""


async def stop_listening(server: Listening) -> None:
    """Let nobody in any more, and close the server; hanging up on those who are in comes after it, and is the caller's.

    Who was accepted in this turn of the event loop gets their connection and their handler first, so that they can be hung up on like
    everybody else. asyncio (3.11) loses them if the server is closed in the same turn: the connection stays open, served by nobody,
    until the collector finds it and complains.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    for _ in ("the connection", "its protocol", "its handler"):  # each comes a turn after the one before; with TLS the handler later
        await asyncio.sleep(0)
    server.close()


async def stopped_while_letting_in(port: int, stop: Callable[[], Awaitable[None]], *, turns: int) -> None:
    """For tests: connect to 127.0.0.1, stop the simulator so many turns of the event loop later (0 to 5 are of interest), and wait
    until the connection has ended. Raises TimeoutError if it stays open; collect garbage behind it to see what nobody has closed.
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
