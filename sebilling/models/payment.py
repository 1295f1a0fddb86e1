"""Pembayaran: money received, and what it settles."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.models.columns import Amount, Base, Id, Instant, String


class Payment(Base):
    """Money received from a customer. Append-only, but for `allocated`, which only the trigger on `allocation` moves."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 1 AND 1000000000000000", name="amount"),
        CheckConstraint("allocated BETWEEN 0 AND amount", name="allocated"),
        CheckConstraint("method IN ('CASH', 'TRANSFER', 'QRIS', 'OTHER')", name="method"),
        Index(None, "customer_id", "id"),
        # the recap of a counter and month, and the list of a counter's payments
        Index(None, "counter_id", "received_on", "id"),
        # credit that waits for the next invoice
        Index("payment_credit_idx", "customer_id", postgresql_where=text("allocated < amount")),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    counter_id: Mapped[int] = mapped_column(ForeignKey("counter.id"))
    """Where it was received: not always the customer's own counter."""
    amount: Mapped[Amount]
    allocated: Mapped[Amount]
    method: Mapped[String]
    received_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    collected_at: Mapped[Instant]
    """When the money changed hands, by the phone's clock."""
    received_at: Mapped[Instant]
    """When the server recorded it."""
    received_on: Mapped[date]
    """The local day of `received_at` at the counter: the day in whose recap it stands."""
    note: Mapped[String]


class Allocation(Base):
    """A part of a payment that settles a part of an invoice."""

    __tablename__ = "allocation"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index(None, "invoice_id"),
        Index(None, "payment_id"),
    )

    id: Mapped[Id]
    payment_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("payment.id"))
    invoice_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("invoice.id"))
    amount: Mapped[Amount]
    allocated_at: Mapped[Instant]
