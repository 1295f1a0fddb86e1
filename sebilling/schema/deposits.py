"""Setoran in GraphQL: drawers, deposits, their proofs and their verification."""

from typing import Annotated, Any, Final

import strawberry
from obstore.exceptions import BaseError
from starlette.datastructures import UploadFile
from strawberry.file_uploads import Upload

from sebilling.billing import deposits as verbs
from sebilling.billing.deposits import DepositStatus, DepositType
from sebilling.billing.differences import DifferenceKind
from sebilling.errors import InvalidProof
from sebilling.logs import get_logger
from sebilling.schema.counters import Counter
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, OFFICE, RECEIVERS, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Context, Info
from sebilling.schema.engine.payloads import INPUT, Key, Payload, row
from sebilling.schema.engine.reading import Conditions, Link, Node, Order, every, one, page
from sebilling.schema.engine.scalars import Day, Instant, Rupiah
from sebilling.schema.invoices import REVERSAL_COLUMNS, Reversal
from sebilling.schema.users import User
from sebilling.storage import new_key
from sebilling.storage.proofs import MAX_PROOF_BYTES, Proof, inspect

_log = get_logger(__name__)


@strawberry.type(description="A picture or PDF of a bank's receipt. proofLink gives an address to look at it.")
class DepositProof:
    media_type: str = strawberry.field(description="image/jpeg, image/png, image/webp or application/pdf.")
    size_bytes: int = strawberry.field(description="How large it is.")
    uploaded_at: Instant = strawberry.field(description="When.")


@strawberry.type(description="What became of a deposit.")
class DepositDecision:
    counted: Rupiah | None = strawberry.field(description="What was really there, if it was verified: this counts in Total Setor.")
    difference: Rupiah | None = strawberry.field(description="Counted less what the drawer owed: above 0 a surplus, below a shortage.")
    reason: str = strawberry.field(description="Why it was rejected, or a note.")
    decided_at: Instant = strawberry.field(description="When.")
    decided_on: Day = strawberry.field(description="The counter's day, in whose recap it counts.")
    decided_by: str = strawberry.field(description="By whom.")


@strawberry.type(description="Another count of a verified deposit.")
class DepositCorrection:
    counted_before: Rupiah = strawberry.field(description="What had been counted.")
    counted: Rupiah = strawberry.field(description="What was there after all.")
    difference_before: Rupiah = strawberry.field(description="By how much that had differed.")
    difference: Rupiah = strawberry.field(description="By how much this differs: above 0 a surplus, below a shortage.")
    reason: str = strawberry.field(description="Why.")
    corrected_at: Instant = strawberry.field(description="When.")
    corrected_on: Day = strawberry.field(description="The counter's day, in whose recap it stands.")
    corrected_by: str = strawberry.field(description="By whom.")


@strawberry.type(description="A part of a deposit's difference that is explained.")
class DifferenceSettlement:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    kind: DifferenceKind = strawberry.field(description="Of a surplus or a shortage.")
    amount: Rupiah = strawberry.field(description="How much.")
    payment_id: strawberry.ID | None = strawberry.field(
        description="The payment that was handed over before the phone could tell of it; null if it was settled by hand."
    )
    reason: str = strawberry.field(description="Why, if it was settled by hand.")
    settled_at: Instant = strawberry.field(description="When.")
    settled_on: Day = strawberry.field(description="The counter's day, in whose recap it stands.")
    settled_by: str = strawberry.field(description="By whom; of a payment by its collector.")
    reversal: Reversal | None = strawberry.field(description="Its reversal, if it was taken back.")


@strawberry.type(description="Setoran: money of a drawer, handed over to the centre.")
class Deposit:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    amount: Rupiah = strawberry.field(description="As submitted.")
    type: DepositType = strawberry.field(description="How it is handed over.")
    status: DepositStatus = strawberry.field(description="How far it is.")
    note: str = strawberry.field(description="May be empty.")
    submitted_at: Instant = strawberry.field(description="When.")
    submitted_by: str = strawberry.field(description="By whom.")
    deposited_on: Day = strawberry.field(description="The counter's day of submission.")
    counter: Counter = strawberry.field(description="Where the cash was received.")
    collector: User = strawberry.field(description="RowScope cash it is.")
    proof: DepositProof | None = strawberry.field(description="Its proof, if there is one.")
    decision: DepositDecision | None = strawberry.field(description="What became of it first; null while it waits.")
    counted: Rupiah = strawberry.field(description="What was there, by the last correction: this counts. 0 while it waits or was rejected.")
    difference: Rupiah = strawberry.field(description="By the last correction: above 0 a surplus, below a shortage.")
    unsettled: Rupiah = strawberry.field(description="How much of the difference is open: it stays with the collector.")
    corrections: list[DepositCorrection] = strawberry.field(description="Other counts, in order.")
    settlements: list[DifferenceSettlement] = strawberry.field(description="What explains the difference, in order.")


PROOF: Final = Node("proof", {name: f"{{t}}.{name}" for name in ("media_type", "size_bytes", "uploaded_at")})
DECISION: Final = Node(
    "deposit_decision",
    {
        **{name: f"{{t}}.{name}" for name in ("counted", "difference", "reason", "decided_at", "decided_on")},
        "decided_by": "(SELECT name FROM app_user WHERE id = {t}.decided_by)",
    },
)
DEPOSIT: Final = Node(
    "deposit",
    {
        "id": ids.column("deposit", "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("amount", "type", "status", "note", "submitted_at", "deposited_on")},
        **{name: f"{{t}}.{name}" for name in ("counted", "difference")},
        "unsettled": "{t}.difference - {t}.settled",
        "submitted_by": "(SELECT name FROM app_user WHERE id = {t}.submitted_by)",
    },
    {
        "counter": Link("counter", "{n}.id = {t}.counter_id", follows=True),
        "collector": Link("app_user", "{n}.id = {t}.collector_id", follows=True),
        "proof": Link("proof", "{n}.id = {t}.proof_id"),
        "decision": Link("deposit_decision", "{n}.deposit_id = {t}.id"),
        "corrections": Link("deposit_correction", "{n}.deposit_id = {t}.id", many=True),
        "settlements": Link("difference_settlement", "{n}.deposit_id = {t}.id", many=True),
    },
)
_CORRECTION_FIELDS: Final = ("counted_before", "counted", "difference_before", "difference", "reason", "corrected_at", "corrected_on")
DEPOSIT_CORRECTION: Final = Node(
    "deposit_correction",
    {
        **{name: f"{{t}}.{name}" for name in _CORRECTION_FIELDS},
        "corrected_by": "(SELECT name FROM app_user WHERE id = {t}.corrected_by)",
    },
)
SETTLEMENT: Final = Node(
    "difference_settlement",
    {
        "id": ids.column("settlement", "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("kind", "amount", "reason", "settled_at", "settled_on")},
        "payment_id": ids.column("payment", "{t}.payment_id"),
        "settled_by": "(SELECT name FROM app_user WHERE id = {t}.settled_by)",
    },
    {"reversal": Link("settlement_reversal", "{n}.settlement_id = {t}.id")},
)
SETTLEMENT_REVERSAL: Final = Node("settlement_reversal", REVERSAL_COLUMNS)
_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@strawberry.input(description="Which deposits; every condition given must hold.")
class DepositFilter:
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Of this counter's cash.")
    collector_id: strawberry.ID | None = strawberry.field(default=None, description="Of this collector's cash.")
    status: DepositStatus | None = strawberry.field(default=None, description="So far.")
    with_difference: bool | None = strawberry.field(default=None, description="With a surplus or shortage, or without.")
    unsettled: bool | None = strawberry.field(default=None, description="With something of it not settled yet, or without.")


@query(COUNTERS, "Deposits of the counters that the caller may see, the newest first.")
async def deposits(
    info: Info,
    first: First = 50,
    after: After = None,
    filter: Annotated[DepositFilter | None, strawberry.argument(description="Which; all if left out.")] = None,
) -> Connection[Deposit]:
    conditions = {} if filter is None else _conditions(filter)
    return await page(info, DEPOSIT, first=first, after=after, order=_NEWEST, conditions=conditions)


_UNSETTLED: Final = "t.difference <> t.settled"
_DIFFERENT: Final = "t.difference <> 0"


def _conditions(given: DepositFilter) -> Conditions:
    found: Conditions = {}
    if given.counter_id is not None:
        found["t.counter_id = :counter"] = {"counter": ids.decode(given.counter_id, "counter", field=("filter", "counterId"))}
    if given.collector_id is not None:
        found["t.collector_id = :collector"] = {"collector": ids.decode(given.collector_id, "user", field=("filter", "collectorId"))}
    if given.status is not None:
        found["t.status = :status"] = {"status": given.status.value}
    if given.with_difference is not None:
        found[_DIFFERENT if given.with_difference else f"NOT ({_DIFFERENT})"] = {}
    if given.unsettled is not None:
        found[_UNSETTLED if given.unsettled else f"NOT ({_UNSETTLED})"] = {}
    return found


@query(COUNTERS, "One deposit; null if there is none, or none that the caller may see.")
async def deposit(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> Deposit | None:
    return await one(info, DEPOSIT, "t.id = :id", {"id": ids.decode(id, "deposit", field=("id",))})


@strawberry.type(description="What a collector holds in cash of a counter. onHand = received − refunded − deposited + difference.")
class Drawer:
    counter: Counter = strawberry.field(description="Of which counter's customers.")
    collector: User = strawberry.field(description="Who holds it.")
    received: Rupiah = strawberry.field(description="In cash, ever, without what was reversed.")
    refunded: Rupiah = strawberry.field(description="Given back in cash.")
    deposited: Rupiah = strawberry.field(description="Verified, as counted.")
    difference: Rupiah = strawberry.field(
        description="Surplus less shortage of all verified deposits, as far as it isn't settled: it stays with the collector."
    )
    waiting: Rupiah = strawberry.field(description="Submitted and not yet verified; still part of onHand.")
    on_hand: Rupiah = strawberry.field(description="Belum disetor.")


DRAWER: Final = Node(
    "drawer",
    {name: f"{{t}}.{name}" for name in ("received", "refunded", "deposited", "difference", "waiting", "on_hand")},
    {
        "counter": Link("counter", "{n}.id = {t}.counter_id", follows=True),
        "collector": Link("app_user", "{n}.id = {t}.collector_id", follows=True),
    },
)


@query(COUNTERS, "What collectors hold in cash, by counter and collector.")
async def drawers(
    info: Info,
    counter_id: Annotated[strawberry.ID | None, strawberry.argument(description="Of this counter.")] = None,
    collector_id: Annotated[strawberry.ID | None, strawberry.argument(description="Of this collector.")] = None,
) -> list[Drawer]:
    conditions: Conditions = {}
    if counter_id is not None:
        conditions["t.counter_id = :counter"] = {"counter": ids.decode(counter_id, "counter", field=("counterId",))}
    if collector_id is not None:
        conditions["t.collector_id = :collector"] = {"collector": ids.decode(collector_id, "user", field=("collectorId",))}
    return await every(info, DRAWER, order="t.counter_id, t.collector_id", conditions=conditions)


@strawberry.input(description="Tambah Setoran: nominal, tipe, bukti.")
class SubmitDepositInput:
    counter_id: strawberry.ID = strawberry.field(description="Where the cash was received.")
    amount: Rupiah = strawberry.field(description="1 to 10^12.")
    idempotency_key: Key = strawberry.field(description="8 to 100 characters, new for each deposit.")
    type: DepositType = strawberry.field(default=DepositType.MANUAL, description="How it is handed over.")
    proof: Upload | None = strawberry.field(
        default=None, description="JPEG, PNG, WebP or PDF of at most 5 MiB, by a GraphQL multipart request; a transfer needs one."
    )
    note: str = strawberry.field(default="", description="At most 500 characters.")
    collector_id: strawberry.ID | None = strawberry.field(
        default=None, description="RowScope cash; the caller's if left out. For others: ADMIN, FINANCE."
    )


@strawberry.type(description="What came of submitDeposit.")
class SubmitDepositPayload(Payload):
    deposit: Deposit | None = strawberry.field(description="The deposit, which now waits for someone else to verify it.")
    replayed: bool = strawberry.field(description="The key had made this deposit before; nothing happened now.")
    more_than_on_hand: Rupiah | None = strawberry.field(
        description="By how much it exceeds the cash on hand that doesn't wait for verification already: a surplus, if it is there."
    )


@mutation(RECEIVERS, "Hand over cash of a drawer to the centre.")
async def submit_deposit(info: Info, input: Annotated[SubmitDepositInput, INPUT]) -> SubmitDepositPayload:
    context = info.context
    counter_id = ids.decode(input.counter_id, "counter", field=("input", "counterId"))
    collector_id = ids.decode_optional(input.collector_id, "user", field=("input", "collectorId"))
    proof, object_key = (None, None) if input.proof is None else await _kept(context, input.proof)
    committing = False
    try:
        async with context.transaction() as session:
            submitted = await verbs.submit(
                session, counter_id=counter_id, collector_id=collector_id, amount=input.amount, type=input.type,
                key=input.idempotency_key, note=input.note, proof=proof, object_key=object_key,
            )  # fmt: skip
            committing = True
    except Exception:
        # Before COMMIT nothing can have been kept. What fails at it may have been, and nobody knows: the sweep looks later.
        if not committing:
            await _forgotten(context, object_key)
        raise
    if submitted.replayed:
        await _forgotten(context, object_key)
    found = await one(info, DEPOSIT, "t.id = :id", {"id": submitted.deposit_id}, below=("deposit",))
    return row(deposit=found, replayed=submitted.replayed, more_than_on_hand=submitted.more_than_on_hand or None)


async def _kept(context: Context, upload: Any) -> tuple[Proof, str]:
    """The upload, inspected and put into the store. Raises InvalidProof."""
    if not isinstance(upload, UploadFile):
        raise InvalidProof(field=("input", "proof"), why="send the file by a GraphQL multipart request.")
    content = await upload.read(MAX_PROOF_BYTES + 1)
    proof = await inspect(content)
    object_key = new_key("proofs", proof.media_type, on=context.at.date())
    await context.parts.store.put(object_key, proof.content, media_type=proof.media_type)
    return proof, object_key


async def _forgotten(context: Context, object_key: str | None) -> None:
    """Delete an upload from the store. A store that is away changes no answer: jobs/orphaned_proofs.py deletes the proof later."""
    if object_key is None:
        return
    try:
        await context.parts.store.delete(object_key)
    except (OSError, BaseError):
        _log.exception("stored_object_left", key=object_key)


@strawberry.type(description="Result of verifyDeposit, rejectDeposit, correctDeposit or reverseSettlement.")
class DecideDepositPayload(Payload):
    deposit: Deposit | None = strawberry.field(description="The deposit as it is now.")
    replayed: bool = strawberry.field(description="The key had decided this before; nothing happened now.")


@strawberry.input(description="A deposit that is there.")
class VerifyDepositInput:
    deposit_id: strawberry.ID = strawberry.field(description="Which; not one's own.")
    idempotency_key: Key = strawberry.field(description="8 to 100 characters, new for each deed.")
    counted: Rupiah | None = strawberry.field(default=None, description="What is really there; as submitted if left out.")
    confirm_difference: bool = strawberry.field(
        default=False, description="The count is right although it differs by more than a tenth of the deposit and Rp50.000."
    )
    note: str = strawberry.field(default="", description="At most 500 characters.")


@mutation(OFFICE, "Say what is there of a deposit that someone else submitted. A difference stays with the collector.")
async def verify_deposit(info: Info, input: Annotated[VerifyDepositInput, INPUT]) -> DecideDepositPayload:
    deposit_id = ids.decode(input.deposit_id, "deposit", field=("input", "depositId"))
    async with info.context.transaction() as session:
        replayed = await verbs.verify(
            session, deposit_id, key=input.idempotency_key, counted=input.counted, note=input.note,
            confirm_difference=input.confirm_difference,
        )  # fmt: skip
    return row(deposit=await one(info, DEPOSIT, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


@strawberry.input(description="A deposit that is not there.")
class RejectDepositInput:
    deposit_id: strawberry.ID = strawberry.field(description="Which; not one's own.")
    reason: str = strawberry.field(description="3 to 500 characters.")
    idempotency_key: Key = strawberry.field(description="8 to 100 characters, new for each deed.")


@mutation(OFFICE, "Say that a deposit is not there: the cash is still in the drawer.")
async def reject_deposit(info: Info, input: Annotated[RejectDepositInput, INPUT]) -> DecideDepositPayload:
    deposit_id = ids.decode(input.deposit_id, "deposit", field=("input", "depositId"))
    async with info.context.transaction() as session:
        replayed = await verbs.reject(session, deposit_id, reason=input.reason, key=input.idempotency_key)
    return row(deposit=await one(info, DEPOSIT, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


QUERIES: Final = [deposits, deposit, drawers]
MUTATIONS: Final = [submit_deposit, verify_deposit, reject_deposit]
