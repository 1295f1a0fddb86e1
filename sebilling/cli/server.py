"""`sebilling serve`: the server."""

import asyncio
import threading
from contextlib import suppress
from typing import Annotated

import typer
import uvicorn

from sebilling import first_admin
from sebilling.app import create_app
from sebilling.cli.database import database_of, look_once, opened, read_settings
from sebilling.cli.garbage import no_collections
from sebilling.cli.operation import metrics_of, say
from sebilling.cli.terminal import out
from sebilling.clock import system_clock
from sebilling.config import Settings
from sebilling.connections import limits_of
from sebilling.db.engine import Database
from sebilling.edge import proxies
from sebilling.errors import DatabaseUnavailable
from sebilling.operation import sealed_key
from sebilling.server import Server, check_port, options


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve /graphql, /healthz and /readyz."""
    settings = read_settings(host=host, port=port)
    check_port(settings.host, settings.port)
    with opened(settings, own=True) as url:
        asyncio.run(look_once(url))
        database = database_of(settings, url, connections=settings.database_connections)
        asyncio.run(_invite(url, settings))
        with no_collections():
            leaving = threading.Event()
            served = create_app(settings, database, metrics=metrics_of(settings), leaving=leaving)
        limits = limits_of(settings, proxies(settings))
        config = uvicorn.Config(served, host=settings.host, port=settings.port, **options(limits))
        server = Server(config, leaving=leaving, drain_seconds=settings.drain_seconds)
        with suppress(KeyboardInterrupt):
            server.run()
        if not server.started:
            raise typer.Exit(code=3)  # uvicorn's own code for it


async def _invite(url: str, settings: Settings) -> None:
    """Print the link to make the first admin, while there is no user. A database that is away is told elsewhere."""
    database = Database(url, connections=2)
    try:
        if await first_admin.is_needed(database):
            host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - compared, not bound
            link = f"http://{host}:{settings.port}{first_admin.path(sealed_key.current(settings), at=system_clock())}"
            say(out, f"There is no user yet. Make the first admin, within {first_admin.HOURS} hours, at {link}")
    except DatabaseUnavailable:
        return
    finally:
        await database.close()
