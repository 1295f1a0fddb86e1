"""Invoices (tagihan): amounts that a customer owes for a stretch of service."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class Invoice(Base):
    """An invoice. Append-only, except `allocated`, `written_off` and `voided_at`, which only triggers change.

    Triggers check once per statement that the customer and the series (of a period and counter) exist, that it is the customer's
    counter, and that no day is billed twice (db/sql/invoice_checks.sql, docs/decisions/0026). An invariant checks `run_id`.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        # numbers are unique
        UniqueConstraint("period_id", "counter_id", "sequence"),
        # at most one ordinary invoice per customer and period, whoever generates and however often
        Index(
            "invoice_live_period_idx",
            "customer_id",
            "period_id",
            unique=True,
            postgresql_where=text("voided_at IS NULL AND covers_from < covers_until"),
        ),
        # at most one invoice over charges alone, which covers no days, per customer and period
        Index(
            "invoice_charges_alone_idx",
            "customer_id",
            "period_id",
            unique=True,
            postgresql_where=text("voided_at IS NULL AND covers_from = covers_until"),
        ),
        # for the last covered day of a customer in the pricing rule, the check for days billed twice, and lists of a customer's invoices
        Index(None, "customer_id", "covers_until"),
        # for a counter's list, newest first
        Index(None, "counter_id", "id"),
        CheckConstraint("total >= 0 AND allocated >= 0 AND written_off >= 0 AND allocated + written_off <= total", name="allocated"),
        CheckConstraint("voided_at IS NULL OR allocated + written_off = 0", name="voided"),
        CheckConstraint("covers_from <= covers_until", name="covers"),
        # for outstanding invoices: payments settle the oldest first, isolation finds overdue customers
        Index("invoice_open_idx", "customer_id", "due_on", "id", postgresql_where=text("outstanding > 0")),
        # for what a counter is owed, also by period and age (dashboard, periods), and a counter's open invoices by due date
        Index(
            "invoice_owed_idx",
            "counter_id",
            "due_on",
            "id",
            postgresql_include=["outstanding", "period_id", "customer_id"],  # type: ignore[misc]  # SQLAlchemy doesn't type a dialect's options
            postgresql_where=text("outstanding > 0"),
        ),
        # for lists of the rare statuses: a few entries among all of history
        Index("invoice_partly_paid_idx", "id", postgresql_where=text("outstanding > 0 AND outstanding < total")),
        Index("invoice_written_off_idx", "id", postgresql_where=text("written_off > 0")),
        Index("invoice_void_idx", "id", postgresql_where=text("voided_at IS NOT NULL")),
        # for the sums of periods (period_totals.sql): what no run issued, such as opening balances, and what no longer counts
        Index(
            "invoice_written_off_total_idx",
            "period_id",
            "counter_id",
            postgresql_include=["written_off"],  # type: ignore[misc]  # as above
            postgresql_where=text("written_off > 0"),
        ),
        Index(
            "invoice_void_total_idx",
            "period_id",
            "counter_id",
            postgresql_include=["total"],  # type: ignore[misc]  # as above
            postgresql_where=text("voided_at IS NOT NULL"),
        ),
        Index(
            "invoice_no_run_idx",
            "period_id",
            "counter_id",
            postgresql_include=["total"],  # type: ignore[misc]  # as above
            postgresql_where=text("run_id IS NULL"),
        ),
        # for a month's list by time of issue, however old the month is
        Index(None, "period_id", "id"),
    )

    id: Mapped[Id]
    period_id: Mapped[int] = mapped_column(BigInteger)
    counter_id: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int] = mapped_column(Integer)
    number: Mapped[String]
    """Number, such as INV/2026-02/LKT01/000123."""
    customer_id: Mapped[int] = mapped_column(BigInteger)
    run_id: Mapped[int | None] = mapped_column(BigInteger)
    plan_name: Mapped[String]
    covers_from: Mapped[date]
    covers_until: Mapped[date]
    issued_at: Mapped[Instant]
    due_on: Mapped[date]
    total: Mapped[Amount]
    allocated: Mapped[Amount]
    """Amount settled by payments."""
    written_off: Mapped[Amount]
    voided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    outstanding: Mapped[int] = mapped_column(
        BigInteger,
        Computed("CASE WHEN voided_at IS NULL THEN total - allocated - written_off ELSE 0 END", persisted=True),
        nullable=False,
    )
    """Outstanding amount (sisa tagihan)."""


class InvoiceLine(Base):
    """A line of an invoice, with the price at that time. A trigger checks that the invoice exists, once per statement."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        CheckConstraint("amount = quantity * unit_price", name="amount"),
        CheckConstraint("line_account(kind) IS NOT NULL", name="kind"),
        CheckConstraint("(kind = 'DISCOUNT') = (amount < 0)", name="sign"),
        CheckConstraint("(kind = 'TAX') = (tax_rate IS NOT NULL)", name="tax"),
        # for the invoice that billed a charge
        Index("invoice_line_charge_idx", "charge_id", postgresql_where=text("charge_id IS NOT NULL")),
    )

    invoice_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[String]
    description: Mapped[String]
    quantity: Mapped[int] = mapped_column(SmallInteger)
    unit_price: Mapped[Amount]
    amount: Mapped[Amount]
    charge_id: Mapped[int | None] = mapped_column(BigInteger)
    discount_id: Mapped[int | None] = mapped_column(BigInteger)
    tax_rate: Mapped[Decimal | None] = mapped_column(Numeric(7, 4))
    """For a tax line: percent of `tax_fraction` of `tax_base`, rounded according to `tax_rounding`."""
    tax_fraction: Mapped[str | None] = mapped_column(Text)
    tax_base: Mapped[int | None] = mapped_column(BigInteger)
    tax_rounding: Mapped[str | None] = mapped_column(Text)
