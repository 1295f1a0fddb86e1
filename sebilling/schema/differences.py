"""Deposit differences (selisih setoran) in GraphQL: correct counts, settle surpluses and shortages."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import differences as verbs
from sebilling.billing.differences import DifferenceKind
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.deposits import DecideDepositPayload, Deposit, Drawer
from sebilling.schema.engine.declarations import input_type, payload
from sebilling.schema.engine.reading import one
from sebilling.schema.request.access import mutation
from sebilling.schema.request.roles import OFFICE
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import INPUT, Key, Payload, row
from sebilling.schema.values.scalars import Rupiah

_KEY: Final = "Idempotency key, 8 to 100 characters, new for each correction."
_REASON: Final = "Reason, for later readers: 3 to 500 characters."


@input_type("Input of correctDeposit.")
class CorrectDepositInput:
    deposit_id: strawberry.ID = strawberry.field(description="Id of the deposit, which must be verified and not the caller's own.")
    counted: Rupiah = strawberry.field(description="Corrected count; 0 if there was no money.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Correct the count of a verified deposit. Updates the difference, the drawer, the recap and the journal.")
async def correct_deposit(info: Info, input: Annotated[CorrectDepositInput, INPUT]) -> DecideDepositPayload:
    deposit_id = ids.decode(input.deposit_id, Noun.DEPOSIT, field=("input", "depositId"))
    async with info.context.transaction() as session:
        replayed = await verbs.correct(session, deposit_id, counted=input.counted, reason=input.reason, key=input.idempotency_key)
    return row(deposit=await one(info, Deposit, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


@input_type("Input of settleSurplus or settleShortage.")
class SettleDifferenceInput:
    counter_id: strawberry.ID = strawberry.field(description="Id of the counter of the drawer.")
    collector_id: strawberry.ID = strawberry.field(description="Id of the collector of the drawer.")
    amount: Rupiah = strawberry.field(description="Amount to settle: 1 up to the unsettled difference.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@payload("Result of settleSurplus or settleShortage.")
class SettleDifferencePayload(Payload):
    drawer: Drawer | None = strawberry.field(description="Drawer after the change.")
    replayed: bool = strawberry.field(
        description="Whether the key had been used for this operation before, so that nothing was changed now."
    )


@mutation(OFFICE, "Settle a surplus with cash that was recorded later. The amount leaves the drawer.")
async def settle_surplus(info: Info, input: Annotated[SettleDifferenceInput, INPUT]) -> SettleDifferencePayload:
    return await _settle(info, input, DifferenceKind.SURPLUS)


@mutation(OFFICE, "Settle a shortage with cash that was found or paid in. The amount is in the drawer again, to be deposited.")
async def settle_shortage(info: Info, input: Annotated[SettleDifferenceInput, INPUT]) -> SettleDifferencePayload:
    return await _settle(info, input, DifferenceKind.SHORTAGE)


async def _settle(info: Info, input: SettleDifferenceInput, kind: DifferenceKind) -> SettleDifferencePayload:
    counter_id = ids.decode(input.counter_id, Noun.COUNTER, field=("input", "counterId"))
    collector_id = ids.decode(input.collector_id, Noun.USER, field=("input", "collectorId"))
    async with info.context.transaction() as session:
        replayed = await verbs.settle(
            session, kind, counter_id=counter_id, collector_id=collector_id, amount=input.amount, reason=input.reason,
            key=input.idempotency_key,
        )  # fmt: skip
    key = {"counter": counter_id, "collector": collector_id}
    drawer = await one(info, Drawer, "(t.counter_id = :counter AND t.collector_id = :collector)", key, below=("drawer",))
    return row(drawer=drawer, replayed=replayed)


@input_type("Input of reverseSettlement.")
class ReverseSettlementInput:
    settlement_id: strawberry.ID = strawberry.field(description="Id of the settlement.")
    deposit_id: strawberry.ID = strawberry.field(description="Id of the settlement's deposit.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Reverse a settlement. Its amount of the difference is unsettled again.")
async def reverse_settlement(info: Info, input: Annotated[ReverseSettlementInput, INPUT]) -> DecideDepositPayload:
    settlement_id = ids.decode(input.settlement_id, Noun.SETTLEMENT, field=("input", "settlementId"))
    deposit_id = ids.decode(input.deposit_id, Noun.DEPOSIT, field=("input", "depositId"))
    async with info.context.transaction() as session:
        replayed = await verbs.reverse(session, settlement_id, deposit_id=deposit_id, reason=input.reason, key=input.idempotency_key)
    return row(deposit=await one(info, Deposit, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


QUERIES: Final[list[object]] = []
MUTATIONS: Final = [correct_deposit, settle_surplus, settle_shortage, reverse_settlement]
