"""End of service (berhenti berlangganan): no invoices and no access from a day on. Until that day it can be undone."""

from datetime import date
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import locks, suspensions, validation
from sebilling.billing.isolation.blocks import BlockReasonCode
from sebilling.billing.suspensions import MAX_AHEAD, Suspended, SuspensionKind
from sebilling.billing.validation import Problems
from sebilling.clock import local_date
from sebilling.customer_errors import ServiceEnded, ServiceNotEnding
from sebilling.db.engine import WriteSession
from sebilling.db.parameters import instant
from sebilling.errors import InvalidDate
from sebilling.events.customers import CustomerEndOfServiceSet, CustomerEndOfServiceUndone
from sebilling.events.isolation import BlockWanted
from sebilling.language import Sentence

_BLOCKS_WANTED: Final = events.appending(
    BlockWanted,
    {"customer_id": "changed.customer_id", "reason": f"'{BlockReasonCode.ENDED}'", "note": "changed.block_note",
     "invoice_id": "NULL", "amount": "NULL", "block_on": "changed.block_on"},
    subject_id="changed.id", counter_id="customer.counter_id",
)  # fmt: skip
# Who is blocked by hand stays so, with that reason. Rows locked by someone else are left to the next sweep.
_BLOCK_ENDED: Final = text(
    f"""
    WITH ended AS MATERIALIZED (
        SELECT customer_id, from_on, reason FROM suspension
          JOIN customer ON customer.id = customer_id
          JOIN counter ON counter.id = counter_id
         WHERE kind = '{SuspensionKind.ENDED}' AND until_on IS NULL AND from_on <= (:at AT TIME ZONE timezone)::date
    ), due AS MATERIALIZED (
        SELECT service_access.id, from_on, reason FROM service_access JOIN ended USING (customer_id)
         WHERE NOT manual ORDER BY service_access.id FOR NO KEY UPDATE OF service_access SKIP LOCKED
    ), changed AS (
        UPDATE service_access SET desired = 'BLOCKED', manual = true, block_reason = '{BlockReasonCode.ENDED}', block_on = from_on,
               block_amount = NULL, block_invoice_id = NULL, block_note = reason, desired_at = :at,
               desired_generation = desired_generation + 1, attempts = 0, next_at = :at, error = NULL
          FROM due WHERE service_access.id = due.id
        RETURNING service_access.id, customer_id, block_on, block_note
    )
    SELECT coalesce({_BLOCKS_WANTED}, 0) FROM changed JOIN customer ON customer.id = changed.customer_id
    """
).bindparams(instant("at"))


async def end(session: WriteSession, customer_id: int, *, on: date, reason: str) -> None:
    """End the customer's service: no invoices and no access from `on` on. Days before it that aren't invoiced yet are still billed.

    Raises InvalidDate, InvalidText, InvalidInputs, NotFound, ServiceEnded if it ends already.
    """
    customer = await locks.customer(session, customer_id)
    today = local_date(session.at, customer.timezone)
    with Problems() as check:
        why = check(validation.reason, reason)
        check(check_end, on, today=today)
    if (known := await suspensions.end_of(session, customer_id)) is not None:
        raise ServiceEnded(field="on", given=customer.code, on=known.from_on)
    await suspensions.insert(session, customer_id, Suspended(SuspensionKind.ENDED, on, None), reason=why)
    ended = CustomerEndOfServiceSet(on=on, reason=why)
    await events.append(session, ended, subject_id=customer_id, counter_id=customer.counter_id)
    if on == today:
        await block_ended(session)


def check_end(on: date, *, today: date) -> None:
    """Raise InvalidDate unless a service can end on this day."""
    if not today <= on <= today + MAX_AHEAD:
        why = Sentence(f"choose a day from {today} to {today + MAX_AHEAD}.", f"pilih tanggal {today} sampai {today + MAX_AHEAD}.")
        raise InvalidDate(field="on", given=on, why=why)


async def undo(session: WriteSession, customer_id: int) -> None:
    """Let a service that was to end go on. Raises NotFound, ServiceNotEnding, ServiceEnded from its last day's end on."""
    customer = await locks.customer(session, customer_id)
    known = await suspensions.end_of(session, customer_id)
    if known is None:
        raise ServiceNotEnding(field="customer_id", given=customer.code)
    if known.from_on <= local_date(session.at, customer.timezone):
        raise ServiceEnded(field="customer_id", given=customer.code, on=known.from_on)
    await suspensions.set_end(session, known.id, until_on=known.from_on)
    undone = CustomerEndOfServiceUndone(on=known.from_on)
    await events.append(session, undone, subject_id=customer_id, counter_id=customer.counter_id)


async def block_ended(session: WriteSession) -> int:
    """Block the service accesses of customers whose service has ended. Returns the number of accesses."""
    bound = {"at": session.at, "user": session.actor.user_id, "user_name": session.actor.name}
    return await session.only_value(_BLOCK_ENDED, bound, kind=int)
