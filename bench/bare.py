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


async def rows(request: Request) -> Response:
    """Return the rows of the ordinary path, parsed and encoded once."""
    return _encoded(await request.app.state.pool.fetchval(os.environ["BENCH_ROWS"]))


async def shaped(request: Request) -> Response:
    """Return the text of the answer, parsed and encoded once."""
    return _encoded(await request.app.state.pool.fetchval(os.environ["BENCH_SHAPED"]))


def _encoded(text: str) -> Response:
    return Response(orjson.dumps({"data": {"invoices": orjson.loads(text)}}), media_type="application/json")


async def through(request: Request) -> Response:
    """Return the text of the answer unparsed."""
    text = await request.app.state.pool.fetchval(os.environ["BENCH_SHAPED"])
    return Response(f'{{"data":{{"invoices":{text}}}}}', media_type="application/json")


if __name__ == "__main__":
    routes = [Route("/rows", rows), Route("/shaped", shaped), Route("/through", through)]
    uvicorn.run(Starlette(routes=routes, lifespan=lifespan), port=0, access_log=False)
