"""graphql-transport-ws: subscriptions over a WebSocket, see https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.

Only subscriptions: queries and mutations go by POST, which has limits, deadlines and idempotent retries for them. Close codes are listed
in docs/realtime.md.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import orjson
from graphql import GraphQLError
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from sebilling.auth.sessions import Live
from sebilling.errors import TooManySubscriptions, Unavailable
from sebilling.language import Sentence
from sebilling.limits import Limit
from sebilling.live.connection import NOT_SIGNED_IN, TOO_MANY, Caller, End, Line, Lines, caller_of
from sebilling.live.groups import Asked, Errors, Groups
from sebilling.schema.context import Context, Parts
from sebilling.schema.request.endpoint import GraphQLView
from sebilling.schema.request.errors import formatted

PROTOCOL: Final = "graphql-transport-ws"
INIT_SECONDS: Final = 10.0
MAX_SUBSCRIPTIONS: Final = 50
"""Subscriptions of one connection."""
_MAX_ID: Final = 100
_MAX_ID_TOLD: Final = 20
"""A close reason has at most 123 bytes; a longer one can't be sent."""
_CLOSE_SECONDS: Final = 5.0
_GONE: Final = 1006


class _Closing(Exception):
    """The client violated the protocol, or isn't authorized."""

    def __init__(self, code: int, reason: Sentence) -> None:
        super().__init__(reason.english)
        self.end = End(code, reason)


class Sockets:
    """The WebSocket endpoint."""

    def __init__(self, view: GraphQLView, parts: Parts, groups: Groups, lines: Lines) -> None:
        self._view = view
        self._parts = parts
        self._groups = groups
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        socket = WebSocket(scope, receive, send)
        context = await self._view.get_context(socket, socket)
        if socket.headers.get("origin") is not None and not context.origin.is_ours:
            await socket.close(1008)  # before it is accepted: the handshake is answered 403
            return
        if PROTOCOL not in scope["subprotocols"]:
            await socket.accept()
            await socket.close(4406, f"Subprotocol not acceptable: use {PROTOCOL}")
            return
        await socket.accept(PROTOCOL)
        connection = _Connection(socket, context, self._parts, self._groups)
        try:
            try:
                caller = await connection.init()
            except _Closing as closing:
                await connection.close(closing.end)
                return
            with self._lines.place(caller.live.actor.user_id) as is_free:
                await connection.close(await connection.serve(caller) if is_free else TOO_MANY)
        finally:
            if (cut := scope.get("extensions", {}).get("sebilling.cut")) is not None:
                cut()  # a client that reads nothing doesn't read the close frame either


class _Connection:
    """One connection, from its first message to its end."""

    def __init__(self, socket: WebSocket, context: Context, parts: Parts, groups: Groups) -> None:
        self._socket = socket
        self._context = context
        self._parts = parts
        self._groups = groups
        self._following: dict[str, asyncio.Task[None]] = {}
        self._line: Line | None = None

    async def init(self) -> Caller:
        """Wait for connection_init; return the caller. Raises _Closing."""
        try:
            async with asyncio.timeout(INIT_SECONDS):
                while True:
                    message = await self._message()
                    if message["type"] == "connection_init":
                        break
                    if message["type"] == "ping":
                        await self._send([_text(type="pong")])
                    elif message["type"] == "subscribe":
                        raise _Closing(
                            4401, Sentence("Unauthorized: send connection_init first", "Belum masuk: kirim connection_init dulu")
                        )
        except TimeoutError:
            raise _Closing(4408, Sentence("Connection initialisation timeout", "Waktu tunggu connection_init habis")) from None
        payload = message.get("payload")
        fields = payload if isinstance(payload, dict) else {}
        authorization = next((value for name, value in fields.items() if name.lower() == "authorization"), "")
        scheme, _, token = str(authorization).partition(" ")
        if authorization and not (scheme.lower() == "bearer" and token.strip()):
            raise _Closing(4403, Sentence("Forbidden: authorization must be a Bearer token", "Ditolak: authorization harus token Bearer"))
        wanted, ticket = token.strip() or self._context.token, None if token else self._socket.query_params.get("ticket")
        if wanted is None and ticket is None:
            raise _Closing(
                4403,
                Sentence(
                    'Forbidden: send {"authorization": "Bearer …"} with connection_init',
                    'Ditolak: kirim {"authorization": "Bearer …"} bersama connection_init',
                ),
            )
        try:
            caller = await caller_of(self._parts, token=wanted, ticket=ticket, at=self._parts.clock())
        except Unavailable:
            raise _Closing(
                1013, Sentence("The database can't be reached: try again later", "Basis data tidak terjangkau: coba lagi nanti")
            ) from None
        if caller is None:
            raise _Closing(NOT_SIGNED_IN.code, NOT_SIGNED_IN.reason)
        return caller

    async def serve(self, caller: Caller) -> End:
        """Serve until the client leaves or is disconnected; return why."""
        line = self._line = Line(self._groups.hub, self._parts, caller, self._send)
        line.put(_text(type="connection_ack"))
        reading = asyncio.create_task(self._read(line))
        try:
            return await line.run()
        finally:
            tasks = [reading, *self._following.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self, end: End) -> None:
        """Send the close code and reason, if the client is still there and reads them."""
        if end.code == _GONE:
            return
        with suppress(Exception):  # servers differ in what they raise for a dead connection
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._socket.close(end.code, end.reason.in_(self._context.language))
                while (await self._socket.receive())["type"] != "websocket.disconnect":
                    pass

    async def _read(self, line: Line) -> None:
        try:
            while True:
                self._take(line, await self._message())
                await self._groups.budgets.message(line.live.actor.user_id)
        except _Closing as closing:
            line.end(closing.end)

    def _take(self, line: Line, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "subscribe":
            self._subscribe(line, message)
        elif kind == "complete":
            task = self._following.pop(str(message.get("id")), None)
            if task is not None:
                task.cancel()
        elif kind == "ping":
            line.put(_text(type="pong", **({"payload": message["payload"]} if isinstance(message.get("payload"), dict) else {})))
        elif kind == "connection_init":
            raise _Closing(4429, Sentence("Too many initialisation requests", "connection_init hanya boleh sekali"))
        elif kind != "pong":
            raise _Closing(4400, Sentence("Invalid message: this type is unknown", "Pesan tidak sah: jenisnya tidak dikenal"))

    def _subscribe(self, line: Line, message: dict[str, Any]) -> None:
        name, payload = message.get("id"), message.get("payload")
        if not isinstance(name, str) or not 0 < len(name) <= _MAX_ID or not isinstance(payload, dict):
            raise _Closing(
                4400,
                Sentence("Invalid message: subscribe needs an id and a payload", "Pesan tidak sah: subscribe memerlukan id dan payload"),
            )
        asked = asked_of(payload, line.live, self._context)
        if asked is None:
            raise _Closing(
                4400,
                Sentence(
                    "Invalid message: the payload needs a query, and variables that are an object",
                    "Pesan tidak sah: payload memerlukan query, dan variables berupa objek",
                ),
            )
        if name in self._following:
            raise _Closing(
                4409, Sentence(f"Subscriber for {name[:_MAX_ID_TOLD]} already exists", f"Langganan '{name[:_MAX_ID_TOLD]}' sudah ada")
            )
        follower = _Subscription(name, line, lambda: self._following.pop(name, None))
        if len(self._following) >= MAX_SUBSCRIPTIONS:
            error = TooManySubscriptions(limit=Limit.SUBSCRIPTIONS_OF_A_CONNECTION, given=len(self._following) + 1, most=MAX_SUBSCRIPTIONS)
            follower.failed([formatted(GraphQLError("", original_error=error), asked.language)])
            return
        self._following[name] = asyncio.create_task(self._groups.follow(asked, follower))

    async def _message(self) -> dict[str, Any]:
        """The next message. Raises _Closing."""
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise _Closing(_GONE, Sentence("gone", "hilang"))
        try:
            message = orjson.loads(received.get("text") or b"")
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _Closing(
                4400, Sentence("Invalid message: send JSON objects with a type", "Pesan tidak sah: kirim objek JSON dengan type")
            )
        return message

    async def _send(self, texts: list[str]) -> None:
        at_once = self._socket.scope.get("extensions", {}).get("sebilling.texts")
        if at_once is not None:
            await at_once(texts)
            return
        for text in texts:  # a server other than sebilling's own
            await self._socket.send({"type": "websocket.send", "text": text})


class _Subscription:
    """A follower that sends messages of graphql-transport-ws."""

    def __init__(self, name: str, line: Line, forget: Callable[[], object]) -> None:
        self._name = orjson.dumps(name).decode()
        self._before = f'{{"id":{self._name},"type":"next","payload":'
        self._line = line
        self._forget = forget

    def message(self, number: int, payload: str) -> None:  # noqa: ARG002 - the protocol has no field for it; it is in the cursor
        self._line.put(f"{self._before}{payload}}}")

    def failed(self, errors: Errors) -> None:
        self._forget()
        self._line.put(f'{{"id":{self._name},"type":"error","payload":{orjson.dumps(errors).decode()}}}')

    def completed(self) -> None:
        self._forget()
        self._line.put(f'{{"id":{self._name},"type":"complete"}}')

    async def room(self) -> None:
        await self._line.room()


def asked_of(payload: dict[str, Any], live: Live, context: Context) -> Asked | None:
    """The subscription that a request asks for; None if the request is malformed."""
    query, variables, operation = payload.get("query"), payload.get("variables"), payload.get("operationName")
    if not (isinstance(query, str) and isinstance(variables, dict | None) and isinstance(operation, str | None)):
        return None
    return Asked(query, variables or {}, operation, live.actor, context.language)


def _text(**message: Any) -> str:
    return orjson.dumps(message).decode()
