"""Deposit differences (selisih setoran): corrected counts, and settlement of surpluses and shortages.

A deposit left the drawer when it was decided, and that doesn't change: a corrected count changes the amount received by head office
and the difference alike. Settling a surplus removes cash that the drawer doesn't really hold (a payment whose cash was deposited before
the phone had sent it; db/sql does this automatically). Settling a shortage adds cash that was found.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import deposits, idempotency, locks, scope, validation
from sebilling.billing.deposits import DepositStatus, LockedDeposit
from sebilling.billing.validation import Problems
from sebilling.clock import local_date
from sebilling.db.engine import WriteSession
from sebilling.errors import AlreadyCorrected, NotFound, OwnDeposit
from sebilling.events.deposits import Count, DepositCorrected, DepositSettlementReversed, DepositShortageSettled, DepositSurplusSettled
from sebilling.events.ids import PaymentId, UserId
from sebilling.ledger_errors import NothingToSettle, NotVerified
from sebilling.money import format_rupiah
from sebilling.nouns import Noun


class DifferenceKind(StrEnum):
    """Direction of a deposit's difference."""

    SURPLUS = "SURPLUS"
    SHORTAGE = "SHORTAGE"


_SIGN: Final = {DifferenceKind.SURPLUS: 1, DifferenceKind.SHORTAGE: -1}


@dataclass(frozen=True, slots=True)
class _Settlement:
    """A live settlement, of `amount` rupiah."""

    id: int
    deposit_id: int
    kind: str
    payment_id: int | None
    """Payment that used the surplus; None: settled by hand."""
    amount: int
    reason: str
    settled_by: int


@dataclass(frozen=True, slots=True)
class _DrawerSettlement:
    """A settlement with its drawer, reversed or not."""

    id: int
    deposit_id: int
    kind: str
    amount: int
    counter_id: int
    collector_id: int
    timezone: str
    reversed: bool


@dataclass(frozen=True, slots=True)
class _Unsettled:
    """A deposit with `open` rupiah of its difference to settle."""

    id: int
    counter_id: int
    collector_id: int
    open: int
    timezone: str


_CORRECT: Final = text(
    """
    INSERT INTO deposit_correction (id, deposit_id, corrects_id, counted_before, counted, difference_before, difference, reason,
                                    corrected_at, corrected_on, corrected_by)
    OVERRIDING SYSTEM VALUE
    VALUES (:id, :deposit, (SELECT max(id) FROM deposit_correction WHERE deposit_id = :deposit), :counted_before, :counted,
            :difference_before, :difference, :reason, :at, :day, :user)
    """
)
_SETTLE: Final = text(
    """
    INSERT INTO difference_settlement (deposit_id, kind, payment_id, amount, reason, settled_at, settled_on, settled_by)
    VALUES (:deposit, :kind, :payment, :amount, :reason, :at, :day, :user)
    """
)
_REVERSE: Final = text(
    "INSERT INTO settlement_reversal (settlement_id, reason, reversed_at, reversed_on, reversed_by)"
    " VALUES (:settlement, :reason, :at, :day, :user)"
)
_LIVE: Final = (
    "SELECT id, deposit_id, kind, payment_id, amount, reason, settled_by FROM difference_settlement"
    " WHERE NOT EXISTS (SELECT FROM settlement_reversal WHERE settlement_id = id)"
)
_OF_DEPOSIT: Final = text(f"{_LIVE} AND deposit_id = :deposit ORDER BY id DESC")
_OF_PAYMENT: Final = text(f"{_LIVE} AND payment_id = :payment ORDER BY id")
_SETTLEMENT: Final = text(
    """
    SELECT settlement.id, settlement.deposit_id, kind, settlement.amount, counter_id, collector_id, timezone,
           EXISTS (SELECT FROM settlement_reversal WHERE settlement_id = settlement.id) AS reversed
      FROM difference_settlement settlement JOIN deposit ON deposit.id = deposit_id JOIN counter ON counter.id = counter_id
     WHERE settlement.id = :settlement
    """
)
_UNSETTLED: Final = text(
    """
    SELECT deposit.id, counter_id, collector_id, abs(difference - settled) AS open, timezone
      FROM deposit JOIN counter ON counter.id = counter_id
     WHERE collector_id = :collector AND counter_id = :counter AND difference <> settled AND sign(difference) = :sign
     ORDER BY deposit.id
    """
)


async def correct(session: WriteSession, deposit_id: int, *, counted: int, reason: str, key: str) -> bool:
    """Correct the count of a verified deposit to `counted` rupiah. Returns True if the request is a replay of its key.

    Settlements stay as far as the new difference allows; the newest are reversed first. Raises InvalidAmount, InvalidText,
    NotFound, OwnDeposit, NotVerified, AlreadyCorrected (that is the present count), InsufficientCash (a settled shortage must be reversed
    and its cash is gone), IdempotencyMismatch.
    """
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
        counted = check(validation.rupiah, counted, field="counted")
    claim = await idempotency.claim(session, "correctDeposit", key, [deposit_id, counted, why], table="deposit_correction")
    if claim.replayed:
        return True
    deposit = await deposits.locked(session, deposit_id)
    if deposit.status != DepositStatus.VERIFIED:
        raise NotVerified(field="deposit_id", given=Noun.DEPOSIT.id(deposit_id))
    if counted == deposit.counted:
        raise AlreadyCorrected(field="counted", noun=Noun.DEPOSIT, given=deposit_id)
    difference = deposit.difference + counted - deposit.counted
    shortened = await _release(session, deposit, difference)
    day = local_date(session.at, deposit.timezone)
    await session.execute(
        _CORRECT,
        {"id": claim.result_id, "deposit": deposit_id, "counted_before": deposit.counted, "counted": counted,
         "difference_before": deposit.difference, "difference": difference, "reason": why, "at": session.at, "day": day,
         "user": session.actor.user_id},
    )  # fmt: skip
    if shortened is not None:
        settlement, rest = shortened
        await _settle(session, deposit, settlement.kind, rest, reason=settlement.reason, by=settlement.settled_by,
                      payment_id=settlement.payment_id)  # fmt: skip
    corrected = DepositCorrected(
        collector_id=UserId.of(deposit.collector_id), before=Count(counted=deposit.counted, difference=deposit.difference),
        after=Count(counted=counted, difference=difference), reason=why,
    )  # fmt: skip
    await events.append(session, corrected, subject_id=deposit_id, counter_id=deposit.counter_id)
    return False


async def _release(session: WriteSession, deposit: LockedDeposit, difference: int) -> tuple[_Settlement, int] | None:
    """Reverse the newest settlements that exceed the new difference. Returns the last one and the part to settle again, if any."""
    bearable = max(min(deposit.settled, max(difference, 0)), min(difference, 0))
    excess = abs(deposit.settled - bearable)
    if deposit.settled < 0 < excess:  # found cash that was added to the drawer: it must still be there
        await deposits.check_drawer(session, deposit.counter_id, deposit.collector_id, excess)
    for settlement in await session.rows(_OF_DEPOSIT, {"deposit": deposit.id}, into=_Settlement):
        if excess <= 0:
            break
        await _take_back(session, settlement, reason="the deposit was counted anew", counter_id=deposit.counter_id,
                         collector_id=deposit.collector_id, timezone=deposit.timezone)  # fmt: skip
        excess -= settlement.amount
        if excess < 0:
            return settlement, -excess
    return None


async def settle(
    session: WriteSession, kind: DifferenceKind, *, counter_id: int, collector_id: int, amount: int, reason: str, key: str
) -> bool:
    """Settle `amount` rupiah of a drawer's surplus or shortage, the oldest deposits first. Returns True if the request is a replay.

    Settling a surplus takes the cash out of the drawer, a shortage adds it. Raises InvalidAmount, InvalidText, NotFound,
    NothingToSettle, InsufficientCash, OwnDeposit (the caller's own drawer), Forbidden, IdempotencyMismatch.
    """
    scope.central(session)
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
        amount = check(validation.rupiah, amount, field="amount", least=1)
    body = [counter_id, collector_id, amount, why]
    claim = await idempotency.claim(session, f"settle{kind.title()}", key, body, result_id=collector_id)
    if claim.replayed:
        return True
    await locks.counting(session, collector_id)
    if collector_id == session.actor.user_id:
        raise OwnDeposit(field="collector_id", given=Noun.USER.id(collector_id))
    unsettled = await session.rows(_UNSETTLED, {"collector": collector_id, "counter": counter_id, "sign": _SIGN[kind]}, into=_Unsettled)
    there = sum(deposit.open for deposit in unsettled)
    if amount > there:
        raise NothingToSettle(field="amount", open=format_rupiah(there), amount=format_rupiah(amount))
    if kind is DifferenceKind.SURPLUS:
        await deposits.check_drawer(session, counter_id, collector_id, amount)
    for deposit in unsettled:
        part = min(amount, deposit.open)
        if part == 0:
            break
        amount -= part
        await _settle(session, deposit, kind, part, reason=why, by=session.actor.user_id)
    return False


async def _settle(
    session: WriteSession, deposit: LockedDeposit | _Unsettled, kind: str, amount: int, *, reason: str, by: int | None,
    payment_id: int | None = None,
) -> None:  # fmt: skip
    await session.execute(
        _SETTLE,
        {"deposit": deposit.id, "kind": str(kind), "payment": payment_id, "amount": amount, "reason": reason, "at": session.at,
         "day": local_date(session.at, deposit.timezone), "user": by},
    )  # fmt: skip
    collector_id = UserId.of(deposit.collector_id)
    settled: events.Payload
    match DifferenceKind(kind):
        case DifferenceKind.SURPLUS:
            settled = DepositSurplusSettled(
                collector_id=collector_id, amount=amount, reason=reason, payment_id=PaymentId.of(payment_id)
            )  # fmt: skip
        case DifferenceKind.SHORTAGE:
            settled = DepositShortageSettled(collector_id=collector_id, amount=amount, reason=reason)
    await events.append(session, settled, subject_id=deposit.id, counter_id=deposit.counter_id)


async def reverse(session: WriteSession, settlement_id: int, *, deposit_id: int, reason: str, key: str) -> bool:
    """Reverse a settlement of a deposit: that much of the difference is open again. Returns True if the request is a replay of its key.

    Raises InvalidText, NotFound, AlreadyCorrected, OwnDeposit, InsufficientCash (the cash of a settled shortage), IdempotencyMismatch.
    """
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
    claim = await idempotency.claim(session, "reverseSettlement", key, [settlement_id, deposit_id, why], result_id=settlement_id)
    if claim.replayed:
        return True
    whose = await session.row(_SETTLEMENT, {"settlement": settlement_id}, into=_DrawerSettlement)
    if whose is None or whose.deposit_id != deposit_id or whose.counter_id not in session.actor.scope:
        raise NotFound(field="settlement_id", noun=Noun.SETTLEMENT, given=settlement_id)
    await locks.counting(session, whose.collector_id)
    settlement = await session.only_row(_SETTLEMENT, {"settlement": settlement_id}, into=_DrawerSettlement)  # it is append-only
    if settlement.reversed:
        raise AlreadyCorrected(field="settlement_id", noun=Noun.SETTLEMENT, given=settlement_id)
    if settlement.collector_id == session.actor.user_id:
        raise OwnDeposit(field="settlement_id", given=Noun.DEPOSIT.id(settlement.deposit_id))
    if settlement.kind == DifferenceKind.SHORTAGE:
        await deposits.check_drawer(session, settlement.counter_id, settlement.collector_id, settlement.amount)
    await _take_back(session, settlement, reason=why, counter_id=settlement.counter_id, collector_id=settlement.collector_id,
                     timezone=settlement.timezone)  # fmt: skip
    return False


async def reverse_settlements(session: WriteSession, payment_id: int, *, counter_id: int, collector_id: int, timezone: str) -> None:
    """Reverse the settlements by which a reversed payment had used surpluses. The caller has locked the collector's drawers."""
    for settlement in await session.rows(_OF_PAYMENT, {"payment": payment_id}, into=_Settlement):
        await _take_back(session, settlement, reason="the payment was reversed", counter_id=counter_id, collector_id=collector_id,
                         timezone=timezone)  # fmt: skip


async def _take_back(
    session: WriteSession, settlement: _Settlement | _DrawerSettlement, *, reason: str, counter_id: int, collector_id: int, timezone: str
) -> None:
    await session.execute(
        _REVERSE,
        {"settlement": settlement.id, "reason": reason, "at": session.at, "day": local_date(session.at, timezone),
         "user": session.actor.user_id},
    )  # fmt: skip
    reversal = DepositSettlementReversed(
        collector_id=UserId.of(collector_id), amount=settlement.amount, settlement_kind=settlement.kind, reason=reason
    )
    await events.append(session, reversal, subject_id=settlement.deposit_id, counter_id=counter_id)
