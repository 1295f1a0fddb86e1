"""Custom pembayaran in GraphQL: pays several months at once, and when what falls due next."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import billing_cycles as verbs
from sebilling.db.engine import ReadSession
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, OFFICE, mutation, query
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Payload, row
from sebilling.schema.engine.reading import Node
from sebilling.schema.engine.scalars import Day, Instant, MonthText, Rupiah

_SHOWN: Final = 6
"""Invoices to come."""


@strawberry.type(description="From a day on, invoices cover so many months each.")
class BillingCycle:
    months: int = strawberry.field(description="1: month by month.")
    effective_from: Day = strawberry.field(description="The first day; its day of the month is kept, or the month's last.")
    set_at: Instant = strawberry.field(description="When it was decided.")
    set_by: str | None = strawberry.field(description="By whom.")


CYCLE: Final = Node(
    "billing_cycle",
    {
        **{name: f"{{t}}.{name}" for name in ("months", "effective_from", "set_at")},
        "set_by": "(SELECT name FROM app_user WHERE id = {t}.set_by)",
    },
)


@strawberry.type(description="An invoice to come, if every period is generated in its turn.")
class ComingInvoice:
    month: MonthText = strawberry.field(description="In which period.")
    covers_from: Day = strawberry.field(description="The first day of service that it will bill.")
    covers_until: Day = strawberry.field(description="The first day that it will no longer bill.")
    due_on: Day = strawberry.field(description="Jatuh tempo.")
    total: Rupiah = strawberry.field(description="Total at today's prices; charges and late fees of now come with the first.")


@strawberry.type(description="How a customer is billed, and what comes next.")
class CustomBilling:
    months: int = strawberry.field(description="How many months an invoice covers; 1: month by month.")
    effective_from: Day | None = strawberry.field(description="Since when; null if it was never set.")
    first_possible: Day = strawberry.field(description="The first day on which another cycle may begin: what is invoiced stays.")
    next_due_on: Day | None = strawberry.field(description="When the next invoice to come falls due.")
    coming: list[ComingInvoice] = strawberry.field(description=f"The next {_SHOWN} invoices.")


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
            row(month=str(one.month), covers_from=one.covers_from, covers_until=one.covers_until, due_on=one.due_on, total=one.total)
            for one in coming
        ],
    )  # fmt: skip


RowScope = Annotated[strawberry.ID, strawberry.argument(description="RowScope.")]


@query(COUNTERS, "How a customer is billed, and when what falls due next.")
async def custom_billing(info: Info, customer_id: RowScope) -> CustomBilling:
    async with info.context.parts.database.reading() as session:
        return await _shown(info, session, ids.decode(customer_id, "customer", field=("customerId",)))


@query(OFFICE, "What setCustomBilling would change, before it is saved: the next due dates. Errors are those of setCustomBilling.")
async def preview_custom_billing(
    info: Info,
    customer_id: RowScope,
    months: Annotated[int, strawberry.argument(description="1 to 60.")],
    effective_from: Annotated[Day, strawberry.argument(description="The first day.")],
) -> CustomBilling:
    whose, proposed = ids.decode(customer_id, "customer", field=("customerId",)), verbs.Cycle(months, effective_from)
    async with info.context.parts.database.reading() as session:
        return await _shown(info, session, whose, proposed=proposed)


@strawberry.input(description="Jumlah Bulan, Tanggal Mulai Berlaku.")
class SetCustomBillingInput:
    customer_id: strawberry.ID = strawberry.field(description="Who.")
    months: int = strawberry.field(description="1 to 60; 1 goes back to month by month.")
    effective_from: Day = strawberry.field(description="The first day; not inside time that is invoiced already.")


@strawberry.type(description="What came of setCustomBilling.")
class SetCustomBillingPayload(Payload):
    custom_billing: CustomBilling | None = strawberry.field(description="How the customer is billed now.")


@mutation(OFFICE, "Invoice a customer several months at a time from a date on. The next due date moves by itself.")
async def set_custom_billing(info: Info, input: Annotated[SetCustomBillingInput, INPUT]) -> SetCustomBillingPayload:
    customer_id = ids.decode(input.customer_id, "customer", field=("input", "customerId"))
    async with info.context.transaction() as session:
        await verbs.set_billing(session, customer_id, months=input.months, effective_from=input.effective_from)
    async with info.context.parts.database.reading() as session:
        return row(custom_billing=await _shown(info, session, customer_id))


QUERIES: Final = [custom_billing, preview_custom_billing]
MUTATIONS: Final = [set_custom_billing]
