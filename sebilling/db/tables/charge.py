"""One-off charges and discounts."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class Charge(Base):
    """A one-off charge, billed with the next invoice; if that is voided, with the one after it.

    Append-only, except `invoice_id`, which only triggers change, and `cancelled_at`, which is set once.
    """

    __tablename__ = "charge"
    __table_args__ = (
        CheckConstraint("kind IN ('INSTALLATION', 'DEVICE', 'CABLE', 'LATE_FEE', 'OTHER')", name="kind"),
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint("(kind = 'LATE_FEE') = (overdue_invoice_id IS NOT NULL)", name="overdue"),
        CheckConstraint("invoice_id IS NULL OR cancelled_at IS NULL", name="cancelled"),
        # for the pricing rule: charges not invoiced yet
        Index("charge_waiting_idx", "customer_id", postgresql_where=text("invoice_id IS NULL AND cancelled_at IS NULL")),
        Index(None, "customer_id", "id"),
        # for voiding an invoice, which releases its charges
        Index("charge_billed_idx", "invoice_id", postgresql_where=text("invoice_id IS NOT NULL")),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    kind: Mapped[String]
    description: Mapped[String]
    amount: Mapped[Amount]
    overdue_invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"), unique=True)
    """For a late fee: the overdue invoice. Unique: one fee per overdue invoice."""
    created_at: Mapped[Instant]
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    invoice_id: Mapped[int | None] = mapped_column(BigInteger)
    """The live invoice that bills it."""
    cancelled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Discount(Base):
    """A discount on the months that begin in [from_on, until_on), for one customer or for all customers of a plan.

    Only its end can change.
    """

    __tablename__ = "discount"
    __table_args__ = (
        CheckConstraint("(customer_id IS NULL) <> (plan_id IS NULL)", name="target"),
        CheckConstraint("(amount IS NULL) <> (percent IS NULL)", name="measure"),
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint("percent > 0 AND percent <= 100", name="percent"),
        CheckConstraint("from_on <= until_on", name="stretch"),
        Index("discount_customer_idx", "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
        Index("discount_plan_idx", "plan_id", postgresql_where=text("plan_id IS NOT NULL")),
    )

    id: Mapped[Id]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    """Rupiah off each month."""
    percent: Mapped[Decimal | None] = mapped_column(Numeric(7, 4))
    """Percent of each month's price."""
    description: Mapped[String]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    created_at: Mapped[Instant]
