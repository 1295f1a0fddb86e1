"""A client of graphql-transport-ws in a few lines, and what else these tests are made of."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.harness import SECRET_KEY
from tests.processes import HttpApi, ServerProcess, servers, workers

PAYMENTS = "subscription($after: String, $counterId: ID) { paymentRecorded(after: $after, counterId: $counterId)"
PAYMENTS += " { eventId cursor payment { id amount counter { code } } } }"
EVENTS = "subscription($after: String, $kinds: [String!]) { events(after: $after, kinds: $kinds) { eventId cursor event { kind } } }"
SECONDS = float(os.environ.get("SEBILLING_TEST_LIVE_SECONDS", "6"))
"""Of the test that kills at random; the campaign takes 300."""


@contextmanager
def running(url: str, count: int = 1, **environment: str) -> Iterator[list[ServerProcess]]:
    """API processes that do nothing else, and one worker."""
    settings = {"SEBILLING_INLINE_WORKER": "false", "SEBILLING_SECRET_KEY": SECRET_KEY, **environment}
    with servers(url, count, **settings) as apis, workers(url, 1):
        yield apis


async def token_of(address: str, username: str = "admin") -> str:
    """A token of this user, from this server."""
    api = HttpApi(address)
    try:
        return await api.sign_in(username)
    finally:
        await api.http.aclose()


class Watcher:
    """One connection; each subscription has a queue of what came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.came: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self.socket:
            message = json.loads(text)
            if message["type"] in {"next", "error", "complete"}:
                self.came[message["id"]].put_nowait(message)

    async def subscribe(self, document: str, name: str = "1", **variables: Any) -> None:
        """Ask for messages under this name."""
        self.came[name] = asyncio.Queue()
        payload = {"query": document, "variables": variables}
        await self.socket.send(json.dumps({"id": name, "type": "subscribe", "payload": payload}))

    async def message(self, name: str = "1", *, within: float = 10) -> dict[str, Any]:
        """The next message of any type."""
        return await asyncio.wait_for(self.came[name].get(), within)

    async def next(self, name: str = "1", *, within: float = 10) -> Any:
        """The root field's value of the next message, which must be one."""
        message = await self.message(name, within=within)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return next(iter(message["payload"]["data"].values()))

    async def settled(self) -> None:
        """What was sent so far is done: an answer to what was sent last has come, and the looks that it caused are over."""
        name = f"settled-{len(self.came)}"
        await self.subscribe("subscription { nonsense }", name)
        assert (await self.message(name))["type"] == "error"
        await asyncio.sleep(0.3)

    async def nothing(self, name: str = "1", *, seconds: float = 1.5) -> None:
        """Nothing comes for so long."""
        await asyncio.sleep(seconds)
        assert self.came[name].empty(), self.came[name].get_nowait()

    async def closed(self, *, within: float = 10) -> int:
        """The code with which the server has closed it."""
        await asyncio.wait_for(asyncio.shield(asyncio.gather(self.reading, return_exceptions=True)), within)
        return int(self.socket.close_code or 1006)


def socket_address(address: str) -> str:
    """Of the WebSocket of a server."""
    return address.replace("http", "ws", 1) + "/graphql"


@asynccontextmanager
async def raw(address: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """A WebSocket on which nothing was said yet."""
    async with connect(socket_address(address), subprotocols=[Subprotocol("graphql-transport-ws")], **options) as socket:
        yield socket


@asynccontextmanager
async def watching(address: str, token: str, **options: Any) -> AsyncIterator[Watcher]:
    """A signed-in client."""
    async with raw(address, **options) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        watcher = Watcher(socket)
        try:
            yield watcher
        finally:
            watcher.reading.cancel()
            await asyncio.gather(watcher.reading, return_exceptions=True)
