"""Custom pembayaran: a customer who pays several months at once from a date, and when what falls due next.

`coming` tells what generation will do in the months ahead, before anything is saved: it asks the pricing rule itself, month by
month, with what it has foretold so far as if that were invoiced.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import orjson
from sqlalchemy import DateTime, bindparam, text

from sebilling import events
from sebilling.actor import Scope
from sebilling.billing import locks
from sebilling.billing.pricing import ISSUE, ONE_CUSTOMER, SkipReason, Sources, pricing, statement
from sebilling.clock import Month, local_date
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import AlreadyCovered, AlreadyInvoiced, InvalidDate, InvalidNumber, NotFound

MAX_MONTHS: Final = 60
_YEARS_AHEAD: Final = 10
_FREE_MONTHS_AHEAD: Final = 24
"""Months in a row that bill nothing, after which no more is foretold."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """From `effective_from` on, invoices cover `months` each; 1 is the ordinary month by month."""

    months: int
    effective_from: date


@dataclass(frozen=True, slots=True)
class Coming:
    """An invoice to come: in which period, for which days [covers_from, covers_until), due when, over how many rupiah.

    No days if charges alone are billed.
    """

    month: Month
    covers_from: date
    covers_until: date
    due_on: date
    total: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about a customer's next invoices. `covered` holds the stretches [first, until) that are invoiced."""

    customer_id: int
    installed_on: date
    today: date
    opened: Sequence[Month]
    """Periods that are open."""
    closed: Sequence[Month]
    cycles: Sequence[Cycle]
    """In the order of decision: the last one that begins before a period's end holds in it."""
    covered: Sequence[tuple[date, date]]
    has_charges: bool
    """Whether charges wait."""
    closed_ahead: Sequence[Month] = ()
    """Of the closed ones those that lie ahead and in which nothing was ever invoiced: closed by mistake, likely, and passed over."""

    @property
    def first_possible(self) -> date:
        """The first day that is neither invoiced nor in a closed period nor before the installation.

        A period that lies ahead, empty and closed, ends nothing: the days before it can be billed.
        """
        closed = set(self.closed) - set(self.closed_ahead)
        return max([self.installed_on, *(until for _, until in self.covered), *(month.after for month in closed)])

    def first_possible_from(self, day: date) -> date:
        """The first day on or after `day` on which a cycle may begin."""
        day = max(day, self.first_possible)
        while Month.of(day) in self.closed_ahead:
            day = Month.of(day).after
        return day

    def months(self) -> Iterator[Month]:
        """The periods that may still bill something: those open, and those from this month on, none that is closed."""
        this_month = max(Month.of(self.today), Month.of(self.installed_on))
        yield from sorted(month for month in self.opened if month < this_month and month.after > self.installed_on)
        yield from (month for month in map(this_month.plus, range(12 * _YEARS_AHEAD)) if month not in self.closed)


_FORETOLD: Final = Sources(
    cycle="""(SELECT id, customer_id, months, effective_from FROM billing_cycle UNION ALL
              SELECT 9223372036854775807, :customer, CAST(:months AS smallint), CAST(:from AS date)
               WHERE CAST(:months AS smallint) IS NOT NULL)""",
    charge="(SELECT * FROM charge WHERE CAST(:extras AS boolean))",
    covering="""(SELECT customer_id, period_id, covers_from, covers_until, voided_at FROM covering UNION ALL
                 SELECT :customer, NULL, covers_from, covers_until, NULL
                   FROM jsonb_to_recordset(CAST(:foretold AS jsonb)) AS foretold (covers_from date, covers_until date))""",
    overdue="(SELECT * FROM invoice WHERE CAST(:extras AS boolean))",
)  # fmt: skip
_COMING: Final = statement(
    f"""
    WITH this_period AS (SELECT (SELECT id FROM period WHERE month = :month) AS id), {pricing(ONE_CUSTOMER, _FORETOLD)}
    SELECT verdict, covers_from, covers_until, falls_due, total FROM priced
    """.replace(":period", "(SELECT id FROM this_period)")
)


async def coming(
    session: ReadSession, standing: Standing, *, at: datetime, scope: Scope, count: int, proposed: Cycle | None = None
) -> list[Coming]:
    """The next `count` invoices at today's prices, if every period is generated in its turn and `proposed` is decided.

    Fewer if nothing is billed for two years. Charges and late fees of now come with the first.
    """
    found: list[Coming] = []
    covered = list(standing.covered)
    free = 0
    for month in standing.months():
        if any(first <= month.first and until >= month.after for first, until in covered) and (found or not standing.has_charges):
            continue
        foretold = [{"covers_from": one.covers_from, "covers_until": one.covers_until} for one in found]
        row = await session.row(
            _COMING,
            {"customer": standing.customer_id, "scope": scope.ids, "month": month.first, "after": month.after, "at": at, "as_of": at,
             "months": proposed and proposed.months, "from": proposed and proposed.effective_from, "extras": not found,
             "foretold": orjson.dumps(foretold).decode()},
        )  # fmt: skip
        if row is None or row.verdict == SkipReason.INACTIVE:
            break
        free += 1
        if row.verdict == ISSUE:
            free = 0
            found.append(Coming(month, row.covers_from, row.covers_until, row.falls_due, row.total))
            covered.append((row.covers_from, row.covers_until))
        if len(found) == count or free == _FREE_MONTHS_AHEAD:
            break
    return found


_STANDING: Final = text(
    """
    SELECT installed_on, timezone,
           ARRAY(SELECT month FROM period WHERE closed_at IS NULL ORDER BY month) AS opened,
           ARRAY(SELECT month FROM period WHERE closed_at IS NOT NULL ORDER BY month) AS closed,
           ARRAY(SELECT month FROM period WHERE closed_at IS NOT NULL AND month > (:at AT TIME ZONE timezone)::date
                    AND NOT EXISTS (SELECT FROM invoice WHERE period_id = period.id)) AS closed_ahead,
           ARRAY(SELECT months FROM billing_cycle WHERE customer_id = customer.id ORDER BY id) AS months,
           ARRAY(SELECT effective_from FROM billing_cycle WHERE customer_id = customer.id ORDER BY id) AS effective_from,
           ARRAY(SELECT covers_from FROM covering WHERE customer_id = customer.id AND voided_at IS NULL AND covers_from < covers_until
                  ORDER BY covers_from) AS covers_from,
           ARRAY(SELECT covers_until FROM covering WHERE customer_id = customer.id AND voided_at IS NULL AND covers_from < covers_until
                  ORDER BY covers_from) AS covers_until,
           EXISTS (SELECT FROM charge WHERE customer_id = customer.id AND invoice_id IS NULL AND cancelled_at IS NULL) AS has_charges
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
    return Standing(
        customer_id, row.installed_on, local_date(at, row.timezone), [Month.of(day) for day in row.opened],
        [Month.of(day) for day in row.closed], cycles, list(zip(row.covers_from, row.covers_until, strict=True)), row.has_charges,
        [Month.of(day) for day in row.closed_ahead],
    )  # fmt: skip


def decidable(found: Standing, cycle: Cycle, *, field: tuple[str, ...] = ("input",)) -> Cycle:
    """The cycle, if it can be decided. Raises InvalidNumber, InvalidDate, AlreadyCovered with the first possible date."""
    if not 1 <= cycle.months <= MAX_MONTHS:
        why = f"give 1 (month by month) to {MAX_MONTHS}."
        raise InvalidNumber(field=(*field, "months"), what="months", given=cycle.months, why=why)
    if cycle.effective_from.year > found.today.year + _YEARS_AHEAD:
        why = f"it lies more than {_YEARS_AHEAD} years ahead."
        raise InvalidDate(field=(*field, "effectiveFrom"), given=cycle.effective_from, why=why)
    first = found.first_possible_from(cycle.effective_from)
    if cycle.effective_from < first:
        raise AlreadyCovered(field=(*field, "effectiveFrom"), given=cycle.effective_from, first=first)
    return cycle


async def set_billing(session: WriteSession, customer_id: int, *, months: int, effective_from: date) -> None:
    """Invoice the customer `months` at a time from the date on; 1 goes back to month by month.

    The customer's counter is locked, so that no invoice is issued meanwhile. Raises NotFound, InvalidNumber, InvalidDate, AlreadyCovered.
    """
    customer = await locks.customer(session, customer_id)
    before = await standing(session, customer_id, at=session.at, scope=session.actor.scope)
    cycle = decidable(before, Cycle(months, effective_from))
    await _decide(session, customer_id, customer.counter_id, cycle, before=before.cycles[-1] if before.cycles else None)


async def _decide(session: WriteSession, customer_id: int, counter_id: int, cycle: Cycle, *, before: Cycle | None) -> None:
    values = {"customer": customer_id, "months": cycle.months, "from": cycle.effective_from}
    await session.execute(_SET, {**values, "at": session.at, "user": session.actor.user_id})
    told = [None if one is None else {"months": one.months, "effective_from": str(one.effective_from)} for one in (before, cycle)]
    await events.append(
        session, "customer.billing_set", subject="customer", subject_id=customer_id, counter_id=counter_id, before=told[0], after=told[1]
    )


_BILLED_BEFORE: Final = text(
    """
    SELECT number, covers_from FROM invoice
     WHERE customer_id = :customer AND voided_at IS NULL AND covers_from < covers_until AND covers_from < :on ORDER BY covers_from LIMIT 1
    """
)
_CYCLES: Final = text("SELECT months, effective_from FROM billing_cycle WHERE customer_id = :customer ORDER BY id")


async def put_off(session: WriteSession, customer_id: int, counter_id: int, *, installed_on: date) -> None:
    """Let no cycle begin before the installation, which is put off to `installed_on`: the one that would is decided anew from that day.

    The customer is locked; their counter gets locked, so that no invoice is issued meanwhile. Raises AlreadyInvoiced.
    """
    await locks.counter(session, counter_id)
    billed = await session.row(_BILLED_BEFORE, {"customer": customer_id, "on": installed_on})
    if billed is not None:
        raise AlreadyInvoiced(field=("input", "installedOn"), given=installed_on, number=billed.number, first=billed.covers_from)
    schedule: list[Cycle] = []
    for row in await session.rows(_CYCLES, {"customer": customer_id}):
        schedule = [one for one in schedule if one.effective_from < row.effective_from] + [Cycle(row.months, row.effective_from)]
    early = [one for one in schedule if one.effective_from < installed_on]
    later = [one for one in schedule if one.effective_from >= installed_on]
    if not early or early[-1].months == 1 or (later and later[0].effective_from == installed_on):
        return
    await _decide(session, customer_id, counter_id, Cycle(early[-1].months, installed_on), before=early[-1])
    for one in later:  # the newest decision holds: what was to follow is said again behind it
        await _decide(session, customer_id, counter_id, one, before=one)
