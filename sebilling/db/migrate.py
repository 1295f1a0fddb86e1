"""Bring a database to the newest schema: Alembic, run from inside the package so that an installed wheel can migrate."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from sebilling.db.engine import Database, translated_errors

LOCK_KEY = 0x5EB111
"""Advisory lock held while migrating, so that two starting servers don't both try."""


def alembic_config() -> Config:
    """Alembic's configuration without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The newest revision that this code knows."""
    revision = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the package holds no migrations")
    return revision


_MIGRATED = text("SELECT EXISTS (SELECT FROM pg_tables WHERE tablename = 'alembic_version' AND schemaname = current_schema())")


async def is_current(database: Database) -> bool:
    """Whether the database is at `head()`. Raises DatabaseUnavailable."""
    async with database.reading() as session:
        if not await session.value(_MIGRATED):
            return False
        return bool(await session.value(text("SELECT version_num FROM alembic_version")) == head())


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

    Raises DatabaseUnavailable if it can't be reached.
    """
    engine = create_async_engine(url, connect_args={"timeout": 10})

    def upgrade(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        config = alembic_config()
        wanted = ScriptDirectory.from_config(config).as_revision_number(revision)
        if MigrationContext.configure(connection).get_current_revision() == wanted:
            return  # without the models, which take as long to import as the rest of most commands
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    try:
        async with translated_errors(), engine.begin() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()
