"""Migrate a database to the newest schema: runs Alembic from inside the package, so that an installed wheel can migrate."""

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
"""Advisory lock held during a migration, so that two servers that start together don't both migrate."""


def alembic_config() -> Config:
    """Return Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


@functools.cache
def head() -> str:
    """Return the newest revision that this code knows."""
    revision = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the package holds no migrations")
    return revision


@functools.cache
def revisions() -> frozenset[str]:
    """Return every revision that this code knows."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions())


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
    config = alembic_config()
    wanted = ScriptDirectory.from_config(config).as_revision_number(revision)
    if MigrationContext.configure(connection).get_current_revision() == wanted:
        return  # saves importing the models, which takes as long as the rest of most commands
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


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
