"""Opening balances of customers from a previous system. Append-only."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class OpeningBalance(Base):
    """A customer's arrears or credit, in rupiah, and the day until which the previous system had billed them. At most one each."""

    __tablename__ = "opening_balance"
    __table_args__ = (
        CheckConstraint("arrears >= 0 AND credit >= 0 AND (arrears = 0 OR credit = 0)", name="one_side"),
        CheckConstraint("(arrears > 0) = (invoice_id IS NOT NULL)", name="arrears"),
        CheckConstraint("(credit > 0) = (payment_id IS NOT NULL)", name="credit"),
    )

    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customer.id"), primary_key=True, autoincrement=False)
    period_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("period.id"))
    """The opening month, at whose end the balance applies."""
    arrears: Mapped[Amount]
    credit: Mapped[Amount]
    billed_until: Mapped[date | None] = mapped_column(Date)
    """First day to be billed here; None: the customer was installed after the opening month."""
    invoice_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("invoice.id"))
    """Invoice over the arrears."""
    payment_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("payment.id"))
    """Payment whose credit is the money paid ahead."""
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None] = mapped_column(BigInteger)


class OpeningHistory(Base):
    """An invoice or payment of the previous system: shown, but never counted."""

    __tablename__ = "opening_history"
    __table_args__ = (
        CheckConstraint("kind IN ('INVOICE', 'PAYMENT')", name="kind"),
        CheckConstraint("amount BETWEEN 0 AND 1000000000000", name="amount"),
        Index(None, "customer_id", "happened_on"),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customer.id"))
    happened_on: Mapped[date] = mapped_column(Date)
    kind: Mapped[String]
    amount: Mapped[Amount]
    note: Mapped[String]
