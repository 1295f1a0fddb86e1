"""Subscribers in a process of their own: `python -m bench.watchers`, told what to do by a line of JSON.

They speak just enough of WebSocket and graphql-transport-ws to cost next to nothing beside what is measured. It prints "ready" when
all have subscribed; when its input ends, it prints what each has seen and when, by the clock that all processes of a machine share.
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
"""The event's id, the payment's, and when it came in seconds."""


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
        """Ask for the upgrade."""
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Take every whole frame out of what has come."""
        now, buffer, at = time.monotonic(), self._rest + data, 0
        if not self._upgraded:
            head, mark, buffer = buffer.partition(b"\r\n\r\n")
            if not mark:
                self._rest = head
                return
            self._upgraded = True
            self._tell({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}})
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
                found = message["payload"]["data"]["paymentRecorded"]
                self.seen.append((int(found["eventId"]), found["payment"]["id"], now))
            elif message["type"] == "connection_ack":
                self._tell({"id": "1", "type": "subscribe", "payload": {"query": DOCUMENT}})
                self.ready.set_result(None)
            else:
                self.closed = content.decode()
        elif kind == 9:
            self._send(10, content)
        elif kind == 8:
            self.closed = repr(content)

    def _tell(self, message: Any) -> None:
        self._send(1, orjson.dumps(message))

    def _send(self, kind: int, content: bytes) -> None:
        size = bytes([128 | len(content)]) if len(content) < 126 else bytes([254]) + struct.pack("!H", len(content))
        self._transport.write(bytes([128 | kind]) + size + bytes(4) + content)  # masked by zeros


async def _connect(loop: asyncio.AbstractEventLoop, watcher: Watcher, host: str, port: int) -> None:
    await loop.create_connection(lambda: watcher, host, port)


async def main() -> None:
    """Watch until the input ends."""
    loop = asyncio.get_running_loop()
    given = orjson.loads(await loop.run_in_executor(None, sys.stdin.readline))
    host, _, port = given["host"].partition(":")
    watchers = [Watcher(given["host"], token) for token in given["tokens"]]
    for one in watchers:
        await _connect(loop, one, host, int(port))
        await one.ready
    await asyncio.sleep(1)  # the last ones' subscriptions
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    sys.stdout.write(orjson.dumps([{"seen": one.seen, "closed": one.closed} for one in watchers]).decode() + "\n")


if __name__ == "__main__":
    asyncio.run(main())
