"""Network devices, and the desired and actual state of customers' service accesses on them."""

from datetime import date, datetime
from typing import Final

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

_DRIFTED: Final = "NOT (desired_generation = observed_generation AND actual IN (desired, 'UNKNOWN'))"
"""Of a service access; `inSync: false` has this very condition (schema/service_accesses.py)."""


class Device(Base):
    """A router, server or OLT. Only one session at a time, the holder of its lease, works on it."""

    __tablename__ = "device"
    # for workers that look for devices with work to do
    __table_args__ = (Index(None, "next_at"),)

    id: Mapped[Id]
    name: Mapped[String] = mapped_column(unique=True)
    kind: Mapped[String]
    """Name of its driver, such as mikrotik.pppoe."""
    config: Mapped[bytes] = mapped_column(LargeBinary)
    """The driver's settings as JSON, encrypted with a key outside the database."""
    config_version: Mapped[int] = mapped_column(SmallInteger)
    enabled: Mapped[bool]
    created_at: Mapped[Instant]
    reachable: Mapped[bool | None]
    problems: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    """Sentences as {"en", "id"}."""
    facts: Mapped[dict[str, str | dict[str, str]]] = mapped_column(JSONB)
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lease_by: Mapped[str | None] = mapped_column(Text)
    """Session that took the lease last (db/leases.py): writes of earlier ones are refused."""
    next_at: Mapped[Instant]
    """Earliest time of the next work; after failures it moves further ahead each time."""
    failures: Mapped[int] = mapped_column(Integer)
    looked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When its accesses were last read in bulk, without a change; null: as soon as possible."""
    up_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was started, as far as its driver tells: a later one means that it may have lost what was set."""
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """Grows with each change by a person."""


class ServiceAccess(Base):
    """A customer's service access on a device: its `desired` state, and the `actual` state last read from the device.

    A change of the desired state increments `desired_generation`; a worker that has applied it writes the value that it had read to
    `observed_generation`. Where the two differ, there is work to do.
    """

    __tablename__ = "service_access"
    __table_args__ = (
        UniqueConstraint("device_id", "service_kind", "key"),
        CheckConstraint("desired IN ('ACTIVE', 'BLOCKED')", name="desired"),
        CheckConstraint("actual IN ('UNKNOWN', 'ACTIVE', 'BLOCKED', 'DRIFTED', 'ABSENT')", name="actual"),
        CheckConstraint("NOT manual OR desired = 'BLOCKED'", name="manual"),
        CheckConstraint(
            "CASE block_reason"
            " WHEN 'OVERDUE' THEN desired = 'BLOCKED' AND NOT manual AND num_nulls(block_on, block_amount, block_invoice_id) = 0"
            " AND block_note IS NULL"
            " WHEN 'BY_HAND' THEN desired = 'BLOCKED' AND num_nonnulls(block_on, block_amount, block_invoice_id) = 0"
            " AND block_note IS NOT NULL"
            " WHEN 'ENDED' THEN desired = 'BLOCKED' AND manual AND block_on IS NOT NULL"
            " AND num_nonnulls(block_amount, block_invoice_id) = 0 AND block_note IS NOT NULL"
            " ELSE desired = 'ACTIVE' AND num_nonnulls(block_reason, block_on, block_amount, block_invoice_id, block_note) = 0 END",
            name="block_reason",
        ),
        CheckConstraint("observed_generation <= desired_generation", name="observed_generation"),
        Index(None, "customer_id"),
        # for the work to do on a device
        Index("service_access_dirty_idx", "device_id", "next_at", postgresql_where=text("desired_generation > observed_generation")),
        # for speeds that are to be given
        Index("service_access_speed_pending_idx", "device_id", postgresql_where=text("speed_pending")),
        # for customers who wait to be restored
        Index(
            "service_access_restore_idx",
            "device_id",
            "next_at",
            postgresql_where=text("desired_generation > observed_generation AND desired = 'ACTIVE'"),
        ),
        # for blocked customers: read in the transaction of each payment, and by the sweep
        Index("service_access_blocked_idx", "customer_id", postgresql_where=text("desired = 'BLOCKED'")),
        # for the number of customers who are blocked now (dashboard)
        Index("service_access_blocked_now_idx", "customer_id", postgresql_where=text("actual = 'BLOCKED'")),
        # for the drift report and its number (dashboard)
        Index(
            "service_access_drift_idx",
            "id",
            postgresql_include=["customer_id"],  # type: ignore[misc]  # SQLAlchemy doesn't type a dialect's options
            postgresql_where=text(_DRIFTED),
        ),
        Index("service_access_drift_of_device_idx", "device_id", postgresql_where=text(_DRIFTED)),  # and for each device's number
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    service_kind: Mapped[String]
    key: Mapped[String]
    """Name on the device: PPPoE name, address, MAC, ONU."""
    desired: Mapped[String]
    manual: Mapped[bool]
    """Blocked by hand, or because the service has ended: a payment doesn't restore it."""
    block_reason: Mapped[str | None] = mapped_column(Text)
    """Why the customer is to be blocked; null while they aren't."""
    block_on: Mapped[date | None]
    """Day from which the policy blocks the customer, or on which their service ended."""
    block_amount: Mapped[int | None] = mapped_column(BigInteger)
    """Overdue rupiah when the block was decided."""
    block_invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    """Invoice that causes the block."""
    block_note: Mapped[str | None] = mapped_column(Text)
    """Note of the person who blocked the customer."""
    desired_at: Mapped[Instant]
    desired_generation: Mapped[int] = mapped_column(BigInteger)
    observed_generation: Mapped[int] = mapped_column(BigInteger)
    actual: Mapped[String]
    detail: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    """State read last, in words: {"en", "id"}."""
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    snapshot: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    """Data needed to restore, committed before the device is changed; null while it isn't blocked."""
    speed_pending: Mapped[bool] = mapped_column(server_default=text("false"))
    """The plan's speed is to be given on the device; set by a trigger when the plan changes."""
    reclaim: Mapped[bool] = mapped_column(server_default=text("false"))
    """To be restored without relying on the snapshot, as it was lost with the database or taken while blocked."""
    found_blocked: Mapped[bool] = mapped_column(server_default=text("false"))
    """Was blocked on the device when SeBilling came to block: by a hand, or by a SeBilling whose database was lost since."""
    snapshot_plan_id: Mapped[int | None] = mapped_column(BigInteger)
    """Plan at the time of the block: if it has changed since, restoring applies the new plan's speed."""
    attempts: Mapped[int] = mapped_column(Integer)
    next_at: Mapped[Instant]
    error: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    """What went wrong last: {"en", "id"}; null if nothing."""
