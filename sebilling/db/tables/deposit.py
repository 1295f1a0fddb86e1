"""Deposits (setoran): cash handed over to head office, with its proof."""

from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant, String


class Proof(Base):
    """An image or PDF in the object store, as it was after validation."""

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
    """Money that a collector hands over. Append-only, except `status`, which only the decision's trigger changes."""

    __tablename__ = "deposit"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint("deposit_account(type) IS NOT NULL", name="type"),
        CheckConstraint("type = 'MANUAL' OR proof_id IS NOT NULL", name="proof"),
        CheckConstraint("status IN ('SUBMITTED', 'VERIFIED', 'REJECTED')", name="status"),
        # for the recap of a counter and month, and the list of a counter's deposits
        Index(None, "counter_id", "deposited_on", "id"),
        # for deposits that await verification, by drawer
        Index("deposit_waiting_idx", "counter_id", "collector_id", postgresql_where=text("status = 'SUBMITTED'")),
        Index(None, "collector_id", "counter_id"),
        # for the deposit of a proof
        Index("deposit_proof_idx", "proof_id", postgresql_where=text("proof_id IS NOT NULL")),
        CheckConstraint("settled BETWEEN least(difference, 0) AND greatest(difference, 0)", name="settled"),
        CheckConstraint("status = 'VERIFIED' OR counted = 0 AND difference = 0", name="counted"),
        # for a surplus that a late payment may use, and a shortage that may be settled
        Index("deposit_unsettled_idx", "collector_id", "counter_id", "id", postgresql_where=text("difference <> settled")),
    )

    id: Mapped[Id]
    counter_id: Mapped[int] = mapped_column(ForeignKey("counter.id"))
    """Counter where the cash was received."""
    collector_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    """Collector whose cash it is."""
    submitted_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    amount: Mapped[Amount]
    type: Mapped[String]
    note: Mapped[String]
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("proof.id"))
    submitted_at: Mapped[Instant]
    deposited_on: Mapped[date]
    """The counter's day of submission. The deposit counts on the day of its decision."""
    status: Mapped[String]
    counted: Mapped[Amount] = mapped_column(server_default="0")
    """Rupiah counted, by the decision and its corrections (trigger); 0 while it is undecided or if it was rejected."""
    difference: Mapped[Amount] = mapped_column(server_default="0")
    """Surplus (above 0) or shortage (below 0), by the decision and its corrections (trigger)."""
    settled: Mapped[Amount] = mapped_column(server_default="0")
    """Settled part of the difference (trigger): above 0 for a surplus, below 0 for a shortage."""


class DepositDecision(Base):
    """Decision on a deposit: verified or rejected. Never by its submitter or its collector (trigger)."""

    __tablename__ = "deposit_decision"
    __table_args__ = (
        CheckConstraint("verified = (counted IS NOT NULL) AND verified = (difference IS NOT NULL)", name="verified"),
        CheckConstraint("counted > 0 AND difference <= counted", name="counted"),
        CheckConstraint("verified OR reason <> ''", name="reason"),
        # for the recap of a month
        Index(None, "decided_on"),
    )

    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit.id"), primary_key=True, autoincrement=False)
    verified: Mapped[bool]
    counted: Mapped[int | None] = mapped_column(BigInteger)
    """Rupiah counted, included in Total Setor."""
    difference: Mapped[int | None] = mapped_column(BigInteger)
    """Counted amount less the drawer's part of this deposit: a surplus above 0, a shortage below. It stays with the collector."""
    reason: Mapped[String]
    decided_at: Mapped[Instant]
    decided_on: Mapped[date]
    """The counter's day, in whose recap it is included."""
    decided_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))


class DepositCorrection(Base):
    """A corrected count of a verified deposit, after its decision or an earlier correction. The decrease of the drawer stays the same."""

    __tablename__ = "deposit_correction"
    __table_args__ = (
        CheckConstraint("counted >= 0 AND counted <> counted_before", name="counted"),
        CheckConstraint("counted - counted_before = difference - difference_before", name="difference"),
        CheckConstraint("reason <> ''", name="reason"),
        # a chain: each row corrects the one before it, once
        UniqueConstraint("deposit_id", "corrects_id", postgresql_nulls_not_distinct=True),
        # for the recap of a month
        Index(None, "corrected_on"),
    )

    id: Mapped[Id]
    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit_decision.deposit_id"))
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("deposit_correction.id"))
    """The previous correction; None: the decision."""
    counted_before: Mapped[Amount]
    counted: Mapped[Amount]
    difference_before: Mapped[Amount]
    difference: Mapped[Amount]
    reason: Mapped[String]
    corrected_at: Mapped[Instant]
    corrected_on: Mapped[date]
    corrected_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))


class DifferenceSettlement(Base):
    """A settled part of a deposit's difference: a surplus, by cash that was recorded later, or a shortage, by cash that was found.

    Settling a surplus removes cash that the drawer doesn't really hold; settling a shortage adds cash that can then be deposited.
    """

    __tablename__ = "difference_settlement"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("kind IN ('SURPLUS', 'SHORTAGE')", name="kind"),
        CheckConstraint("payment_id IS NULL OR kind = 'SURPLUS'", name="payment"),
        Index(None, "deposit_id"),
        # for the reversal of a payment, which reverses the settlements that it had made
        Index("difference_settlement_payment_idx", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
        # for the recap of a month
        Index(None, "settled_on"),
    )

    id: Mapped[Id]
    deposit_id: Mapped[int] = mapped_column(ForeignKey("deposit_decision.deposit_id"))
    kind: Mapped[String]
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    """Payment that used the surplus; None: settled by hand."""
    amount: Mapped[Amount]
    reason: Mapped[String]
    settled_at: Mapped[Instant]
    settled_on: Mapped[date]
    settled_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))


class SettlementReversal(Base):
    """A reversed settlement: that much of the difference is open again."""

    __tablename__ = "settlement_reversal"
    __table_args__ = (Index(None, "reversed_on"),)

    settlement_id: Mapped[int] = mapped_column(ForeignKey("difference_settlement.id"), primary_key=True, autoincrement=False)
    reason: Mapped[String]
    reversed_at: Mapped[Instant]
    reversed_on: Mapped[date]
    reversed_by: Mapped[int | None] = mapped_column(BigInteger)


class DrawerBalance(Base):
    """Cash of a counter that a collector has received and handed over: the sums of their documents, moved by deferred triggers.

    The view `drawer` shows it. Numeric, so that a payment is never refused for what the drawer has held before it.
    """

    __tablename__ = "drawer_balance"
    # for the limit on a collector's cash, which is summed over their counters
    __table_args__ = (Index(None, "collector_id"),)

    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True, autoincrement=False)
    collector_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), primary_key=True, autoincrement=False)
    received: Mapped[Decimal] = mapped_column(Numeric)
    """Payments in cash that were not reversed."""
    refunded: Mapped[Decimal] = mapped_column(Numeric)
    deposited: Mapped[Decimal] = mapped_column(Numeric)
    """Verified deposits, as counted."""
    difference: Mapped[Decimal] = mapped_column(Numeric)
    """Unsettled surplus less shortage of verified deposits."""
    waiting: Mapped[Decimal] = mapped_column(Numeric)
    """Submitted deposits that await verification."""
