"""Network gear, and what a customer's access on it should be and is."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String


class Device(Base):
    """A router, server or OLT, worked on by one session at a time: whoever holds its lease."""

    __tablename__ = "device"
    # a worker looks for a device on which something is to be done
    __table_args__ = (Index(None, "next_at"),)

    id: Mapped[Id]
    name: Mapped[String] = mapped_column(unique=True)
    kind: Mapped[String]
    """The driver's, such as mikrotik.pppoe."""
    config: Mapped[bytes] = mapped_column(LargeBinary)
    """The driver's settings as JSON, encrypted: the key lies outside the database."""
    config_version: Mapped[int] = mapped_column(SmallInteger)
    enabled: Mapped[bool]
    created_at: Mapped[Instant]
    reachable: Mapped[bool | None]
    problems: Mapped[list[Any]] = mapped_column(JSONB)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lease_by: Mapped[str | None] = mapped_column(Text)
    """The session that took the lease last (db/leases.py): what an earlier one still writes is refused."""
    next_at: Mapped[Instant]
    """Not before this instant: after a failure it waits longer each time."""
    failures: Mapped[int] = mapped_column(Integer)


class ServiceAccess(Base):
    """A customer's access on a device: what it should be (`desired`), and what was last read there (`actual`).

    A deed that changes what should be adds one to `want`; a worker that has made it so writes the `want` it had read to
    `have`. Work is to be done where they differ.
    """

    __tablename__ = "service_access"
    __table_args__ = (
        UniqueConstraint("device_id", "key"),
        CheckConstraint("desired IN ('ACTIVE', 'BLOCKED')", name="desired"),
        CheckConstraint("actual IN ('UNKNOWN', 'ACTIVE', 'BLOCKED', 'DRIFTED', 'ABSENT')", name="actual"),
        CheckConstraint("NOT manual OR desired = 'BLOCKED'", name="manual"),
        CheckConstraint("observed_generation <= desired_generation", name="observed_generation"),
        Index(None, "customer_id"),
        # what is to be done on a device
        Index("service_access_dirty_idx", "device_id", "next_at", postgresql_where=text("desired_generation > observed_generation")),
        # and who of them waits for their internet
        Index(
            "service_access_restore_idx",
            "device_id",
            "next_at",
            postgresql_where=text("desired_generation > observed_generation AND desired = 'ACTIVE'"),
        ),
        # who is cut: asked in the transaction of each payment, and by the sweep
        Index("service_access_blocked_idx", "customer_id", postgresql_where=text("desired = 'BLOCKED'")),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    service_kind: Mapped[String]
    key: Mapped[String]
    """What it is called on the device: PPPoE name, address, MAC, ONU."""
    desired: Mapped[String]
    manual: Mapped[bool]
    """Blocked by hand: no payment lifts it."""
    because: Mapped[String]
    desired_at: Mapped[Instant]
    desired_generation: Mapped[int] = mapped_column(BigInteger)
    observed_generation: Mapped[int] = mapped_column(BigInteger)
    actual: Mapped[String]
    detail: Mapped[String]
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    snapshot: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """What restoring needs, committed before the device is touched; null while it isn't cut."""
    snapshot_plan_id: Mapped[int | None] = mapped_column(BigInteger)
    """The plan then: another one at the restoring brings its own speed."""
    attempts: Mapped[int] = mapped_column(Integer)
    next_at: Mapped[Instant]
    error: Mapped[String]
