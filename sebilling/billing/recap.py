"""Recap (rekap): amounts billed, received, outstanding and deposited per counter and period, and the cash on hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import TextClause, text

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


NAMES: Final[tuple[str, ...]] = Figures.__match_args__
"""Names of the figures, in their order."""


@dataclass(frozen=True, slots=True)
class Recap(Figures):
    """A counter's month as it is now; for a closed period also as it was at its last closing."""

    period_id: int
    counter_id: int
    counter_code: str
    counter_name: str
    timezone: str
    due_day: int
    archived_at: datetime | None
    not_invoiced: int | None
    """Number of active customers, installed by the month's end, without a live invoice of the period; None for a closed period, and
    unless it was asked for."""
    kept: list[int] | None
    """The figures at the closing, in the order of NAMES."""

    @property
    def as_of_closing(self) -> Figures | None:
        """The figures at the closing. None while the period is open, and for a counter that was created after the closing."""
        return None if self.kept is None else Figures(*self.kept)

    @property
    def since(self) -> Figures | None:
        """Changes since the closing: each present figure less the figure at the closing."""
        if self.kept is None:
            return None
        return Figures(*(now - then for now, then in zip(figures_of(self), self.kept, strict=True)))


def figures_of(recap: Figures) -> list[int]:
    """The figures in the order of NAMES, without the counter's details."""
    return [getattr(recap, name) for name in NAMES]  # type: ignore[misc]  # getattr gives Any; all figures are int


_SQL: Final = """
    -- Few of all: those of the month are read once, not once for each counter.
    WITH {missed}voided_now AS MATERIALIZED (
           SELECT invoice.counter_id, invoice.total, invoice.period_id = invoice_void.period_id AS is_own
             FROM invoice_void JOIN invoice ON invoice.id = invoice_id
            WHERE invoice_void.period_id = (SELECT id FROM period WHERE month = :month)),
         reversed_now AS MATERIALIZED (
           SELECT counter_id, amount FROM payment_reversal JOIN payment ON payment.id = payment_id
            WHERE reversed_on >= :month AND reversed_on < :after)
    SELECT billed.invoices, billed.total - voided.here - voided.earlier AS total_billed, voided.earlier AS voided_earlier,
           billed.voided - voided.here AS voided_later,
           billed.allocated, billed.written_off, billed.outstanding,
           received.payments, reversed.total AS reversed, refunded.total AS refunded,
           received.total - reversed.total AS total_received, received.credit,
           handed.counted AS total_deposited, handed.difference, held.waiting AS awaiting_verification, held.on_hand AS cash_on_hand,
           period.id AS period_id, counter.id AS counter_id, counter.code AS counter_code, counter.name AS counter_name, counter.timezone,
           counter.due_day, counter.archived_at, {not_invoiced} AS not_invoiced, kept.figures AS kept
      FROM counter
      JOIN period ON period.month = :month
     CROSS JOIN LATERAL (
           SELECT count(*) AS invoices, coalesce(sum(total), 0)::bigint AS total, coalesce(sum(allocated), 0)::bigint AS allocated,
                  coalesce(sum(written_off), 0)::bigint AS written_off, coalesce(sum(outstanding), 0)::bigint AS outstanding,
                  coalesce(sum(total) FILTER (WHERE voided_at IS NOT NULL), 0)::bigint AS voided
             FROM invoice WHERE period_id = period.id AND counter_id = counter.id) billed
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(total) FILTER (WHERE is_own), 0)::bigint AS here,
                  coalesce(sum(total) FILTER (WHERE NOT is_own), 0)::bigint AS earlier
             FROM voided_now WHERE counter_id = counter.id) voided
     CROSS JOIN LATERAL (
           SELECT count(*) AS payments, coalesce(sum(amount), 0)::bigint AS total, coalesce(sum(credit), 0)::bigint AS credit
             FROM payment WHERE counter_id = counter.id AND received_on >= :month AND received_on < :after) received
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(amount), 0)::bigint AS total FROM reversed_now WHERE counter_id = counter.id) reversed
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
           SELECT ARRAY[{names}] AS figures FROM period_closing_figure
            WHERE counter_id = counter.id AND closing_id = (SELECT max(id) FROM period_closing WHERE period_id = period.id)
              AND period.closed_at IS NOT NULL) kept ON true
     WHERE {sees}
       AND (CAST(:counter AS bigint) IS NULL OR counter.id = :counter)
     ORDER BY counter.code
"""
# Customers and the month's invoices are read once, not once for each counter.
_MISSED: Final = """missed AS MATERIALIZED (
           SELECT counter_id, count(*) AS customers FROM customer
            WHERE active AND installed_on < :after AND EXISTS (SELECT FROM period WHERE month = :month AND closed_at IS NULL)
              AND NOT EXISTS (SELECT FROM invoice WHERE invoice.customer_id = customer.id AND voided_at IS NULL
                                 AND period_id = (SELECT id FROM period WHERE month = :month))
            GROUP BY 1),
         """


def _statement(*, with_missed: bool) -> TextClause:
    missed = "(SELECT coalesce(sum(customers), 0)::bigint FROM missed WHERE counter_id = counter.id)" if with_missed else "NULL::bigint"
    return text(
        _SQL.format(
            sees=scope.sees("counter.id"), names=", ".join(NAMES), missed=_MISSED if with_missed else "",
            not_invoiced=f"CASE WHEN period.closed_at IS NULL THEN {missed} END",
        )
    )  # fmt: skip


_RECAP: Final = _statement(with_missed=False)
_RECAP_WITH_MISSED: Final = _statement(with_missed=True)
_OPENED: Final = text("SELECT id FROM period WHERE month = :month")


async def read(
    session: ReadSession, month: Month, *, scope: Scope, counter_id: int | None = None, with_missed: bool = False
) -> Sequence[Recap]:
    """Read one recap per counter in `scope`, ordered by code; `not_invoiced` only `with_missed`, as it reads all customers.

    Raises NotFound for a month never opened, or a counter outside the scope.
    """
    parameters = {"month": month.first, "after": month.after, "scope": scope.ids, "counter": counter_id}
    recaps = await session.rows(_RECAP_WITH_MISSED if with_missed else _RECAP, parameters, into=Recap)
    if not recaps and await session.value(_OPENED, {"month": month.first}, kind=int) is None:
        raise NotFound(field="month", noun=Noun.PERIOD, given=month)
    if not recaps and counter_id is not None:
        raise NotFound(field="counter_id", noun=Noun.COUNTER, given=counter_id)
    return recaps
