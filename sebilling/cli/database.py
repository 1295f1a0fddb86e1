"""The settings and the database of a command: embedded unless SEBILLING_DATABASE_URL is set."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sebilling.config import Settings
from sebilling.db.address import parse
from sebilling.db.engine import Database
from sebilling.db.state import DatabaseNotReady, DatabaseState
from sebilling.logs import get_logger, set_up

T = TypeVar("T")


def read_settings(**overrides: Any) -> Settings:
    """Read the settings, with these instead where they aren't None, and set up the log."""
    settings = Settings.read(**{name: value for name, value in overrides.items() if value is not None})
    set_up(level=settings.log_level, style=settings.log_format)
    return settings


@contextmanager
def opened(settings: Settings, *, own: bool = False, migrates: bool = True) -> Iterator[str]:
    """Yield the URL of the database: the one in the settings, or the embedded one, migrated unless `migrates` is false."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    from sebilling.db.embedded import embedded_database

    with embedded_database(settings.var / "postgres", own=own) as url:
        if migrates:
            migrated(url)
        yield url


def database_of(settings: Settings, url: str, *, connections: int) -> Database:
    """Return the connections of a server or worker to the database at `url`. Raises InvalidSetting."""
    if settings.direct_url is not None:
        parse(settings.direct_url, setting="SEBILLING_DATABASE_DIRECT_URL")
    return Database(
        url, connections=connections, direct_url=settings.direct_url, failover_seconds=settings.failover_seconds,
        slow_milliseconds=settings.slow_statement_milliseconds,
    )  # fmt: skip


def migrated(url: str) -> None:
    """Migrate the database to the newest schema."""
    from sebilling.db.migrate import migrate

    asyncio.run(migrate(url))


def with_database(
    work: Callable[[Database], Awaitable[T]], *, connections: int = 2, waits: bool = False, looks: bool = True, migrates: bool = True
) -> T:
    """Run `work` with the database. Raises DatabaseNotReady, unless `waits` and the state is temporary, or without `looks`."""
    settings = read_settings()

    async def work_and_close(url: str) -> T:
        database = database_of(settings, url, connections=connections)
        try:
            if looks:
                await _look(database, waits=waits)
            return await work(database)
        finally:
            await database.close()

    with opened(settings, migrates=migrates) as url:
        return asyncio.run(work_and_close(url))


async def look_once(url: str) -> None:
    """Check that the database is usable. Raises DatabaseNotReady; a temporary state is logged instead."""
    database = Database(url, connections=2)
    try:
        await _look(database, waits=True)
    finally:
        await database.close()


async def _look(database: Database, *, waits: bool) -> None:
    from sebilling.db.migrate import inspect

    if (state := await inspect(database)) is DatabaseState.READY:
        return
    error = DatabaseNotReady(state)
    if not (waits and state.passes):
        raise error
    get_logger(__name__).warning("database_not_ready", state=state.value, why=str(error))
