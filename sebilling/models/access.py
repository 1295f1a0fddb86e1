"""Users, the counters they work at, and their sign-ins."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.models.columns import Base, Id, Instant, String


class User(Base):
    """Someone who may sign in. (`user` is a reserved word of SQL.)"""

    __tablename__ = "app_user"
    __table_args__ = (
        CheckConstraint("role IN ('ADMIN', 'FINANCE', 'CLERK', 'COLLECTOR', 'TECHNICIAN', 'AUDITOR')", name="role"),
        CheckConstraint("username = lower(username)", name="username"),
    )

    id: Mapped[Id]
    username: Mapped[String] = mapped_column(unique=True)
    name: Mapped[String]
    role: Mapped[String]
    password_hash: Mapped[String]
    active: Mapped[bool]
    created_at: Mapped[Instant]


class UserCounter(Base):
    """A counter that a clerk or collector works at."""

    __tablename__ = "user_counter"

    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), primary_key=True)
    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True)


class AccessToken(Base):
    """A sign-in. Only the SHA-256 of its token is kept, so a stolen dump signs nobody in."""

    __tablename__ = "access_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), index=True)
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
