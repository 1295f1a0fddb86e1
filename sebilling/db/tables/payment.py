"""Payments (pembayaran): money received, and its allocation to invoices."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, Computed, DateTime, ForeignKey, Index, Numeric, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class PaymentMethod(Base):
    """A payment method, and the account of the journal that it is booked to. Migrations write its rows; nothing changes them (trigger)."""

    __tablename__ = "payment_method"
    __table_args__ = (
        CheckConstraint("account IN ('CASH_ON_HAND', 'CENTRAL_CASH', 'BANK', 'OTHER_RECEIPTS', 'OPENING_BALANCE')", name="account"),
        # drawers hold CASH, and nothing but CASH
        CheckConstraint("(code = 'CASH') = (account = 'CASH_ON_HAND')", name="cash"),
        CheckConstraint("(code = 'OPENING') = (account = 'OPENING_BALANCE')", name="opening"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    account: Mapped[String]


class Payment(Base):
    """Money received from a customer. Append-only, except `allocated`, `refunded` and `reversed_at`, which only triggers change."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint("allocated >= 0 AND refunded >= 0 AND allocated + refunded <= amount", name="allocated"),
        CheckConstraint("reversed_at IS NULL OR allocated + refunded = 0", name="reversed"),
        CheckConstraint("surplus_because IN ('', 'OVERPAID', 'IN_ADVANCE', 'ALREADY_PAID')", name="surplus_because"),
        Index(None, "customer_id", "id"),
        # for the recap of a counter and month
        Index(None, "counter_id", "received_on", "id"),
        # for a counter's list, newest first
        Index(None, "counter_id", "id"),
        # for what one user received, newest first
        Index(None, "received_by", "id"),
        # for the list of those that exceeded what was owed, a few of all
        Index("payment_surplus_idx", "id", postgresql_where=text("surplus_because <> ''")),
        # for credit that settles the next invoice
        Index("payment_credit_idx", "customer_id", postgresql_where=text("credit > 0")),
        # for totals of many payments (db/sql/payment_totals.sql)
        Index(
            "payment_reversed_idx",
            "id",
            postgresql_where=text("reversed_at IS NOT NULL"),
            postgresql_include=["counter_id", "method", "received_on", "amount"],  # type: ignore[misc]  # SQLAlchemy doesn't type a dialect's options
        ),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    counter_id: Mapped[int] = mapped_column(ForeignKey("counter.id"))
    """Counter where it was received: not always the customer's own."""
    amount: Mapped[Amount]
    allocated: Mapped[Amount]
    method: Mapped[str] = mapped_column(ForeignKey("payment_method.code"))
    received_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    collected_at: Mapped[Instant]
    """Time at which the money was handed over, by the phone's clock."""
    received_at: Mapped[Instant]
    """Time at which the server recorded it."""
    received_on: Mapped[date]
    """Local day of `received_at` at the counter, in whose recap it is included."""
    note: Mapped[String]
    surplus_because: Mapped[String]
    """Reason for a surplus when it was received, if there was one."""
    refunded: Mapped[Amount]
    reversed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    credit: Mapped[int] = mapped_column(
        BigInteger, Computed("CASE WHEN reversed_at IS NULL THEN amount - allocated - refunded ELSE 0 END", persisted=True), nullable=False
    )
    """Credit (titipan): the amount neither allocated nor refunded."""


class Allocation(Base):
    """Allocation of a part of a payment to an invoice."""

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


class CreditHold(Base):
    """A hold on a payment's credit, which then settles no debts automatically. Written once, ended once."""

    __tablename__ = "credit_hold"
    # at most one live hold per payment; looked up for each credit that could settle an invoice
    __table_args__ = (Index("credit_hold_current_idx", "payment_id", unique=True, postgresql_where=text("released_at IS NULL")),)

    id: Mapped[Id]
    payment_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("payment.id"))
    reason: Mapped[String]
    held_at: Mapped[Instant]
    held_by: Mapped[int | None] = mapped_column(BigInteger)
    released_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    released_by: Mapped[int | None] = mapped_column(BigInteger)


class DailyTakings(Base):
    """Money received and reversed at a counter on a day, by method: the sums of the payments, moved by deferred triggers.

    Numeric, so that a payment is never refused for what was received before it.
    """

    __tablename__ = "daily_takings"

    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(Text, ForeignKey("payment_method.code"), primary_key=True)
    payments: Mapped[int] = mapped_column(BigInteger)
    """Number of payments received, also of those that were reversed."""
    received: Mapped[Decimal] = mapped_column(Numeric)
    reversed: Mapped[Decimal] = mapped_column(Numeric)
    """Amount of payments reversed on this day, whenever they were received."""
