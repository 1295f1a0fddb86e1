"""Wiring of all parts: build the ASGI application from the settings."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from sebilling import __version__, downloads, first_admin, keys, web
from sebilling.clock import Clock, system_clock
from sebilling.compression import Compressed
from sebilling.config import Settings
from sebilling.customer_page.routes import routes as customer_pages
from sebilling.db.engine import Database
from sebilling.db.migrate import inspect
from sebilling.db.state import DatabaseNotReady, DatabaseState
from sebilling.early_answers import EarlyAnswers
from sebilling.edge import BodyLimits, Headers, Hosts, RequestLog, UnreadBodies, cors_origins, proxies, warn_of_wide_networks
from sebilling.jobs import worker
from sebilling.language import Sentence
from sebilling.live.connection import Lines
from sebilling.live.groups import Groups
from sebilling.live.hub import Hub
from sebilling.live.sockets import Sockets
from sebilling.live.streams import Streams
from sebilling.network.worker import engine_of
from sebilling.operator_errors import InvalidSetting
from sebilling.plugins.loading import Plugins
from sebilling.plugins.networks import Networks
from sebilling.schema.build import build_schema
from sebilling.schema.context import Parts
from sebilling.schema.request import graphiql, trusted_documents
from sebilling.schema.request.endpoint import PREFLIGHT, GraphQLView, language_of
from sebilling.storage import ObjectStore
from sebilling.vault import vault_of

if TYPE_CHECKING:
    from sebilling.operation.metrics import Metrics  # loaded only where there are metrics

_HEADERS_OF_CLIENTS: Final = (
    "traceparent", "tracestate", "baggage", "apollographql-client-name", "apollographql-client-version", "apollo-require-preflight",
    "x-apollo-operation-name", "x-apollo-operation-id", "Last-Event-ID",
)  # fmt: skip
"""What web apps of other origins may send besides ours: headers of tracing, of Apollo Client, and of clients of event streams."""
_EXPOSED_HEADERS: Final = ("Content-Disposition", "Retry-After")
"""What web apps of other origins may read."""


def create_app(
    settings: Settings,
    database: Database,
    *,
    clock: Clock = system_clock,
    plugins: Plugins | None = None,
    is_demo: bool = False,
    metrics: "Metrics | None" = None,
    leaving: threading.Event | None = None,
) -> Starlette:
    """Build the application with the installed plugins (or these); it closes the database when it ends.

    It starts and responds even while the database is down. Its health says that it is about to stop once `leaving` is set. Raises
    InvalidSetting.
    """
    origins, trusted_proxies = cors_origins(settings), proxies(settings)  # checked before anything starts
    warn_of_wide_networks(trusted_proxies)
    store = ObjectStore.open(settings.storage_url, settings.var / "uploads")
    key = keys.key_of(settings)
    vault, plugins = vault_of(settings), plugins or Plugins.load(disabled=settings.plugins_disabled.split(","))
    plugins.networks = Networks.of(settings, database.url)
    parts = Parts(database=database, settings=settings, clock=clock, store=store, key=key, plugins=plugins, vault=vault, is_demo=is_demo)

    view, hub, lines = graphql_view(parts), Hub(database), Lines(settings.live_connections)
    groups = Groups(view.schema, parts, hub)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        settle_memory()
        engine = engine_of(database, plugins, vault, clock=clock)
        work = worker.loops(engine, store, settings, wake=parts.wake) if settings.inline_worker else []
        if metrics is not None:
            work.append(metrics.keep_current(database, settings.var))
        loops = [asyncio.create_task(loop) for loop in work]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, hub.close(), return_exceptions=True)
            await database.close()

    app = Starlette(
        routes=[
            *health(database, leaving or threading.Event()),
            Route("/graphql", BodyLimits(Compressed(Streams(view, parts, groups, lines)))),
            WebSocketRoute("/graphql", Sockets(view, parts, groups, lines)),
            downloads.route(parts),
            *customer_pages(parts),
            *first_admin.routes(parts),
            *([] if settings.introspection == "nobody" else [graphiql.assets()]),
            *web.routes(),
        ],
        lifespan=lifespan,
    )
    _protect(app, settings, origins, view, metrics)
    return app


def settle_memory() -> None:
    """Exclude the objects built at start-up from garbage collection, as they live for ever (1.4 times as fast)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def health(database: Database, leaving: threading.Event) -> list[Route]:
    """Return the routes /healthz (the process is alive) and /readyz (the database is usable, or why not).

    Both are 503 while `leaving` is set: the server still serves, but is about to stop.
    """
    about_to_stop = {"status": "leaving", "version": __version__}

    async def healthz(_: Request) -> Response:
        return JSONResponse(about_to_stop, status_code=503) if leaving.is_set() else JSONResponse({"status": "ok", "version": __version__})

    async def readyz(request: Request) -> Response:
        if leaving.is_set():
            return JSONResponse(about_to_stop, status_code=503)
        try:
            async with asyncio.timeout(3):
                state = await inspect(database)
        except TimeoutError:
            state = DatabaseState.SILENT
        if state is DatabaseState.READY:
            return JSONResponse({"status": "ready", "state": state})
        return JSONResponse(
            {"status": "unavailable", "state": state, "why": DatabaseNotReady(state).message(language_of(request))}, status_code=503
        )

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def graphql_view(parts: Parts) -> GraphQLView:
    """Build the endpoint /graphql, with the trusted documents if set. Raises InvalidSetting if one of them is invalid."""
    settings = parts.settings
    known = trusted_documents.read(settings.trusted_documents) if settings.trusted_documents is not None else None
    schema = build_schema(introspection=settings.introspection, trusted=None if known is None else frozenset(known.values()))
    for name, why in trusted_documents.check(known or {}, schema._schema).items():  # noqa: SLF001 - Strawberry has no public name for it
        fault = why[0].replace('"', "'")
        all_of_them = Sentence(
            f'document {name}: "{fault}" Run `sebilling documents check` to see all.',
            f'dokumen {name}: "{fault}" Jalankan `sebilling documents check` untuk melihat semuanya.',
        )
        raise InvalidSetting(setting="SEBILLING_TRUSTED_DOCUMENTS", why=all_of_them)
    return GraphQLView(schema, parts, known)


def _protect(app: Starlette, settings: Settings, origins: Sequence[str], view: GraphQLView, metrics: "Metrics | None") -> None:
    """Add the middleware for all requests: the last one added sees a request first."""
    app.add_middleware(UnreadBodies)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"], allow_credentials=True,
            allow_headers=["Authorization", "Content-Type", PREFLIGHT, *_HEADERS_OF_CLIENTS], expose_headers=_EXPOSED_HEADERS,
        )  # fmt: skip
    app.add_middleware(Hosts, settings=settings)
    app.add_middleware(Headers, settings=settings)
    app.add_middleware(EarlyAnswers, view=view, settings=settings)
    app.add_middleware(RequestLog, metrics=metrics)
