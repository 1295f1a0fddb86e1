"""Corrections: void an invoice, reverse a payment, write off a debt, refund credit. Each adds a row with its reason; none edits or deletes.

A document of a closed period is corrected in an open period: the correction is dated now.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import TextClause, text

from sebilling import events
from sebilling.billing import credit, deposits, differences, idempotency, late_fees, locks, scope, validation
from sebilling.billing.isolation import blocks
from sebilling.billing.payments import PaymentMethod, received_here
from sebilling.billing.validation import Problems
from sebilling.clock import local_date
from sebilling.db.engine import WriteSession
from sebilling.errors import AlreadyCorrected, InvoicePaid, NoCredit, NotFound, NothingOwed, PaymentRefunded
from sebilling.events.charges import ChargeCancelled
from sebilling.events.ids import CustomerId, PeriodId, UserId
from sebilling.events.invoices import InvoiceVoided, InvoiceWrittenOff
from sebilling.events.payments import CreditRefunded, PaymentReversed
from sebilling.ledger_errors import NoOpenPeriod
from sebilling.money import format_rupiah
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class LockedInvoice:
    """An invoice that no other operation can change until commit. Amounts are rupiah."""

    id: int
    customer_id: int
    counter_id: int
    period_id: int
    number: str
    total: int
    allocated: int
    written_off: int
    outstanding: int
    voided_at: datetime | None
    month: str
    """The period's, as `2026-02`."""
    timezone: str
    """Of its counter."""
    fees_cancelled: int
    """Part of `written_off` that cancels late fees."""


@dataclass(frozen=True, slots=True)
class LockedPayment:
    """A payment that no other operation can change until commit. Amounts are rupiah."""

    id: int
    customer_id: int
    counter_id: int
    amount: int
    method: str
    received_by: int
    allocated: int
    refunded: int
    credit: int
    reversed_at: datetime | None
    timezone: str
    """Of the counter that received it."""


@dataclass(frozen=True, slots=True)
class _Fee:
    """A late fee that is cancelled: the id and amount of its charge."""

    id: int
    amount: int


_Document = TypeVar("_Document", LockedInvoice, LockedPayment)

_INVOICE: Final = text(
    """
    SELECT invoice.id, customer_id, counter_id, period_id, number, total, allocated, written_off, outstanding, voided_at,
           to_char(month, 'YYYY-MM') AS month, timezone,
           (SELECT coalesce(sum(amount), 0) FROM write_off WHERE invoice_id = invoice.id AND kind = 'LATE_FEE'
               AND NOT EXISTS (SELECT FROM write_off_reversal WHERE write_off_id = write_off.id))::bigint AS fees_cancelled
      FROM invoice JOIN period ON period.id = period_id JOIN counter ON counter.id = counter_id WHERE invoice.id = :invoice
    """
)
# The invoice's own period while it is open; else the latest open period after it that has begun, else the first one to begin.
_DATED_IN: Final = text(
    """
    SELECT open.id FROM period own JOIN period open ON open.closed_at IS NULL AND open.month >= own.month
     WHERE own.id = :period
     ORDER BY open.id <> own.id, open.month > :today, CASE WHEN open.month > :today THEN open.month - :today ELSE :today - open.month END
     LIMIT 1
    """
)
_KEEP_OPEN: Final = text("SELECT id FROM period WHERE id = :period AND closed_at IS NULL FOR SHARE")
_VOID: Final = text("INSERT INTO invoice_void VALUES (:invoice, :period, :reason, :at, :user)")
# Late fees of void invoices that are not invoiced: for this invoice, or billed on it. (late_fees handles those on another invoice.)
_FORGIVE_FEES: Final = text(
    """
    UPDATE charge SET cancelled_at = :at
     WHERE customer_id = :customer AND invoice_id IS NULL AND cancelled_at IS NULL
       AND (SELECT voided_at FROM invoice WHERE id = overdue_invoice_id) IS NOT NULL
    RETURNING id, amount
    """
)
_DEALLOCATE: Final = """
    INSERT INTO deallocation (allocation_id, deallocated_at)
    SELECT id, :at FROM allocation WHERE {which} AND NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = allocation.id)
"""
_DEALLOCATE_INVOICE: Final = text(_DEALLOCATE.format(which="invoice_id = :invoice"))
_DEALLOCATE_PAYMENT: Final = text(_DEALLOCATE.format(which="payment_id = :payment"))
_PAYMENT: Final = text(
    """
    SELECT payment.id, customer_id, counter_id, amount, method, received_by, allocated, refunded, credit, reversed_at, timezone
      FROM payment JOIN counter ON counter.id = counter_id WHERE payment.id = :payment
    """
)
_REVERSE: Final = text("INSERT INTO payment_reversal VALUES (:payment, :reason, :at, :day, :user)")
_WRITE_OFF: Final = text(
    """
    INSERT INTO write_off (id, invoice_id, amount, reason, written_off_at, written_off_on, written_off_by) OVERRIDING SYSTEM VALUE
    VALUES (:id, :invoice, :amount, :reason, :at, :day, :user)
    """
)
_REFUND: Final = text(
    """
    INSERT INTO refund (id, payment_id, counter_id, amount, method, reason, refunded_at, refunded_on, refunded_by) OVERRIDING SYSTEM VALUE
    VALUES (:id, :payment, :counter, :amount, :method, :reason, :at, :day, :collector)
    """
)


async def void_invoice(session: WriteSession, invoice_id: int, *, reason: str, key: str, release_payments: bool = False) -> bool:
    """Void an invoice: it keeps its number, and its days and charges can be billed again.

    Returns True if the request is a replay of its key. With `release_payments`, money allocated to the invoice becomes credit and
    settles the customer's other debts. The void is in the recap of the invoice's period if that is open, else of a later open one.
    Raises InvalidText, NotFound, InvoicePaid, AlreadyCorrected, NoOpenPeriod, IdempotencyMismatch.
    """
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
    claim = await idempotency.claim(session, "voidInvoice", key, [invoice_id, why, release_payments], result_id=invoice_id)
    if claim.replayed:
        return True
    invoice = await locked_invoice(session, invoice_id)
    if invoice.voided_at is not None:
        raise AlreadyCorrected(field="invoice_id", noun=Noun.INVOICE, given=invoice.number)
    given_up = invoice.written_off - invoice.fees_cancelled
    if given_up or (invoice.allocated and not release_payments):
        raise InvoicePaid(field="invoice_id", given=invoice.number)
    dated_in = await _dated_in(session, invoice)
    await late_fees.uncancel(session, invoice_id, customer_id=invoice.customer_id, counter_id=invoice.counter_id, timezone=invoice.timezone)
    await session.execute(_DEALLOCATE_INVOICE, {"invoice": invoice_id, "at": session.at})
    await session.execute(
        _VOID, {"invoice": invoice_id, "period": dated_in, "reason": why, "at": session.at, "user": session.actor.user_id}
    )
    customer_id = CustomerId.of(invoice.customer_id)
    for fee in await session.rows(_FORGIVE_FEES, {"customer": invoice.customer_id, "at": session.at}, into=_Fee):
        cancelled = ChargeCancelled(customer_id=customer_id, amount=fee.amount, reason="tagihan yang terlambat itu dibatalkan")
        await events.append(session, cancelled, subject_id=fee.id, counter_id=invoice.counter_id)
    await late_fees.cancel_billed(session, invoice_id)
    await credit.settle(session, invoice.customer_id)
    await blocks.reconsider(session, [invoice.customer_id])
    voided = InvoiceVoided(
        customer_id=customer_id, period_id=PeriodId.of(dated_in), total=invoice.total, released=invoice.allocated, reason=why
    )
    await events.append(session, voided, subject_id=invoice_id, counter_id=invoice.counter_id)
    return False


async def _dated_in(session: WriteSession, invoice: LockedInvoice) -> int:
    """Return the period whose recap includes the void, and keep it open until commit. Raises NoOpenPeriod."""
    wanted = {"period": invoice.period_id, "today": local_date(session.at, invoice.timezone)}
    while (period_id := await session.value(_DATED_IN, wanted, kind=int)) is not None:
        # None: it was closed while this waited; try the next
        if await session.value(_KEEP_OPEN, {"period": period_id}, kind=int) is not None:
            return period_id
    raise NoOpenPeriod(field="invoice_id", month=invoice.month)


async def reverse_payment(session: WriteSession, payment_id: int, *, reason: str, key: str) -> bool:
    """Reverse a payment that was not received: its invoices are open again and may be settled by other credit.

    Returns True if the request is a replay of its key. Cash must still be in the collector's drawer, not deposited. A surplus that
    the payment had used is open again. Raises InvalidText, NotFound, AlreadyCorrected, PaymentRefunded, InsufficientCash,
    IdempotencyMismatch.
    """
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
    claim = await idempotency.claim(session, "reversePayment", key, [payment_id, why], result_id=payment_id)
    if claim.replayed:
        return True
    payment = await locked_payment(session, payment_id)
    if payment.reversed_at is not None:
        raise AlreadyCorrected(field="payment_id", noun=Noun.PAYMENT, given=payment_id)
    if payment.refunded:
        raise PaymentRefunded(field="payment_id", refunded=format_rupiah(payment.refunded), given=Noun.PAYMENT.id(payment_id))
    if payment.method == PaymentMethod.CASH:
        await locks.drawers(session, payment.received_by)
        drawer = {"counter_id": payment.counter_id, "collector_id": payment.received_by}
        await differences.reverse_settlements(session, payment_id, timezone=payment.timezone, **drawer)
        await deposits.check_drawer(session, amount=payment.amount, **drawer)
    day = local_date(session.at, payment.timezone)
    await session.execute(_DEALLOCATE_PAYMENT, {"payment": payment_id, "at": session.at})
    await session.execute(_REVERSE, {"payment": payment_id, "reason": why, "at": session.at, "day": day, "user": session.actor.user_id})
    await credit.settle(session, payment.customer_id)
    reversed_payment = PaymentReversed(
        customer_id=CustomerId.of(payment.customer_id), amount=payment.amount, reopened=payment.allocated, reason=why
    )
    await events.append(session, reversed_payment, subject_id=payment_id, counter_id=payment.counter_id)
    return False


async def write_off(session: WriteSession, invoice_id: int, *, reason: str, key: str, amount: int | None = None) -> bool:
    """Write off `amount` rupiah (None: all) of what an invoice still owes. Returns True if the request is a replay of its key.

    Raises InvalidText, InvalidAmount, NotFound, NothingOwed, IdempotencyMismatch.
    """
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
        amount = None if amount is None else check(validation.rupiah, amount, field="amount", least=1)
    claim = await idempotency.claim(session, "writeOff", key, [invoice_id, why, amount], table="write_off")
    if claim.replayed:
        return True
    invoice = await locked_invoice(session, invoice_id)
    taken = invoice.outstanding if amount is None else amount
    if taken > invoice.outstanding or taken == 0:
        raise NothingOwed(field="invoice_id", given=invoice.number, outstanding=format_rupiah(invoice.outstanding))
    day = local_date(session.at, invoice.timezone)
    await session.execute(
        _WRITE_OFF,
        {"id": claim.result_id, "invoice": invoice_id, "amount": taken, "reason": why, "at": session.at, "day": day,
         "user": session.actor.user_id},
    )  # fmt: skip
    await blocks.reconsider(session, [invoice.customer_id])
    written_off = InvoiceWrittenOff(customer_id=CustomerId.of(invoice.customer_id), amount=taken, reason=why)
    await events.append(session, written_off, subject_id=invoice_id, counter_id=invoice.counter_id)
    return False


async def refund(
    session: WriteSession, payment_id: int, *, method: PaymentMethod, reason: str, key: str, amount: int | None = None,
    collector_id: int | None = None,
) -> bool:  # fmt: skip
    """Refund `amount` rupiah (None: all) of a payment's credit. Returns True if the request is a replay of its key.

    Cash leaves the drawer of `collector_id` (None: the caller's) at the payment's counter. Raises InvalidText, InvalidAmount,
    NotFound, NoCredit, InsufficientCash, Forbidden, IdempotencyMismatch.
    """
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
        amount = None if amount is None else check(validation.rupiah, amount, field="amount", least=1)
        check(received_here, method)
    claim = await idempotency.claim(session, "refundCredit", key, [payment_id, method.value, why, amount, collector_id], table="refund")
    if claim.replayed:
        return True
    payment = await locked_payment(session, payment_id)
    refunded = payment.credit if amount is None else amount
    if refunded > payment.credit or refunded == 0:
        raise NoCredit(field="payment_id", credit=format_rupiah(payment.credit), given=Noun.PAYMENT.id(payment_id))
    giver = session.actor.user_id if collector_id is None else collector_id
    if giver is None:
        raise RuntimeError("a refund needs a signed-in user, whose drawer the cash leaves")
    scope.own_drawer(session.actor, giver)
    await locks.drawers(session, giver)
    if method is PaymentMethod.CASH:
        await deposits.check_drawer(session, payment.counter_id, giver, refunded)
    await session.execute(
        _REFUND,
        {"id": claim.result_id, "payment": payment_id, "counter": payment.counter_id, "amount": refunded, "method": method.value,
         "reason": why, "at": session.at, "day": local_date(session.at, payment.timezone), "collector": giver},
    )  # fmt: skip
    payload = CreditRefunded(
        customer_id=CustomerId.of(payment.customer_id), collector_id=UserId.of(giver), amount=refunded, method=method, reason=why
    )
    await events.append(session, payload, subject_id=payment_id, counter_id=payment.counter_id)
    return False


async def locked_invoice(session: WriteSession, invoice_id: int, *, missing: NotFound | None = None) -> LockedInvoice:
    """Lock the invoice's customer, counter and all of the customer's money, then read the invoice. Raises NotFound, or `missing`."""
    missing = missing or NotFound(field="invoice_id", noun=Noun.INVOICE, given=invoice_id)
    return await _locked(session, _INVOICE, {"invoice": invoice_id}, into=LockedInvoice, missing=missing)


async def locked_payment(session: WriteSession, payment_id: int, *, missing: NotFound | None = None) -> LockedPayment:
    """Lock the payment's customer, counter and all of the customer's money, then read the payment. Raises NotFound, or `missing`."""
    missing = missing or NotFound(field="payment_id", noun=Noun.PAYMENT, given=payment_id)
    return await _locked(session, _PAYMENT, {"payment": payment_id}, into=LockedPayment, missing=missing)


async def _locked(
    session: WriteSession, statement: TextClause, which: dict[str, int], *, into: type[_Document], missing: NotFound
) -> _Document:
    # Read twice: the first read finds the customer to lock; the second reads the row once nobody else can change it.
    for locked in (False, True):
        row = await session.row(statement, which, into=into)
        if row is None or row.counter_id not in session.actor.scope:
            raise missing
        if locked:
            return row
        await locks.customer(session, row.customer_id, missing=missing)
        await locks.money(session, row.customer_id)
    raise AssertionError
