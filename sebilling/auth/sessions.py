"""Sign-ins: an opaque random token that the client keeps; here lies only its SHA-256, which can be revoked."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from sqlalchemy import Row, text

from sebilling import events
from sebilling.actor import Actor, Role, Scope
from sebilling.auth import passwords
from sebilling.db.engine import Database, ReadSession, WriteSession
from sebilling.errors import TooManyAttempts, WrongCredentials

_ALL_COUNTERS: Final = frozenset({Role.ADMIN, Role.FINANCE, Role.TECHNICIAN, Role.AUDITOR})
_USER: Final = text("SELECT id, name, role, password_hash FROM app_user WHERE username = :username AND active")
_FAILURES: Final = text(
    "SELECT at FROM event WHERE subject = 'sign_in' AND subject_id = :id AND at > :since ORDER BY id DESC OFFSET :most - 1 LIMIT 1"
)
MOST_FAILURES: Final = 10
WITHIN: Final = timedelta(minutes=5)
"""After so many failures within this time a name has to wait, whether it exists or not."""
_INSERT: Final = text("INSERT INTO access_token (token_hash, user_id, created_at, expires_at) VALUES (:hash, :user, :at, :until)")
_WHO: Final = text(
    """
    SELECT app_user.id, name, role, ARRAY(SELECT counter_id FROM user_counter WHERE user_id = app_user.id) AS counters
      FROM access_token JOIN app_user ON app_user.id = user_id AND active
     WHERE token_hash = :hash AND revoked_at IS NULL AND expires_at > :at
    """
)
_ACTOR: Final = text(
    """
    SELECT id, name, role, ARRAY(SELECT counter_id FROM user_counter WHERE user_id = app_user.id) AS counters
      FROM app_user WHERE id = :user AND active
    """
)
_REVOKE: Final = text("UPDATE access_token SET revoked_at = :at WHERE token_hash = :hash AND revoked_at IS NULL RETURNING user_id")


@dataclass(frozen=True, slots=True)
class SignIn:
    """A new sign-in. The token is shown this once."""

    token: str
    expires_at: datetime
    actor: Actor


async def sign_in(database: Database, *, username: str, password: str, at: datetime, hours: int) -> SignIn:
    """Check the password outside any transaction (it takes 50 ms), then write the sign-in, or the failure.

    Raises WrongCredentials, and TooManyAttempts without looking at the password.
    """
    username = username.strip().lower()[:100]
    name_id = int.from_bytes(_hash(username)[:8]) >> 1
    async with database.reading() as reading:
        earlier = await reading.value(_FAILURES, {"id": name_id, "since": at - WITHIN, "most": MOST_FAILURES})
        user = await reading.row(_USER, {"username": username})
    if earlier is not None:
        raise TooManyAttempts(field=("input", "username"), seconds=ceil((earlier + WITHIN - at).total_seconds()))
    if not await passwords.matches(password, None if user is None else user.password_hash) or user is None:
        async with database.transaction(actor=Actor(None, username, Role.AUDITOR, Scope(frozenset())), at=at) as session:
            await events.append(session, "user.sign_in_failed", subject="sign_in", subject_id=name_id)
        raise WrongCredentials(field=("input", "password"))
    token, until = f"sbt_{secrets.token_urlsafe(32)}", at + timedelta(hours=hours)
    actor = Actor(user.id, user.name, Role(user.role), Scope(frozenset()))
    async with database.transaction(actor=actor, at=at) as session:
        await session.execute(_INSERT, {"hash": _hash(token), "user": user.id, "at": at, "until": until})
        await events.append(session, "user.signed_in", subject="app_user", subject_id=user.id)
        signed_in = await who(session, token, at=at)
    if signed_in is None:  # made inactive in between
        raise WrongCredentials(field=("input", "password"))
    return SignIn(token, until, signed_in)


async def who(session: ReadSession, token: str, *, at: datetime) -> Actor | None:
    """The user of a living token, with what they may see now; else None. One statement."""
    return _as_actor(await session.row(_WHO, {"hash": _hash(token), "at": at}))


async def actor(session: ReadSession, user_id: int) -> Actor | None:
    """An active user with what they may see now; else None. For links that were signed for them."""
    return _as_actor(await session.row(_ACTOR, {"user": user_id}))


def _as_actor(row: Row[*tuple[Any, ...]] | None) -> Actor | None:
    if row is None:
        return None
    role = Role(row.role)
    scope = Scope(None) if role in _ALL_COUNTERS else Scope(frozenset(row.counters))
    return Actor(user_id=row.id, name=row.name, role=role, scope=scope)


async def sign_out(session: WriteSession, token: str) -> bool:
    """End the sign-in; False if it had ended."""
    user_id = await session.value(_REVOKE, {"hash": _hash(token), "at": session.at})
    if user_id is not None:
        await events.append(session, "user.signed_out", subject="app_user", subject_id=user_id)
    return user_id is not None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
