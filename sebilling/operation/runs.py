"""Record of the backups that were made, for `sebilling status`: when, where to, how it ended, and whether it was proven."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text

from sebilling.actor import operator
from sebilling.db.engine import Database
from sebilling.db.parameters import instant
from sebilling.operation.archive import Manifest

_ACTOR: Final = operator("sebilling backup")
_MAX_ERROR: Final = 500
_BEGIN: Final = text("INSERT INTO backup_run (name, started_at) VALUES (:name, :at) RETURNING id").bindparams(instant("at"))
_END: Final = text(
    "UPDATE backup_run SET finished_at = :at, size_bytes = :size_bytes, feed_number = :feed_number, error = :error WHERE id = :id"
).bindparams(instant("at"))
_PROVEN: Final = text("UPDATE backup_run SET proven_at = :at, proof_error = :error WHERE name = :name").bindparams(instant("at"))
_LAST: Final = text(
    """
    SELECT (SELECT max(started_at) FROM backup_run) AS tried_at, proven.proven_at, proven.name AS proven, proven.proof_error
      FROM (VALUES (1)) one (row)
      LEFT JOIN (SELECT name, proven_at, proof_error FROM backup_run WHERE proven_at IS NOT NULL ORDER BY proven_at DESC LIMIT 1) proven
             ON true
    """
)


@dataclass(frozen=True, slots=True)
class Last:
    """When a backup was begun last, whether it succeeded or not; and the last proof, of which backup, and why it failed."""

    tried_at: datetime | None
    proven_at: datetime | None
    proven: str | None
    proof_error: str | None


async def begin(database: Database, name: str, *, at: datetime) -> int:
    """Record that a backup begins; return its id. Raises DatabaseUnavailable."""
    async with database.transaction(actor=_ACTOR, at=at) as session:
        return await session.only_value(_BEGIN, {"name": name, "at": at}, kind=int)


async def end(database: Database, run_id: int, made: tuple[Manifest, Path] | None, *, error: str | None, at: datetime) -> None:
    """Record how a backup ended: its manifest and file, or the error. Raises DatabaseUnavailable."""
    size, number = (None, None) if made is None else (made[1].stat().st_size, made[0].feed_number)
    bound = {"id": run_id, "at": at, "size_bytes": size, "feed_number": number, "error": None if error is None else error[:_MAX_ERROR]}
    async with database.transaction(actor=_ACTOR, at=at) as session:
        await session.execute(_END, bound)


async def proven(database: Database, name: str, *, error: str | None, at: datetime) -> None:
    """Record the proof of a backup; `error` says why it failed. Raises DatabaseUnavailable."""
    async with database.transaction(actor=_ACTOR, at=at) as session:
        await session.execute(_PROVEN, {"name": name, "error": None if error is None else error[:_MAX_ERROR], "at": at})


async def last(database: Database) -> Last:
    """Read when the last backups were. Raises DatabaseUnavailable."""
    (row,) = await database.fetch(_LAST, {}, into=Last)
    return row
