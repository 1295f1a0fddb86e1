"""Billing cycles (custom pembayaran): customers who pay several months at once from a date, and the forecast of their invoices.

`coming` forecasts what generation will do in the months ahead, without saving anything: it runs the pricing rule itself, month by
month, and treats the invoices it has forecast so far as issued.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import orjson
from sqlalchemy import text

from sebilling import events
from sebilling.actor import Scope
from sebilling.billing import locks, scope
from sebilling.billing.pricing import ISSUE, ONE_CUSTOMER, PRICED, Priced, SkipReason, Sources, pricing, statement
from sebilling.billing.suspensions import NO_END, Suspended
from sebilling.clock import Month, local_date
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.db.parameters import instant
from sebilling.errors import AlreadyCovered, AlreadyInvoiced, InputPath, InvalidDate, InvalidNumber, NotFound
from sebilling.events.customers import CustomerBillingSet, CycleValues
from sebilling.language import Sentence
from sebilling.nouns import Noun

MAX_MONTHS: Final = 60
_YEARS_AHEAD: Final = 10
_FREE_MONTHS_AHEAD: Final = 24
"""Consecutive months without an invoice after which the forecast ends."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """A billing cycle: from `effective_from` on, each invoice covers `months` months. 1 is ordinary monthly billing."""

    months: int
    effective_from: date


@dataclass(frozen=True, slots=True)
class Coming:
    """A forecast invoice: its period, its days of service [covers_from, covers_until), its due date and its total in rupiah.

    It covers no days if it bills only charges.
    """

    month: Month
    covers_from: date
    covers_until: date
    due_on: date
    total: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Facts that decide a customer's next invoices. `covered` holds the invoiced ranges of days [first, until)."""

    customer_id: int
    installed_on: date
    today: date
    opened: Sequence[Month]
    """Periods that are open."""
    closed: Sequence[Month]
    cycles: Sequence[Cycle]
    """In the order in which they were set. In a period the last one that begins before the period's end applies."""
    covered: Sequence[tuple[date, date]]
    has_charges: bool
    """Whether the customer has charges that are not invoiced yet."""
    suspended: Sequence[tuple[date, date]] = ()
    """Days [first, until) that aren't billed."""
    closed_ahead: Sequence[Month] = ()
    """Closed periods in the future without any invoice: probably closed by mistake, so they are skipped."""

    @property
    def first_possible(self) -> date:
        """First day that is neither invoiced, nor in a closed period, nor before the installation.

        Days before an empty, closed period in the future can still be billed.
        """
        closed = set(self.closed) - set(self.closed_ahead)
        return max([self.installed_on, *(until for _, until in self.covered), *(month.after for month in closed)])

    def first_possible_from(self, day: date) -> date:
        """First day on or after `day` on which a cycle may begin."""
        day = max(day, self.first_possible)
        while Month.of(day) in self.closed_ahead:
            day = Month.of(day).after
        return day

    def months(self) -> Iterator[Month]:
        """Periods that may still be invoiced: the open ones, and those from this month on that are not closed."""
        this_month = max(Month.of(self.today), Month.of(self.installed_on))
        yield from sorted(month for month in self.opened if month < this_month and month.after > self.installed_on)
        yield from (month for month in map(this_month.plus, range(12 * _YEARS_AHEAD)) if month not in self.closed)


@dataclass(frozen=True, slots=True)
class _Facts:
    """A customer's row and what was decided about it, as `Standing` is made of it."""

    installed_on: date
    timezone: str
    opened: list[date]
    closed: list[date]
    closed_ahead: list[date]
    months: list[int]
    """Of each cycle, in the order in which they were set; `effective_from` likewise."""
    effective_from: list[date]
    covers_from: list[date]
    """Of each invoiced range of days; `covers_until` likewise."""
    covers_until: list[date]
    suspended_from: list[date]
    """Of each suspension; `suspended_until` likewise."""
    suspended_until: list[date]
    has_charges: bool


@dataclass(frozen=True, slots=True)
class _Billed:
    """The invoice over the customer's first days of service."""

    number: str
    covers_from: date


_FORETOLD: Final = Sources(
    cycle="""(SELECT id, customer_id, months, effective_from FROM billing_cycle UNION ALL
              SELECT 9223372036854775807, :customer, CAST(:months AS smallint), CAST(:from AS date)
               WHERE CAST(:months AS smallint) IS NOT NULL)""",
    charge="(SELECT * FROM charge WHERE CAST(:extras AS boolean))",
    covering="""(SELECT customer_id, period_id, covers_from, covers_until, voided_at, suspension FROM taken_days UNION ALL
                 SELECT :customer, NULL, covers_from, covers_until, NULL, suspension
                   FROM jsonb_to_recordset(CAST(:foretold AS jsonb)) AS foretold (covers_from date, covers_until date, suspension text))""",
    overdue="(SELECT * FROM invoice WHERE CAST(:extras AS boolean))",
)  # fmt: skip
_COMING: Final = statement(
    f"""
    WITH this_period AS (SELECT (SELECT id FROM period WHERE month = :month) AS id), {pricing(ONE_CUSTOMER, _FORETOLD)}
    SELECT {PRICED} FROM priced
    """.replace(":period", "(SELECT id FROM this_period)")
)


async def coming(
    session: ReadSession, standing: Standing, *, at: datetime, scope: Scope, count: int, proposed: Cycle | None = None,
    suspended: Suspended | None = None,
) -> list[Coming]:  # fmt: skip
    """Forecast the next `count` invoices at today's prices, if every period is generated in order and what is proposed takes effect:
    a cycle, or days that aren't billed.

    Returns fewer if two years would pass without an invoice. Present charges and late fees are on the first one.
    """
    invoices: list[Coming] = []
    covered = [*standing.covered, *standing.suspended]
    taken: list[dict[str, object]] = []
    if suspended is not None:
        until = suspended.until_on or NO_END
        covered.append((suspended.from_on, until))
        taken.append({"covers_from": suspended.from_on, "covers_until": until, "suspension": suspended.kind})
    free = 0
    for month in standing.months():
        if any(first <= month.first and until >= month.after for first, until in covered) and (invoices or not standing.has_charges):
            continue
        row = await session.row(
            _COMING,
            {"customer": standing.customer_id, "scope": scope.ids, "month": month.first, "after": month.after, "at": at, "as_of": at,
             "months": proposed and proposed.months, "from": proposed and proposed.effective_from, "extras": not invoices,
             "foretold": orjson.dumps(taken).decode()},
            into=Priced,
        )  # fmt: skip
        if row is None or row.verdict == SkipReason.INACTIVE:
            break
        free += 1
        if row.verdict == ISSUE:
            free = 0
            invoices.append(Coming(month, row.covers_from, row.covers_until, row.falls_due, row.total))
            covered.append((row.covers_from, row.covers_until))
            taken.append({"covers_from": row.covers_from, "covers_until": row.covers_until})
        if len(invoices) == count or free == _FREE_MONTHS_AHEAD:
            break
    return invoices


_STANDING: Final = text(
    f"""
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
           ARRAY(SELECT covers_from FROM taken_days WHERE customer_id = customer.id AND suspension IS NOT NULL ORDER BY covers_from)
               AS suspended_from,
           ARRAY(SELECT covers_until FROM taken_days WHERE customer_id = customer.id AND suspension IS NOT NULL ORDER BY covers_from)
               AS suspended_until,
           EXISTS (SELECT FROM charge WHERE customer_id = customer.id AND invoice_id IS NULL AND cancelled_at IS NULL) AS has_charges
      FROM customer JOIN counter ON counter.id = counter_id
     WHERE customer.id = :customer AND {scope.sees("counter_id")}
    """
).bindparams(instant("at"))
_SET: Final = text(
    """
    INSERT INTO billing_cycle (customer_id, months, effective_from, set_at, set_by) VALUES (:customer, :months, :from, :at, :user)
    """
)


async def standing(session: ReadSession, customer_id: int, *, at: datetime, scope: Scope) -> Standing:
    """Read the facts that decide the customer's next invoices, as of `at`. Raises NotFound."""
    row = await session.row(_STANDING, {"customer": customer_id, "scope": scope.ids, "at": at}, into=_Facts)
    if row is None:
        raise NotFound(field="customer_id", noun=Noun.CUSTOMER, given=customer_id)
    cycles = [Cycle(months, day) for months, day in zip(row.months, row.effective_from, strict=True)]
    return Standing(
        customer_id, row.installed_on, local_date(at, row.timezone), [Month.of(day) for day in row.opened],
        [Month.of(day) for day in row.closed], cycles, list(zip(row.covers_from, row.covers_until, strict=True)), row.has_charges,
        list(zip(row.suspended_from, row.suspended_until, strict=True)),
        [Month.of(day) for day in row.closed_ahead],
    )  # fmt: skip


def decidable(standing: Standing, cycle: Cycle, *, field: InputPath = ()) -> Cycle:
    """Return the cycle if it can be set. Raises InvalidNumber, InvalidDate, AlreadyCovered with the first possible date."""
    if not 1 <= cycle.months <= MAX_MONTHS:
        why = Sentence(f"give 1 (month by month) to {MAX_MONTHS}.", f"isi 1 (tiap bulan) sampai {MAX_MONTHS}.")
        raise InvalidNumber(field=(*field, "months"), what=Sentence("months", "jumlah bulan"), given=cycle.months, why=why)
    if cycle.effective_from.year > standing.today.year + _YEARS_AHEAD:
        why = Sentence(
            f"it lies more than {_YEARS_AHEAD} years ahead.", f"lebih dari {_YEARS_AHEAD} tahun ke depan; pilih tanggal yang lebih awal."
        )
        raise InvalidDate(field=(*field, "effective_from"), given=cycle.effective_from, why=why)
    first = standing.first_possible_from(cycle.effective_from)
    if cycle.effective_from < first:
        raise AlreadyCovered(field=(*field, "effective_from"), given=cycle.effective_from, first=first)
    return cycle


async def set_billing(session: WriteSession, customer_id: int, *, months: int, effective_from: date) -> None:
    """Invoice the customer `months` months at a time from a date on; 1 returns to monthly billing.

    The customer's counter is locked, so that no invoice is issued meanwhile. Raises NotFound, InvalidNumber, InvalidDate, AlreadyCovered.
    """
    customer = await locks.customer(session, customer_id)
    before = await standing(session, customer_id, at=session.at, scope=session.actor.scope)
    cycle = decidable(before, Cycle(months, effective_from))
    await _decide(session, customer_id, customer.counter_id, cycle, before=before.cycles[-1] if before.cycles else None)


async def _decide(session: WriteSession, customer_id: int, counter_id: int, cycle: Cycle, *, before: Cycle | None) -> None:
    values = {"customer": customer_id, "months": cycle.months, "from": cycle.effective_from}
    await session.execute(_SET, {**values, "at": session.at, "user": session.actor.user_id})
    billing_set = CustomerBillingSet(before=None if before is None else _values(before), after=_values(cycle))
    await events.append(session, billing_set, subject_id=customer_id, counter_id=counter_id)


def _values(cycle: Cycle) -> CycleValues:
    return CycleValues(months=cycle.months, effective_from=cycle.effective_from)


_BILLED_BEFORE: Final = text(
    """
    SELECT number, covers_from FROM invoice
     WHERE customer_id = :customer AND voided_at IS NULL AND covers_from < covers_until AND covers_from < :on ORDER BY covers_from LIMIT 1
    """
)
_CYCLES: Final = text("SELECT months, effective_from FROM billing_cycle WHERE customer_id = :customer ORDER BY id")


async def put_off(session: WriteSession, customer_id: int, counter_id: int, *, installed_on: date) -> None:
    """Postpone the customer's billing cycles to a later installation date: a cycle that began earlier is set again from `installed_on`.

    The caller has locked the customer; this locks their counter, so that no invoice is issued meanwhile. Raises AlreadyInvoiced.
    """
    await locks.counter(session, counter_id)
    billed = await session.row(_BILLED_BEFORE, {"customer": customer_id, "on": installed_on}, into=_Billed)
    if billed is not None:
        raise AlreadyInvoiced(field="installed_on", given=installed_on, number=billed.number, first=billed.covers_from)
    schedule: list[Cycle] = []
    for next_cycle in await session.rows(_CYCLES, {"customer": customer_id}, into=Cycle):
        schedule = [cycle for cycle in schedule if cycle.effective_from < next_cycle.effective_from] + [next_cycle]
    early = [cycle for cycle in schedule if cycle.effective_from < installed_on]
    later = [cycle for cycle in schedule if cycle.effective_from >= installed_on]
    if not early or early[-1].months == 1 or (later and later[0].effective_from == installed_on):
        return
    await _decide(session, customer_id, counter_id, Cycle(early[-1].months, installed_on), before=early[-1])
    for cycle in later:  # the newest row applies, so the cycles that follow must be set again after it
        await _decide(session, customer_id, counter_id, cycle, before=cycle)
