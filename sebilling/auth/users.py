"""Users with their roles and counters, and service accounts of scripts, which have one token and no password."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.access_errors import Forbidden, LastAdmin, OwnAccount
from sebilling.actor import Actor, Role
from sebilling.auth import sessions
from sebilling.auth.sessions import Lifetimes, SignInKind, Tokens
from sebilling.billing import validation
from sebilling.billing.counters import by_codes, codes_of
from sebilling.billing.validation import Problems
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import AlreadyExists, InvalidNumber, InvalidText, NotFound
from sebilling.events.users import ServiceTokenCreated, ServiceTokenRevoked, UserChanged, UserCreated, UserPasswordReset, UserValues
from sebilling.language import Sentence
from sebilling.nouns import Noun

ONE_TIME: Final = timedelta(hours=72)
"""Lifetime of a one-time password."""
CREATED_AGAIN: Final = timedelta(minutes=15)
"""Time in which the creation of a user can be repeated to get the one-time password of an answer that was lost."""
MAX_SERVICE_DAYS: Final = 3_650
AT_COUNTERS: Final = frozenset({Role.CLERK, Role.COLLECTOR})
_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_SERVICE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
_LOCK_KEY: Final = 0x5EB_ACC
"""Advisory lock for changes of accounts, so that two admins who demote each other at once are processed one after the other."""
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:key)")
_INSERT: Final = text(
    """
    INSERT INTO app_user (id, username, name, role, password_hash, active, created_at, service, one_time_until)
    OVERRIDING SYSTEM VALUE
    VALUES (coalesce(CAST(:id AS bigint), nextval(pg_get_serial_sequence('app_user', 'id'))), :username, :name, :role, :hash, true, :at,
            :service, CAST(:until AS timestamptz))
    ON CONFLICT (username) DO NOTHING RETURNING id
    """
)
_NEW: Final = text("SELECT password_hash FROM app_user WHERE id = :user AND one_time_until IS NOT NULL AND created_at > :since")
_ASSIGN: Final = text("INSERT INTO user_counter (user_id, counter_id) VALUES (:user, :counter)")
_LEAVE: Final = text(
    """
    INSERT INTO user_counter_left (user_id, counter_id, left_at)
    SELECT user_id, counter_id, :at FROM user_counter JOIN counter ON counter.id = counter_id
     WHERE user_id = :user AND code <> ALL (CAST(:counters AS text[]))
    """
)
_UNASSIGN: Final = text("DELETE FROM user_counter WHERE user_id = :user")
_BY_ID: Final = text(
    """
    SELECT id, username, name, role, active, ARRAY(SELECT code FROM counter JOIN user_counter ON counter_id = counter.id
                                                    WHERE user_id = app_user.id ORDER BY code) AS counters
      FROM app_user WHERE id = :user AND service = :service FOR NO KEY UPDATE
    """
)
_STILL_ADMIN: Final = text("SELECT EXISTS (SELECT FROM app_user WHERE id = :user AND active AND role = 'ADMIN')")
_OTHER_ADMIN: Final = text("SELECT EXISTS (SELECT FROM app_user WHERE id <> :user AND active AND role = 'ADMIN' AND NOT service)")
_UPDATE: Final = text("UPDATE app_user SET name = :name, role = :role, active = :active, version = version + 1 WHERE id = :user")
_RESET: Final = text("UPDATE app_user SET password_hash = :hash, one_time_until = CAST(:until AS timestamptz) WHERE id = :user")
_FORGET_DEVICES: Final = text("DELETE FROM known_device WHERE user_id = :user")
_NAMED: Final = text("SELECT id FROM app_user WHERE username = :username")
_ID_OF: Final = text("SELECT id FROM app_user WHERE username = :username AND NOT service")
_SERVICE_OF: Final = text(
    """
    SELECT app_user.id, EXISTS (SELECT FROM sign_in WHERE user_id = app_user.id AND revoked_at IS NULL AND expires_at > :at) AS living
      FROM app_user WHERE username = :username AND service FOR NO KEY UPDATE
    """
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of a user; None: unchanged."""

    name: str | None = None
    role: Role | None = None
    counters: Sequence[str] | None = None
    """Codes of counters."""
    counter_ids: Sequence[int] | None = None
    """Ids of counters, in place of codes."""
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class _Account:
    """A user or a script's account; `counters` are the codes of its counters."""

    id: int
    username: str
    name: str
    role: str
    active: bool
    counters: list[str]


@dataclass(frozen=True, slots=True)
class _ServiceAccount:
    """A script's account; `living` says whether its token is still valid."""

    id: int
    living: bool


async def create(
    session: WriteSession, *, username: str, name: str, role: Role, password_hash: str, counters: Sequence[str] = (),
    counter_ids: Sequence[int] | None = None, one_time: bool = False, user_id: int | None = None,
) -> int:  # fmt: skip
    """Add a user and return the id, which is `user_id` if an idempotency key has claimed one. The password is hashed before the
    transaction; a `one_time` one must be changed at the first sign-in, within ONE_TIME.

    A clerk or collector needs counters, given by their codes or ids; the other roles see every counter and take none.
    Raises InvalidText, InvalidInputs, NotFound, AlreadyExists, Forbidden.
    """
    await _administer(session)
    with Problems() as check:
        username = check(_valid_username, username)
        name = check(validation.clean, name, what=Sentence("The name", "Nama"), field="name")
        if counter_ids is not None:
            counters = await check.awaited(codes_of(session, counter_ids))
        if counters is not None:
            check(_check_counters, role, counters)
        if check.found and await session.value(_NAMED, {"username": username}, kind=int) is not None:
            check.add(AlreadyExists(field="username", noun=Noun.USER, given=username))
    values = {
        "id": user_id, "username": username, "name": name, "role": role.value,
        "hash": password_hash, "service": False, "until": session.at + ONE_TIME if one_time else None, "at": session.at,
    }  # fmt: skip
    user_id = await session.value(_INSERT, values, kind=int)
    if user_id is None:
        raise AlreadyExists(field="username", noun=Noun.USER, given=username)
    await _assign(session, user_id, counters)
    await events.append(session, UserCreated(username=username, role=role, counter_codes=counters), subject_id=user_id)
    return user_id


def _valid_username(username: str) -> str:
    """Return the user name in lower case. Raises InvalidText."""
    username = username.strip().lower()
    if not _USERNAME.fullmatch(username):
        why = Sentence(
            "use 2 to 64 letters, digits, or . _ @ -, beginning with a letter or digit.",
            "pakai 2 sampai 64 huruf, angka, atau . _ @ -, diawali huruf atau angka.",
        )
        raise InvalidText(field="username", what=Sentence(f"The user name '{username[:40]}'", f"Nama pengguna '{username[:40]}'"), why=why)
    return username


async def new_hash(session: WriteSession, user_id: int) -> str | None:
    """The hash of the one-time password of a user who was created within CREATED_AGAIN and has not signed in; None for any other.

    Raises NotFound, Forbidden.
    """
    await check_may_administer(session, user_id)
    return await session.value(_NEW, {"user": user_id, "since": session.at - CREATED_AGAIN}, kind=str)


async def update(session: WriteSession, user_id: int, changes: Changes) -> None:
    """Change a user. A deactivated user is signed out everywhere at once; a new role takes effect with the next request.

    Nobody can change their own role or activity, and the last active ADMIN stays one. A new clerk or collector needs counters; a user
    who stops being one loses theirs. Raises InvalidText, NotFound, Forbidden, OwnAccount, LastAdmin, InvalidInputs.
    """
    await _administer(session)
    row = await _user(session, user_id)
    was = Role(row.role)
    role, active = changes.role or was, row.active if changes.active is None else changes.active
    with Problems() as check:
        if (role, active) != (was, row.active):
            await check.awaited(_check_role(session, row, role, active=active))
        name = row.name if changes.name is None else check(validation.clean, changes.name, what=Sentence("The name", "Nama"), field="name")
        counters = changes.counters
        if changes.counter_ids is not None:
            counters = await check.awaited(codes_of(session, changes.counter_ids))
        elif counters is None:
            counters = row.counters if role in AT_COUNTERS else []
        if counters is not None:
            check(_check_counters, role, counters)
    await session.execute(_UPDATE, {"user": user_id, "name": name, "role": role.value, "active": active})
    await session.execute(_LEAVE, {"user": user_id, "counters": list(counters), "at": session.at})
    await session.execute(_UNASSIGN, {"user": user_id})
    await _assign(session, user_id, counters)
    if row.active and not active:
        await _shut_out(session, user_id)
    before = UserValues(name=row.name, role=was, active=row.active, counter_codes=sorted(row.counters))
    after = UserValues(name=name, role=role, active=active, counter_codes=sorted(counters))
    if before != after:
        before, after = events.changed(before, after)
        await events.append(session, UserChanged(username=row.username, before=before, after=after), subject_id=user_id)


async def _check_role(session: WriteSession, account: _Account, role: Role, *, active: bool) -> None:
    """Check that the account may get this role and activity, of which one is new. Raises OwnAccount, LastAdmin."""
    was = Role(account.role)
    field = "role" if role is not was else "active"
    if session.actor.user_id == account.id:
        raise OwnAccount(field=field)
    loses = was is Role.ADMIN and account.active and not (role is Role.ADMIN and active)
    if loses and not await session.only_value(_OTHER_ADMIN, {"user": account.id}, kind=bool):
        raise LastAdmin(field=field, given=account.username)


async def reset_password(session: WriteSession, user_id: int, *, password_hash: str, one_time: bool = True) -> None:
    """Set another user's password, hashed before the transaction, and sign them out everywhere. A `one_time` one must be changed at
    the next sign-in.

    Raises NotFound, Forbidden, OwnAccount.
    """
    await _administer(session)
    if session.actor.user_id == user_id:
        raise OwnAccount(field="user_id")
    row = await _user(session, user_id)
    until = session.at + ONE_TIME if one_time else None
    await session.execute(_RESET, {"user": user_id, "hash": password_hash, "until": until})
    await _shut_out(session, user_id)
    await events.append(session, UserPasswordReset(username=row.username), subject_id=user_id)


async def check_may_administer(session: WriteSession, user_id: int) -> None:
    """Lock changes of accounts; raise Forbidden unless the caller is an ADMIN now, and NotFound if there is no such user."""
    await _administer(session)
    await _user(session, user_id)


async def create_service(
    session: WriteSession,
    *,
    name: str,
    role: Role,
    days: int,
    lifetimes: Lifetimes,
    counters: Sequence[str] = (),
    counter_ids: Sequence[int] | None = None,
) -> tuple[int, Tokens]:
    """Create a script's account with one token, valid for `days`; returns its id and the token, which is shown only once.

    It is never an ADMIN and can't sign in by password. A name whose token has ended can be used again.
    Raises InvalidText, InvalidNumber, InvalidInputs, NotFound, AlreadyExists, Forbidden.
    """
    name = name.strip().lower()
    with Problems() as check:
        if not _SERVICE.fullmatch(name):
            why = Sentence(
                "use 2 to 64 letters, digits, or . _ -, beginning with a letter or digit.",
                "pakai 2 sampai 64 huruf, angka, atau . _ -, diawali huruf atau angka.",
            )
            check.add(InvalidText(field="name", what=Sentence(f"The name '{name[:40]}'", f"Nama '{name[:40]}'"), why=why))
        if role is Role.ADMIN:
            why = Sentence(
                "a script can't be an ADMIN. Choose the narrowest role that suffices.",
                "skrip tidak boleh menjadi ADMIN. Pilih peran paling sempit yang cukup.",
            )
            check.add(InvalidText(field="role", what=Sentence("The role ADMIN", "Peran ADMIN"), why=why))
        if not 1 <= days <= MAX_SERVICE_DAYS:
            why = Sentence(f"give 1 to {MAX_SERVICE_DAYS}.", f"isi 1 sampai {MAX_SERVICE_DAYS}.")
            check.add(InvalidNumber(field="days", what=Sentence("days", "jumlah hari"), given=days, why=why))
        if counter_ids is not None:
            counters = await check.awaited(codes_of(session, counter_ids))
        if counters is not None:
            check(_check_counters, role, counters)
    await _administer(session)
    user_id = await _service_account(session, name, role)
    await _assign(session, user_id, counters)
    until = session.at + timedelta(days=days)
    tokens = await sessions.begin(session, user_id, kind=SignInKind.SERVICE, device=name, address="", lifetimes=lifetimes, until=until)
    created = ServiceTokenCreated(name=name, role=role, counter_codes=counters, until=until)
    await events.append(session, created, subject_id=user_id)
    return user_id, tokens


async def _service_account(session: WriteSession, name: str, role: Role) -> int:
    username = f"service:{name}"  # never a person's user name: those have no colon
    account = await session.row(_SERVICE_OF, {"username": username, "at": session.at}, into=_ServiceAccount)
    if account is not None:
        if account.living:
            raise AlreadyExists(field="name", noun=Noun.SERVICE_TOKEN, given=name)
        await session.execute(_UPDATE, {"user": account.id, "name": name, "role": role.value, "active": True})
        await session.execute(_UNASSIGN, {"user": account.id})
        return account.id
    values = {
        "id": None,
        "username": username,
        "name": name,
        "role": role.value,
        "hash": "",
        "service": True,
        "until": None,
        "at": session.at,
    }
    return await session.only_value(_INSERT, values, kind=int)


async def revoke_service(session: WriteSession, user_id: int) -> None:
    """End a script's token at once. Raises NotFound, Forbidden."""
    await _administer(session)
    row = await _user(session, user_id, service=True)
    if not await sessions.revoke_all(session, user_id):
        raise NotFound(field="user_id", noun=Noun.SERVICE_TOKEN, given=row.name)
    await session.execute(_UPDATE, {"user": user_id, "name": row.name, "role": row.role, "active": False})
    await events.append(session, ServiceTokenRevoked(name=row.name), subject_id=user_id)


async def named(session: ReadSession, username: str) -> int:
    """Return the id of the person with this user name. Raises NotFound."""
    user_id = await session.value(_ID_OF, {"username": username.strip().lower()}, kind=int)
    if user_id is None:
        raise NotFound(noun=Noun.USER, given=username[:40])
    return user_id


async def _administer(session: WriteSession) -> None:
    """Lock changes of accounts, and raise Forbidden unless the caller is still an ADMIN: the role may have changed meanwhile."""
    await session.execute(_LOCK, {"key": _LOCK_KEY})
    if not await _may(session, session.actor):
        raise Forbidden(roles=Role.ADMIN.value)


async def _may(session: ReadSession, actor: Actor) -> bool:
    return actor.user_id is None or await session.only_value(_STILL_ADMIN, {"user": actor.user_id}, kind=bool)


async def _user(session: WriteSession, user_id: int, *, service: bool = False) -> _Account:
    row = await session.row(_BY_ID, {"user": user_id, "service": service}, into=_Account)
    if row is None:
        raise NotFound(field="user_id", noun=Noun.SERVICE_TOKEN if service else Noun.USER, given=user_id)
    return row


def _check_counters(role: Role, counters: Sequence[str]) -> None:
    """Raises InvalidText."""
    if bool(counters) != (role in AT_COUNTERS):
        why = Sentence(
            "name counters for a clerk or collector, and for nobody else.",
            "isi loket untuk kasir atau kolektor saja, bukan untuk peran lain.",
        )
        raise InvalidText(
            field="counter_ids", what=Sentence(f"The list of counters for the role {role}", f"Daftar loket untuk peran {role}"), why=why
        )
    if len(set(counters)) < len(counters):
        raise InvalidText(
            field="counter_ids",
            what=Sentence("The list of counters", "Daftar loket"),
            why=Sentence("a counter is listed twice.", "ada loket yang tercantum dua kali."),
        )


async def _assign(session: WriteSession, user_id: int, counters: Sequence[str]) -> None:
    for counter_id in await by_codes(session, counters):
        await session.execute(_ASSIGN, {"user": user_id, "counter": counter_id})


async def _shut_out(session: WriteSession, user_id: int) -> None:
    await sessions.revoke_all(session, user_id)
    await session.execute(_FORGET_DEVICES, {"user": user_id})
