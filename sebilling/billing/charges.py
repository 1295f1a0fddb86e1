"""One-off charges, which are billed with the next invoice, and discounts."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import idempotency, locks, scope, validation
from sebilling.billing.validation import Problems
from sebilling.db.engine import WriteSession
from sebilling.errors import WHOLE_INPUT, AlreadyCorrected, ChargeBilled, InvalidDate, InvalidNumber, NotFound
from sebilling.events.charges import ChargeCancelled, ChargeCreated, DiscountCreated, DiscountEnded, DiscountValues
from sebilling.events.ids import CustomerId, PlanId
from sebilling.language import Sentence
from sebilling.nouns import Noun


class ChargeKind(StrEnum):
    """Subject of a one-off charge."""

    INSTALLATION = "INSTALLATION"
    DEVICE = "DEVICE"
    CABLE = "CABLE"
    LATE_FEE = "LATE_FEE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class _Charge:
    amount: int
    cancelled_at: datetime | None
    number: str | None
    """Number of the live invoice that bills it."""


@dataclass(frozen=True, slots=True)
class _Discount:
    from_on: date
    until_on: date | None
    counter_id: int | None
    """The customer's counter; None: the discount is a plan's."""


_DESCRIPTION: Final = Sentence("The description", "Keterangan")
_CHARGE: Final = text(
    """
    INSERT INTO charge (id, customer_id, kind, description, amount, created_at, created_by) OVERRIDING SYSTEM VALUE
    VALUES (:id, :customer, :kind, :description, :amount, :at, :user)
    """
)
_WHOSE_CHARGE: Final = text("SELECT customer_id FROM charge WHERE id = :id")
_LOCK_CHARGE: Final = text(
    "SELECT amount, cancelled_at, (SELECT number FROM invoice WHERE invoice.id = invoice_id) AS number FROM charge WHERE id = :id"
    " FOR NO KEY UPDATE"
)
_CANCEL: Final = text("UPDATE charge SET cancelled_at = :at WHERE id = :id")
_DISCOUNT: Final = text(
    """
    INSERT INTO discount (id, customer_id, plan_id, amount, percent, description, from_on, until_on, created_at) OVERRIDING SYSTEM VALUE
    VALUES (:id, :customer, :plan, :amount, :percent, :description, :from_on, :until_on, :at)
    """
)
_PLAN: Final = text("SELECT EXISTS (SELECT FROM plan WHERE id = :plan)")
_LOCK_DISCOUNT: Final = text(
    "SELECT from_on, until_on, (SELECT counter_id FROM customer WHERE customer.id = customer_id) AS counter_id"
    " FROM discount WHERE id = :id FOR NO KEY UPDATE"
)
_END: Final = text("UPDATE discount SET until_on = :until_on WHERE id = :id")


async def add(session: WriteSession, customer_id: int, *, kind: ChargeKind, description: str, amount: int, key: str) -> tuple[int, bool]:
    """Add a charge of `amount` rupiah to the customer's next invoice. Returns its id, and whether the request is a replay of its key.

    Late fees can't be added: only the pricing rule creates them. Raises InvalidText, InvalidAmount, InvalidNumber, NotFound,
    IdempotencyMismatch.
    """
    with Problems() as check:
        if kind is ChargeKind.LATE_FEE:
            why = Sentence(
                "late fees are added to the next invoice automatically, if the settings have one. Use OTHER.",
                "denda ditambahkan otomatis ke tagihan berikutnya bila diatur di pengaturan. Pakai OTHER.",
            )
            check.add(InvalidNumber(field="kind", what=Sentence("kind", "jenis biaya"), given=kind.value, why=why))
        amount = check(validation.rupiah, amount, field="amount", least=1)
        description = check(validation.clean, description, what=_DESCRIPTION, field="description")
        check(idempotency.key, key)
    claim = await idempotency.claim(session, "addCharge", key, [customer_id, kind.value, description, amount], table="charge")
    if claim.replayed:
        return claim.result_id, True
    customer = await locks.customer(session, customer_id)
    values = {"kind": kind.value, "description": description, "amount": amount}
    await session.execute(
        _CHARGE, {**values, "id": claim.result_id, "customer": customer_id, "at": session.at, "user": session.actor.user_id}
    )
    created = ChargeCreated(customer_id=CustomerId.of(customer_id), charge_kind=kind, description=description, amount=amount)
    await events.append(session, created, subject_id=claim.result_id, counter_id=customer.counter_id)
    return claim.result_id, False


async def cancel(session: WriteSession, charge_id: int, *, reason: str) -> None:
    """Cancel a charge that is not invoiced yet. Raises InvalidText, NotFound, AlreadyCorrected, ChargeBilled.

    To cancel an invoiced charge, void the invoice first.
    """
    why = validation.reason(reason)
    customer_id = await session.value(_WHOSE_CHARGE, {"id": charge_id}, kind=int)
    missing = NotFound(field="charge_id", noun=Noun.CHARGE, given=charge_id)
    if customer_id is None:
        raise missing
    customer = await locks.customer(session, customer_id, missing=missing)
    row = await session.row(_LOCK_CHARGE, {"id": charge_id}, into=_Charge)
    if row is not None and row.number is not None:
        raise ChargeBilled(field="charge_id", given=Noun.CHARGE.id(charge_id), number=row.number)
    if row is None or row.cancelled_at is not None:
        raise AlreadyCorrected(field="charge_id", noun=Noun.CHARGE, given=charge_id)
    await session.execute(_CANCEL, {"id": charge_id, "at": session.at})
    cancelled = ChargeCancelled(customer_id=CustomerId.of(customer_id), amount=row.amount, reason=why)
    await events.append(session, cancelled, subject_id=charge_id, counter_id=customer.counter_id)


async def discount(
    session: WriteSession, *, customer_id: int | None = None, plan_id: int | None = None, amount: int | None = None,
    percent: Decimal | None = None, description: str, from_on: date, until_on: date | None = None, key: str,
) -> tuple[int, bool]:  # fmt: skip
    """Discount each month that begins in [from_on, until_on) by rupiah or percent, for one customer or all customers of a plan.

    Returns the discount's id, and whether the request is a replay of its key. Raises InvalidNumber, InvalidAmount, InvalidDate,
    InvalidText, NotFound, Forbidden, IdempotencyMismatch.
    """
    with Problems() as check:
        if (customer_id is None) == (plan_id is None):
            check.add(_not_one(Sentence("give either customerId or planId.", "isi salah satu saja: customerId atau planId.")))
        if (amount is None) == (percent is None):
            check.add(_not_one(Sentence("give either amount or percent.", "isi salah satu saja: amount atau percent.")))
        if amount is not None:
            amount = check(validation.rupiah, amount, field=("reduction", "amount"), least=1)
        if percent is not None:
            check(validation.percent, percent, field=("reduction", "percent"), least=Decimal("0.0001"))
        if until_on is not None and until_on <= from_on:
            why = Sentence("a discount ends after it begins.", "diskon berakhir sesudah mulai.")
            check.add(InvalidDate(field="until_on", given=until_on, why=why))
        description = check(validation.clean, description, what=_DESCRIPTION, field="description")
        check(idempotency.key, key)
    values: dict[str, object] = {
        "customer": customer_id, "plan": plan_id, "amount": amount, "percent": percent, "description": description,
        "from_on": from_on, "until_on": until_on,
    }  # fmt: skip
    payload = {name: str(value) if isinstance(value, date | Decimal) else value for name, value in values.items()}
    claim = await idempotency.claim(session, "addDiscount", key, list(payload.values()), table="discount")
    if claim.replayed:
        return claim.result_id, True
    counter_id = None
    if customer_id is not None:
        missing = NotFound(field=("target", "customer_id"), noun=Noun.CUSTOMER, given=customer_id)
        counter_id = (await locks.customer(session, customer_id, missing=missing)).counter_id
    else:
        scope.central(session)
        if not await session.only_value(_PLAN, {"plan": plan_id}, kind=bool):
            raise NotFound(field=("target", "plan_id"), noun=Noun.PLAN, given=plan_id or "")
    await session.execute(_DISCOUNT, {**values, "id": claim.result_id, "at": session.at})
    created = DiscountCreated(
        customer_id=CustomerId.of(customer_id), plan_id=PlanId.of(plan_id), amount=amount, percent=percent,
        description=description, from_on=from_on, until_on=until_on,
    )  # fmt: skip
    await events.append(session, created, subject_id=claim.result_id, counter_id=counter_id)
    return claim.result_id, False


def _not_one(why: Sentence) -> InvalidNumber:
    return InvalidNumber(field=WHOLE_INPUT, what=Sentence("discount", "diskon"), given="both or neither", why=why)


async def end_discount(session: WriteSession, discount_id: int, *, until_on: date) -> None:
    """End a discount earlier: months that begin on `until_on` or later are billed in full. Raises NotFound, InvalidDate, Forbidden."""
    row = await session.row(_LOCK_DISCOUNT, {"id": discount_id}, into=_Discount)
    if row is None or (row.counter_id is not None and row.counter_id not in session.actor.scope):
        raise NotFound(field="discount_id", noun=Noun.DISCOUNT, given=discount_id)
    if row.counter_id is None:
        scope.central(session)
    if until_on < row.from_on or (row.until_on is not None and until_on > row.until_on):
        why = Sentence(
            f"choose a day from {row.from_on} to {row.until_on or 'any later one'}. To extend a discount, add a new one.",
            f"pilih tanggal dari {row.from_on} sampai {row.until_on or 'kapan pun'}. Untuk memperpanjang diskon, tambah yang baru.",
        )
        raise InvalidDate(field="until_on", given=until_on, why=why)
    await session.execute(_END, {"id": discount_id, "until_on": until_on})
    ended = DiscountEnded(before=DiscountValues(until_on=row.until_on), after=DiscountValues(until_on=until_on))
    await events.append(session, ended, subject_id=discount_id, counter_id=row.counter_id)
