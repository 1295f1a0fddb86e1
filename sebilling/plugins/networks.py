"""Addresses that a driver may connect to: devices, and not this machine itself unless the operator allows it.

Whoever may change a device chooses an address that SeBilling then connects to from inside: its own database, a service that trusts the
local machine, a cloud's metadata. A name is resolved again at each connection, so the address that a socket connects to is what counts:
`watched` checks each one with Python's audit events, whatever library opens it. A refusal is reported as at the input.
"""

import asyncio
import contextvars
import errno
import functools
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from sebilling.config import Settings
from sebilling.db.address import parse as parse_database
from sebilling.device_errors import AddressRefused
from sebilling.errors import InputPath
from sebilling.language import Sentence
from sebilling.operator_errors import InvalidSetting

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_SETTING: Final = "SEBILLING_DEVICE_NETWORKS"
_LOOK_UP_SECONDS: Final = 5.0
_POSTGRESQL: Final = 5432
_METADATA: Final = frozenset(map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")))
_EMBEDDING: Final = tuple((ip_network(prefix), shift) for prefix, shift in (("64:ff9b::/96", 0), ("2002::/16", 80), ("::/96", 0)))
"""IPv6 networks that hold an IPv4 address (NAT64, 6to4, IPv4-compatible), and how many bits follow it."""


class Reason(Enum):
    """Why an address is refused, in English and Indonesian."""

    LOOPBACK = ("that is this machine itself (loopback)", "itu mesin ini sendiri (loopback)")
    UNSPECIFIED = ("that is not a device's address, and leads to this machine", "itu bukan alamat perangkat, dan mengarah ke mesin ini")
    LINK_LOCAL = ("that is a link-local address", "itu alamat link-local")
    METADATA = ("that is a cloud's metadata service, which gives out secrets", "itu layanan metadata cloud, yang memberikan rahasia")
    MULTICAST = ("that is a multicast or broadcast address", "itu alamat multicast atau broadcast")
    UNIX_SOCKET = ("that is a Unix socket of this machine", "itu Unix socket di mesin ini")
    OWN = ("that is SeBilling's own database or server", "itu database atau server SeBilling sendiri")
    NAME = ("the driver connects by a name, which can't be checked", "driver menyambung lewat nama, yang tidak bisa diperiksa")


class Refused(PermissionError):
    """A connection to a forbidden address; its text names the remedy."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The rules. What is allowed takes precedence over what is refused; an address with a port over everything."""

    networks: tuple[Network, ...] = ()
    sockets: frozenset[tuple[str, int]] = frozenset()
    """Allowed pairs of address and port, even if they are SeBilling's own."""
    folders: tuple[str, ...] = ()
    """Allowed folders of Unix sockets."""
    own: tuple[tuple[str, int], ...] = ()
    """Host and port of SeBilling's server and database."""
    _resolved: dict[str, frozenset[str]] = field(default_factory=dict, compare=False)
    """Addresses of `own` hosts that are names, as resolved last."""

    @classmethod
    def of(cls, settings: Settings, database_url: str) -> "Networks":
        """Build the rules of a deployment. Raises InvalidSetting."""
        own = [(settings.host, settings.port)]
        for address in filter(None, (database_url, settings.direct_url)):
            url = parse_database(address).url
            if url.host and "host" not in url.query:
                own.append((url.host, int(str(url.query.get("port", url.port or _POSTGRESQL)))))
        try:
            return cls.parse(settings.device_networks, own=own)
        except ValueError as error:
            why = Sentence(
                f'"{error}": write networks such as 127.0.0.0/8, addresses with a port or folders of Unix sockets, separated by commas.',
                f'"{error}": tulis jaringan seperti 127.0.0.0/8, alamat dengan port, atau folder Unix socket, dipisah koma.',
            )
            raise InvalidSetting(setting=_SETTING, why=why) from error

    @classmethod
    def parse(cls, text: str, *, own: Iterable[tuple[str, int]] = ()) -> "Networks":
        """Parse the setting. Raises ValueError, naming what can't be parsed."""
        networks: list[Network] = []
        sockets: set[tuple[str, int]] = set()
        folders: list[str] = []
        for item in (part.strip() for part in text.split(",")):
            if item.startswith("/"):
                folders.append(item.rstrip("/"))
            elif (address := _with_port(item)) is not None:
                sockets.add(address)
            elif item:
                networks.append(ip_network(item))
        return cls(tuple(networks), frozenset(sockets), tuple(folders), tuple(own))

    def check(self, host: str, *, field: InputPath = ()) -> None:
        """Check the text of an address; names are resolved when they are connected to. Raises AddressRefused."""
        reason = self._text(host)
        if reason is not None:
            raise self._error(reason, host, field)

    async def look_up(self, hosts: Iterable[str]) -> None:
        """Resolve names and check their addresses, before anything is sent. Raises AddressRefused.

        A name that can't be resolved now is left to the driver: `watched` checks what it connects to.
        """
        own = [host for host, _ in self.own if _parsed(host) is None]
        names = [*own, *dict.fromkeys(hosts)]
        resolved = await asyncio.gather(*(_addresses(name) for name in names))
        self._resolved.update({name: frozenset(addresses) for name, addresses in zip(own, resolved, strict=False) if addresses})
        for name, addresses in zip(names[len(own) :], resolved[len(own) :], strict=True):
            self.check(name)
            for address in addresses:
                if (reason := self._address(address, None)) is not None:
                    shown = address if name == address else f"{name} ({address})"
                    raise self._error(reason, shown, (), remedy=address)

    @contextmanager
    def watched(self) -> Iterator[list[AddressRefused]]:
        """Check each connection made in the block, in its tasks and in threads that inherit its context; yields the refusals."""
        _install()
        refused: list[AddressRefused] = []
        token = _watching.set((self, refused))
        try:
            yield refused
        finally:
            _watching.reset(token)

    def refusal(self, family: int, address: object) -> AddressRefused | None:
        """Why a socket of this family may not connect to this address; None if it may."""
        if family == getattr(socket, "AF_UNIX", None):
            path = address.decode(errors="replace") if isinstance(address, bytes) else str(address)
            return None if self._is_allowed_path(path) else self._error(Reason.UNIX_SOCKET, path, ())
        if family not in {socket.AF_INET, socket.AF_INET6} or not isinstance(address, tuple):
            return None
        host, port = str(address[0]), int(address[1])
        if _parsed(host) is None:
            return self._error(Reason.NAME, host, ())
        reason = self._address(host, port)
        remedy = f"{host}:{port}" if reason is Reason.OWN else host
        return None if reason is None else self._error(reason, f"{host}:{port}", (), remedy=remedy)

    def _text(self, host: str) -> Reason | None:
        if host.startswith("/"):
            return None if self._is_allowed_path(host) else Reason.UNIX_SOCKET
        if host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost"):
            return self._address("127.0.0.1", None)
        return None if _parsed(host) is None else self._address(host, None)

    def _address(self, host: str, port: int | None) -> Reason | None:
        """Why the address is refused; None if it isn't. `port` None: not known yet."""
        address = _parsed(host)
        if address is None:
            return None
        if port is not None and (str(address), port) in self.sockets:
            return None
        if port is not None and self._is_own(address, port):
            return Reason.OWN
        ways = (address, *_within(address))
        if any(way in network for way in ways for network in self.networks if way.version == network.version):
            return None
        if port is None and any(str(way) == known for way in ways for known, _ in self.sockets):
            return None  # the port decides, when it is connected to
        return next((reason for way in ways if (reason := _reason(way)) is not None), None)

    def _is_own(self, address: Address, port: int) -> bool:
        for host, own_port in self.own:
            if port != own_port:
                continue
            known = _parsed(host)
            if known is None:
                if str(address) in self._resolved.get(host, ()) or (host == "localhost" and address.is_loopback):
                    return True
            elif known.is_unspecified or known.is_loopback:
                if _is_of_this_machine(address):
                    return True
            elif known == address:
                return True
        return False

    def _is_allowed_path(self, path: str) -> bool:
        return ".." not in path and any(path == folder or path.startswith(f"{folder}/") for folder in self.folders)

    def _error(self, reason: Reason, shown: str, field: InputPath, *, remedy: str | None = None) -> AddressRefused:
        english, indonesian = reason.value
        return AddressRefused(field=field, address=shown, place=Sentence(english, indonesian), remedy=remedy or shown)


_watching: contextvars.ContextVar[tuple[Networks, list[AddressRefused]] | None] = contextvars.ContextVar("watching", default=None)
_EVENTS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


@functools.cache
def _install() -> None:
    """Install the audit hook for this process, once; it checks only what is `watched`."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: Sequence[object]) -> None:
    if event not in _EVENTS or (watching := _watching.get()) is None:
        return
    networks, refused = watching
    sender, address = arguments[0], arguments[1]
    if address is None or not isinstance(sender, socket.SocketType):  # a datagram on a connected socket
        return
    error = networks.refusal(sender.family, address)
    if error is not None:
        refused.append(error)
        raise Refused(errno.EACCES, error.message("en"))


def _parsed(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _within(address: Address) -> Iterator[Address]:
    """IPv4 addresses embedded in an IPv6 address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            yield address.ipv4_mapped
        for network, shift in _EMBEDDING:
            if address in network and int(address) > 1:
                yield IPv4Address(int(address) >> shift & 0xFFFFFFFF)


def _reason(address: Address) -> Reason | None:
    if address in _METADATA:
        return Reason.METADATA
    if address.is_loopback:
        return Reason.LOOPBACK
    if address.is_unspecified or (address.version == 4 and int(address) >> 24 == 0):
        return Reason.UNSPECIFIED
    if address.is_link_local:
        return Reason.LINK_LOCAL
    return Reason.MULTICAST if address.is_multicast or int(address) == 0xFFFFFFFF else None


def _is_of_this_machine(address: Address) -> bool:
    if address.is_loopback or address.is_unspecified:
        return True
    with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))  # only addresses of this machine can be bound
        except OSError:
            return False
    return True


async def _addresses(name: str) -> list[str]:
    """Resolve a name; an empty list if it can't be resolved now, or is no name."""
    if _parsed(name) is not None:
        return [name]
    if not name or "/" in name:
        return []
    try:
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            entries = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def _with_port(text: str) -> tuple[str, int] | None:
    """Parse 10.0.0.5:5432 or [fd00::5]:5432 to address and port; None if it is something else."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or (":" in host and not host.startswith("[")):
        return None
    address = _parsed(host.removeprefix("[").removesuffix("]"))
    return None if address is None else (str(address), int(port))
