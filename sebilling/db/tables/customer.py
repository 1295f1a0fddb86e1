"""Pelanggan: who pays."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String


class Customer(Base):
    """Someone with a plan, who pays at a counter."""

    __tablename__ = "customer"
    __table_args__ = (
        CheckConstraint("price BETWEEN 0 AND 1000000000000", name="price"),
        # generation walks a counter's customers by id, and lists are scoped by counter
        Index(None, "counter_id", "id"),
        # someone at the counter says a part of a name
        Index("customer_name_trgm_idx", "name", postgresql_using="gin", postgresql_ops={"name": "gin_trgm_ops"}),
    )

    id: Mapped[Id]
    code: Mapped[String] = mapped_column(unique=True)
    name: Mapped[String]
    phone: Mapped[String]
    """+62…, or empty."""
    address: Mapped[String]
    counter_id: Mapped[int] = mapped_column(ForeignKey("counter.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    price: Mapped[int | None] = mapped_column(BigInteger)
    """Agreed rupiah per month instead of the plan's price, if any."""
    installed_on: Mapped[date]
    active: Mapped[bool]
    pppoe_name: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[Instant]
