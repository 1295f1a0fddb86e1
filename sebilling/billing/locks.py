"""Locks, always taken in this order: idempotency key → customer → counter → invoices → payments → closings → drawer
→ receipt series → drawer balance → daily takings.

Payments, corrections and changes of a billing cycle hold the customer's counter shared; whatever adds invoices or moves the
customer holds it exclusively (db/sql/invoice_checks.sql). So a holder sees every invoice of the customer, and none is issued meanwhile.

Operations that move money hold the closings shared and are dated after the last one. A closing holds them exclusively, and
otherwise only its period: it sees all money that will ever be dated before it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import WriteSession
from sebilling.db.parameters import instant
from sebilling.errors import NotFound
from sebilling.nouns import Noun

# Without a join to the counter: a statement that waited reads again only the row it locks, and would miss a moved customer.
_CUSTOMER: Final = text("SELECT id, code, counter_id FROM customer WHERE id = :customer FOR NO KEY UPDATE")
_COUNTER: Final = text("SELECT timezone FROM counter, pg_advisory_xact_lock_shared(1, CAST(:counter AS int)) WHERE id = :counter")
_INVOICES: Final = text("SELECT id FROM invoice WHERE customer_id = :customer AND voided_at IS NULL ORDER BY id FOR NO KEY UPDATE")
_PAYMENTS: Final = text("SELECT id FROM payment WHERE customer_id = :customer AND reversed_at IS NULL ORDER BY id FOR NO KEY UPDATE")
_AFTER_CLOSINGS: Final = text("SELECT after_closings(:at)").bindparams(instant("at"))
_NO_CLOSING: Final = text("SELECT pg_advisory_xact_lock(2, 0)")
_COUNTING: Final = text("SELECT pg_advisory_xact_lock(22, CAST(:collector AS int))")
_DRAWERS: Final = text("SELECT id FROM app_user WHERE id = :collector FOR NO KEY UPDATE")
# Daily takings wait for the commit in any case: they are locked last (db/sql/takings.sql).
_MOVE_AT_ONCE: Final = text(
    "DO $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS payment_in_takings, payment_out_of_takings DEFERRED; END $$"
)


@dataclass(frozen=True, slots=True)
class _Customer:
    id: int
    code: str
    counter_id: int


@dataclass(frozen=True, slots=True)
class Locked:
    """A customer whose row is locked until commit."""

    id: int
    code: str
    counter_id: int
    timezone: str
    """Time zone of their counter."""


async def customer(session: WriteSession, customer_id: int, *, missing: NotFound | None = None) -> Locked:
    """Lock the customer and their counter. Raises NotFound (or `missing`) for an unknown customer, or one outside the caller's scope."""
    row = await session.row(_CUSTOMER, {"customer": customer_id}, into=_Customer)
    if row is None or row.counter_id not in session.actor.scope:
        raise missing or NotFound(field="customer_id", noun=Noun.CUSTOMER, given=customer_id)
    timezone = await session.only_value(_COUNTER, {"counter": row.counter_id}, kind=str)
    return Locked(row.id, row.code, row.counter_id, timezone)


async def counter(session: WriteSession, counter_id: int) -> None:
    """Lock the counter of a locked customer, so that none of their invoices is issued meanwhile."""
    await session.execute(_COUNTER, {"counter": counter_id})


async def money(session: WriteSession, customer_id: int) -> None:
    """Lock the customer's live invoices, then their payments, then the closings. Call `customer` before."""
    await session.execute(_INVOICES, {"customer": customer_id})
    await session.execute(_PAYMENTS, {"customer": customer_id})
    await closings(session)


async def closings(session: WriteSession) -> None:
    """Block closings until commit. If this waited for a closing, sets `session.at` to after it."""
    session.at = await session.only_value(_AFTER_CLOSINGS, {"at": session.at}, kind=datetime)


async def closing(session: WriteSession) -> None:
    """Wait until no operation that moves money is in progress, and block new ones until commit. Sets `session.at` like `closings`.

    Take it before any other lock: the operations that this waits for may need that lock.
    """
    await session.execute(_NO_CLOSING)
    await closings(session)


async def drawers(session: WriteSession, collector_id: int) -> None:
    """Lock this collector's drawers against withdrawals: deposits, refunds and reversals run one after the other. Raises NotFound.

    Blocks closings too. Incoming money needs no lock: it only adds to a drawer, and does so as it commits (db/sql/drawer.sql). From
    here on this transaction's own movements are in its drawers at once, for the checks that follow.
    """
    await closings(session)
    if await session.value(_DRAWERS, {"collector": collector_id}, kind=int) is None:
        raise NotFound(field="collector_id", noun=Noun.USER, given=collector_id)
    await session.execute(_MOVE_AT_ONCE)


async def counting(session: WriteSession, collector_id: int) -> None:
    """Lock this collector's drawers for a count; also waits for payments that might use a surplus. Raises NotFound."""
    await closings(session)
    await session.execute(_COUNTING, {"collector": collector_id})
    await drawers(session, collector_id)
