"""How uvicorn serves us; and a server in a thread of this process, at a real socket, for the demo and the measurements."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sebilling.connections import MAX_HEAD_BYTES, Connection, Connections, Limits, Phase, dropped
from sebilling.errors import PortTaken

PING_SECONDS: Final = 12.0
PONG_SECONDS: Final = 15.0
"""A client that is gone is noticed within both."""
UNREAD_MILLISECONDS: Final = 20_000
"""A client that takes nothing of what is sent is cut off; where the system can do that (Linux)."""
UNSENT_BYTES: Final = 128 * 1024
"""Of an answer that the system takes from us before the client's window has room; it would take megabytes for each slow client, and a
report's process would be told too late to wait."""
_TCP_OPTIONS: Final = (("TCP_USER_TIMEOUT", UNREAD_MILLISECONDS), ("TCP_NOTSENT_LOWAT", UNSENT_BYTES))
KEPT_SECONDS: Final = 75
"""An idle connection is kept for longer than clients and proxies keep theirs (httpx 5, nginx 60): who closes first must be they, as what
they send while we close is lost, and a proxy answers 502 for it. uvicorn's own 5 s did that."""
UNCROWDED: Final = Limits(per_address=Limits().connections)
"""Of a server for one machine, whose clients all have its address."""
_MAX_MESSAGE_BYTES: Final = 256 * 1024


class Http(HttpToolsProtocol):
    """uvicorn's, which also cuts off who is slow or too many, and ends streams of events when the server stops."""

    def __init__(self, *given: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*given, **named)
        self._bounds = connections
        self._known: Connection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Called with each connection."""
        taken: Any = transport.get_extra_info("socket")
        for name, value in _TCP_OPTIONS:
            option: Any = vars(socket).get(name)
            if option is not None and taken.family in {socket.AF_INET, socket.AF_INET6}:
                taken.setsockopt(socket.IPPROTO_TCP, option, value)
        super().connection_made(transport)
        self._known = self._bounds.admit(self, transport, self.client[0] if self.client else None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when it is closed, by whomever."""
        self._bounds.lost(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called with what was sent. A head that is too long is answered 431."""
        known = self._known
        if known is None or self.transport.is_closing():
            return
        if known.phase is Phase.IDLE:  # before the parser knows: empty lines are no request, and would go on for ever
            self._begin(Phase.HEAD)
        super().data_received(data)
        known.received += len(data)
        if known.phase is Phase.HEAD and known.received > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._hang_up(431)

    def on_headers_complete(self) -> None:
        """Called with each request: gives the application `sebilling.cut`."""
        super().on_headers_complete()
        if self.scope is not None:
            scope: dict[str, Any] = self.scope  # type: ignore[assignment]
            scope.setdefault("extensions", {})["sebilling.cut"] = lambda: dropped(self.transport)
        if self._known is not None and self._known.phase is Phase.HEAD:  # not of one that waits behind another
            self._begin(Phase.BODY)

    def on_message_complete(self) -> None:
        """Called when a request is there as a whole."""
        super().on_message_complete()
        if self._known is not None and self._known.phase is Phase.BODY:
            self._begin(Phase.ANSWER)

    def on_response_complete(self) -> None:
        """Called when an answer was written."""
        is_next = bool(self.pipeline)
        super().on_response_complete()
        self._begin(Phase.ANSWER if is_next else Phase.IDLE)

    def handle_websocket_upgrade(self) -> None:
        """Called with a handshake: from here on it is a WebSocket's connection."""
        self._begin(Phase.SOCKET)
        super().handle_websocket_upgrade()

    def shutdown(self) -> None:
        """Called when the server stops. A stream of events would never end: its client goes on elsewhere."""
        super().shutdown()
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete and cycle.scope.get("sebilling.stream"):
            self.transport.close()

    def end(self) -> None:
        """Hang up on a client that is too slow, or makes way for others."""
        cycle: Any = self.cycle
        is_answered = cycle is not None and not cycle.response_complete and cycle.response_started
        if self._known is None or self._known.phase is Phase.ANSWER or is_answered or self.transport.get_write_buffer_size():
            dropped(self.transport)
        elif self._known.phase is Phase.IDLE:
            self.transport.close()
        else:
            self._hang_up(408)

    def is_read_paused(self) -> bool:
        """Whether it is us who don't take what is sent."""
        return self.flow.read_paused

    def is_writing(self) -> bool:
        """Whether the application may still add to what is unsent."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete and not self.flow.write_paused

    def _hang_up(self, status: int) -> None:
        self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _begin(self, phase: Phase) -> None:
        if self._known is not None:
            self._known.begin(phase, self.loop.time())


class WebSockets(WebSocketsSansIOProtocol):
    """uvicorn's, whose connections can be cut though the client takes nothing any more: closing would wait for what is unsent."""

    def __init__(self, *given: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*given, **named)
        self._bounds = connections

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when it is closed, by whomever."""
        self._bounds.lost(self.transport)
        super().connection_lost(exc)

    def handle_connect(self, event: Any) -> None:
        """Called with a handshake: gives the application `sebilling.cut` and `sebilling.texts`."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions |= {"sebilling.cut": self.cut, "sebilling.texts": self.texts}

    async def texts(self, texts: Sequence[str]) -> None:
        """Send messages by one write, a third of the price of one each. Waits for room first; raises ClientDisconnected."""
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        self.transport.write(b"".join(framed(text.encode()) for text in texts))

    def cut(self) -> None:
        """Drop the connection, unless it is closed already."""
        if not self.disconnected:
            dropped(self.transport)

    def keepalive_timeout(self) -> None:
        """Called when a ping isn't answered in time."""
        super().keepalive_timeout()
        dropped(self.transport)


def framed(content: bytes) -> bytes:
    """A text message as a frame of RFC 6455: whole, without extensions, unmasked as servers send it."""
    size = len(content)
    if size < 126:
        return bytes((0x81, size)) + content
    return (struct.pack("!BBH", 0x81, 126, size) if size < 65_536 else struct.pack("!BBQ", 0x81, 127, size)) + content


_OPTIONS: Final[Mapping[str, Any]] = {
    "ws_max_size": _MAX_MESSAGE_BYTES,
    "ws_ping_interval": PING_SECONDS,
    "ws_ping_timeout": PONG_SECONDS,
    "ws_per_message_deflate": False,  # 300 KB per connection, and each message compressed once per client
    "log_config": None,
    "access_log": False,
    "proxy_headers": False,  # whom to believe says SEBILLING_TRUSTED_PROXIES; uvicorn believes whoever is on this machine
    "server_header": False,
    "timeout_keep_alive": KEPT_SECONDS,
    "timeout_graceful_shutdown": 10,
}


def options(limits: Limits) -> Mapping[str, Any]:
    """Of uvicorn, for one server."""
    connections = Connections(limits)
    return {**_OPTIONS, "http": partial(Http, connections=connections), "ws": partial(WebSockets, connections=connections)}


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket to serve at; port 0 takes a free one. Raises PortTaken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(host=host, port=port, why=error.strerror) from error
    return listener


@contextmanager
def serving(app: ASGIApp, listener: socket.socket, limits: Limits = UNCROWDED) -> Iterator[str]:
    """Serve at the socket as long as the block runs; gives the address, such as `http://127.0.0.1:8000`."""
    server = uvicorn.Server(uvicorn.Config(app, **options(limits)))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), name="server", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server didn't start; the log tells why")
            time.sleep(0.01)
        host, port = listener.getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
