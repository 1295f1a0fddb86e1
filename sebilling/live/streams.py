"""Subscriptions as server-sent events: graphql-sse's "distinct connections", one stream per subscription.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. Each message has its cursor as the event's id, so that a browser's
EventSource resumes by itself (Last-Event-ID). Queries and mutations go to the ordinary endpoint, also those of clients that name event
streams among what they accept, as urql does.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cross_web import HTTPException
from graphql import GraphQLError, OperationType
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sebilling.access_errors import TooManyRequests, Unauthenticated
from sebilling.errors import InvalidCursor, SebillingError
from sebilling.language import Sentence
from sebilling.live.connection import TOO_SLOW, Caller, End, Line, Lines, caller_of
from sebilling.live.groups import Asked, Errors, Groups
from sebilling.live.sockets import asked_of
from sebilling.schema.context import Context, Parts
from sebilling.schema.feed_subscription import cursor, number_of
from sebilling.schema.request import negotiation, refusals
from sebilling.schema.request.document_cache import operation_of, parsed
from sebilling.schema.request.endpoint import GraphQLView, language_of
from sebilling.schema.request.limits import MAX_TOKENS, MAX_TOKENS_OF_STRANGERS

QUIET_SECONDS: Final = 12.0
"""Idle time after which a comment is sent, so that proxies keep the connection and a dead client is noticed."""
_STATUSES: Final = ((Unauthenticated, 401), (InvalidCursor, 400), (TooManyRequests, 429))
_COMPLETE: Final = "event: complete\ndata:\n\n"
_DONE: Final = End(1000, Sentence("complete", "selesai"))


@dataclass(frozen=True, slots=True)
class _Opening:
    """A request for a stream that can be answered."""

    asked: Asked
    resume: int | None
    caller: Caller
    context: Context


class Streams:
    """/graphql: event streams for requests that accept them; everything else goes to the ordinary endpoint."""

    def __init__(self, view: GraphQLView, parts: Parts, groups: Groups, lines: Lines) -> None:
        self._view: ASGIApp = view
        self._contexts = view
        self._parts = parts
        self._groups = groups
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            opening = await self._opening(request) if await self._wants_stream(request) else None
        except ClientDisconnect:
            return
        except (HTTPException, StarletteHTTPException, SebillingError) as error:
            await _refusal(request, error)(scope, receive, send)
            return
        if opening is None:
            await self._view(scope, _again(request, receive), send)
            return
        with self._lines.place(opening.caller.live.actor.user_id) as is_free:
            if is_free:
                await self._stream(opening, receive, send, scope)
            else:
                await _refusal(request, TooManyRequests(most=self._lines.most))(scope, receive, send)

    async def _wants_stream(self, request: Request) -> bool:
        """Whether to answer with an event stream. Raises as `get_context`."""
        accept = request.headers.get("accept", "")
        if request.method not in {"GET", "POST"} or not negotiation.takes_events(accept):
            return False
        return negotiation.media_type(accept) is None or await self._is_subscription(request)

    async def _is_subscription(self, request: Request) -> bool:
        """Whether the request's operation is a subscription; False also for what is no request. Raises as `get_context`."""
        try:
            payload = await _payload(request)
        except HTTPException:  # uploads, and what the ordinary endpoint refuses
            return False
        query, name = payload.get("query"), payload.get("operationName")
        if not isinstance(query, str) or "subscription" not in query or not isinstance(name, str | None):
            return False
        context = await self._contexts.get_context(request, Response())
        try:
            document = parsed(query, most_tokens=MAX_TOKENS if context.actor is not None else MAX_TOKENS_OF_STRANGERS)
        except (GraphQLError, SebillingError):
            return False
        operation = operation_of(document, name)
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION

    async def _opening(self, request: Request) -> _Opening:
        """Read a request for a stream. Raises HTTPException, Unauthenticated, InvalidCursor, DatabaseUnavailable."""
        context = await self._contexts.get_context(request, Response())
        if context.trouble is not None:
            raise context.trouble
        ticket = request.query_params.get("ticket")
        caller = await caller_of(self._parts, token=context.token, ticket=ticket, at=context.at)
        if caller is None:
            raise Unauthenticated
        asked = asked_of(await _payload(request), caller.live, context)
        resume = number_of(request.headers.get("last-event-id"))
        if asked is None:
            raise refusals.Refusal(400, refusals.NO_OBJECT)
        return _Opening(asked, resume, caller, context)

    async def _stream(self, opening: _Opening, receive: Receive, send: Send, scope: Scope) -> None:
        asked, resume, context = opening.asked, opening.resume, opening.context

        async def write(texts: list[str]) -> None:
            await send({"type": "http.response.body", "body": "".join(texts).encode(), "more_body": True})

        scope["sebilling.stream"] = True  # the server ends it on shutdown: see server.py
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        line = Line(self._groups.hub, self._parts, opening.caller, write)
        line.put(":\n\n")
        tasks = [
            asyncio.create_task(self._groups.follow(asked, _Stream(line), resume=resume)),
            asyncio.create_task(_keep(line)),
            asyncio.create_task(_watch(line, receive)),
        ]
        try:
            end = await line.run()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        last = _COMPLETE if end is _DONE else ""
        if end.code == 4403:
            last = _event([{"message": f"{end.reason.in_(context.language)}.", "extensions": {"code": "FORBIDDEN"}}]) + _COMPLETE
        if end is TOO_SLOW:  # without `complete`, so that the client knows it was cut off
            if (cut := scope.get("extensions", {}).get("sebilling.cut")) is not None:
                cut()
            return
        with suppress(Exception):  # the client may have left
            async with asyncio.timeout(2):
                await send({"type": "http.response.body", "body": last.encode(), "more_body": False})


async def _keep(line: Line) -> None:
    while True:
        await asyncio.sleep(QUIET_SECONDS)
        line.put(":\n\n")


async def _watch(line: Line, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    line.end(End(1006, Sentence("gone", "hilang")))


class _Stream:
    """A follower that sends server-sent events."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def message(self, number: int, payload: str) -> None:
        self._line.put(f"id: {cursor(number)}\nevent: next\ndata: {payload}\n\n")

    def failed(self, errors: Errors) -> None:
        self._line.put(_event(errors))
        self.completed()

    def completed(self) -> None:
        self._line.finish(_DONE)

    async def room(self) -> None:
        await self._line.room()


def _event(errors: Errors) -> str:
    return f"event: next\ndata: {orjson.dumps({'errors': errors}).decode()}\n\n"


def _again(request: Request, receive: Receive) -> Receive:
    """Let the ordinary endpoint receive a body that was read already, then what follows."""
    body = getattr(request, "_body", None)
    if body is None:
        return receive
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message


async def _payload(request: Request) -> dict[str, Any]:
    """Read the request's GraphQL parameters. Raises HTTPException."""
    try:
        if request.method == "GET":
            parameters: Mapping[str, str] = request.query_params
            variables = parameters.get("variables")
            return {
                "query": parameters.get("query"), "operationName": parameters.get("operationName"),
                "variables": orjson.loads(variables) if variables else None,
            }  # fmt: skip
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise refusals.Refusal(415, refusals.ONLY_JSON)
        payload = orjson.loads(await request.body())
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise refusals.Refusal(400, refusals.NO_OBJECT)
    return payload


def _refusal(request: Request, error: HTTPException | StarletteHTTPException | SebillingError) -> Response:
    language = language_of(request)
    if isinstance(error, SebillingError):
        status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 503)
        why, code = error.message(language), error.code.value
    else:
        status, why, code = error.status_code, refusals.reason(error, language), "BAD_REQUEST"
    body = orjson.dumps({"errors": [{"message": why, "extensions": {"code": code}}]})
    return Response(body, status, None, negotiation.type_of_error(request.headers.get("accept", "")))
