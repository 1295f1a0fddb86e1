"""Backup and restore: the whole database at one moment, and the proofs that it names, in one ZIP file.

The tables are written by COPY in one snapshot, as text, with the schema's revision. That needs no pg_dump, whose version must match the
server's, and any later SeBilling can read it. A truncated ZIP has no directory and can't be opened, and each part has a checksum. The
secret key is not in the backup, so that a backup alone doesn't give access to any router.
"""

import os
import zipfile
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import text

from sebilling.actor import operator
from sebilling.billing.invariants import CHECKED_PER_STATEMENT
from sebilling.db.driver import driver_of
from sebilling.db.engine import Database, ReadSession, WriteSession
from sebilling.db.migrate import migrate, revisions
from sebilling.errors import InvalidFile
from sebilling.storage import ObjectMissing, ObjectStore
from sebilling.vault import Vault

if TYPE_CHECKING:
    import asyncpg  # only the stubs know that its classes are generic

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_CHUNK_BYTES: Final = 256 * 1024
_REVISION: Final = text("SELECT version_num FROM alembic_version")
_TABLES: Final = text(
    """
    SELECT pg_class.relname AS name, array_agg(attname::text ORDER BY attnum) AS columns
      FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
     GROUP BY pg_class.relname ORDER BY pg_class.relname
    """
)
_SEQUENCES: Final = text("SELECT sequencename AS name, last_value AS value FROM pg_sequences WHERE schemaname = current_schema()")
_SET: Final = text("SELECT setval(CAST(quote_ident(:name) AS regclass), :value)")
_PROOFS: Final = text("SELECT object_key FROM proof ORDER BY object_key")
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


class Table(BaseModel):
    """A table of a backup."""

    model_config = ConfigDict(frozen=True)
    name: str
    columns: tuple[str, ...]
    rows: int


class Manifest(BaseModel):
    """Contents of a backup."""

    model_config = ConfigDict(frozen=True)
    format: int
    made_at: datetime
    revision: str
    tables: tuple[Table, ...]
    sequences: dict[str, int]
    uploads: tuple[str, ...]
    missing_uploads: tuple[str, ...]
    """Proofs that the database names but the store didn't have."""

    @property
    def rows(self) -> int:
        """Number of rows of all tables."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True, slots=True)
class _Columns:
    """A table of the database and its columns, without generated ones."""

    name: str
    columns: list[str]


@dataclass(frozen=True, slots=True)
class _Sequence:
    name: str
    value: int | None
    """None: never used."""


@dataclass(frozen=True, slots=True)
class _Proof:
    object_key: str
    media_type: str


@dataclass(frozen=True, slots=True)
class _ForeignKey:
    """A foreign key and its table, quoted."""

    table: str
    name: str


@dataclass(frozen=True, slots=True)
class _Device:
    name: str
    config: bytes


@dataclass(frozen=True, slots=True)
class _TwoStep:
    username: str
    locked: bytes


@dataclass(frozen=True, slots=True)
class _Copying:
    """A snapshot of the database that is being written to a file."""

    session: ReadSession
    driver: "asyncpg.Connection[asyncpg.Record]"
    file: zipfile.ZipFile

    async def table(self, name: str, columns: Sequence[str]) -> Table:
        with self.file.open(f"tables/{name}.copy", "w", force_zip64=True) as part:

            async def keep(data: bytes) -> None:
                part.write(data)

            status: str = await self.driver.copy_from_table(name, columns=list(columns), output=keep)
        return Table(name=name, columns=tuple(columns), rows=int(status.rsplit(maxsplit=1)[-1]))


async def write(database: Database, store: ObjectStore, file: Path, *, at: datetime) -> Manifest:
    """Write a backup to `file`, completely or not at all, while the database stays in use. Only its owner can read the file.

    Raises InvalidFile if the file exists or can't be written, DatabaseUnavailable.
    """
    if file.exists():  # noqa: ASYNC240 - nothing else runs in this process
        raise InvalidFile(file=file, why="it exists already: choose another name.")
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed:
                manifest = await _copy(database, store, packed, at=at)
                packed.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
            raw.flush()
            os.fsync(raw.fileno())
        if read(fresh) != manifest or not manifest.tables:
            raise InvalidFile(file=file, why="reading it back gave something else than was written: check the disk.")
        fresh.rename(file)
    except OSError as error:
        raise InvalidFile(file=file, why=f"it can't be written: {error.strerror or error}.") from error
    finally:
        fresh.unlink(missing_ok=True)
    return manifest


async def _copy(database: Database, store: ObjectStore, packed: zipfile.ZipFile, *, at: datetime) -> Manifest:
    async with database.snapshot() as session:
        revision = await session.only_value(_REVISION, kind=str)  # the snapshot begins here
        copying = _Copying(session, await driver_of(session.connection), packed)
        tables = [await copying.table(row.name, row.columns) for row in await session.rows(_TABLES, into=_Columns)]
        sequences = {row.name: row.value for row in await session.rows(_SEQUENCES, into=_Sequence) if row.value is not None}
        keys = await session.values(_PROOFS, kind=str)
    uploads, missing = [], []
    for key in keys:
        try:
            part = zipfile.ZipInfo(f"uploads/{key}", (at.year, at.month, at.day, at.hour, at.minute, at.second))
            packed.writestr(part, await store.get(key))
            uploads.append(key)
        except ObjectMissing:
            missing.append(key)
    return Manifest(
        format=FORMAT, made_at=at, revision=revision, tables=tuple(tables), sequences=sequences, uploads=tuple(uploads),
        missing_uploads=tuple(missing),
    )  # fmt: skip


def read(file: Path) -> Manifest:
    """Read a backup's manifest, after reading and checking every part of it. Raises InvalidFile."""
    try:
        with zipfile.ZipFile(file) as packed:
            broken = packed.testzip()
            manifest = Manifest.model_validate_json(packed.read(_MANIFEST))
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, ValidationError) as error:
        raise InvalidFile(file=file, why=f"it is not a complete backup ({type(error).__name__}): use another one.") from error
    if broken is not None:
        raise InvalidFile(file=file, why=f"its part {broken} is damaged: use another backup.")
    if manifest.format != FORMAT or manifest.revision not in revisions():
        raise InvalidFile(file=file, why="it was made by a newer SeBilling: restore it with that version.")
    return manifest


async def restore(database: Database, store: ObjectStore, file: Path, *, at: datetime) -> Manifest:
    """Restore a backup into an empty database, all of it or nothing, and its proofs into the store; then migrate to the newest schema.

    Raises InvalidFile, also if the database isn't empty, and DatabaseUnavailable.
    """
    manifest = read(file)
    await _empty(database, file, manifest.revision)
    with zipfile.ZipFile(file) as packed:
        async with database.transaction(actor=operator("sebilling restore"), at=at) as session:
            if await session.only_value(_IN_USE, kind=bool):
                raise InvalidFile(file=file, why="the database is in use already: restore into an empty one.")
            await _fill(session, packed, manifest)
        async with database.reading() as session:
            media = {row.object_key: row.media_type for row in await session.rows(_MEDIA, into=_Proof)}
        for key in manifest.uploads:
            await store.put(key, packed.read(f"uploads/{key}"), media_type=media[key])
    await migrate(database.url)
    return manifest


async def _empty(database: Database, file: Path, revision: str) -> None:
    """Check that the database is empty, and create the schema of the backup in it. Raises InvalidFile."""
    async with database.reading() as session:
        present = await session.value(_REVISION, kind=str) if await session.only_value(_IS_MIGRATED, kind=bool) else None
        if present is None and await session.only_value(_ANY_TABLE, kind=bool):
            raise InvalidFile(file=file, why="the database holds tables of another application: restore into an empty one.")
    if present not in {None, revision}:
        why = "the database has the schema of another version than the backup: restore into a new, empty one."
        raise InvalidFile(file=file, why=why)
    if present is None:
        await migrate(database.url, revision)


async def _fill(session: WriteSession, packed: zipfile.ZipFile, manifest: Manifest) -> None:
    """Replace the rows that the migrations wrote by the backup's. Triggers are disabled meanwhile, as they would refuse past rows; foreign
    keys, and what only triggers check, are checked at the end, so that the order of the tables doesn't matter."""
    present = {row.name for row in await session.rows(_TABLES, into=_Columns)}
    if present != {table.name for table in manifest.tables}:
        raise InvalidFile(file="backup", why="its tables aren't those of its schema: use another backup.")
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
            raise InvalidFile(file="backup", why=f"{table.name} has another number of rows than its manifest says: use another backup.")
    await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    for key in foreign_keys:
        await session.execute(text(f"ALTER TABLE {key.table} ALTER CONSTRAINT {key.name} NOT DEFERRABLE"))
    for table in manifest.tables:
        await session.execute(text(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER'))
    await _check_rules(session)
    for name, value in manifest.sequences.items():
        await session.only_value(_SET, {"name": name, "value": value}, kind=int)


async def _check_rules(session: WriteSession) -> None:
    """Check the rules that only triggers guard. Raises InvalidFile."""
    for rule in CHECKED_PER_STATEMENT:
        if await session.only_value(text(f"SELECT EXISTS ({rule.broken})"), kind=bool):
            raise InvalidFile(file="backup", why=f"it breaks a rule of the database: {rule.sentence} Use another backup.")


async def _parts(packed: zipfile.ZipFile, name: str) -> AsyncIterator[bytes]:
    with packed.open(f"tables/{name}.copy") as part:
        while chunk := part.read(_CHUNK_BYTES):
            yield chunk


@dataclass(frozen=True, slots=True)
class Missing:
    """Secrets that can't be decrypted and proofs that are missing, such as after a restore without the secret key or the uploads."""

    devices: Sequence[str]
    users: Sequence[str]
    proofs: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.devices or self.users or self.proofs)


_DEVICES: Final = text("SELECT name, config FROM device ORDER BY name")
_TWO_STEP: Final = text(
    "SELECT username, coalesce(totp_secret, totp_pending) AS locked FROM app_user"
    " WHERE coalesce(totp_secret, totp_pending) IS NOT NULL ORDER BY username"
)


async def missing(database: Database, store: ObjectStore, vault: Vault) -> Missing:
    """Find devices and users whose secrets no key decrypts, and proofs that aren't in the store.

    Raises DatabaseUnavailable; OSError or obstore's BaseError if the store is unavailable.
    """
    async with database.reading() as session:
        devices = [row.name for row in await session.rows(_DEVICES, into=_Device) if not vault.opens(row.config)]
        users = [row.username for row in await session.rows(_TWO_STEP, into=_TwoStep) if not vault.opens(row.locked)]
        named = await session.values(_PROOFS, kind=str)
    stored = set(await store.keys_older_than(datetime.max.replace(tzinfo=UTC))) if named else set()
    return Missing(devices, users, [key for key in named if key not in stored])
