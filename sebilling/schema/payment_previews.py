"""Previews of payments in GraphQL."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import payment_previews
from sebilling.billing.payment_previews import PaymentWarningCode
from sebilling.nouns import Noun
from sebilling.schema.billing_cycles import CustomerId
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.enums import described
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import RECEIVERS
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import row
from sebilling.schema.values.scalars import Day, Rupiah

described(
    PaymentWarningCode,
    "Code of a warning about a payment.",
    FAR_MORE_THAN_OWED="The payment leaves more credit than a year costs, so the amount is probably mistyped.",
    NOTHING_OWED="Nothing is owed, so all of it becomes credit.",
    ALREADY_PAID="An invoice that it names is paid already or void.",
    OVER_CASH_LIMIT="The receiver holds more cash than the limit of the settings; only recordPayment and recordPayments tell it.",
)


@output("Part of a previewed payment that would pay part of an invoice.")
class PreviewedAllocation:
    invoice_id: strawberry.ID = read("Id of the invoice.", RECEIVERS)
    invoice_number: str = read("Number of the invoice.", RECEIVERS)
    due_on: Day = read("Due date of the invoice.", RECEIVERS)
    amount: Rupiah = read("Amount that would be paid of it.", RECEIVERS)
    remaining: Rupiah = read("Amount that would remain outstanding of it.", RECEIVERS)


@output("Warning about a payment, which can be recorded nevertheless.")
class PaymentWarning:
    code: PaymentWarningCode = read("Code of the warning.", RECEIVERS)
    text: str = read("The warning and its remedy, in the caller's language.", RECEIVERS)


@output("Preview of recordPayment.")
class PaymentPreview:
    outstanding: Rupiah = read("Amount owed before the payment.", RECEIVERS)
    allocations: list[PreviewedAllocation] = read("Invoices that it would pay, in this order.", RECEIVERS)
    credit: Rupiah = read("Amount that would be kept as credit.", RECEIVERS)
    warnings: list[PaymentWarning] = read("Warnings to show before it is recorded; empty if there are none.", RECEIVERS)


@query(RECEIVERS, "Preview what recordPayment would settle and what would become credit, without changing anything.")
async def preview_payment(
    info: Info,
    customer_id: CustomerId,
    amount: Annotated[Rupiah, strawberry.argument(description="Amount, 1 to 10^12.")],
    invoice_ids: Annotated[
        list[strawberry.ID] | None,
        strawberry.argument(description="Ids of invoices to pay first; the oldest first if left out."),
    ] = None,
) -> PaymentPreview:
    wanted = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",))
    invoices = ids.decode_all(invoice_ids, Noun.INVOICE, field=("invoiceIds",))
    async with info.context.parts.database.reading() as session:
        previewed = await payment_previews.preview(session, wanted, amount=amount, invoice_ids=invoices, scope=info.context.signed_in.scope)
    return row(
        outstanding=previewed.outstanding, credit=previewed.credit,
        allocations=[
            row(invoice_id=Noun.INVOICE.id(part.invoice_id), invoice_number=part.number, due_on=part.due_on, amount=part.amount,
                remaining=part.remaining)
            for part in previewed.allocations
        ],
        warnings=[row(code=warning.code, text=warning.text.in_(info.context.language)) for warning in previewed.warnings],
    )  # fmt: skip


QUERIES: Final = [preview_payment]
