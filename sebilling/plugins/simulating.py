"""For simulators: how a server stops without losing whom it is just letting in."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol


class Listening(Protocol):
    """A server of asyncio, or of what is made on it."""

    @property
    def sockets(self) -> Sequence[Any]:
        """Where it listens."""


async def accept_nobody(server: Listening) -> None:
    """Let nobody in any more; to be called before the server is closed.

    Who was accepted in this turn of the event loop gets their connection and their handler first, so that they can be hung up on like
    everybody else. asyncio (3.11) loses them if the server is closed in the same turn: the connection stays open, served by nobody,
    until the collector finds it and complains.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    for _ in ("the connection", "its protocol", "its handler"):  # each comes a turn after the one before; with TLS the handler later
        await asyncio.sleep(0)
