"""Billing cycles (custom pembayaran): paying several months at once from a date."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant


class BillingCycle(Base):
    """A billing cycle: from `effective_from` on, each invoice covers `months` months. 1 is ordinary monthly billing. Append-only.

    In a period the newest row that begins before the period's end applies, so a later row replaces earlier ones that
    would begin after it.
    """

    __tablename__ = "billing_cycle"
    __table_args__ = (CheckConstraint("months BETWEEN 1 AND 60", name="months"), Index(None, "customer_id", "id"))

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    months: Mapped[int] = mapped_column(SmallInteger)
    effective_from: Mapped[date]
    set_at: Mapped[Instant]
    set_by: Mapped[int | None] = mapped_column(BigInteger)
