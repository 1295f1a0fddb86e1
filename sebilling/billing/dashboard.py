"""Dashboard: today's and this month's figures of each counter, read by one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.billing import scope
from sebilling.db.engine import ReadSession
from sebilling.db.parameters import instant


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one counter. Amounts are rupiah; days are in the counter's time zone."""

    counter_id: int
    counter_code: str
    counter_name: str
    timezone: str
    due_day: int
    day: date
    received_today: int
    """Money received today less payments reversed today."""
    payments_today: int
    received_this_month: int
    payments_this_month: int
    outstanding: int
    """Outstanding amount of the counter's invoices, over all periods."""
    cash_on_hand: int
    blocked_customers: int
    """Number of customers who are blocked now, as their devices report."""


_FIGURES: Final = text(
    f"""
    WITH reversed_lately AS MATERIALIZED (  -- few, read once: every counter's month is among them
           SELECT counter_id, received_on, reversed_on, amount FROM payment_reversal JOIN payment ON payment.id = payment_id
            WHERE reversed_on >= (:at AT TIME ZONE 'UTC')::date - 32)
    SELECT counter.id AS counter_id, counter.code AS counter_code, counter.name AS counter_name, counter.timezone, counter.due_day, now.day,
           received.today - reversed.today AS received_today, received.payments_today,
           received.month - reversed.month AS received_this_month, received.payments_this_month,
           owed.outstanding, held.on_hand AS cash_on_hand, coalesce(blocked.customers, 0) AS blocked_customers
      FROM counter
     CROSS JOIN LATERAL (SELECT (:at AT TIME ZONE timezone)::date AS day OFFSET 0) now  -- once for each counter, not each payment
     CROSS JOIN LATERAL (
           SELECT count(*) AS payments_this_month, count(*) FILTER (WHERE received_on = now.day) AS payments_today,
                  coalesce(sum(amount), 0)::bigint AS month, coalesce(sum(amount) FILTER (WHERE received_on = now.day), 0)::bigint AS today
             FROM payment WHERE counter_id = counter.id AND received_on >= date_trunc('month', now.day)::date AND received_on <= now.day
           ) received
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(amount), 0)::bigint AS month, coalesce(sum(amount) FILTER (WHERE reversed_on = now.day), 0)::bigint AS today
             FROM reversed_lately
            WHERE counter_id = counter.id AND reversed_on >= date_trunc('month', now.day)::date AND reversed_on <= now.day) reversed
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(outstanding), 0)::bigint AS outstanding FROM invoice WHERE counter_id = counter.id AND outstanding > 0) owed
     CROSS JOIN LATERAL (SELECT coalesce(sum(on_hand), 0)::bigint AS on_hand FROM drawer WHERE counter_id = counter.id) held
      LEFT JOIN (
           SELECT customer.counter_id, count(*) AS customers
             FROM (SELECT DISTINCT customer_id FROM service_access WHERE actual = 'BLOCKED') access
             JOIN customer ON customer.id = customer_id GROUP BY 1
           ) blocked ON blocked.counter_id = counter.id
     WHERE {scope.sees("counter.id")}
     ORDER BY counter.code
    """
).bindparams(instant("at"))


async def read(session: ReadSession, *, at: datetime, scope: Scope) -> Sequence[Figures]:
    """Read the figures of each counter in `scope`, ordered by code."""
    return await session.rows(_FIGURES, {"at": at, "scope": scope.ids}, into=Figures)
