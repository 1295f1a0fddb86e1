"""Corrections in GraphQL: void, write off, reverse, refund. Each with its reason; none edits or deletes."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import corrections as verbs
from sebilling.billing import reversals
from sebilling.billing.payments import PaymentMethod
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import OFFICE, mutation
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Key, Payload, row
from sebilling.schema.engine.reading import one
from sebilling.schema.engine.scalars import Rupiah
from sebilling.schema.invoices import INVOICE, Invoice
from sebilling.schema.payments import PAYMENT, Payment

_REPLAYED: Final = "The key had done this before; nothing happened now."
_KEY: Final = "8 to 100 characters, new for each correction."
_REASON: Final = "3 to 500 characters, for whoever reads it in a year."


@strawberry.type(description="What came of a correction of an invoice.")
class InvoiceCorrectionPayload(Payload):
    invoice: Invoice | None = strawberry.field(description="The invoice as it is now.")
    replayed: bool = strawberry.field(description=_REPLAYED)


@strawberry.type(description="What came of a correction of a payment.")
class PaymentCorrectionPayload(Payload):
    payment: Payment | None = strawberry.field(description="The payment as it is now.")
    replayed: bool = strawberry.field(description=_REPLAYED)


@strawberry.input(description="An invoice that should not have been.")
class VoidInvoiceInput:
    invoice_id: strawberry.ID = strawberry.field(description="Which.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)
    release_payments: bool = strawberry.field(
        default=False, description="Turn what payments settled into credit first; else a paid invoice stays."
    )


@mutation(OFFICE, "Void an invoice: its number stays, its days and charges are free again.")
async def void_invoice(info: Info, input: Annotated[VoidInvoiceInput, INPUT]) -> InvoiceCorrectionPayload:
    invoice_id = ids.decode(input.invoice_id, "invoice", field=("input", "invoiceId"))
    async with info.context.transaction() as session:
        replayed = await verbs.void_invoice(
            session, invoice_id, reason=input.reason, key=input.idempotency_key, release_payments=input.release_payments
        )
    return row(invoice=await one(info, INVOICE, "t.id = :id", {"id": invoice_id}, below=("invoice",)), replayed=replayed)


@strawberry.input(description="What nobody will pay any more.")
class WriteOffInvoiceInput:
    invoice_id: strawberry.ID = strawberry.field(description="Of which invoice.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)
    amount: Rupiah | None = strawberry.field(default=None, description="How much; all that is outstanding if left out.")


@mutation(OFFICE, "Give up what an invoice still owes.")
async def write_off_invoice(info: Info, input: Annotated[WriteOffInvoiceInput, INPUT]) -> InvoiceCorrectionPayload:
    invoice_id = ids.decode(input.invoice_id, "invoice", field=("input", "invoiceId"))
    async with info.context.transaction() as session:
        replayed = await verbs.write_off(session, invoice_id, reason=input.reason, key=input.idempotency_key, amount=input.amount)
    return row(invoice=await one(info, INVOICE, "t.id = :id", {"id": invoice_id}, below=("invoice",)), replayed=replayed)


@strawberry.input(description="Money that was not received after all.")
class ReversePaymentInput:
    payment_id: strawberry.ID = strawberry.field(description="Which.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Reverse a payment: what it settled is open again. Cash must not have been deposited.")
async def reverse_payment(info: Info, input: Annotated[ReversePaymentInput, INPUT]) -> PaymentCorrectionPayload:
    payment_id = ids.decode(input.payment_id, "payment", field=("input", "paymentId"))
    async with info.context.transaction() as session:
        replayed = await verbs.reverse_payment(session, payment_id, reason=input.reason, key=input.idempotency_key)
    return row(payment=await one(info, PAYMENT, "t.id = :id", {"id": payment_id}, below=("payment",)), replayed=replayed)


@strawberry.input(description="Credit to give back.")
class RefundCreditInput:
    payment_id: strawberry.ID = strawberry.field(description="Out of which payment.")
    method: PaymentMethod = strawberry.field(description="How; cash leaves a drawer.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)
    amount: Rupiah | None = strawberry.field(default=None, description="How much; all of its credit if left out.")
    collector_id: strawberry.ID | None = strawberry.field(default=None, description="RowScope cash it is; the caller's if left out.")


@mutation(OFFICE, "Give credit (titipan) back to the customer.")
async def refund_credit(info: Info, input: Annotated[RefundCreditInput, INPUT]) -> PaymentCorrectionPayload:
    payment_id = ids.decode(input.payment_id, "payment", field=("input", "paymentId"))
    async with info.context.transaction() as session:
        replayed = await verbs.refund(
            session, payment_id, method=input.method, reason=input.reason, key=input.idempotency_key, amount=input.amount,
            collector_id=ids.decode_optional(input.collector_id, "user", field=("input", "collectorId")),
        )  # fmt: skip
    return row(payment=await one(info, PAYMENT, "t.id = :id", {"id": payment_id}, below=("payment",)), replayed=replayed)


@strawberry.input(description="A write-off that was wrong.")
class ReverseWriteOffInput:
    invoice_id: strawberry.ID = strawberry.field(description="Of which invoice.")
    write_off_id: strawberry.ID = strawberry.field(description="Which; a bad debt.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Reverse a write-off: the invoice owes it again. Nobody is blocked at once by that.")
async def reverse_write_off(info: Info, input: Annotated[ReverseWriteOffInput, INPUT]) -> InvoiceCorrectionPayload:
    invoice_id = ids.decode(input.invoice_id, "invoice", field=("input", "invoiceId"))
    write_off_id = ids.decode(input.write_off_id, "write_off", field=("input", "writeOffId"))
    async with info.context.transaction() as session:
        replayed = await reversals.reverse_write_off(
            session, write_off_id, invoice_id=invoice_id, reason=input.reason, key=input.idempotency_key
        )
    return row(invoice=await one(info, INVOICE, "t.id = :id", {"id": invoice_id}, below=("invoice",)), replayed=replayed)


@strawberry.input(description="A refund that was not given after all.")
class ReverseRefundInput:
    payment_id: strawberry.ID = strawberry.field(description="Of which payment's credit.")
    refund_id: strawberry.ID = strawberry.field(description="Which.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Reverse a refund: it is credit again, and cash is back in the drawer that it had left.")
async def reverse_refund(info: Info, input: Annotated[ReverseRefundInput, INPUT]) -> PaymentCorrectionPayload:
    payment_id = ids.decode(input.payment_id, "payment", field=("input", "paymentId"))
    refund_id = ids.decode(input.refund_id, "refund", field=("input", "refundId"))
    async with info.context.transaction() as session:
        replayed = await reversals.reverse_refund(session, refund_id, payment_id=payment_id, reason=input.reason, key=input.idempotency_key)
    return row(payment=await one(info, PAYMENT, "t.id = :id", {"id": payment_id}, below=("payment",)), replayed=replayed)


QUERIES: Final[list[object]] = []
MUTATIONS: Final = [void_invoice, write_off_invoice, reverse_payment, refund_credit, reverse_write_off, reverse_refund]
