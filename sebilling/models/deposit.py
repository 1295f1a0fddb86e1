"""Setoran: cash handed over to the centre, with its proof."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.models.columns import Amount, Base, Id, Instant, String


class Proof(Base):
    """A picture or PDF in the object store, as it was after its inspection."""

    __tablename__ = "proof"
    __table_args__ = (
        CheckConstraint("media_type IN ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')", name="media_type"),
        CheckConstraint("size_bytes BETWEEN 1 AND 20971520", name="size"),
    )

    id: Mapped[Id]
    object_key: Mapped[String] = mapped_column(unique=True)
    media_type: Mapped[String]
    size_bytes: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_at: Mapped[Instant]
    uploaded_by: Mapped[int | None] = mapped_column(BigInteger)


class Deposit(Base):
    """Money that a collector hands over. Append-only, but for `status`, which only the trigger on its decision moves."""

    __tablename__ = "deposit"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint("type IN ('MANUAL', 'TRANSFER')", name="type"),
        CheckConstraint("type = 'MANUAL' OR proof_id IS NOT NULL", name="proof"),
        CheckConstraint("status IN ('SUBMITTED', 'VERIFIED', 'REJECTED')", name="status"),
        # the recap of a counter and month, and the list of a counter's deposits
        Index(None, "counter_id", "deposited_on", "id"),
        # what waits for verification, by drawer
        Index("deposit_waiting_idx", "counter_id", "collector_id", postgresql_where=text("status = 'SUBMITTED'")),
        Index(None, "collector_id", "counter_id"),
    )

    id: Mapped[Id]
    counter_id: Mapped[int] = mapped_column(ForeignKey("counter.id"))
    """Where the cash was received."""
    collector_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    """Whose cash it is."""
    submitted_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    amount: Mapped[Amount]
    type: Mapped[String]
    note: Mapped[String]
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("proof.id"))
    submitted_at: Mapped[Instant]
    deposited_on: Mapped[date]
    """The counter's day of submission, in whose month it counts once it is verified."""
    status: Mapped[String]


class DepositDecision(Base):
    """What became of a deposit: counted, or rejected. Never by who submitted it or whose cash it is (trigger)."""

    __tablename__ = "deposit_decision"
    __table_args__ = (
        CheckConstraint("verified = (counted IS NOT NULL) AND verified = (difference IS NOT NULL)", name="verified"),
        CheckConstraint("counted > 0 AND difference <= counted", name="counted"),
        CheckConstraint("verified OR reason <> ''", name="reason"),
    )

    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit.id"), primary_key=True, autoincrement=False)
    verified: Mapped[bool]
    counted: Mapped[int | None] = mapped_column(BigInteger)
    """Rupiah that were really there: what counts in Total Setor."""
    difference: Mapped[int | None] = mapped_column(BigInteger)
    """Counted less what the drawer owed for this deposit: a surplus above 0, a shortage below. It stays with the collector."""
    reason: Mapped[String]
    decided_at: Mapped[Instant]
    decided_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
