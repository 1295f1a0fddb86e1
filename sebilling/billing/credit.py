"""Titipan: money that no invoice has taken yet. It waits for the next invoice, is applied by hand, or is given back."""

from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import idempotency, isolation, locks
from sebilling.db.engine import WriteSession
from sebilling.errors import NoCredit, NotFound, NothingOwed
from sebilling.money import format_rupiah

_OPEN: Final = text(
    """
    SELECT coalesce(sum(outstanding), 0)::bigint AS owed,
           (SELECT coalesce(sum(credit), 0)::bigint FROM payment WHERE customer_id = :customer AND credit > 0) AS credit
      FROM invoice WHERE customer_id = :customer AND outstanding > 0 AND (CAST(:invoice AS bigint) IS NULL OR id = :invoice)
    """
)
_THEIRS: Final = text("SELECT EXISTS (SELECT FROM invoice WHERE id = :invoice AND customer_id = :customer)")
# Both queues as stretches on one line of rupiah: where a debt and a credit overlap, that much of the one settles the other.
_APPLY: Final = text(
    """
    WITH debt AS (
        SELECT id, sum(outstanding) OVER (ORDER BY due_on, id) - outstanding AS starts, sum(outstanding) OVER (ORDER BY due_on, id) AS ends
          FROM invoice WHERE customer_id = :customer AND outstanding > 0 AND (CAST(:invoice AS bigint) IS NULL OR id = :invoice)
    ), money AS (
        SELECT id, sum(credit) OVER (ORDER BY id) - credit AS starts, sum(credit) OVER (ORDER BY id) AS ends
          FROM payment WHERE customer_id = :customer AND credit > 0
    ), added AS (
        INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at)
        SELECT money.id, debt.id, least(debt.ends, money.ends) - greatest(debt.starts, money.starts), :at
          FROM debt JOIN money ON debt.starts < money.ends AND money.starts < debt.ends ORDER BY debt.ends, money.ends
        RETURNING amount
    )
    SELECT coalesce(sum(amount), 0)::bigint FROM added
    """
)


async def apply(session: WriteSession, customer_id: int, *, key: str, invoice_id: int | None = None) -> bool:
    """Let waiting credit, the oldest first, settle the customer's open invoices, the oldest first, or one. Whether the key had done it.

    Raises NotFound, NoCredit, NothingOwed, IdempotencyMismatch.
    """
    claim = await idempotency.claim(session, "applyCredit", key, [customer_id, invoice_id], result_id=customer_id)
    if claim.replayed:
        return True
    customer = await locks.customer(session, customer_id)
    await locks.money(session, customer_id)
    if invoice_id is not None and not await session.value(_THEIRS, {"customer": customer_id, "invoice": invoice_id}):
        raise NotFound(field=("input", "invoiceId"), noun="invoice", given=f"inv_{invoice_id}")
    place = {"customer": customer_id, "invoice": invoice_id}
    found = await session.row(_OPEN, place)
    assert found is not None  # noqa: S101 - a sum always gives one row
    if found.credit == 0:
        raise NoCredit(field=("input", "customerId"), credit=format_rupiah(0), given=customer.code)
    if found.owed == 0:
        raise NothingOwed(field=("input", "customerId"), given=customer.code, outstanding=format_rupiah(0))
    applied: int = await session.value(_APPLY, {**place, "at": session.at})
    await isolation.reconsider(session, [customer_id])
    await events.append(
        session, "credit.applied", subject="customer", subject_id=customer_id, counter_id=customer.counter_id,
        amount=applied, invoice=invoice_id,
    )  # fmt: skip
    return False
