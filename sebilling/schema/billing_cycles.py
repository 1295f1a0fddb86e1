"""Billing cycles (custom pembayaran) in GraphQL: paying several months at once, and the upcoming due dates."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import billing_cycles as verbs
from sebilling.db.engine import ReadSession
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import input_type, output, payload, read, user_name
from sebilling.schema.engine.scopes import PART
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import COUNTERS, OFFICE
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
    set_by: str | None = read("Name of the user who set the cycle.", COUNTERS, sql=user_name("set_by"))


@output("Upcoming invoice, provided that every period is generated.")
class ComingInvoice:
    month: MonthText = read("Period in which the invoice will be issued.", COUNTERS)
    covers_from: Day = read("First day of service on the invoice.", COUNTERS)
    covers_until: Day = read("First day after the service on the invoice.", COUNTERS)
    due_on: Day = read("Due date (jatuh tempo).", COUNTERS)
    total: Rupiah = read("Total at today's prices; the first invoice includes the pending charges and late fees.", COUNTERS)


@output("Billing cycle of a customer and the upcoming invoices.")
class BillingSchedule:
    months: int = read("Months per invoice; 1 for monthly billing.", COUNTERS)
    effective_from: Day | None = read("First day of the current cycle; null if none was ever set.", COUNTERS)
    first_possible: Day = read("First day on which another cycle may start; time that is already invoiced stays as it is.", COUNTERS)
    next_due_on: Day | None = read("Due date of the next invoice.", COUNTERS)
    coming: list[ComingInvoice] = read(f"The next {_SHOWN} invoices.", COUNTERS)


async def _shown(info: Info, session: ReadSession, customer_id: int, *, proposed: verbs.Cycle | None = None) -> Any:
    context = info.context
    standing = await verbs.standing(session, customer_id, at=context.at, scope=context.signed_in.scope)
    last = standing.cycles[-1] if standing.cycles else None
    if proposed is not None:
        last = verbs.decidable(standing, proposed, field=())
    coming = await verbs.coming(session, standing, at=context.at, scope=context.signed_in.scope, count=_SHOWN, proposed=proposed)
    return row(
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


CustomerId = Annotated[strawberry.ID, strawberry.argument(description="Id of the customer.")]


@query(COUNTERS, "Get a customer's billing cycle and upcoming due dates.")
async def billing_schedule(info: Info, customer_id: CustomerId) -> BillingSchedule:
    async with info.context.parts.database.reading() as session:
        return await _shown(info, session, ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",)))


@query(OFFICE, "Preview the due dates after setBillingCycle without saving anything. Errors are those of setBillingCycle.")
async def preview_billing_cycle(
    info: Info,
    customer_id: CustomerId,
    months: Annotated[int, strawberry.argument(description="Months per invoice, 1 to 60.")],
    effective_from: Annotated[Day, strawberry.argument(description="First day of the cycle.")],
) -> BillingSchedule:
    decoded_id, proposed = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",)), verbs.Cycle(months, effective_from)
    async with info.context.parts.database.reading() as session:
        return await _shown(info, session, decoded_id, proposed=proposed)


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
        return row(billing_schedule=await _shown(info, session, customer_id))


QUERIES: Final = [billing_schedule, preview_billing_cycle]
MUTATIONS: Final = [set_billing_cycle]
