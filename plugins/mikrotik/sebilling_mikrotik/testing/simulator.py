"""A server of RouterOS's API on a socket, with configurable faults.

Commands are executed immediately and in order; each answer is sent `delay_seconds` later, as over a link of that latency, so pipelined
commands don't wait for each other.
"""

import asyncio
import hashlib
import itertools
import secrets
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from sebilling.plugins.testing import listening_again, stop_listening

from sebilling_mikrotik import wire
from sebilling_mikrotik.testing.commands import done, execute, policies, trap
from sebilling_mikrotik.testing.router import Router

_DOWN_SECONDS: Final = 0.05
_numbers: Final = itertools.count(1)


@dataclass
class Faults:
    """Faults to simulate. Each `…_after` counts down commands (except logins) over all connections, then affects every further one."""

    delay_seconds: float = 0
    drip_seconds: float | None = None
    """Send answers byte by byte, with this pause."""
    hang_after: int | None = None
    """Execute commands, but don't answer."""
    reset_after: int | None = None
    """Reset the connection after executing the command: its answer and pending ones are lost."""
    lost_after: int | None = None
    """Reset the connection before executing the command."""
    fatal_after: int | None = None
    fatal_reason: str | None = "out of memory"
    """Reason of the `!fatal`; None: without a reason."""
    traps: dict[str, tuple[str, str]] | None = None
    """Command → (category, message) with which it is refused."""
    challenge_login: bool = False
    """Behave like RouterOS before 6.43: answer a plain login by a challenge, without logging in."""


class Simulator:
    """`async with Simulator(router) as simulator:` serves at `simulator.port` of 127.0.0.1."""

    def __init__(self, router: Router, *, tls: ssl.SSLContext | None = None) -> None:
        self.router, self.faults = router, Faults()
        self.seen: list[wire.Sentence] = []
        """Commands received, except logins."""
        self.watch: Callable[[int, wire.Sentence], None] | None = None
        """Called after each executed command, with its connection's number."""
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self.router.close()

    async def listen(self) -> None:
        """Start listening, or start again."""

        async def start() -> asyncio.Server:
            return await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)

        self._server = server = await (listening_again(start) if self.port else start())
        self.port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close all connections and stop listening."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
        for connection in list(self._connections):
            connection.reset()
        await asyncio.gather(*(connection.ended.wait() for connection in list(self._connections)))

    async def reboot(self, *, down_seconds: float = _DOWN_SECONDS) -> None:
        """Reboot: end all sessions and connections, and listen again at the same port after a while."""
        await self.stop()
        self.router.reboot()
        await asyncio.sleep(down_seconds)
        await self.listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # its handshake ended after `stop` had closed the others
            writer.transport.abort()
            return
        connection = _Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            connection.ended.set()


class _Connection:
    def __init__(self, simulator: Simulator, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._simulator, self._reader, self._writer = simulator, reader, writer
        self._number = next(_numbers)
        self._user: str | None = None
        self._challenge = b""
        self._hung: list[str] = []
        self._out: deque[tuple[float, bytes]] = deque()
        self._more = asyncio.Event()
        self._over = False
        self.ended = asyncio.Event()

    def reset(self) -> None:
        self._over = True
        self._out.clear()
        self._more.set()
        self._writer.transport.abort()

    async def run(self) -> None:
        decoder, sending = wire.Decoder(), asyncio.create_task(self._send())
        try:
            while not self._over and (data := await self._reader.read(1 << 16)):
                for sentence in decoder.feed(data):
                    self._take(sentence)
        except (OSError, wire.NotRouterOS):
            pass
        finally:
            self._over = True
            self._more.set()
            await sending
            self._writer.close()

    async def _send(self) -> None:
        loop, faults = asyncio.get_running_loop(), self._simulator.faults
        try:
            while True:
                while self._out:
                    due, data = self._out[0]
                    if (wait := due - loop.time()) > 0:
                        await asyncio.sleep(wait)
                    if not self._out or self._writer.is_closing():
                        return  # the connection closed while waiting
                    self._out.popleft()
                    drip_seconds = faults.drip_seconds
                    if drip_seconds is None:
                        self._writer.write(data)
                        continue
                    for byte in data:
                        if self._writer.is_closing():
                            return
                        self._writer.write(bytes([byte]))
                        await asyncio.sleep(drip_seconds)
                if self._over:
                    self._writer.close()
                    return
                self._more.clear()
                await self._more.wait()
        except OSError:
            pass

    def _answer(self, sentences: list[wire.Sentence], tag: str | None) -> None:
        tagged = [(*sentence, f".tag={tag}") if tag is not None else sentence for sentence in sentences]
        due = asyncio.get_running_loop().time() + self._simulator.faults.delay_seconds
        self._out.append((due, b"".join(map(wire.encode, tagged))))
        self._more.set()

    def _fatal(self, reason: str | None) -> None:
        self._answer([("!fatal",) if reason is None else ("!fatal", reason)], None)
        self._over = True

    def _take(self, sentence: wire.Sentence) -> None:
        if self._over:
            return
        tag = next((word[5:] for word in sentence if word.startswith(".tag=")), None)
        command = tuple(word for word in sentence if not word.startswith(".tag="))
        if command[0] == "/login":
            self._answer(self._login(wire.pairs(command[1:])), tag)
        elif self._user is None:
            self._fatal("not logged in")
        elif command[0] == "/quit":
            self._fatal("session terminated on request")
        elif command[0] == "/cancel":
            self._cancel(wire.pairs(command[1:]).get("tag"), tag)
        else:
            self._command(command, tag)

    def _cancel(self, wanted: str | None, tag: str | None) -> None:
        for hung in [hung_tag for hung_tag in self._hung if wanted in {None, hung_tag}]:
            self._hung.remove(hung)
            self._answer([trap("interrupted", "2"), done()], hung)
        self._answer([done()], tag)

    def _command(self, command: wire.Sentence, tag: str | None) -> None:
        simulator, faults = self._simulator, self._simulator.faults
        simulator.seen.append(command)
        if faults.traps is not None and command[0] in faults.traps:
            category, message = faults.traps[command[0]]
            self._answer([trap(message, category), done()], tag)
            return
        if self._counted("lost_after"):
            self.reset()
            return
        answer = execute(simulator.router, command, user=self._user or "")
        if simulator.watch is not None:
            simulator.watch(self._number, command)
        if self._counted("reset_after"):
            self.reset()
        elif self._counted("fatal_after"):
            self._fatal(faults.fatal_reason)
        elif self._counted("hang_after"):
            if tag is not None:
                self._hung.append(tag)
        else:
            self._answer(answer, tag)

    def _counted(self, name: str) -> bool:
        left: int | None = getattr(self._simulator.faults, name)
        if left is None:
            return False
        setattr(self._simulator.faults, name, max(left - 1, 0))
        return left <= 0

    def _login(self, words: dict[str, str]) -> list[wire.Sentence]:
        router, name = self._simulator.router, words.get("name", "")
        known = router.passwords.get(name)
        if self._simulator.faults.challenge_login:
            if "response" not in words:
                self._challenge = secrets.token_bytes(16)
                return [done(self._challenge.hex())]
            digest = hashlib.md5(b"\x00" + (known or "").encode() + self._challenge, usedforsecurity=False).hexdigest()
            right = known is not None and words["response"] == f"00{digest}"
        else:
            right = known is not None and secrets.compare_digest(words.get("password", "").encode(), known.encode())
        if right and "api" in policies(router, name):
            self._user = name
            return [done()]
        return [trap("invalid user name or password (6)" if not self._simulator.faults.challenge_login else "cannot log in"), done()]
