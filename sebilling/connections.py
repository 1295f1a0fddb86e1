"""Limits of connections: how many may be open, in all and from one address, and how slow a client may be.

Every open connection takes a file descriptor, and a client that sends half a request or reads a response byte by byte keeps it as long
as it likes. So a head has a deadline, a body and a response must progress at a minimum rate, and where a number is at its limit, the
connection that has waited longest for its client is closed: a new client gets in, an attacker loses older connections. Only if all of
them are being answered is the new client refused. Dropped connections are logged once per sweep, not one by one.

Trusted proxies act for many clients: the limit per address does not apply to them.
"""

import asyncio
import resource
import socket
import struct
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from sebilling.auth import addresses
from sebilling.config import Settings
from sebilling.logs import get_logger

_log = get_logger(__name__)
MAX_HEAD_BYTES: Final = 64 * 1024
_OTHER_DESCRIPTORS: Final = 64
"""Descriptors besides connections of clients and the database: logs, files, the event loop."""
_MIN_CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one server process."""

    connections: int = 2_000
    per_address: int = 256
    proxies: Sequence[addresses.Network] = ()
    """Networks without the limit per address."""
    head_seconds: float = 15.0
    """From the connection, or the first byte of a further request, to the end of the head."""
    stall_seconds: float = 20.0
    """Time within which a body, or a response that the client doesn't read, must progress by `stall_bytes` or end."""
    stall_bytes: int = 20 * 1024
    sweep_seconds: float = 1.0


class Phase(Enum):
    """What a connection is waiting for."""

    IDLE = "idle"
    """The client's next request; uvicorn decides how long."""
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    """The server's response."""
    SOCKET = "socket"
    """A WebSocket, which has its own pings and limits."""


class Slow(Protocol):
    """A connection that may be closed for being slow. `end` sends the client the reason if possible, and closes it."""

    def end(self) -> None: ...
    def is_read_paused(self) -> bool: ...
    def is_writing(self) -> bool: ...


@dataclass(slots=True, eq=False)
class Connection:
    """State of one connection."""

    owner: Slow
    transport: asyncio.Transport
    network: str
    phase: Phase
    since: float
    """Loop time at which the phase began."""
    received: int = 0
    """Bytes received in this phase."""
    _mark_received: int = field(default=0, init=False)
    _mark_unsent: int = field(default=0, init=False)
    _receiving_since: float = field(default=0.0, init=False)
    _unsent_since: float = field(default=0.0, init=False)

    def begin(self, phase: Phase, now: float) -> None:
        """Enter a phase."""
        self.phase, self.since, self.received = phase, now, 0
        self._mark_received, self._receiving_since = 0, now

    def fault(self, limits: Limits, now: float) -> str:
        """Return why it must be closed; empty if it may stay open."""
        if self.phase is Phase.SOCKET:
            return ""
        if self.phase is Phase.HEAD and now - self.since >= limits.head_seconds:
            return "head"
        if self.phase is Phase.BODY and self._body_stalls(limits, now):
            return "body"
        return "answer" if self._answer_stalls(limits, now) else ""

    def _body_stalls(self, limits: Limits, now: float) -> bool:
        if self.owner.is_read_paused() or self.received - self._mark_received >= limits.stall_bytes:
            self._mark_received, self._receiving_since = self.received, now
        return now - self._receiving_since >= limits.stall_seconds

    def _answer_stalls(self, limits: Limits, now: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if not unsent or self.owner.is_writing() or not self._mark_unsent or unsent <= self._mark_unsent - limits.stall_bytes:
            self._mark_unsent, self._unsent_since = unsent, now
        return unsent > 0 and now - self._unsent_since >= limits.stall_seconds


class Connections:
    """All connections of one server. To be used only in its event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[asyncio.Transport, Connection] = {}
        self._by_network: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._dropped: Counter[tuple[str, str]] = Counter()
        """Connections dropped since the last sweep, by reason and network."""
        self._sweeping: asyncio.TimerHandle | None = None

    def admit(self, owner: Slow, transport: asyncio.Transport, peer: str | None) -> Connection | None:
        """Register a new connection, closing another one if a limit is reached; if none can be closed, drop the new one and return None."""
        now, network = asyncio.get_running_loop().time(), addresses.network_of(peer)
        self._sweeping = self._sweeping or asyncio.get_running_loop().call_later(self._limits.sweep_seconds, self._sweep)
        is_bound = peer is not None and not addresses.is_trusted(peer, self._limits.proxies)
        crowd: str | None = None
        if is_bound and len(self._by_network.get(network, ())) >= self._limits.per_address:
            crowd = network
        elif len(self._open) >= self._limits.connections:
            crowd = max(self._by_network, key=lambda candidate: len(self._by_network[candidate]))
        if crowd is not None and not self._makes_way(crowd):
            self._dropped["refused", network] += 1
            dropped(transport)
            return None
        connection = Connection(owner, transport, network, Phase.HEAD, now)
        self._open[transport] = connection
        self._by_network[network][connection] = None
        return connection

    def lost(self, transport: asyncio.Transport) -> None:
        """Unregister a closed connection."""
        connection = self._open.pop(transport, None)
        if connection is not None:
            of_network = self._by_network[connection.network]
            of_network.pop(connection, None)
            if not of_network:
                del self._by_network[connection.network]

    def _makes_way(self, network: str) -> bool:
        """Close the connection of this network that has waited longest for its client; False if there is none."""
        waiting = (connection for connection in self._by_network[network] if connection.phase in {Phase.IDLE, Phase.HEAD, Phase.BODY})
        oldest = min(waiting, key=lambda connection: connection.since, default=None)
        if oldest is not None:
            self._end(oldest, "crowded")
        return oldest is not None

    def _end(self, connection: Connection, why: str) -> None:
        self._dropped[why, connection.network] += 1
        self.lost(connection.transport)
        connection.owner.end()

    def _sweep(self) -> None:
        """Close connections that are too slow, and log what was dropped since the last sweep."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._open.values()):
            if why := connection.fault(self._limits, now):
                self._end(connection, why)
        for why in sorted({why for why, _ in self._dropped}):
            counts = Counter({network: count for (reason, network), count in self._dropped.items() if reason == why})
            ((most_from, _),) = counts.most_common(1)
            _log.warning("connections_dropped", why=why, count=counts.total(), addresses=len(counts), most_from=most_from)
        self._dropped.clear()
        self._sweeping = loop.call_later(self._limits.sweep_seconds, self._sweep) if self._open else None


def dropped(transport: asyncio.Transport) -> None:
    """Drop a connection at once. Unsent bytes are discarded, by the system too, which would hold megabytes for a stuck client."""
    with suppress(OSError):  # just closed by the other side
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def limits_of(settings: Settings, proxies: Sequence[addresses.Network]) -> Limits:
    """Return the limits from the settings, lowered to what the limit of open files allows, after raising it as far as possible.

    Every connection takes a descriptor; with none left, the server could neither query the database nor open a log.
    """
    others = 2 * settings.database_connections + _OTHER_DESCRIPTORS
    needed = settings.connections + others
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < needed:
        raised = needed if most == resource.RLIM_INFINITY else min(needed, most)
        with suppress(OSError, ValueError):  # macOS allows less than it reports
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, most))
            limit = raised
    connections = settings.connections
    if limit != resource.RLIM_INFINITY and limit < needed:
        connections = max(_MIN_CONNECTIONS, limit - others)
        _log.warning(
            "few_descriptors", limit=limit, needed=needed, connections=connections, remedy="raise the limit of open files (ulimit -n)"
        )
    return Limits(connections=connections, per_address=min(settings.connections_per_address, connections), proxies=proxies)
