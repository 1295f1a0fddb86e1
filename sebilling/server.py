"""Configuration of uvicorn, and a server in a thread of this process on a real socket, for the demo and the benchmarks."""

import asyncio
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sebilling.connections import MAX_HEAD_BYTES, Connection, Connections, Limits, Phase, dropped
from sebilling.operator_errors import PortTaken

PING_SECONDS: Final = 12.0
PONG_SECONDS: Final = 15.0
"""A vanished client is noticed within the sum of both."""
UNREAD_MILLISECONDS: Final = 20_000
"""A client that reads nothing for so long is disconnected, where the system supports it (Linux)."""
UNSENT_BYTES: Final = 128 * 1024
"""Unsent bytes per connection that the system buffers; without the limit it would buffer megabytes for each slow client, and a report's
process would learn too late that it must wait."""
_TCP_OPTIONS: Final = (("TCP_USER_TIMEOUT", UNREAD_MILLISECONDS), ("TCP_NOTSENT_LOWAT", UNSENT_BYTES))
KEPT_SECONDS: Final = 75
"""An idle connection is kept longer than clients and proxies keep theirs (httpx 5 s, nginx 60 s): they must close first, because what
they send while the server closes is lost, and a proxy answers 502 for it. uvicorn's default of 5 s caused that."""
UNCROWDED: Final = Limits(per_address=Limits().connections)
"""Limits of a server for one machine, whose clients all have the same address."""
_MAX_MESSAGE_BYTES: Final = 256 * 1024


class JoinedWrites:
    """What one answer writes to its connection: its head goes out together with its body, or with the first piece of it.

    uvicorn writes them apart. Go's proxies, Caddy among them, drop the connection if a head comes before they have noticed that a request's
    body was sent completely (golang/go#40747): a body that came later was lost, and with it the answer. It also saves a system call and a
    packet per answer.
    """

    __slots__ = ("_has_begun", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._head, self._has_begun = transport, b"", False

    def write(self, data: bytes) -> None:
        """Write a head, or a piece of a body. The head of a stream is written at once: its first event may take hours."""
        if self._head:
            data, self._head = self._head + data, b""
        elif not self._has_begun:
            self._has_begun = not data.startswith(b"HTTP/1.1 100 ")
            if b"\r\ncontent-length: " in data:
                self._head = data
                return
        self._transport.write(data)

    def close(self) -> None:
        """Close the connection once all is written."""
        if self._head:
            self._transport.write(self._head)
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is closed or closing."""
        return self._transport.is_closing()


class Http(HttpToolsProtocol):
    """uvicorn's HTTP protocol, extended to write answers in one piece, to drop slow or excess connections and to end event streams when the
    server stops.
    """

    def __init__(self, *arguments: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._bounds = connections
        self._known: Connection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # same as in uvicorn
        """Called for each new connection."""
        taken: Any = transport.get_extra_info("socket")
        for name, value in _TCP_OPTIONS:
            option: Any = vars(socket).get(name)
            if option is not None and taken.family in {socket.AF_INET, socket.AF_INET6}:
                taken.setsockopt(socket.IPPROTO_TCP, option, value)
        super().connection_made(transport)
        self._known = self._bounds.admit(self, transport, self.client[0] if self.client else None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the connection is closed by either side."""
        self._bounds.lost(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called with received bytes. A head that is too long is answered with 431."""
        known = self._known
        if known is None or self.transport.is_closing():
            return
        if known.phase is Phase.IDLE:  # before the parser notices: empty lines are not a request, and could go on for ever
            self._begin(Phase.HEAD)
        super().data_received(data)
        known.received += len(data)
        if known.phase is Phase.HEAD and known.received > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._hang_up(431)

    def on_headers_complete(self) -> None:
        """Called for each request: adds `sebilling.cut` to the scope for the application, and joins the writes of its answer."""
        before: Any = self.cycle
        super().on_headers_complete()
        if self.scope is not None:
            scope: dict[str, Any] = self.scope  # type: ignore[assignment]  # to uvicorn, each extension is a dict
            scope.setdefault("extensions", {})["sebilling.cut"] = lambda: dropped(self.transport)
        cycle: Any = self.cycle
        if cycle is not before:  # not a handshake; its task has yet to begin
            cycle.transport = JoinedWrites(self.transport)
        if self._known is not None and self._known.phase is Phase.HEAD:  # not for a request that waits behind another
            self._begin(Phase.BODY)

    def on_message_complete(self) -> None:
        """Called when a request was received completely."""
        super().on_message_complete()
        if self._known is not None and self._known.phase is Phase.BODY:
            self._begin(Phase.ANSWER)

    def on_response_complete(self) -> None:
        """Called when a response was written."""
        is_next = bool(self.pipeline)
        super().on_response_complete()
        self._begin(Phase.ANSWER if is_next else Phase.IDLE)

    def handle_websocket_upgrade(self) -> None:
        """Called for a handshake: from now on it is a WebSocket connection."""
        self._begin(Phase.SOCKET)
        super().handle_websocket_upgrade()

    def shutdown(self) -> None:
        """Called when the server stops. Closes event streams, which would never end: the client reconnects elsewhere."""
        super().shutdown()
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete and cycle.scope.get("sebilling.stream"):
            self.transport.close()

    def end(self) -> None:
        """Disconnect a client that is too slow or must make room for others."""
        cycle: Any = self.cycle
        is_answered = cycle is not None and not cycle.response_complete and cycle.response_started
        if self._known is None or self._known.phase is Phase.ANSWER or is_answered or self.transport.get_write_buffer_size():
            dropped(self.transport)
        elif self._known.phase is Phase.IDLE:
            self.transport.close()
        else:
            self._hang_up(408)

    def is_read_paused(self) -> bool:
        """Whether the server itself has paused reading."""
        return self.flow.read_paused

    def is_writing(self) -> bool:
        """Whether the application may still add to the unsent bytes."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete and not self.flow.write_paused

    def _hang_up(self, status: int) -> None:
        self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _begin(self, phase: Phase) -> None:
        if self._known is not None:
            self._known.begin(phase, self.loop.time())


class WebSockets(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, extended to drop a connection at once: closing would wait for unsent bytes."""

    def __init__(self, *arguments: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._bounds = connections

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the connection is closed by either side."""
        self._bounds.lost(self.transport)
        super().connection_lost(exc)

    def handle_connect(self, event: Any) -> None:
        """Called for a handshake: adds `sebilling.cut` and `sebilling.texts` to the scope for the application."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions |= {"sebilling.cut": self.cut, "sebilling.texts": self.texts}

    async def texts(self, texts: Sequence[str]) -> None:
        """Send messages with one write, at a third of the cost of separate ones. Waits for buffer space; raises ClientDisconnected."""
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        self.transport.write(b"".join(framed(text.encode()) for text in texts))

    def cut(self) -> None:
        """Drop the connection, unless it is already closed."""
        if not self.disconnected:
            dropped(self.transport)

    def keepalive_timeout(self) -> None:
        """Called when a ping isn't answered in time."""
        super().keepalive_timeout()
        dropped(self.transport)


def framed(content: bytes) -> bytes:
    """Encode a text message as one frame of RFC 6455: complete, without extensions, unmasked as servers send it.

    The library's own `websockets.frames.Frame` does the same in eight times the time (8.5 µs against 1.0 for 400 bytes), and each
    message goes to thousands of followers.
    """
    size = len(content)
    if size < 126:
        return bytes((0x81, size)) + content
    return (struct.pack("!BBH", 0x81, 126, size) if size < 65_536 else struct.pack("!BBQ", 0x81, 127, size)) + content


_OPTIONS: Final[Mapping[str, Any]] = {
    "ws_max_size": _MAX_MESSAGE_BYTES,
    "ws_ping_interval": PING_SECONDS,
    "ws_ping_timeout": PONG_SECONDS,
    "ws_per_message_deflate": False,  # takes 300 KB per connection, and compresses each message once per client
    "log_config": None,
    "access_log": False,
    "proxy_headers": False,  # SEBILLING_TRUSTED_PROXIES decides; uvicorn would trust every program on this machine
    "server_header": False,
    "timeout_keep_alive": KEPT_SECONDS,
    "timeout_graceful_shutdown": 10,
}


def options(limits: Limits) -> Mapping[str, Any]:
    """Return uvicorn's options for one server."""
    connections = Connections(limits)
    return {**_OPTIONS, "http": partial(Http, connections=connections), "ws": partial(WebSockets, connections=connections)}


class Server(uvicorn.Server):
    """uvicorn's server, which after SIGTERM first serves on for a while: `leaving` is set, so that /healthz can tell proxies to send new
    requests elsewhere. Closing the port at once would lose connections that the kernel has accepted and nobody has read. A second signal
    ends it as usual.
    """

    def __init__(self, config: uvicorn.Config, *, leaving: threading.Event, drain_seconds: int) -> None:
        super().__init__(config)
        self._leaving, self._drain_seconds = leaving, drain_seconds
        self._ends_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called with each signal that ends the process."""
        if sig == signal.SIGTERM and self._drain_seconds and not self._leaving.is_set():
            self._ends_at = time.monotonic() + self._drain_seconds
            self._leaving.set()
            return
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; returns whether the server is to end."""
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self._ends_at = None
            self.handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)


def listening_socket(host: str, port: int) -> socket.socket:
    """Open a listening socket; port 0 takes a free one. Raises PortTaken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # otherwise asyncio leaves Nagle's algorithm on: 40 ms
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(host=host, port=port, why=str(error.strerror)) from error
    return listener


def check_port(host: str, port: int) -> None:
    """Check that a server could listen there, before anything else is started for it. Raises PortTaken."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in addresses:
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
    except OSError as error:
        raise PortTaken(host=host, port=port, why=str(error.strerror)) from error


@contextmanager
def serving(app: ASGIApp, listener: socket.socket, limits: Limits = UNCROWDED) -> Iterator[str]:
    """Serve on the socket while the block runs; yields the address, such as `http://127.0.0.1:8000`."""
    server = uvicorn.Server(uvicorn.Config(app, **options(limits)))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), name="server", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server didn't start: see the log for the reason")
            time.sleep(0.01)
        host, port = listener.getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
