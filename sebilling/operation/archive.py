"""A backup: the whole database at one moment, and the proofs that it names, in one ZIP file.

The tables are written by COPY in one snapshot, as text, with the schema's revision. That needs no pg_dump, whose version must match the
server's, and any later SeBilling can read it. A truncated ZIP has no directory and can't be opened, and each part has a checksum. The
secret key is in it only if it was sealed with a passphrase: a backup alone gives access to no router.
"""

import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import text

from sebilling import __version__, feed
from sebilling.db.driver import driver_of
from sebilling.db.engine import Database, ReadSession
from sebilling.db.migrate import revisions
from sebilling.operator_errors import UnusableFile
from sebilling.storage import ObjectMissing, ObjectStore

if TYPE_CHECKING:
    import asyncpg  # only the stubs know that its classes are generic

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_KEY: Final = "secret.key.sealed"
CHUNK_BYTES: Final = 256 * 1024
REVISION: Final = text("SELECT version_num FROM alembic_version")
TABLES: Final = text(
    """
    SELECT pg_class.relname AS name, array_agg(attname::text ORDER BY attnum) AS columns
      FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
     GROUP BY pg_class.relname ORDER BY pg_class.relname
    """
)
_SEQUENCES: Final = text("SELECT sequencename AS name, last_value AS value FROM pg_sequences WHERE schemaname = current_schema()")
_PROOFS: Final = text("SELECT object_key FROM proof ORDER BY object_key")


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
    version: str
    """Version of SeBilling that wrote it."""
    made_at: datetime
    revision: str
    tables: tuple[Table, ...]
    sequences: dict[str, int]
    uploads: tuple[str, ...]
    missing_uploads: tuple[str, ...]
    """Proofs that the database names but the store didn't have."""
    feed_number: int
    feed_digest: str
    """Digest of the last numbered event, in hexadecimal: it proves that no event up to that one was changed."""
    has_key: bool
    """Whether the secret key is in it, sealed."""

    @property
    def rows(self) -> int:
        """Number of rows of all tables."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True, slots=True)
class Columns:
    """A table of the database and its columns, without generated ones."""

    name: str
    columns: list[str]


@dataclass(frozen=True, slots=True)
class _Sequence:
    name: str
    value: int | None
    """None: never used."""


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


async def write(database: Database, store: ObjectStore, file: Path, *, at: datetime, sealed: bytes | None = None) -> Manifest:
    """Write a backup to `file`, completely or not at all, while the database stays in use. Only its owner can read the file.

    `sealed` is the secret key, sealed with a passphrase; without it the key isn't in the backup.

    Raises UnusableFile if the file exists or can't be written, DatabaseUnavailable.
    """
    if file.exists():  # noqa: ASYNC240 - nothing else runs in this process
        raise UnusableFile(file=file, why="it exists already: choose another name.")
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed:
                manifest = await _copy(database, store, packed, at=at, sealed=sealed)
                packed.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
            raw.flush()
            os.fsync(raw.fileno())
        if read(fresh) != manifest or not manifest.tables:
            raise UnusableFile(file=file, why="reading it back gave something else than was written: check the disk.")
        fresh.rename(file)
    except OSError as error:
        raise UnusableFile(file=file, why=f"it can't be written: {error.strerror or error}.") from error
    finally:
        fresh.unlink(missing_ok=True)
    return manifest


async def _copy(database: Database, store: ObjectStore, packed: zipfile.ZipFile, *, at: datetime, sealed: bytes | None) -> Manifest:
    async with database.snapshot() as session:
        revision = await session.only_value(REVISION, kind=str)  # the snapshot begins here
        copying = _Copying(session, await driver_of(session.connection), packed)
        tables = [await copying.table(row.name, row.columns) for row in await session.rows(TABLES, into=Columns)]
        sequences = {row.name: row.value for row in await session.rows(_SEQUENCES, into=_Sequence) if row.value is not None}
        keys = await session.values(_PROOFS, kind=str)
        head = await feed.head(session)
    if sealed is not None:
        packed.writestr(_KEY, sealed)
    uploads, missing = [], []
    for key in keys:
        try:
            part = zipfile.ZipInfo(f"uploads/{key}", (at.year, at.month, at.day, at.hour, at.minute, at.second))
            packed.writestr(part, await store.get(key))
            uploads.append(key)
        except ObjectMissing:
            missing.append(key)
    return Manifest(
        format=FORMAT, version=__version__, made_at=at, revision=revision, tables=tuple(tables), sequences=sequences,
        uploads=tuple(uploads), missing_uploads=tuple(missing), feed_number=head.number, feed_digest=head.digest.hex(),
        has_key=sealed is not None,
    )  # fmt: skip


def read(file: Path) -> Manifest:
    """Read a backup's manifest, after reading and checking every part of it. Raises UnusableFile."""
    try:
        with zipfile.ZipFile(file) as packed:
            broken = packed.testzip()
            manifest = Manifest.model_validate_json(packed.read(_MANIFEST))
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, ValidationError) as error:
        raise UnusableFile(file=file, why=f"it is not a complete backup ({type(error).__name__}): use another one.") from error
    if broken is not None:
        raise UnusableFile(file=file, why=f"its part {broken} is damaged: use another backup.")
    if manifest.format != FORMAT or manifest.revision not in revisions():
        raise UnusableFile(file=file, why="it was made by a newer SeBilling: restore it with that version.")
    return manifest


def sealed_key(file: Path) -> bytes | None:
    """Return the sealed secret key of a backup that `read` accepted, or None. Raises OSError, BadZipFile."""
    with zipfile.ZipFile(file) as packed:
        return packed.read(_KEY) if _KEY in packed.namelist() else None
