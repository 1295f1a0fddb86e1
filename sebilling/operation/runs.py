"""Record of the backups that were made, for `sebilling status`: when, where to, how it ended, and whether it was proven."""

from dataclasses import dataclass
from datetime import datetime, timedelta
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
    SELECT (SELECT max(started_at) FROM backup_run) AS tried_at,
           (SELECT max(started_at) FROM backup_run WHERE finished_at IS NOT NULL AND error IS NULL) AS made_at,
           (SELECT max(proven_at) FROM backup_run) AS proven_at,
           (SELECT name FROM backup_run WHERE finished_at IS NOT NULL AND error IS NULL ORDER BY id DESC LIMIT 1) AS name
    """
)


@dataclass(frozen=True, slots=True)
class Last:
    """The last backups: started, made, proven; and the name of the last one that was made."""

    tried_at: datetime | None
    made_at: datetime | None
    proven_at: datetime | None
    """Whether the proof succeeded or not."""
    name: str | None

    def is_due(self, now: datetime, *, moment: datetime, pause: timedelta) -> bool:
        """Whether one must be made: none was since `moment`, and the last try is older than `pause`."""
        return (self.made_at is None or self.made_at < moment <= now) and (self.tried_at is None or now - self.tried_at >= pause)


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
