"""Sync for phones that work offline, in GraphQL. See docs/phone.md."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import sync as verbs
from sebilling.billing.sync import RemovalReason
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.enums import described
from sebilling.schema.receipts import page_address
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import COUNTERS
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import row
from sebilling.schema.values.scalars import Day, Rupiah

described(
    RemovalReason,
    "Why a customer was removed from a phone's copy.",
    MOVED="The customer now belongs to another counter.",
    INACTIVE="The customer is no longer active.",
)


@output("Open invoice, as stored on a phone.")
class SyncedInvoice:
    invoice_id: strawberry.ID = read("Id of the invoice, for invoiceIds of a payment.", COUNTERS)
    number: str = read("Invoice number, as printed.", COUNTERS)
    covers_from: Day = read("First day of service on the invoice; equal to coversUntil if it has only charges.", COUNTERS)
    covers_until: Day = read("First day after the service on the invoice.", COUNTERS)
    due_on: Day = read("Due date (jatuh tempo).", COUNTERS)
    total: Rupiah = read("Total of the invoice.", COUNTERS)
    outstanding: Rupiah = read("Amount still owed.", COUNTERS)


@output("Customer, as stored on a phone. Complete: replaces everything the phone has stored about the customer.")
class SyncedCustomer:
    customer_id: strawberry.ID = read("Id of the customer.", COUNTERS)
    code: str = read("The ISP's own number for the customer.", COUNTERS)
    name: str = read("Name of the customer.", COUNTERS)
    phone: str = read("Phone number as +62…, or empty.", COUNTERS)
    address: str = read("Address; may be empty.", COUNTERS)
    counter_id: strawberry.ID = read("Id of the customer's counter.", COUNTERS)
    plan_name: str = read("Name of the customer's plan.", COUNTERS)
    price: Rupiah = read("Price per month: the price agreed with the customer, else the plan's.", COUNTERS)
    outstanding: Rupiah = read("Sisa tagihan: amount owed over all invoices.", COUNTERS)
    credit: Rupiah = read("Titipan: credit, which the next invoice uses first.", COUNTERS)
    page_url: str | None = read("Address of the customer's own page, for messages to them; null if this server's own isn't set.", COUNTERS)
    open_invoices: list[SyncedInvoice] = read(
        "All open invoices, oldest first. An invoice that is no longer listed was paid, written off or voided.", COUNTERS
    )


@output("Customer to delete from the phone, together with their invoices.")
class RemovedCustomer:
    customer_id: strawberry.ID = read("Id of the customer; the phone may not know it.", COUNTERS)
    reason: RemovalReason = read("Reason for the removal.", COUNTERS)


@output("Page of changes for a phone. Store the page and its cursor in one transaction of the phone's database.")
class CustomerSync:
    reset: bool = read("Whether the sync starts over: delete all stored customers, then store these.", COUNTERS)
    customers: list[SyncedCustomer] = read("New or changed customers. A customer may be repeated without a change.", COUNTERS)
    removed: list[RemovedCustomer] = read("Customers to delete from the phone.", COUNTERS)
    cursor: str = read("Cursor to send as `since` with the next call.", COUNTERS)
    more: bool = read("Whether there are more changes: call again at once.", COUNTERS)


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
    customers = [_Kept(**customer, page_url=_page_of(info, customer)) for customer in changes.customers]
    return row(reset=changes.reset, customers=customers, removed=changes.removed, cursor=changes.cursor, more=changes.more)


class _Kept(verbs.SyncedCustomer):
    """What the phone keeps of a customer, with the address of their page."""

    page_url: str | None


def _page_of(info: Info, customer: verbs.SyncedCustomer) -> str | None:
    return page_address(info, ids.decode(customer["customer_id"], Noun.CUSTOMER, field=())) or None


QUERIES: Final = [sync_customers]
