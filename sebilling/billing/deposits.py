"""Deposits (setoran): money that collectors hand over to head office, and the drawers it comes from.

A drawer is the cash of one counter that one collector holds: always received − refunded − deposited ± shortage (the view
`drawer`, db/sql/drawer.sql). A deposit leaves the drawer when someone else has counted it; a difference stays with the collector until
it is settled (billing/differences.py).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from sqlalchemy import text

from sebilling import events
from sebilling.access_errors import Forbidden
from sebilling.actor import Role
from sebilling.billing import idempotency, locks, scope, validation
from sebilling.billing.journal import Account, BookedCode
from sebilling.billing.validation import Problems
from sebilling.clock import local_date
from sebilling.db.engine import WriteSession
from sebilling.errors import WHOLE_INPUT, AlreadyDecided, InvalidProof, NotFound, OwnDeposit
from sebilling.events.deposits import DepositRejected, DepositSubmitted, DepositVerified
from sebilling.events.ids import UserId
from sebilling.language import Sentence
from sebilling.ledger_errors import ConfirmDifference, InsufficientCash
from sebilling.money import format_rupiah
from sebilling.nouns import Noun
from sebilling.storage.proofs import Proof


class DepositType(BookedCode):
    """Way in which money is handed over: its code, the account that receives it (as `deposit_account` in db/sql/journal.sql), its names."""

    MANUAL = "MANUAL", Account.CENTRAL_CASH, "Tunai", "In cash."
    TRANSFER = "TRANSFER", Account.BANK, "Transfer", "By transfer to the ISP's bank account; requires a proof."


class DepositStatus(StrEnum):
    """Status of a deposit, with its word in reports."""

    indonesian: str

    def __new__(cls, code: str, indonesian: str) -> Self:
        """Create the status of a code."""
        status = str.__new__(cls, code)
        status._value_ = code
        status.indonesian = indonesian
        return status

    SUBMITTED = "SUBMITTED", "MENUNGGU"
    VERIFIED = "VERIFIED", "DITERIMA"
    REJECTED = "REJECTED", "DITOLAK"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submitted deposit: its id, whether the request is a replay, and by how much it exceeds the cash not yet submitted."""

    deposit_id: int
    replayed: bool
    more_than_on_hand: int = 0


@dataclass(frozen=True, slots=True)
class LockedDeposit:
    """A deposit whose drawer is locked until commit. Amounts are rupiah; the three last are 0 unless it is verified."""

    id: int
    counter_id: int
    collector_id: int
    submitted_by: int
    amount: int
    status: str
    timezone: str
    """Of its counter."""
    counted: int
    difference: int
    settled: int


@dataclass(frozen=True, slots=True)
class _Counter:
    code: str
    timezone: str


@dataclass(frozen=True, slots=True)
class _Cash:
    """Cash in a drawer, and how much of it awaits verification, in rupiah."""

    on_hand: int
    waiting: int


@dataclass(frozen=True, slots=True)
class _Drawer:
    collector_id: int
    counter_id: int


_COUNTER: Final = text("SELECT code, timezone FROM counter WHERE id = :counter")
_COLLECTOR: Final = text("SELECT name FROM app_user WHERE id = :collector")
_ON_HAND: Final = text("SELECT on_hand, waiting FROM drawer WHERE counter_id = :counter AND collector_id = :collector")
_PROOF: Final = text(
    """
    INSERT INTO proof (object_key, media_type, size_bytes, sha256, uploaded_at, uploaded_by)
    VALUES (:object_key, :media_type, :size, :sha256, :at, :user) RETURNING id
    """
)
_SUBMIT: Final = text(
    """
    INSERT INTO deposit (id, counter_id, collector_id, submitted_by, amount, type, note, proof_id, submitted_at, deposited_on, status)
    OVERRIDING SYSTEM VALUE
    VALUES (:id, :counter, :collector, :user, :amount, :type, :note, :proof, :at, :day, 'SUBMITTED')
    """
)
_WHOSE: Final = text("SELECT collector_id, counter_id FROM deposit WHERE id = :deposit")
_DEPOSIT: Final = text(
    """
    SELECT deposit.id, counter_id, collector_id, submitted_by, amount, status, timezone, counted, difference, settled
      FROM deposit JOIN counter ON counter.id = counter_id WHERE deposit.id = :deposit
    """
)
_DECIDE: Final = text(
    """
    INSERT INTO deposit_decision (deposit_id, verified, counted, difference, reason, decided_at, decided_on, decided_by)
    VALUES (:deposit, :verified, :counted, :difference, :reason, :at, :day, :user)
    """
)
MIN_ABSURD: Final = 50_000
"""Rupiah. Differences up to this never require confirmation, whatever the deposit's amount."""
_FOR_OTHERS: Final = frozenset({Role.ADMIN, Role.FINANCE})


async def on_hand(session: WriteSession, counter_id: int, collector_id: int) -> tuple[int, int]:
    """Return the cash in a drawer, in rupiah, and how much of it is submitted and awaits verification."""
    row = await session.row(_ON_HAND, {"counter": counter_id, "collector": collector_id}, into=_Cash)
    return (0, 0) if row is None else (row.on_hand, row.waiting)


async def check_drawer(session: WriteSession, counter_id: int, collector_id: int, amount: int) -> None:
    """Raise InsufficientCash unless the drawer holds `amount` rupiah besides submitted cash. The caller holds the drawers' lock."""
    held, waiting = await on_hand(session, counter_id, collector_id)
    if amount > held - waiting:
        counter = await session.row(_COUNTER, {"counter": counter_id}, into=_Counter)
        raise InsufficientCash(
            field=WHOLE_INPUT, amount=format_rupiah(amount), on_hand=format_rupiah(max(held - waiting, 0)),
            collector=await session.value(_COLLECTOR, {"collector": collector_id}, kind=str), counter=counter.code if counter else "",
        )  # fmt: skip


async def submit(
    session: WriteSession, *, counter_id: int, amount: int, type: DepositType, key: str, note: str = "",  # noqa: A002 - the manual's word
    collector_id: int | None = None, proof: Proof | None = None, object_key: str | None = None,
) -> Submitted:  # fmt: skip
    """Submit a deposit of `amount` rupiah from the drawer of `collector_id` (None: the caller's own).

    `proof` is stored in the object store at `object_key`; a transfer requires one. More than the cash on hand is accepted and reported.
    Raises InvalidAmount, InvalidText, InvalidProof, NotFound, Forbidden, IdempotencyMismatch; the caller then deletes the object.
    """
    actor = session.actor
    if actor.user_id is None:
        raise RuntimeError("a deposit needs a signed-in user")
    collector = actor.user_id if collector_id is None else collector_id
    if collector != actor.user_id and actor.role not in _FOR_OTHERS:
        raise Forbidden(roles=" / ".join(sorted(_FOR_OTHERS)))
    scope.own_drawer(actor, collector)
    with Problems() as check:
        amount, key = check(validation.rupiah, amount, field="amount", least=1), check(idempotency.key, key)
        note = check(validation.clean, note, what=Sentence("The note", "Catatan"), field="note", most=500, required=False)
        if type is DepositType.TRANSFER and proof is None:
            why = Sentence(
                "a transfer requires one. Attach an image or PDF of the bank's receipt.",
                "setoran transfer wajib memakai bukti. Lampirkan foto atau PDF bukti dari bank.",
            )
            check.add(InvalidProof(field="proof", why=why))
    counter = await session.row(_COUNTER, {"counter": counter_id}, into=_Counter)
    if counter is None or not await _may_deposit(session, counter_id, collector):
        raise NotFound(field="counter_id", noun=Noun.COUNTER, given=counter_id)
    body = [counter_id, collector_id, amount, type.value, note, None if proof is None else proof.sha256.hex()]
    claim = await idempotency.claim(session, "submitDeposit", key, body, table="deposit")
    if claim.replayed:
        return Submitted(claim.result_id, replayed=True)
    await locks.drawers(session, collector)
    held, waiting = await on_hand(session, counter_id, collector)
    proof_id = None if proof is None else await _store(session, proof, object_key)
    await session.execute(
        _SUBMIT,
        {"id": claim.result_id, "counter": counter_id, "collector": collector, "user": actor.user_id, "amount": amount, "type": type.value,
         "note": note, "proof": proof_id, "at": session.at, "day": local_date(session.at, counter.timezone)},
    )  # fmt: skip
    submitted = DepositSubmitted(
        collector_id=UserId.of(collector), amount=amount, deposit_type=type, on_hand=held, waiting=waiting
    )  # fmt: skip
    await events.append(session, submitted, subject_id=claim.result_id, counter_id=counter_id)
    return Submitted(claim.result_id, replayed=False, more_than_on_hand=max(amount - (held - waiting), 0))


async def _may_deposit(session: WriteSession, counter_id: int, collector_id: int) -> bool:
    """Whether the caller may submit this collector's cash of the counter: one in scope, or one they left while still holding its cash."""
    if counter_id in session.actor.scope:
        return True
    held, _ = await on_hand(session, counter_id, collector_id)
    return held > 0


async def _store(session: WriteSession, proof: Proof, object_key: str | None) -> int:
    return await session.only_value(
        _PROOF,
        {"object_key": object_key, "media_type": proof.media_type, "size": len(proof.content), "sha256": proof.sha256,
         "at": session.at, "user": session.actor.user_id},
        kind=int,
    )  # fmt: skip


async def verify(
    session: WriteSession, deposit_id: int, *, key: str, counted: int | None = None, note: str = "", confirm_difference: bool = False
) -> bool:
    """Verify a deposit with `counted` rupiah (None: as submitted). Returns True if the request is a replay of its key.

    The drawer decreases by the submitted amount, at most by the cash it held. Money counted beyond that is a surplus, missing
    money a shortage; both stay with the collector. A count that is probably a typing error (`_is_absurd`) requires
    `confirm_difference`. Raises InvalidAmount, InvalidText, NotFound, OwnDeposit, AlreadyDecided, ConfirmDifference,
    IdempotencyMismatch.
    """
    with Problems() as check:
        counted = None if counted is None else check(validation.rupiah, counted, field="counted", least=1)
        note, key = (
            check(validation.clean, note, what=Sentence("The note", "Catatan"), field="note", most=500, required=False),
            check(idempotency.key, key),
        )
    claim = await idempotency.claim(session, "verifyDeposit", key, [deposit_id, counted, note], result_id=deposit_id)
    if claim.replayed:
        return True
    deposit = await _undecided(session, deposit_id)
    if counted is not None and not confirm_difference and _is_absurd(deposit.amount, counted):
        raise ConfirmDifference(
            field="counted", given=Noun.DEPOSIT.id(deposit_id), amount=format_rupiah(deposit.amount), counted=format_rupiah(counted),
            difference=format_rupiah(counted - deposit.amount),
        )  # fmt: skip
    held, _ = await on_hand(session, deposit.counter_id, deposit.collector_id)
    there = deposit.amount if counted is None else counted
    difference = there - min(deposit.amount, held)
    await _decide(session, deposit, verified=True, counted=there, difference=difference, reason=note)
    verified = DepositVerified(
        collector_id=UserId.of(deposit.collector_id), amount=deposit.amount, counted=there, difference=difference
    )  # fmt: skip
    await events.append(session, verified, subject_id=deposit_id, counter_id=deposit.counter_id)
    return False


async def reject(session: WriteSession, deposit_id: int, *, reason: str, key: str) -> bool:
    """Reject a deposit: its cash stays in the drawer. Returns True if the request is a replay of its key. Raises like `verify`."""
    with Problems() as check:
        why, key = check(validation.reason, reason), check(idempotency.key, key)
    claim = await idempotency.claim(session, "rejectDeposit", key, [deposit_id, why], result_id=deposit_id)
    if claim.replayed:
        return True
    deposit = await _undecided(session, deposit_id)
    await _decide(session, deposit, verified=False, reason=why)
    rejected = DepositRejected(collector_id=UserId.of(deposit.collector_id), amount=deposit.amount, reason=why)
    await events.append(session, rejected, subject_id=deposit_id, counter_id=deposit.counter_id)
    return False


def _is_absurd(amount: int, counted: int) -> bool:
    """Whether the count differs from the submitted amount by more than a tenth and by more than MIN_ABSURD."""
    off = abs(counted - amount)
    return off > MIN_ABSURD and 10 * off > amount


async def _undecided(session: WriteSession, deposit_id: int) -> LockedDeposit:
    """Return an undecided deposit, with its drawer locked. Raises NotFound, OwnDeposit, AlreadyDecided."""
    deposit = await locked(session, deposit_id)
    if deposit.status != DepositStatus.SUBMITTED:
        raise AlreadyDecided(field="deposit_id", given=Noun.DEPOSIT.id(deposit_id))
    return deposit


async def locked(session: WriteSession, deposit_id: int) -> LockedDeposit:
    """Return the deposit, with its drawer locked for a count by the caller. Raises NotFound, OwnDeposit."""
    missing = NotFound(field="deposit_id", noun=Noun.DEPOSIT, given=deposit_id)
    whose = await session.row(_WHOSE, {"deposit": deposit_id}, into=_Drawer)
    if whose is None or whose.counter_id not in session.actor.scope:
        raise missing
    await locks.counting(session, whose.collector_id)
    deposit = await session.row(_DEPOSIT, {"deposit": deposit_id}, into=LockedDeposit)
    if deposit is None:
        raise missing
    if session.actor.user_id in {deposit.submitted_by, deposit.collector_id}:
        raise OwnDeposit(field="deposit_id", given=Noun.DEPOSIT.id(deposit_id))
    return deposit


async def _decide(session: WriteSession, deposit: LockedDeposit, *, verified: bool, reason: str, counted: int | None = None,
                  difference: int | None = None) -> None:  # fmt: skip
    await session.execute(
        _DECIDE,
        {"deposit": deposit.id, "verified": verified, "counted": counted, "difference": difference, "reason": reason,
         "at": session.at, "day": local_date(session.at, deposit.timezone), "user": session.actor.user_id},
    )  # fmt: skip
