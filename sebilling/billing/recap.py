"""Recap (rekap): amounts billed, received, outstanding and deposited per counter and period, and the cash on hand."""

from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import RowMapping, text

from sebilling.actor import Scope
from sebilling.billing import scope
from sebilling.clock import Month
from sebilling.db.engine import ReadSession
from sebilling.errors import NotFound
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a counter's month, in rupiah.

    total_billed + voided_earlier - voided_later = allocated + written_off + outstanding, always.
    """

    invoices: int
    """Number of the period's invoices, including void ones, which keep their numbers."""
    total_billed: int
    """Total of the period's invoices, less the invoices voided in it."""
    voided_earlier: int
    """Total of invoices voided in this period but issued in an earlier, closed one."""
    voided_later: int
    """Total of invoices issued in this period but voided in a later one, because this one was closed."""
    allocated: int
    """Amount of the period's invoices settled by payments, whenever they were received."""
    written_off: int
    """Amount of the period's invoices written off: bad debts and cancelled late fees."""
    outstanding: int
    """Sisa Tagihan: outstanding amount of the period's invoices."""
    payments: int
    reversed: int
    """Payments reversed on days of the month, whenever they were received."""
    refunded: int
    """Credit refunded on days of the month, less refunds reversed on them."""
    total_received: int
    """Total Masuk: payments received at this counter on days of the month, less payments reversed on them."""
    credit: int
    """Titipan: amount of the month's payments that is not allocated yet."""
    total_deposited: int
    """Total Setor: deposits counted on days of the month, including corrections of earlier counts."""
    difference: int
    """Surplus (above 0) or shortage of those counts, less differences settled on days of the month."""
    awaiting_verification: int
    """Menunggu verifikasi: deposits submitted and undecided, of any month."""
    cash_on_hand: int
    """Belum disetor: cash in the counter's drawers now, including deposits that await verification."""


NAMES: Final = tuple(field.name for field in fields(Figures))


@dataclass(frozen=True, slots=True)
class Recap(Figures):
    """A counter's month as it is now; for a closed period also as it was at its last closing."""

    counter_id: int
    counter_code: str
    counter_name: str
    timezone: str
    due_day: int
    as_of_closing: Figures | None
    """None while the period is open, and for a counter that was created after the closing."""

    @property
    def since(self) -> Figures | None:
        """Changes since the closing: each present figure less the figure at the closing."""
        kept = self.as_of_closing
        return None if kept is None else Figures(**{name: getattr(self, name) - getattr(kept, name) for name in NAMES})


_RECAP: Final = text(
    """
    SELECT counter.id AS counter_id, counter.code AS counter_code, counter.name AS counter_name,
           counter.timezone, counter.due_day, billed.invoices,
           billed.total - voided.here - voided.earlier AS total_billed, voided.earlier AS voided_earlier,
           billed.voided - voided.here AS voided_later,
           billed.allocated, billed.written_off, billed.outstanding,
           received.payments, reversed.total AS reversed, refunded.total AS refunded,
           received.total - reversed.total AS total_received, received.credit,
           handed.counted AS total_deposited, handed.difference, held.waiting AS awaiting_verification, held.on_hand AS cash_on_hand,
           kept.*
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
           SELECT coalesce(sum(amount), 0)::bigint AS total FROM (
               SELECT amount FROM refund WHERE counter_id = counter.id AND refunded_on >= :month AND refunded_on < :after
               UNION ALL
               SELECT -amount FROM refund_reversal JOIN refund ON refund.id = refund_id
                WHERE counter_id = counter.id AND reversed_on >= :month AND reversed_on < :after) refund_amount) refunded
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(counted), 0)::bigint AS counted, coalesce(sum(difference), 0)::bigint AS difference
             FROM counted_money WHERE counter_id = counter.id AND day >= :month AND day < :after) handed
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(waiting), 0)::bigint AS waiting, coalesce(sum(on_hand), 0)::bigint AS on_hand
             FROM drawer WHERE counter_id = counter.id) held
      LEFT JOIN LATERAL (
           SELECT {kept} FROM period_closing_figure
            WHERE counter_id = counter.id AND closing_id = (SELECT max(id) FROM period_closing WHERE period_id = period.id)
              AND period.closed_at IS NOT NULL) kept ON true
     WHERE {sees}
       AND (CAST(:counter AS bigint) IS NULL OR counter.id = :counter)
     ORDER BY counter.code
    """.format(sees=scope.sees("counter.id"), kept=", ".join(f"{name} AS kept_{name}" for name in NAMES))
)
_OPENED: Final = text("SELECT id FROM period WHERE month = :month")


async def read(session: ReadSession, month: Month, *, scope: Scope, counter_id: int | None = None) -> list[Recap]:
    """Read one recap per counter in `scope`, ordered by code. Raises NotFound for a month never opened, or a counter outside the scope."""
    rows = await session.rows(_RECAP, {"month": month.first, "after": month.after, "scope": scope.ids, "counter": counter_id})
    if not rows and await session.value(_OPENED, {"month": month.first}) is None:
        raise NotFound(field="month", noun=Noun.PERIOD, given=month)
    if not rows and counter_id is not None:
        raise NotFound(field="counter_id", noun=Noun.COUNTER, given=counter_id)
    return [_recap(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented name


def _recap(row: RowMapping) -> Recap:
    figures = {name: value for name, value in row.items() if not name.startswith("kept_")}
    kept = {name: row[f"kept_{name}"] for name in NAMES}
    return Recap(**figures, as_of_closing=None if kept["invoices"] is None else Figures(**kept))
