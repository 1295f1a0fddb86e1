"""An SSH server for the lab's router, with asyncssh: runs what it is told in the router's namespace, and can lose its connections."""

import asyncio
import logging
import subprocess
from contextlib import suppress
from typing import Any, Final, Self

import asyncssh

from sebilling_nftables.testing import Namespace

USER: Final = "sebilling"
PASSWORD: Final = "rahasia-Sekali é77"
logging.getLogger("asyncssh").setLevel(logging.WARNING)
_HOST_KEY: Final = asyncssh.generate_private_key("ssh-ed25519")


class SshServer:
    """Listens on loopback between `async with`."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self.port = 0
        self.fingerprint = _HOST_KEY.get_fingerprint()
        self.client_key = ""
        """Public key of a user who may log in by it."""
        self.commands: list[str] = []
        self.writes = 0
        """Transactions that were run."""
        self.reads_left: int | None = None
        """Break the connection at the reading after these."""
        self.seconds = 0.0
        """Time that a transaction takes besides its own."""
        self.answers: dict[str, tuple[int, str]] = {}
        """Word of a command → status and output instead of its own; the output is an error's unless the status is 0."""
        self.break_write: str = ""
        """Break the connection `before` the next transaction is run, or `after` it."""

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        """Accept connections, on the port of before if there is one."""
        self._acceptor = await asyncssh.listen(
            "127.0.0.1", self.port, server_factory=lambda: _Door(self), server_host_keys=[_HOST_KEY], process_factory=self._run,
            encoding=None, reuse_address=True,
        )  # fmt: skip
        self.port = self._acceptor.get_port()

    async def stop(self) -> None:
        """Break every connection, and refuse new ones."""
        if self._acceptor is not None:
            self._acceptor.close()
            self.break_connections()
            await self._acceptor.wait_closed()
            self._acceptor = None

    def break_connections(self) -> None:
        """Break every connection."""
        for connection in list(self._connections):
            connection.abort()
        self._connections.clear()

    async def mend(self) -> None:
        """Undo what was broken."""
        self.reads_left, self.break_write = None, ""
        if self._acceptor is None:
            await self.listen()

    async def _run(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        command = process.command or ""
        self.commands.append(command)
        is_write = "-f -" in command
        if not is_write and self.reads_left is not None:
            self.reads_left -= 1
            if self.reads_left < 0:
                await self.stop()
                return
        if is_write and self.break_write == "before":
            await self.stop()
            return
        if is_write:
            await asyncio.sleep(self.seconds)
        if instead := next((answer for word, answer in self.answers.items() if word in command.split()), None):
            (process.stderr if instead[0] else process.stdout).write(instead[1].encode())
            process.exit(instead[0])
            return
        typed = await process.stdin.read() if is_write else b""
        done = await asyncio.to_thread(self._namespace.inside, lambda: _done(command, typed))
        self.writes += is_write
        if is_write and self.break_write == "after":
            await self.stop()
            return
        with suppress(OSError, asyncssh.Error):
            process.stdout.write(done.stdout)
            process.stderr.write(done.stderr)
            process.exit(done.returncode)


def _done(command: str, typed: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["sh", "-c", command], input=typed, capture_output=True, check=False)


class _Door(asyncssh.SSHServer):
    """Logins."""

    def __init__(self, server: SshServer) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server._connections.add(conn)

    def begin_auth(self, username: str) -> bool:
        del username
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return bool(self._server.client_key)

    def validate_public_key(self, username: str, key: Any) -> bool:
        return username == USER and key.export_public_key().decode().split()[:2] == self._server.client_key.split()[:2]
