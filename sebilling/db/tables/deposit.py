"""Setoran: cash handed over to the centre, with its proof."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


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
        CheckConstraint("settled BETWEEN least(difference, 0) AND greatest(difference, 0)", name="settled"),
        CheckConstraint("status = 'VERIFIED' OR counted = 0 AND difference = 0", name="counted"),
        # a surplus that a late payment may use, a shortage that may be settled
        Index("deposit_unsettled_idx", "collector_id", "counter_id", "id", postgresql_where=text("difference <> settled")),
    )

    id: Mapped[Id]
    counter_id: Mapped[int] = mapped_column(ForeignKey("counter.id"))
    """Where the cash was received."""
    collector_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    """RowScope cash it is."""
    submitted_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    amount: Mapped[Amount]
    type: Mapped[String]
    note: Mapped[String]
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("proof.id"))
    submitted_at: Mapped[Instant]
    deposited_on: Mapped[date]
    """The counter's day of submission. It counts on the day of its decision."""
    status: Mapped[String]
    counted: Mapped[Amount] = mapped_column(server_default="0")
    """Rupiah that were there, by the decision and its corrections (trigger); nothing while it waits or was rejected."""
    difference: Mapped[Amount] = mapped_column(server_default="0")
    """Likewise the surplus above 0, or the shortage below."""
    settled: Mapped[Amount] = mapped_column(server_default="0")
    """How much of the difference is settled (trigger): above 0 of a surplus, below of a shortage."""


class DepositDecision(Base):
    """What became of a deposit: counted, or rejected. Never by who submitted it or whose cash it is (trigger)."""

    __tablename__ = "deposit_decision"
    __table_args__ = (
        CheckConstraint("verified = (counted IS NOT NULL) AND verified = (difference IS NOT NULL)", name="verified"),
        CheckConstraint("counted > 0 AND difference <= counted", name="counted"),
        CheckConstraint("verified OR reason <> ''", name="reason"),
        # the recap of a month
        Index(None, "decided_on"),
    )

    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit.id"), primary_key=True, autoincrement=False)
    verified: Mapped[bool]
    counted: Mapped[int | None] = mapped_column(BigInteger)
    """Rupiah that were really there: what counts in Total Setor."""
    difference: Mapped[int | None] = mapped_column(BigInteger)
    """Counted less what the drawer owed for this deposit: a surplus above 0, a shortage below. It stays with the collector."""
    reason: Mapped[String]
    decided_at: Mapped[Instant]
    decided_on: Mapped[date]
    """The counter's day, in whose recap it stands."""
    decided_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))


class DepositCorrection(Base):
    """Another count of a verified deposit, after the decision or the correction before it. What the drawer was relieved of stays."""

    __tablename__ = "deposit_correction"
    __table_args__ = (
        CheckConstraint("counted >= 0 AND counted <> counted_before", name="counted"),
        CheckConstraint("counted - counted_before = difference - difference_before", name="difference"),
        CheckConstraint("reason <> ''", name="reason"),
        # a chain: each corrects the one before it, once
        UniqueConstraint("deposit_id", "corrects_id", postgresql_nulls_not_distinct=True),
        # the recap of a month
        Index(None, "corrected_on"),
    )

    id: Mapped[Id]
    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit_decision.deposit_id"))
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("deposit_correction.id"))
    """The correction before; None: the decision."""
    counted_before: Mapped[Amount]
    counted: Mapped[Amount]
    difference_before: Mapped[Amount]
    difference: Mapped[Amount]
    reason: Mapped[String]
    corrected_at: Mapped[Instant]
    corrected_on: Mapped[date]
    corrected_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))


class DifferenceSettlement(Base):
    """A part of a deposit's difference that is explained: a surplus by cash that was recorded later, a shortage by cash that was found.

    A surplus takes the cash out of the drawer, in which nobody has it; a shortage puts it in, where it can be handed over.
    """

    __tablename__ = "difference_settlement"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("kind IN ('SURPLUS', 'SHORTAGE')", name="kind"),
        CheckConstraint("payment_id IS NULL OR kind = 'SURPLUS'", name="payment"),
        Index(None, "deposit_id"),
        # the reversal of a payment gives back what it had used
        Index("difference_settlement_payment_idx", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
        # the recap of a month
        Index(None, "settled_on"),
    )

    id: Mapped[Id]
    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit_decision.deposit_id"))
    kind: Mapped[String]
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    """The payment that used the surplus; None: settled by hand."""
    amount: Mapped[Amount]
    reason: Mapped[String]
    settled_at: Mapped[Instant]
    settled_on: Mapped[date]
    settled_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))


class SettlementReversal(Base):
    """A settlement taken back: that much of the difference is open again."""

    __tablename__ = "settlement_reversal"
    __table_args__ = (Index(None, "reversed_on"),)

    settlement_id: Mapped[int] = mapped_column(ForeignKey("difference_settlement.id"), primary_key=True, autoincrement=False)
    reason: Mapped[String]
    reversed_at: Mapped[Instant]
    reversed_on: Mapped[date]
    reversed_by: Mapped[int | None] = mapped_column(BigInteger)
