"""The only place where the parts are wired: settings in, an ASGI application out."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from sebilling import __version__, downloads, keys
from sebilling.clock import Clock, system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.db.migrate import inspect
from sebilling.db.state import DatabaseNotReady, DatabaseState
from sebilling.edge import BodyLimits, Headers, Hosts, RequestLog, UnreadBodies, cors_origins, proxies, warn_of_wide_networks
from sebilling.errors import InvalidSetting
from sebilling.jobs import worker
from sebilling.live.connection import Lines
from sebilling.live.groups import Groups
from sebilling.live.hub import Hub
from sebilling.live.sockets import Sockets
from sebilling.live.streams import Streams
from sebilling.network.worker import engine_of
from sebilling.plugins.loading import Plugins
from sebilling.plugins.networks import Networks
from sebilling.schema.build import build_schema
from sebilling.schema.engine import trusted_documents
from sebilling.schema.engine.context import Parts
from sebilling.schema.engine.endpoint import PREFLIGHT, GraphQLView
from sebilling.storage import ObjectStore
from sebilling.vault import vault_of

COMPRESSED_FROM_BYTES: Final = 8 * 1024
"""Smaller answers go out as they are: tokens are told in small ones, so no secret is ever compressed beside what someone sent (BREACH)."""


def create_app(settings: Settings, database: Database, *, clock: Clock = system_clock, plugins: Plugins | None = None) -> Starlette:
    """The application, with the plugins that are installed (or these); it closes the database when it ends.

    It starts and answers even while the database is away. Raises InvalidSetting.
    """
    origins, trusted_proxies = cors_origins(settings), proxies(settings)  # looked at before anything starts
    warn_of_wide_networks(trusted_proxies)
    store = ObjectStore.open(settings.storage_url, settings.var / "uploads")
    key = keys.key_in(settings.var) if settings.secret_key is None else keys.derived(settings.secret_key.get_secret_value())
    vault, plugins = vault_of(settings), plugins or Plugins.load(disabled=settings.plugins_disabled.split(","))
    plugins.networks = Networks.of(settings, database.url)
    parts = Parts(database=database, settings=settings, clock=clock, store=store, key=key, plugins=plugins, vault=vault)

    view, hub, lines = graphql_view(parts), Hub(database), Lines(settings.live_connections)
    groups = Groups(view.schema, parts, hub)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        settle_memory()
        engine = engine_of(database, plugins, vault, clock=clock)
        work = worker.loops(engine, store, wake=parts.wake, chunk=settings.generate_chunk) if settings.inline_worker else []
        loops = [asyncio.create_task(one) for one in work]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, hub.close(), return_exceptions=True)
            await database.close()

    app = Starlette(
        routes=[
            *health(database),
            Route("/graphql", BodyLimits(compressed(Streams(view, parts, groups, lines)))),
            WebSocketRoute("/graphql", Sockets(view, parts, groups, lines)),
            downloads.route(parts),
        ],
        lifespan=lifespan,
    )
    _protect(app, settings, origins)
    return app


def settle_memory() -> None:
    """What start-up built lives for ever: keep the collector from walking it again and again (1.4 times as fast)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def health(database: Database) -> list[Route]:
    """/healthz says that the process lives, /readyz whether the database can be used, and why not; / leads to /graphql."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def readyz(_: Request) -> Response:
        try:
            async with asyncio.timeout(3):
                state = await inspect(database)
        except TimeoutError:
            state = DatabaseState.SILENT
        if state is DatabaseState.READY:
            return JSONResponse({"status": "ready", "state": state})
        return JSONResponse({"status": "unavailable", "state": state, "why": str(DatabaseNotReady(state))}, status_code=503)

    async def home(_: Request) -> Response:
        return RedirectResponse("/graphql")

    return [Route("/", home), Route("/healthz", healthz), Route("/readyz", readyz)]


def graphql_view(parts: Parts) -> GraphQLView:
    """/graphql, with the trusted documents if they are set. Raises InvalidSetting if one of them can't be answered."""
    settings = parts.settings
    known = trusted_documents.read(settings.trusted_documents) if settings.trusted_documents is not None else None
    schema = build_schema(introspection=settings.introspection, trusted=None if known is None else frozenset(known.values()))
    for name, why in trusted_documents.check(known or {}, schema._schema).items():  # noqa: SLF001 - Strawberry gives it no other name
        raise InvalidSetting(setting="SEBILLING_TRUSTED_DOCUMENTS", why=f"document {name}: {why[0]} Run `sebilling documents check`.")
    return GraphQLView(schema, parts, known)


def _protect(app: Starlette, settings: Settings, origins: Sequence[str]) -> None:
    """What every request passes: the last that is added is the first to see it."""
    app.add_middleware(UnreadBodies)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"], allow_credentials=True, expose_headers=["Retry-After"],
            allow_headers=["Authorization", "Content-Type", PREFLIGHT],
        )  # fmt: skip
    app.add_middleware(Hosts, settings=settings)
    app.add_middleware(Headers, settings=settings)
    app.add_middleware(RequestLog)


def compressed(app: ASGIApp) -> ASGIApp:
    """The application with its large answers compressed for who accepts gzip; never a stream of events, which must not wait.

    Level 5 takes a quarter of the time of level 9 for 4 % more; what is above 128 KiB is done in a thread.
    """
    never = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "multipart/mixed")
    return GZipMiddleware(app, minimum_size=COMPRESSED_FROM_BYTES, compresslevel=5, exclude_content_types=never)
