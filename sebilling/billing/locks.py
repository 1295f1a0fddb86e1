"""Locks, in the one order that everybody keeps: idempotency key → customer → counter → invoices → payments → drawer.

A payment, a correction and a change of the billing cycle hold the customer's counter shared, a generation chunk holds it
exclusively: whoever has it sees every invoice of the customer, and none is being issued meanwhile.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import WriteSession
from sebilling.errors import NotFound

# Alone, without the counter: a statement that waited reads again only the row that it locks, and would lose who was moved.
_CUSTOMER: Final = text("SELECT id, code, counter_id, installed_on FROM customer WHERE id = :customer FOR NO KEY UPDATE")
_COUNTER: Final = text("SELECT timezone FROM counter, pg_advisory_xact_lock_shared(1, CAST(:counter AS int)) WHERE id = :counter")
_INVOICES: Final = text("SELECT id FROM invoice WHERE customer_id = :customer AND voided_at IS NULL ORDER BY id FOR NO KEY UPDATE")
_PAYMENTS: Final = text("SELECT id FROM payment WHERE customer_id = :customer AND reversed_at IS NULL ORDER BY id FOR NO KEY UPDATE")
_DRAWERS: Final = text("SELECT id FROM app_user WHERE id = :collector FOR NO KEY UPDATE")


@dataclass(frozen=True, slots=True)
class Locked:
    """A customer who stays as they are until commit."""

    id: int
    code: str
    counter_id: int
    installed_on: date
    timezone: str
    """Their counter's."""


async def customer(session: WriteSession, customer_id: int, *, missing: NotFound | None = None) -> Locked:
    """Lock the customer and their counter. Raises NotFound (or `missing`) for none, or one of a counter that the actor may not see."""
    row = await session.row(_CUSTOMER, {"customer": customer_id})
    if row is None or row.counter_id not in session.actor.scope:
        raise missing or NotFound(field=("input", "customerId"), noun="customer", given=f"cus_{customer_id}")
    timezone: str = await session.value(_COUNTER, {"counter": row.counter_id})
    return Locked(row.id, row.code, row.counter_id, row.installed_on, timezone)


async def counter(session: WriteSession, counter_id: int) -> None:
    """Lock the counter of a customer who is locked already, so that none of their invoices is issued meanwhile."""
    await session.value(_COUNTER, {"counter": counter_id})


async def money(session: WriteSession, customer_id: int) -> None:
    """Lock the customer's live invoices, then their payments. `customer` first."""
    await session.rows(_INVOICES, {"customer": customer_id})
    await session.rows(_PAYMENTS, {"customer": customer_id})


async def drawers(session: WriteSession, collector_id: int) -> None:
    """Lock what leaves this collector's drawers: deposits, refunds and reversals go one after the other. Raises NotFound.

    Money that comes in takes no lock: it only makes a drawer fuller.
    """
    if await session.value(_DRAWERS, {"collector": collector_id}) is None:
        raise NotFound(field=("input", "collectorId"), noun="user", given=f"usr_{collector_id}")
