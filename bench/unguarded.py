"""Server of bench/page.py without accounts, rights and limits, to measure their cost.

Every caller is an admin, without a lookup; rights, costs, concurrency, deadlines, hosts, headers and sizes aren't checked. Everything
else is the same: Strawberry's view with our encoding and errors, compiled completion, one log line per request.
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
from sebilling.schema.context import Context, Info, Parts
from sebilling.schema.request import access
from sebilling.schema.request.document_cache import Documents
from sebilling.schema.request.endpoint import GraphQLView
from sebilling.storage import ObjectStore

ADMIN = Actor(None, "bench", Role.ADMIN, EVERYWHERE)


def parts(database: Database, *, answers_from_sql: bool = True) -> Parts:
    """Return the parts that executing the page needs, without a server."""
    return Parts(
        database=database,
        settings=Settings(answers_from_sql=answers_from_sql),
        clock=system_clock,
        store=ObjectStore(MemoryStore()),
        key=b"",
    )


class Unguarded(GraphQLView):
    """Our view, without authentication and limits."""

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 - Strawberry's signature
        """Return the context of an admin."""
        context = Context(parts=self._parts, at=self._parts.clock(), language="en", actor=ADMIN, token=None)
        request.scope["sebilling.context"] = context
        return context

    parse_http_body: Any = GraphQL.parse_http_body
    execute_operation: Any = GraphQL.execute_operation
    run: Any = GraphQL.run


def _allow_all(info: Info, name: str, *, whole: bool = False) -> None:
    """Allow everything."""


def main() -> None:
    """Serve until stopped."""
    access._allow = _allow_all  # noqa: SLF001 - its cost is measured
    Documents._bound = lambda self, entry: None  # type: ignore[method-assign]  # noqa: SLF001, ARG005 - its cost is measured
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
