"""Tagihan: what a customer owes for one stretch of service."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class Invoice(Base):
    """Append-only, but for `allocated`, `written_off` and `voided_at`, which only triggers move.

    Foreign keys cost about 4 µs a row each in generation, so there are two: the customer, and the series (which names
    period and counter). `run_id` is watched by an invariant instead.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        ForeignKeyConstraint(["period_id", "counter_id"], ["invoice_series.period_id", "invoice_series.counter_id"]),
        # numbers are given once
        UniqueConstraint("period_id", "counter_id", "sequence"),
        # nobody is billed twice in a period, whoever generates and however often
        Index(
            "invoice_live_period_idx",
            "customer_id",
            "period_id",
            unique=True,
            postgresql_where=text("voided_at IS NULL AND covers_from < covers_until"),
        ),
        # charges are billed alone, over no days, at most once in a period
        Index(
            "invoice_charges_alone_idx",
            "customer_id",
            "period_id",
            unique=True,
            postgresql_where=text("voided_at IS NULL AND covers_from = covers_until"),
        ),
        # no day of service is billed twice; see docs/decisions/0008
        ExcludeConstraint(
            (text("customer_id"), "="),
            (func.daterange(text("covers_from"), text("covers_until")), "&&"),
            where=text("voided_at IS NULL"),
            name="invoice_covers_excl",
        ),
        # the pricing rule asks until when a customer is covered, lists ask for a customer's invoices
        Index(None, "customer_id", "covers_until"),
        # a counter's list, the newest first
        Index(None, "counter_id", "id"),
        CheckConstraint("total >= 0 AND allocated >= 0 AND written_off >= 0 AND allocated + written_off <= total", name="allocated"),
        CheckConstraint("voided_at IS NULL OR allocated + written_off = 0", name="voided"),
        CheckConstraint("covers_from <= covers_until", name="covers"),
        # what is still owed: payments take the oldest first, isolation asks who is late
        Index("invoice_open_idx", "customer_id", "due_on", "id", postgresql_where=text("outstanding > 0")),
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
    written_off: Mapped[Amount]
    voided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    outstanding: Mapped[int] = mapped_column(
        BigInteger,
        Computed("CASE WHEN voided_at IS NULL THEN total - allocated - written_off ELSE 0 END", persisted=True),
        nullable=False,
    )
    """Sisa tagihan."""


class InvoiceLine(Base):
    """What the total consists of, with the prices as they were."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        CheckConstraint("amount = quantity * unit_price", name="amount"),
        CheckConstraint("kind IN ('SUBSCRIPTION', 'PRORATION', 'CHARGE', 'DISCOUNT', 'TAX', 'LATE_FEE', 'OPENING')", name="kind"),
        CheckConstraint("(kind = 'DISCOUNT') = (amount < 0)", name="sign"),
        CheckConstraint("(kind = 'TAX') = (tax_rate IS NOT NULL)", name="tax"),
        # which invoice billed a charge
        Index("invoice_line_charge_idx", "charge_id", postgresql_where=text("charge_id IS NOT NULL")),
    )

    invoice_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("invoice.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[String]
    description: Mapped[String]
    quantity: Mapped[int] = mapped_column(SmallInteger)
    unit_price: Mapped[Amount]
    amount: Mapped[Amount]
    charge_id: Mapped[int | None] = mapped_column(BigInteger)
    discount_id: Mapped[int | None] = mapped_column(BigInteger)
    tax_rate: Mapped[Decimal | None] = mapped_column(Numeric(7, 4))
    """Of a tax line: percent of `tax_fraction` of `tax_base`, rounded as `tax_rounding` says."""
    tax_fraction: Mapped[str | None] = mapped_column(Text)
    tax_base: Mapped[int | None] = mapped_column(BigInteger)
    tax_rounding: Mapped[str | None] = mapped_column(Text)
