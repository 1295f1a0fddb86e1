"""Rekap: per counter and period, what was billed, what came in, what is still owed."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.clock import Month
from sebilling.db.engine import ReadSession
from sebilling.errors import NotFound


@dataclass(frozen=True, slots=True)
class Recap:
    """A counter's month, in rupiah."""

    counter_id: int
    counter_code: str
    counter_name: str
    timezone: str
    due_day: int
    invoices: int
    total_billed: int
    """Of the period's invoices."""
    allocated: int
    """How much of that any payment has settled, whenever it came."""
    outstanding: int
    """Sisa Tagihan: total_billed - allocated."""
    payments: int
    total_received: int
    """Total Masuk: money received at this counter on the days of the month."""
    credit: int
    """Titipan: how much of that money no invoice has taken yet."""


_RECAP: Final = text(
    """
    SELECT counter.id AS counter_id, counter.code AS counter_code, counter.name AS counter_name,
           counter.timezone, counter.due_day, billed.invoices,
           billed.total AS total_billed, billed.allocated, billed.outstanding,
           received.payments, received.total AS total_received, received.credit
      FROM counter
      JOIN period ON period.month = :month
     CROSS JOIN LATERAL (
           SELECT count(*) AS invoices, coalesce(sum(total), 0)::bigint AS total, coalesce(sum(allocated), 0)::bigint AS allocated,
                  coalesce(sum(outstanding), 0)::bigint AS outstanding
             FROM invoice WHERE period_id = period.id AND counter_id = counter.id) billed
     CROSS JOIN LATERAL (
           SELECT count(*) AS payments, coalesce(sum(amount), 0)::bigint AS total, coalesce(sum(credit), 0)::bigint AS credit
             FROM payment WHERE counter_id = counter.id AND received_on >= :month AND received_on < :after) received
     WHERE (CAST(:scope AS bigint[]) IS NULL OR counter.id = ANY (:scope))
       AND (CAST(:counter AS bigint) IS NULL OR counter.id = :counter)
     ORDER BY counter.code
    """
)
_OPENED: Final = text("SELECT id FROM period WHERE month = :month")


async def read(session: ReadSession, month: Month, *, scope: Scope, counter_id: int | None = None) -> list[Recap]:
    """One row per counter that `scope` lets see, by code. Raises NotFound for a month never opened, or a counter not seen."""
    rows = await session.rows(_RECAP, {"month": month.first, "after": month.after, "scope": scope.ids, "counter": counter_id})
    if not rows and await session.value(_OPENED, {"month": month.first}) is None:
        raise NotFound(field=("month",), noun="period", given=month)
    if not rows and counter_id is not None:
        raise NotFound(field=("counterId",), noun="counter", given=f"cou_{counter_id}")
    return [Recap(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented name
