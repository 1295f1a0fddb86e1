"""Create and drop databases on a server, for the demo and the tests."""

import re

from sqlalchemy import make_url, text

from sebilling.db.engine import new_engine

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def url_of(url: str, name: str) -> str:
    """Return the URL of the database `name` on the server of `url`."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


async def create_database(url: str, name: str, *, template: str = "template0") -> str:
    """Create the database, dropping one of that name first, and return its URL. `template` must have no connections.

    For templates other than template0 files are copied instead of logged page by page: a sixth of the work where fsync is off.
    """
    await drop_database(url, name)
    strategy = "WAL_LOG" if template == "template0" else "FILE_COPY"
    await _outside_transactions(url, f"CREATE DATABASE {_checked(name)} TEMPLATE {_checked(template)} STRATEGY {strategy}")
    return url_of(url, name)


async def drop_database(url: str, name: str) -> None:
    """Drop the database if it exists, and end its connections."""
    await _outside_transactions(url, f"DROP DATABASE IF EXISTS {_checked(name)} WITH (FORCE)")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a plain database name")
    return name


async def _outside_transactions(url: str, statement: str) -> None:
    engine = new_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()
