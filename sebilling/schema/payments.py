"""Payments (pembayaran) in GraphQL."""

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Optional

import strawberry

from sebilling.billing import payments as verbs
from sebilling.billing.payment_previews import PaymentWarningCode
from sebilling.billing.payments import PaymentMethod, SurplusReason
from sebilling.billing.validation import each_problem
from sebilling.errors import InvalidNumber, SebillingError, Unexpected
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.money import format_rupiah
from sebilling.nouns import Noun
from sebilling.schema import filters, payment_filter
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter
from sebilling.schema.customers import Customer
from sebilling.schema.engine import reading
from sebilling.schema.engine.declarations import input_type, link, output, payload, read, totals
from sebilling.schema.engine.pages import Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.invoices import LIVE_ALLOCATION, Invoice, Reversal
from sebilling.schema.payment_filter import FilterArgument
from sebilling.schema.payment_previews import PaymentWarning
from sebilling.schema.receipts import RECEIPT_OF_PAYMENT, Receipt, receipt_of
from sebilling.schema.request.access import beside, mutation, query
from sebilling.schema.request.errors import UserError, in_payload, user_error
from sebilling.schema.request.input_paths import Inputs
from sebilling.schema.request.roles import COUNTERS, RECEIVERS
from sebilling.schema.request.unreadable import readable
from sebilling.schema.scopes import AT_COUNTER, PART, WITH_RECEIVER, part_of
from sebilling.schema.users import User, person
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Key, Payload, row
from sebilling.schema.values.scalars import Day, Instant, Rupiah

if TYPE_CHECKING:
    from sebilling.schema.deposits import Drawer

_log = get_logger(__name__)
MAX_OF_A_BATCH: Final = 100
"""Maximum number of payments in one batch."""


@output("Part of a payment that pays part of an invoice.", "allocation", scope=PART)
class Allocation:
    amount: Rupiah = read("Amount of the allocation.", COUNTERS)
    allocated_at: Instant = read("Time of the allocation.", COUNTERS)
    invoice_number: str = read(
        "Number of the invoice, as on the receipt.", COUNTERS, sql="(SELECT number FROM invoice WHERE id = {t}.invoice_id)"
    )
    invoice: Invoice | None = link(
        "Invoice that is paid; null if it belongs to a counter that the caller may not see.", COUNTERS, "invoice", "{n}.id = {t}.invoice_id"
    )
    payment: Optional["Payment"] = link(
        "Payment that is allocated; null if it was received at a counter that the caller may not see.",
        COUNTERS,
        "payment",
        "{n}.id = {t}.payment_id",
    )


@output("Reversal of a payment.", "payment_reversal", scope=PART)
class PaymentReversal:
    reason: str = read("Reason for the reversal.", COUNTERS)
    reversed_at: Instant = read("Time of the reversal.", COUNTERS)
    reversed_on: Day = read("Date of the reversal at the counter, which decides in which recap it counts.", COUNTERS)
    reversed_by: User | None = person("User who reversed the payment.", COUNTERS, "reversed_by")


@output("Credit that was refunded to the customer.", "refund", scope=part_of("payment", "payment_id", WITH_RECEIVER))
class Refund:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.REFUND, "{t}.id"))
    reversal: Reversal | None = link(
        "Reversal of the refund; null if it was not reversed.", COUNTERS, "refund_reversal", "{n}.refund_id = {t}.id"
    )
    amount: Rupiah = read("Amount of the refund.", COUNTERS)
    method: PaymentMethod = read("Method of the refund.", COUNTERS)
    reason: str = read("Reason for the refund.", COUNTERS)
    refunded_at: Instant = read("Time of the refund.", COUNTERS)
    refunded_by: User = person("User who paid the refund, out of their own drawer if in cash.", COUNTERS, "refunded_by")


def _receipt(root: strawberry.Parent[Mapping[str, Any]]) -> Receipt:
    return receipt_of(root["receipt"])  # type: ignore[return-value]  # the type's resolvers read it


@output("Payment (pembayaran): money received from a customer. Never edited, never deleted.", "payment", scope=WITH_RECEIVER)
class Payment:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.PAYMENT, "{t}.id"))
    amount: Rupiah = read("Amount received.", COUNTERS)
    receipt_number: str = read(
        "Receipt number, gapless per counter and month, such as KW/2026-02/LKT01/000123.",
        COUNTERS,
        sql="(SELECT number FROM receipt WHERE payment_id = {t}.id)",
    )
    credit: Rupiah = read("Titipan: amount that is neither allocated to an invoice nor refunded.", COUNTERS)
    refunded: Rupiah = read("Amount refunded.", COUNTERS)
    surplus_reason: SurplusReason | None = read(
        "Reason for which it exceeded the amount owed; null if it did not. ALREADY_PAID stays even if another invoice uses it.",
        COUNTERS,
        sql="nullif({t}.surplus_because, '')",
    )
    credit_hold_reason: str | None = read(
        "Reason for which its credit pays no invoice by itself, as set by holdCredit; null if it does.",
        COUNTERS,
        sql="(SELECT reason FROM credit_hold WHERE payment_id = {t}.id AND released_at IS NULL)",
    )
    method: PaymentMethod = read("Payment method.", COUNTERS)
    collected_at: Instant = read("Time at which the money was handed over, by the clock of the device.", COUNTERS)
    received_at: Instant = read("Time at which the server recorded it.", COUNTERS)
    received_on: Day = read("Date of the payment at the counter, which decides in which recap it counts.", COUNTERS)
    received_by: User = person("User who received it.", COUNTERS, "received_by")
    note: str = read("Note; may be empty.", COUNTERS)
    customer: Customer | None = link(
        "Customer who paid; null if they belong to a counter that the caller may not see.", COUNTERS, "customer", "{n}.id = {t}.customer_id"
    )
    customer_code: str = read(
        "Code of the customer, as on the receipt.", COUNTERS, sql="(SELECT code FROM customer WHERE id = {t}.customer_id)"
    )
    customer_name: str = read(
        "Name of the customer, as on the receipt.", COUNTERS, sql="(SELECT name FROM customer WHERE id = {t}.customer_id)"
    )
    counter: Counter = link("Counter at which it was received.", COUNTERS, "counter", "{n}.id = {t}.counter_id", follows=True)
    allocations: list[Allocation] = link(
        "Allocations of the payment to invoices, in order.", COUNTERS, "allocation", f"{{n}}.payment_id = {{t}}.id AND {LIVE_ALLOCATION}"
    )
    reversal: PaymentReversal | None = link(
        "Reversal of the payment; null if it was not reversed.", COUNTERS, "payment_reversal", "{n}.payment_id = {t}.id"
    )
    refunds: list[Refund] = link("Refunds of its credit, in order.", COUNTERS, "refund", "{n}.payment_id = {t}.id")
    drawer: Annotated["Drawer", strawberry.lazy("sebilling.schema.deposits")] | None = link(
        "Drawer of the user who received it at its counter; null unless it was paid in cash.",
        COUNTERS,
        "drawer",
        "{n}.counter_id = {t}.counter_id AND {n}.collector_id = {t}.received_by AND {t}.method = 'CASH'",
    )
    receipt: Receipt = read(
        "Receipt of the payment as text, for a printer or WhatsApp, and as PDF.", COUNTERS, sql=RECEIPT_OF_PAYMENT, resolver=_receipt
    )


_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@query(COUNTERS, "List the payments received at the counters that the caller may see, newest first.")
async def payments(info: Info, part: Slice, filter: FilterArgument = None) -> Connection[Payment]:
    conditions = payment_filter.conditions(filter, info.context)
    return await page(info, Payment, part, order=_NEWEST, conditions=conditions)


@output("Totals of the payments of one method.")
class MethodTotals:
    method: PaymentMethod = read("Payment method.", COUNTERS)
    count: int = read("Number of payments.", COUNTERS)
    amount: Rupiah = read("Sum of their amounts.", COUNTERS)
    reversed: Rupiah = read("Sum of the amounts of those that were reversed.", COUNTERS)


def _sum(of: str, where: str = "true") -> str:
    return f"coalesce(sum({of}) FILTER (WHERE {where}), 0)::bigint"


def _by_method(count: str, amount: str, reversed: str) -> str:
    """SQL of the totals of each method, from what a row adds to them."""

    def of(method: PaymentMethod) -> str:
        own = f"{{t}}.method = '{method}'"
        sums = f"'count', {_sum(count, own)}, 'amount', {_sum(amount, own)}, 'reversed', {_sum(reversed, own)}"
        return f"json_build_object('method', '{method}', {sums})"

    return f"json_build_array({', '.join(map(of, PaymentMethod))})"


_REVERSED: Final = "CASE WHEN {t}.reversed_at IS NULL THEN 0 ELSE {t}.amount END"


@totals("Totals of payments.", of=Payment)
class PaymentTotals:
    count: int = read("Number of payments.", COUNTERS, sql="count(*)")
    amount: Rupiah = read("Sum of their amounts.", COUNTERS, sql=_sum("{t}.amount"))
    reversed: Rupiah = read(
        "Sum of the amounts of those that were reversed; what is left of amount was received.", COUNTERS, sql=_sum(_REVERSED)
    )
    credit: Rupiah = read("Sum of their credit.", COUNTERS, sql=_sum("{t}.credit"))
    by_method: list[MethodTotals] = read("The same by method, each once.", COUNTERS, sql=_by_method("1", "{t}.amount", _REVERSED))


@output("Payments of one counter, day and method in sums.", "payment_total", scope=AT_COUNTER)
class _PaymentTotal:
    """Rows that are added up; no part of the schema."""

    payments: int = read("Number of payments.", COUNTERS)


@totals("Totals of payments of whole days, counters and methods.", of=_PaymentTotal)
class _KeptPaymentTotals:
    """PaymentTotals, from sums that are kept: no part of the schema."""

    count: int = read("Number.", COUNTERS, sql=_sum("{t}.payments"))
    amount: Rupiah = read("Received.", COUNTERS, sql=_sum("{t}.amount"))
    reversed: Rupiah = read("Reversed.", COUNTERS, sql=_sum("{t}.reversed"))
    credit: Rupiah = read("Credit.", COUNTERS, sql=_sum("{t}.credit"))
    by_method: list[MethodTotals] = read("By method.", COUNTERS, sql=_by_method("{t}.payments", "{t}.amount", "{t}.reversed"))


@query(COUNTERS, "Get the totals of the payments received at the counters that the caller may see.")
async def payment_totals(info: Info, filter: FilterArgument = None) -> PaymentTotals:
    kind = _KeptPaymentTotals if filter is None or payment_filter.is_of_whole_days(filter) else PaymentTotals
    return await reading.totals(info, kind, payment_filter.conditions(filter, info.context))


@query(COUNTERS, "Get one payment by id or receipt number; null if it does not exist or the caller may not see it.")
async def payment(
    info: Info,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="Id of the payment.")] = None,
    receipt_number: Annotated[str | None, strawberry.argument(description="Whole receipt number, such as KW/2026-02/LKT01/000123.")] = None,
) -> Payment | None:
    row_id = ids.decode_either(id, receipt_number, Noun.PAYMENT)
    if receipt_number is None:
        return await one(info, Payment, "t.id = :id", {"id": row_id})
    ((condition, parameters),) = filters.with_number(receipt_number, filters.PAYMENTS_OF_NUMBER).items()
    return await one(info, Payment, condition, parameters)


@input_type("Input of recordPayment.")
class RecordPaymentInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer who paid.")
    amount: Rupiah = strawberry.field(description="Amount, 1 to 10^12. Whatever exceeds the amount owed is kept as credit.")
    idempotency_key: Key = strawberry.field(
        description="Idempotency key made by the device, 8 to 100 characters, one per payment: repeating it records no second payment."
    )
    method: PaymentMethod = strawberry.field(default=PaymentMethod.CASH, description="Payment method.")
    counter_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the counter at which it was received; the customer's own if left out."
    )
    collected_at: Instant | None = strawberry.field(
        default=None, description="Time at which the money was handed over, by the clock of the device; now if left out."
    )
    note: str = strawberry.field(default="", description="Note, at most 500 characters.")
    invoice_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of invoices to pay first, in this order; then, or if left out or empty, the oldest."
    )


@payload("Result of recordPayment.")
class RecordPaymentPayload(Payload):
    payment: Payment | None = strawberry.field(description="The payment with its allocations.")
    replayed: bool = strawberry.field(description="Whether the key had recorded this payment before, so that nothing was changed now.")
    warnings: list[PaymentWarning] | None = strawberry.field(
        description="Warnings about the payment, which was recorded nevertheless; empty if there are none, null with errors."
    )


_OVER_LIMIT: Final = Sentence(
    "You hold {over} more in cash than the limit allows: submit a deposit and have it verified.",
    "Uang tunai yang Anda pegang melebihi batas sebesar {over}: ajukan setoran dan minta diverifikasi.",
)


def _warnings(info: Info, recorded: verbs.Recorded) -> list[Any]:
    """Rows of the type PaymentWarning."""
    if recorded.over_cash_limit is None:
        return []
    text = _OVER_LIMIT.in_(info.context.language).format(over=format_rupiah(recorded.over_cash_limit))
    return [row(code=PaymentWarningCode.OVER_CASH_LIMIT.value, text=text)]


@mutation(RECEIVERS, "Record a payment: pay the customer's invoices, oldest first, and keep the rest as credit.")
async def record_payment(info: Info, input: Annotated[RecordPaymentInput, INPUT]) -> RecordPaymentPayload:
    recorded = await _record(info, input)
    payment = await one(info, Payment, "t.id = :id", {"id": recorded.payment_id}, below=("payment",))
    return row(payment=payment, replayed=recorded.replayed, warnings=_warnings(info, recorded))


async def _record(info: Info, input: RecordPaymentInput) -> verbs.Recorded:
    received = verbs.Received(
        customer_id=ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId")), amount=input.amount,
        method=input.method, key=input.idempotency_key, note=input.note, collected_at=input.collected_at,
        counter_id=ids.decode_optional(input.counter_id, Noun.COUNTER, field=("input", "counterId")),
        invoice_ids=ids.decode_all(input.invoice_ids, Noun.INVOICE, field=("input", "invoiceIds")),
    )  # fmt: skip
    if info.context.malformed:
        verbs.check(received)  # its problems are told together
    return await verbs.record(info.context.autocommit(), received)


@input_type("Input of recordPayments: payments collected while a phone was offline.")
class RecordPaymentsInput:
    payments: list[RecordPaymentInput] = strawberry.field(
        description=f"The payments, 1 to {MAX_OF_A_BATCH}, in the order in which the money was received."
    )


@output("Result of one payment of a batch.")
class RecordedPayment:
    payment: Payment | None = read("The payment with its allocations; null if it was refused.", RECEIVERS)
    replayed: bool = read("Whether the key had recorded this payment before, so that nothing was changed now.", RECEIVERS)
    warnings: list[PaymentWarning] = read("Warnings about the payment, which was recorded nevertheless.", RECEIVERS)
    errors: list[UserError] = read("Reasons for which it was refused; if there are any, the payment has changed nothing.", RECEIVERS)


@payload("Result of recordPayments.")
class RecordPaymentsPayload(Payload):
    results: list[RecordedPayment] | None = strawberry.field(
        description="One result per payment, in the same order; null if the batch as a whole was refused."
    )


_OF_ONE: Final = Inputs.of_input(RecordPaymentInput)
"""What one payment of a batch takes."""


@mutation(
    RECEIVERS, "Record payments that were received offline. Each one is recorded or refused independently, in order.",
    apart=("input", "payments"),
)  # fmt: skip
async def record_payments(info: Info, input: Annotated[RecordPaymentsInput, INPUT]) -> RecordPaymentsPayload:
    count = len(input.payments)
    if not 1 <= count <= MAX_OF_A_BATCH:
        why = Sentence(f"send 1 to {MAX_OF_A_BATCH} at a time.", f"kirim 1 sampai {MAX_OF_A_BATCH} sekaligus.")
        raise InvalidNumber(
            field=("input", "payments"), what=Sentence("Payments in a batch", "Jumlah pembayaran sekaligus"), given=count, why=why
        )
    return row(results=[await _one_of_batch(info, payment, str(index)) for index, payment in enumerate(input.payments)])


async def _one_of_batch(info: Info, input: RecordPaymentInput, index: str) -> Any:
    """Record one payment of a batch in its own transaction, so that its failure does not block those after it.

    Raises Unavailable: the phone then sends the batch again, and the recorded payments are replayed.
    """
    malformed = info.context.malformed
    asked = readable({"input": input}, malformed)
    errors: Sequence[SebillingError]
    try:
        recorded = await _record(info, **asked)
    except SebillingError as error:
        if not in_payload(error):
            raise
        errors = list(beside(malformed, each_problem(error)))
        malformed.clear()
    except Exception:  # noqa: BLE001 - a bug met by one payment must not fail the others
        reference = secrets.token_hex(6)
        errors = [Unexpected(reference=reference)]
        malformed.clear()
        _log.exception("unexpected_error", reference=reference, path=["recordPayments", index])
    else:
        payment = await one(info, Payment, "t.id = :id", {"id": recorded.payment_id}, below=("results", "payment"))
        return row(payment=payment, replayed=recorded.replayed, warnings=_warnings(info, recorded), errors=[])
    return _refused(info, errors, index)


def _refused(info: Info, errors: Sequence[SebillingError], index: str) -> Any:
    """The result of a payment of a batch that was refused."""
    for error in errors:
        error.field = ("input", "payments", index, *_OF_ONE.path(error.path)[1:])
    return row(payment=None, replayed=False, warnings=[], errors=[user_error(error, info.context.language) for error in errors])


QUERIES: Final = [payments, payment_totals, payment]
MUTATIONS: Final = [record_payment, record_payments]
