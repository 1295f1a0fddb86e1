"""Isolation (isolir): policies, promises to pay, and blackout dates."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Integer, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class IsolationPolicy(Base):
    """Policy of a customer, else of a counter, else of the ISP (the row with neither)."""

    __tablename__ = "isolation_policy"
    __table_args__ = (
        # its function names the modes
        CheckConstraint("isolation_counted_from(mode, '2000-01-01', '2000-01-01', '2000-01-01') IS NOT NULL", name="mode"),
        CheckConstraint("days BETWEEN 0 AND 365", name="days"),
        CheckConstraint("minimum BETWEEN 1 AND 1000000000000", name="minimum"),
        CheckConstraint("customer_id IS NULL OR counter_id IS NULL", name="scope"),
        # at most one each for a customer, a counter, and the ISP; read for each customer by the view `isolation`
        UniqueConstraint("customer_id", "counter_id", postgresql_nulls_not_distinct=True),
        Index(None, "counter_id"),
    )

    id: Mapped[Id]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    counter_id: Mapped[int | None] = mapped_column(ForeignKey("counter.id"))
    mode: Mapped[String]
    days: Mapped[int] = mapped_column(SmallInteger)
    minimum: Mapped[Amount]
    """Rupiah: nobody is blocked for a smaller debt."""


class PaymentPromise(Base):
    """A promise to pay (janji bayar): not blocked up to and on a day. A customer's newest one applies. Append-only."""

    __tablename__ = "payment_promise"
    __table_args__ = (
        Index(None, "customer_id", "id"),
        # for the open ones
        Index(None, "until_on"),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    until_on: Mapped[date]
    reason: Mapped[String]
    promised_at: Mapped[Instant]
    promised_to: Mapped[int | None] = mapped_column(BigInteger)


class BlackoutDate(Base):
    """A day on which nobody is blocked, such as Lebaran."""

    __tablename__ = "blackout_date"

    day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[String]


class IsolationHold(Base):
    """A sweep that would have blocked more than the limit: it blocked nobody and waits for a decision."""

    __tablename__ = "isolation_hold"

    id: Mapped[Id]
    held_at: Mapped[Instant]
    would_block: Mapped[int] = mapped_column(Integer)
    of_active: Mapped[int] = mapped_column(Integer)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[int | None] = mapped_column(BigInteger)
    approved: Mapped[bool | None]
