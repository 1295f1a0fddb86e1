"""Whoever says where they come from: only the proxy's own address is believed, and a wide network is warned of.

The proxy is 127.0.0.1 here; strangers have other addresses of this machine.
"""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import httpx
import pytest_asyncio

from sebilling.auth.attempts import MAX_FAILURES
from sebilling.db.databases import create_database, drop_database
from tests.attacks.target import SIGN_IN, Target, target

GUESS: Final = {"query": SIGN_IN, "variables": {"input": {"username": "admin", "password": "tebakan-yang-salah"}}}
PER_ADDRESS: Final = 10


@pytest_asyncio.fixture(scope="module")
async def proxied(server_url: str, template: str) -> AsyncIterator[Target]:
    """A server behind a proxy on this machine."""
    url = await create_database(server_url, "attacked_proxied", template=template)
    async with target(url, SEBILLING_TRUSTED_PROXIES="127.0.0.1", SEBILLING_CONNECTIONS_PER_ADDRESS=str(PER_ADDRESS)) as attacked:
        yield attacked
    await drop_database(server_url, "attacked_proxied")


async def guessed(attacked: Target, sender: str, forwarded: list[str]) -> list[str]:
    """The codes of as many guesses, each with another X-Forwarded-For, from this address."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=sender), base_url=attacked.address, timeout=30) as http:
        answers = [await http.post("/graphql", json=GUESS, headers={"X-Forwarded-For": one}) for one in forwarded]
    return [answer.json()["data"]["signIn"]["errors"][0]["code"] for answer in answers]


STOPPED: Final = ["WRONG_CREDENTIALS"] * MAX_FAILURES + ["TOO_MANY_ATTEMPTS"] * 2


async def test_a_stranger_who_connects_directly_has_one_address(proxied: Target) -> None:
    assert await guessed(proxied, "127.0.2.1", [f"198.51.100.{number}" for number in range(12)]) == STOPPED


async def test_a_stranger_behind_the_proxy_has_the_address_that_the_proxy_adds(proxied: Target) -> None:
    forwarded = [f"198.51.100.{number}, 203.0.113.9" for number in range(12)]
    assert await guessed(proxied, "127.0.0.1", forwarded) == STOPPED
    networks = await proxied.isp.rows("SELECT DISTINCT data->>'network' FROM event WHERE kind = 'user.sign_in_failed'")
    told = {network for (network,) in networks}
    assert "203.0.113.9" in told
    assert told <= {"203.0.113.9", "127.0.2.1"}


async def test_a_customer_in_a_private_network_chooses_nothing_either(proxied: Target) -> None:
    forwarded = [f"10.0.0.{number}, 10.20.30.40" for number in range(12)]
    assert await guessed(proxied, "127.0.0.1", forwarded) == STOPPED


def are_open(attacked: Target, sender: str, count: int) -> int:
    """How many of as many idle connections from this address stay open."""
    connections = [socket.create_connection(attacked.host_and_port, source_address=(sender, 0)) for _ in range(count)]
    for connection in connections:
        connection.settimeout(5)
        with suppress(OSError):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for connection in connections:
        with suppress(OSError):
            more = connection.recv(1_000)
            while more and not more.endswith(b"}"):
                more = connection.recv(1_000)
    still_open = sum(is_open(connection) for connection in connections)
    for connection in connections:
        connection.close()
    return still_open


def is_open(connection: socket.socket) -> bool:
    """Whether the server hasn't hung up; all that it has said was read."""
    connection.settimeout(0.05)
    try:
        return bool(connection.recv(1_000))
    except TimeoutError:
        return True
    except OSError:
        return False


async def test_the_proxy_has_no_bound_of_connections_and_strangers_have(proxied: Target) -> None:
    assert are_open(proxied, "127.0.0.1", 5 * PER_ADDRESS) == 5 * PER_ADDRESS
    assert are_open(proxied, "127.0.2.2", 5 * PER_ADDRESS) <= PER_ADDRESS


async def test_a_wide_network_is_told_at_the_start(committed_url: str) -> None:
    async with target(committed_url, SEBILLING_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8, fd00::/64, 192.0.2.0/28") as attacked:
        told = [json.loads(line) for line in attacked.server.log.splitlines()]
    wide = [line for line in told if line["event"] == "wide_trusted_proxies"]
    assert [line["network"] for line in wide] == ["10.0.0.0/8", "fd00::/64"]
    assert all(line["level"] == "warning" and "SEBILLING_TRUSTED_PROXIES" in line["remedy"] for line in wide)
