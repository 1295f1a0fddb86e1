"""Users, the counters they work at, their sign-ins, and what slows guessing down."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Id, Instant, String


class User(Base):
    """Someone who may sign in, or a script's account. (`user` is a reserved word of SQL.)"""

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
    """Whether it is a script's: it has one token and no password."""
    one_time_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Set: the password was made by an admin's reset, must be changed at the next sign-in, and is worth nothing after this instant."""
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted. Set: a code is asked for."""
    totp_pending: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted; shown, and not yet confirmed by a first code."""
    totp_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The time step of the last code taken: it and the earlier ones are worth nothing any more."""


class UserCounter(Base):
    """A counter that a clerk or collector works at."""

    __tablename__ = "user_counter"

    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), primary_key=True)
    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True)


class SignIn(Base):
    """A sign-in of one device. Revoking it ends every token that it has."""

    __tablename__ = "sign_in"
    __table_args__ = (CheckConstraint("kind IN ('TOKEN', 'REFRESHABLE', 'COOKIE', 'SERVICE')", name="kind"),)

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), index=True)
    kind: Mapped[String]
    device: Mapped[String]
    """As its user called it, else what it says of itself."""
    address: Mapped[String]
    """Network that it was made from."""
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    refresh_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """SHA-256 of the refresh token taken last: it and those given for it are good, all earlier ones are not."""


class AccessToken(Base):
    """A token of a sign-in. Only its SHA-256 is kept, so a stolen dump signs nobody in."""

    __tablename__ = "access_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    sign_in_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("sign_in.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[Instant]
    used_at: Mapped[Instant]
    """Within an hour of when it was last used."""


class RefreshToken(Base):
    """A refresh token of a sign-in, used or not; kept so that an old one is known when a thief brings it."""

    __tablename__ = "refresh_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    sign_in_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("sign_in.id", ondelete="CASCADE"), index=True)
    parent_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the token that it was given for; null: of the sign-in itself."""
    created_at: Mapped[Instant]


class KnownDevice(Base):
    """A device on which a user has signed in before: guessing elsewhere doesn't keep it out."""

    __tablename__ = "known_device"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), index=True)
    used_at: Mapped[Instant]


class RecoveryCode(Base):
    """Instead of an authenticator that is lost; good once. Only its SHA-256 is kept: it holds 80 bits of chance."""

    __tablename__ = "recovery_code"

    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("app_user.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SignInAttempt(Base):
    """How full a limit of failed sign-ins is: it fills by attempts and empties by time. One that is empty is deleted."""

    __tablename__ = "sign_in_attempt"
    # which ones are empty
    __table_args__ = (Index(None, "empty_at"),)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """Digest of what is limited: an address, an account, both."""
    empty_at: Mapped[Instant]
    account: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Digest of the account that it limits, so that all of an account's can be cleared; null: an address's."""
