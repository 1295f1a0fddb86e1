"""Counters (loket): where customers pay."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String


class Counter(Base):
    """A place or route where customers pay. `code` is part of invoice numbers and never changes (trigger)."""

    __tablename__ = "counter"
    __table_args__ = (
        CheckConstraint("due_day BETWEEN 1 AND 28", name="due_day"),
        CheckConstraint("timezone IN ('Asia/Jakarta', 'Asia/Makassar', 'Asia/Jayapura')", name="timezone"),
    )

    id: Mapped[Id]
    code: Mapped[String] = mapped_column(unique=True)
    name: Mapped[String]
    timezone: Mapped[String]
    due_day: Mapped[int] = mapped_column(SmallInteger)
    """Day of the month on which its invoices are due."""
    created_at: Mapped[Instant]
    archived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Since then no customer is added or moved to it."""
