"""Reference of bench/page.py: one endpoint without GraphQL and users."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open a connection pool of the same size as ours."""
    url = os.environ["SEBILLING_DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")
    async with asyncpg.create_pool(url, min_size=10, max_size=10, server_settings={"jit": "off"}) as pool:
        app.state.pool = pool
        yield


async def page(request: Request) -> Response:
    """Return the statement's JSON, parsed and encoded once."""
    rows = await request.app.state.pool.fetchval(os.environ["BENCH_STATEMENT"])
    return Response(orjson.dumps({"data": orjson.loads(rows)}), media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(Starlette(routes=[Route("/", page)], lifespan=lifespan), port=0, access_log=False)
