"""Reference of bench/page.py: one endpoint without GraphQL and users."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STATEMENTS: Final[dict[str, list[tuple[list[str], str, list[int]]]]] = orjson.loads(os.environ["BENCH_STATEMENTS"])
"""Name of a page → each SQL statement with the keys of the root fields that its columns answer, and its parameters."""


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open a connection pool of the same size as ours."""
    url = os.environ["SEBILLING_DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")
    async with asyncpg.create_pool(url, min_size=10, max_size=10, server_settings={"jit": "off"}) as pool:
        app.state.pool = pool
        yield


async def parsed(request: Request) -> Response:
    """Return the statements' texts, parsed and encoded once."""
    texts = await _texts(request)
    return Response(orjson.dumps({"data": {key: orjson.loads(text) for key, text in texts}}), media_type="application/json")


async def through(request: Request) -> Response:
    """Return the statements' texts unparsed."""
    fields = ",".join(f'"{key}":{text}' for key, text in await _texts(request))
    return Response(f'{{"data":{{{fields}}}}}', media_type="application/json")


async def _texts(request: Request) -> list[tuple[str, str]]:
    statements = STATEMENTS[request.path_params["page"]]
    async with request.app.state.pool.acquire() as connection:
        return [
            answer
            for keys, statement, parameters in statements
            for answer in zip(keys, await connection.fetchrow(statement, *parameters), strict=False)  # the ordinary path's has more columns
        ]


if __name__ == "__main__":
    routes = [Route("/parsed/{page}", parsed), Route("/through/{page}", through)]
    uvicorn.run(Starlette(routes=routes, lifespan=lifespan), port=0, access_log=False)
