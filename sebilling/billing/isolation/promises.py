"""Promises to pay (janji bayar): an overdue customer isn't blocked up to and on the promised day."""

from datetime import date, timedelta
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import locks, validation
from sebilling.billing.isolation import blocks
from sebilling.billing.validation import Problems
from sebilling.clock import local_date
from sebilling.db.engine import WriteSession
from sebilling.errors import InvalidDate
from sebilling.events.isolation import CustomerPromised
from sebilling.language import Sentence

MAX_PROMISED: Final = timedelta(days=60)
_RECORD: Final = text(
    "INSERT INTO payment_promise (customer_id, until_on, reason, promised_at, promised_to) VALUES (:customer, :until, :reason, :at, :user)"
    " RETURNING id"
)


async def record(session: WriteSession, customer_id: int, *, until_on: date, reason: str) -> int:
    """Record a promise to pay: the customer isn't blocked up to and on `until_on`, and is restored if blocked. The newest one applies.

    Returns its id. `until_on` is at most MAX_PROMISED ahead. Raises InvalidDate, InvalidText, NotFound.
    """
    customer = await locks.customer(session, customer_id)
    today = local_date(session.at, customer.timezone)
    latest = today + MAX_PROMISED
    with Problems() as check:
        why = check(validation.reason, reason)
        if not today <= until_on <= latest:
            days = Sentence(f"promise a day from {today} to {latest}.", f"janjikan tanggal dari {today} sampai {latest}.")
            check.add(InvalidDate(field="until_on", given=until_on, why=days))
    bound = {"customer": customer_id, "until": until_on, "reason": why, "at": session.at, "user": session.actor.user_id}
    promise_id = await session.only_value(_RECORD, bound, kind=int)
    promised = CustomerPromised(until_on=until_on, reason=why)
    await events.append(session, promised, subject_id=customer_id, counter_id=customer.counter_id)
    await blocks.reconsider(session, [customer_id])
    return promise_id
