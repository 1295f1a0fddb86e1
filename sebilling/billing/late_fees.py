"""Late fees (denda keterlambatan) for an invoice that is voided later: they are cancelled on the invoice that billed them.

The cancellation is a write-off of kind LATE_FEE: it reduces revenue and is no bad debt. All functions run in the transaction of the
void, whose caller has locked the customer's money (locks.money).
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.clock import local_date
from sebilling.db.engine import WriteSession
from sebilling.events.ids import ChargeId, CustomerId, InvoiceId, WriteOffId
from sebilling.events.invoices import InvoiceLateFeeCancelled, InvoiceWriteOffReversed


@dataclass(frozen=True, slots=True)
class _BilledFee:
    """A late fee and the live invoice that billed it. Amounts are rupiah."""

    id: int
    amount: int
    invoice_id: int
    counter_id: int
    customer_id: int
    outstanding: int
    allocated: int
    timezone: str


@dataclass(frozen=True, slots=True)
class _Allocation:
    id: int
    payment_id: int
    amount: int


@dataclass(frozen=True, slots=True)
class _Uncancelled:
    """A reversed cancellation: the id of its write-off, and the rupiah."""

    write_off_id: int
    amount: int


# The fee for this invoice, on a live invoice of the same customer.
_BILLED: Final = text(
    """
    SELECT charge.id, charge.amount, invoice.id AS invoice_id, invoice.counter_id, invoice.customer_id, outstanding, allocated,
           timezone
      FROM charge JOIN invoice ON invoice.id = charge.invoice_id JOIN counter ON counter.id = invoice.counter_id
     WHERE overdue_invoice_id = :invoice
    """
)
_LIVE_ALLOCATIONS: Final = text(
    """
    SELECT id, payment_id, amount FROM allocation
     WHERE invoice_id = :invoice AND NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = allocation.id) ORDER BY id DESC
    """
)
_DEALLOCATE: Final = text("INSERT INTO deallocation (allocation_id, deallocated_at) VALUES (:allocation, :at)")
_ALLOCATE: Final = text("INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at) VALUES (:payment, :invoice, :amount, :at)")
_CANCEL: Final = text(
    """
    INSERT INTO write_off (invoice_id, amount, reason, written_off_at, written_off_on, written_off_by, kind, charge_id)
    VALUES (:invoice, :amount, 'tagihan yang terlambat itu dibatalkan', :at, :day, :user, 'LATE_FEE', :charge)
    """
)
_UNCANCEL: Final = text(
    """
    INSERT INTO write_off_reversal (write_off_id, reason, reversed_at, reversed_on, reversed_by)
    SELECT id, 'tagihan yang memuat denda ini dibatalkan', :at, :day, :user FROM write_off
     WHERE invoice_id = :invoice AND kind = 'LATE_FEE' AND NOT EXISTS (SELECT FROM write_off_reversal WHERE write_off_id = write_off.id)
    RETURNING write_off_id, (SELECT amount FROM write_off WHERE write_off.id = write_off_id) AS amount
    """
)


async def cancel_billed(session: WriteSession, voided_id: int) -> None:
    """Cancel the voided invoice's late fee on the invoice that billed it; money that had paid the fee becomes credit.

    Does nothing if the fee was already written off as a bad debt with the rest of its invoice.
    """
    fee = await session.row(_BILLED, {"invoice": voided_id}, into=_BilledFee)
    if fee is None:
        return
    amount = min(fee.amount, fee.outstanding + fee.allocated)
    if amount == 0:
        return
    released = amount - min(amount, fee.outstanding)
    await _release(session, fee, released)
    day = local_date(session.at, fee.timezone)
    await session.execute(
        _CANCEL,
        {"invoice": fee.invoice_id, "amount": amount, "at": session.at, "day": day, "user": session.actor.user_id, "charge": fee.id},
    )
    cancelled = InvoiceLateFeeCancelled(
        customer_id=CustomerId.of(fee.customer_id), charge_id=ChargeId.of(fee.id), voided_invoice_id=InvoiceId.of(voided_id),
        amount=amount, released=released,
    )  # fmt: skip
    await events.append(session, cancelled, subject_id=fee.invoice_id, counter_id=fee.counter_id)


async def _release(session: WriteSession, fee: _BilledFee, amount: int) -> None:
    """Turn `amount` rupiah allocated to the fee's invoice into credit, the newest allocations first."""
    if amount == 0:
        return
    for allocation in await session.rows(_LIVE_ALLOCATIONS, {"invoice": fee.invoice_id}, into=_Allocation):
        await session.execute(_DEALLOCATE, {"allocation": allocation.id, "at": session.at})
        kept = allocation.amount - amount
        if kept > 0:
            allocated = {"payment": allocation.payment_id, "invoice": fee.invoice_id, "amount": kept, "at": session.at}
            await session.execute(_ALLOCATE, allocated)
        amount -= min(amount, allocation.amount)
        if amount == 0:
            return


async def uncancel(session: WriteSession, invoice_id: int, *, customer_id: int, counter_id: int, timezone: str) -> None:
    """Reverse the fee cancellations on an invoice that is about to be voided itself: the void reverses the whole invoice."""
    day = local_date(session.at, timezone)
    parameters = {"invoice": invoice_id, "at": session.at, "day": day, "user": session.actor.user_id}
    for row in await session.rows(_UNCANCEL, parameters, into=_Uncancelled):
        reversal = InvoiceWriteOffReversed(
            customer_id=CustomerId.of(customer_id), write_off_id=WriteOffId.of(row.write_off_id), amount=row.amount,
            reason="tagihan yang memuat denda ini dibatalkan",
        )  # fmt: skip
        await events.append(session, reversal, subject_id=invoice_id, counter_id=counter_id)
