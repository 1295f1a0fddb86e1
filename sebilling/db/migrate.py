"""Bring a database to the newest schema: Alembic, run from inside the package so that an installed wheel can migrate."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from sebilling.db.engine import Database, connected, new_engine, translated_errors
from sebilling.db.state import CAN_HAVE_TRIGRAMS, LOOK, OLDEST_SERVER, REVISION, DatabaseNotReady, DatabaseState
from sebilling.errors import DatabaseUnavailable

LOCK_KEY = 0x5EB111
"""Advisory lock held while migrating, so that two starting servers don't both try."""


def alembic_config() -> Config:
    """Alembic's configuration without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


@functools.cache
def head() -> str:
    """The newest revision that this code knows."""
    revision = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the package holds no migrations")
    return revision


@functools.cache
def revisions() -> frozenset[str]:
    """Every revision that this code knows."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions())


async def inspect(database: Database) -> DatabaseState:
    """How the database is. Never raises for a database that is away or not as it should be: that is what it tells."""
    try:
        async with database.reading() as session:
            found = await session.row(LOOK)
            if found is None:
                raise RuntimeError("a look gives one row")
            can_have = found.has_trigrams or await session.value(CAN_HAVE_TRIGRAMS)
            revision = await session.value(REVISION) if found.is_migrated else None
    except DatabaseNotReady as error:
        return error.state
    except DatabaseUnavailable:
        return DatabaseState.UNREACHABLE
    return judge(found.server, revision, is_standby=found.is_standby, can_have_trigrams=can_have)


def judge(server: int, revision: str | None, *, is_standby: bool, can_have_trigrams: bool) -> DatabaseState:
    """What these facts of a database mean: the first that keeps it from being used."""
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


def sql(name: str) -> str:
    """The text of a versioned SQL file in `db/sql/`."""
    return (files("sebilling.db") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def run_sql_file(connection: Connection, name: str) -> None:
    """Run every statement of a file in `db/sql/` in the connection's transaction.

    By the driver itself: SQLAlchemy prepares what it sends, and a prepared text holds one statement only.
    """
    adapted: Any = connection.connection.dbapi_connection
    adapted.run_async(lambda driver: driver.execute(sql(name)))


async def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`, in one transaction. Does nothing if it is there.

    Raises DatabaseNotReady if it can't be reached, or is none that can be migrated.
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
    found = connection.execute(LOOK).one()
    can_have = found.has_trigrams or connection.execute(CAN_HAVE_TRIGRAMS).scalar_one()
    present = connection.execute(REVISION).scalar_one_or_none() if found.is_migrated else None
    state = judge(found.server, present, is_standby=found.is_standby, can_have_trigrams=can_have)
    if state not in {DatabaseState.READY, DatabaseState.NOT_MIGRATED, DatabaseState.OLDER}:
        raise DatabaseNotReady(state)
    config = alembic_config()
    wanted = ScriptDirectory.from_config(config).as_revision_number(revision)
    if MigrationContext.configure(connection).get_current_revision() == wanted:
        return  # without the models, which take as long to import as the rest of most commands
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell PostgreSQL's refusals of a migration that an operator can mend as DatabaseNotReady."""
    try:
        yield
    except DBAPIError as error:
        sqlstate, told = str(getattr(error.orig, "sqlstate", "")), str(error.orig)
        if sqlstate == "42501":
            raise DatabaseNotReady(DatabaseState.NO_TRIGRAMS if "pg_trgm" in told else DatabaseState.NO_RIGHT) from error
        if sqlstate == "55P03":
            raise DatabaseNotReady(DatabaseState.LOCKED) from error
        raise
