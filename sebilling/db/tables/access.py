"""Users, the counters they work at, their sign-ins, and the limits on guessing."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, ForeignKey, Index, Integer, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String


class User(Base):
    """A person who may sign in, or a script's account. (`user` is a reserved word of SQL.)"""

    __tablename__ = "app_user"
    __table_args__ = (
        CheckConstraint("role IN ('ADMIN', 'FINANCE', 'CLERK', 'COLLECTOR', 'TECHNICIAN', 'AUDITOR')", name="role"),
        CheckConstraint("username = lower(username)", name="username"),
        # a script's account has no password and no second step, and never administers
        CheckConstraint("NOT service OR (role <> 'ADMIN' AND password_hash = '' AND totp_secret IS NULL)", name="service"),
    )

    id: Mapped[Id]
    username: Mapped[String] = mapped_column(unique=True)
    name: Mapped[String]
    role: Mapped[String]
    password_hash: Mapped[String]
    active: Mapped[bool]
    created_at: Mapped[Instant]
    service: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Whether it is a script's account, which has one token and no password."""
    one_time_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Set for a one-time password: it must be changed at the next sign-in and expires at this instant."""
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted. If set, a sign-in requires a code."""
    totp_pending: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted. Shown to the user, and not yet confirmed by a first code."""
    totp_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Time step of the last accepted code: codes of this and earlier steps are invalid."""
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """Grows with each change by a person."""


class UserCounter(Base):
    """A counter that a clerk or collector works at."""

    __tablename__ = "user_counter"

    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), primary_key=True)
    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True)


class SignIn(Base):
    """A sign-in on one device. Revoking it ends all its tokens."""

    __tablename__ = "sign_in"
    __table_args__ = (CheckConstraint("kind IN ('TOKEN', 'REFRESHABLE', 'COOKIE', 'SERVICE')", name="kind"),)

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), index=True)
    kind: Mapped[String]
    device: Mapped[String]
    """Name given by the user, else the one from its User-Agent."""
    address: Mapped[String]
    """Network from which the user signed in."""
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    refresh_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """SHA-256 of the refresh token used last: it and those issued for it are valid, all earlier ones are not."""


class AccessToken(Base):
    """An access token of a sign-in. Only its SHA-256 is stored, so a stolen dump can't be used to sign in."""

    __tablename__ = "access_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    sign_in_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("sign_in.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[Instant]
    used_at: Mapped[Instant]
    """Time of its last use, accurate to an hour."""


class SubscriptionTicket(Base):
    """A single-use ticket that stands for an access token in an address. Deleted when it is used, and with its token."""

    __tablename__ = "subscription_ticket"

    ticket_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    access_token_hash: Mapped[bytes] = mapped_column(LargeBinary, ForeignKey("access_token.token_hash", ondelete="CASCADE"), index=True)
    expires_at: Mapped[Instant]


class RefreshToken(Base):
    """A refresh token of a sign-in, used or not; kept so that the use of a superseded one is recognized as theft."""

    __tablename__ = "refresh_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    sign_in_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("sign_in.id", ondelete="CASCADE"), index=True)
    parent_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """SHA-256 of the refresh token for which it was issued; null: issued at the sign-in."""
    created_at: Mapped[Instant]


class KnownDevice(Base):
    """A device on which a user has signed in before: password guessing elsewhere doesn't lock it out."""

    __tablename__ = "known_device"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), index=True)
    used_at: Mapped[Instant]


class RecoveryCode(Base):
    """A single-use code for a user who has lost their authenticator. Only its SHA-256 is stored: it has 80 random bits."""

    __tablename__ = "recovery_code"

    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SignInAttempt(Base):
    """Level of a limit on failed sign-ins: attempts fill it and time empties it. An empty one is deleted."""

    __tablename__ = "sign_in_attempt"
    # to delete empty ones
    __table_args__ = (Index(None, "empty_at"),)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """Digest of what is limited: an address, an account, or both."""
    empty_at: Mapped[Instant]
    account: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Digest of the account, by which all its limits are cleared; null: the limit of an address."""
