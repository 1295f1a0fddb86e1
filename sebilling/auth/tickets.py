"""Tickets for subscriptions of clients that can't send a header, such as a browser's EventSource: valid once, for a minute, in an address.

A ticket stands for the access token with which it was created: the connection has its rights, and ends with it. Only its SHA-256 is
stored. A read by which it could be used twice isn't there: one statement deletes it and tells whose it was.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from sebilling.access_errors import Unauthenticated
from sebilling.actor import Actor, Role, Scope
from sebilling.auth.sessions import hash_of
from sebilling.db.engine import Database, WriteSession

VALID_FOR: Final = timedelta(seconds=60)
_MAX_OPEN: Final = 20
"""Number of tickets kept for each access token, the latest ones; the others are invalid."""
_TICKET: Final = re.compile(r"sbc_[A-Za-z0-9_-]{43}")
_CREATE: Final = text(
    """
    INSERT INTO subscription_ticket (ticket_hash, access_token_hash, expires_at)
    SELECT :ticket, token_hash, :until FROM access_token WHERE token_hash = :access
    """
)
_PRUNE: Final = text(
    f"""
    DELETE FROM subscription_ticket WHERE ticket_hash IN
      (SELECT ticket_hash FROM subscription_ticket WHERE access_token_hash = :access
        ORDER BY expires_at DESC OFFSET {_MAX_OPEN} FOR UPDATE SKIP LOCKED)
    """
)
_REDEEM: Final = text("DELETE FROM subscription_ticket WHERE ticket_hash = :ticket RETURNING access_token_hash, expires_at")
_NOBODY: Final = Actor(None, "nobody", Role.AUDITOR, Scope(frozenset()))
"""Redeems a ticket: whose it is is known afterwards."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A new ticket, shown only here."""

    ticket: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Redeemed:
    access_token_hash: bytes
    expires_at: datetime


async def create(session: WriteSession, token: str) -> Ticket:
    """Create a ticket for the sign-in of this access token. Raises Unauthenticated if the token is gone."""
    created = Ticket(f"sbc_{secrets.token_urlsafe(32)}", session.at + VALID_FOR)
    access = hash_of(token)
    if not await session.execute(_CREATE, {"ticket": hash_of(created.ticket), "access": access, "until": created.expires_at}):
        raise Unauthenticated
    await session.execute(_PRUNE, {"access": access})
    return created


async def redeem(database: Database, ticket: str, *, at: datetime) -> bytes | None:
    """Use a ticket up, and return the hash of its access token, which may have ended meanwhile; None for an invalid or used ticket.

    A transaction of its own. Raises DatabaseUnavailable.
    """
    if not _TICKET.fullmatch(ticket):
        return None
    async with database.transaction(actor=_NOBODY, at=at) as session:
        redeemed = await session.row(_REDEEM, {"ticket": hash_of(ticket)}, into=_Redeemed)
    return redeemed.access_token_hash if redeemed is not None and redeemed.expires_at > at else None
