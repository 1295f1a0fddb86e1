"""Limits on password guessing that can't be used to lock somebody else out.

Each failed sign-in counts against limits that empty over time: one for the account from this address, one for the address, and one
for the account from everywhere. An attacker fills only limits that affect the attacker: a device on which the account has signed in
before is recognized by its token and has its own limit, so it can sign in while all others are refused.

A limit is one row with the instant at which it is empty again. Attempts are counted before the password is checked, so that a
thousand concurrent attempts get no further than ten in sequence, and are refunded when they succeed.

No limit takes longer to empty than its own time. One that would be full for more than twice that was written while the clock was wrong,
and counts as empty: otherwise everybody would be locked out for as long as the clock was ahead.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.access_errors import TooManyAttempts
from sebilling.actor import Actor, Role, Scope
from sebilling.db.engine import Database, WriteSession
from sebilling.errors import InputPath
from sebilling.events.users import UserLimitsCleared

MAX_FAILURES: Final = 10
WITHIN: Final = timedelta(minutes=5)
"""After MAX_FAILURES within this time, attempts become available one by one as it passes."""
_MAX_FROM_AN_ADDRESS: Final = 50
_MAX_FOR_AN_ACCOUNT: Final = 100
_WITHIN_FOR_AN_ACCOUNT: Final = timedelta(hours=1)
_EMPTY_AT_ONCE: Final = 20
_PAY: Final = text(
    """
    WITH paid AS (SELECT *, CAST(:at AS timestamptz) AS at
                    FROM unnest(CAST(:keys AS bytea[]), CAST(:accounts AS bytea[]), CAST(:steps AS interval[]),
                                CAST(:withins AS interval[])) one (key, account, step, within))
    INSERT INTO sign_in_attempt AS kept (key, account, empty_at) SELECT key, account, at + step FROM paid ORDER BY key
    ON CONFLICT (key) DO UPDATE
       SET account = excluded.account,
           empty_at = (SELECT CASE WHEN kept.empty_at > at + 2 * within THEN at ELSE greatest(kept.empty_at, at) END + step
                         FROM paid WHERE paid.key = kept.key)
     WHERE (SELECT kept.empty_at > at + 2 * within OR greatest(kept.empty_at, at) + step <= at + within
              FROM paid WHERE paid.key = kept.key)
    RETURNING key
    """
)
_FULL: Final = text("SELECT key, empty_at FROM sign_in_attempt WHERE key = ANY (CAST(:keys AS bytea[]))")
# Locked in the order in which `_PAY` locks them, to avoid deadlocks.
_LOCK: Final = text("SELECT key FROM sign_in_attempt WHERE key = ANY (CAST(:keys AS bytea[])) ORDER BY key FOR NO KEY UPDATE")
_RELEASE: Final = text(
    """
    UPDATE sign_in_attempt SET empty_at = empty_at - paid.step
      FROM unnest(CAST(:keys AS bytea[]), CAST(:steps AS interval[])) AS paid (key, step) WHERE sign_in_attempt.key = paid.key
    """
)
_CLEAN: Final = text(
    f"""
    DELETE FROM sign_in_attempt
     WHERE key IN (SELECT key FROM sign_in_attempt WHERE empty_at < :at ORDER BY empty_at LIMIT {_EMPTY_AT_ONCE} FOR UPDATE SKIP LOCKED)
        OR key IN (SELECT key FROM sign_in_attempt WHERE empty_at > :ahead ORDER BY empty_at DESC LIMIT {_EMPTY_AT_ONCE}
                      FOR UPDATE SKIP LOCKED)
    """
)
_CLEAR: Final = text("DELETE FROM sign_in_attempt WHERE account = ANY (CAST(:accounts AS bytea[]))")
_CLEAR_ALL: Final = text("DELETE FROM sign_in_attempt")


@dataclass(frozen=True, slots=True)
class _Level:
    key: bytes
    empty_at: datetime


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit for one key: at most `most` failures within a time."""

    key: bytes
    most: int
    within: timedelta
    account: bytes | None
    """Digest of the account, by which all its limits are found; None: the limit of an address."""

    @property
    def step(self) -> timedelta:
        """Time after which one more attempt is available."""
        return self.within / self.most


def limits(username: str, network: str, *, device: str | None) -> tuple[Limit, ...]:
    """Return the limits of a sign-in: only the device's if `device` is the token of a device that this account has used before."""
    if device is not None:
        return (_limit(MAX_FAILURES, WITHIN, "device", username, device, account=_named(username)),)
    return (
        _limit(MAX_FAILURES, WITHIN, "account and address", username, network, account=_named(username)),
        _limit(_MAX_FROM_AN_ADDRESS, WITHIN, "address", network),
        _limit(_MAX_FOR_AN_ACCOUNT, _WITHIN_FOR_AN_ACCOUNT, "account", username, account=_named(username)),
    )


def limits_of_user(user_id: int) -> tuple[Limit, ...]:
    """Return the limit of a signed-in user who enters their password or a code again."""
    return (_limit(MAX_FAILURES, WITHIN, "signed in", str(user_id), account=_numbered(user_id)),)


def limits_of_network(purpose: str, network: str) -> tuple[Limit, ...]:
    """Return the limit of one network for guesses without an account, such as at a customer's page."""
    return (_limit(MAX_FAILURES, WITHIN, purpose, network),)


async def pay(database: Database, wanted: Sequence[Limit], *, at: datetime, field: InputPath) -> None:
    """Count one attempt against each limit, in a transaction of its own. Raises TooManyAttempts at `field`; then none is counted."""
    keys = [limit.key for limit in wanted]
    bound = {
        "keys": keys, "accounts": [limit.account for limit in wanted],
        "steps": [limit.step for limit in wanted], "withins": [limit.within for limit in wanted], "at": at,
    }  # fmt: skip
    async with database.transaction(actor=_NOBODY, at=at) as session:
        if len(await session.values(_PAY, bound, kind=bytes)) < len(wanted):
            full = {level.key: level.empty_at for level in await session.rows(_FULL, {"keys": keys}, into=_Level)}
            waits = [full[limit.key] + limit.step - limit.within - at for limit in wanted if limit.key in full]
            raise TooManyAttempts(field=field, seconds=max(1, ceil(max(waits).total_seconds())))
        await session.execute(_CLEAN, {"at": at, "ahead": at + 2 * _WITHIN_FOR_AN_ACCOUNT})


async def release(session: WriteSession, wanted: Sequence[Limit]) -> None:
    """Refund the attempts of `pay` after a success."""
    keys = [limit.key for limit in wanted]
    await session.values(_LOCK, {"keys": keys}, kind=bytes)
    await session.execute(_RELEASE, {"keys": keys, "steps": [limit.step for limit in wanted]})


async def clear(session: WriteSession, *, user_id: int, username: str) -> int:
    """Clear every limit of one account and return their number. Limits of addresses stay."""
    cleared = await session.execute(_CLEAR, {"accounts": [_named(username), _numbered(user_id)]})
    await events.append(session, UserLimitsCleared(limits=cleared), subject_id=user_id)
    return cleared


async def clear_all(session: WriteSession) -> int:
    """Clear all limits, including those of addresses, and return their number."""
    cleared = await session.execute(_CLEAR_ALL)
    await events.append(session, UserLimitsCleared(limits=cleared), subject_id=0)
    return cleared


_NOBODY: Final = Actor(None, "nobody", Role.AUDITOR, Scope(frozenset()))


def _limit(most: int, within: timedelta, *key: str, account: bytes | None = None) -> Limit:
    return Limit(_digest(*key), most, within, account)


def _named(username: str) -> bytes:
    return _digest("limits of", username)


def _numbered(user_id: int) -> bytes:
    return _digest("limits of id", str(user_id))


def _digest(*words: str) -> bytes:
    return hashlib.sha256("\0".join(words).encode(errors="replace")).digest()[:16]
