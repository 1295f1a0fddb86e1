"""Previews of a payment: which invoices it would settle, what would become credit, and what looks like a typing error.

The order is that of `record_payment` (db/sql): the named invoices, then the oldest. Credit that waits is never beside a debt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.billing import scope as scopes
from sebilling.billing import validation
from sebilling.db.engine import ReadSession
from sebilling.errors import InvoiceNotPayable, NotFound
from sebilling.language import Sentence
from sebilling.money import format_rupiah
from sebilling.nouns import Noun


class PaymentWarningCode(StrEnum):
    """What is remarkable about a payment."""

    FAR_MORE_THAN_OWED = "FAR_MORE_THAN_OWED"
    NOTHING_OWED = "NOTHING_OWED"
    ALREADY_PAID = "ALREADY_PAID"
    OVER_CASH_LIMIT = "OVER_CASH_LIMIT"


@dataclass(frozen=True, slots=True)
class PaymentWarning:
    """A warning about a payment that could be recorded all the same."""

    code: PaymentWarningCode
    text: Sentence


@dataclass(frozen=True, slots=True)
class PreviewedAllocation:
    """What the payment would pay of an invoice, and what would remain of it, in rupiah."""

    invoice_id: int
    number: str
    due_on: date
    amount: int
    remaining: int


@dataclass(frozen=True, slots=True)
class PaymentPreview:
    """What a payment would do, in rupiah."""

    outstanding: int
    """Owed before it."""
    credit: int
    """What no invoice takes of it."""
    allocations: Sequence[PreviewedAllocation]
    warnings: Sequence[PaymentWarning]


MAX_MONTHS_AHEAD: Final = 12
"""More credit than the price of so many months is probably a typing error; longer cycles count as they are."""


@dataclass(frozen=True, slots=True)
class _Payer:
    price: int
    months: int
    other: int | None
    """Id of a named invoice that isn't the customer's."""
    paid: str | None
    """Number of a named invoice of which nothing is owed."""


@dataclass(frozen=True, slots=True)
class _Owed:
    invoice_id: int
    number: str
    due_on: date
    outstanding: int


_PAYER: Final = text(
    f"""
    SELECT coalesce(customer.price, plan.price) AS price,
           coalesce((SELECT max(months) FROM billing_cycle WHERE customer_id = customer.id), 1)::int AS months,
           (SELECT wanted.id FROM unnest(CAST(:invoices AS bigint[])) wanted (id)
             WHERE NOT EXISTS (SELECT FROM invoice WHERE invoice.id = wanted.id AND customer_id = customer.id) LIMIT 1) AS other,
           (SELECT number FROM invoice WHERE id = ANY (CAST(:invoices AS bigint[])) AND outstanding = 0 ORDER BY id LIMIT 1) AS paid
      FROM customer JOIN plan ON plan.id = plan_id WHERE customer.id = :customer AND {scopes.sees("counter_id")}
    """
)
_OWED: Final = text(
    """
    SELECT id AS invoice_id, number, due_on, outstanding FROM invoice WHERE customer_id = :customer AND outstanding > 0
     ORDER BY array_position(CAST(:invoices AS bigint[]), id), due_on, id
    """
)


async def preview(
    session: ReadSession, customer_id: int, *, amount: int, invoice_ids: Sequence[int] | None = None, scope: Scope
) -> PaymentPreview:
    """Preview a payment without changing anything. Raises InvalidAmount, InvoiceNotPayable, NotFound, also outside the scope."""
    amount = validation.rupiah(amount, field="amount", least=1)
    bound = {"customer": customer_id, "invoices": list(invoice_ids or [])}
    payer = await session.row(_PAYER, {**bound, "scope": scope.ids}, into=_Payer)
    if payer is None:
        raise NotFound(field="customer_id", noun=Noun.CUSTOMER, given=customer_id)
    if payer.other is not None:
        raise InvoiceNotPayable(field="invoice_ids", given=Noun.INVOICE.id(payer.other))
    owed = await session.rows(_OWED, bound, into=_Owed)  # one statement for all amounts: a payment meanwhile is in all or in none
    allocations: list[PreviewedAllocation] = []
    left: int = amount
    for invoice in owed:
        if not (paid := min(left, invoice.outstanding)):
            break
        left -= paid
        allocations.append(
            PreviewedAllocation(invoice.invoice_id, invoice.number, invoice.due_on, paid, remaining=invoice.outstanding - paid)
        )
    outstanding = sum(invoice.outstanding for invoice in owed)
    return PaymentPreview(outstanding, left, allocations, _warnings(payer, amount=amount, outstanding=outstanding, credit=left))


def _warnings(payer: _Payer, *, amount: int, outstanding: int, credit: int) -> list[PaymentWarning]:
    warnings: list[PaymentWarning] = []
    said, owed, left = format_rupiah(amount), format_rupiah(outstanding), format_rupiah(credit)
    if credit > payer.price * max(MAX_MONTHS_AHEAD, payer.months):
        far = Sentence(
            f"{said} is far more than the {owed} that is owed: {left} would be kept as credit. Check the amount.",
            f"{said} jauh lebih besar dari tagihan {owed}: {left} akan menjadi titipan. Periksa nominalnya.",
        )
        warnings.append(PaymentWarning(PaymentWarningCode.FAR_MORE_THAN_OWED, far))
    if outstanding == 0:
        nothing = Sentence(
            f"Nothing is owed: {said} would be kept as credit for the next invoice. Check the customer.",
            f"Tidak ada tagihan: {said} akan menjadi titipan untuk tagihan berikutnya. Periksa pelanggannya.",
        )
        warnings.append(PaymentWarning(PaymentWarningCode.NOTHING_OWED, nothing))
    if payer.paid is not None:
        settled = Sentence(
            f"Invoice {payer.paid} is paid already or void: the money would settle other invoices or be kept as credit. Ask the customer.",
            f"Tagihan {payer.paid} sudah lunas atau batal: uangnya akan melunasi tagihan lain atau menjadi titipan. Tanyakan pelanggan.",
        )
        warnings.append(PaymentWarning(PaymentWarningCode.ALREADY_PAID, settled))
    return warnings
