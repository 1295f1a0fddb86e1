"""Corrections: rows that name what they correct, each at most once. Nothing is edited or deleted."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class InvoiceVoid(Base):
    """A void invoice. It keeps its number; its days and charges can be billed again (trigger)."""

    __tablename__ = "invoice_void"
    __table_args__ = (Index(None, "period_id"),)

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True, autoincrement=False)
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    """Period whose recap includes the void: the invoice's own while that is open, else the newest open one."""
    reason: Mapped[String]
    voided_at: Mapped[Instant]
    voided_by: Mapped[int | None] = mapped_column(BigInteger)


class PaymentReversal(Base):
    """A reversed payment, which was not received. The invoices that it had settled are open again (trigger)."""

    __tablename__ = "payment_reversal"
    __table_args__ = (Index(None, "reversed_on"),)

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), primary_key=True, autoincrement=False)
    reason: Mapped[String]
    reversed_at: Mapped[Instant]
    reversed_on: Mapped[date]
    """The counter's day, in whose recap it is included."""
    reversed_by: Mapped[int | None] = mapped_column(BigInteger)


class Deallocation(Base):
    """A reversed allocation: its money is credit again and its invoice open."""

    __tablename__ = "deallocation"

    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"), primary_key=True, autoincrement=False)
    deallocated_at: Mapped[Instant]


class WriteOff(Base):
    """A written-off amount of an invoice: a debt that nobody will pay, or a late fee whose overdue invoice was voided."""

    __tablename__ = "write_off"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("write_off_account(kind) IS NOT NULL", name="kind"),
        CheckConstraint("(kind = 'LATE_FEE') = (charge_id IS NOT NULL)", name="charge"),
        Index(None, "invoice_id"),
        # a fee is cancelled at most once
        Index("write_off_charge_idx", "charge_id", unique=True, postgresql_where=text("charge_id IS NOT NULL")),
    )

    id: Mapped[Id]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    amount: Mapped[Amount]
    reason: Mapped[String]
    written_off_at: Mapped[Instant]
    written_off_on: Mapped[date]
    written_off_by: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[String] = mapped_column(server_default="BAD_DEBT")
    """BAD_DEBT is a loss; LATE_FEE reduces revenue."""
    charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))
    """For LATE_FEE: the charge of the fee."""


class WriteOffReversal(Base):
    """A reversed write-off: the invoice owes that amount again (trigger)."""

    __tablename__ = "write_off_reversal"

    write_off_id: Mapped[int] = mapped_column(ForeignKey("write_off.id"), primary_key=True, autoincrement=False)
    reason: Mapped[String]
    reversed_at: Mapped[Instant]
    reversed_on: Mapped[date]
    reversed_by: Mapped[int | None] = mapped_column(BigInteger)


class Refund(Base):
    """Credit refunded to the customer. Cash leaves the drawer of the collector who paid it."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("method <> 'OPENING'", name="method"),
        Index(None, "payment_id"),
        Index(None, "counter_id", "refunded_on"),
    )

    id: Mapped[Id]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    """Payment whose credit is refunded."""
    counter_id: Mapped[int] = mapped_column(ForeignKey("counter.id"))
    amount: Mapped[Amount]
    method: Mapped[str] = mapped_column(ForeignKey("payment_method.code"))
    reason: Mapped[String]
    refunded_at: Mapped[Instant]
    refunded_on: Mapped[date]
    refunded_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))


class RefundReversal(Base):
    """A reversed refund, which was not paid: it is credit again, and cash is back in the drawer that it had left (trigger, view)."""

    __tablename__ = "refund_reversal"

    refund_id: Mapped[int] = mapped_column(ForeignKey("refund.id"), primary_key=True, autoincrement=False)
    reason: Mapped[String]
    reversed_at: Mapped[Instant]
    reversed_on: Mapped[date]
    reversed_by: Mapped[int | None] = mapped_column(BigInteger)
