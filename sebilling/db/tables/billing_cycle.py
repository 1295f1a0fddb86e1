"""Custom pembayaran: paying several months at once from a date."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant


class BillingCycle(Base):
    """From `effective_from` on, invoices cover `months` each; 1 is the ordinary month by month. Append-only: the history.

    In a period the newest row that begins before the period's end holds, so a later decision undoes earlier ones that
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
