"""The only place where the parts are wired: settings in, an ASGI application out."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sebilling import __version__, downloads
from sebilling.auth import links
from sebilling.clock import Clock, system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.db.migrate import is_current
from sebilling.errors import Unavailable
from sebilling.jobs import isolating, worker
from sebilling.logs import get_logger
from sebilling.plugins.loading import Plugins
from sebilling.plugins.secrets import vault_of
from sebilling.schema.context import Parts
from sebilling.schema.roots import build_schema
from sebilling.schema.view import GraphQLView
from sebilling.storage import ObjectStore
from sebilling.storage.proofs import MOST_PROOF_BYTES

_log = get_logger(__name__)
MOST_BODY_BYTES: Final = 256 * 1024


def create_app(settings: Settings, database: Database, *, clock: Clock = system_clock, plugins: Plugins | None = None) -> Starlette:
    """The application, with the plugins that are installed (or these); it closes the database when it ends.

    It starts and answers even while the database is away.
    """
    store = ObjectStore.open(settings.storage_url, settings.var / "uploads")
    key = links.key_in(settings.var) if settings.secret_key is None else links.derived(settings.secret_key.get_secret_value())
    vault, plugins = vault_of(settings), plugins or Plugins.load(disabled=settings.plugins_disabled.split(","))
    parts = Parts(database=database, settings=settings, clock=clock, store=store, key=key, plugins=plugins, vault=vault)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # What start-up built lives for ever: keep the collector from walking it again and again (1.4 times as fast).
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)
        loops = []
        if settings.inline_worker:
            work = worker.run(database, store, clock=clock, wake=parts.wake, chunk=settings.generate_chunk)
            engine = isolating.engine_of(database, plugins, vault, clock=clock)
            loops = [asyncio.create_task(work), asyncio.create_task(isolating.run(engine))]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await database.close()

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def readyz(_: Request) -> Response:
        try:
            async with asyncio.timeout(3):
                await database.ping()
                if not await is_current(database):
                    why = "the database doesn't have this version's schema: run `sebilling migrate`"
                    return JSONResponse({"status": "unavailable", "why": why}, status_code=503)
        except (Unavailable, TimeoutError) as error:
            return JSONResponse({"status": "unavailable", "why": str(error) or "the database doesn't answer"}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def home(_: Request) -> Response:
        return RedirectResponse("/graphql")

    app = Starlette(
        routes=[
            Route("/", home),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/graphql", BodyLimits(GraphQLView(build_schema(introspection=settings.graphiql), parts))),
            downloads.route(parts),
        ],
        lifespan=lifespan,
    )
    app.add_middleware(UnreadBodies)
    app.add_middleware(RequestLog)
    return app


class BodyLimits:
    """Documents are small; only a multipart request may bring a file. What is too large is answered 413 and never kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._document = RequestBodyLimitMiddleware(app, MOST_BODY_BYTES)
        self._upload = RequestBodyLimitMiddleware(app, MOST_PROOF_BYTES + MOST_BODY_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = any(name == b"content-type" and value.startswith(b"multipart/form-data") for name, value in scope["headers"])
        await (self._upload if is_upload else self._document)(scope, receive, send)


class UnreadBodies:
    """Whoever is answered before their body was read to its end is hung up on: the server would go on taking gigabytes for nobody."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_body = scope["type"] == "http" and any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in scope["headers"]
        )
        if not has_body:
            await self._app(scope, receive, send)
            return
        is_read = False

        async def read() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = is_read or not message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not is_read:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, read, answer)


def _loggable(path: str) -> str:
    """The path without what opens anything: the token of a download."""
    return "/downloads/…" if path.startswith("/downloads/") else path


class RequestLog:
    """One line per request: what was asked, by whom, how it ended and how long it took."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            context = scope.get("sebilling.context")
            actor = context.actor if context is not None else None
            _log.info(
                "request",
                method=scope["method"],
                path=_loggable(scope["path"]),
                operation=context.operation if context is not None else "",
                user=actor.name if actor is not None else None,
                user_id=actor.user_id if actor is not None else None,
                status=status,
                milliseconds=round((time.perf_counter() - began) * 1000, 1),
            )
