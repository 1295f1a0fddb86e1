"""Bounds of connections: how many there may be, in all and from one address, and how slow a client may be.

Every open connection costs a descriptor, and who sends half a request or takes an answer byte by byte keeps it for as long as they like.
So a head has a deadline, a body and an answer must go on at a least rate, and where a bound of numbers is reached the connection makes
way that has waited longest for its client: a newcomer gets in, an attacker loses what they held before. Only if all of them are being
answered is the newcomer refused. What was dropped is told in the log once a sweep, not once each.

Proxies that are trusted speak for many: the bound per address isn't theirs.
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
"""Beside connections and those of the database: logs, files, the loop's own."""
_MIN_CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one server process."""

    connections: int = 2_000
    per_address: int = 256
    proxies: Sequence[addresses.Network] = ()
    """They have no bound of their own."""
    head_seconds: float = 15.0
    """From the connection, or the first byte of a further request, to the end of the head."""
    stall_seconds: float = 20.0
    """Within so long a body, or an answer that isn't taken, must go on by `stall_bytes`, or end."""
    stall_bytes: int = 20 * 1024
    sweep_seconds: float = 1.0


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "idle"
    """For the client's next request; how long, is uvicorn's to say."""
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    """For us."""
    SOCKET = "socket"
    """It is a WebSocket, which has pings and bounds of its own."""


class Slow(Protocol):
    """A connection that may be ended for being slow. `end` tells the client why, if that can be told, and hangs up."""

    def end(self) -> None: ...
    def is_read_paused(self) -> bool: ...
    def is_writing(self) -> bool: ...


@dataclass(slots=True, eq=False)
class Connection:
    """What is known of one."""

    owner: Slow
    transport: asyncio.Transport
    network: str
    phase: Phase
    since: float
    """When the phase began."""
    received: int = 0
    """Bytes, of this phase."""
    _mark_received: int = field(default=0, init=False)
    _mark_unsent: int = field(default=0, init=False)
    _receiving_since: float = field(default=0.0, init=False)
    _unsent_since: float = field(default=0.0, init=False)

    def begin(self, phase: Phase, now: float) -> None:
        """Go over to a phase."""
        self.phase, self.since, self.received = phase, now, 0
        self._mark_received, self._receiving_since = 0, now

    def fault(self, limits: Limits, now: float) -> str:
        """Why it must end; empty if it may go on."""
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
    """All connections of one server. Belongs to its event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[asyncio.Transport, Connection] = {}
        self._by_network: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._dropped: Counter[tuple[str, str]] = Counter()
        """Since the last sweep, by why and from where."""
        self._sweeping: asyncio.TimerHandle | None = None

    def admit(self, owner: Slow, transport: asyncio.Transport, peer: str | None) -> Connection | None:
        """Count a new connection, and let another one make way for it if it must; None, and it is dropped, if none can."""
        now, network = asyncio.get_running_loop().time(), addresses.network_of(peer)
        self._sweeping = self._sweeping or asyncio.get_running_loop().call_later(self._limits.sweep_seconds, self._sweep)
        is_bound = peer is not None and not addresses.is_trusted(peer, self._limits.proxies)
        crowd: str | None = None
        if is_bound and len(self._by_network.get(network, ())) >= self._limits.per_address:
            crowd = network
        elif len(self._open) >= self._limits.connections:
            crowd = max(self._by_network, key=lambda one: len(self._by_network[one]))
        if crowd is not None and not self._makes_way(crowd):
            self._dropped["refused", network] += 1
            dropped(transport)
            return None
        connection = Connection(owner, transport, network, Phase.HEAD, now)
        self._open[transport] = connection
        self._by_network[network][connection] = None
        return connection

    def lost(self, transport: asyncio.Transport) -> None:
        """Forget one that is closed."""
        connection = self._open.pop(transport, None)
        if connection is not None:
            of_network = self._by_network[connection.network]
            of_network.pop(connection, None)
            if not of_network:
                del self._by_network[connection.network]

    def _makes_way(self, network: str) -> bool:
        """End the connection of this network that has waited longest for its client; False if there is none."""
        waiting = (one for one in self._by_network[network] if one.phase in {Phase.IDLE, Phase.HEAD, Phase.BODY})
        oldest = min(waiting, key=lambda one: one.since, default=None)
        if oldest is not None:
            self._end(oldest, "crowded")
        return oldest is not None

    def _end(self, connection: Connection, why: str) -> None:
        self._dropped[why, connection.network] += 1
        self.lost(connection.transport)
        connection.owner.end()

    def _sweep(self) -> None:
        """End who is too slow, and tell what was dropped since the last time."""
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
    """End a connection at once. What is unsent is thrown away, by the system too: it would keep megabytes for who takes nothing."""
    with suppress(OSError):  # closed by the other side just now
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def limits_of(settings: Settings, proxies: Sequence[addresses.Network]) -> Limits:
    """As the deployment sets them, and as few as the process's descriptors allow, whose limit is raised as far as that is allowed.

    Every connection is a descriptor; with none left, the database couldn't be asked nor a log be opened.
    """
    others = 2 * settings.database_connections + _OTHER_DESCRIPTORS
    needed = settings.connections + others
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < needed:
        raised = needed if most == resource.RLIM_INFINITY else min(needed, most)
        with suppress(OSError, ValueError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, most))
            limit = raised
    connections = settings.connections
    if limit != resource.RLIM_INFINITY and limit < needed:
        connections = max(_MIN_CONNECTIONS, limit - others)
        _log.warning("few_descriptors", limit=limit, needed=needed, connections=connections, remedy="raise the limit of open files")
    return Limits(connections=connections, per_address=min(settings.connections_per_address, connections), proxies=proxies)
