"""The event log: what happened, written in the transaction of the deed."""

from typing import Any

from sqlalchemy import BigInteger, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String


class Event(Base):
    """Who did what to which thing, when, at which counter. Append-only (trigger). Audit log, outbox and feed at once."""

    __tablename__ = "event"
    # the history of one thing
    __table_args__ = (Index(None, "subject", "subject_id", "id"),)

    id: Mapped[Id]
    """Unique, but in the order of writing, not of commit: a feed needs its own numbers."""
    at: Mapped[Instant]
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[String]
    kind: Mapped[String]
    subject: Mapped[String]
    subject_id: Mapped[int] = mapped_column(BigInteger)
    counter_id: Mapped[int | None] = mapped_column(BigInteger)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
