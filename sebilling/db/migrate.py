"""Migrate a database to the newest schema, and determine whether it is at it.

The names of the migrations say which revisions there are, so that only a database that must be migrated needs Alembic: `alembic_run`.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from sebilling.db.engine import Database, connected, new_engine, translated_errors
from sebilling.db.state import CAN_HAVE_TRIGRAMS, LOOK, OLDEST_SERVER, REVISION, DatabaseNotReady, DatabaseState
from sebilling.errors import DatabaseUnavailable

LOCK_KEY = 0x5EB111
"""Advisory lock held during a migration, so that two servers that start together don't both migrate."""


@functools.cache
def revisions() -> frozenset[str]:
    """Return every revision that this code knows: the first four characters of the migrations' names."""
    names = (file.name for file in (files("sebilling.db") / "migrations" / "versions").iterdir())
    return frozenset(name[:4] for name in names if name.endswith(".py") and name[:4].isdecimal())


@functools.cache
def head() -> str:
    """Return the newest revision that this code knows."""
    return max(revisions())


async def inspect(database: Database) -> DatabaseState:
    """Determine the database's state. Returns a state instead of raising if the database is unreachable or unusable."""
    try:
        async with database.reading() as session:
            facts = await session.row(LOOK)
            if facts is None:
                raise RuntimeError("LOOK must return one row")
            can_have = facts.has_trigrams or await session.value(CAN_HAVE_TRIGRAMS)
            revision = await session.value(REVISION) if facts.is_migrated else None
    except DatabaseNotReady as error:
        return error.state
    except DatabaseUnavailable:
        return DatabaseState.UNREACHABLE
    return judge(facts.server, revision, is_standby=facts.is_standby, can_have_trigrams=can_have)


def judge(server: int, revision: str | None, *, is_standby: bool, can_have_trigrams: bool) -> DatabaseState:
    """Return the state that these facts imply: the first reason why the database can't be used, or READY."""
    if server < OLDEST_SERVER:
        return DatabaseState.OLD_SERVER
    if revision is not None and revision not in revisions():
        return DatabaseState.NEWER
    if is_standby:
        return DatabaseState.READ_ONLY
    if not can_have_trigrams:
        return DatabaseState.NO_TRIGRAMS
    if revision != head():
        return DatabaseState.NOT_MIGRATED if revision is None else DatabaseState.OLDER
    return DatabaseState.READY


async def is_current(database: Database) -> bool:
    """Whether the database can be used and is at `head()`."""
    return await inspect(database) is DatabaseState.READY


def run_sql_file(connection: Connection, name: str, revision: str) -> None:
    """Execute every statement of an SQL file in the connection's transaction, as the migration `revision` has to.

    `sql/` holds one current file for each group of functions and views, as the newest migration that changes it executes it. What
    an earlier migration executes never changes: `migrations/sql/` has it, with the migration's revision in front of its name. Uses
    the driver directly: SQLAlchemy prepares its statements, and a prepared text can hold only one.
    """
    folder = files("sebilling.db")
    earlier = folder / "migrations" / "sql" / f"{revision}_{name}"
    statements = (earlier if earlier.is_file() else folder / "sql" / name).read_text(encoding="utf-8")
    adapted: Any = connection.connection.dbapi_connection
    adapted.run_async(lambda driver: driver.execute(statements))


async def migrate(url: str, revision: str = "head") -> None:
    """Migrate the database to `revision`, in one transaction. Does nothing if it is at that revision.

    Raises DatabaseNotReady if it can't be reached or can't be migrated.
    """
    engine = new_engine(url)
    try:
        async with translated_errors(), connected(engine.begin()) as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            with _refusals():
                await connection.run_sync(_upgrade, revision)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    facts = connection.execute(LOOK).one()
    can_have = facts.has_trigrams or connection.execute(CAN_HAVE_TRIGRAMS).scalar_one()
    revision_now = connection.execute(REVISION).scalar_one_or_none() if facts.is_migrated else None
    state = judge(facts.server, revision_now, is_standby=facts.is_standby, can_have_trigrams=can_have)
    if state not in {DatabaseState.READY, DatabaseState.NOT_MIGRATED, DatabaseState.OLDER}:
        raise DatabaseNotReady(state)
    if revision_now == (head() if revision == "head" else revision):
        return
    from sebilling.db.alembic_run import upgrade  # noqa: PLC0415 - Alembic and the tables take as long to import as the rest

    upgrade(connection, revision)


@contextmanager
def _refusals() -> Iterator[None]:
    """Translate PostgreSQL's refusals that an operator can fix to DatabaseNotReady."""
    try:
        yield
    except DBAPIError as error:
        sqlstate, message = str(getattr(error.orig, "sqlstate", "")), str(error.orig)
        if sqlstate == "42501":
            raise DatabaseNotReady(DatabaseState.NO_TRIGRAMS if "pg_trgm" in message else DatabaseState.NO_RIGHT) from error
        if sqlstate == "55P03":
            raise DatabaseNotReady(DatabaseState.LOCKED) from error
        raise
