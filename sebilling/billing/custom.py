"""Custom pembayaran: a customer who pays several months at once from a date, and when what falls due next.

`coming` tells what the pricing rule will do in the months ahead, before anything is saved; it is the rule of
docs/pricing.md once more, in plain dates, and tests hold it against what generation then issues.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import DateTime, bindparam, text

from sebilling import events
from sebilling.actor import Scope
from sebilling.billing import locks
from sebilling.clock import Month, local_date
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import AlreadyCovered, InvalidDate, InvalidNumber, NotFound

MOST_MONTHS: Final = 60
_YEARS_AHEAD: Final = 10


@dataclass(frozen=True, slots=True)
class Cycle:
    """From `effective_from` on, invoices cover `months` each; 1 is the ordinary month by month."""

    months: int
    effective_from: date


@dataclass(frozen=True, slots=True)
class Coming:
    """An invoice to come: in which period, for which days [covers_from, covers_until), due when."""

    month: Month
    covers_from: date
    covers_until: date
    due_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about a customer's next invoices. `invoiced` holds period, first and last day of each live invoice."""

    installed_on: date
    due_day: int
    today: date
    opened: Sequence[Month]
    """Periods that are open."""
    closed: Sequence[Month]
    cycles: Sequence[Cycle]
    """In the order of decision: the last one that begins before a period's end holds in it."""
    invoiced: Sequence[tuple[Month, date, date]]
    closed_ahead: Sequence[Month] = ()
    """Of the closed ones those that lie ahead and in which nothing was ever invoiced: closed by mistake, likely, and passed over."""

    @property
    def first_possible(self) -> date:
        """The first day that is neither invoiced nor in a closed period nor before the installation.

        A period that lies ahead, empty and closed, ends nothing: the days before it can be billed.
        """
        closed = set(self.closed) - set(self.closed_ahead)
        return max([self.installed_on, *(until for _, _, until in self.invoiced), *(month.after for month in closed)])

    def first_possible_from(self, day: date) -> date:
        """The first day on or after `day` on which a cycle may begin."""
        day = max(day, self.first_possible)
        while Month.of(day) in self.closed_ahead:
            day = Month.of(day).after
        return day


def day_after_months(anchor: date, months: int) -> date:
    """The anchor's day `months` later, or the last of that month: from 31 January 28 February, then 31 March."""
    month = Month.of(anchor).plus(months)
    return date(month.year, month.number, min(anchor.day, calendar.monthrange(month.year, month.number)[1]))


def coming(standing: Standing, *, count: int) -> list[Coming]:
    """The next `count` invoices, if the periods still open and those from this month on are generated in turn, at prices above nothing."""
    found: list[Coming] = []
    covered = [(first, until) for _, first, until in standing.invoiced]
    done = {month for month, _, _ in standing.invoiced} | set(standing.closed)
    this_month = Month.of(standing.today)
    earlier = sorted(month for month in standing.opened if month < this_month)
    for month in (*earlier, *(this_month.plus(ahead) for ahead in range(12 * _YEARS_AHEAD))):
        stretch = None if month in done else _stretch(standing, month, covered)
        if stretch is not None:
            found.append(stretch)
            covered.append((stretch.covers_from, stretch.covers_until))
        if len(found) == count:
            break
    return found


def _stretch(standing: Standing, month: Month, covered: Sequence[tuple[date, date]]) -> Coming | None:
    """What of the month's invoice is left to bill, or None."""
    if standing.installed_on >= month.after:
        return None
    held = [place for place, cycle in enumerate(standing.cycles) if cycle.effective_from < month.after]
    cycle = standing.cycles[held[-1]] if held else Cycle(1, standing.installed_on)
    superseded = [later.effective_from for later in standing.cycles[held[-1] + 1 :]] if held else []
    anchor, months = cycle.effective_from, cycle.months
    nth = (month.year - anchor.year) * 12 + month.number - anchor.month
    start = day_after_months(anchor, nth) if months > 1 else max(month.first, standing.installed_on)
    before = [until for first, until in covered if first <= start and until > month.first]
    taken_from = min([first for first, until in covered if first > start and until > month.first] + superseded, default=date.max)
    if months == 1:
        first, until = max([start, *before]), min(month.after, taken_from)
        due = month.first + timedelta(days=standing.due_day - 1)
    else:
        if any(end > start for end in before):
            return None
        first = min(start, max([month.first, standing.installed_on, *before])) if anchor >= month.first else start
        whole = [day for k in range(1, months + 1) if (day := day_after_months(anchor, nth + k)) <= taken_from]
        until, due = whole[-1] if whole else taken_from, start
    return Coming(month, first, until, max(due, standing.today)) if first < until else None


_STANDING: Final = text(
    """
    SELECT installed_on, due_day, timezone, counter_id,
           ARRAY(SELECT month FROM period WHERE closed_at IS NULL ORDER BY month) AS opened,
           ARRAY(SELECT month FROM period WHERE closed_at IS NOT NULL ORDER BY month) AS closed,
           ARRAY(SELECT month FROM period WHERE closed_at IS NOT NULL AND month > (:at AT TIME ZONE timezone)::date
                    AND NOT EXISTS (SELECT FROM invoice WHERE period_id = period.id)) AS closed_ahead,
           ARRAY(SELECT months FROM billing_cycle WHERE customer_id = customer.id ORDER BY id) AS months,
           ARRAY(SELECT effective_from FROM billing_cycle WHERE customer_id = customer.id ORDER BY id) AS effective_from,
           ARRAY(SELECT month FROM invoice JOIN period ON period.id = period_id
                  WHERE customer_id = customer.id AND voided_at IS NULL ORDER BY invoice.id) AS periods,
           ARRAY(SELECT covers_from FROM invoice WHERE customer_id = customer.id AND voided_at IS NULL ORDER BY id) AS covers_from,
           ARRAY(SELECT covers_until FROM invoice WHERE customer_id = customer.id AND voided_at IS NULL ORDER BY id) AS covers_until
      FROM customer JOIN counter ON counter.id = counter_id
     WHERE customer.id = :customer AND (CAST(:scope AS bigint[]) IS NULL OR counter_id = ANY (:scope))
    """
).bindparams(bindparam("at", type_=DateTime(timezone=True)))
_SET: Final = text(
    """
    INSERT INTO billing_cycle (customer_id, months, effective_from, set_at, set_by) VALUES (:customer, :months, :from, :at, :user)
    """
)


async def standing(session: ReadSession, customer_id: int, *, at: datetime, scope: Scope) -> Standing:
    """Where the customer stands at `at`. Raises NotFound."""
    row = await session.row(_STANDING, {"customer": customer_id, "scope": scope.ids, "at": at})
    if row is None:
        raise NotFound(field=("customerId",), noun="customer", given=f"cus_{customer_id}")
    cycles = [Cycle(months, day) for months, day in zip(row.months, row.effective_from, strict=True)]
    periods = [Month.of(day) for day in row.periods]
    return Standing(
        row.installed_on, row.due_day, local_date(at, row.timezone), [Month.of(day) for day in row.opened],
        [Month.of(day) for day in row.closed], cycles,
        list(zip(periods, row.covers_from, row.covers_until, strict=True)), [Month.of(day) for day in row.closed_ahead],
    )  # fmt: skip


def decided(found: Standing, cycle: Cycle, *, field: tuple[str, ...] = ("input",)) -> Standing:
    """The standing once `cycle` is decided. Raises InvalidNumber, InvalidDate, AlreadyCovered with the first possible date."""
    if not 1 <= cycle.months <= MOST_MONTHS:
        why = f"give 1 (month by month) to {MOST_MONTHS}."
        raise InvalidNumber(field=(*field, "months"), what="months", given=cycle.months, why=why)
    if cycle.effective_from.year > found.today.year + _YEARS_AHEAD:
        why = f"it lies more than {_YEARS_AHEAD} years ahead."
        raise InvalidDate(field=(*field, "effectiveFrom"), given=cycle.effective_from, why=why)
    first = found.first_possible_from(cycle.effective_from)
    if cycle.effective_from < first:
        raise AlreadyCovered(field=(*field, "effectiveFrom"), given=cycle.effective_from, first=first)
    return replace(found, cycles=[*found.cycles, cycle])


async def set_billing(session: WriteSession, customer_id: int, *, months: int, effective_from: date) -> None:
    """Invoice the customer `months` at a time from the date on; 1 goes back to month by month.

    The customer's counter is locked, so that no invoice is issued meanwhile. Raises NotFound, InvalidNumber, InvalidDate, AlreadyCovered.
    """
    customer = await locks.customer(session, customer_id)
    before = await standing(session, customer_id, at=session.at, scope=session.actor.scope)
    cycle = Cycle(months, effective_from)
    decided(before, cycle)
    await session.execute(
        _SET, {"customer": customer_id, "months": months, "from": effective_from, "at": session.at, "user": session.actor.user_id}
    )
    last = before.cycles[-1] if before.cycles else None
    await events.append(
        session, "customer.billing_set", subject="customer", subject_id=customer_id, counter_id=customer.counter_id,
        before=None if last is None else {"months": last.months, "effective_from": str(last.effective_from)},
        after={"months": months, "effective_from": str(effective_from)},
    )  # fmt: skip
