"""`sebilling serve`: the server."""

import asyncio
from typing import Annotated

import typer
import uvicorn

from sebilling.app import create_app
from sebilling.cli.database import look_once, opened, read_settings
from sebilling.cli.garbage import no_collections
from sebilling.cli.operation import metrics_of
from sebilling.connections import limits_of
from sebilling.db.engine import Database
from sebilling.edge import proxies
from sebilling.server import check_port, options


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve /graphql, /healthz and /readyz."""
    settings = read_settings(host=host, port=port)
    check_port(settings.host, settings.port)
    with opened(settings, own=True) as url:
        asyncio.run(look_once(url))
        database = Database(url, connections=settings.database_connections)
        with no_collections():
            served = create_app(settings, database, metrics=metrics_of(settings))
        uvicorn.run(served, host=settings.host, port=settings.port, **options(limits_of(settings, proxies(settings))))
