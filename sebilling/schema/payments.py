"""Pembayaran in GraphQL."""

import secrets
from typing import Annotated, Any, Final, Optional

import strawberry

from sebilling.billing import payments as verbs
from sebilling.billing.payments import PaymentMethod, SurplusReason
from sebilling.errors import InvalidNumber, SebillingError, Unexpected
from sebilling.logs import get_logger
from sebilling.schema.counters import Counter
from sebilling.schema.customers import Customer
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, RECEIVERS, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.errors import UserError, in_payload, user_error
from sebilling.schema.engine.payloads import INPUT, Key, Payload, row
from sebilling.schema.engine.reading import Conditions, Link, Node, Order, one, page
from sebilling.schema.engine.scalars import Day, Instant, Rupiah
from sebilling.schema.invoices import LIVE_ALLOCATION, REVERSAL_COLUMNS, Invoice, Reversal

_log = get_logger(__name__)
MAX_OF_A_BATCH: Final = 100
"""Payments."""


@strawberry.type(description="A part of a payment that settles a part of an invoice.")
class Allocation:
    amount: Rupiah = strawberry.field(description="How much.")
    allocated_at: Instant = strawberry.field(description="When.")
    invoice_number: str = strawberry.field(description="What it settles, as on the receipt.")
    invoice: Invoice | None = strawberry.field(description="What it settles; null if it is of a counter that the caller may not see.")
    payment: Optional["Payment"] = strawberry.field(
        description="Out of which payment; null if it was received at a counter that the caller may not see."
    )


@strawberry.type(description="Why and when a payment was reversed.")
class PaymentReversal:
    reason: str = strawberry.field(description="Why.")
    reversed_at: Instant = strawberry.field(description="When.")
    reversed_on: Day = strawberry.field(description="The counter's day, in whose recap it stands.")
    reversed_by: str | None = strawberry.field(description="By whom.")


@strawberry.type(description="Credit given back to the customer.")
class Refund:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    reversal: Reversal | None = strawberry.field(description="Its reversal, if it was not given after all.")
    amount: Rupiah = strawberry.field(description="How much.")
    method: PaymentMethod = strawberry.field(description="How.")
    reason: str = strawberry.field(description="Why.")
    refunded_at: Instant = strawberry.field(description="When.")
    refunded_by: str = strawberry.field(description="Who gave it, and whose cash it was.")


@strawberry.type(description="Pembayaran: money received from a customer. Never edited, never deleted.")
class Payment:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    amount: Rupiah = strawberry.field(description="Received.")
    receipt_number: str = strawberry.field(description="Gapless per counter and month, such as KW/2026-02/LKT01/000123.")
    credit: Rupiah = strawberry.field(description="Titipan: what no invoice has taken and nobody was given back.")
    refunded: Rupiah = strawberry.field(description="What was given back.")
    surplus_because: SurplusReason | None = strawberry.field(
        description="Why it came as more than was asked for; null if it didn't. ALREADY_PAID also if another debt has taken it."
    )
    credit_held_because: str | None = strawberry.field(
        description="Why its credit settles no invoice by itself; null if it does, as it is without holdCredit."
    )
    method: PaymentMethod = strawberry.field(description="How it came.")
    collected_at: Instant = strawberry.field(description="When the money changed hands, by the clock of the device.")
    received_at: Instant = strawberry.field(description="When the server recorded it.")
    received_on: Day = strawberry.field(description="The counter's day in whose recap it stands.")
    received_by: str = strawberry.field(description="Name of who received it.")
    note: str = strawberry.field(description="May be empty.")
    customer: Customer | None = strawberry.field(description="Who paid; null if they are of a counter that the caller may not see.")
    customer_code: str = strawberry.field(description="Code of who paid, as on the receipt.")
    customer_name: str = strawberry.field(description="Name of who paid, as on the receipt.")
    counter: Counter = strawberry.field(description="Where it was received.")
    allocations: list[Allocation] = strawberry.field(description="What it settled, in order.")
    reversal: PaymentReversal | None = strawberry.field(description="Its reversal, if it was reversed.")
    refunds: list[Refund] = strawberry.field(description="What was given back, in order.")


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
        "id": ids.column("payment", "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("amount", "method", "collected_at", "received_at", "received_on", "note")},
        "credit": "{t}.credit",
        "refunded": "{t}.refunded",
        "surplus_because": "nullif({t}.surplus_because, '')",
        "credit_held_because": "(SELECT reason FROM credit_hold WHERE payment_id = {t}.id AND released_at IS NULL)",
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
        "id": ids.column("refund", "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("amount", "method", "reason", "refunded_at")},
        "refunded_by": "(SELECT name FROM app_user WHERE id = {t}.refunded_by)",
    },
    {"reversal": Link("refund_reversal", "{n}.refund_id = {t}.id")},
)
REFUND_REVERSAL: Final = Node("refund_reversal", REVERSAL_COLUMNS)
_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@strawberry.input(description="Which payments; every condition given must hold.")
class PaymentFilter:
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Received at this counter.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Of this customer.")
    method: PaymentMethod | None = strawberry.field(default=None, description="That came so.")
    surplus_because: SurplusReason | None = strawberry.field(
        default=None, description="That came as more than was asked for, for this reason."
    )
    received_from: Day | None = strawberry.field(default=None, description="Received on this day or later.")
    received_until: Day | None = strawberry.field(default=None, description="Received before this day.")


@query(COUNTERS, "Payments received at the counters that the caller may see, the newest first.")
async def payments(
    info: Info,
    first: First = 50,
    after: After = None,
    filter: Annotated[PaymentFilter | None, strawberry.argument(description="Which; all if left out.")] = None,
) -> Connection[Payment]:
    conditions = {} if filter is None else _conditions(filter)
    return await page(info, PAYMENT, first=first, after=after, order=_NEWEST, conditions=conditions)


def _conditions(given: PaymentFilter) -> Conditions:
    found: Conditions = {}
    if given.counter_id is not None:
        found["t.counter_id = :counter"] = {"counter": ids.decode(given.counter_id, "counter", field=("filter", "counterId"))}
    if given.customer_id is not None:
        found["t.customer_id = :customer"] = {"customer": ids.decode(given.customer_id, "customer", field=("filter", "customerId"))}
    if given.method is not None:
        found["t.method = :method"] = {"method": given.method.value}
    if given.surplus_because is not None:
        found["t.surplus_because = :surplus_because"] = {"surplus_because": given.surplus_because.value}
    if given.received_from is not None:
        found["t.received_on >= :received_from"] = {"received_from": given.received_from}
    if given.received_until is not None:
        found["t.received_on < :received_until"] = {"received_until": given.received_until}
    return found


@query(COUNTERS, "One payment; null if there is none, or none that the caller may see.")
async def payment(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> Payment | None:
    return await one(info, PAYMENT, "t.id = :id", {"id": ids.decode(id, "payment", field=("id",))})


@strawberry.input(description="Money received.")
class RecordPaymentInput:
    customer_id: strawberry.ID = strawberry.field(description="Who paid.")
    amount: Rupiah = strawberry.field(description="1 to 10^12. What is more than owed is kept as credit.")
    idempotency_key: Key = strawberry.field(
        description="8 to 100 characters, made by the device, one per payment: the same key again is the same payment."
    )
    method: PaymentMethod = strawberry.field(default=PaymentMethod.CASH, description="How it came.")
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Where; the customer's own if left out.")
    collected_at: Instant | None = strawberry.field(default=None, description="When, by the clock of the device; now if left out.")
    note: str = strawberry.field(default="", description="At most 500 characters.")
    invoice_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Settle these first, in this order; then, and if left out or empty, the oldest."
    )


@strawberry.type(description="What came of recordPayment.")
class RecordPaymentPayload(Payload):
    payment: Payment | None = strawberry.field(description="The payment, with what it settled.")
    replayed: bool = strawberry.field(description="The key had recorded this payment before; nothing happened now.")


@mutation(RECEIVERS, "Take money: settles invoices, the oldest first, and keeps what is left over as credit.")
async def record_payment(info: Info, input: Annotated[RecordPaymentInput, INPUT]) -> RecordPaymentPayload:
    received = _received(input)
    async with info.context.transaction() as session:
        recorded = await verbs.record(session, received)
    found = await one(info, PAYMENT, "t.id = :id", {"id": recorded.payment_id}, below=("payment",))
    return row(payment=found, replayed=recorded.replayed)


def _received(given: RecordPaymentInput) -> verbs.Received:
    """Raises InvalidId."""
    return verbs.Received(
        customer_id=ids.decode(given.customer_id, "customer", field=("input", "customerId")), amount=given.amount,
        method=given.method, key=given.idempotency_key, note=given.note, collected_at=given.collected_at,
        counter_id=ids.decode_optional(given.counter_id, "counter", field=("input", "counterId")),
        invoice_ids=ids.decode_all(given.invoice_ids, "invoice", field=("input", "invoiceIds")),
    )  # fmt: skip


@strawberry.input(description="Payments that a phone gathered while it was offline.")
class RecordPaymentsInput:
    payments: list[RecordPaymentInput] = strawberry.field(description=f"1 to {MAX_OF_A_BATCH}, in the order in which the money came.")


@strawberry.type(description="What came of one payment of a batch.")
class RecordedPayment:
    payment: Payment | None = strawberry.field(description="The payment, with what it settled; null if it was refused.")
    replayed: bool = strawberry.field(description="The key had recorded this payment before; nothing happened now.")
    errors: list[UserError] = strawberry.field(description="Why it was refused; then it has changed nothing.")


@strawberry.type(description="What came of recordPayments.")
class RecordPaymentsPayload(Payload):
    results: list[RecordedPayment] | None = strawberry.field(
        description="One for each payment, in their order; null if the batch as a whole was refused."
    )


@mutation(RECEIVERS, "Take money that was received offline: each payment is recorded or refused alone, one after the other.")
async def record_payments(info: Info, input: Annotated[RecordPaymentsInput, INPUT]) -> RecordPaymentsPayload:
    count = len(input.payments)
    if not 1 <= count <= MAX_OF_A_BATCH:
        why = f"send 1 to {MAX_OF_A_BATCH} at a time."
        raise InvalidNumber(field=("input", "payments"), what="Payments in a batch", given=count, why=why)
    return row(results=[await _one_of_batch(info, given, str(place)) for place, given in enumerate(input.payments)])


async def _one_of_batch(info: Info, given: RecordPaymentInput, place: str) -> Any:
    """Record it in a transaction of its own; whatever is wrong with it must not keep the ones behind it waiting for ever.

    Raises Unavailable: then the phone sends the batch again, and what was recorded is replayed.
    """
    try:
        received = _received(given)
        async with info.context.transaction() as session:
            recorded = await verbs.record(session, received)
    except SebillingError as error:
        if not in_payload(error):
            raise
        refused: SebillingError = error
    except Exception:  # noqa: BLE001 - a fault of ours in one payment isn't one in the others
        refused = Unexpected(field=("input",), reference=secrets.token_hex(6))
        _log.exception("unexpected_error", reference=refused.facts["reference"], path=["recordPayments", place])
    else:
        found = await one(info, PAYMENT, "t.id = :id", {"id": recorded.payment_id}, below=("results", "payment"))
        return row(payment=found, replayed=recorded.replayed, errors=[])
    refused.field = ("input", "payments", place, *refused.field[1:])
    return row(payment=None, replayed=False, errors=[user_error(refused, info.context.language)])


QUERIES: Final = [payments, payment]
MUTATIONS: Final = [record_payment, record_payments]
