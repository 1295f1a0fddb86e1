"""Reversals of corrections, such as a write-off of the wrong invoice or a refund that was not paid. Each correction is reversed once."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import corrections, credit, idempotency, locks, validation
from sebilling.billing.isolation import blocks
from sebilling.billing.validation import Problems
from sebilling.clock import local_date
from sebilling.db.engine import WriteSession
from sebilling.errors import AlreadyCorrected, NotFound
from sebilling.events.ids import CustomerId, RefundId, UserId, WriteOffId
from sebilling.events.invoices import InvoiceWriteOffReversed
from sebilling.events.payments import CreditRefundReversed
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class _WriteOff:
    invoice_id: int
    amount: int
    kind: str
    reversed: bool


@dataclass(frozen=True, slots=True)
class _Refund:
    payment_id: int
    counter_id: int
    amount: int
    method: str
    refunded_by: int
    timezone: str
    """Of the counter whose recap includes it."""
    reversed: bool


_WRITE_OFF: Final = text(
    """
    SELECT invoice_id, amount, kind, EXISTS (SELECT FROM write_off_reversal WHERE write_off_id = write_off.id) AS reversed
      FROM write_off WHERE id = :id
    """
)
_REVERSE_WRITE_OFF: Final = text(
    "INSERT INTO write_off_reversal (write_off_id, reason, reversed_at, reversed_on, reversed_by) VALUES (:id, :reason, :at, :day, :user)"
)
_REFUND: Final = text(
    """
    SELECT payment_id, counter_id, amount, method, refunded_by,
           (SELECT timezone FROM counter WHERE counter.id = counter_id) AS timezone,
           EXISTS (SELECT FROM refund_reversal WHERE refund_id = refund.id) AS reversed
      FROM refund WHERE id = :id
    """
)
_REVERSE_REFUND: Final = text(
    "INSERT INTO refund_reversal (refund_id, reason, reversed_at, reversed_on, reversed_by) VALUES (:id, :reason, :at, :day, :user)"
)


async def reverse_write_off(session: WriteSession, write_off_id: int, *, invoice_id: int, reason: str, key: str) -> bool:
    """Reverse a write-off: the invoice owes that amount again, and credit settles it. Returns True if the request is a replay of its key.

    This blocks nobody: the next sweep finds customers who are overdue again. The cancellation of a late fee belongs to a void, and
    reversing it raises NotFound. Raises InvalidText, NotFound, AlreadyCorrected, IdempotencyMismatch.
    """
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
    claim = await idempotency.claim(session, "reverseWriteOff", key, [write_off_id, invoice_id, why], result_id=write_off_id)
    if claim.replayed:
        return True
    missing = NotFound(field="write_off_id", noun=Noun.WRITE_OFF, given=write_off_id)
    written_off = await session.row(_WRITE_OFF, {"id": write_off_id}, into=_WriteOff)
    if written_off is None or written_off.kind != "BAD_DEBT" or written_off.invoice_id != invoice_id:
        raise missing
    invoice = await corrections.locked_invoice(session, invoice_id, missing=missing)
    written_off = await session.only_row(_WRITE_OFF, {"id": write_off_id}, into=_WriteOff)  # it is append-only
    if written_off.reversed:
        raise AlreadyCorrected(field="write_off_id", noun=Noun.WRITE_OFF, given=write_off_id)
    await session.execute(
        _REVERSE_WRITE_OFF,
        {"id": write_off_id, "reason": why, "at": session.at, "day": local_date(session.at, invoice.timezone),
         "user": session.actor.user_id},
    )  # fmt: skip
    await credit.settle(session, invoice.customer_id)
    reversal = InvoiceWriteOffReversed(
        customer_id=CustomerId.of(invoice.customer_id), write_off_id=WriteOffId.of(write_off_id), amount=written_off.amount, reason=why
    )
    await events.append(session, reversal, subject_id=invoice.id, counter_id=invoice.counter_id)
    return False


async def reverse_refund(session: WriteSession, refund_id: int, *, payment_id: int, reason: str, key: str) -> bool:
    """Reverse a refund that was not paid: it is credit again and settles debts, and cash is back in the drawer that it had left.

    Returns True if the request is a replay of its key. Raises InvalidText, NotFound, AlreadyCorrected, IdempotencyMismatch.
    """
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
    claim = await idempotency.claim(session, "reverseRefund", key, [refund_id, payment_id, why], result_id=refund_id)
    if claim.replayed:
        return True
    missing = NotFound(field="refund_id", noun=Noun.REFUND, given=refund_id)
    refund = await session.row(_REFUND, {"id": refund_id}, into=_Refund)
    if refund is None or refund.payment_id != payment_id:
        raise missing
    payment = await corrections.locked_payment(session, payment_id, missing=missing)
    await locks.drawers(session, refund.refunded_by)
    refund = await session.only_row(_REFUND, {"id": refund_id}, into=_Refund)  # it is append-only
    if refund.reversed:
        raise AlreadyCorrected(field="refund_id", noun=Noun.REFUND, given=refund_id)
    await session.execute(
        _REVERSE_REFUND,
        {"id": refund_id, "reason": why, "at": session.at, "day": local_date(session.at, refund.timezone), "user": session.actor.user_id},
    )
    await credit.settle(session, payment.customer_id)
    await blocks.reconsider(session, [payment.customer_id])
    reversal = CreditRefundReversed(
        customer_id=CustomerId.of(payment.customer_id), collector_id=UserId.of(refund.refunded_by), refund_id=RefundId.of(refund_id),
        amount=refund.amount, method=refund.method, reason=why,
    )  # fmt: skip
    await events.append(session, reversal, subject_id=payment.id, counter_id=refund.counter_id)
    return False
