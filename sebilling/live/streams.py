"""Subscriptions as server-sent events: graphql-sse's "distinct connections", one stream per subscription.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. Each message has its cursor as the event's id, so that a browser's
EventSource resumes by itself (Last-Event-ID). Requests that don't accept an event stream go to the ordinary endpoint.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import orjson
from cross_web import HTTPException
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sebilling.access_errors import TooManyRequests, Unauthenticated
from sebilling.auth.sessions import Live
from sebilling.errors import InvalidCursor, SebillingError
from sebilling.language import Sentence
from sebilling.live.connection import TOO_SLOW, End, Line, Lines
from sebilling.live.groups import Asked, Errors, Groups
from sebilling.live.sockets import asked_of
from sebilling.schema.context import Context, Parts
from sebilling.schema.feed_subscription import cursor, number_of
from sebilling.schema.request import refusals
from sebilling.schema.request.endpoint import GraphQLView, language_of

QUIET_SECONDS: Final = 12.0
"""Idle time after which a comment is sent, so that proxies keep the connection and a dead client is noticed."""
_COMPLETE: Final = "event: complete\ndata:\n\n"
_DONE: Final = End(1000, Sentence("complete", "selesai"))


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
        if request.method not in {"GET", "POST"} or "text/event-stream" not in request.headers.get("accept", ""):
            await self._view(scope, receive, send)
            return
        try:
            context = await self._contexts.get_context(request, Response())
            live = await self._who(context)
            payload, resume = await _payload(request), number_of(request.headers.get("last-event-id"))
        except (HTTPException, StarletteHTTPException) as error:
            await _refused(error.status_code, refusals.reason(error, language_of(request)), "BAD_REQUEST")(scope, receive, send)
            return
        except SebillingError as error:
            status = 401 if isinstance(error, Unauthenticated) else 400 if isinstance(error, InvalidCursor) else 503
            await _refused(status, error.message(language_of(request)), error.code.value)(scope, receive, send)
            return
        except ClientDisconnect:
            return
        asked = asked_of(payload, live, context)
        if asked is None:
            await _refused(400, refusals.NO_OBJECT.in_(context.language), "BAD_REQUEST")(scope, receive, send)
            return
        with self._lines.place(live.actor.user_id) as is_free:
            if not is_free:
                busy = TooManyRequests(most=self._lines.most)
                await _refused(429, busy.message(context.language), busy.code.value)(scope, receive, send)
                return
            await self._stream(asked, resume, live, context, receive, send, scope)

    async def _who(self, context: Context) -> Live:
        """The caller's session. Raises Unauthenticated, DatabaseUnavailable."""
        actor = context.signed_in
        live = await self._parts.caller_cache.live(context.token or "", at=context.at)
        if live is None or live.actor != actor:
            raise Unauthenticated
        return live

    async def _stream(  # noqa: PLR0917 - an ASGI call and what was read from its request
        self, asked: Asked, resume: int | None, live: Live, context: Context, receive: Receive, send: Send, scope: Scope
    ) -> None:
        async def write(texts: list[str]) -> None:
            await send({"type": "http.response.body", "body": "".join(texts).encode(), "more_body": True})

        scope["sebilling.stream"] = True  # the server ends it on shutdown: see server.py
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        line = Line(self._groups.hub, self._parts, context.token or "", live, write)
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


def _refused(status: int, why: str, code: str) -> Response:
    return Response(orjson.dumps({"errors": [{"message": why, "extensions": {"code": code}}]}), status, None, "application/json")
