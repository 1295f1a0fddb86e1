"""Periode: one billing month."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class Period(Base):
    """A month opened by hand, once. Closed, it takes no new invoices (trigger). `closed_at` follows its closings and reopenings."""

    __tablename__ = "period"
    __table_args__ = (CheckConstraint("extract(day FROM month) = 1", name="month"),)

    id: Mapped[Id]
    month: Mapped[date] = mapped_column(unique=True)
    """Its first day."""
    opened_at: Mapped[Instant]
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PeriodClosing(Base):
    """One closing of a period, with the figures as they were (`period_closing_figure`). Append-only, kept when it is reopened."""

    __tablename__ = "period_closing"
    # which was the last, and whether a document was begun before it
    __table_args__ = (Index(None, "period_id", "id"), Index(None, "closed_at"))

    id: Mapped[Id]
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    incomplete: Mapped[bool] = mapped_column(Boolean)
    """Something was missing (see billing/closings.py), and it was closed all the same."""
    closed_at: Mapped[Instant]
    """No document of before is dated later, and none of afterwards earlier (`after_closings`)."""
    closed_by: Mapped[int | None] = mapped_column(BigInteger)


class PeriodReopening(Base):
    """The end of one closing: the period takes invoices and corrections again."""

    __tablename__ = "period_reopening"
    __table_args__ = (CheckConstraint("reason <> ''", name="reason"),)

    id: Mapped[Id]
    closing_id: Mapped[int] = mapped_column(ForeignKey("period_closing.id"), unique=True)
    reason: Mapped[String]
    reopened_at: Mapped[Instant]
    reopened_by: Mapped[int | None] = mapped_column(BigInteger)


class PeriodClosingFigure(Base):
    """A counter's recap as it was at a closing, in rupiah; the names are those of billing/recap.py."""

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
    """The next free invoice number of a counter in a period; its row lock makes the numbers gapless."""

    __tablename__ = "invoice_series"
    __table_args__ = (CheckConstraint("next_number >= 1", name="next_number"),)

    period_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("period.id"), primary_key=True)
    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True)
    next_number: Mapped[int] = mapped_column(Integer)
