"""Long blocks: a customer who was blocked for the settings' number of days is paused, and gets no more invoices until they are restored.

Days count from the decision to block, provided that the device has carried it out. `resume_restored` (db/sql/suspension.sql) ends such a
pause in the transaction that restores the customer. Whoever is resumed by hand isn't paused again during the same block.
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing.suspensions import SuspensionKind
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.db.parameters import instant
from sebilling.events.customers import CustomerPaused

_DUE: Final = """
    SELECT customer.id AS customer_id, counter_id, today, (since AT TIME ZONE timezone)::date + pause_after_blocked_days AS from_on
      FROM (SELECT customer_id, max(desired_at) AS since FROM service_access WHERE desired = 'BLOCKED'
             GROUP BY customer_id HAVING bool_and(actual = 'BLOCKED')) blocked
      JOIN customer ON customer.id = customer_id
      JOIN counter ON counter.id = counter_id
      JOIN billing_settings ON pause_after_blocked_days > 0
     CROSS JOIN LATERAL (SELECT (CAST(:at AS timestamptz) AT TIME ZONE timezone)::date AS today) local
     WHERE NOT EXISTS (SELECT FROM service_access WHERE customer_id = customer.id AND desired = 'ACTIVE')
       AND NOT EXISTS (SELECT FROM suspension WHERE customer_id = customer.id
                          AND (kind = 'BLOCKED' AND set_at >= since OR kind <> 'ENDED' AND until_on IS NULL
                               OR from_on <= today AND (until_on IS NULL OR until_on > today)))
"""
_COUNTERS: Final = text(f"SELECT DISTINCT counter_id FROM ({_DUE}) due WHERE from_on <= today ORDER BY counter_id").bindparams(
    instant("at")
)
_LOCK: Final = text("SELECT pg_advisory_xact_lock_shared(1, counter_id::int) FROM unnest(CAST(:counters AS bigint[])) counter_id")
_PAUSED: Final = events.appending(
    CustomerPaused, {"from_on": "from_on", "until_on": "NULL", "reason": "NULL"}, subject_id="customer_id", counter_id="customer.counter_id"
)
# Rows locked by someone who changes the customer are left to the next sweep.
_PAUSE: Final = text(
    f"""
    WITH due AS MATERIALIZED ({_DUE}), locked AS MATERIALIZED (
        SELECT id FROM customer WHERE id IN (SELECT customer_id FROM due WHERE from_on <= today) AND counter_id = ANY (:counters)
         ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    ), paused AS (
        INSERT INTO suspension (customer_id, kind, from_on, until_on, reason, set_at, set_by)
        SELECT id, '{SuspensionKind.BLOCKED}', today, NULL, '',
               greatest(:at, (SELECT max(issued_at) FROM invoice WHERE customer_id = locked.id)), :user
          FROM locked JOIN due ON due.customer_id = locked.id
        RETURNING customer_id, from_on
    )
    SELECT coalesce({_PAUSED}, 0) FROM paused JOIN customer ON customer.id = customer_id
    """
).bindparams(instant("at"))
_EXPECTED: Final = text(f"SELECT greatest(from_on, today) FROM ({_DUE}) due WHERE customer_id = :customer").bindparams(instant("at"))


async def pause_blocked(session: WriteSession) -> int:
    """Pause from today on whoever has been blocked for so long. Returns their number.

    Locks their counters first, so that no invoice is issued meanwhile. Take it before any service access is locked.
    """
    counters = await session.values(_COUNTERS, {"at": session.at}, kind=int)
    if not counters:
        return 0
    await session.execute(_LOCK, {"counters": list(counters)})
    bound = {"counters": list(counters), "at": session.at, "user": session.actor.user_id, "user_name": session.actor.name}
    return await session.only_value(_PAUSE, bound, kind=int)


async def expected_pause(session: ReadSession, customer_id: int, *, at: datetime) -> date | None:
    """Return the day from which a blocked customer is paused unless they are restored before; None if they aren't."""
    return await session.value(_EXPECTED, {"customer": customer_id, "at": at}, kind=date)
