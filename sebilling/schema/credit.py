"""Titipan in GraphQL: money that no invoice has taken, for someone to resolve."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import credit as verbs
from sebilling.schema.customers import CUSTOMER, Customer
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, OFFICE, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Key, Payload, row
from sebilling.schema.engine.reading import Conditions, Order, one, page
from sebilling.schema.payments import PAYMENT, Payment

_OLDEST: Final = Order("oldest", "{t}.id", "bigint")


@query(COUNTERS, "Titipan: payments of which something is left over, the oldest first, until it is applied or refunded.")
async def unresolved_money(
    info: Info,
    first: First = 50,
    after: After = None,
    counter_id: Annotated[strawberry.ID | None, strawberry.argument(description="Received at this counter.")] = None,
    beside_a_debt: Annotated[
        bool | None, strawberry.argument(description="true: only where the customer owes something, so that it could be applied now.")
    ] = None,
) -> Connection[Payment]:
    conditions: Conditions = {"t.credit > 0": {}}
    if counter_id is not None:
        conditions["t.counter_id = :counter"] = {"counter": ids.decode(counter_id, "counter", field=("counterId",))}
    if beside_a_debt:
        debt = "invoice.customer_id = t.customer_id AND outstanding > 0 AND (CAST(:seen AS bigint[]) IS NULL OR counter_id = ANY (:seen))"
        conditions[f"EXISTS (SELECT FROM invoice WHERE {debt})"] = {"seen": info.context.signed_in.scope.ids}
    return await page(info, PAYMENT, first=first, after=after, order=_OLDEST, conditions=conditions)


@strawberry.input(description="Credit to apply.")
class ApplyCreditInput:
    customer_id: strawberry.ID = strawberry.field(description="RowScope.")
    idempotency_key: Key = strawberry.field(description="8 to 100 characters, new for each deed.")
    invoice_id: strawberry.ID | None = strawberry.field(default=None, description="Invoice to settle first; the oldest ones if left out.")


@strawberry.type(description="What came of applyCredit.")
class ApplyCreditPayload(Payload):
    customer: Customer | None = strawberry.field(description="The customer as they stand now.")
    replayed: bool = strawberry.field(description="The key had done this before; nothing happened now.")


@mutation(OFFICE, "End the holds on a customer's credit and let it settle their invoices.")
async def apply_credit(info: Info, input: Annotated[ApplyCreditInput, INPUT]) -> ApplyCreditPayload:
    customer_id = ids.decode(input.customer_id, "customer", field=("input", "customerId"))
    async with info.context.transaction() as session:
        replayed = await verbs.apply(
            session, customer_id, key=input.idempotency_key,
            invoice_id=ids.decode_optional(input.invoice_id, "invoice", field=("input", "invoiceId")),
        )  # fmt: skip
    return row(customer=await one(info, CUSTOMER, "t.id = :id", {"id": customer_id}, below=("customer",)), replayed=replayed)


@strawberry.input(description="Credit to hold.")
class HoldCreditInput:
    payment_id: strawberry.ID = strawberry.field(description="Payment whose credit, now or later, settles no invoice by itself.")
    reason: str = strawberry.field(description="Why, in 1 to 500 characters.")
    idempotency_key: Key = strawberry.field(description="8 to 100 characters, new for each deed.")


@strawberry.type(description="Result of holdCredit.")
class HoldCreditPayload(Payload):
    payment: Payment | None = strawberry.field(description="The payment as it is now.")
    replayed: bool = strawberry.field(description="The key had done this before; nothing happened now.")


@mutation(OFFICE, "Keep the credit of a payment from settling invoices by itself, until applyCredit ends that.")
async def hold_credit(info: Info, input: Annotated[HoldCreditInput, INPUT]) -> HoldCreditPayload:
    payment_id = ids.decode(input.payment_id, "payment", field=("input", "paymentId"))
    async with info.context.transaction() as session:
        replayed = await verbs.hold(session, payment_id, reason=input.reason, key=input.idempotency_key)
    return row(payment=await one(info, PAYMENT, "t.id = :id", {"id": payment_id}, below=("payment",)), replayed=replayed)


QUERIES: Final = [unresolved_money]
MUTATIONS: Final = [apply_credit, hold_credit]
