"""Serve the simulated OLT on a loopback socket, by SSH or Telnet. Only SSH needs asyncssh."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, Self

from sebilling.plugins.testing import listening_again, stop_listening

from sebilling_olt.testing.huawei import HuaweiShell
from sebilling_olt.testing.links import TelnetLink
from sebilling_olt.testing.olt import Olt
from sebilling_olt.testing.shell import Counted, Faults, Link, Shell
from sebilling_olt.testing.zte import ZteShell

if TYPE_CHECKING:
    from sebilling_olt.testing.ssh import SshServer

_TRIES: Final = 3


class Simulator:
    """`async with Simulator(olt, transport="ssh") as simulator:` serves at `simulator.port` of 127.0.0.1."""

    def __init__(self, olt: Olt, *, transport: Literal["ssh", "telnet"] = "ssh") -> None:
        self.olt, self.transport, self.faults, self.counted = olt, transport, Faults(), Counted()
        self.port = 0
        self._name = ""
        self._ssh: SshServer | None = None
        if transport == "ssh":
            from sebilling_olt.testing import ssh  # noqa: PLC0415 - asyncssh is needed for nothing else

            self._ssh = ssh.SshServer(olt, lambda link: self._session(link, asks=False))
        self._server: SshServer | asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def public_key(self) -> str:
        """SSH host key in OpenSSH's format; empty with Telnet."""
        return self._ssh.key.export_public_key("openssh").decode().strip() if self._ssh else ""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the SSH host key, as OpenSSH prints it; empty with Telnet."""
        return self._ssh.key.get_fingerprint() if self._ssh else ""

    @property
    def seen(self) -> list[str]:
        """Commands received."""
        return self.counted.seen

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        """Listen, at the same port as before if there was one."""
        await (listening_again(self._start) if self.port else self._start())

    async def _start(self) -> None:
        if self._ssh is not None:
            self.port = await self._ssh.listen(self.port)
            self._server = self._ssh
        else:
            server = await asyncio.start_server(self._telnet, "127.0.0.1", self.port)
            self._server, self.port = server, server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close all connections and stop listening."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
        for link in list(self._links):
            link.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if server is not None:
            await server.wait_closed()
        await asyncio.sleep(0)  # sockets are closed by callbacks

    async def _telnet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._session(TelnetLink(reader, writer), asks=True)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _session(self, link: Link, *, asks: bool) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._links.add(link)
        try:
            await self._from_login(link, asks=asks)
        except (EOFError, OSError, asyncio.CancelledError):
            pass  # only `stop` cancels it
        finally:
            link.flush()
            self._links.discard(link)

    async def _from_login(self, link: Link, *, asks: bool) -> None:
        shell = (HuaweiShell if self.olt.firmware.maker == "huawei" else ZteShell)(self.olt, link, self.faults, self.counted)
        if asks and not await self._login(shell):
            return
        if self.faults.refuse_login:
            shell.say("", self.faults.refuse_login)
            return
        if self.olt.sessions >= self.olt.most_sessions:
            huawei = self.olt.firmware.maker == "huawei"
            shell.say("", "  Reenter times have reached the upper limit." if huawei else "%Error 20300: Too many users, try again later.")
            return
        self.olt.sessions += 1
        try:
            await self._greeted(shell)
        finally:
            self.olt.sessions -= 1

    async def _login(self, shell: Shell) -> bool:
        huawei = self.olt.firmware.maker == "huawei"
        for _ in range(_TRIES):
            name = await shell.line(">>User name:" if huawei else "Username:")
            secret = await shell.line(">>User password:" if huawei else "Password:", echo=False)
            if self.olt.users.get(name) == secret:
                self._name = name
                return True
            self.olt.failed_logins += 1
            shell.say("  Username or password invalid." if huawei else "%Error 20209: No username or bad password")
        return False

    async def _greeted(self, shell: Shell) -> None:
        shell.link.write(self.olt.firmware.banner)
        if self.olt.firmware.yes_banner:
            shell.say("", "  Warning: this is a private system. Do you agree?")
            while not await shell.agrees("  Please input YES.NO:"):
                pass
        if isinstance(shell, HuaweiShell):
            shell.smart = self.olt.firmware.smart
            shell.stuck = self._name if self.faults.name_stuck else ""
        await shell.run()
