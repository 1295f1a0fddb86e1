"""Periode: one billing month."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.models.columns import Base, Id, Instant


class Period(Base):
    """A month opened by hand, once. Closed, it takes no new invoices (trigger)."""

    __tablename__ = "period"
    __table_args__ = (CheckConstraint("extract(day FROM month) = 1", name="month"),)

    id: Mapped[Id]
    month: Mapped[date] = mapped_column(unique=True)
    """Its first day."""
    opened_at: Mapped[Instant]
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class InvoiceSeries(Base):
    """The next free invoice number of a counter in a period; its row lock makes the numbers gapless."""

    __tablename__ = "invoice_series"
    __table_args__ = (CheckConstraint("next_number >= 1", name="next_number"),)

    period_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("period.id"), primary_key=True)
    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True)
    next_number: Mapped[int] = mapped_column(Integer)
