"""A client that doesn't read costs bounded memory, and is gone within thirty seconds."""

import asyncio
import contextlib
import json
import socket
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from websockets.exceptions import ConnectionClosed

from tests.attacks.serving import megabytes
from tests.harness import NOW, Isp
from tests.live.conftest import Site
from tests.live.watching import EVENTS, watching
from tests.processes import ServerProcess

TELL = text(
    "INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)"
    " SELECT CAST(:at AS timestamptz), NULL, 'test', 'test.long', 'test', n, NULL, jsonb_build_object('text', repeat('x', 2000))"
    " FROM generate_series(1, :count) n"
)
LONG = "subscription { events { eventId cursor event { kind data } } }"


async def tell(isp: Isp, count: int) -> None:
    """So many events of two kilobytes."""
    async with isp.write() as session:
        await session.execute(TELL, {"at": NOW, "count": count})


def connections(server: ServerProcess) -> int:
    """TCP connections of clients to the server that the system keeps, those too that the process has let go of."""
    port = f":{int(server.address.rpartition(':')[2]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(port) and row[3] not in {"0A", "06"} for row in rows)  # neither listening nor long over


def frozen(address: str, token: str) -> socket.socket:
    """A client that subscribes and then reads nothing, with a small window."""
    host, port = address.removeprefix("http://").split(":")
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect((host, int(port)))
    one.sendall(
        f"GET /graphql HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
    )
    for message in (
        {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}},
        {"id": "1", "type": "subscribe", "payload": {"query": LONG}},
    ):
        content = json.dumps(message).encode()
        size = bytes([128 | len(content)]) if len(content) < 126 else bytes([254, len(content) >> 8, len(content) & 255])
        one.sendall(b"\x81" + size + bytes(4) + content)
    return one


def frozen_stream(address: str, token: str) -> socket.socket:
    """The same over SSE."""
    host, port = address.removeprefix("http://").split(":")
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect((host, int(port)))
    body = json.dumps({"query": LONG})
    one.sendall(
        f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    return one


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to look into the server")
@pytest.mark.parametrize("connect", [frozen, frozen_stream])
async def test_a_frozen_client_costs_bounded_memory_and_is_gone_within_30_seconds(site: Site, connect: object) -> None:
    async with watching(site.b.address, site.admin) as good:
        await good.subscribe(EVENTS, kinds=["test.long"])
        await good.settled()
        before_memory, before = megabytes(site.b), connections(site.b)
        ones = [connect(site.b.address, site.admin) for _ in range(3)]  # type: ignore[operator]
        try:
            await asyncio.sleep(1)
            assert connections(site.b) >= before + 3
            began, most, told = time.monotonic(), 0.0, 0
            while connections(site.b) > before:
                assert time.monotonic() - began < 30, f"{connections(site.b) - before} are still there"
                if told < 4_000:
                    await tell(site.isp, 200)
                    told += 200
                most = max(most, megabytes(site.b))
                await asyncio.sleep(0.1)
        finally:
            for one in ones:
                one.close()
        assert most - before_memory < 50, "the events themselves, and three times what may wait"
        assert (await good.next())["event"]["kind"] == "test.long"  # who reads goes on


async def test_a_client_that_reads_too_slowly_is_told_by_a_code_and_may_go_on(site: Site) -> None:
    async with watching(site.b.address, site.admin, max_queue=1) as slow:
        await slow.subscribe(LONG)
        await slow.settled()
        slow.reading.cancel()  # what has come stays unread in the client's buffers
        await asyncio.gather(slow.reading, return_exceptions=True)
        for _ in range(30):
            await tell(site.isp, 200)
            await asyncio.sleep(0.05)
        await asyncio.sleep(3)  # until the server has been through all of it
        count = 0
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionClosed):
                async for _ in slow.socket:
                    count += 1
        assert count > 0
        assert slow.socket.close_code in {4413, 1006}
