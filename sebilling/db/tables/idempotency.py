"""Idempotency keys of requests that must take effect once."""

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Instant, String


class IdempotencyKey(Base):
    """A key from a user's device, the fingerprint of its request's body, and the id of the result.

    Inserting it is the lock: a second request with the same key waits for the first to commit, then reads its result.
    """

    __tablename__ = "idempotency_key"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """0 for the command line."""
    key: Mapped[String] = mapped_column(primary_key=True)
    operation: Mapped[String]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    result_id: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[Instant]
