"""Sync for phones that work offline, in GraphQL. See docs/phone.md."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import sync as verbs
from sebilling.billing.sync import RemovalReason
from sebilling.nouns import Noun
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, query
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import row
from sebilling.schema.engine.scalars import Day, Rupiah
from sebilling.schema.enums import described

described(
    RemovalReason,
    "Why a customer was removed from a phone's copy.",
    MOVED="The customer now belongs to another counter.",
    INACTIVE="The customer is no longer active.",
)


@strawberry.type(description="Open invoice, as stored on a phone.")
class SyncedInvoice:
    id: strawberry.ID = strawberry.field(description="Opaque id, for invoiceIds of a payment.")
    number: str = strawberry.field(description="Invoice number, as printed.")
    covers_from: Day = strawberry.field(description="First day of service on the invoice; equal to coversUntil if it has only charges.")
    covers_until: Day = strawberry.field(description="First day after the service on the invoice.")
    due_on: Day = strawberry.field(description="Due date (jatuh tempo).")
    total: Rupiah = strawberry.field(description="Total of the invoice.")
    outstanding: Rupiah = strawberry.field(description="Amount still owed.")


@strawberry.type(description="Customer, as stored on a phone. Complete: replaces everything the phone has stored about the customer.")
class SyncedCustomer:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    code: str = strawberry.field(description="The ISP's own number for the customer.")
    name: str = strawberry.field(description="Name of the customer.")
    phone: str = strawberry.field(description="Phone number as +62…, or empty.")
    address: str = strawberry.field(description="Address; may be empty.")
    counter_id: strawberry.ID = strawberry.field(description="Id of the customer's counter.")
    plan_name: str = strawberry.field(description="Name of the customer's plan.")
    price: Rupiah = strawberry.field(description="Price per month: the price agreed with the customer, else the plan's.")
    outstanding: Rupiah = strawberry.field(description="Sisa tagihan: amount owed over all invoices.")
    credit: Rupiah = strawberry.field(description="Titipan: credit, which the next invoice uses first.")
    open_invoices: list[SyncedInvoice] = strawberry.field(
        description="All open invoices, oldest first. An invoice that is no longer listed was paid, written off or voided."
    )


@strawberry.type(description="Customer to delete from the phone, together with their invoices.")
class RemovedCustomer:
    id: strawberry.ID = strawberry.field(description="Opaque id; the phone may not know it.")
    reason: RemovalReason = strawberry.field(description="Reason for the removal.")


@strawberry.type(description="Page of changes for a phone. Store the page and its cursor in one transaction of the phone's database.")
class CustomerSync:
    reset: bool = strawberry.field(description="Whether the sync starts over: delete all stored customers, then store these.")
    customers: list[SyncedCustomer] = strawberry.field(description="New or changed customers. A customer may be repeated without a change.")
    removed: list[RemovedCustomer] = strawberry.field(description="Customers to delete from the phone.")
    cursor: str = strawberry.field(description="Cursor to send as `since` with the next call.")
    more: bool = strawberry.field(description="Whether there are more changes: call again at once.")


@query(COUNTERS, "Get active customers and their open invoices for a phone that works offline: first all of them, then the changes.")
async def sync_customers(
    info: Info,
    since: Annotated[
        str | None,
        strawberry.argument(
            description="The `cursor` of the previous call; starts over with all customers if left out. A cursor never expires."
        ),
    ] = None,
    first: Annotated[int, strawberry.argument(description=f"Maximum number of customers, 1 to {verbs.MAX_CUSTOMERS}.")] = 500,
    counter_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="Counter of the customers; every counter that the caller may see if left out."),
    ] = None,
) -> CustomerSync:
    async with info.context.parts.database.reading() as session:
        changes = await verbs.changes(
            session, scope=info.context.signed_in.scope, since=since, first=first,
            counter_id=ids.decode_optional(counter_id, Noun.COUNTER, field=("counterId",)),
        )  # fmt: skip
    return row(reset=changes.reset, customers=changes.customers, removed=changes.removed, cursor=changes.cursor, more=changes.more)


QUERIES: Final = [sync_customers]
