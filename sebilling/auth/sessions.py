"""Sign-ins: opaque random tokens that the client keeps; here lies only their SHA-256, and each sign-in can be revoked.

A sign-in has one access token, or, if it is refreshable, short ones and a refresh token that changes with each use. The refresh token
taken last stays good until one that was given for it is used: a phone that never got the answer asks again. Any other one of the
family was used up or overtaken: whoever brings it is a thief, or was robbed, and the whole sign-in ends.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text

from sebilling import events
from sebilling.actor import Actor, Role, Scope
from sebilling.config import Settings
from sebilling.db.engine import Database, ReadSession, WriteSession
from sebilling.errors import NotFound

_ALL_COUNTERS: Final = frozenset({Role.ADMIN, Role.FINANCE, Role.TECHNICIAN, Role.AUDITOR})
_COUNTERS: Final = "ARRAY(SELECT counter_id FROM user_counter WHERE user_id = app_user.id) AS counters"
_WHO: Final = text(
    f"""
    SELECT token_hash, app_user.id, name, role, {_COUNTERS}, sign_in.id AS sign_in_id, used_at, access_token.expires_at AS until
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
"""Kept of a sign-in; an older one signs nobody in, but isn't known for stolen either."""
_PRUNE_FAMILY: Final = text(
    f"""
    DELETE FROM refresh_token WHERE sign_in_id = :sign_in AND token_hash <> :hash AND token_hash NOT IN
      (SELECT token_hash FROM refresh_token WHERE sign_in_id = :sign_in ORDER BY created_at DESC LIMIT {_MAX_REFRESH_TOKENS})
    """
)
_PRUNE_ACCESS: Final = text("DELETE FROM access_token WHERE sign_in_id = :sign_in AND expires_at <= :at")
_MAX_SIGN_INS: Final = 100
"""Living ones of a user: of more, those end that were not used for longest."""
_ENDED_FOR: Final = timedelta(days=30)
"""After so long an ended sign-in is forgotten; the event log keeps what happened."""
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
"""When a token was last used is written once in this time."""


class SignInKind(StrEnum):
    """What a sign-in is kept by."""

    TOKEN = "TOKEN"  # noqa: S105 - a kind, not a secret
    REFRESHABLE = "REFRESHABLE"
    COOKIE = "COOKIE"
    SERVICE = "SERVICE"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens are good."""

    token: timedelta
    access: timedelta
    refresh: timedelta
    cookie: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "Lifetimes":
        """As the deployment sets them."""
        return cls(
            token=timedelta(hours=settings.token_hours), access=timedelta(minutes=settings.access_minutes),
            refresh=timedelta(hours=settings.refresh_hours), cookie=timedelta(hours=settings.cookie_hours),
        )  # fmt: skip

    def of_sign_in(self, kind: SignInKind) -> timedelta:
        """Until the sign-in ends, unless it is refreshed."""
        return {SignInKind.REFRESHABLE: self.refresh, SignInKind.COOKIE: self.cookie}.get(kind, self.token)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in or a refresh gives. Tokens are shown this once."""

    token: str
    expires_at: datetime
    """Of the token."""
    refresh_token: str | None
    user_id: int


@dataclass(frozen=True, slots=True)
class Live:
    """A living sign-in, and its user with what they may see now."""

    actor: Actor
    sign_in_id: int
    used_at: datetime


async def live(session: ReadSession, token: str, *, at: datetime) -> Live | None:
    """The sign-in of a living token, its user with what they may see now; else None. One statement."""
    asked = (hash_of(token), at)
    return (await living(session, [asked])).get(asked)


async def living(session: ReadSession, asked: Collection[tuple[bytes, datetime]]) -> dict[tuple[bytes, datetime], Live]:
    """The same of many at once: of each pair of a token's `hash_of` and the instant at which it is to be good. One statement."""
    rows = await session.rows(_WHO, {"hashes": list({digest for digest, _ in asked})})
    found = {row.token_hash: (row.until, Live(_as_actor(row), row.sign_in_id, row.used_at)) for row in rows}
    return {(digest, at): found[digest][1] for digest, at in asked if digest in found and found[digest][0] > at}


async def actor(session: ReadSession, user_id: int) -> Actor | None:
    """An active user with what they may see now; else None. For links that were signed for them."""
    row = await session.row(_ACTOR, {"user": user_id})
    return None if row is None else _as_actor(row)


def _as_actor(row: Row[*tuple[Any, ...]]) -> Actor:
    role = Role(row.role)
    scope = Scope(None) if role in _ALL_COUNTERS else Scope(frozenset(row.counters))
    return Actor(user_id=row.id, name=row.name, role=role, scope=scope)


async def listed(session: ReadSession, user_id: int, *, at: datetime) -> list[dict[str, Any]]:
    """The living sign-ins of a user, the newest first: at most 100."""
    return [dict(row._mapping) for row in await session.rows(_LISTED, {"user": user_id, "at": at})]  # noqa: SLF001 - its documented name


async def touch(database: Database, token: str, by: Actor, *, at: datetime) -> None:
    """Write that a token was used, in a transaction of its own: for after the answer, once in STALE."""
    async with database.transaction(actor=by, at=at) as session:
        await session.execute(_TOUCH, {"hash": hash_of(token), "at": at})


async def begin(
    session: WriteSession, user_id: int, *, kind: SignInKind, device: str, address: str, lifetimes: Lifetimes, until: datetime | None = None
) -> Tokens:
    """A new sign-in of a user whose right to it was checked; old ones of theirs are tidied away. `until` instead of its lifetime."""
    at = session.at
    await session.execute(_FORGET, {"user": user_id, "ended": at - _ENDED_FOR})
    expires_at = until or at + lifetimes.of_sign_in(kind)
    given = {"user": user_id, "kind": kind.value, "device": device, "address": address, "at": at, "until": expires_at}
    sign_in_id: int = await session.value(_INSERT, given)
    tokens = await _give(session, sign_in_id, user_id, parent=None, kind=kind, sign_in_until=expires_at, access=lifetimes.access)
    await session.execute(_CROWD_OUT, {"user": user_id, "at": at})
    return tokens


async def _give(
    session: WriteSession, sign_in_id: int, user_id: int, *, parent: bytes | None, kind: SignInKind, sign_in_until: datetime,
    access: timedelta,
) -> Tokens:  # fmt: skip
    """An access token, and a refresh token if the sign-in has such."""
    refresh = f"sbr_{secrets.token_urlsafe(32)}" if kind is SignInKind.REFRESHABLE else None
    if refresh is not None:
        given = {"hash": hash_of(refresh), "sign_in": sign_in_id, "parent": parent, "at": session.at}
        await session.execute(_INSERT_REFRESH, given)
    token = f"{'sbs' if kind is SignInKind.SERVICE else 'sbt'}_{secrets.token_urlsafe(32)}"
    until = sign_in_until if refresh is None else min(sign_in_until, session.at + access)
    await session.execute(_INSERT_ACCESS, {"hash": hash_of(token), "sign_in": sign_in_id, "at": session.at, "until": until})
    return Tokens(token, until, refresh, user_id)


async def refresh(database: Database, refresh_token: str, *, at: datetime, lifetimes: Lifetimes) -> Tokens | None:
    """New tokens for a refresh token that is good; else None, and if it was overtaken its sign-in has ended.

    In a transaction of its own, as the end of a stolen sign-in must stay though the answer is a refusal.
    """
    presented = hash_of(refresh_token)
    async with database.reading() as reading:
        family = await reading.row(_FAMILY_OF, {"hash": presented})
    if family is None:
        return None
    sign_in_id, user_id = family.sign_in_id, family.user_id
    by = Actor(user_id, family.name, Role.AUDITOR, Scope(frozenset()))
    async with database.transaction(actor=by, at=at) as session:
        locked = await session.row(_LOCK_FAMILY, {"sign_in": sign_in_id, "at": at})
        known = await session.row(_PARENT, {"hash": presented})
        if locked is None or known is None:
            return None
        if locked.refresh_hash not in {presented, known.parent_hash}:
            await session.execute(_REVOKE, {"sign_in": sign_in_id, "user": user_id, "at": at})
            await events.append(session, "user.refresh_reused", subject="app_user", subject_id=user_id, sign_in=sign_in_id)
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
    """End the sign-in of a token, with all its tokens; False if it had ended."""
    ended = await session.row(_REVOKE_OF_TOKEN, {"hash": hash_of(token), "at": session.at})
    if ended is not None:
        await events.append(session, "user.signed_out", subject="app_user", subject_id=ended.user_id, sign_in=ended.id)
    return ended is not None


async def revoke(session: WriteSession, user_id: int, sign_in_id: int) -> None:
    """End one living sign-in of this user. Raises NotFound, for another's too."""
    if not await session.execute(_REVOKE, {"sign_in": sign_in_id, "user": user_id, "at": session.at}):
        raise NotFound(field=("input", "id"), noun="sign-in", given=f"sig_{sign_in_id}")
    await events.append(session, "user.token_revoked", subject="app_user", subject_id=user_id, sign_in=sign_in_id)


async def revoke_others(session: WriteSession, user_id: int, *, but: int | None) -> int:
    """End every living sign-in of this user but one, as they wish; gives their number."""
    ended = await revoke_all(session, user_id, but=but)
    if ended:
        await events.append(session, "user.token_revoked", subject="app_user", subject_id=user_id, others_of=but, signed_out=ended)
    return ended


async def revoke_all(session: WriteSession, user_id: int, *, but: int | None = None) -> int:
    """End every living sign-in of a user, or every one but this; gives their number. The event is the caller's."""
    return await session.execute(_REVOKE_ALL, {"user": user_id, "but": but, "at": session.at})


def hash_of(token: str) -> bytes:
    """What is kept of a token: it holds 256 bits of chance, so no salt and no slow hash is needed."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
