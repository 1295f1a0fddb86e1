"""Numbers of payment receipts (kuitansi)."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, String


class ReceiptSeries(Base):
    """Next receipt number of a counter in a month. Its row is locked late, as the lock lasts until the commit is on disk."""

    __tablename__ = "receipt_series"
    __table_args__ = (CheckConstraint("next_number >= 1", name="next_number"),)

    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    next_number: Mapped[int] = mapped_column(Integer)


class Receipt(Base):
    """Receipt number of a payment, gapless per counter and month, such as KW/2026-02/LKT01/000123. Append-only."""

    __tablename__ = "receipt"
    __table_args__ = (UniqueConstraint("counter_id", "month", "sequence"),)

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), primary_key=True, autoincrement=False)
    counter_id: Mapped[int] = mapped_column(BigInteger)
    month: Mapped[date]
    sequence: Mapped[int] = mapped_column(Integer)
    number: Mapped[String] = mapped_column(unique=True)
