"""Tagihan: what a customer owes for one stretch of service."""

from datetime import date

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.models.columns import Amount, Base, Id, Instant, String


class Invoice(Base):
    """Append-only, but for `allocated`, which only the trigger on `allocation` moves.

    Foreign keys cost about 4 µs a row each in generation, so there are two: the customer, and the series (which names
    period and counter). `run_id` is watched by an invariant instead.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        ForeignKeyConstraint(["period_id", "counter_id"], ["invoice_series.period_id", "invoice_series.counter_id"]),
        # numbers are given once
        UniqueConstraint("period_id", "counter_id", "sequence"),
        # nobody is billed twice in a period, whoever generates and however often
        UniqueConstraint("customer_id", "period_id"),
        CheckConstraint("total >= 0 AND allocated BETWEEN 0 AND total", name="allocated"),
        CheckConstraint("covers_from < covers_until", name="covers"),
        # what is still owed: payments take the oldest first, isolation asks who is late
        Index("invoice_open_idx", "customer_id", "due_on", "id", postgresql_where=text("allocated < total")),
    )

    id: Mapped[Id]
    period_id: Mapped[int] = mapped_column(BigInteger)
    counter_id: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int] = mapped_column(Integer)
    number: Mapped[String]
    """INV/2026-02/LKT01/000123"""
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    run_id: Mapped[int | None] = mapped_column(BigInteger)
    plan_name: Mapped[String]
    covers_from: Mapped[date]
    covers_until: Mapped[date]
    issued_at: Mapped[Instant]
    due_on: Mapped[date]
    total: Mapped[Amount]
    allocated: Mapped[Amount]
    """How much of it payments have settled."""


class InvoiceLine(Base):
    """What the total consists of, with the prices as they were."""

    __tablename__ = "invoice_line"
    __table_args__ = (CheckConstraint("amount = quantity * unit_price", name="amount"),)

    invoice_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("invoice.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[String]
    description: Mapped[String]
    quantity: Mapped[int] = mapped_column(SmallInteger)
    unit_price: Mapped[Amount]
    amount: Mapped[Amount]
