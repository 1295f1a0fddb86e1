"""Credit (titipan) in GraphQL: money not allocated to any invoice, and its holds."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import credit as verbs
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.customers import Customer
from sebilling.schema.engine.declarations import input_type, payload
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.payments import Payment
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import COUNTERS, OFFICE
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Key, Payload, row

_OLDEST: Final = Order("oldest", "{t}.id", "bigint")


@query(COUNTERS, "List titipan: payments with credit left, oldest first, until it is applied or refunded.")
async def unresolved_money(
    info: Info,
    part: Slice,
    counter_id: Annotated[strawberry.ID | None, strawberry.argument(description="Id of the counter at which they were received.")] = None,
    beside_a_debt: Annotated[
        bool | None,
        strawberry.argument(description="true: only payments whose customer has open invoices, so that the credit can be applied now."),
    ] = None,
) -> Connection[Payment]:
    conditions: Conditions = {"t.credit > 0": {}}
    if counter_id is not None:
        conditions["t.counter_id = :counter"] = {"counter": ids.decode(counter_id, Noun.COUNTER, field=("counterId",))}
    if beside_a_debt:
        debt = "invoice.customer_id = t.customer_id AND outstanding > 0 AND (CAST(:seen AS bigint[]) IS NULL OR counter_id = ANY (:seen))"
        conditions[f"EXISTS (SELECT FROM invoice WHERE {debt})"] = {"seen": info.context.signed_in.scope.ids}
    return await page(info, Payment, part, order=_OLDEST, conditions=conditions)


@input_type("Input of applyCredit.")
class ApplyCreditInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each operation.")
    invoice_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the invoice to pay first; the oldest if left out.")


@payload("Result of applyCredit.")
class ApplyCreditPayload(Payload):
    customer: Customer | None = strawberry.field(description="Customer after the change.")
    replayed: bool = strawberry.field(
        description="Whether the key had been used for this operation before, so that nothing was changed now."
    )


@mutation(OFFICE, "Release the holds on a customer's credit and apply it to their invoices.")
async def apply_credit(info: Info, input: Annotated[ApplyCreditInput, INPUT]) -> ApplyCreditPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        replayed = await verbs.apply(
            session, customer_id, key=input.idempotency_key,
            invoice_id=ids.decode_optional(input.invoice_id, Noun.INVOICE, field=("input", "invoiceId")),
        )  # fmt: skip
    return row(customer=await one(info, Customer, "t.id = :id", {"id": customer_id}, below=("customer",)), replayed=replayed)


@input_type("Input of holdCredit.")
class HoldCreditInput:
    payment_id: strawberry.ID = strawberry.field(
        description="Id of the payment whose credit, now or later, is not to be applied automatically."
    )
    reason: str = strawberry.field(description="Reason, 1 to 500 characters.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each operation.")


@payload("Result of holdCredit.")
class HoldCreditPayload(Payload):
    payment: Payment | None = strawberry.field(description="Payment after the change.")
    replayed: bool = strawberry.field(
        description="Whether the key had been used for this operation before, so that nothing was changed now."
    )


@mutation(OFFICE, "Hold the credit of a payment: it is not applied to invoices automatically until applyCredit.")
async def hold_credit(info: Info, input: Annotated[HoldCreditInput, INPUT]) -> HoldCreditPayload:
    payment_id = ids.decode(input.payment_id, Noun.PAYMENT, field=("input", "paymentId"))
    async with info.context.transaction() as session:
        replayed = await verbs.hold(session, payment_id, reason=input.reason, key=input.idempotency_key)
    return row(payment=await one(info, Payment, "t.id = :id", {"id": payment_id}, below=("payment",)), replayed=replayed)


QUERIES: Final = [unresolved_money]
MUTATIONS: Final = [apply_credit, hold_credit]
