"""Tickets: what a browser's EventSource or WebSocket brings in its address instead of a header."""

import asyncio
import contextlib
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from sebilling.auth import tickets
from sebilling.clock import system_clock
from tests.live.conftest import Site
from tests.live.watching import Watcher, socket_address, token_of
from tests.processes import HttpApi, ServerProcess

DOCUMENT = "subscription { paymentRecorded { eventId payment { amount } } }"
CREATE = "mutation { createSubscriptionTicket { ticket expiresAt errors { code } } }"
STREAM = {"Accept": "text/event-stream"}


async def ticket_of(server: ServerProcess, token: str) -> str:
    api = HttpApi(server.address, token)
    try:
        return str((await api.ask(CREATE))["ticket"])
    finally:
        await api.http.aclose()


async def status_of(server: ServerProcess, ticket: str) -> int:
    """The status with which a stream is answered; it is left at once."""
    params = {"query": DOCUMENT, "ticket": ticket}
    async with (
        httpx.AsyncClient(base_url=server.address, timeout=30) as http,
        http.stream("GET", "/graphql", params=params, headers=STREAM) as answer,
    ):
        return answer.status_code


@contextlib.asynccontextmanager
async def socket_with(server: ServerProcess, ticket: str) -> Any:
    """A WebSocket that has said connection_init without a payload; gives its first answer, or the code with which it was closed."""
    address = f"{socket_address(server.address)}?ticket={ticket}"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        try:
            answer = json.loads(await socket.recv())["type"]
        except ConnectionClosed as closed:
            answer = closed.rcvd.code if closed.rcvd is not None else None
        yield socket, answer


async def test_an_event_source_needs_no_header_but_a_ticket_and_resumes_by_after(site: Site) -> None:
    customer = await site.isp.customer()
    params = {"query": DOCUMENT, "ticket": await ticket_of(site.a, site.admin)}
    async with (
        httpx.AsyncClient(base_url=site.b.address, timeout=30) as http,
        http.stream("GET", "/graphql", params=params, headers=STREAM) as answer,
    ):
        assert answer.status_code == 200
        await asyncio.sleep(1.5)
        await site.isp.pay(customer, 7_000)
        async with asyncio.timeout(20):
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    assert json.loads(line[6:])["data"]["paymentRecorded"]["payment"] == {"amount": 7_000}
                    break


async def test_a_socket_with_a_ticket_needs_no_payload(site: Site) -> None:
    customer = await site.isp.customer()
    async with socket_with(site.b, await ticket_of(site.a, site.clerk)) as (socket, answer):
        assert answer == "connection_ack"
        watcher = Watcher(socket)
        await watcher.subscribe(DOCUMENT)
        await watcher.settled()
        await site.isp.pay(customer, 8_000)
        assert (await watcher.next())["payment"] == {"amount": 8_000}
        watcher.reading.cancel()


async def test_a_ticket_is_valid_once_wherever_it_is_shown(site: Site) -> None:
    ticket = await ticket_of(site.a, site.admin)
    servers = [site.a, site.b] * 4
    statuses = await asyncio.gather(*(status_of(server, ticket) for server in servers))
    assert sorted(statuses) == [200, *[401] * 7]
    async with socket_with(site.a, ticket) as (_, answer):
        assert answer == 4403
    for invented in ("", "x", f"sbc_{'a' * 43}", f"{ticket}a", site.admin, "\x00", "ü"):
        assert await status_of(site.a, invented) == 401, invented


async def test_a_ticket_is_for_a_minute(site: Site) -> None:
    ticket = await ticket_of(site.a, site.admin)
    until = await site.isp.value("SELECT max(expires_at) FROM subscription_ticket")
    left = (until - system_clock()).total_seconds()
    assert 50 < left <= 60
    assert await tickets.redeem(site.isp.database, ticket, at=until) is None
    assert await status_of(site.a, ticket) == 401, "used up"


async def test_a_ticket_ends_with_its_sign_in_and_the_connection_too(site: Site) -> None:
    for revoked_before in (True, False):
        api = HttpApi(site.a.address, await token_of(site.a.address))
        ticket = str((await api.ask(CREATE))["ticket"])
        if revoked_before:
            await api.ask("mutation { signOut { signedOut errors { code } } }")
            assert await status_of(site.b, ticket) == 401
        else:
            async with socket_with(site.b, ticket) as (socket, answer):
                assert answer == "connection_ack"
                await api.ask("mutation { signOut { signedOut errors { code } } }")
                with pytest.raises(ConnectionClosed) as closed:
                    await asyncio.wait_for(socket.recv(), 20)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4403
        await api.http.aclose()


async def test_a_ticket_is_no_token_and_only_its_digest_is_stored(site: Site) -> None:
    ticket = await ticket_of(site.a, site.admin)
    async with httpx.AsyncClient(base_url=site.a.address) as http:
        for headers, params in (({"Authorization": f"Bearer {ticket}"}, {}), ({}, {"ticket": ticket})):
            answer = await http.get(
                "/graphql", params={"query": "{ me { username } }", **params}, headers={**headers, "Accept": "application/json"}
            )
            assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
            mutation = await http.post("/graphql", params=params, json={"query": CREATE}, headers=headers)
            assert mutation.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    stored = await site.isp.rows("SELECT encode(ticket_hash, 'escape'), t FROM subscription_ticket t")
    assert stored
    assert ticket not in str(stored)
    assert await status_of(site.a, ticket) == 200, "still unused"


async def test_no_log_shows_a_ticket(site: Site) -> None:
    used = [await ticket_of(site.a, site.admin) for _ in range(3)]
    assert await status_of(site.a, used[0]) == 200
    assert await status_of(site.a, used[0]) == 401
    for ticket in (used[1], used[1]):
        async with socket_with(site.a, ticket):
            pass
    async with httpx.AsyncClient(base_url=site.a.address) as http:
        await http.get(f"/graphql/{used[2]}", params={"ticket": used[2]})
    await asyncio.sleep(0.2)
    shown = site.a.log
    assert "/graphql" in shown
    assert "sbc_" not in shown
    assert not [ticket for ticket in used if ticket[4:20] in shown]


async def test_a_sign_in_has_few_tickets_at_once(site: Site) -> None:
    api = HttpApi(site.a.address, await token_of(site.a.address))
    tokens = await asyncio.gather(*(api.ask(CREATE) for _ in range(30)))
    assert len({token["ticket"] for token in tokens}) == 30
    await api.ask(CREATE)
    await api.ask(CREATE)
    most = "SELECT max(number) FROM (SELECT count(*) AS number FROM subscription_ticket GROUP BY access_token_hash) per_token"
    assert await site.isp.value(most) <= 20
    await api.http.aclose()
