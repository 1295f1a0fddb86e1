"""Sign-ins: opaque random tokens, of which only the SHA-256 is stored. Each sign-in can be revoked.

A sign-in has one access token or, if it is refreshable, short-lived ones and a refresh token that changes with each use. The refresh
token used last stays valid until one that was issued for it is used, so that a phone that didn't receive the response can retry. Any
other refresh token of the sign-in has been superseded: its use means that a copy was stolen, and the whole sign-in ends.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.actor import Actor, Role, Scope
from sebilling.config import Settings
from sebilling.db.engine import Database, ReadSession, WriteSession
from sebilling.errors import NotFound
from sebilling.events.ids import SignInId
from sebilling.events.users import UserRefreshReused, UserSignedOut, UserTokenRevoked
from sebilling.nouns import Noun

_ALL_COUNTERS: Final = frozenset({Role.ADMIN, Role.FINANCE, Role.TECHNICIAN, Role.AUDITOR})
_COUNTERS: Final = "ARRAY(SELECT counter_id FROM user_counter WHERE user_id = app_user.id) AS counters"
_WHO: Final = text(
    f"""
    SELECT app_user.id, name, role, {_COUNTERS}, token_hash, sign_in.id AS sign_in_id, used_at, access_token.expires_at AS until
      FROM access_token JOIN sign_in ON sign_in.id = sign_in_id AND revoked_at IS NULL
      JOIN app_user ON app_user.id = user_id AND active
     WHERE token_hash = ANY (CAST(:hashes AS bytea[]))
    """
)
_ACTOR: Final = text(f"SELECT id, name, role, {_COUNTERS} FROM app_user WHERE id = :user AND active")
_TOUCH: Final = text("UPDATE access_token SET used_at = :at WHERE token_hash = :hash AND used_at < :at")
_INSERT: Final = text(
    """
    INSERT INTO sign_in (user_id, kind, device, address, created_at, expires_at)
    VALUES (:user, :kind, :device, :address, :at, :until) RETURNING id
    """
)
_INSERT_ACCESS: Final = text("INSERT INTO access_token (token_hash, sign_in_id, used_at, expires_at) VALUES (:hash, :sign_in, :at, :until)")
_INSERT_REFRESH: Final = text(
    "INSERT INTO refresh_token (token_hash, sign_in_id, parent_hash, created_at) VALUES (:hash, :sign_in, :parent, :at)"
)
_FAMILY_OF: Final = text(
    """
    SELECT sign_in_id, user_id, name FROM refresh_token JOIN sign_in ON sign_in.id = sign_in_id JOIN app_user ON app_user.id = user_id
     WHERE token_hash = :hash
    """
)
_LOCK_FAMILY: Final = text(
    """
    SELECT refresh_hash FROM sign_in JOIN app_user ON app_user.id = user_id AND active
     WHERE sign_in.id = :sign_in AND revoked_at IS NULL AND expires_at > :at FOR NO KEY UPDATE OF sign_in
    """
)
_PARENT: Final = text("SELECT parent_hash FROM refresh_token WHERE token_hash = :hash")
_PROLONG: Final = text("UPDATE sign_in SET refresh_hash = :hash, expires_at = :until WHERE id = :sign_in")
_MAX_REFRESH_TOKENS: Final = 100
"""Number kept for each sign-in; an older token is invalid, but its use isn't recognized as theft."""
_PRUNE_FAMILY: Final = text(
    f"""
    DELETE FROM refresh_token WHERE sign_in_id = :sign_in AND token_hash <> :hash AND token_hash NOT IN
      (SELECT token_hash FROM refresh_token WHERE sign_in_id = :sign_in ORDER BY created_at DESC LIMIT {_MAX_REFRESH_TOKENS})
    """
)
_PRUNE_ACCESS: Final = text("DELETE FROM access_token WHERE sign_in_id = :sign_in AND expires_at <= :at")
_MAX_SIGN_INS: Final = 100
"""Largest number of live sign-ins of a user; beyond it, the least recently used ones end."""
_ENDED_FOR: Final = timedelta(days=30)
"""Time after which an ended sign-in is deleted; the event log keeps its history."""
_FORGET: Final = text("DELETE FROM sign_in WHERE user_id = :user AND (revoked_at < :ended OR expires_at < :ended)")
_CROWD_OUT: Final = text(
    f"""
    UPDATE sign_in SET revoked_at = :at WHERE id IN
      (SELECT id FROM sign_in WHERE user_id = :user AND revoked_at IS NULL AND expires_at > :at
        ORDER BY (SELECT max(used_at) FROM access_token WHERE sign_in_id = sign_in.id) DESC NULLS LAST, id DESC OFFSET {_MAX_SIGN_INS})
    """
)
_REVOKE_OF_TOKEN: Final = text(
    """
    UPDATE sign_in SET revoked_at = :at WHERE id = (SELECT sign_in_id FROM access_token WHERE token_hash = :hash) AND revoked_at IS NULL
    RETURNING id, user_id
    """
)
_REVOKE: Final = text(
    "UPDATE sign_in SET revoked_at = :at WHERE id = :sign_in AND user_id = :user AND revoked_at IS NULL AND expires_at > :at"
)
_REVOKE_ALL: Final = text(
    """
    UPDATE sign_in SET revoked_at = :at
     WHERE user_id = :user AND revoked_at IS NULL AND expires_at > :at AND id IS DISTINCT FROM CAST(:but AS bigint)
    """
)
_LISTED: Final = text(
    """
    SELECT id, kind, device, address, created_at, expires_at,
           (SELECT max(used_at) FROM access_token WHERE sign_in_id = sign_in.id) AS last_used_at
      FROM sign_in WHERE user_id = :user AND revoked_at IS NULL AND expires_at > :at ORDER BY id DESC
    """
)
STALE: Final = timedelta(hours=1)
"""The time of a token's last use is written at most once in this time."""


class SignInKind(StrEnum):
    """Kind of a sign-in: how the client keeps it."""

    TOKEN = "TOKEN"  # noqa: S105 - a kind, not a secret
    REFRESHABLE = "REFRESHABLE"
    COOKIE = "COOKIE"
    SERVICE = "SERVICE"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Lifetimes of tokens."""

    token: timedelta
    access: timedelta
    refresh: timedelta
    cookie: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "Lifetimes":
        """Read the lifetimes from the settings."""
        return cls(
            token=timedelta(hours=settings.token_hours), access=timedelta(minutes=settings.access_minutes),
            refresh=timedelta(hours=settings.refresh_hours), cookie=timedelta(hours=settings.cookie_hours),
        )  # fmt: skip

    def of_sign_in(self, kind: SignInKind) -> timedelta:
        """Time until the sign-in ends, unless it is refreshed."""
        return {SignInKind.REFRESHABLE: self.refresh, SignInKind.COOKIE: self.cookie}.get(kind, self.token)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Result of a sign-in or a refresh. Tokens are shown only here."""

    token: str
    expires_at: datetime
    """Expiry of the access token."""
    refresh_token: str | None
    user_id: int


@dataclass(frozen=True, slots=True)
class Live:
    """A live sign-in and its user, with their present role and scope."""

    actor: Actor
    sign_in_id: int
    used_at: datetime


@dataclass(frozen=True, slots=True)
class SignInSummary:
    """A live sign-in as its user sees it in their list."""

    id: int
    kind: str
    device: str
    address: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    """Time of the last use of one of its tokens; None: no token is left."""


@dataclass(frozen=True, slots=True)
class _User:
    id: int
    name: str
    role: str
    counters: list[int]


@dataclass(frozen=True, slots=True)
class _LiveToken(_User):
    """An access token whose sign-in wasn't revoked, and its user."""

    token_hash: bytes
    sign_in_id: int
    used_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class _RefreshToken:
    """The sign-in and the user of a refresh token."""

    sign_in_id: int
    user_id: int
    name: str


@dataclass(frozen=True, slots=True)
class _LastUsed:
    refresh_hash: bytes | None
    """Hash of the refresh token used last; None: none was used."""


@dataclass(frozen=True, slots=True)
class _Parent:
    parent_hash: bytes | None
    """Hash of the refresh token for which it was issued; None: it was issued at the sign-in."""


@dataclass(frozen=True, slots=True)
class _Ended:
    id: int
    user_id: int


async def live(session: ReadSession, token: str, *, at: datetime) -> Live | None:
    """Return the sign-in of a token that is valid at `at`, with the user's present role and scope; else None. One statement."""
    digest = hash_of(token)
    return _living(await session.rows(_WHO, {"hashes": [digest]}, into=_LiveToken), [(digest, at)]).get((digest, at))


async def living(database: Database, asked: Collection[tuple[bytes, datetime]]) -> dict[tuple[bytes, datetime], Live]:
    """Return the sign-ins of many pairs of a token's `hash_of` and the instant at which it must be valid. One statement.

    Raises DatabaseUnavailable.
    """
    return _living(await database.fetch(_WHO, {"hashes": list({digest for digest, _ in asked})}, into=_LiveToken), asked)


def _living(tokens: Sequence[_LiveToken], asked: Collection[tuple[bytes, datetime]]) -> dict[tuple[bytes, datetime], Live]:
    by_digest = {token.token_hash: (token.until, Live(_as_actor(token), token.sign_in_id, token.used_at)) for token in tokens}
    return {(digest, at): by_digest[digest][1] for digest, at in asked if digest in by_digest and by_digest[digest][0] > at}


async def actor(session: ReadSession, user_id: int) -> Actor | None:
    """Return an active user with their present role and scope; else None. For links that were signed for them."""
    user = await session.row(_ACTOR, {"user": user_id}, into=_User)
    return None if user is None else _as_actor(user)


def _as_actor(user: _User) -> Actor:
    role = Role(user.role)
    scope = Scope(None) if role in _ALL_COUNTERS else Scope(frozenset(user.counters))
    return Actor(user_id=user.id, name=user.name, role=role, scope=scope)


async def listed(session: ReadSession, user_id: int, *, at: datetime) -> Sequence[SignInSummary]:
    """List the live sign-ins of a user, newest first, at most 100."""
    return await session.rows(_LISTED, {"user": user_id, "at": at}, into=SignInSummary)


async def touch(database: Database, token: str, by: Actor, *, at: datetime) -> None:
    """Record a token's use, in a transaction of its own. Called after the response, at most once in STALE."""
    async with database.transaction(actor=by, at=at) as session:
        await session.execute(_TOUCH, {"hash": hash_of(token), "at": at})


async def begin(
    session: WriteSession, user_id: int, *, kind: SignInKind, device: str, address: str, lifetimes: Lifetimes, until: datetime | None = None
) -> Tokens:
    """Create a sign-in for an authenticated user and delete their old ones. `until` replaces the end of its usual lifetime."""
    at = session.at
    await session.execute(_FORGET, {"user": user_id, "ended": at - _ENDED_FOR})
    expires_at = until or at + lifetimes.of_sign_in(kind)
    values = {"user": user_id, "kind": kind.value, "device": device, "address": address, "at": at, "until": expires_at}
    sign_in_id = await session.only_value(_INSERT, values, kind=int)
    tokens = await _give(session, sign_in_id, user_id, parent=None, kind=kind, sign_in_until=expires_at, access=lifetimes.access)
    await session.execute(_CROWD_OUT, {"user": user_id, "at": at})
    return tokens


async def _give(
    session: WriteSession, sign_in_id: int, user_id: int, *, parent: bytes | None, kind: SignInKind, sign_in_until: datetime,
    access: timedelta,
) -> Tokens:  # fmt: skip
    """Issue an access token and, for a refreshable sign-in, a refresh token."""
    refresh = f"sbr_{secrets.token_urlsafe(32)}" if kind is SignInKind.REFRESHABLE else None
    if refresh is not None:
        values = {"hash": hash_of(refresh), "sign_in": sign_in_id, "parent": parent, "at": session.at}
        await session.execute(_INSERT_REFRESH, values)
    token = f"{'sbs' if kind is SignInKind.SERVICE else 'sbt'}_{secrets.token_urlsafe(32)}"
    until = sign_in_until if refresh is None else min(sign_in_until, session.at + access)
    await session.execute(_INSERT_ACCESS, {"hash": hash_of(token), "sign_in": sign_in_id, "at": session.at, "until": until})
    return Tokens(token, until, refresh, user_id)


async def refresh(database: Database, refresh_token: str, *, at: datetime, lifetimes: Lifetimes) -> Tokens | None:
    """Issue new tokens for a valid refresh token; else return None. A superseded refresh token ends its sign-in.

    Runs in a transaction of its own, as the end of a stolen sign-in must be committed although the request fails.
    """
    presented = hash_of(refresh_token)
    async with database.reading() as reading:
        family = await reading.row(_FAMILY_OF, {"hash": presented}, into=_RefreshToken)
    if family is None:
        return None
    sign_in_id, user_id = family.sign_in_id, family.user_id
    by = Actor(user_id, family.name, Role.AUDITOR, Scope(frozenset()))
    async with database.transaction(actor=by, at=at) as session:
        locked = await session.row(_LOCK_FAMILY, {"sign_in": sign_in_id, "at": at}, into=_LastUsed)
        known = await session.row(_PARENT, {"hash": presented}, into=_Parent)
        if locked is None or known is None:
            return None
        if locked.refresh_hash not in {presented, known.parent_hash}:
            await session.execute(_REVOKE, {"sign_in": sign_in_id, "user": user_id, "at": at})
            await events.append(session, UserRefreshReused(sign_in_id=SignInId.of(sign_in_id)), subject_id=user_id)
            return None
        until = at + lifetimes.refresh
        await session.execute(_PROLONG, {"hash": presented, "sign_in": sign_in_id, "until": until})
        tokens = await _give(
            session, sign_in_id, user_id, parent=presented, kind=SignInKind.REFRESHABLE, sign_in_until=until, access=lifetimes.access
        )
        await session.execute(_PRUNE_FAMILY, {"sign_in": sign_in_id, "hash": presented})
        await session.execute(_PRUNE_ACCESS, {"sign_in": sign_in_id, "at": at})
    return tokens


async def sign_out(session: WriteSession, token: str) -> bool:
    """End the sign-in of a token, with all its tokens. Returns False if it had already ended."""
    ended = await session.row(_REVOKE_OF_TOKEN, {"hash": hash_of(token), "at": session.at}, into=_Ended)
    if ended is not None:
        await events.append(session, UserSignedOut(sign_in_id=SignInId.of(ended.id)), subject_id=ended.user_id)
    return ended is not None


async def revoke(session: WriteSession, user_id: int, sign_in_id: int) -> None:
    """End one live sign-in of this user. Raises NotFound, also for another user's sign-in."""
    if not await session.execute(_REVOKE, {"sign_in": sign_in_id, "user": user_id, "at": session.at}):
        raise NotFound(field="sign_in_id", noun=Noun.SIGN_IN, given=sign_in_id)
    await events.append(session, UserTokenRevoked(sign_in_id=SignInId.of(sign_in_id), signed_out=1), subject_id=user_id)


async def revoke_others(session: WriteSession, user_id: int, *, but: int | None) -> int:
    """End every live sign-in of this user except `but`, at their request, and return their number."""
    ended = await revoke_all(session, user_id, but=but)
    if ended:
        await events.append(session, UserTokenRevoked(kept_sign_in_id=SignInId.of(but), signed_out=ended), subject_id=user_id)
    return ended


async def revoke_all(session: WriteSession, user_id: int, *, but: int | None = None) -> int:
    """End every live sign-in of a user except `but`, and return their number. The caller writes the event."""
    return await session.execute(_REVOKE_ALL, {"user": user_id, "but": but, "at": session.at})


def hash_of(token: str) -> bytes:
    """Return the stored hash of a token. A token has 256 random bits, so it needs no salt and no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
