"""The page of bench/page.py by the same schema and database, without accounts, rights and limits: what those cost.

Whoever asks is an admin, nobody looks up who it is; rights, costs, turns, deadlines, hosts, headers and sizes aren't looked at. What
stood before them stays: Strawberry's view with our encoding and errors, compiled completion, one line of log per request.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from obstore.store import MemoryStore
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from sebilling import logs, server
from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.app import settle_memory
from sebilling.clock import system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.edge import RequestLog
from sebilling.schema.build import build_schema
from sebilling.schema.engine import access
from sebilling.schema.engine.context import Context, Parts
from sebilling.schema.engine.document_cache import Documents
from sebilling.schema.engine.endpoint import GraphQLView
from sebilling.storage import ObjectStore

ADMIN = Actor(None, "bench", Role.ADMIN, EVERYWHERE)


def parts(database: Database) -> Parts:
    """What a page needs, without a server."""
    return Parts(database=database, settings=Settings(), clock=system_clock, store=ObjectStore(MemoryStore()), key=b"")


class Unguarded(GraphQLView):
    """Ours, believing whoever asks and whatever they ask for."""

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 - Strawberry's signature
        """An admin's."""
        context = Context(parts=self._parts, at=self._parts.clock(), language="en", actor=ADMIN, token=None)
        request.scope["sebilling.context"] = context
        return context

    parse_http_body: Any = GraphQL.parse_http_body
    execute_operation: Any = GraphQL.execute_operation
    run: Any = GraphQL.run


def main() -> None:
    """Serve, until stopped."""
    access._allow = lambda info, name: None  # noqa: SLF001, ARG005 - what it costs is measured
    Documents._bound = lambda self, entry: None  # type: ignore[method-assign]  # noqa: SLF001, ARG005 - what it costs too
    logs.set_up(level="INFO", style="json")
    database = Database(os.environ["SEBILLING_DATABASE_URL"])

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        settle_memory()
        yield
        await database.close()

    app = Starlette(routes=[Route("/graphql", Unguarded(build_schema(), parts(database)))], lifespan=lifespan)
    app.add_middleware(RequestLog)
    listener = server.listening_socket("127.0.0.1", 0)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, **server.options(server.UNCROWDED))).run(sockets=[listener])


if __name__ == "__main__":
    main()
