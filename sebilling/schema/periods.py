"""Periode in GraphQL."""

from enum import StrEnum
from typing import Annotated, Final

import strawberry

from sebilling.billing import closings
from sebilling.billing import periods as verbs
from sebilling.billing.closings import GapReason
from sebilling.schema.counters import Counter, counter_of
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, OFFICE, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Key, Payload, row
from sebilling.schema.engine.reading import Link, Node, Order, one, page
from sebilling.schema.engine.scalars import Instant, MonthText, Rupiah, month_in
from sebilling.schema.enums import described


class PeriodStatus(StrEnum):
    """Whether a period takes invoices."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


described(PeriodStatus, "Whether a period takes invoices.", OPEN="It takes new invoices.", CLOSED="It takes none, unless it is reopened.")


@strawberry.type(description="The end of a closing.")
class PeriodReopening:
    reason: str = strawberry.field(description="Why.")
    reopened_at: Instant = strawberry.field(description="When.")
    reopened_by: str | None = strawberry.field(description="By whom.")


@strawberry.type(description="A closing of a period. Its figures are kept: asOfClosing of the recap tells those of the last one.")
class PeriodClosing:
    closed_at: Instant = strawberry.field(description="When.")
    closed_by: str | None = strawberry.field(description="By whom.")
    incomplete: bool = strawberry.field(description="Something was missing, and it was closed all the same.")
    reopening: PeriodReopening | None = strawberry.field(description="Its end, if the period was reopened.")


@strawberry.type(description="Something that a period lacks at a counter.")
class ClosingGap:
    reason: GapReason = strawberry.field(description="What is missing.")
    counter: Counter = strawberry.field(description="Where.")
    count: int = strawberry.field(description="Of how many customers, deposits or payments.")
    amount: Rupiah = strawberry.field(description="Over how many rupiah; 0 of GENERATION_RUNNING.")


@strawberry.type(description="Periode: one billing month, opened by hand.")
class Period:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    month: MonthText = strawberry.field(description="Which month.")
    status: PeriodStatus = strawberry.field(description="Whether it takes invoices.")
    opened_at: Instant = strawberry.field(description="When.")
    closed_at: Instant | None = strawberry.field(description="When, if it is closed.")
    closings: list[PeriodClosing] = strawberry.field(description="All its closings, in order.")


PERIOD: Final = Node(
    "period",
    {
        "id": ids.column("period", "{t}.id"),
        "month": "to_char({t}.month, 'YYYY-MM')",
        "status": "CASE WHEN {t}.closed_at IS NULL THEN 'OPEN' ELSE 'CLOSED' END",
        "opened_at": "{t}.opened_at",
        "closed_at": "{t}.closed_at",
    },
    {"closings": Link("period_closing", "{n}.period_id = {t}.id", many=True)},
)
PERIOD_CLOSING: Final = Node(
    "period_closing",
    {
        "closed_at": "{t}.closed_at",
        "closed_by": "(SELECT name FROM app_user WHERE id = {t}.closed_by)",
        "incomplete": "{t}.incomplete",
    },
    {"reopening": Link("period_reopening", "{n}.closing_id = {t}.id")},
)
PERIOD_REOPENING: Final = Node(
    "period_reopening",
    {
        "reason": "{t}.reason",
        "reopened_at": "{t}.reopened_at",
        "reopened_by": "(SELECT name FROM app_user WHERE id = {t}.reopened_by)",
    },
)
_LAST_FIRST: Final = Order("month", "{t}.month", "date", descending=True)


@query(COUNTERS, "All periods, the latest month first.")
async def periods(info: Info, first: First = 50, after: After = None) -> Connection[Period]:
    return await page(info, PERIOD, first=first, after=after, order=_LAST_FIRST)


@query(COUNTERS, "One period, by id or month; null if that month was never opened.")
async def period(
    info: Info,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,
    month: Annotated[MonthText | None, strawberry.argument(description="Its month.")] = None,
) -> Period | None:
    row_id = ids.decode_either(id, month, "period")
    first_day = None if month is None else month_in(month, field=("month",)).first
    return await one(info, PERIOD, "(t.id = :id OR t.month = CAST(:month AS date))", {"id": row_id, "month": first_day})


@strawberry.input(description="A month to open.")
class OpenPeriodInput:
    month: MonthText = strawberry.field(description="Which; each only once.")
    confirm: bool = strawberry.field(default=False, description="It is meant although it is more than 2 months ahead or 12 months ago.")


@strawberry.type(description="What came of openPeriod.")
class OpenPeriodPayload(Payload):
    period: Period | None = strawberry.field(description="The new period.")


@mutation(OFFICE, "Open a billing month. Issues nothing: generateInvoices does.")
async def open_period(info: Info, input: Annotated[OpenPeriodInput, INPUT]) -> OpenPeriodPayload:
    month = month_in(input.month, field=("input", "month"))
    async with info.context.transaction() as session:
        period_id = await verbs.open_period(session, month, confirm=input.confirm)
    return row(period=await one(info, PERIOD, "t.id = :id", {"id": period_id}, below=("period",)))


@strawberry.input(description="A month to close.")
class ClosePeriodInput:
    month: MonthText = strawberry.field(description="Which.")
    close_incomplete: bool = strawberry.field(
        default=False, description="Close it although something is missing: closingPreview tells what. It is lost or left undone."
    )


@strawberry.type(description="What came of closePeriod.")
class ClosePeriodPayload(Payload):
    period: Period | None = strawberry.field(description="The closed period.")


@mutation(OFFICE, "Close a billing month: it takes no new invoices, and its recap is kept. Payments for its invoices are still taken.")
async def close_period(info: Info, input: Annotated[ClosePeriodInput, INPUT]) -> ClosePeriodPayload:
    month = month_in(input.month, field=("input", "month"))
    async with info.context.transaction() as session:
        period_id = await verbs.close(session, month, incomplete=input.close_incomplete)
    return row(period=await one(info, PERIOD, "t.id = :id", {"id": period_id}, below=("period",)))


@query(OFFICE, "What closePeriod would leave undone or lose now, by counter; nothing of a closed period.")
async def closing_preview(info: Info, month: Annotated[MonthText, strawberry.argument(description="Of which period.")]) -> list[ClosingGap]:
    context = info.context
    async with context.parts.database.reading() as session:
        found = await closings.gaps(session, month_in(month, field=("month",)), at=context.at, scope=context.signed_in.scope)
    return [
        row(reason=gap.reason, count=gap.count, amount=gap.amount,
            counter=counter_of(gap))
        for gap in found
    ]  # fmt: skip


@strawberry.input(description="A closed month to reopen.")
class ReopenPeriodInput:
    month: MonthText = strawberry.field(description="Which.")
    reason: str = strawberry.field(description="3 to 500 characters, for whoever reads it in a year.")
    idempotency_key: Key = strawberry.field(description="8 to 100 characters, new for each deed.")


@strawberry.type(description="Result of reopenPeriod.")
class ReopenPeriodPayload(Payload):
    period: Period | None = strawberry.field(description="The period, open again.")
    replayed: bool = strawberry.field(description="The key had done this before; nothing happened now.")


@mutation(OFFICE, "Reopen a closed billing month: it takes invoices and corrections again. What its closing kept stays.")
async def reopen_period(info: Info, input: Annotated[ReopenPeriodInput, INPUT]) -> ReopenPeriodPayload:
    month = month_in(input.month, field=("input", "month"))
    async with info.context.transaction() as session:
        replayed = await verbs.reopen(session, month, reason=input.reason, key=input.idempotency_key)
    found = await one(info, PERIOD, "t.month = CAST(:month AS date)", {"month": month.first}, below=("period",))
    return row(period=found, replayed=replayed)


QUERIES: Final = [periods, period, closing_preview]
MUTATIONS: Final = [open_period, close_period, reopen_period]
