"""Clients that we didn't write."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.live.conftest import Site
from tests.live.watching import socket_address
from tests.node import needs_packages

FOREIGN = Path(__file__).parent / "foreign"


needs_graphql_ws = needs_packages(FOREIGN, "graphql-ws")


@asynccontextmanager
async def node(address: str, token: str, count: int) -> AsyncIterator[asyncio.StreamReader]:
    """The client of graphql-ws."""
    process = await asyncio.create_subprocess_exec(
        "node", FOREIGN / "client.js", socket_address(address), str(count),
        env={**os.environ, "TOKEN": token}, stdout=asyncio.subprocess.PIPE, cwd=FOREIGN,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


@needs_graphql_ws
async def test_graphql_ws_of_npm_sees_each_payment_once(site: Site) -> None:
    customer = await site.isp.customer()
    async with node(site.b.address, site.admin, 5) as out, asyncio.timeout(60):
        assert await out.readline() == b"connected\n"
        await asyncio.sleep(1)
        for amount in (1_000, 2_000, 3_000, 4_000, 5_000):
            await site.isp.pay(customer, amount)
        assert [int(await out.readline()) for _ in range(5)] == [1_000, 2_000, 3_000, 4_000, 5_000]


async def test_gql_of_pypi_sees_each_payment_and_an_error(site: Site) -> None:
    customer = await site.isp.customer()
    transport = WebsocketsTransport(
        url=socket_address(site.b.address),
        init_payload={"authorization": f"Bearer {site.admin}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    async with Client(transport=transport, fetch_schema_from_transport=False) as client, asyncio.timeout(60):
        stream = client.subscribe(gql("subscription { paymentRecorded { payment { amount } } }"))

        async def two() -> list[int]:
            found = []
            async for message in stream:
                found.append(message["paymentRecorded"]["payment"]["amount"])
                if len(found) == 2:
                    await stream.aclose()
                    break
            return found

        waiting = asyncio.create_task(two())
        await asyncio.sleep(1.5)
        for amount in (1_000, 2_000):
            await site.isp.pay(customer, amount)
        assert await waiting == [1_000, 2_000]
        with pytest.raises(TransportQueryError):
            async for _ in client.subscribe(gql('subscription { paymentRecorded(counterId: "inv_1") { eventId } }')):
                pass
