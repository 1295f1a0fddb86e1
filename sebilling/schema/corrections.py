"""Corrections in GraphQL: void, write off, reverse, refund. Each needs a reason; none edits or deletes anything."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import corrections as verbs
from sebilling.billing import reversals
from sebilling.billing.payments import PaymentMethod
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import input_type, payload
from sebilling.schema.engine.reading import one
from sebilling.schema.invoices import Invoice
from sebilling.schema.payments import Payment
from sebilling.schema.request.access import mutation
from sebilling.schema.request.roles import OFFICE
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import INPUT, Key, Payload, row
from sebilling.schema.values.scalars import Rupiah

_REPLAYED: Final = "Whether the key had been used for this operation before, so that nothing was changed now."
_KEY: Final = "Idempotency key, 8 to 100 characters, new for each correction."
_REASON: Final = "Reason, for later readers: 3 to 500 characters."


@payload("Result of a correction of an invoice.")
class InvoiceCorrectionPayload(Payload):
    invoice: Invoice | None = strawberry.field(description="Invoice after the change.")
    replayed: bool = strawberry.field(description=_REPLAYED)


@payload("Result of a correction of a payment.")
class PaymentCorrectionPayload(Payload):
    payment: Payment | None = strawberry.field(description="Payment after the change.")
    replayed: bool = strawberry.field(description=_REPLAYED)


@input_type("Input of voidInvoice.")
class VoidInvoiceInput:
    invoice_id: strawberry.ID = strawberry.field(description="Id of the invoice.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)
    release_payments: bool = strawberry.field(
        default=False,
        description="Whether to turn its allocations into credit first; without it, an invoice with allocations cannot be voided.",
    )


@mutation(OFFICE, "Void an invoice. It keeps its number; its days and charges can be invoiced again.")
async def void_invoice(info: Info, input: Annotated[VoidInvoiceInput, INPUT]) -> InvoiceCorrectionPayload:
    invoice_id = ids.decode(input.invoice_id, Noun.INVOICE, field=("input", "invoiceId"))
    async with info.context.transaction() as session:
        replayed = await verbs.void_invoice(
            session, invoice_id, reason=input.reason, key=input.idempotency_key, release_payments=input.release_payments
        )
    return row(invoice=await one(info, Invoice, "t.id = :id", {"id": invoice_id}, below=("invoice",)), replayed=replayed)


@input_type("Input of writeOffInvoice.")
class WriteOffInvoiceInput:
    invoice_id: strawberry.ID = strawberry.field(description="Id of the invoice.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)
    amount: Rupiah | None = strawberry.field(default=None, description="Amount to write off; the whole outstanding amount if left out.")


@mutation(OFFICE, "Write off what is still outstanding on an invoice.")
async def write_off_invoice(info: Info, input: Annotated[WriteOffInvoiceInput, INPUT]) -> InvoiceCorrectionPayload:
    invoice_id = ids.decode(input.invoice_id, Noun.INVOICE, field=("input", "invoiceId"))
    async with info.context.transaction() as session:
        replayed = await verbs.write_off(session, invoice_id, reason=input.reason, key=input.idempotency_key, amount=input.amount)
    return row(invoice=await one(info, Invoice, "t.id = :id", {"id": invoice_id}, below=("invoice",)), replayed=replayed)


@input_type("Input of reversePayment.")
class ReversePaymentInput:
    payment_id: strawberry.ID = strawberry.field(description="Id of the payment.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Reverse a payment. What it paid is open again. A cash payment must not have been deposited.")
async def reverse_payment(info: Info, input: Annotated[ReversePaymentInput, INPUT]) -> PaymentCorrectionPayload:
    payment_id = ids.decode(input.payment_id, Noun.PAYMENT, field=("input", "paymentId"))
    async with info.context.transaction() as session:
        replayed = await verbs.reverse_payment(session, payment_id, reason=input.reason, key=input.idempotency_key)
    return row(payment=await one(info, Payment, "t.id = :id", {"id": payment_id}, below=("payment",)), replayed=replayed)


@input_type("Input of refundCredit.")
class RefundCreditInput:
    payment_id: strawberry.ID = strawberry.field(description="Id of the payment whose credit to refund.")
    method: PaymentMethod = strawberry.field(description="Method of the refund; cash is taken out of a drawer.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)
    amount: Rupiah | None = strawberry.field(default=None, description="Amount to refund; all of its credit if left out.")
    collector_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the user from whose drawer the cash is taken; the caller if left out."
    )


@mutation(OFFICE, "Refund credit (titipan) to the customer.")
async def refund_credit(info: Info, input: Annotated[RefundCreditInput, INPUT]) -> PaymentCorrectionPayload:
    payment_id = ids.decode(input.payment_id, Noun.PAYMENT, field=("input", "paymentId"))
    async with info.context.transaction() as session:
        replayed = await verbs.refund(
            session, payment_id, method=input.method, reason=input.reason, key=input.idempotency_key, amount=input.amount,
            collector_id=ids.decode_optional(input.collector_id, Noun.USER, field=("input", "collectorId")),
        )  # fmt: skip
    return row(payment=await one(info, Payment, "t.id = :id", {"id": payment_id}, below=("payment",)), replayed=replayed)


@input_type("Input of reverseWriteOff.")
class ReverseWriteOffInput:
    invoice_id: strawberry.ID = strawberry.field(description="Id of the invoice.")
    write_off_id: strawberry.ID = strawberry.field(description="Id of the write-off, which must be a BAD_DEBT.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Reverse a write-off. The amount is owed again; this alone blocks nobody immediately.")
async def reverse_write_off(info: Info, input: Annotated[ReverseWriteOffInput, INPUT]) -> InvoiceCorrectionPayload:
    invoice_id = ids.decode(input.invoice_id, Noun.INVOICE, field=("input", "invoiceId"))
    write_off_id = ids.decode(input.write_off_id, Noun.WRITE_OFF, field=("input", "writeOffId"))
    async with info.context.transaction() as session:
        replayed = await reversals.reverse_write_off(
            session, write_off_id, invoice_id=invoice_id, reason=input.reason, key=input.idempotency_key
        )
    return row(invoice=await one(info, Invoice, "t.id = :id", {"id": invoice_id}, below=("invoice",)), replayed=replayed)


@input_type("Input of reverseRefund.")
class ReverseRefundInput:
    payment_id: strawberry.ID = strawberry.field(description="Id of the payment whose credit was refunded.")
    refund_id: strawberry.ID = strawberry.field(description="Id of the refund.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Reverse a refund. The amount is credit again, and cash is back in the drawer from which it was taken.")
async def reverse_refund(info: Info, input: Annotated[ReverseRefundInput, INPUT]) -> PaymentCorrectionPayload:
    payment_id = ids.decode(input.payment_id, Noun.PAYMENT, field=("input", "paymentId"))
    refund_id = ids.decode(input.refund_id, Noun.REFUND, field=("input", "refundId"))
    async with info.context.transaction() as session:
        replayed = await reversals.reverse_refund(session, refund_id, payment_id=payment_id, reason=input.reason, key=input.idempotency_key)
    return row(payment=await one(info, Payment, "t.id = :id", {"id": payment_id}, below=("payment",)), replayed=replayed)


QUERIES: Final[list[object]] = []
MUTATIONS: Final = [void_invoice, write_off_invoice, reverse_payment, refund_credit, reverse_write_off, reverse_refund]
