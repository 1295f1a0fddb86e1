"""Deposits (setoran) in GraphQL: drawers, deposits, their proofs and their verification."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Optional

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
from sebilling.schema import filters
from sebilling.schema.context import Context, Info
from sebilling.schema.counters import Counter
from sebilling.schema.engine import reading
from sebilling.schema.engine.declarations import input_type, link, output, payload, read, totals
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import every, one, page
from sebilling.schema.invoices import Reversal
from sebilling.schema.receipts import DownloadLink, link_to
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import COUNTERS, OFFICE, RECEIVERS
from sebilling.schema.scopes import OWN_CASH, PART, part_of
from sebilling.schema.users import User, person
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Key, Payload, row
from sebilling.schema.values.scalars import Day, Instant, Rupiah
from sebilling.storage import new_key
from sebilling.storage.proofs import MAX_PROOF_BYTES, Proof, inspect

_log = get_logger(__name__)


def _proof_link(root: strawberry.Parent[Mapping[str, int]], info: Info) -> DownloadLink:
    return link_to(info, "proof", deposit=root["link"])


@output("Proof of a deposit: a picture or PDF of the bank's receipt.", "proof", scope=PART)
class DepositProof:
    media_type: str = read("Media type: image/jpeg, image/png, image/webp or application/pdf.", COUNTERS)
    size_bytes: int = read("Size in bytes.", COUNTERS)
    uploaded_at: Instant = read("Time of the upload.", COUNTERS)
    link: DownloadLink = read(
        "Download link for the proof.", COUNTERS, sql="(SELECT id FROM deposit WHERE proof_id = {t}.id)", resolver=_proof_link
    )


@output("Verification or rejection of a deposit.", "deposit_decision", scope=PART)
class DepositDecision:
    counted: Rupiah | None = read("Amount counted at verification, which counts in Total Setor; null if it was rejected.", COUNTERS)
    difference: Rupiah | None = read("Counted amount less the amount due from the drawer: above 0 a surplus, below 0 a shortage.", COUNTERS)
    reason: str = read("Reason for the rejection, or a note.", COUNTERS)
    decided_at: Instant = read("Time of the decision.", COUNTERS)
    decided_on: Day = read("Date of the decision at the counter, which decides in which recap it counts.", COUNTERS)
    decided_by: User = person("User who decided.", COUNTERS, "decided_by")


@output("Correction of the count of a verified deposit.", "deposit_correction", scope=PART)
class DepositCorrection:
    counted_before: Rupiah = read("Amount counted before the correction.", COUNTERS)
    counted: Rupiah = read("Corrected amount.", COUNTERS)
    difference_before: Rupiah = read("Difference before the correction.", COUNTERS)
    difference: Rupiah = read("Difference after the correction: above 0 a surplus, below 0 a shortage.", COUNTERS)
    reason: str = read("Reason for the correction.", COUNTERS)
    corrected_at: Instant = read("Time of the correction.", COUNTERS)
    corrected_on: Day = read("Date of the correction at the counter, which decides in which recap it counts.", COUNTERS)
    corrected_by: User = person("User who made the correction.", COUNTERS, "corrected_by")


@output("Settlement of a part of a deposit's difference.", "difference_settlement", scope=part_of("deposit", "deposit_id", OWN_CASH))
class DifferenceSettlement:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.SETTLEMENT, "{t}.id"))
    kind: DifferenceKind = read("Kind of the difference: surplus or shortage.", COUNTERS)
    amount: Rupiah = read("Settled amount.", COUNTERS)
    payment_id: strawberry.ID | None = read(
        "Id of the payment that was handed over before it was synced from the phone; null if it was settled by hand.",
        COUNTERS,
        sql=ids.column(Noun.PAYMENT, "{t}.payment_id"),
    )
    reason: str = read("Reason, if it was settled by hand.", COUNTERS)
    settled_at: Instant = read("Time of the settlement.", COUNTERS)
    settled_on: Day = read("Date of the settlement at the counter, which decides in which recap it counts.", COUNTERS)
    settled_by: User = person("User who settled it; the collector, if a payment settled it.", COUNTERS, "settled_by")
    reversal: Reversal | None = link(
        "Reversal of the settlement; null if it was not reversed.", COUNTERS, "settlement_reversal", "{n}.settlement_id = {t}.id"
    )


@output("Deposit (setoran): money of a drawer that is handed over to the head office.", "deposit", scope=OWN_CASH)
class Deposit:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.DEPOSIT, "{t}.id"))
    amount: Rupiah = read("Amount, as submitted.", COUNTERS)
    type: DepositType = read("Way in which it is handed over.", COUNTERS)
    status: DepositStatus = read("Status of the deposit.", COUNTERS)
    note: str = read("Note; may be empty.", COUNTERS)
    submitted_at: Instant = read("Time of submission.", COUNTERS)
    submitted_by: User = person("User who submitted it.", COUNTERS, "submitted_by")
    deposited_on: Day = read("Date of submission at the counter.", COUNTERS)
    counter: Counter = link("Counter at which the cash was received.", COUNTERS, "counter", "{n}.id = {t}.counter_id", follows=True)
    collector: User = link("Collector whose cash it is.", COUNTERS, "app_user", "{n}.id = {t}.collector_id", follows=True)
    drawer: Optional["Drawer"] = link(
        "Drawer from which the cash is handed over; null if nothing of it is left to tell.",
        COUNTERS,
        "drawer",
        "{n}.counter_id = {t}.counter_id AND {n}.collector_id = {t}.collector_id",
    )
    proof: DepositProof | None = link("Proof of the deposit; null if there is none.", COUNTERS, "proof", "{n}.id = {t}.proof_id")
    decision: DepositDecision | None = link(
        "First decision on the deposit; null while it waits for verification.", COUNTERS, "deposit_decision", "{n}.deposit_id = {t}.id"
    )
    counted: Rupiah = read("Counted amount after the last correction; 0 while it waits for verification or if it was rejected.", COUNTERS)
    difference: Rupiah = read("Difference after the last correction: above 0 a surplus, below 0 a shortage.", COUNTERS)
    unsettled: Rupiah = read(
        "Part of the difference that is not settled; it stays with the collector.", COUNTERS, sql="{t}.difference - {t}.settled"
    )
    corrections: list[DepositCorrection] = link(
        "Corrections of the count, in order.", COUNTERS, "deposit_correction", "{n}.deposit_id = {t}.id"
    )
    settlements: list[DifferenceSettlement] = link(
        "Settlements of the difference, in order.", COUNTERS, "difference_settlement", "{n}.deposit_id = {t}.id"
    )


_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@input_type("Filter of deposits; all conditions must hold.")
class DepositFilter:
    counter_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of the counters, one of whose cash it is; an empty list lists none."
    )
    collector_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the collector whose cash it is.")
    statuses: list[DepositStatus] | None = strawberry.field(
        default=None, description="Statuses, of which it has one; an empty list lists none."
    )
    type: DepositType | None = strawberry.field(default=None, description="Way in which it is handed over.")
    deposited_from: Day | None = strawberry.field(default=None, description="First day of submission.")
    deposited_until: Day | None = strawberry.field(default=None, description="First day after the days of submission.")
    with_difference: bool | None = strawberry.field(default=None, description="Whether it has a surplus or shortage.")
    unsettled: bool | None = strawberry.field(default=None, description="Whether part of its difference is not settled.")


FilterArgument = Annotated[DepositFilter | None, strawberry.argument(description="Filter; all deposits if left out.")]


@query(COUNTERS, "List the deposits of the counters that the caller may see, newest first.")
async def deposits(info: Info, part: Slice, filter: FilterArgument = None) -> Connection[Deposit]:
    return await page(info, Deposit, part, order=_NEWEST, conditions=_conditions(filter or DepositFilter()))


_UNSETTLED: Final = "t.difference <> t.settled"
_DIFFERENT: Final = "t.difference <> 0"


def _conditions(filter: DepositFilter) -> Conditions:
    conditions = filters.of_counters(filter.counter_ids)
    if filter.collector_id is not None:
        conditions["t.collector_id = :collector"] = {
            "collector": ids.decode(filter.collector_id, Noun.USER, field=("filter", "collectorId"))
        }
    if filter.statuses is not None:
        # written out, so that the index of those that wait is used
        codes = ", ".join(f"'{status}'" for status in DepositStatus if status in filter.statuses)
        conditions[f"t.status IN ({codes})" if codes else filters.NONE] = {}
    if filter.type is not None:
        conditions["t.type = :type"] = {"type": filter.type.value}
    if filter.deposited_from is not None:
        conditions["t.deposited_on >= :deposited_from"] = {"deposited_from": filter.deposited_from}
    if filter.deposited_until is not None:
        conditions["t.deposited_on < :deposited_until"] = {"deposited_until": filter.deposited_until}
    if filter.with_difference is not None:
        conditions[_DIFFERENT if filter.with_difference else f"NOT ({_DIFFERENT})"] = {}
    if filter.unsettled is not None:
        conditions[_UNSETTLED if filter.unsettled else f"NOT ({_UNSETTLED})"] = {}
    return conditions


@totals("Totals of deposits.", of=Deposit)
class DepositTotals:
    count: int = read("Number of deposits.", COUNTERS, sql="count(*)")
    amount: Rupiah = read("Sum of their amounts, as submitted.", COUNTERS, sql="coalesce(sum({t}.amount), 0)::bigint")
    counted: Rupiah = read("Sum of their counted amounts.", COUNTERS, sql="coalesce(sum({t}.counted), 0)::bigint")
    difference: Rupiah = read("Sum of their differences.", COUNTERS, sql="coalesce(sum({t}.difference), 0)::bigint")
    unsettled: Rupiah = read(
        "Sum of the parts of their differences that are not settled.",
        COUNTERS,
        sql="coalesce(sum({t}.difference - {t}.settled), 0)::bigint",
    )


@query(COUNTERS, "Get the totals of the deposits of the counters that the caller may see.")
async def deposit_totals(info: Info, filter: FilterArgument = None) -> DepositTotals:
    return await reading.totals(info, DepositTotals, _conditions(filter or DepositFilter()))


@query(COUNTERS, "Get one deposit; null if it does not exist or the caller may not see it.")
async def deposit(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the deposit.")]) -> Deposit | None:
    return await one(info, Deposit, "t.id = :id", {"id": ids.decode(id, Noun.DEPOSIT, field=("id",))})


@output("Cash that a collector holds of a counter. onHand = received − refunded − deposited + difference.", "drawer", scope=OWN_CASH)
class Drawer:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.DRAWER, "{t}.counter_id || '_' || {t}.collector_id"))
    counter: Counter = link("Counter to which the cash belongs.", COUNTERS, "counter", "{n}.id = {t}.counter_id", follows=True)
    collector: User = link("Collector who holds the cash.", COUNTERS, "app_user", "{n}.id = {t}.collector_id", follows=True)
    received: Rupiah = read("Cash received in total, without reversed payments.", COUNTERS)
    refunded: Rupiah = read("Cash refunded in total.", COUNTERS)
    deposited: Rupiah = read("Verified deposits, as counted.", COUNTERS)
    difference: Rupiah = read("Unsettled surplus less shortage of all verified deposits, which stays with the collector.", COUNTERS)
    waiting: Rupiah = read("Submitted deposits that wait for verification; still part of onHand.", COUNTERS)
    on_hand: Rupiah = read("Belum disetor: cash on hand.", COUNTERS)


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
    return await every(info, Drawer, order="t.counter_id, t.collector_id", conditions=conditions)


@input_type("Input of submitDeposit (Tambah Setoran: nominal, tipe, bukti).")
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


@payload("Result of submitDeposit.")
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
    proof, object_key = None, None
    if input.proof is not None:
        try:
            proof, object_key = await _kept(context, input.proof)
        except InvalidProof as error:
            error.field = ("input", "proof")
            context.malformed.append(error)  # told with the problems of the other fields
    committing = False
    try:
        async with context.transaction() as session:
            submitted = await verbs.submit(
                session, counter_id=counter_id, collector_id=collector_id, amount=input.amount, type=input.type,
                key=input.idempotency_key, note=input.note, proof=proof, object_key=object_key,
            )  # fmt: skip
            committing = not context.malformed
    except Exception:
        # Before COMMIT nothing is stored. If COMMIT itself fails, the result is unknown: jobs/orphaned_proofs.py checks later.
        if not committing:
            await _forgotten(context, object_key)
        raise
    if submitted.replayed:
        await _forgotten(context, object_key)
    deposit = await one(info, Deposit, "t.id = :id", {"id": submitted.deposit_id}, below=("deposit",))
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


@payload("Result of verifyDeposit, rejectDeposit, correctDeposit or reverseSettlement.")
class DecideDepositPayload(Payload):
    deposit: Deposit | None = strawberry.field(description="Deposit after the change.")
    replayed: bool = strawberry.field(
        description="Whether the key had been used for this operation before, so that nothing was changed now."
    )


@input_type("Input of verifyDeposit.")
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
    return row(deposit=await one(info, Deposit, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


@input_type("Input of rejectDeposit.")
class RejectDepositInput:
    deposit_id: strawberry.ID = strawberry.field(description="Id of the deposit, which must not be the caller's own.")
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each operation.")


@mutation(OFFICE, "Reject a deposit whose money was not received. Cash is still in the drawer.")
async def reject_deposit(info: Info, input: Annotated[RejectDepositInput, INPUT]) -> DecideDepositPayload:
    deposit_id = ids.decode(input.deposit_id, Noun.DEPOSIT, field=("input", "depositId"))
    async with info.context.transaction() as session:
        replayed = await verbs.reject(session, deposit_id, reason=input.reason, key=input.idempotency_key)
    return row(deposit=await one(info, Deposit, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


QUERIES: Final = [deposits, deposit_totals, deposit, drawers]
MUTATIONS: Final = [submit_deposit, verify_deposit, reject_deposit]
