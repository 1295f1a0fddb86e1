"""Two-step sign-in: the codes of authenticator apps (RFC 6238: SHA-1, six digits, 30 seconds), and recovery codes.

The codes take fifteen lines of the standard library and no dependency: libraries add only the QR code, which the client draws. To
accept no code twice, the time step of a code must be known, and libraries don't return it.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from sqlalchemy import text

from sebilling import events
from sebilling.access_errors import OwnAccount, TwoStepState, WrongCode
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.events.users import UserRecoveryCodeUsed, UserSecretsRotated, UserTotpDisabled, UserTotpEnabled, UserTotpReset
from sebilling.language import Sentence
from sebilling.vault import Undecipherable, Vault

_DIGITS: Final = 6
_STEP_SECONDS: Final = 30
_DRIFT: Final = 1
"""Steps by which a clock may be wrong, in either direction."""
_AHEAD: Final = 20
"""Steps (10 minutes) by which the last code may be ahead of the clock, as servers' clocks differ. One further ahead was accepted while
the clock was wrong: it is ignored, as it would invalidate every code until then."""
_SECRET_BYTES: Final = 20
_RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_ISSUER: Final = "SeBilling"
_LOCK: Final = text("SELECT username, totp_secret, totp_pending, totp_step FROM app_user WHERE id = :user FOR NO KEY UPDATE")
_PEND: Final = text("UPDATE app_user SET totp_pending = :locked WHERE id = :user")
_CONFIRM: Final = text("UPDATE app_user SET totp_secret = totp_pending, totp_pending = NULL, totp_step = :step WHERE id = :user")
_TAKE: Final = text("UPDATE app_user SET totp_step = :step WHERE id = :user AND (totp_step < :step OR totp_step > :ahead)")
_OFF: Final = text("UPDATE app_user SET totp_secret = NULL, totp_pending = NULL WHERE id = :user AND totp_secret IS NOT NULL")
_FORGET_CODES: Final = text("DELETE FROM recovery_code WHERE user_id = :user")
_KEEP_CODE: Final = text("INSERT INTO recovery_code (user_id, code_hash) VALUES (:user, :hash)")
_USE_CODE: Final = text("UPDATE recovery_code SET used_at = :at WHERE user_id = :user AND code_hash = :hash AND used_at IS NULL")
_STATE: Final = text(
    """
    SELECT totp_secret IS NOT NULL AS is_on, (SELECT count(*) FROM recovery_code WHERE user_id = app_user.id AND used_at IS NULL) AS codes
      FROM app_user WHERE id = :user
    """
)
_ALL: Final = text(
    "SELECT id, totp_secret, totp_pending FROM app_user WHERE coalesce(totp_secret, totp_pending) IS NOT NULL ORDER BY id FOR NO KEY UPDATE"
)
_RENEW: Final = text("UPDATE app_user SET totp_secret = :secret, totp_pending = :pending WHERE id = :user")


@dataclass(frozen=True, slots=True)
class _SecondStep:
    """A user's second step; its secrets are encrypted. `totp_pending` is not yet confirmed by a first code."""

    username: str
    totp_secret: bytes | None
    totp_pending: bytes | None
    totp_step: int


@dataclass(frozen=True, slots=True)
class _Secrets:
    id: int
    totp_secret: bytes | None
    totp_pending: bytes | None


@dataclass(frozen=True, slots=True)
class _State:
    is_on: bool
    codes: int


def code_of(secret: bytes, step: int, *, digits: int = _DIGITS) -> str:
    """Return the code of a time step."""
    mac = hmac.digest(secret, step.to_bytes(8), "sha1")
    offset = mac[-1] & 0xF
    return f"{int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF:010d}"[-digits:]


def step_at(at: datetime) -> int:
    """Return the time step of an instant."""
    return int(at.timestamp()) // _STEP_SECONDS


def matching_step(secret: bytes, code: str, *, at: datetime, after: int) -> int | None:
    """Return the code's time step, if it is later than `after` and within the allowed clock error at `at`; else None."""
    present = step_at(at)
    for step in range(present - _DRIFT, present + _DRIFT + 1):
        if step > after and hmac.compare_digest(code_of(secret, step).encode(), code.encode(errors="replace")):
            return step
    return None


async def state(session: ReadSession, user_id: int) -> tuple[bool, int]:
    """Return whether two-step sign-in is on, and the number of unused recovery codes."""
    row = await session.row(_STATE, {"user": user_id}, into=_State)
    return (False, 0) if row is None else (row.is_on, row.codes)


async def start(session: WriteSession, vault: Vault, user_id: int) -> str:
    """Create a secret for a user whose password was checked, and return the otpauth address for their app, which is shown only once.

    Sign-ins require no code before `confirm`. Raises TwoStepState if two-step sign-in is on.
    """
    row = await session.row(_LOCK, {"user": user_id}, into=_SecondStep)
    if row is None or row.totp_secret is not None:
        raise TwoStepState
    secret = secrets.token_bytes(_SECRET_BYTES)
    await session.execute(_PEND, {"user": user_id, "locked": _locked(vault, user_id, secret)})
    label, shown = quote(f"{_ISSUER}:{row.username}"), base64.b32encode(secret).decode()
    return f"otpauth://totp/{label}?secret={shown}&issuer={_ISSUER}&algorithm=SHA1&digits={_DIGITS}&period={_STEP_SECONDS}"


async def confirm(session: WriteSession, vault: Vault, user_id: int, code: str) -> list[str]:
    """Turn two-step sign-in on with a first code. Returns the recovery codes, shown only once. Raises TwoStepState, WrongCode."""
    row = await session.row(_LOCK, {"user": user_id}, into=_SecondStep)
    if row is None or row.totp_pending is None or row.totp_secret is not None:
        raise TwoStepState
    step = matching_step(
        _opened(vault, user_id, row.totp_pending), _typed(code), at=session.at, after=_last_step(row.totp_step, session.at)
    )
    if step is None:
        raise WrongCode(field="code")
    await session.execute(_CONFIRM, {"user": user_id, "step": step})
    codes = [base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower() for _ in range(_RECOVERY_CODES)]
    await session.execute(_FORGET_CODES, {"user": user_id})
    await session.execute(_KEEP_CODE, [{"user": user_id, "hash": _hash(recovery_code)} for recovery_code in codes])
    await events.append(session, UserTotpEnabled(), subject_id=user_id)
    return ["-".join(recovery_code[index : index + 4] for index in range(0, len(recovery_code), 4)) for recovery_code in codes]


async def use(session: WriteSession, vault: Vault, user_id: int, code: str) -> None:
    """Accept a code of the app, or a recovery code. Neither is valid a second time. Raises WrongCode."""
    row = await session.row(_LOCK, {"user": user_id}, into=_SecondStep)
    typed = _typed(code)
    if row is None or row.totp_secret is None:
        raise WrongCode(field="code")
    step = matching_step(_opened(vault, user_id, row.totp_secret), typed, at=session.at, after=_last_step(row.totp_step, session.at))
    if step is not None and await session.execute(_TAKE, {"user": user_id, "step": step, "ahead": step_at(session.at) + _AHEAD}):
        return
    if not await session.execute(_USE_CODE, {"user": user_id, "hash": _hash(typed), "at": session.at}):
        raise WrongCode(field="code")
    await events.append(session, UserRecoveryCodeUsed(), subject_id=user_id)


async def disable(session: WriteSession, vault: Vault, user_id: int, code: str) -> None:
    """Turn two-step sign-in off for a user whose password was checked, with a code of the app or a recovery code.

    Without the code, somebody who knows the password and finds a screen left signed in could remove the second step. Raises
    TwoStepState, WrongCode.
    """
    row = await session.row(_LOCK, {"user": user_id}, into=_SecondStep)
    if row is None or row.totp_secret is None:
        raise TwoStepState
    await use(session, vault, user_id, code)
    await end(session, user_id)


async def end(session: WriteSession, user_id: int, *, by_admin: bool = False) -> None:
    """Turn two-step sign-in off for an authenticated user or, with `by_admin`, for another user. Raises TwoStepState, OwnAccount."""
    if by_admin and session.actor.user_id == user_id:
        raise OwnAccount(field="user_id")
    if not await session.execute(_OFF, {"user": user_id}):
        raise TwoStepState
    await session.execute(_FORGET_CODES, {"user": user_id})
    await events.append(session, UserTotpReset() if by_admin else UserTotpDisabled(), subject_id=user_id)


async def rotate(session: WriteSession, vault: Vault) -> int:
    """Encrypt every secret anew with the vault's first key; returns the number of users. Raises Undecipherable and then changes nothing."""
    rows = await session.rows(_ALL, into=_Secrets)
    for row in rows:
        secret, pending = (None if encrypted is None else vault.renew(encrypted) for encrypted in (row.totp_secret, row.totp_pending))
        await session.execute(_RENEW, {"user": row.id, "secret": secret, "pending": pending})
    if rows:
        await events.append(session, UserSecretsRotated(users=len(rows)), subject_id=0)
    return len(rows)


def _last_step(kept: int, at: datetime) -> int:
    """Return the step of the last accepted code, or 0 if it is too far ahead to be right."""
    return kept if kept <= step_at(at) + _AHEAD else 0


def _locked(vault: Vault, user_id: int, secret: bytes) -> bytes:
    return vault.lock({"totp": secret.hex(), "user": user_id})


def _opened(vault: Vault, user_id: int, locked: bytes) -> bytes:
    """Decrypt the secret. Raises Undecipherable if it was copied from another user's row."""
    payload = vault.open(locked)
    secret = payload.get("totp")
    if payload.get("user") != user_id or not isinstance(secret, str):
        raise Undecipherable(Sentence("this secret was created for another user", "rahasia ini dibuat untuk pengguna lain"))
    return bytes.fromhex(secret)


def _typed(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()[:64]


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode(errors="replace")).digest()
