"""Rekap: per counter and period what was billed, came in, is owed and was handed over; per drawer what cash is on hand."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.clock import Month
from sebilling.db.engine import ReadSession
from sebilling.errors import NotFound


@dataclass(frozen=True, slots=True)
class Recap:
    """A counter's month, in rupiah.

    total_billed + voided_earlier - voided_later = allocated + written_off + outstanding, always.
    """

    counter_id: int
    counter_code: str
    counter_name: str
    timezone: str
    due_day: int
    invoices: int
    """The period's, void ones too: their numbers stay."""
    total_billed: int
    """Of the period's invoices, less the invoices voided in it."""
    voided_earlier: int
    """Voided in this period, but issued in an earlier one that is closed."""
    voided_later: int
    """Issued in this period, but voided in a later one, because this was closed."""
    allocated: int
    """How much of the period's invoices payments have settled, whenever they came."""
    written_off: int
    outstanding: int
    """Sisa Tagihan: what the period's invoices still owe."""
    payments: int
    reversed: int
    """Taken back on the days of the month, whenever it was received."""
    refunded: int
    """Credit given back on the days of the month."""
    total_received: int
    """Total Masuk: money received at this counter on the days of the month, less what was reversed on them."""
    credit: int
    """Titipan: how much of the month's money no invoice has taken yet."""
    total_deposited: int
    """Total Setor: verified deposits that were submitted on the days of the month, as counted."""
    difference: int
    """Surplus (above 0) or shortage of those deposits."""
    awaiting_verification: int
    """Menunggu verifikasi: submitted and undecided, of any month."""
    cash_on_hand: int
    """Belum disetor: cash in the counter's drawers now, what waits for verification included."""


_RECAP: Final = text(
    """
    SELECT counter.id AS counter_id, counter.code AS counter_code, counter.name AS counter_name,
           counter.timezone, counter.due_day, billed.invoices,
           billed.total - voided.here - voided.earlier AS total_billed, voided.earlier AS voided_earlier,
           billed.voided - voided.here AS voided_later,
           billed.allocated, billed.written_off, billed.outstanding,
           received.payments, reversed.total AS reversed, refunded.total AS refunded,
           received.total - reversed.total AS total_received, received.credit,
           handed.counted AS total_deposited, handed.difference, held.waiting AS awaiting_verification, held.on_hand AS cash_on_hand
      FROM counter
      JOIN period ON period.month = :month
     CROSS JOIN LATERAL (
           SELECT count(*) AS invoices, coalesce(sum(total), 0)::bigint AS total, coalesce(sum(allocated), 0)::bigint AS allocated,
                  coalesce(sum(written_off), 0)::bigint AS written_off, coalesce(sum(outstanding), 0)::bigint AS outstanding,
                  coalesce(sum(total) FILTER (WHERE voided_at IS NOT NULL), 0)::bigint AS voided
             FROM invoice WHERE period_id = period.id AND counter_id = counter.id) billed
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(total) FILTER (WHERE invoice.period_id = invoice_void.period_id), 0)::bigint AS here,
                  coalesce(sum(total) FILTER (WHERE invoice.period_id <> invoice_void.period_id), 0)::bigint AS earlier
             FROM invoice_void JOIN invoice ON invoice.id = invoice_id
            WHERE counter_id = counter.id AND invoice_void.period_id = period.id) voided
     CROSS JOIN LATERAL (
           SELECT count(*) AS payments, coalesce(sum(amount), 0)::bigint AS total, coalesce(sum(credit), 0)::bigint AS credit
             FROM payment WHERE counter_id = counter.id AND received_on >= :month AND received_on < :after) received
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(amount), 0)::bigint AS total FROM payment_reversal JOIN payment ON payment.id = payment_id
            WHERE counter_id = counter.id AND reversed_on >= :month AND reversed_on < :after) reversed
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(amount), 0)::bigint AS total
             FROM refund WHERE counter_id = counter.id AND refunded_on >= :month AND refunded_on < :after) refunded
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(counted), 0)::bigint AS counted, coalesce(sum(difference), 0)::bigint AS difference
             FROM deposit JOIN deposit_decision ON deposit_id = deposit.id AND verified
            WHERE counter_id = counter.id AND deposited_on >= :month AND deposited_on < :after) handed
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(waiting), 0)::bigint AS waiting, coalesce(sum(on_hand), 0)::bigint AS on_hand
             FROM drawer WHERE counter_id = counter.id) held
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
