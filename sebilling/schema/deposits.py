"""Deposits (setoran) in GraphQL: drawers, deposits, their proofs and their verification."""

from typing import Annotated, Any, Final

import strawberry
from obstore.exceptions import BaseError
from starlette.datastructures import UploadFile
from strawberry.file_uploads import Upload

from sebilling.billing import deposits as verbs
from sebilling.billing.deposits import DepositStatus, DepositType
from sebilling.billing.differences import DifferenceKind
from sebilling.errors import InvalidProof
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.nouns import Noun
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


@strawberry.type(description="Proof of a deposit: a picture or PDF of the bank's receipt. proofLink returns a link to it.")
class DepositProof:
    media_type: str = strawberry.field(description="Media type: image/jpeg, image/png, image/webp or application/pdf.")
    size_bytes: int = strawberry.field(description="Size in bytes.")
    uploaded_at: Instant = strawberry.field(description="Time of the upload.")


@strawberry.type(description="Verification or rejection of a deposit.")
class DepositDecision:
    counted: Rupiah | None = strawberry.field(
        description="Amount counted at verification, which counts in Total Setor; null if it was rejected."
    )
    difference: Rupiah | None = strawberry.field(
        description="Counted amount less the amount due from the drawer: above 0 a surplus, below 0 a shortage."
    )
    reason: str = strawberry.field(description="Reason for the rejection, or a note.")
    decided_at: Instant = strawberry.field(description="Time of the decision.")
    decided_on: Day = strawberry.field(description="Date of the decision at the counter, which decides in which recap it counts.")
    decided_by: str = strawberry.field(description="Name of the user who decided.")


@strawberry.type(description="Correction of the count of a verified deposit.")
class DepositCorrection:
    counted_before: Rupiah = strawberry.field(description="Amount counted before the correction.")
    counted: Rupiah = strawberry.field(description="Corrected amount.")
    difference_before: Rupiah = strawberry.field(description="Difference before the correction.")
    difference: Rupiah = strawberry.field(description="Difference after the correction: above 0 a surplus, below 0 a shortage.")
    reason: str = strawberry.field(description="Reason for the correction.")
    corrected_at: Instant = strawberry.field(description="Time of the correction.")
    corrected_on: Day = strawberry.field(description="Date of the correction at the counter, which decides in which recap it counts.")
    corrected_by: str = strawberry.field(description="Name of the user who made the correction.")


@strawberry.type(description="Settlement of a part of a deposit's difference.")
class DifferenceSettlement:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    kind: DifferenceKind = strawberry.field(description="Kind of the difference: surplus or shortage.")
    amount: Rupiah = strawberry.field(description="Settled amount.")
    payment_id: strawberry.ID | None = strawberry.field(
        description="Id of the payment that was handed over before it was synced from the phone; null if it was settled by hand."
    )
    reason: str = strawberry.field(description="Reason, if it was settled by hand.")
    settled_at: Instant = strawberry.field(description="Time of the settlement.")
    settled_on: Day = strawberry.field(description="Date of the settlement at the counter, which decides in which recap it counts.")
    settled_by: str = strawberry.field(description="Name of the user who settled it; the collector, if a payment settled it.")
    reversal: Reversal | None = strawberry.field(description="Reversal of the settlement; null if it was not reversed.")


@strawberry.type(description="Deposit (setoran): money of a drawer that is handed over to the head office.")
class Deposit:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    amount: Rupiah = strawberry.field(description="Amount, as submitted.")
    type: DepositType = strawberry.field(description="Way in which it is handed over.")
    status: DepositStatus = strawberry.field(description="Status of the deposit.")
    note: str = strawberry.field(description="Note; may be empty.")
    submitted_at: Instant = strawberry.field(description="Time of submission.")
    submitted_by: str = strawberry.field(description="Name of the user who submitted it.")
    deposited_on: Day = strawberry.field(description="Date of submission at the counter.")
    counter: Counter = strawberry.field(description="Counter at which the cash was received.")
    collector: User = strawberry.field(description="Collector whose cash it is.")
    proof: DepositProof | None = strawberry.field(description="Proof of the deposit; null if there is none.")
    decision: DepositDecision | None = strawberry.field(description="First decision on the deposit; null while it waits for verification.")
    counted: Rupiah = strawberry.field(
        description="Counted amount after the last correction; 0 while it waits for verification or if it was rejected."
    )
    difference: Rupiah = strawberry.field(description="Difference after the last correction: above 0 a surplus, below 0 a shortage.")
    unsettled: Rupiah = strawberry.field(description="Part of the difference that is not settled; it stays with the collector.")
    corrections: list[DepositCorrection] = strawberry.field(description="Corrections of the count, in order.")
    settlements: list[DifferenceSettlement] = strawberry.field(description="Settlements of the difference, in order.")


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
        "id": ids.column(Noun.DEPOSIT, "{t}.id"),
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
        "id": ids.column(Noun.SETTLEMENT, "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("kind", "amount", "reason", "settled_at", "settled_on")},
        "payment_id": ids.column(Noun.PAYMENT, "{t}.payment_id"),
        "settled_by": "(SELECT name FROM app_user WHERE id = {t}.settled_by)",
    },
    {"reversal": Link("settlement_reversal", "{n}.settlement_id = {t}.id")},
)
SETTLEMENT_REVERSAL: Final = Node("settlement_reversal", REVERSAL_COLUMNS)
_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@strawberry.input(description="Filter of deposits; all conditions must hold.")
class DepositFilter:
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the counter whose cash it is.")
    collector_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the collector whose cash it is.")
    status: DepositStatus | None = strawberry.field(default=None, description="Status of the deposit.")
    with_difference: bool | None = strawberry.field(default=None, description="Whether it has a surplus or shortage.")
    unsettled: bool | None = strawberry.field(default=None, description="Whether part of its difference is not settled.")


@query(COUNTERS, "List the deposits of the counters that the caller may see, newest first.")
async def deposits(
    info: Info,
    first: First = 50,
    after: After = None,
    filter: Annotated[DepositFilter | None, strawberry.argument(description="Filter; lists all if left out.")] = None,
) -> Connection[Deposit]:
    conditions = {} if filter is None else _conditions(filter)
    return await page(info, DEPOSIT, first=first, after=after, order=_NEWEST, conditions=conditions)


_UNSETTLED: Final = "t.difference <> t.settled"
_DIFFERENT: Final = "t.difference <> 0"


def _conditions(filter: DepositFilter) -> Conditions:
    conditions: Conditions = {}
    if filter.counter_id is not None:
        conditions["t.counter_id = :counter"] = {"counter": ids.decode(filter.counter_id, Noun.COUNTER, field=("filter", "counterId"))}
    if filter.collector_id is not None:
        conditions["t.collector_id = :collector"] = {
            "collector": ids.decode(filter.collector_id, Noun.USER, field=("filter", "collectorId"))
        }
    if filter.status is not None:
        conditions["t.status = :status"] = {"status": filter.status.value}
    if filter.with_difference is not None:
        conditions[_DIFFERENT if filter.with_difference else f"NOT ({_DIFFERENT})"] = {}
    if filter.unsettled is not None:
        conditions[_UNSETTLED if filter.unsettled else f"NOT ({_UNSETTLED})"] = {}
    return conditions


@query(COUNTERS, "Get one deposit; null if it does not exist or the caller may not see it.")
async def deposit(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the deposit.")]) -> Deposit | None:
    return await one(info, DEPOSIT, "t.id = :id", {"id": ids.decode(id, Noun.DEPOSIT, field=("id",))})


@strawberry.type(description="Cash that a collector holds of a counter. onHand = received − refunded − deposited + difference.")
class Drawer:
    counter: Counter = strawberry.field(description="Counter to which the cash belongs.")
    collector: User = strawberry.field(description="Collector who holds the cash.")
    received: Rupiah = strawberry.field(description="Cash received in total, without reversed payments.")
    refunded: Rupiah = strawberry.field(description="Cash refunded in total.")
    deposited: Rupiah = strawberry.field(description="Verified deposits, as counted.")
    difference: Rupiah = strawberry.field(
        description="Unsettled surplus less shortage of all verified deposits, which stays with the collector."
    )
    waiting: Rupiah = strawberry.field(description="Submitted deposits that wait for verification; still part of onHand.")
    on_hand: Rupiah = strawberry.field(description="Belum disetor: cash on hand.")


DRAWER: Final = Node(
    "drawer",
    {name: f"{{t}}.{name}" for name in ("received", "refunded", "deposited", "difference", "waiting", "on_hand")},
    {
        "counter": Link("counter", "{n}.id = {t}.counter_id", follows=True),
        "collector": Link("app_user", "{n}.id = {t}.collector_id", follows=True),
    },
)


@query(COUNTERS, "List the drawers, by counter and collector.")
async def drawers(
    info: Info,
    counter_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Id of the counter; all that the caller may see if left out.")
    ] = None,
    collector_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Id of the collector; all that the caller may see if left out.")
    ] = None,
) -> list[Drawer]:
    conditions: Conditions = {}
    if counter_id is not None:
        conditions["t.counter_id = :counter"] = {"counter": ids.decode(counter_id, Noun.COUNTER, field=("counterId",))}
    if collector_id is not None:
        conditions["t.collector_id = :collector"] = {"collector": ids.decode(collector_id, Noun.USER, field=("collectorId",))}
    return await every(info, DRAWER, order="t.counter_id, t.collector_id", conditions=conditions)


@strawberry.input(description="Input of submitDeposit (Tambah Setoran: nominal, tipe, bukti).")
class SubmitDepositInput:
    counter_id: strawberry.ID = strawberry.field(description="Id of the counter at which the cash was received.")
    amount: Rupiah = strawberry.field(description="Amount, 1 to 10^12.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each deposit.")
    type: DepositType = strawberry.field(default=DepositType.MANUAL, description="Way in which it is handed over.")
    proof: Upload | None = strawberry.field(
        default=None, description="JPEG, PNG, WebP or PDF of at most 5 MiB, sent by a GraphQL multipart request; required for a transfer."
    )
    note: str = strawberry.field(default="", description="Note, at most 500 characters.")
    collector_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the collector whose cash it is; the caller if left out. Only ADMIN and FINANCE may name others."
    )


@strawberry.type(description="Result of submitDeposit.")
class SubmitDepositPayload(Payload):
    deposit: Deposit | None = strawberry.field(description="The deposit, which waits for another user to verify it.")
    replayed: bool = strawberry.field(description="Whether the key had submitted this deposit before, so that nothing was changed now.")
    more_than_on_hand: Rupiah | None = strawberry.field(
        description="Amount by which it exceeds the cash on hand that is not in other waiting deposits: a surplus, if verified."
    )


@mutation(RECEIVERS, "Submit a deposit of a drawer's cash to the head office.")
async def submit_deposit(info: Info, input: Annotated[SubmitDepositInput, INPUT]) -> SubmitDepositPayload:
    context = info.context
    counter_id = ids.decode(input.counter_id, Noun.COUNTER, field=("input", "counterId"))
    collector_id = ids.decode_optional(input.collector_id, Noun.USER, field=("input", "collectorId"))
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
        # Before COMMIT nothing is stored. If COMMIT itself fails, the result is unknown: jobs/orphaned_proofs.py checks later.
        if not committing:
            await _forgotten(context, object_key)
        raise
    if submitted.replayed:
        await _forgotten(context, object_key)
    deposit = await one(info, DEPOSIT, "t.id = :id", {"id": submitted.deposit_id}, below=("deposit",))
    return row(deposit=deposit, replayed=submitted.replayed, more_than_on_hand=submitted.more_than_on_hand or None)


async def _kept(context: Context, upload: Any) -> tuple[Proof, str]:
    """Inspect an upload and put it into the store. Raises InvalidProof."""
    if not isinstance(upload, UploadFile):
        raise InvalidProof(
            field=("input", "proof"),
            why=Sentence("send the file by a GraphQL multipart request.", "kirim berkasnya dengan permintaan multipart GraphQL."),
        )
    content = await upload.read(MAX_PROOF_BYTES + 1)
    proof = await inspect(content)
    object_key = new_key("proofs", proof.media_type, on=context.at.date())
    await context.parts.store.put(object_key, proof.content, media_type=proof.media_type)
    return proof, object_key


async def _forgotten(context: Context, object_key: str | None) -> None:
    """Delete an upload from the store. An unreachable store does not fail the request: jobs/orphaned_proofs.py deletes it later."""
    if object_key is None:
        return
    try:
        await context.parts.store.delete(object_key)
    except (OSError, BaseError):
        _log.exception("stored_object_left", key=object_key)


@strawberry.type(description="Result of verifyDeposit, rejectDeposit, correctDeposit or reverseSettlement.")
class DecideDepositPayload(Payload):
    deposit: Deposit | None = strawberry.field(description="Deposit after the change.")
    replayed: bool = strawberry.field(
        description="Whether the key had been used for this operation before, so that nothing was changed now."
    )


@strawberry.input(description="Input of verifyDeposit.")
class VerifyDepositInput:
    deposit_id: strawberry.ID = strawberry.field(description="Id of the deposit, which must not be the caller's own.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each operation.")
    counted: Rupiah | None = strawberry.field(default=None, description="Counted amount; the submitted amount if left out.")
    confirm_difference: bool = strawberry.field(
        default=False, description="Confirmation, required if the count differs by more than a tenth of the deposit and Rp50.000."
    )
    note: str = strawberry.field(default="", description="Note, at most 500 characters.")


@mutation(OFFICE, "Verify a deposit that another user submitted, with the counted amount. A difference stays with the collector.")
async def verify_deposit(info: Info, input: Annotated[VerifyDepositInput, INPUT]) -> DecideDepositPayload:
    deposit_id = ids.decode(input.deposit_id, Noun.DEPOSIT, field=("input", "depositId"))
    async with info.context.transaction() as session:
        replayed = await verbs.verify(
            session, deposit_id, key=input.idempotency_key, counted=input.counted, note=input.note,
            confirm_difference=input.confirm_difference,
        )  # fmt: skip
    return row(deposit=await one(info, DEPOSIT, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


@strawberry.input(description="Input of rejectDeposit.")
class RejectDepositInput:
    deposit_id: strawberry.ID = strawberry.field(description="Id of the deposit, which must not be the caller's own.")
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each operation.")


@mutation(OFFICE, "Reject a deposit whose money was not received. Cash is still in the drawer.")
async def reject_deposit(info: Info, input: Annotated[RejectDepositInput, INPUT]) -> DecideDepositPayload:
    deposit_id = ids.decode(input.deposit_id, Noun.DEPOSIT, field=("input", "depositId"))
    async with info.context.transaction() as session:
        replayed = await verbs.reject(session, deposit_id, reason=input.reason, key=input.idempotency_key)
    return row(deposit=await one(info, DEPOSIT, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


QUERIES: Final = [deposits, deposit, drawers]
MUTATIONS: Final = [submit_deposit, verify_deposit, reject_deposit]
