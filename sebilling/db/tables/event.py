"""Event log, written in the transaction of each operation."""

from typing import Final

from pydantic import JsonValue
from sqlalchemy import BigInteger, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String

_CUSTOMER: Final = "event_customer(subject, subject_id, data)"


class Event(Base):
    """An event: who did what to which object, when, at which counter. Append-only (trigger). Audit log, outbox and feed at once."""

    __tablename__ = "event"
    __table_args__ = (
        # for the history of one object
        Index(None, "subject", "subject_id", "id"),
        # for a list of rare kinds, and for what someone did who does little: without them all of the log is read
        Index(None, "kind", "id"),
        Index(None, "actor_id", "id"),
        # for a customer's events and timeline
        Index("event_customer_idx", text(_CUSTOMER), "id", postgresql_where=text(f"{_CUSTOMER} IS NOT NULL")),
    )

    id: Mapped[Id]
    """Unique, but ordered by writing, not by commit: the feed needs its own numbers."""
    at: Mapped[Instant]
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[String]
    kind: Mapped[String]
    subject: Mapped[String]
    subject_id: Mapped[int] = mapped_column(BigInteger)
    counter_id: Mapped[int | None] = mapped_column(BigInteger)
    data: Mapped[dict[str, JsonValue]] = mapped_column(JSONB)
