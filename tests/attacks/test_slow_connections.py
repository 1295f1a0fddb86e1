"""Connections that say little or nothing: half a request, a byte now and then, answers that nobody takes.

An attacker here is another address of this machine: 127.0.0.2 and so on.
"""

import asyncio
import json
import socket
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import httpx
import pytest
import pytest_asyncio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sebilling.actor import Role
from sebilling.connections import MAX_HEAD_BYTES, Limits
from sebilling.db.databases import create_database, drop_database
from sebilling.server import listening_socket, serving
from tests.attacks.target import ME, Target, target

HALF_SENT: Final = 1_100
MAX_RATIO: Final = 100
"""Of an idle request: a thousand connections are accepted, read and ended meanwhile. Whoever is locked out waits for ever."""
HALVES: Final = {
    "nothing": b"",
    "half a head": b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Filler: ",
    "no body": b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n",
    "half a body": b'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"query": ',
    "empty lines": b"\r\n" * 10,
}
BOUNDS: Final = {"SEBILLING_CONNECTIONS": "300", "SEBILLING_CONNECTIONS_PER_ADDRESS": "100"}


@pytest_asyncio.fixture(scope="module")
async def small(server_url: str, template: str) -> AsyncIterator[Target]:
    """A server that may open few files."""
    url = await create_database(server_url, "attacked_small", template=template)
    async with target(url, descriptors=500, **BOUNDS) as attacked:
        yield attacked
    await drop_database(server_url, "attacked_small")


@contextmanager
def opened(server: tuple[str, int], count: int, sent: bytes, *, addresses: int = 1) -> Iterator[list[socket.socket]]:
    """As many connections of as many strangers, each of which has sent this much."""
    connections = []
    try:
        for number in range(count):
            connection = socket.socket()
            connections.append(connection)
            connection.settimeout(10)
            connection.bind((f"127.0.1.{number % addresses + 1}", 0))
            connection.connect(server)
            if sent:
                connection.sendall(sent)
        yield connections
    finally:
        for connection in connections:
            connection.close()


def are_open(connections: list[socket.socket]) -> int:
    """How many of them the server hasn't ended."""
    count = 0
    for connection in connections:
        connection.setblocking(False)  # noqa: FBT003 - the socket's own
        try:
            connection.recv(1_000, socket.MSG_PEEK)  # it was answered or ended: neither holds a place any longer
        except BlockingIOError:
            count += 1
        except OSError:
            pass
    return count


@pytest.mark.parametrize(
    ("half", "addresses"), [("nothing", 1), ("half a head", 1), ("half a head", 50), ("half a body", 1), ("no body", 50)]
)
async def test_a_thousand_half_sent_requests_lock_nobody_out(small: Target, half: str, addresses: int) -> None:
    idle = await small.idle_seconds()
    before = len(small.server.log)
    most = 100 if addresses == 1 else 300

    def attack() -> int:
        with opened(small.host_and_port, HALF_SENT, HALVES[half], addresses=addresses) as connections:
            deadline = time.monotonic() + 30
            while (count := are_open(connections)) > most and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(1.2)  # a sweep's
            return count

    running = asyncio.create_task(asyncio.to_thread(attack))
    assert await small.slowest_during(running) < MAX_RATIO * idle
    assert running.result() <= most
    told = [json.loads(line) for line in small.server.log[before:].splitlines()]
    dropped = [line for line in told if line["event"] == "connections_dropped"]
    assert sum(line["count"] for line in dropped) >= HALF_SENT - most
    assert len(dropped) < 30, "a line a second, not one per connection"
    assert not [line for line in told if line["level"] == "error"]


async def test_a_newcomer_gets_in_while_they_are_open(small: Target) -> None:
    idle = await small.idle_seconds()
    headers = await small.headers(Role.AUDITOR)
    with opened(small.host_and_port, HALF_SENT, HALVES["half a head"], addresses=50):
        async with httpx.AsyncClient(base_url=small.address, limits=httpx.Limits(max_keepalive_connections=0)) as http:
            taken: list[float] = []  # the machine itself may be slow for a moment
            for _ in range(5):
                began = time.perf_counter()
                assert (await http.post("/graphql", json={"query": ME}, headers=headers)).status_code == 200
                taken.append(time.perf_counter() - began)
            assert statistics.median(taken) < MAX_RATIO * idle


async def test_the_bounds_hold_though_fewer_files_may_be_open(committed_url: str) -> None:
    async with target(committed_url, descriptors=256) as attacked:
        started = [json.loads(line) for line in attacked.server.log.splitlines()]
        (warned,) = [line for line in started if line["event"] == "few_descriptors"]
        assert warned["limit"] == 256
        idle = await attacked.idle_seconds()
        with opened(attacked.host_and_port, HALF_SENT, HALVES["half a head"], addresses=20):
            assert await attacked.request_seconds(requests=3) < MAX_RATIO * idle
            assert (await attacked.http.get("/readyz")).status_code == 200, "files are left for the database"


# --- how slow a client may be: an application of its own, and short deadlines -------------------------------------------------------

QUICK: Final = Limits(head_seconds=0.5, stall_seconds=0.5, stall_bytes=10_000, sweep_seconds=0.05)
POST: Final = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
LARGE: Final = 64 * 1024 * 1024
"""More than what the system keeps for a client that takes nothing."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads what is sent, and answers with how much it was, or, at /large, with more than anybody takes at once."""
    if scope["type"] != "http":
        return
    request, count = Request(scope, receive), 0
    try:
        async for chunk in request.stream():
            count += len(chunk)
    except ClientDisconnect:
        return
    await Response(b"x" * LARGE if scope["path"] == "/large" else str(count))(scope, receive, send)


@pytest.fixture
def quick() -> Iterator[tuple[str, int]]:
    """Host and port of a server with short deadlines."""
    with serving(application, listening_socket("127.0.0.1", 0), QUICK) as address:
        url = httpx.URL(address)
        yield url.host, url.port or 80


def until_closed(connection: socket.socket, *, sending: bytes = b"", every: float = 0.1) -> tuple[float, bytes]:
    """After how many seconds the server hangs up, and what it says; it is sent a byte of `sending` now and then."""
    began, told = time.monotonic(), b""
    connection.settimeout(every)
    while time.monotonic() - began < 10:
        try:
            if sending:
                connection.sendall(sending[:1])
            more = connection.recv(65_536)
            if not more:
                break
            told += more
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began, told


def received(connection: socket.socket, end: bytes) -> bytes:
    """What the server says up to this end."""
    told = b""
    while not told.endswith(end):
        more = connection.recv(1 << 20)
        assert more, f"hung up after {told[-200:]!r}"
        told = (told + more)[-10_000:]
    return told


@pytest.mark.parametrize(("addresses", "most"), [(1, 10), (2, 20), (6, 30)])
def test_an_address_has_its_share_of_the_connections_and_no_more(addresses: int, most: int) -> None:
    """Before any deadline: of sixty connections ten of each address are kept, and thirty altogether."""
    patient = Limits(connections=30, per_address=10, head_seconds=300, stall_seconds=300)
    with serving(application, listening_socket("127.0.0.1", 0), patient) as address:
        url = httpx.URL(address)
        with opened((url.host, url.port or 80), 60, HALVES["half a head"], addresses=addresses) as connections:
            deadline = time.monotonic() + 20
            while are_open(connections) > most and time.monotonic() < deadline:
                time.sleep(0.05)
            assert are_open(connections) == most


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"\r\n\r\n"])
@pytest.mark.parametrize("dribble", [b"", b"a"])
def test_a_head_has_a_deadline(quick: tuple[str, int], sent: bytes, dribble: bytes) -> None:
    with socket.create_connection(quick) as connection:
        connection.sendall(sent)
        seconds, told = until_closed(connection, sending=dribble if sent.startswith(b"GET") else b"\r\n"[: len(dribble)])
    assert 0.3 < seconds < 5
    assert told.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400"))


def test_a_kept_connection_has_the_deadline_too_and_empty_lines_keep_it_no_longer(quick: tuple[str, int]) -> None:
    with socket.create_connection(quick) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received(connection, b"\r\n\r\n0")
        time.sleep(1)  # an idle one stays
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received(connection, b"\r\n\r\n0")
        connection.sendall(b"\r\n")
        seconds, _ = until_closed(connection, sending=b"\r")
    assert 0.3 < seconds < 5


@pytest.mark.parametrize("dribble", [b"", b"a"])
def test_a_body_that_doesnt_go_on_ends(quick: tuple[str, int], dribble: bytes) -> None:
    with socket.create_connection(quick) as connection:
        connection.sendall(POST + b"a" * 1_000)
        seconds, told = until_closed(connection, sending=dribble)
    assert 0.3 < seconds < 5
    assert told.startswith(b"HTTP/1.1 408")


def test_a_slow_body_that_goes_on_is_waited_for(quick: tuple[str, int]) -> None:
    with socket.create_connection(quick) as connection:
        connection.sendall(POST)
        for _ in range(10):
            time.sleep(0.15)
            connection.sendall(b"a" * 10_000)
        received(connection, b"\r\n\r\n100000")


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_an_answer_that_is_taken_byte_by_byte_ends(quick: tuple[str, int], version: bytes) -> None:
    with socket.create_connection(quick) as connection:
        connection.sendall(b"GET /large HTTP/" + version + b"\r\nHost: localhost\r\n\r\n")
        time.sleep(0.3)
        for _ in range(25):
            time.sleep(0.1)
            assert connection.recv(1)
        connection.settimeout(5)
        with pytest.raises(ConnectionResetError):
            received(connection, b"no such end")


def test_an_answer_that_is_taken_slowly_is_whole(quick: tuple[str, int]) -> None:
    with socket.create_connection(quick) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        count = 0
        while more := connection.recv(1 << 20):
            count += len(more)
            time.sleep(0.01)
    assert count > LARGE


def test_a_head_without_an_end_is_refused(quick: tuple[str, int]) -> None:
    with socket.create_connection(quick) as connection:
        connection.settimeout(5)
        connection.sendall(b"GET / HTTP/1.1\r\nX-A: " + b"a" * (MAX_HEAD_BYTES - 100))
        told = b""
        with suppress(OSError):
            connection.sendall(b"a" * 4_000)
            told = connection.recv(1_000)
    assert told.startswith(b"HTTP/1.1 431")


def test_requests_of_one_connection_are_answered_in_their_order(quick: tuple[str, int]) -> None:
    one = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
    with socket.create_connection(quick) as connection:
        connection.settimeout(5)
        connection.sendall(b"".join(one % (size, b"a" * size) for size in (1, 22, 333)))
        told = received(connection, b"\r\n\r\n333")
        assert told.count(b"HTTP/1.1 200") == 3
        time.sleep(1)
        connection.sendall(one % (4, b"aaaa"))
        received(connection, b"\r\n\r\n4")
