"""SSH server of the simulator, with asyncssh."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import asyncssh

from sebilling_olt.testing.links import Keys, Together
from sebilling_olt.testing.olt import Olt

_CHUNK_CHARS: Final = 4096
logging.getLogger("asyncssh").setLevel(logging.WARNING)


class SshLink(Together):
    """Channel of a shell."""

    def __init__(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        super().__init__(self._now)
        self._process, self._keys = process, Keys()
        self._typed = iter("")
        self._connection = process.channel.get_connection()

    async def read(self) -> str:
        """Return one character. Raises EOFError."""
        while True:
            for char in self._typed:
                if key := self._keys(char):
                    return key
            try:
                typed = await self._process.stdin.read(_CHUNK_CHARS)
            except (asyncssh.Error, OSError):
                raise EOFError from None
            if not typed:
                raise EOFError
            self._typed = iter(typed)

    def _now(self, text: str) -> None:
        with suppress(OSError, asyncssh.Error):
            self._process.stdout.write(text)

    def cut(self) -> None:
        """Close the connection at once."""
        self.flush()
        self._connection.abort()


class SshServer:
    """Listens on loopback and passes each shell to `serve`. Restarts keep the host key."""

    def __init__(self, olt: Olt, serve: Callable[[SshLink], Awaitable[None]]) -> None:
        self._olt, self._serve = olt, serve
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()

    async def listen(self, port: int) -> int:
        """Listen on this port, or on any free one for 0; return the port."""
        self._acceptor = await asyncssh.listen(
            "127.0.0.1", port, server_factory=lambda: _Door(self._olt, self._connections), server_host_keys=[self.key],
            process_factory=self._shell, line_editor=False, encoding="utf-8", reuse_address=True,
        )  # fmt: skip
        return self._acceptor.get_port()

    async def _shell(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        await self._serve(SshLink(process))
        with suppress(OSError, asyncssh.Error):
            process.exit(0)

    @property
    def sockets(self) -> Sequence[Any]:
        """Port on which it listens."""
        return () if self._acceptor is None else tuple(self._acceptor.sockets)

    def close(self) -> None:
        """Accept no more connections."""
        if self._acceptor is not None:
            self._acceptor.close()

    async def wait_closed(self) -> None:
        """Close the remaining connections and wait for their end."""
        for connection in list(self._connections):
            connection.abort()
            await connection.wait_closed()
        self._connections.clear()
        if self._acceptor is not None:
            await self._acceptor.wait_closed()


class _Door(asyncssh.SSHServer):
    """Authentication of SSH users."""

    def __init__(self, olt: Olt, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._olt, self._connections = olt, connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Record a new connection."""
        self._connections.add(conn)

    def password_auth_supported(self) -> bool:
        """Offer only password authentication."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """Check the password."""
        right = self._olt.users.get(username) == password
        self._olt.failed_logins += not right
        return right
