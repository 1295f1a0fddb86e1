"""Periods (periode): billing months."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class Period(Base):
    """A billing month, opened by hand once. Once closed it takes no new invoices (trigger). `closed_at` follows closings and reopenings."""

    __tablename__ = "period"
    __table_args__ = (CheckConstraint("extract(day FROM month) = 1", name="month"),)

    id: Mapped[Id]
    month: Mapped[date] = mapped_column(unique=True)
    """First day of the month."""
    opened_at: Mapped[Instant]
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PeriodClosing(Base):
    """A closing of a period, with the figures at that time (`period_closing_figure`). Append-only, kept when the period is reopened."""

    __tablename__ = "period_closing"
    # for the last closing, and whether a document was begun before it
    __table_args__ = (Index(None, "period_id", "id"), Index(None, "closed_at"))

    id: Mapped[Id]
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    incomplete: Mapped[bool] = mapped_column(Boolean)
    """Whether it was closed in spite of gaps (see billing/closings.py)."""
    closed_at: Mapped[Instant]
    """Time of the closing: no earlier document is dated later, and no later one earlier (`after_closings`)."""
    closed_by: Mapped[int | None] = mapped_column(BigInteger)


class PeriodReopening(Base):
    """A reopening, which ends one closing: the period takes invoices and corrections again."""

    __tablename__ = "period_reopening"
    __table_args__ = (CheckConstraint("reason <> ''", name="reason"),)

    id: Mapped[Id]
    closing_id: Mapped[int] = mapped_column(ForeignKey("period_closing.id"), unique=True)
    reason: Mapped[String]
    reopened_at: Mapped[Instant]
    reopened_by: Mapped[int | None] = mapped_column(BigInteger)


class PeriodClosingFigure(Base):
    """A counter's recap at a closing, in rupiah; the names are those of billing/recap.py."""

    __tablename__ = "period_closing_figure"

    closing_id: Mapped[int] = mapped_column(ForeignKey("period_closing.id"), primary_key=True)
    counter_id: Mapped[int] = mapped_column(ForeignKey("counter.id"), primary_key=True)
    invoices: Mapped[Amount]
    total_billed: Mapped[Amount]
    voided_earlier: Mapped[Amount]
    voided_later: Mapped[Amount]
    allocated: Mapped[Amount]
    written_off: Mapped[Amount]
    outstanding: Mapped[Amount]
    payments: Mapped[Amount]
    reversed: Mapped[Amount]
    refunded: Mapped[Amount]
    total_received: Mapped[Amount]
    credit: Mapped[Amount]
    total_deposited: Mapped[Amount]
    difference: Mapped[Amount]
    awaiting_verification: Mapped[Amount]
    cash_on_hand: Mapped[Amount]


class InvoiceSeries(Base):
    """Next free invoice number of a counter in a period; its row lock makes the numbers gapless."""

    __tablename__ = "invoice_series"
    __table_args__ = (CheckConstraint("next_number >= 1", name="next_number"),)

    period_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("period.id"), primary_key=True)
    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True)
    next_number: Mapped[int] = mapped_column(Integer)
