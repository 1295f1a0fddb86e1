"""Restore: fills an empty database from a backup, all of it or nothing, and the store with its proofs."""

import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text

from sebilling.actor import operator
from sebilling.billing.invariants import CHECKED_PER_STATEMENT
from sebilling.billing.isolation import policy
from sebilling.db.driver import driver_of
from sebilling.db.engine import Database, WriteSession
from sebilling.db.migrate import migrate
from sebilling.operation.archive import CHUNK_BYTES, REVISION, TABLES, Columns, Manifest, read
from sebilling.operator_errors import UnusableFile
from sebilling.storage import ObjectStore

_SET: Final = text("SELECT setval(CAST(quote_ident(:name) AS regclass), :value)")
_MEDIA: Final = text("SELECT object_key, media_type FROM proof ORDER BY object_key")
_IS_MIGRATED: Final = text("SELECT EXISTS (SELECT FROM pg_tables WHERE tablename = 'alembic_version' AND schemaname = current_schema())")
_ANY_TABLE: Final = text("SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema())")
_IN_USE: Final = text(
    "SELECT EXISTS (SELECT FROM event) OR EXISTS (SELECT FROM app_user) OR EXISTS (SELECT FROM customer) OR EXISTS (SELECT FROM counter)"
)
_FOREIGN_KEYS: Final = text(
    """
    SELECT format('%I', relname) AS table, format('%I', conname) AS name
      FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
     WHERE contype = 'f' AND NOT condeferrable AND connamespace = current_schema()::regnamespace
    """
)


@dataclass(frozen=True, slots=True)
class _Proof:
    object_key: str
    media_type: str


@dataclass(frozen=True, slots=True)
class _ForeignKey:
    """A foreign key and its table, quoted."""

    table: str
    name: str


async def restore(database: Database, store: ObjectStore, file: Path, *, at: datetime) -> Manifest:
    """Restore a backup into an empty database, all of it or nothing, and its proofs into the store; then migrate to the newest schema.

    Raises UnusableFile, also if the database isn't empty, and DatabaseUnavailable.
    """
    manifest = read(file)
    await _empty(database, file, manifest.revision)
    with zipfile.ZipFile(file) as packed:
        async with database.transaction(actor=operator("sebilling restore"), at=at) as session:
            if await session.only_value(_IN_USE, kind=bool):
                raise UnusableFile(file=file, why="the database is in use already: restore into an empty one.")
            await _fill(session, packed, manifest)
        async with database.reading() as session:
            media = {row.object_key: row.media_type for row in await session.rows(_MEDIA, into=_Proof)}
        for key in manifest.uploads:
            await store.put(key, packed.read(f"uploads/{key}"), media_type=media[key])
    await migrate(database.url)
    return manifest


async def postpone_blocks(database: Database, manifest: Manifest, *, at: datetime) -> Sequence[date]:
    """Make today and tomorrow blackout dates, as whoever has paid since the backup would be blocked; return the days that were added."""
    reason = f"Dipulihkan dari cadangan {manifest.made_at:%Y-%m-%d %H:%M} UTC: pembayaran sesudahnya mungkin belum tercatat"
    async with database.transaction(actor=operator("sebilling restore"), at=at) as session:
        return await policy.postpone(session, reason=reason)


async def _empty(database: Database, file: Path, revision: str) -> None:
    """Check that the database is empty, and create the schema of the backup in it. Raises UnusableFile."""
    async with database.reading() as session:
        present = await session.value(REVISION, kind=str) if await session.only_value(_IS_MIGRATED, kind=bool) else None
        if present is None and await session.only_value(_ANY_TABLE, kind=bool):
            raise UnusableFile(file=file, why="the database holds tables of another application: restore into an empty one.")
    if present not in {None, revision}:
        why = "the database has the schema of another version than the backup: restore into a new, empty one."
        raise UnusableFile(file=file, why=why)
    if present is None:
        await migrate(database.url, revision)


async def _fill(session: WriteSession, packed: zipfile.ZipFile, manifest: Manifest) -> None:
    """Replace the rows that the migrations wrote by the backup's. Triggers are disabled meanwhile, as they would refuse past rows; foreign
    keys, and what only triggers check, are checked at the end, so that the order of the tables doesn't matter."""
    present = {row.name for row in await session.rows(TABLES, into=Columns)}
    if present != {table.name for table in manifest.tables}:
        raise UnusableFile(file="backup", why="its tables aren't those of its schema: use another backup.")
    foreign_keys = await session.rows(_FOREIGN_KEYS, into=_ForeignKey)
    for table in manifest.tables:
        await session.execute(text(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER'))
    for key in foreign_keys:
        await session.execute(text(f"ALTER TABLE {key.table} ALTER CONSTRAINT {key.name} DEFERRABLE INITIALLY DEFERRED"))
    names = ", ".join(f'"{table.name}"' for table in manifest.tables)
    await session.execute(text(f"TRUNCATE {names}"))
    driver = await driver_of(session.connection)
    for table in manifest.tables:
        status: str = await driver.copy_to_table(table.name, columns=list(table.columns), source=_parts(packed, table.name))
        if int(status.rsplit(maxsplit=1)[-1]) != table.rows:
            raise UnusableFile(file="backup", why=f"{table.name} has another number of rows than its manifest says: use another backup.")
    await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    for key in foreign_keys:
        await session.execute(text(f"ALTER TABLE {key.table} ALTER CONSTRAINT {key.name} NOT DEFERRABLE"))
    for table in manifest.tables:
        await session.execute(text(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER'))
    await _check_rules(session)
    for name, value in manifest.sequences.items():
        await session.only_value(_SET, {"name": name, "value": value}, kind=int)


async def _check_rules(session: WriteSession) -> None:
    """Check the rules that only triggers guard. Raises UnusableFile."""
    for rule in CHECKED_PER_STATEMENT:
        if await session.only_value(text(f"SELECT EXISTS ({rule.broken})"), kind=bool):
            raise UnusableFile(file="backup", why=f"it breaks a rule of the database: {rule.sentence} Use another backup.")


async def _parts(packed: zipfile.ZipFile, name: str) -> AsyncIterator[bytes]:
    with packed.open(f"tables/{name}.copy") as part:
        while chunk := part.read(CHUNK_BYTES):
            yield chunk
