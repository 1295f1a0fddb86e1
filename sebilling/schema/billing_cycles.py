"""Billing cycles (custom pembayaran) in GraphQL: paying several months at once, and the upcoming due dates."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import billing_cycles as verbs
from sebilling.billing import suspensions
from sebilling.billing.isolation import long_blocks
from sebilling.billing.suspensions import Suspended, SuspensionKind
from sebilling.clock import Month
from sebilling.db.engine import ReadSession
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import COUNTERS, OFFICE
from sebilling.schema.scopes import PART
from sebilling.schema.users import User, person
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Day, Instant, MonthText, Rupiah

_SHOWN: Final = 6
"""Number of upcoming invoices that are shown."""


@output("Number of months that each invoice of a customer covers, from a date on.", "billing_cycle", scope=PART)
class BillingCycle:
    months: int = read("Months per invoice; 1 for monthly billing.", COUNTERS)
    effective_from: Day = read("First day of the cycle; its day of the month is kept, or the last day of a shorter month.", COUNTERS)
    set_at: Instant = read("Time at which the cycle was set.", COUNTERS)
    set_by: User | None = person("User who set the cycle.", COUNTERS, "set_by")


@output("Upcoming invoice, provided that every period is generated.")
class ComingInvoice:
    month: MonthText = read("Period in which the invoice will be issued.", COUNTERS)
    covers_from: Day = read("First day of service on the invoice.", COUNTERS)
    covers_until: Day = read("First day after the service on the invoice.", COUNTERS)
    due_on: Day = read("Due date (jatuh tempo).", COUNTERS)
    total: Rupiah = read("Total at today's prices; the first invoice includes the pending charges and late fees.", COUNTERS)


described(
    SuspensionKind,
    "Reason for which days of a customer are not billed.",
    PAUSED="Someone has paused the customer.",
    BLOCKED="The customer was blocked for as many days as the settings say.",
    ENDED="The customer's service ends.",
)


@output("Days for which a customer is not billed.", "suspension", scope=PART)
class Suspension:
    kind: SuspensionKind = read("Reason for which they are not billed.", COUNTERS)
    from_on: Day = read("First day that is not billed.", COUNTERS)
    until_on: Day | None = read("First day that is billed again; null if it is not known. If it is fromOn, it was withdrawn.", COUNTERS)
    reason: str = read("Reason that was given; empty for an automatic pause.", COUNTERS)
    set_at: Instant = read("Time at which it was set.", COUNTERS)
    set_by: User | None = person("User who set it; null for an automatic pause.", COUNTERS, "set_by")


@output("Present or upcoming days for which a customer is not billed.")
class SuspendedDays:
    kind: SuspensionKind = read("Reason for which they are not billed.", COUNTERS)
    from_on: Day = read("First day that is not billed; from the end of service on there is no access either.", COUNTERS)
    until_on: Day | None = read("First day that is billed again; null if it is not known.", COUNTERS)
    expected: bool = read(
        "Whether it is not set yet: the proposal of a preview, or a pause that follows if the customer stays blocked.", COUNTERS
    )


@output("Billing cycle of a customer and the upcoming invoices.")
class BillingSchedule:
    months: int = read("Months per invoice; 1 for monthly billing.", COUNTERS)
    effective_from: Day | None = read("First day of the current cycle; null if none was ever set.", COUNTERS)
    first_possible: Day = read("First day on which another cycle may start; time that is already invoiced stays as it is.", COUNTERS)
    next_due_on: Day | None = read("Due date of the next invoice.", COUNTERS)
    coming: list[ComingInvoice] = read(f"The next {_SHOWN} invoices.", COUNTERS)
    suspensions: list[SuspendedDays] = read("Days from today on for which no invoices come.", COUNTERS)


async def schedule_of(
    info: Info, session: ReadSession, customer_id: int, *, proposed: verbs.Cycle | None = None, suspended: Suspended | None = None,
    check: Callable[[date], None] | None = None,
) -> Any:  # fmt: skip
    """Return a row of the type BillingSchedule, as it is or with what is proposed. `check` is called with the counter's day.

    Without a proposal it expects the pause that follows if the customer stays blocked.
    """
    context = info.context
    standing = await verbs.standing(session, customer_id, at=context.at, scope=context.signed_in.scope)
    if check is not None:
        check(standing.today)
    last = standing.cycles[-1] if standing.cycles else None
    if proposed is not None:
        last = verbs.decidable(standing, proposed, field=())
    known = await suspensions.not_over(session, customer_id, after=standing.today)
    shown = suspended
    if suspended is None and (paused_on := await long_blocks.expected_pause(session, customer_id, at=context.at)) is not None:
        shown = Suspended(SuspensionKind.BLOCKED, paused_on, None)
        suspended = replace(shown, from_on=_first_from(paused_on))  # by then the month is invoiced
    coming = await verbs.coming(
        session, standing, at=context.at, scope=context.signed_in.scope, count=_SHOWN, proposed=proposed, suspended=suspended
    )
    return row(
        suspensions=[_days(suspension, expected=False) for suspension in known] + ([] if shown is None else [_days(shown, expected=True)]),
        months=1 if last is None else last.months, effective_from=None if last is None else last.effective_from,
        first_possible=standing.first_possible, next_due_on=coming[0].due_on if coming else None,
        coming=[
            row(
                month=str(invoice.month), covers_from=invoice.covers_from, covers_until=invoice.covers_until, due_on=invoice.due_on,
                total=invoice.total,
            )
            for invoice in coming
        ],
    )  # fmt: skip


def _first_from(day: date) -> date:
    """Return the first of a month that is the day or follows it."""
    return day if day.day == 1 else Month.of(day).after


def _days(suspended: Suspended, *, expected: bool) -> Any:
    """Return a row of the type SuspendedDays."""
    return row(kind=suspended.kind, from_on=suspended.from_on, until_on=suspended.until_on, expected=expected)


CustomerId = Annotated[strawberry.ID, strawberry.argument(description="Id of the customer.")]


@query(COUNTERS, "Get a customer's billing cycle and upcoming due dates.")
async def billing_schedule(info: Info, customer_id: CustomerId) -> BillingSchedule:
    async with info.context.parts.database.reading() as session:
        return await schedule_of(info, session, ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",)))


@query(OFFICE, "Preview the due dates after setBillingCycle without saving anything. Errors are those of setBillingCycle.")
async def preview_billing_cycle(
    info: Info,
    customer_id: CustomerId,
    months: Annotated[int, strawberry.argument(description="Months per invoice, 1 to 60.")],
    effective_from: Annotated[Day, strawberry.argument(description="First day of the cycle.")],
) -> BillingSchedule:
    decoded_id, proposed = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",)), verbs.Cycle(months, effective_from)
    async with info.context.parts.database.reading() as session:
        return await schedule_of(info, session, decoded_id, proposed=proposed)


@input_type("Input of setBillingCycle (Jumlah Bulan, Tanggal Mulai Berlaku).")
class SetBillingCycleInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    months: int = strawberry.field(description="Months per invoice, 1 to 60; 1 returns to monthly billing.")
    effective_from: Day = strawberry.field(description="First day of the cycle; must not be within time that is already invoiced.")


@payload("Result of setBillingCycle.")
class SetBillingCyclePayload(Payload):
    billing_schedule: BillingSchedule | None = strawberry.field(description="Billing cycle of the customer after the change.")


@mutation(OFFICE, "Invoice a customer several months at a time from a date on. The next due date changes accordingly.")
async def set_billing_cycle(info: Info, input: Annotated[SetBillingCycleInput, INPUT]) -> SetBillingCyclePayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        await verbs.set_billing(session, customer_id, months=input.months, effective_from=input.effective_from)
    async with info.context.parts.database.reading() as session:
        return row(billing_schedule=await schedule_of(info, session, customer_id))


QUERIES: Final = [billing_schedule, preview_billing_cycle]
MUTATIONS: Final = [set_billing_cycle]
