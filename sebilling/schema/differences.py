"""Selisih setoran in GraphQL: deposits counted anew, surpluses and shortages settled."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import differences as verbs
from sebilling.billing.differences import DifferenceKind
from sebilling.schema.deposits import DEPOSIT, DRAWER, DecideDepositPayload, Drawer
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import OFFICE, mutation
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Key, Payload, row
from sebilling.schema.engine.reading import one
from sebilling.schema.engine.scalars import Rupiah

_KEY: Final = "8 to 100 characters, new for each correction."
_REASON: Final = "3 to 500 characters, for whoever reads it in a year."


@strawberry.input(description="A deposit that was counted wrongly.")
class CorrectDepositInput:
    deposit_id: strawberry.ID = strawberry.field(description="Which; verified, and not one's own.")
    counted: Rupiah = strawberry.field(description="What was there after all; 0 if nothing was.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Correct what was counted of a verified deposit: the difference, the drawer, the recap and the journal follow.")
async def correct_deposit(info: Info, input: Annotated[CorrectDepositInput, INPUT]) -> DecideDepositPayload:
    deposit_id = ids.decode(input.deposit_id, "deposit", field=("input", "depositId"))
    async with info.context.transaction() as session:
        replayed = await verbs.correct(session, deposit_id, counted=input.counted, reason=input.reason, key=input.idempotency_key)
    return row(deposit=await one(info, DEPOSIT, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


@strawberry.input(description="A part of a drawer's surplus or shortage that is explained.")
class SettleDifferenceInput:
    counter_id: strawberry.ID = strawberry.field(description="Of which counter's cash.")
    collector_id: strawberry.ID = strawberry.field(description="Of which collector's.")
    amount: Rupiah = strawberry.field(description="How much: 1 to what isn't settled yet.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@strawberry.type(description="Result of settleSurplus or settleShortage.")
class SettleDifferencePayload(Payload):
    drawer: Drawer | None = strawberry.field(description="The drawer as it is now.")
    replayed: bool = strawberry.field(description="The key had done this before; nothing happened now.")


@mutation(OFFICE, "Settle a surplus with cash that was recorded later: it leaves the drawer, in which nobody has it.")
async def settle_surplus(info: Info, input: Annotated[SettleDifferenceInput, INPUT]) -> SettleDifferencePayload:
    return await _settle(info, input, DifferenceKind.SURPLUS)


@mutation(OFFICE, "Settle a shortage with cash that was found or paid in: it is in the drawer again, and is handed over like any other.")
async def settle_shortage(info: Info, input: Annotated[SettleDifferenceInput, INPUT]) -> SettleDifferencePayload:
    return await _settle(info, input, DifferenceKind.SHORTAGE)


async def _settle(info: Info, given: SettleDifferenceInput, kind: DifferenceKind) -> SettleDifferencePayload:
    counter_id = ids.decode(given.counter_id, "counter", field=("input", "counterId"))
    collector_id = ids.decode(given.collector_id, "user", field=("input", "collectorId"))
    async with info.context.transaction() as session:
        replayed = await verbs.settle(
            session, kind, counter_id=counter_id, collector_id=collector_id, amount=given.amount, reason=given.reason,
            key=given.idempotency_key,
        )  # fmt: skip
    which = {"counter": counter_id, "collector": collector_id}
    found = await one(info, DRAWER, "(t.counter_id = :counter AND t.collector_id = :collector)", which, below=("drawer",))
    return row(drawer=found, replayed=replayed)


@strawberry.input(description="A settlement that was wrong.")
class ReverseSettlementInput:
    settlement_id: strawberry.ID = strawberry.field(description="Which.")
    deposit_id: strawberry.ID = strawberry.field(description="Of which deposit.")
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Reverse a settlement: so much of the difference is open again.")
async def reverse_settlement(info: Info, input: Annotated[ReverseSettlementInput, INPUT]) -> DecideDepositPayload:
    settlement_id = ids.decode(input.settlement_id, "settlement", field=("input", "settlementId"))
    deposit_id = ids.decode(input.deposit_id, "deposit", field=("input", "depositId"))
    async with info.context.transaction() as session:
        replayed = await verbs.reverse(session, settlement_id, deposit_id=deposit_id, reason=input.reason, key=input.idempotency_key)
    return row(deposit=await one(info, DEPOSIT, "t.id = :id", {"id": deposit_id}, below=("deposit",)), replayed=replayed)


QUERIES: Final[list[object]] = []
MUTATIONS: Final = [correct_deposit, settle_surplus, settle_shortage, reverse_settlement]
