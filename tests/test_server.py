"""How we are served: what a client or a proxy in front of us relies on."""

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from sebilling.db.engine import Database
from sebilling.server import listening_socket, serving
from tests import commands
from tests.processes import servers


def test_an_idle_connection_is_kept_for_longer_than_clients_keep_theirs() -> None:
    """Closed first by us, what a client sends at that moment is lost: httpx closes after 5 s, as uvicorn itself would."""
    with serving(Starlette(), listening_socket("127.0.0.1", 0)) as address:
        connection = HTTPConnection(address.removeprefix("http://"), timeout=10)
        for pause in (0, 6.5):
            time.sleep(pause)
            connection.request("GET", "/")  # on the same socket; a closed one would raise
            assert connection.getresponse().read() == b"Not Found"
        connection.close()


@pytest.mark.parametrize("query", ["{ me { username } }", "{"])
def test_an_answer_comes_in_one_piece(committed: Database, query: str) -> None:
    """Caddy loses one whose head comes first, if it comes before Caddy has noticed that it sent all of the request (golang/go#40747)."""
    with servers(committed.url) as (server,), closing(HTTPConnection(server.address.removeprefix("http://"), timeout=10)) as connection:
        connection.connect()
        for answers in (1, 2):
            connection.request("POST", "/graphql", json.dumps({"query": query}), {"content-type": "application/json"})
            assert "errors" in json.load(connection.getresponse())
            assert pieces_received(connection.sock) == answers


def test_a_piece_of_a_body_that_looks_like_a_head_is_not_kept_back() -> None:
    looks_like_one = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"first", looks_like_one):
            yield piece
            await asyncio.sleep(0.1)
        await asyncio.sleep(3)
        yield b"last"

    async def streamed(_: Request) -> StreamingResponse:
        return StreamingResponse(pieces(), headers={"content-length": str(len(looks_like_one) + 9)})

    app = Starlette(routes=[Route("/", streamed)])
    with (
        serving(app, listening_socket("127.0.0.1", 0)) as address,
        closing(HTTPConnection(address.removeprefix("http://"), timeout=2)) as connection,
    ):
        connection.request("GET", "/")
        assert connection.getresponse().read(len(looks_like_one) + 5) == b"first" + looks_like_one


def pieces_received(connection: socket.socket) -> int:
    """How many segments with data came, by Linux's tcp_info: tcpi_data_segs_in, since 4.6."""
    return int.from_bytes(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)[152:156], sys.byteorder)


def test_a_taken_port_is_told_before_a_database_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = commands.run(["serve", "--port", port], folder=tmp_path, SEBILLING_VAR=str(tmp_path / "var"))
    assert (done.returncode, "choose another port" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "var").exists()


def test_a_server_that_is_told_to_stop_sends_proxies_elsewhere_and_serves_on_for_a_while(committed: Database) -> None:
    with servers(committed.url, SEBILLING_DRAIN_SECONDS="2") as (server,):
        assert httpx.get(f"{server.address}/healthz").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        while time.monotonic() < told + 1.5:
            for path in ("/healthz", "/readyz"):
                answer = httpx.get(f"{server.address}{path}")
                assert (answer.status_code, answer.json()["status"]) == (503, "leaving") or time.monotonic() < told + 0.5
            answer = httpx.post(f"{server.address}/graphql", json={"query": "{ __typename }"})
            assert answer.json() == {"data": {"__typename": "Query"}}
            time.sleep(0.1)
        server.process.wait(timeout=15)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.address}/healthz")


def test_who_tells_it_twice_or_never_asked_for_it_does_not_wait(committed: Database) -> None:
    for seconds, signals in (("30", 2), ("0", 1)):
        with servers(committed.url, SEBILLING_DRAIN_SECONDS=seconds) as (server,):
            began = time.monotonic()
            for _ in range(signals):
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.3)
            server.process.wait(timeout=15)
            assert time.monotonic() - began < 12
