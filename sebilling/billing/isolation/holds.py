"""Holds: mass blocks that wait for a decision. Nobody is blocked by a sweep that is held."""

from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope as scopes
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import AlreadyDecided, NotFound
from sebilling.events.isolation import IsolationHeld, IsolationHoldDecided
from sebilling.nouns import Noun

MAX_WITHOUT_HOLD: Final = 20
"""Number of customers that a sweep may block whatever the share: small ISPs have few customers."""
_WAITING: Final = text("SELECT id FROM isolation_hold WHERE decided_at IS NULL ORDER BY id DESC LIMIT 1")
_CREATE: Final = text("INSERT INTO isolation_hold (held_at, would_block, of_active) VALUES (:at, :due, :active) RETURNING id")
_DECIDE: Final = text(
    "UPDATE isolation_hold SET decided_at = :at, decided_by = :user, approved = :approved"
    " WHERE id = :id AND decided_at IS NULL RETURNING id"
)
_EXISTS: Final = text("SELECT EXISTS (SELECT FROM isolation_hold WHERE id = :id)")


async def waiting(session: ReadSession) -> int | None:
    """Return the id of the hold that waits for a decision; None if there is none."""
    return await session.value(_WAITING, kind=int)


async def create(session: WriteSession, *, would_block: int, of_active: int) -> None:
    """Hold a mass block until someone decides about it. The caller has the sweep's lock and knows that no other hold waits."""
    hold_id = await session.only_value(_CREATE, {"at": session.at, "due": would_block, "active": of_active}, kind=int)
    await events.append(session, IsolationHeld(would_block=would_block, of_active=of_active), subject_id=hold_id)


async def decide(session: WriteSession, hold_id: int, *, approved: bool) -> None:
    """Approve a hold, so that sweeps may block for twelve hours, or reject it. Raises NotFound, AlreadyDecided, Forbidden."""
    scopes.central(session)
    bound = {"id": hold_id, "approved": approved, "at": session.at, "user": session.actor.user_id}
    if await session.value(_DECIDE, bound, kind=int) is None:
        if await session.only_value(_EXISTS, {"id": hold_id}, kind=bool):
            raise AlreadyDecided(field="hold_id", given=Noun.HOLD.id(hold_id))
        raise NotFound(field="hold_id", noun=Noun.HOLD, given=hold_id)
    await events.append(session, IsolationHoldDecided(approved=approved), subject_id=hold_id)
