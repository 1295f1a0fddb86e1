"""Isolation (isolir): decide which customers are blocked and which restored. network/reconcile.py applies it to devices.

The rule is the view `isolation` (db/sql, docs/isolation.md): a row for each customer who will be blocked unless they pay. Operations
that clear a debt call `reconsider` in their transaction; the sweep (`decide`) blocks overdue customers and corrects what was missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text

from sebilling import events
from sebilling.actor import Role, Scope
from sebilling.billing import locks, validation
from sebilling.billing import scope as scopes
from sebilling.clock import local_date
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import WHOLE_INPUT, AlreadyDecided, InvalidDate, InvalidNumber, NoAccess, NotFound, Sentence, StillOverdue
from sebilling.money import format_rupiah
from sebilling.nouns import Noun


class IsolationMode(StrEnum):
    """When an overdue customer is blocked."""

    FROM_INVOICE = "FROM_INVOICE"
    FROM_INSTALL_DATE = "FROM_INSTALL_DATE"
    MANUAL = "MANUAL"


MAX_PROMISED: Final = timedelta(days=60)
ALWAYS: Final = 20
"""Number of customers that a sweep may block whatever the share: small ISPs have few customers."""
_POLICY: Final = text(
    """
    INSERT INTO isolation_policy (customer_id, counter_id, mode, days, minimum) VALUES (:customer, :counter, :mode, :days, :minimum)
    ON CONFLICT (customer_id, counter_id) DO UPDATE SET mode = :mode, days = :days, minimum = :minimum
    """
)
_COUNTER: Final = text("SELECT EXISTS (SELECT FROM counter WHERE id = :counter)")
_FORGET: Final = text("DELETE FROM isolation_policy WHERE customer_id = :customer OR counter_id = :counter")
_PROMISE: Final = text(
    "INSERT INTO payment_promise (customer_id, until_on, reason, promised_at, promised_to) VALUES (:customer, :until, :reason, :at, :user)"
)
_ADD_BLACKOUT_DATE: Final = text("INSERT INTO blackout_date VALUES (:day, :reason) ON CONFLICT (day) DO UPDATE SET reason = :reason")
_REMOVE_BLACKOUT_DATE: Final = text("DELETE FROM blackout_date WHERE day = :day")
_RECONSIDER: Final = text("SELECT reconsider_access(CAST(:customers AS bigint[]), :at, :user, :user_name)")
_BLOCK: Final = text(
    """
    UPDATE service_access SET desired = 'BLOCKED', manual = true, because = :because, desired_at = :at,
           desired_generation = desired_generation + 1, attempts = 0,
           next_at = :at, error = '' WHERE customer_id = :customer RETURNING id
    """
)
_RESTORE: Final = text(
    """
    UPDATE service_access SET desired = 'ACTIVE', manual = false, because = '', desired_at = :at,
           desired_generation = desired_generation + 1, attempts = 0,
           next_at = :at, error = '' WHERE customer_id = :customer AND desired = 'BLOCKED' RETURNING id
    """
)
_FORECAST: Final = text(
    """
    SELECT isolation.block_on, isolation.amount, number, isolation.mode, promised_until
      FROM isolation JOIN invoice ON invoice.id = invoice_id
     WHERE isolation.customer_id = :customer
    """
)
_AMOUNT_OVERDUE: Final = text("SELECT amount FROM overdue_customers(CAST(:at AS timestamptz)) WHERE customer_id = :customer")
_SEEN: Final = text(
    "SELECT EXISTS (SELECT FROM customer WHERE id = :customer AND (CAST(:scope AS bigint[]) IS NULL OR counter_id = ANY (:scope)))"
)
# Rows locked by a concurrent payment or correction are left to the next sweep.
# The view is evaluated once, not once per service access: that took 12 s for 300.
_OVERDUE: Final = "overdue AS MATERIALIZED (SELECT * FROM overdue_customers(CAST(:at AS timestamptz)) WHERE may_block)"
_DUE: Final = """
    SELECT service_access.id, service_access.customer_id, service_access.device_id, overdue.invoice_id, overdue.amount, overdue.block_on
      FROM service_access JOIN overdue ON overdue.customer_id = service_access.customer_id
      JOIN device ON device.id = device_id AND enabled
     WHERE desired = 'ACTIVE'
"""
_PLAN: Final = text(
    f"WITH {_OVERDUE} {_DUE} AND (CAST(:scope AS bigint[]) IS NULL"
    " OR (SELECT counter_id FROM customer WHERE customer.id = service_access.customer_id) = ANY (:scope))"
    " ORDER BY service_access.customer_id"
)
_COUNT: Final = text(
    f"""
    WITH {_OVERDUE}
    SELECT (SELECT count(*) FROM ({_DUE}) due) AS due, (SELECT count(*) FROM service_access WHERE desired = 'ACTIVE') AS active,
           (SELECT mass_block_percent FROM billing_settings) AS percent,
           EXISTS (SELECT FROM isolation_hold WHERE approved AND decided_at > CAST(:at AS timestamptz) - interval '12 hours') AS approved,
           EXISTS (SELECT FROM isolation_hold WHERE decided_at IS NULL) AS held
    """
)
_BLOCK_OVERDUE: Final = text(
    f"""
    WITH {_OVERDUE}, due AS MATERIALIZED ({_DUE} ORDER BY service_access.id FOR UPDATE OF service_access SKIP LOCKED), changed AS (
        UPDATE service_access SET desired = 'BLOCKED', desired_at = :at,
               desired_generation = desired_generation + 1, attempts = 0, next_at = :at, error = '',
               because = 'unpaid since ' || due.block_on || ': ' || due.amount || ' rupiah'
          FROM due WHERE service_access.id = due.id RETURNING service_access.id, service_access.customer_id
    ), told AS (
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
        SELECT :at, :user, :user_name, 'isolation.block_wanted', 'service_access', changed.id, customer.counter_id,
               jsonb_build_object('customer', changed.customer_id, 'invoice', due.invoice_id, 'amount', due.amount,
                                  'block_on', due.block_on)
          FROM changed JOIN due USING (id) JOIN customer ON customer.id = changed.customer_id
    )
    SELECT count(*) FROM changed
    """
)
_NEEDLESS: Final = text("SELECT DISTINCT customer_id FROM service_access WHERE desired = 'BLOCKED' AND NOT manual")
_HOLD: Final = text("INSERT INTO isolation_hold (held_at, would_block, of_active) VALUES (:at, :due, :active) RETURNING id")
_DECIDE_HOLD: Final = text(
    "UPDATE isolation_hold SET decided_at = :at, decided_by = :user, approved = :approved"
    " WHERE id = :id AND decided_at IS NULL RETURNING id"
)
_HELD: Final = text("SELECT EXISTS (SELECT FROM isolation_hold WHERE id = :id)")


@dataclass(frozen=True, slots=True)
class Forecast:
    """Upcoming block of a customer: the day, and the reason in words. `block_on` is None if none is due."""

    block_on: date | None
    because: str


@dataclass(frozen=True, slots=True)
class Decided:
    """Result of a sweep: customers blocked and restored. `held`: it would have blocked so many and requires confirmation."""

    blocked: int
    restored: int
    held: int = 0


async def set_policy(
    session: WriteSession,
    *,
    mode: IsolationMode,
    days: int,
    minimum: int = 1,
    customer_id: int | None = None,
    counter_id: int | None = None,
) -> None:
    """Set when customers are blocked: one customer, else a counter's customers, else (neither) everybody.

    Raises InvalidNumber, InvalidAmount, NotFound, Forbidden.
    """
    if customer_id is not None and counter_id is not None:
        raise InvalidNumber(
            field=WHOLE_INPUT,
            what=Sentence("policy", "kebijakan isolir"),
            given="both",
            why=Sentence(
                "name a customer or a counter, or neither for the ISP.",
                "isi pelanggan atau loket, atau kosongkan keduanya untuk seluruh ISP.",
            ),
        )
    if not 0 <= days <= 365:
        raise InvalidNumber(
            field="days", what=Sentence("days", "jumlah hari"), given=days, why=Sentence("give 0 to 365.", "isi 0 sampai 365.")
        )
    minimum = validation.rupiah(minimum, field="minimum", least=1)
    event_counter_id = await _place(session, customer_id, counter_id)
    values = {"mode": mode.value, "days": days, "minimum": minimum}
    await session.execute(_POLICY, {**values, "customer": customer_id, "counter": counter_id})
    await events.append(
        session, "isolation.policy_set", subject="customer" if customer_id else "counter", subject_id=customer_id or counter_id or 0,
        counter_id=event_counter_id, after=values,
    )  # fmt: skip
    if customer_id is not None:
        await reconsider(session, [customer_id])


async def _place(session: WriteSession, customer_id: int | None, counter_id: int | None) -> int | None:
    if customer_id is not None:
        customer_counter_id: int = (await locks.customer(session, customer_id)).counter_id
        return customer_counter_id
    if counter_id is None:
        scopes.central(session)
    elif counter_id not in session.actor.scope or not await session.value(_COUNTER, {"counter": counter_id}):
        raise NotFound(field="counter_id", noun=Noun.COUNTER, given=counter_id)
    return counter_id


async def forget_policy(session: WriteSession, *, customer_id: int | None = None, counter_id: int | None = None) -> None:
    """Remove a policy, so that the next wider one applies. Raises NotFound, Forbidden."""
    event_counter_id = await _place(session, customer_id, counter_id)
    await session.execute(_FORGET, {"customer": customer_id, "counter": counter_id})
    await events.append(
        session, "isolation.policy_forgotten", subject="customer" if customer_id else "counter",
        subject_id=customer_id or counter_id or 0, counter_id=event_counter_id,
    )  # fmt: skip
    if customer_id is not None:
        await reconsider(session, [customer_id])


async def promise(session: WriteSession, customer_id: int, *, until_on: date, reason: str) -> None:
    """Record a promise to pay (janji bayar): the customer isn't blocked up to and on `until_on`, and is restored if blocked.

    `until_on` is at most MAX_PROMISED ahead. Raises InvalidDate, InvalidText, NotFound.
    """
    why = validation.reason(reason)
    customer = await locks.customer(session, customer_id)
    today = local_date(session.at, customer.timezone)
    if not today <= until_on <= today + MAX_PROMISED:
        raise InvalidDate(
            field="until_on",
            given=until_on,
            why=Sentence(
                f"promise a day from {today} to {today + MAX_PROMISED}.", f"janjikan tanggal dari {today} sampai {today + MAX_PROMISED}."
            ),
        )
    bound = {"customer": customer_id, "until": until_on, "reason": why, "at": session.at, "user": session.actor.user_id}
    await session.execute(_PROMISE, bound)
    await events.append(
        session, "customer.promised", subject="customer", subject_id=customer_id, counter_id=customer.counter_id,
        until_on=str(until_on), reason=why,
    )  # fmt: skip
    await reconsider(session, [customer_id])


async def add_blackout_date(session: WriteSession, day: date, *, reason: str) -> None:
    """Add a blackout date: nobody is blocked on `day`. Raises InvalidText, Forbidden."""
    scopes.central(session)
    why = validation.reason(reason)
    await session.execute(_ADD_BLACKOUT_DATE, {"day": day, "reason": why})
    await events.append(
        session, "isolation.blackout_date_added", subject="blackout_date", subject_id=day.toordinal(), day=str(day), reason=why
    )


async def remove_blackout_date(session: WriteSession, day: date) -> None:
    """Remove a blackout date: customers are blocked on `day` as on any other. Raises Forbidden."""
    scopes.central(session)
    await session.execute(_REMOVE_BLACKOUT_DATE, {"day": day})
    await events.append(session, "isolation.blackout_date_removed", subject="blackout_date", subject_id=day.toordinal(), day=str(day))


async def block(session: WriteSession, customer_id: int, *, reason: str) -> None:
    """Block a customer by hand, until someone restores them. Raises InvalidText, NotFound, NoAccess."""
    await _by_hand(session, customer_id, reason=reason, statement=_BLOCK, kind="isolation.block_wanted")


async def restore(session: WriteSession, customer_id: int, *, reason: str) -> None:
    """Restore a blocked customer. Raises InvalidText, NotFound, NoAccess (not blocked), StillOverdue (record a promise to pay instead)."""
    customer = await locks.customer(session, customer_id)
    row = await session.row(_AMOUNT_OVERDUE, {"customer": customer_id, "at": session.at})
    if row is not None:
        amount = "Rp…" if session.actor.role is Role.TECHNICIAN else format_rupiah(row.amount)  # technicians may see no amounts
        raise StillOverdue(field="customer_id", given=customer.code, amount=amount)
    await _by_hand(session, customer_id, reason=reason, statement=_RESTORE, kind="isolation.restore_wanted")


async def _by_hand(session: WriteSession, customer_id: int, *, reason: str, statement: Any, kind: str) -> None:
    why = validation.reason(reason)
    customer = await locks.customer(session, customer_id)
    rows = await session.rows(statement, {"customer": customer_id, "because": why, "at": session.at} if statement is _BLOCK else
                              {"customer": customer_id, "at": session.at})  # fmt: skip
    if not rows:
        raise NoAccess(field="customer_id", given=customer.code)
    for row in rows:
        await events.append(
            session, kind, subject="service_access", subject_id=row.id, counter_id=customer.counter_id, customer=customer_id,
            because=why, by_hand=True,
        )  # fmt: skip


async def reconsider(session: WriteSession, customer_ids: Sequence[int]) -> int:
    """Restore those of the customers whom the engine has blocked and who are no longer overdue. Returns their number."""
    actor = session.actor
    restored: int = await session.value(
        _RECONSIDER, {"customers": list(customer_ids), "at": session.at, "user": actor.user_id, "user_name": actor.name}
    )
    return restored


async def decide(session: WriteSession) -> Decided:
    """Run the sweep: block customers whose day has come, restore those who are no longer overdue.

    If it would block more than the settings' share of the active customers, it blocks nobody and creates a hold that a person decides.
    Raises Forbidden, as it covers the customers of every counter.
    """
    scopes.central(session)
    blocked_by_engine = [row.customer_id for row in await session.rows(_NEEDLESS)]
    restored = await reconsider(session, blocked_by_engine) if blocked_by_engine else 0
    counts = await session.row(_COUNT, {"at": session.at})
    assert counts is not None  # noqa: S101 - an aggregate always returns one row
    if counts.due > max(ALWAYS, counts.active * counts.percent // 100) and not counts.approved:
        if not counts.held:
            hold_id: int = await session.value(_HOLD, {"at": session.at, "due": counts.due, "active": counts.active})
            await events.append(
                session, "isolation.held", subject="isolation_hold", subject_id=hold_id, would_block=counts.due, of_active=counts.active
            )
        return Decided(0, restored, held=counts.due)
    actor = session.actor
    blocked: int = 0
    if counts.due:
        blocked = await session.value(_BLOCK_OVERDUE, {"at": session.at, "user": actor.user_id, "user_name": actor.name})
    return Decided(blocked, restored)


async def decide_hold(session: WriteSession, hold_id: int, *, approved: bool) -> None:
    """Approve a hold, so that sweeps may block for twelve hours, or reject it. Raises NotFound, AlreadyDecided, Forbidden."""
    scopes.central(session)
    decided_id = await session.value(_DECIDE_HOLD, {"id": hold_id, "approved": approved, "at": session.at, "user": session.actor.user_id})
    if decided_id is None:
        if await session.value(_HELD, {"id": hold_id}):
            raise AlreadyDecided(field="hold_id", given=Noun.HOLD.id(hold_id))
        raise NotFound(field="hold_id", noun=Noun.HOLD, given=hold_id)
    await events.append(session, "isolation.hold_decided", subject="isolation_hold", subject_id=hold_id, approved=approved)


async def plan(session: ReadSession, *, at: datetime, scope: Scope) -> Sequence[Any]:
    """List whom in the scope a sweep would block now: id of the service access, customer_id, device_id, invoice_id, amount, block_on."""
    return await session.rows(_PLAN, {"at": at, "scope": scope.ids})


async def forecast(session: ReadSession, customer_id: int, *, scope: Scope) -> Forecast:
    """Return the customer's upcoming block: its day unless they pay, and the reason. Raises NotFound."""
    if not await session.value(_SEEN, {"customer": customer_id, "scope": scope.ids}):
        raise NotFound(field="customer_id", noun=Noun.CUSTOMER, given=customer_id)
    row = await session.row(_FORECAST, {"customer": customer_id})
    if row is None:
        return Forecast(None, "The policy in force leads to no block for this customer's debts.")
    promised = f"; promised to pay until {row.promised_until}" if row.promised_until else ""
    return Forecast(row.block_on, f"{format_rupiah(row.amount)} unpaid with {row.number} ({row.mode}){promised}")
