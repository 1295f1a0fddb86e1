"""Sign-in by name, password and, with two-step sign-in, a code; also re-authentication of a signed-in user."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.access_errors import CodeNeeded, PasswordChangeNeeded, WrongCode, WrongCredentials
from sebilling.actor import Actor, Role, Scope
from sebilling.auth import attempts, passwords, sessions, totp
from sebilling.auth.sessions import Lifetimes, SignInKind, Tokens
from sebilling.billing import validation
from sebilling.db.engine import Database, WriteSession
from sebilling.errors import InputPath, InvalidText, SebillingError
from sebilling.events.users import UserPasswordChanged, UserSignedIn, UserSignInFailed
from sebilling.language import Sentence
from sebilling.vault import Vault

_MAX_NAME: Final = 100
_MAX_DEVICE: Final = 100
_MAX_DEVICES: Final = 20
"""Largest number of known devices of a user; beyond it, the least recently used ones are deleted."""
_USER: Final = text(
    """
    SELECT id, username, name, role, password_hash, one_time_until, totp_secret IS NOT NULL AS two_step,
           active AND NOT service AND (one_time_until IS NULL OR one_time_until > :at) AS usable,
           EXISTS (SELECT FROM known_device WHERE token_hash = :device AND user_id = app_user.id) AS on_known_device
      FROM app_user WHERE username = :username
    """
)
_PASSWORD_OF: Final = text("SELECT id, username, name, role, password_hash FROM app_user WHERE id = :user AND active AND NOT service")
_STILL: Final = text("SELECT id FROM app_user WHERE id = :user AND active AND password_hash = :hash FOR NO KEY UPDATE")
_SET_PASSWORD: Final = text("UPDATE app_user SET password_hash = :hash, one_time_until = NULL WHERE id = :user")
_REHASH: Final = text("UPDATE app_user SET password_hash = :hash WHERE id = :user")
_KNOW_DEVICE: Final = text(
    """
    INSERT INTO known_device (token_hash, user_id, used_at) VALUES (:hash, :user, :at)
    ON CONFLICT (token_hash) DO UPDATE SET used_at = excluded.used_at WHERE known_device.user_id = excluded.user_id
    """
)
_FORGET_DEVICES: Final = text(
    f"""
    DELETE FROM known_device WHERE token_hash IN
      (SELECT token_hash FROM known_device WHERE user_id = :user ORDER BY used_at DESC, token_hash OFFSET {_MAX_DEVICES})
    """
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Input of a sign-in, and where it comes from."""

    username: str
    password: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    new_password: str | None = field(default=None, repr=False)
    """Replaces a one-time password."""
    device_token: str | None = field(default=None, repr=False)
    """Token from an earlier sign-in on this device."""
    device: str = ""
    """Name of the device."""
    network: str = "unknown"
    kind: SignInKind = SignInKind.TOKEN


@dataclass(frozen=True, slots=True)
class Entered:
    """Result of a successful sign-in."""

    tokens: Tokens
    device_token: str
    """Token to send with the next sign-in from this device."""
    actor: Actor


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account whose password is checked."""

    id: int
    username: str
    name: str
    role: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _SignInAccount(Account):
    one_time_until: datetime | None
    two_step: bool
    usable: bool
    on_known_device: bool


async def sign_in(database: Database, vault: Vault, asked: Asked, *, at: datetime, lifetimes: Lifetimes) -> Entered:
    """Sign a user in: check everything outside a transaction (a password takes 50 ms), then record the sign-in or the failure.

    Raises WrongCredentials, CodeNeeded, WrongCode, PasswordChangeNeeded, InvalidText; TooManyAttempts without checking the password.
    """
    username, device = asked.username.strip().lower()[:_MAX_NAME], _device(asked.device)
    known = None if asked.device_token is None else asked.device_token[:_MAX_NAME]
    async with database.reading() as reading:
        user = await reading.row(_USER, {"username": username, "device": sessions.hash_of(known or ""), "at": at}, into=_SignInAccount)
    limits = attempts.limits(username, asked.network, device=known if user is not None and user.on_known_device else None)
    await attempts.pay(database, limits, at=at, field="username")
    kept = user.password_hash if user is not None and user.usable else None
    if not await passwords.matches(asked.password, kept) or user is None:
        await _note_failure(database, user, network=asked.network, why="password", at=at)
        raise WrongCredentials(field="password")
    try:
        new_hash = await _new_hash(user, asked)
    except SebillingError as error:  # the password was right, so the account's owner must be able to see the attempt
        await _note_failure(database, user, network=asked.network, why=_LACKS.get(type(error), "new password"), at=at)
        raise
    by = Actor(user.id, user.name, Role(user.role), Scope(frozenset()))
    try:
        async with database.transaction(actor=by, at=at) as session:
            await _still(session, user)
            if user.two_step:
                await totp.use(session, vault, user.id, asked.code or "")
            entered = await _enter(session, user, asked, device=device, known=known, new_hash=new_hash, lifetimes=lifetimes)
            await attempts.release(session, limits)
    except (WrongCode, WrongCredentials) as error:
        why = "code" if isinstance(error, WrongCode) else "password"  # changed during the check
        await _note_failure(database, user, network=asked.network, why=why, at=at)
        raise
    return entered


_LACKS: Final[Mapping[type[SebillingError], str]] = {CodeNeeded: "code missing", PasswordChangeNeeded: "new password missing"}
"""Reason why a sign-in with the right password failed, as written in the event log."""


async def _new_hash(user: _SignInAccount, asked: Asked) -> str | None:
    """Return the hash to store after the right password was given; None: keep the present one.

    Raises CodeNeeded, PasswordChangeNeeded, InvalidText.
    """
    if user.two_step and not asked.code:
        raise CodeNeeded(field="code")
    if user.one_time_until is None:
        if asked.new_password is not None:
            why = Sentence(
                "it only replaces one-time passwords; sign in without it and use changePassword.",
                "hanya untuk mengganti kata sandi sekali pakai; masuk tanpa itu, lalu pakai changePassword.",
            )
            raise InvalidText(field="new_password", what=Sentence("A new password", "Kata sandi baru"), why=why)
        return await passwords.renewed(asked.password, user.password_hash)
    if not asked.new_password:
        raise PasswordChangeNeeded(field="new_password")
    if asked.new_password == asked.password:
        raise InvalidText(
            field="new_password",
            what=Sentence("The password", "Kata sandi ini"),
            why=Sentence("it is the one-time password; choose another.", "sama dengan kata sandi sekali pakai; pilih yang lain."),
        )
    return await passwords.hashed(asked.new_password, username=user.username, field="new_password")


async def _still(session: WriteSession, user: Account) -> None:
    """Raise WrongCredentials if the password was reset or the account deactivated during the check."""
    if await session.value(_STILL, {"user": user.id, "hash": user.password_hash}, kind=int) is None:
        raise WrongCredentials(field="password")


async def _enter(
    session: WriteSession, user: _SignInAccount, asked: Asked, *, device: str, known: str | None, new_hash: str | None,
    lifetimes: Lifetimes,
) -> Entered:  # fmt: skip
    if user.one_time_until is not None:
        await session.execute(_SET_PASSWORD, {"user": user.id, "hash": new_hash})
        ended = await sessions.revoke_all(session, user.id)
        await events.append(session, UserPasswordChanged(signed_out=ended), subject_id=user.id)
    elif new_hash is not None:  # made with today's parameters
        await session.execute(_REHASH, {"user": user.id, "hash": new_hash})
    tokens = await sessions.begin(session, user.id, kind=asked.kind, device=device, address=asked.network, lifetimes=lifetimes)
    device_token = known if user.on_known_device and known is not None else f"sbd_{secrets.token_urlsafe(32)}"
    await session.execute(_KNOW_DEVICE, {"hash": sessions.hash_of(device_token), "user": user.id, "at": session.at})
    await session.execute(_FORGET_DEVICES, {"user": user.id})
    signed_in = UserSignedIn(sign_in_kind=asked.kind, device=device, network=asked.network)
    await events.append(session, signed_in, subject_id=user.id)
    live = await sessions.live(session, tokens.token, at=session.at)
    if live is None:
        raise WrongCredentials(field="password")
    return Entered(tokens, device_token, live.actor)


async def proven(database: Database, user_id: int, password: str, *, at: datetime, field: InputPath) -> Account:
    """Check the password of a signed-in user again and return their account. Raises TooManyAttempts, WrongCredentials."""
    limits = attempts.limits_of_user(user_id)
    await attempts.pay(database, limits, at=at, field=field)
    async with database.reading() as reading:
        user = await reading.row(_PASSWORD_OF, {"user": user_id}, into=Account)
    if not await passwords.matches(password, None if user is None else user.password_hash) or user is None:
        await _note_failure(database, user, network="", why="password, signed in", at=at)
        raise WrongCredentials(field=field)
    async with database.transaction(actor=Actor(user_id, user.name, Role(user.role), Scope(frozenset())), at=at) as session:
        await attempts.release(session, limits)
    return user


async def change_password(database: Database, by: Actor, *, old: str, new: str, keep: int | None, at: datetime) -> int:
    """Change the caller's own password, for which the old one is required. Ends their other sign-ins except `keep`; returns their number.

    Raises TooManyAttempts, WrongCredentials, InvalidText.
    """
    user = await proven(database, by.user_id or 0, old, at=at, field="old_password")
    if old == new:
        raise InvalidText(
            field="new_password",
            what=Sentence("The password", "Kata sandi ini"),
            why=Sentence("it is the old one; choose another.", "sama dengan yang lama; pilih yang lain."),
        )
    new_hash = await passwords.hashed(new, username=user.username, field="new_password")
    async with database.transaction(actor=by, at=at) as session:
        await _still(session, user)
        await session.execute(_SET_PASSWORD, {"user": user.id, "hash": new_hash})
        ended = await sessions.revoke_all(session, user.id, but=keep)
        await events.append(session, UserPasswordChanged(signed_out=ended), subject_id=user.id)
    return ended


async def disable_totp(database: Database, vault: Vault, by: Actor, *, password: str, code: str, at: datetime) -> None:
    """Turn off the caller's own two-step sign-in, with the password and a code. A wrong code counts as a failed attempt.

    Raises TooManyAttempts, WrongCredentials, TwoStepState, WrongCode.
    """
    user = await proven(database, by.user_id or 0, password, at=at, field="password")
    limits = attempts.limits_of_user(user.id)
    await attempts.pay(database, limits, at=at, field="code")
    try:
        async with database.transaction(actor=by, at=at) as session:
            await _still(session, user)
            await totp.disable(session, vault, user.id, code)
            await attempts.release(session, limits)
    except WrongCode:
        await _note_failure(database, user, network="", why="code, signed in", at=at)
        raise


async def _note_failure(database: Database, user: Account | None, *, network: str, why: str, at: datetime) -> None:
    """Record a failed sign-in with the account, if it exists. The typed name isn't kept: it may be a password in the wrong field."""
    name = "unknown" if user is None else user.username
    async with database.transaction(actor=Actor(None, name, Role.AUDITOR, Scope(frozenset())), at=at) as session:
        await events.append(session, UserSignInFailed(network=network, reason=why), subject_id=0 if user is None else user.id)


def _device(name: str) -> str:
    """Return a device's name that can be shown in a list. Raises InvalidText."""
    return validation.clean(
        name[:_MAX_DEVICE], what=Sentence("The device's name", "Nama perangkat"), field="device", most=_MAX_DEVICE, required=False
    )


def called(user_agent: str) -> str:
    """Return the printable part of a User-Agent: the name of a device that was given none."""
    return "".join(letter for letter in user_agent if letter.isprintable()).strip()[:_MAX_DEVICE]
