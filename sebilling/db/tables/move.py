"""Moves of customers and collectors between counters: their money may still be on its way to the old one."""

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant


class CustomerMove(Base):
    """A customer's move to another counter. Append-only."""

    __tablename__ = "customer_move"
    # for payments from a phone: the counters to which the customer belonged before
    __table_args__ = (Index(None, "customer_id", "id"),)

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customer.id"))
    from_counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"))
    to_counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"))
    moved_at: Mapped[Instant]
    moved_by: Mapped[int | None] = mapped_column(BigInteger)


class UserCounterLeft(Base):
    """A clerk or collector who stopped working at a counter. Append-only."""

    __tablename__ = "user_counter_left"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), index=True)
    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"))
    left_at: Mapped[Instant]
