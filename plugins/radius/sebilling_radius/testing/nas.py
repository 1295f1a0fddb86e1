"""A NAS that has traffic: sessions come by logins at FreeRADIUS, and end only by a Disconnect that truly matches them.

It knows nothing of the driver: it judges each request by its own sessions, as strictly as the NASes that are known to.
"""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from sebilling_radius.testing.receiver import ACK, Asked, Receiver
from sebilling_radius.testing.rig import Logins

_NO_SESSION: Final = 503
_OTHER_NAS: Final = 403
_UNSUPPORTED: Final = 401


@dataclass(slots=True)
class Connection:
    """A session that is up."""

    name: str
    """As the customer typed it."""
    attributes: Mapping[str, str]
    """What identifies it, as in a request."""
    reply: Mapping[str, str]
    """What FreeRADIUS answered to the login."""


@dataclass(slots=True)
class Nas:
    """`async with Nas(rig, secret) as nas:` serves Disconnect and CoA on 127.0.0.1, `nas.receiver.port`.

    `requires` are attributes without which it finds no session (Ruckus, FortiGate, MikroTik), `unsupported` those that it refuses.
    `accounts`: whether it reports its sessions. `garden` is an attribute of the login that only the walled garden has.
    """

    rig: Logins
    secret: str
    address: str = "127.0.0.1"
    identifier: str = ""
    requires: frozenset[str] = frozenset()
    unsupported: frozenset[str] = frozenset()
    accounts: bool = True
    ip6: bool = False
    garden: str = "Mikrotik-Address-List"
    connections: list[Connection] = field(default_factory=list)
    receiver: Receiver = field(init=False)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _reports: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.receiver = Receiver(self.secret, self._asked)

    async def __aenter__(self) -> Self:
        await self.receiver.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.settle()
        await self.receiver.__aexit__()

    def online(self, name: str) -> bool:
        """Whether the customer's traffic gets through; in the walled garden it doesn't."""
        return any(connection.name == name and self.garden not in connection.reply for connection in self.connections)

    def walled(self, name: str) -> bool:
        """Whether the customer is in the walled garden."""
        return any(connection.name == name and self.garden in connection.reply for connection in self.connections)

    async def dial(self, name: str, password: str = "rahasia") -> bool:  # noqa: S107 - invented
        """Log in, as the customer's router does. False if FreeRADIUS refuses."""
        number = next(self._numbers)
        attributes = {
            "Acct-Session-Id": f"8{number:07x}",
            "NAS-IP-Address": self.address,
            "NAS-Port": str(15_728_640 + number),
            "NAS-Port-Id": f"pppoe-vlan{number}",
            "Calling-Station-Id": f"AA:BB:CC:00:{number // 256:02X}:{number % 256:02X}",
        }
        reply = await asyncio.to_thread(self.rig.authenticate, name, password)
        if reply is None:
            return False
        attributes["Framed-IP-Address"] = reply.get("Framed-IP-Address", f"10.200.{number // 250}.{number % 250 + 1}")
        if self.ip6:
            attributes["Framed-IPv6-Prefix"] = f"2001:db8:{number:x}::/64"
            attributes["Delegated-IPv6-Prefix"] = f"2001:db8:f{number:x}::/56"
        self.connections.append(Connection(name, attributes, reply))
        await self._report(self.connections[-1], "Start")
        return True

    async def hang_up(self, name: str) -> None:
        """The customer ends their sessions."""
        for connection in [connection for connection in self.connections if connection.name == name]:
            self.connections.remove(connection)
            await self._report(connection, "Stop", {"Acct-Terminate-Cause": "User-Request"})

    async def interim(self) -> None:
        """Report all sessions again."""
        for connection in self.connections:
            await self._report(connection, "Interim-Update", {"Acct-Session-Time": "600"})

    async def settle(self) -> None:
        """Wait until FreeRADIUS has all reports."""
        while self._reports:
            await asyncio.gather(*self._reports)

    async def _report(self, connection: Connection, kind: str, more: Mapping[str, str] | None = None) -> None:
        if self.accounts:
            attributes = {name: value for name, value in connection.attributes.items() if name != "Acct-Session-Id"} | dict(more or {})
            await asyncio.to_thread(self.rig.account, connection.name, connection.attributes["Acct-Session-Id"], kind=kind, more=attributes)

    def _asked(self, asked: Asked) -> int:
        """Answer a request."""
        words = {name: str(values[0]) for name, values in asked.attributes.items()}
        if words.get("NAS-IP-Address", self.address) != self.address or words.get("NAS-Identifier", self.identifier) != self.identifier:
            return _OTHER_NAS
        if self.unsupported & words.keys():
            return _UNSUPPORTED
        if not self.requires <= words.keys():
            return _NO_SESSION
        matching = [connection for connection in self.connections if self._is(connection, words)]
        if len(matching) != 1:
            return _NO_SESSION
        if not asked.disconnect:
            matching[0].reply = {**matching[0].reply, **{name: words[name] for name in words if name.startswith("Mikrotik-")}}
            return ACK
        self.connections.remove(matching[0])
        report = asyncio.get_running_loop().create_task(self._report(matching[0], "Stop", {"Acct-Terminate-Cause": "Admin-Reset"}))
        self._reports.add(report)
        report.add_done_callback(self._reports.discard)
        return ACK

    def _is(self, connection: Connection, words: Mapping[str, str]) -> bool:
        if words.get("User-Name", connection.name) != connection.name:
            return False
        return all(connection.attributes.get(name, value) == value for name, value in words.items() if name != "User-Name")
