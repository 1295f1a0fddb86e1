"""The sweep: periodically block every overdue customer, and restore those of the engine's blocks that were missed.

It also pauses who was blocked for long, and blocks whose service has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.actor import Scope
from sebilling.billing import end_of_service
from sebilling.billing import scope as scopes
from sebilling.billing.isolation import blocks, holds, long_blocks
from sebilling.billing.isolation.blocks import BlockReasonCode
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.events.isolation import BlockWanted

_WAIT: Final = text("SELECT pg_advisory_xact_lock(3, 0)")
_TRY: Final = text("SELECT pg_try_advisory_xact_lock(3, 0)")
# Rows locked by a concurrent payment or correction are left to the next sweep.
# The view is evaluated once, not once per service access: that took 12 s for 300.
_OVERDUE: Final = "overdue AS MATERIALIZED (SELECT * FROM overdue_customers(CAST(:at AS timestamptz)) WHERE may_block)"
_DUE: Final = """
    SELECT service_access.id, service_access.customer_id, service_access.device_id, overdue.invoice_id, overdue.amount, overdue.block_on
      FROM service_access JOIN overdue ON overdue.customer_id = service_access.customer_id
      JOIN device ON device.id = device_id AND enabled
     WHERE desired = 'ACTIVE'
"""
_TO_BLOCK: Final = text(
    f"WITH {_OVERDUE} {_DUE} AND (CAST(:scope AS bigint[]) IS NULL"
    " OR (SELECT counter_id FROM customer WHERE customer.id = service_access.customer_id) = ANY (:scope))"
    " ORDER BY service_access.customer_id"
)
# The condition of reconsider_access.
_TO_RESTORE: Final = text(
    """
    WITH overdue AS MATERIALIZED (SELECT customer_id FROM overdue_customers(CAST(:at AS timestamptz)))
    SELECT id, customer_id, desired_at AS blocked_at FROM service_access
     WHERE desired = 'BLOCKED' AND NOT manual AND NOT EXISTS (SELECT FROM overdue WHERE overdue.customer_id = service_access.customer_id)
     ORDER BY customer_id
    """
)
_COUNT: Final = text(
    f"""
    WITH {_OVERDUE}
    SELECT (SELECT count(*) FROM ({_DUE}) due) AS due, (SELECT count(*) FROM service_access WHERE desired = 'ACTIVE') AS active,
           (SELECT mass_block_percent FROM billing_settings) AS percent,
           EXISTS (SELECT FROM isolation_hold WHERE approved AND decided_at > CAST(:at AS timestamptz) - interval '12 hours') AS approved
    """
)
_BLOCKS_WANTED: Final = events.appending(
    BlockWanted,
    {
        "customer_id": "changed.customer_id", "reason": f"'{BlockReasonCode.OVERDUE}'", "note": "NULL", "invoice_id": "due.invoice_id",
        "amount": "due.amount", "block_on": "due.block_on",
    },
    subject_id="changed.id", counter_id="customer.counter_id",
)  # fmt: skip
_BLOCK: Final = text(
    f"""
    WITH {_OVERDUE}, due AS MATERIALIZED ({_DUE} ORDER BY service_access.id FOR UPDATE OF service_access SKIP LOCKED), changed AS (
        UPDATE service_access SET desired = 'BLOCKED', desired_at = :at,
               desired_generation = desired_generation + 1, attempts = 0, next_at = :at, error = NULL,
               block_reason = '{BlockReasonCode.OVERDUE}', block_on = due.block_on, block_amount = due.amount,
               block_invoice_id = due.invoice_id
          FROM due WHERE service_access.id = due.id RETURNING service_access.id, service_access.customer_id
    )
    SELECT coalesce({_BLOCKS_WANTED}, 0) FROM changed JOIN due USING (id) JOIN customer ON customer.id = changed.customer_id
    """
)


@dataclass(frozen=True, slots=True)
class ToBlock:
    """A service access that a sweep would block: the overdue amount in rupiah, the day of the block, and the invoice that causes it."""

    id: int
    customer_id: int
    device_id: int
    invoice_id: int
    amount: int
    block_on: date


@dataclass(frozen=True, slots=True)
class ToRestore:
    """A service access that a sweep would restore, and when its block was decided."""

    id: int
    customer_id: int
    blocked_at: datetime


@dataclass(frozen=True, slots=True)
class _Counts:
    """Numbers of service accesses, and what allows to block many of them at once."""

    due: int
    active: int
    percent: int
    """Share of the active ones that may be blocked without a hold."""
    approved: bool
    """Whether a hold was approved within twelve hours."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Result of a sweep: customers blocked, restored and paused. `held`: it would have blocked so many and requires confirmation."""

    blocked: int
    restored: int
    held: int = 0
    paused: int = 0


async def to_block(session: ReadSession, *, at: datetime, scope: Scope) -> Sequence[ToBlock]:
    """List whom in the scope a sweep would block now."""
    return await session.rows(_TO_BLOCK, {"at": at, "scope": scope.ids}, into=ToBlock)


async def to_restore(session: ReadSession, *, at: datetime) -> Sequence[ToRestore]:
    """List whom a sweep would restore now, at all counters: mostly nobody, as operations that clear a debt restore by themselves."""
    return await session.rows(_TO_RESTORE, {"at": at}, into=ToRestore)


async def decide(session: WriteSession) -> Decided:
    """Run the sweep, after any other one: block customers whose day or end of service has come, restore those who are no longer overdue.

    If it would block more than the settings' share of the active customers, it blocks nobody and creates a hold that a person decides.
    Raises Forbidden, as it covers the customers of every counter.
    """
    scopes.central(session)
    await session.execute(_WAIT)
    return await _decide(session)


async def decide_if_free(session: WriteSession) -> Decided | None:
    """Run the sweep like `decide`, or return None at once if another one is running."""
    scopes.central(session)
    return await _decide(session) if await session.only_value(_TRY, kind=bool) else None


async def _decide(session: WriteSession) -> Decided:
    paused = await long_blocks.pause_blocked(session)
    await end_of_service.block_ended(session)
    not_overdue = [access.customer_id for access in await to_restore(session, at=session.at)]
    restored = await blocks.reconsider(session, not_overdue) if not_overdue else 0
    counts = await session.only_row(_COUNT, {"at": session.at}, into=_Counts)
    if counts.due > max(holds.MAX_WITHOUT_HOLD, counts.active * counts.percent // 100) and not counts.approved:
        if await holds.waiting(session) is None:
            await holds.create(session, would_block=counts.due, of_active=counts.active)
        return Decided(0, restored, held=counts.due, paused=paused)
    if not counts.due:
        return Decided(0, restored, paused=paused)
    bound = {"at": session.at, "user": session.actor.user_id, "user_name": session.actor.name}
    return Decided(await session.only_value(_BLOCK, bound, kind=int), restored, paused=paused)
