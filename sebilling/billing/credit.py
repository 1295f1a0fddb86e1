"""Customer credit (titipan): money not allocated to an invoice. It pays the next invoice, is held, or is refunded.

No customer has both credit and a debt: every operation that releases money or opens a debt calls `settle` in its transaction. The
exception is credit on hold (`hold`), which stays until `apply` ends the hold.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import idempotency, locks, validation
from sebilling.billing.isolation import blocks
from sebilling.billing.validation import Problems
from sebilling.db.engine import WriteSession
from sebilling.errors import AlreadyCorrected, AlreadyHeld, NoCredit, NotFound, NothingOwed
from sebilling.events.ids import CustomerId, InvoiceId
from sebilling.events.payments import CreditApplied, CreditHeld
from sebilling.money import format_rupiah
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class _Balance:
    """What a customer owes on the invoices to settle, and their credit, in rupiah."""

    owed: int
    credit: int


@dataclass(frozen=True, slots=True)
class _Payment:
    customer_id: int
    counter_id: int


_OPEN: Final = text(
    """
    SELECT coalesce(sum(outstanding), 0)::bigint AS owed,
           (SELECT coalesce(sum(credit), 0)::bigint FROM payment WHERE customer_id = :customer AND credit > 0) AS credit
      FROM invoice WHERE customer_id = :customer AND outstanding > 0 AND (CAST(:invoice AS bigint) IS NULL OR id = :invoice)
    """
)
_THEIRS: Final = text("SELECT EXISTS (SELECT FROM invoice WHERE id = :invoice AND customer_id = :customer)")
# Oldest payment first: each pays what the earlier ones left open.
_APPLY_TO: Final = text(
    """
    WITH money AS (
        SELECT id, credit, sum(credit) OVER (ORDER BY id) - credit AS before FROM payment WHERE customer_id = :customer AND credit > 0
    ), added AS (
        INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at)
        SELECT money.id, invoice.id, least(credit, outstanding - before), :at
          FROM invoice JOIN money ON before < outstanding WHERE invoice.id = :invoice ORDER BY money.id
        RETURNING amount
    )
    SELECT coalesce(sum(amount), 0)::bigint FROM added
    """
)
_SETTLE: Final = text("SELECT settle_credit(:customer, :at, :user, :user_name)")
_PAYMENT: Final = text("SELECT customer_id, counter_id FROM payment WHERE id = :payment")
_REVERSED: Final = text("SELECT reversed_at IS NOT NULL FROM payment WHERE id = :payment")
_HOLD: Final = text(
    """
    INSERT INTO credit_hold (payment_id, reason, held_at, held_by) VALUES (:payment, :reason, :at, :user)
    ON CONFLICT DO NOTHING RETURNING id
    """
)
_RELEASE: Final = text(
    """
    UPDATE credit_hold SET released_at = :at, released_by = :user FROM payment
     WHERE payment.id = payment_id AND payment.customer_id = :customer AND released_at IS NULL
    """
)


async def settle(session: WriteSession, customer_id: int) -> None:
    """Settle the customer's open invoices with their free credit, the oldest of both first. Writes `credit.applied`.

    The caller holds the locks of `locks.customer` and `locks.money`, and calls `blocks.reconsider` if the debt has become smaller.
    """
    actor = session.actor
    await session.execute(_SETTLE, {"customer": customer_id, "at": session.at, "user": actor.user_id, "user_name": actor.name})


async def hold(session: WriteSession, payment_id: int, *, reason: str, key: str) -> bool:
    """Hold a payment's credit, present and future, so that it settles no debts. Returns True if the request is a replay of its key.

    For money whose use is not clear yet, such as a deposit for a device, or a possible refund. `apply` ends the hold.
    Raises InvalidText, NotFound, AlreadyCorrected (the payment was reversed), AlreadyHeld, IdempotencyMismatch.
    """
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
    claim = await idempotency.claim(session, "holdCredit", key, [payment_id, why], result_id=payment_id)
    if claim.replayed:
        return True
    missing = NotFound(field="payment_id", noun=Noun.PAYMENT, given=payment_id)
    payment = await session.row(_PAYMENT, {"payment": payment_id}, into=_Payment)
    if payment is None or payment.counter_id not in session.actor.scope:
        raise missing
    await locks.customer(session, payment.customer_id, missing=missing)
    await locks.money(session, payment.customer_id)
    if await session.value(_REVERSED, {"payment": payment_id}, kind=bool):
        raise AlreadyCorrected(field="payment_id", noun=Noun.PAYMENT, given=payment_id)
    parameters = {"payment": payment_id, "reason": why, "at": session.at, "user": session.actor.user_id}
    if await session.value(_HOLD, parameters, kind=int) is None:
        raise AlreadyHeld(field="payment_id", given=Noun.PAYMENT.id(payment_id))
    payload = CreditHeld(customer_id=CustomerId.of(payment.customer_id), reason=why)
    await events.append(session, payload, subject_id=payment_id, counter_id=payment.counter_id)
    return False


async def apply(session: WriteSession, customer_id: int, *, key: str, invoice_id: int | None = None) -> bool:
    """End the holds on a customer's credit and settle invoices with it: `invoice_id` first, then the oldest.

    Returns True if the request is a replay of its key. Raises NotFound, NoCredit, NothingOwed, IdempotencyMismatch.
    """
    claim = await idempotency.claim(session, "applyCredit", key, [customer_id, invoice_id], result_id=customer_id)
    if claim.replayed:
        return True
    customer = await locks.customer(session, customer_id)
    await locks.money(session, customer_id)
    parameters = {"customer": customer_id, "invoice": invoice_id}
    if invoice_id is not None and not await session.only_value(_THEIRS, parameters, kind=bool):
        raise NotFound(field="invoice_id", noun=Noun.INVOICE, given=invoice_id)
    balance = await session.only_row(_OPEN, parameters, into=_Balance)
    if balance.credit == 0:
        raise NoCredit(field="customer_id", credit=format_rupiah(0), given=customer.code)
    if balance.owed == 0:
        raise NothingOwed(field="customer_id", given=customer.code, outstanding=format_rupiah(0))
    await session.execute(_RELEASE, {"customer": customer_id, "at": session.at, "user": session.actor.user_id})
    if invoice_id is not None:
        applied = await session.only_value(_APPLY_TO, {**parameters, "at": session.at}, kind=int)
        payload = CreditApplied(amount=applied, invoice_id=InvoiceId.of(invoice_id))
        await events.append(session, payload, subject_id=customer_id, counter_id=customer.counter_id)
    await settle(session, customer_id)
    await blocks.reconsider(session, [customer_id])
    return False
