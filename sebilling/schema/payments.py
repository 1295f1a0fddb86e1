"""Payments (pembayaran) in GraphQL."""

import secrets
from typing import Annotated, Any, Final, Optional

import strawberry

from sebilling.billing import payments as verbs
from sebilling.billing.payments import PaymentMethod, SurplusReason
from sebilling.errors import InvalidNumber, SebillingError, Unexpected
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.nouns import Noun
from sebilling.schema.counters import Counter
from sebilling.schema.customers import Customer
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, RECEIVERS, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.errors import UserError, in_payload, user_error
from sebilling.schema.engine.input_paths import Inputs
from sebilling.schema.engine.payloads import INPUT, Key, Payload, row
from sebilling.schema.engine.reading import Conditions, Link, Node, Order, one, page
from sebilling.schema.engine.scalars import Day, Instant, Rupiah
from sebilling.schema.invoices import LIVE_ALLOCATION, REVERSAL_COLUMNS, Invoice, Reversal

_log = get_logger(__name__)
MAX_OF_A_BATCH: Final = 100
"""Maximum number of payments in one batch."""


@strawberry.type(description="Part of a payment that pays part of an invoice.")
class Allocation:
    amount: Rupiah = strawberry.field(description="Amount of the allocation.")
    allocated_at: Instant = strawberry.field(description="Time of the allocation.")
    invoice_number: str = strawberry.field(description="Number of the invoice, as on the receipt.")
    invoice: Invoice | None = strawberry.field(
        description="Invoice that is paid; null if it belongs to a counter that the caller may not see."
    )
    payment: Optional["Payment"] = strawberry.field(
        description="Payment that is allocated; null if it was received at a counter that the caller may not see."
    )


@strawberry.type(description="Reversal of a payment.")
class PaymentReversal:
    reason: str = strawberry.field(description="Reason for the reversal.")
    reversed_at: Instant = strawberry.field(description="Time of the reversal.")
    reversed_on: Day = strawberry.field(description="Date of the reversal at the counter, which decides in which recap it counts.")
    reversed_by: str | None = strawberry.field(description="Name of the user who reversed the payment.")


@strawberry.type(description="Credit that was refunded to the customer.")
class Refund:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    reversal: Reversal | None = strawberry.field(description="Reversal of the refund; null if it was not reversed.")
    amount: Rupiah = strawberry.field(description="Amount of the refund.")
    method: PaymentMethod = strawberry.field(description="Method of the refund.")
    reason: str = strawberry.field(description="Reason for the refund.")
    refunded_at: Instant = strawberry.field(description="Time of the refund.")
    refunded_by: str = strawberry.field(description="Name of the user who paid the refund, out of their own drawer if in cash.")


@strawberry.type(description="Payment (pembayaran): money received from a customer. Never edited, never deleted.")
class Payment:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    amount: Rupiah = strawberry.field(description="Amount received.")
    receipt_number: str = strawberry.field(description="Receipt number, gapless per counter and month, such as KW/2026-02/LKT01/000123.")
    credit: Rupiah = strawberry.field(description="Titipan: amount that is neither allocated to an invoice nor refunded.")
    refunded: Rupiah = strawberry.field(description="Amount refunded.")
    surplus_reason: SurplusReason | None = strawberry.field(
        description="Reason for which it exceeded the amount owed; null if it did not. ALREADY_PAID stays even if another invoice uses it."
    )
    credit_hold_reason: str | None = strawberry.field(
        description="Reason for which its credit pays no invoice by itself, as set by holdCredit; null if it does."
    )
    method: PaymentMethod = strawberry.field(description="Payment method.")
    collected_at: Instant = strawberry.field(description="Time at which the money was handed over, by the clock of the device.")
    received_at: Instant = strawberry.field(description="Time at which the server recorded it.")
    received_on: Day = strawberry.field(description="Date of the payment at the counter, which decides in which recap it counts.")
    received_by: str = strawberry.field(description="Name of the user who received it.")
    note: str = strawberry.field(description="Note; may be empty.")
    customer: Customer | None = strawberry.field(
        description="Customer who paid; null if they belong to a counter that the caller may not see."
    )
    customer_code: str = strawberry.field(description="Code of the customer, as on the receipt.")
    customer_name: str = strawberry.field(description="Name of the customer, as on the receipt.")
    counter: Counter = strawberry.field(description="Counter at which it was received.")
    allocations: list[Allocation] = strawberry.field(description="Allocations of the payment to invoices, in order.")
    reversal: PaymentReversal | None = strawberry.field(description="Reversal of the payment; null if it was not reversed.")
    refunds: list[Refund] = strawberry.field(description="Refunds of its credit, in order.")


ALLOCATION: Final = Node(
    "allocation",
    {
        "amount": "{t}.amount",
        "allocated_at": "{t}.allocated_at",
        "invoice_number": "(SELECT number FROM invoice WHERE id = {t}.invoice_id)",
    },
    {"invoice": Link("invoice", "{n}.id = {t}.invoice_id"), "payment": Link("payment", "{n}.id = {t}.payment_id")},
)
PAYMENT: Final = Node(
    "payment",
    {
        "id": ids.column(Noun.PAYMENT, "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("amount", "method", "collected_at", "received_at", "received_on", "note")},
        "credit": "{t}.credit",
        "refunded": "{t}.refunded",
        "surplus_reason": "nullif({t}.surplus_because, '')",
        "credit_hold_reason": "(SELECT reason FROM credit_hold WHERE payment_id = {t}.id AND released_at IS NULL)",
        "receipt_number": "(SELECT number FROM receipt WHERE payment_id = {t}.id)",
        "received_by": "(SELECT name FROM app_user WHERE id = {t}.received_by)",
        **{f"customer_{name}": f"(SELECT {name} FROM customer WHERE id = {{t}}.customer_id)" for name in ("code", "name")},
    },
    {
        "customer": Link("customer", "{n}.id = {t}.customer_id"),
        "counter": Link("counter", "{n}.id = {t}.counter_id", follows=True),
        "allocations": Link("allocation", f"{{n}}.payment_id = {{t}}.id AND {LIVE_ALLOCATION}", many=True),
        "reversal": Link("payment_reversal", "{n}.payment_id = {t}.id"),
        "refunds": Link("refund", "{n}.payment_id = {t}.id", many=True),
    },
)
REVERSAL: Final = Node("payment_reversal", REVERSAL_COLUMNS)
REFUND: Final = Node(
    "refund",
    {
        "id": ids.column(Noun.REFUND, "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("amount", "method", "reason", "refunded_at")},
        "refunded_by": "(SELECT name FROM app_user WHERE id = {t}.refunded_by)",
    },
    {"reversal": Link("refund_reversal", "{n}.refund_id = {t}.id")},
)
REFUND_REVERSAL: Final = Node("refund_reversal", REVERSAL_COLUMNS)
_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@strawberry.input(description="Filter of payments; all conditions must hold.")
class PaymentFilter:
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the counter at which it was received.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer.")
    method: PaymentMethod | None = strawberry.field(default=None, description="Payment method.")
    surplus_reason: SurplusReason | None = strawberry.field(default=None, description="Reason for which it exceeded the amount owed.")
    received_from: Day | None = strawberry.field(default=None, description="First day of receipt.")
    received_until: Day | None = strawberry.field(default=None, description="First day after the days of receipt.")


@query(COUNTERS, "List the payments received at the counters that the caller may see, newest first.")
async def payments(
    info: Info,
    first: First = 50,
    after: After = None,
    filter: Annotated[PaymentFilter | None, strawberry.argument(description="Filter; lists all if left out.")] = None,
) -> Connection[Payment]:
    conditions = {} if filter is None else _conditions(filter)
    return await page(info, PAYMENT, first=first, after=after, order=_NEWEST, conditions=conditions)


def _conditions(filter: PaymentFilter) -> Conditions:
    conditions: Conditions = {}
    if filter.counter_id is not None:
        conditions["t.counter_id = :counter"] = {"counter": ids.decode(filter.counter_id, Noun.COUNTER, field=("filter", "counterId"))}
    if filter.customer_id is not None:
        conditions["t.customer_id = :customer"] = {
            "customer": ids.decode(filter.customer_id, Noun.CUSTOMER, field=("filter", "customerId"))
        }
    if filter.method is not None:
        conditions["t.method = :method"] = {"method": filter.method.value}
    if filter.surplus_reason is not None:
        conditions["t.surplus_because = :surplus_reason"] = {"surplus_reason": filter.surplus_reason.value}
    if filter.received_from is not None:
        conditions["t.received_on >= :received_from"] = {"received_from": filter.received_from}
    if filter.received_until is not None:
        conditions["t.received_on < :received_until"] = {"received_until": filter.received_until}
    return conditions


@query(COUNTERS, "Get one payment; null if it does not exist or the caller may not see it.")
async def payment(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the payment.")]) -> Payment | None:
    return await one(info, PAYMENT, "t.id = :id", {"id": ids.decode(id, Noun.PAYMENT, field=("id",))})


@strawberry.input(description="Input of recordPayment.")
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


@strawberry.type(description="Result of recordPayment.")
class RecordPaymentPayload(Payload):
    payment: Payment | None = strawberry.field(description="The payment with its allocations.")
    replayed: bool = strawberry.field(description="Whether the key had recorded this payment before, so that nothing was changed now.")


@mutation(RECEIVERS, "Record a payment: pay the customer's invoices, oldest first, and keep the rest as credit.")
async def record_payment(info: Info, input: Annotated[RecordPaymentInput, INPUT]) -> RecordPaymentPayload:
    received = _received(input)
    async with info.context.transaction() as session:
        recorded = await verbs.record(session, received)
    payment = await one(info, PAYMENT, "t.id = :id", {"id": recorded.payment_id}, below=("payment",))
    return row(payment=payment, replayed=recorded.replayed)


def _received(input: RecordPaymentInput) -> verbs.Received:
    """Convert the input. Raises InvalidId."""
    return verbs.Received(
        customer_id=ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId")), amount=input.amount,
        method=input.method, key=input.idempotency_key, note=input.note, collected_at=input.collected_at,
        counter_id=ids.decode_optional(input.counter_id, Noun.COUNTER, field=("input", "counterId")),
        invoice_ids=ids.decode_all(input.invoice_ids, Noun.INVOICE, field=("input", "invoiceIds")),
    )  # fmt: skip


@strawberry.input(description="Input of recordPayments: payments collected while a phone was offline.")
class RecordPaymentsInput:
    payments: list[RecordPaymentInput] = strawberry.field(
        description=f"The payments, 1 to {MAX_OF_A_BATCH}, in the order in which the money was received."
    )


@strawberry.type(description="Result of one payment of a batch.")
class RecordedPayment:
    payment: Payment | None = strawberry.field(description="The payment with its allocations; null if it was refused.")
    replayed: bool = strawberry.field(description="Whether the key had recorded this payment before, so that nothing was changed now.")
    errors: list[UserError] = strawberry.field(
        description="Reasons for which it was refused; if there are any, the payment has changed nothing."
    )


@strawberry.type(description="Result of recordPayments.")
class RecordPaymentsPayload(Payload):
    results: list[RecordedPayment] | None = strawberry.field(
        description="One result per payment, in the same order; null if the batch as a whole was refused."
    )


_OF_ONE: Final = Inputs.of_input(RecordPaymentInput)
"""What one payment of a batch takes."""


@mutation(RECEIVERS, "Record payments that were received offline. Each one is recorded or refused independently, in order.")
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
    try:
        received = _received(input)
        async with info.context.transaction() as session:
            recorded = await verbs.record(session, received)
    except SebillingError as error:
        if not in_payload(error):
            raise
        refused: SebillingError = error
    except Exception:  # noqa: BLE001 - a bug met by one payment must not fail the others
        reference = secrets.token_hex(6)
        refused = Unexpected(reference=reference)
        _log.exception("unexpected_error", reference=reference, path=["recordPayments", index])
    else:
        payment = await one(info, PAYMENT, "t.id = :id", {"id": recorded.payment_id}, below=("results", "payment"))
        return row(payment=payment, replayed=recorded.replayed, errors=[])
    refused.field = ("input", "payments", index, *_OF_ONE.path(refused.path)[1:])
    return row(payment=None, replayed=False, errors=[user_error(refused, info.context.language)])


QUERIES: Final = [payments, payment]
MUTATIONS: Final = [record_payment, record_payments]
