"""Suspensions: days for which a customer isn't billed."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String


class Suspension(Base):
    """A customer isn't billed for the days [from_on, until_on): paused, blocked for long, or their service has ended.

    Only `until_on` changes: a pause ends, or is withdrawn (`until_on` = `from_on`: no days), and so is an end of service.
    """

    __tablename__ = "suspension"
    __table_args__ = (
        CheckConstraint("kind IN ('PAUSED', 'BLOCKED', 'ENDED')", name="kind"),
        CheckConstraint("until_on >= from_on", name="days"),
        CheckConstraint("kind <> 'ENDED' OR until_on = from_on", name="ended"),
        CheckConstraint("(kind = 'BLOCKED') = (reason = '')", name="reason"),
        # read for each customer by the pricing rule
        Index(None, "customer_id", "id"),
        # at most one end of service and one pause without an end; for the sweep, which looks for them
        Index("suspension_open_idx", "customer_id", text("(kind = 'ENDED')"), unique=True, postgresql_where=text("until_on IS NULL")),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    kind: Mapped[String]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    reason: Mapped[String]
    """Reason that a person gave; empty for an automatic pause."""
    set_at: Mapped[Instant]
    """Not before the customer's last invoice, which the suspension leaves as it is."""
    set_by: Mapped[int | None] = mapped_column(BigInteger)
