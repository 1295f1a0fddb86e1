"""Customers (pelanggan)."""

from datetime import date
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String

_SEARCHED: Final = ("name", "address", "code", "phone", "pppoe_name")


class Customer(Base):
    """A customer with a plan, who pays at a counter."""

    __tablename__ = "customer"
    __table_args__ = (
        CheckConstraint("price BETWEEN 0 AND 1000000000000", name="price"),
        CheckConstraint("due_day BETWEEN 1 AND 28", name="due_day"),
        # generation reads a counter's customers by id, and lists are scoped by counter
        Index(None, "counter_id", "id"),
        # for searches, which look for a part or the start of each of them in one condition
        Index(
            "customer_search_idx",
            *_SEARCHED,
            postgresql_using="gin",
            postgresql_ops=dict.fromkeys(_SEARCHED, "gin_trgm_ops"),  # type: ignore[misc]  # SQLAlchemy doesn't type a dialect's options
        ),
        # for the lists by name and by first day of service
        Index(None, "name", "id"),
        Index(None, "installed_on", "id"),
        # for numbers of customers by state, and for the days of their blocks: all customers are read from it without their rows
        Index(
            "customer_counted_idx",
            "id",
            postgresql_include=["counter_id", "plan_id", "installed_on", "active"],  # type: ignore[misc]  # SQLAlchemy doesn't type a dialect's options
        ),
        # for the number of customers of each plan
        Index("customer_of_plan_idx", "plan_id", postgresql_where=text("active")),
    )

    id: Mapped[Id]
    code: Mapped[String] = mapped_column(unique=True)
    name: Mapped[String]
    phone: Mapped[String]
    """Normalized to +62…, or empty."""
    address: Mapped[String]
    counter_id: Mapped[int] = mapped_column(ForeignKey("counter.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    price: Mapped[int | None] = mapped_column(BigInteger)
    """Agreed monthly price in rupiah that replaces the plan's, if any."""
    installed_on: Mapped[date]
    active: Mapped[bool]
    due_day: Mapped[int | None] = mapped_column(SmallInteger)
    """Due day of their invoices, instead of the counter's."""
    pppoe_name: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[Instant]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """Grows with each change by a person."""
