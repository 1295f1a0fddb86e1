"""Subscribers in a process of their own: `python -m bench.watchers`, configured by a line of JSON on standard input.

They implement just enough of WebSocket and graphql-transport-ws, so that they take little time from what is measured. The process
prints "ready" when all have subscribed; when its input ends, it prints what each has seen and when, by the monotonic clock that all
processes share.
"""

import asyncio
import base64
import os
import struct
import sys
import time
from typing import Any

import orjson

DOCUMENT = "subscription { paymentRecorded { eventId cursor at payment { id amount receiptNumber counter { code } } } }"
Seen = tuple[int, str, float]
"""Id of the event, id of the payment, and time of arrival in seconds."""


class Watcher(asyncio.Protocol):
    """One connection with one subscription."""

    def __init__(self, host: str, token: str) -> None:
        self.host = host
        self.token = token
        self.seen: list[Seen] = []
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = ""
        self._rest = b""
        self._upgraded = False
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Request the upgrade to a WebSocket."""
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Handle every complete frame of the received bytes."""
        now, buffer, at = time.monotonic(), self._rest + data, 0
        if not self._upgraded:
            head, mark, buffer = buffer.partition(b"\r\n\r\n")
            if not mark:
                self._rest = head
                return
            self._upgraded = True
            self._send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}})
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size == 126 and len(buffer) - at >= 4:
                size, start = struct.unpack_from("!H", buffer, start)[0], at + 4
            if (size >= 126 and start == at + 2) or len(buffer) - start < size:
                break
            self._frame(buffer[at] & 15, buffer[start : start + size], now)
            at = start + size
        self._rest = buffer[at:]

    def _frame(self, kind: int, content: bytes, now: float) -> None:
        if kind == 1:
            message = orjson.loads(content)
            if message["type"] == "next":
                recorded = message["payload"]["data"]["paymentRecorded"]
                self.seen.append((int(recorded["eventId"]), recorded["payment"]["id"], now))
            elif message["type"] == "connection_ack":
                self._send_json({"id": "1", "type": "subscribe", "payload": {"query": DOCUMENT}})
                self.ready.set_result(None)
            else:
                self.closed = content.decode()
        elif kind == 9:
            self._send(10, content)
        elif kind == 8:
            self.closed = repr(content)

    def _send_json(self, message: Any) -> None:
        self._send(1, orjson.dumps(message))

    def _send(self, kind: int, content: bytes) -> None:
        size = bytes([128 | len(content)]) if len(content) < 126 else bytes([254]) + struct.pack("!H", len(content))
        self._transport.write(bytes([128 | kind]) + size + bytes(4) + content)  # mask of zeros


async def _connect(loop: asyncio.AbstractEventLoop, watcher: Watcher, host: str, port: int) -> None:
    await loop.create_connection(lambda: watcher, host, port)


async def main() -> None:
    """Watch until the input ends."""
    loop = asyncio.get_running_loop()
    settings = orjson.loads(await loop.run_in_executor(None, sys.stdin.readline))
    host, _, port = settings["host"].partition(":")
    watchers = [Watcher(settings["host"], token) for token in settings["tokens"]]
    for watcher in watchers:
        await _connect(loop, watcher, host, int(port))
        await watcher.ready
    await asyncio.sleep(1)  # until the last subscriptions are active
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    sys.stdout.write(orjson.dumps([{"seen": watcher.seen, "closed": watcher.closed} for watcher in watchers]).decode() + "\n")


if __name__ == "__main__":
    asyncio.run(main())
