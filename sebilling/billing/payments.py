"""Pembayaran: money received, what it settles, and what is left over as credit."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import orjson
from sqlalchemy import text

from sebilling.billing import idempotency, validation
from sebilling.db.engine import WriteSession
from sebilling.errors import IdempotencyMismatch, InvalidDate, InvalidText, InvoiceNotPayable, NotFound

MAX_AHEAD: Final = timedelta(minutes=15)
"""How far a phone's clock may be ahead of ours."""
MAX_PAST: Final = timedelta(days=180)
"""How long ago money may have changed hands: nobody is offline for longer, so the clock is wrong."""


class PaymentMethod(StrEnum):
    """How money came."""

    CASH = "CASH"
    TRANSFER = "TRANSFER"
    QRIS = "QRIS"
    OTHER = "OTHER"
    OPENING = "OPENING"
    """Saldo awal: paid ahead in the system before. Never received here."""


class SurplusReason(StrEnum):
    """Why something of a payment was left over when it came."""

    OVERPAID = "OVERPAID"
    IN_ADVANCE = "IN_ADVANCE"
    ALREADY_PAID = "ALREADY_PAID"


@dataclass(frozen=True, slots=True)
class Received:
    """Money as someone received it. Ids are numbers of rows; `amount` is rupiah."""

    customer_id: int
    amount: int
    method: PaymentMethod
    key: str
    """Made by the device, one per payment: the same key again is the same payment."""
    counter_id: int | None = None
    """None: the customer's own."""
    collected_at: datetime | None = None
    """By the phone's clock, within MAX_PAST and MAX_AHEAD of ours; None: now."""
    note: str = ""
    invoice_ids: Sequence[int] | None = None
    """Pay these first, in this order; None or empty: the oldest first. What they leave settles the other debts, the oldest first."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A payment's id; `replayed` if the key had recorded it before."""

    payment_id: int
    replayed: bool


_RECORD: Final = text(
    """
    SELECT outcome, payment_id, fact
      FROM record_payment(:user, :user_name, :key, :fingerprint, :customer, :counter, CAST(:scope AS bigint[]), :amount, :method,
                          :collected_at, :at, :note, CAST(:invoices AS bigint[]))
    """
)


def received_here(method: PaymentMethod) -> None:
    """Make sure that money can come, or be given back, so. Raises InvalidText."""
    if method is PaymentMethod.OPENING:
        why = "opening balances come in with an import; choose how the money changes hands."
        raise InvalidText(field=("input", "method"), what="The method OPENING", why=why)


async def record(session: WriteSession, received: Received) -> Recorded:
    """Record a payment: settle the invoices named, then the oldest; what no debt takes is kept as credit.

    One round trip to `record_payment` in db/sql. Whatever `collected_at` says, it stands in the recap of the counter's day on
    which it is recorded, so that no closed period changes. Money that a phone gathered (with `collected_at`) is taken for a customer
    who belonged to one of the actor's counters in the last MAX_PAST, and at a counter where the actor worked when it was collected.
    Raises InvalidAmount, InvalidDate, InvalidText, NotFound,
    InvoiceNotPayable, IdempotencyMismatch; whoever raises must not commit.
    """
    actor = session.actor
    received_here(received.method)
    if actor.user_id is None:
        raise RuntimeError("money is received by a signed-in user, whose name stands on the receipt")
    amount = validation.rupiah(received.amount, field=("input", "amount"), least=1)
    note = validation.clean(received.note, what="The note", field=("input", "note"), most=500, required=False)
    key = idempotency.key(received.key)
    # A phone's clock may be a little wrong; the money is real, and days are counted by the server's clock.
    collected_at = received.collected_at or session.at
    # what the client sent, so that "now" and "own counter" stay equal to themselves
    invoices = list(received.invoice_ids) if received.invoice_ids else None
    body = [received.customer_id, amount, received.method.value, received.counter_id, note, invoices,
            None if received.collected_at is None else received.collected_at.timestamp()]  # fmt: skip
    row = await session.row(
        _RECORD,
        {"user": actor.user_id, "user_name": actor.name, "key": key, "fingerprint": hashlib.sha256(orjson.dumps(body)).digest(),
         "customer": received.customer_id, "counter": received.counter_id, "scope": actor.scope.ids, "amount": amount,
         "method": received.method.value, "collected_at": collected_at, "at": session.at, "note": note,
         "invoices": invoices},
    )  # fmt: skip
    if row is None:
        raise RuntimeError("record_payment gave no row")
    match row.outcome:
        case "RECORDED":
            _check_clock(collected_at, at=session.at)
            return Recorded(row.payment_id, replayed=False)
        case "REPLAYED":  # what was taken once is taken, however long ago
            return Recorded(row.payment_id, replayed=True)
        case "UNKNOWN_CUSTOMER":
            raise NotFound(field=("input", "customerId"), noun="customer", given=f"cus_{received.customer_id}")
        case "UNKNOWN_COUNTER":
            raise NotFound(field=("input", "counterId"), noun="counter", given=f"cou_{received.counter_id}")
        case "INVOICE_NOT_PAYABLE":
            raise InvoiceNotPayable(field=("input", "invoiceIds"), given=f"inv_{row.fact}")
        case "IDEMPOTENCY_MISMATCH":
            raise IdempotencyMismatch(field=("input", "idempotencyKey"), key=key)
        case outcome:
            raise RuntimeError(f"record_payment answered {outcome}")


def _check_clock(collected_at: datetime, *, at: datetime) -> None:
    """Raises InvalidDate for what no clock in order says."""
    if at - MAX_PAST <= collected_at <= at + MAX_AHEAD:
        return
    wrong = "it lies ahead of the server's clock" if collected_at > at else f"it is more than {MAX_PAST.days} days ago"
    why = f"{wrong}: set the phone's clock (here it is {at:%Y-%m-%d %H:%M} UTC), or send it again without collectedAt."
    raise InvalidDate(field=("input", "collectedAt"), given=collected_at.isoformat(), why=why)
