"""Record of the backups that were made."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String


class BackupRun(Base):
    """A backup that was begun. Without `finished_at` it is being made, or its process was killed."""

    __tablename__ = "backup_run"

    id: Mapped[Id]
    name: Mapped[String]
    started_at: Mapped[Instant]
    """What was committed before is in it."""
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    feed_number: Mapped[int | None] = mapped_column(BigInteger)
    """Last number of the feed in it."""
    error: Mapped[str | None] = mapped_column(Text)
    proven_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was restored into a scratch server and checked."""
    proof_error: Mapped[str | None] = mapped_column(Text)
