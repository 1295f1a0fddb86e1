"""Blocks: the desired state of a customer's service accesses, as a person or the rule sets it. The sweep blocks many at once."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.actor import Role
from sebilling.billing import locks, suspensions, validation
from sebilling.clock import local_date
from sebilling.customer_errors import ServiceEnded
from sebilling.db.engine import WriteSession
from sebilling.db.parameters import instant
from sebilling.errors import NoAccess, StillOverdue
from sebilling.events.ids import CustomerId
from sebilling.events.isolation import BlockWanted, RestoreWanted
from sebilling.money import format_rupiah


class BlockReasonCode(StrEnum):
    """Why a customer is to be blocked: by the isolation policy, because a person said so, with a note, or as their service has ended."""

    OVERDUE = "OVERDUE"
    BY_HAND = "BY_HAND"
    ENDED = "ENDED"


class RestoreReasonCode(StrEnum):
    """Why a customer is to be restored: nothing is overdue any more, or a person said so, with a note."""

    NOT_OVERDUE = "NOT_OVERDUE"
    BY_HAND = "BY_HAND"


_NO_REASON: Final = "block_reason = NULL, block_on = NULL, block_amount = NULL, block_invoice_id = NULL, block_note = NULL"
_BLOCK: Final = text(
    f"""
    UPDATE service_access SET desired = 'BLOCKED', manual = true, block_reason = '{BlockReasonCode.BY_HAND}', block_note = :note,
           block_on = NULL, block_amount = NULL, block_invoice_id = NULL, desired_at = :at,
           desired_generation = desired_generation + 1, attempts = 0,
           next_at = :at, error = NULL WHERE customer_id = :customer RETURNING id
    """
)
_RESTORE: Final = text(
    f"""
    UPDATE service_access SET desired = 'ACTIVE', manual = false, {_NO_REASON}, desired_at = :at,
           desired_generation = desired_generation + 1, attempts = 0,
           next_at = :at, error = NULL WHERE customer_id = :customer AND desired = 'BLOCKED' RETURNING id
    """
)
_AMOUNT_OVERDUE: Final = text("SELECT amount FROM overdue_customers(CAST(:at AS timestamptz)) WHERE customer_id = :customer")
_OVERDUE: Final = text("SELECT customer_id FROM overdue_customers(CAST(:at AS timestamptz)) WHERE customer_id = ANY (:customers)")
_RECONSIDER: Final = text("SELECT reconsider_access(CAST(:customers AS bigint[]), :at, :user, :user_name)")
_RESUME: Final = text("SELECT resume_restored(CAST(:customers AS bigint[]), :at, :user, :user_name)")
_RESTORES_WANTED: Final = events.appending(
    RestoreWanted,
    {"customer_id": "customer_id", "reason": f"'{RestoreReasonCode.NOT_OVERDUE}'", "note": "NULL"},
    subject_id="changed.id", counter_id="counter_id",
)  # fmt: skip
_WITHDRAW: Final = text(
    f"""
    WITH changed AS (
        UPDATE service_access SET desired = 'ACTIVE', {_NO_REASON}, desired_at = :at, desired_generation = desired_generation + 1
         WHERE id = ANY (:ids)
        RETURNING id, customer_id
    )
    SELECT {_RESTORES_WANTED} FROM changed JOIN customer ON customer.id = customer_id
    """
).bindparams(instant("at"))


async def block(session: WriteSession, customer_id: int, *, reason: str) -> None:
    """Block a customer by hand, until someone restores them. Raises InvalidText, NotFound, NoAccess."""
    note = validation.reason(reason)
    customer = await locks.customer(session, customer_id)
    access_ids = await session.values(_BLOCK, {"customer": customer_id, "note": note, "at": session.at}, kind=int)
    wanted = BlockWanted(customer_id=CustomerId.of(customer_id), reason=BlockReasonCode.BY_HAND, note=note)
    await _append(session, wanted, customer, access_ids)


async def restore(session: WriteSession, customer_id: int, *, reason: str) -> None:
    """Restore a blocked customer, and end the pause that followed from the block.

    Raises InvalidText, NotFound, NoAccess (not blocked), ServiceEnded, StillOverdue (record a promise to pay instead).
    """
    note = validation.reason(reason)
    customer = await locks.customer(session, customer_id)
    end = await suspensions.end_of(session, customer_id)
    if end is not None and end.from_on <= local_date(session.at, customer.timezone):
        raise ServiceEnded(field="customer_id", given=customer.code, on=end.from_on)
    overdue = await session.value(_AMOUNT_OVERDUE, {"customer": customer_id, "at": session.at}, kind=int)
    if overdue is not None:
        amount = "Rp…" if session.actor.role is Role.TECHNICIAN else format_rupiah(overdue)  # technicians may see no amounts
        raise StillOverdue(field="customer_id", given=customer.code, amount=amount)
    access_ids = await session.values(_RESTORE, {"customer": customer_id, "at": session.at}, kind=int)
    wanted = RestoreWanted(customer_id=CustomerId.of(customer_id), reason=RestoreReasonCode.BY_HAND, note=note)
    await _append(session, wanted, customer, access_ids)
    await _resume(session, [customer_id])


async def _append(session: WriteSession, wanted: events.Payload, customer: locks.Locked, access_ids: Sequence[int]) -> None:
    """Append an event for each changed service access. Raises NoAccess if there is none."""
    if not access_ids:
        raise NoAccess(field="customer_id", given=customer.code)
    for access_id in access_ids:
        await events.append(session, wanted, subject_id=access_id, counter_id=customer.counter_id)


async def reconsider(session: WriteSession, customer_ids: Sequence[int]) -> int:
    """Restore those of the customers whom the engine has blocked and who are no longer overdue. Returns their number."""
    actor = session.actor
    bound = {"customers": list(customer_ids), "at": session.at, "user": actor.user_id, "user_name": actor.name}
    return await session.only_value(_RECONSIDER, bound, kind=int)


async def withdraw(session: WriteSession, customer_ids: Mapping[int, int]) -> set[int]:
    """Withdraw automatic blocks that aren't carried out yet, of customers who are no longer overdue. Returns the ids of the accesses.

    `customer_ids` maps the id of each service access, locked and to be blocked, to its customer's. Other accesses of the same
    customers aren't locked and stay as they are, as `reconsider` would have to lock them out of order.
    """
    if not customer_ids:
        return set()
    overdue = set(await session.values(_OVERDUE, {"customers": sorted(set(customer_ids.values())), "at": session.at}, kind=int))
    not_overdue = {access_id for access_id, customer_id in customer_ids.items() if customer_id not in overdue}
    if not_overdue:
        actor = session.actor
        await session.execute(_WITHDRAW, {"ids": sorted(not_overdue), "at": session.at, "user": actor.user_id, "user_name": actor.name})
        await _resume(session, sorted({customer_ids[access_id] for access_id in not_overdue}))
    return not_overdue


async def _resume(session: WriteSession, customer_ids: Sequence[int]) -> None:
    """End the automatic pauses of those of the customers of whom nothing is blocked any more."""
    actor = session.actor
    bound = {"customers": list(customer_ids), "at": session.at, "user": actor.user_id, "user_name": actor.name}
    await session.execute(_RESUME, bound)
