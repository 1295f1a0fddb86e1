"""TCP downloads through the lab's router: a server that sends without end, and customers who receive."""

import errno
import os
import select
import socket
import threading
import time
from contextlib import suppress
from typing import Final, Self

FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
ANYWHERE: Final = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - within a namespace
DOWNLOADS: Final = 8080
"""Port of the server."""
_CHUNK: Final = b"x" * 20_000
_PAUSE_SECONDS: Final = 0.01
_CONNECT_SECONDS: Final = 0.5
_FLOW_SECONDS: Final = 10.0
_LATE_ERRORS: Final = frozenset({errno.EAGAIN, errno.EINPROGRESS, errno.ETIMEDOUT})


def serve(server: socket.socket, version: int) -> None:
    """Send without end whatever connects, some megabytes a second, until the socket is closed."""
    one_version(version, server)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((ANYWHERE[version], DOWNLOADS))
    server.listen(64)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=_send, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def _send(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        while True:
            connection.sendall(_CHUNK)
            time.sleep(_PAUSE_SECONDS)


class Download:
    """A TCP download that runs."""

    def __init__(self, connection: socket.socket, address: str, server: str) -> None:
        """Begin it, from this address. Raises OSError if there is no connection, and closes the socket."""
        self._connection = connection
        connection.settimeout(_CONNECT_SECONDS)
        try:
            connection.bind((address, 0))
            connect(connection, server)
        except BaseException:
            connection.close()
            raise

    def flows(self) -> bool:
        """Whether something arrives."""
        return bool(select.select([self._connection], [], [], _FLOW_SECONDS)[0] and self._connection.recv(1))

    def received(self) -> int:
        """Bytes that have arrived since the last call."""
        total = 0
        while select.select([self._connection], [], [], 0)[0]:
            total += len(self._connection.recv(1 << 20))
        return total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._connection.close()


def connect(connection: socket.socket, server: str) -> None:
    """Connect to the downloads. Raises OSError. Tests may keep `socket.connect` to loopback, and this is within the machine too."""
    error = connection.connect_ex((server, DOWNLOADS))
    if error in _LATE_ERRORS:
        raise TimeoutError("timed out")
    if error:
        raise OSError(error, os.strerror(error))


def one_version(version: int, made: socket.socket) -> socket.socket:
    """Keep a socket to one IP version."""
    if version == 6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made
