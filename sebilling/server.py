"""How uvicorn serves us; and a server in a thread of this process, at a real socket, for the demo and the measurements."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

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
_MOST_MESSAGE_BYTES: Final = 256 * 1024


class Http(HttpToolsProtocol):
    """uvicorn's, which also cuts off who takes nothing, and ends streams of events when the server stops."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Called with each connection."""
        taken: Any = transport.get_extra_info("socket")
        for name, value in _TCP_OPTIONS:
            option: Any = vars(socket).get(name)
            if option is not None and taken.family in {socket.AF_INET, socket.AF_INET6}:
                taken.setsockopt(socket.IPPROTO_TCP, option, value)
        super().connection_made(transport)

    def on_headers_complete(self) -> None:
        """Called with each request: gives the application `sebilling.cut`."""
        super().on_headers_complete()
        if self.scope is not None:
            scope: dict[str, Any] = self.scope  # type: ignore[assignment]
            scope.setdefault("extensions", {})["sebilling.cut"] = lambda: dropped(self.transport)

    def shutdown(self) -> None:
        """Called when the server stops. A stream of events would never end: its client goes on elsewhere."""
        super().shutdown()
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete and cycle.scope.get("sebilling.stream"):
            self.transport.close()


class WebSockets(WebSocketsSansIOProtocol):
    """uvicorn's, whose connections can be cut though the client takes nothing any more: closing would wait for what is unsent."""

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


def dropped(transport: asyncio.Transport) -> None:
    """End a connection at once. What is unsent is thrown away, by the system too: it would keep megabytes for who takes nothing."""
    with suppress(OSError):  # closed by the other side just now
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def framed(content: bytes) -> bytes:
    """A text message as a frame of RFC 6455: whole, without extensions, unmasked as servers send it."""
    size = len(content)
    if size < 126:
        return bytes((0x81, size)) + content
    return (struct.pack("!BBH", 0x81, 126, size) if size < 65_536 else struct.pack("!BBQ", 0x81, 127, size)) + content


OPTIONS: Final[Mapping[str, Any]] = {
    "http": Http,
    "ws": WebSockets,
    "ws_max_size": _MOST_MESSAGE_BYTES,
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
"""Of uvicorn, wherever we are served."""


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
def serving(app: ASGIApp, listener: socket.socket) -> Iterator[str]:
    """Serve at the socket as long as the block runs; gives the address, such as `http://127.0.0.1:8000`."""
    server = uvicorn.Server(uvicorn.Config(app, **OPTIONS))
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
