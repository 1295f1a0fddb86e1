"""What a phone keeps to work offline, in GraphQL. See docs/phone.md."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import sync as verbs
from sebilling.billing.sync import RemovalReason
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, query
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import row
from sebilling.schema.engine.scalars import Day, Rupiah
from sebilling.schema.enums import described

described(RemovalReason, "Why a phone forgets a customer.", MOVED="They belong to another counter now.", INACTIVE="They left.")


@strawberry.type(description="An invoice that isn't fully paid, as a phone keeps it.")
class SyncedInvoice:
    id: strawberry.ID = strawberry.field(description="Opaque id, for invoiceIds of a payment.")
    number: str = strawberry.field(description="As printed.")
    covers_from: Day = strawberry.field(
        description="The first day of service that it bills; that of coversUntil if it bills charges alone."
    )
    covers_until: Day = strawberry.field(description="The first day that it no longer bills.")
    due_on: Day = strawberry.field(description="Jatuh tempo.")
    total: Rupiah = strawberry.field(description="What it was issued for.")
    outstanding: Rupiah = strawberry.field(description="What is still owed of it.")


@strawberry.type(description="A customer as a phone keeps them: whole, so it replaces whatever was kept of them.")
class SyncedCustomer:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    code: str = strawberry.field(description="The ISP's own number for them.")
    name: str = strawberry.field(description="As they write it.")
    phone: str = strawberry.field(description="As +62…, or empty.")
    address: str = strawberry.field(description="May be empty.")
    counter_id: strawberry.ID = strawberry.field(description="Where they belong.")
    plan_name: str = strawberry.field(description="What they have.")
    price: Rupiah = strawberry.field(description="Per month: agreed with them, else the plan's.")
    outstanding: Rupiah = strawberry.field(description="Sisa tagihan: owed over all invoices.")
    credit: Rupiah = strawberry.field(description="Titipan: the next invoice takes it first.")
    open_invoices: list[SyncedInvoice] = strawberry.field(
        description="All that aren't fully paid, the oldest first: one that is no longer here was settled, written off or voided."
    )


@strawberry.type(description="A customer whom a phone forgets, with their invoices.")
class RemovedCustomer:
    id: strawberry.ID = strawberry.field(description="Opaque id; the phone may not know it.")
    because: RemovalReason = strawberry.field(description="Why.")


@strawberry.type(description="What has changed for a phone, a page of it. Keep page and cursor in one transaction of its own database.")
class CustomerSync:
    reset: bool = strawberry.field(description="This begins anew: forget all customers that were kept, then take these.")
    customers: list[SyncedCustomer] = strawberry.field(description="New or changed. One may come twice though nothing changed.")
    removed: list[RemovedCustomer] = strawberry.field(description="No longer the phone's.")
    cursor: str = strawberry.field(description="`since` of the next call.")
    more: bool = strawberry.field(description="Whether more has changed already: call again at once.")


@query(COUNTERS, "Active customers and their open invoices, for a phone that works offline: all at first, then what has changed.")
async def sync_customers(
    info: Info,
    since: Annotated[
        str | None, strawberry.argument(description="`cursor` of the call before; all, anew, if left out. A cursor never ends.")
    ] = None,
    first: Annotated[int, strawberry.argument(description=f"How many customers at most, 1 to {verbs.MAX_CUSTOMERS}.")] = 500,
    counter_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Of this counter; of every counter that the caller may see if left out.")
    ] = None,
) -> CustomerSync:
    async with info.context.parts.database.reading() as session:
        found = await verbs.changes(
            session, scope=info.context.signed_in.scope, since=since, first=first,
            counter_id=ids.decode_optional(counter_id, "counter", field=("counterId",)),
        )  # fmt: skip
    return row(reset=found.reset, customers=found.customers, removed=found.removed, cursor=found.cursor, more=found.more)


QUERIES: Final = [sync_customers]
