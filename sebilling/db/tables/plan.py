"""Plans (paket)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class Plan(Base):
    """A plan: a monthly price and a speed. Changing it affects no issued invoice: those keep copies."""

    __tablename__ = "plan"
    __table_args__ = (CheckConstraint("price BETWEEN 0 AND 1000000000000", name="price"),)

    id: Mapped[Id]
    name: Mapped[String] = mapped_column(unique=True)
    price: Mapped[Amount]
    rate_down_kbps: Mapped[int | None] = mapped_column(Integer)
    rate_up_kbps: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[Instant]
    archived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Since then no customer gets it; those who have it keep it."""
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """Grows with each change by a person."""
