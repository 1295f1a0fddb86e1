"""Periods (periode) in GraphQL."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import strawberry

from sebilling.billing import closings
from sebilling.billing import periods as verbs
from sebilling.billing.closings import GapReason
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter, counter_of
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.pages import Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import COUNTERS, OFFICE, READERS
from sebilling.schema.scopes import EVERYBODYS, PART
from sebilling.schema.users import User, person
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Key, Payload, row
from sebilling.schema.values.scalars import Instant, MonthText, Rate, Rupiah, month_in

if TYPE_CHECKING:
    from sebilling.schema.generation import GenerationRun


class PeriodStatus(StrEnum):
    """Status of a period."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


described(PeriodStatus, "Status of a period.", OPEN="Accepts new invoices.", CLOSED="Accepts no invoices unless it is reopened.")


@output("Reopening of a closed period.", "period_reopening", scope=PART)
class PeriodReopening:
    reason: str = read("Reason for the reopening.", COUNTERS)
    reopened_at: Instant = read("Time of the reopening.", COUNTERS)
    reopened_by: User | None = person("User who reopened the period.", COUNTERS, "reopened_by")


@output(
    "Closing of a period. Its figures are kept: asOfClosing of the recap shows those of the latest closing.", "period_closing", scope=PART
)
class PeriodClosing:
    closed_at: Instant = read("Time of the closing.", COUNTERS)
    closed_by: User | None = person("User who closed the period.", COUNTERS, "closed_by")
    incomplete: bool = read("Whether the period was closed although it was incomplete.", COUNTERS)
    reopening: PeriodReopening | None = link(
        "Reopening after this closing; null if there was none.", COUNTERS, "period_reopening", "{n}.closing_id = {t}.id"
    )


@output("Reason for which a period is incomplete at a counter.")
class ClosingGap:
    reason: GapReason = read("Reason for which it is incomplete.", OFFICE)
    counter: Counter = read("Counter that is affected.", OFFICE)
    count: int = read("Number of customers, deposits or payments.", OFFICE)
    amount: Rupiah = read("Amount in rupiah; 0 for GENERATION_RUNNING.", OFFICE)


@output(
    "Totals of a period's invoices at the counters that the caller may see. billed = allocated + writtenOff + outstanding, always.",
    "period_sums(CAST(:scope AS bigint[]))",
    scope=PART,
)
class PeriodTotals:
    invoices: int = read("Number of invoices, including void ones.", COUNTERS)
    billed: Rupiah = read("Sum of the invoices that are not void.", COUNTERS)
    allocated: Rupiah = read("Amount that is paid.", COUNTERS)
    written_off: Rupiah = read("Amount that is written off.", COUNTERS)
    outstanding: Rupiah = read("Amount that is owed.", COUNTERS)
    paid_share: Rate | None = read(
        "Share of billed that is paid, in percent with two decimals; null if nothing is billed.",
        COUNTERS,
        sql="trim_scale(round(100.0 * {t}.allocated / nullif({t}.billed, 0), 2))::text",
    )


@output("Period (periode): one billing month, opened by hand.", "period", scope=EVERYBODYS)
class Period:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.PERIOD, "{t}.id"))
    month: MonthText = read("Month of the period.", COUNTERS, sql="to_char({t}.month, 'YYYY-MM')")
    status: PeriodStatus = read("Status of the period.", COUNTERS, sql="CASE WHEN {t}.closed_at IS NULL THEN 'OPEN' ELSE 'CLOSED' END")
    opened_at: Instant = read("Time at which the period was opened.", COUNTERS)
    closed_at: Instant | None = read("Time at which the period was closed; null if it is open.", COUNTERS)
    totals: PeriodTotals = link(
        "Totals of the period's invoices.", COUNTERS, "period_sums(CAST(:scope AS bigint[]))", "{n}.period_id = {t}.id"
    )
    runs: list[Annotated["GenerationRun", strawberry.lazy("sebilling.schema.generation")]] | None = link(
        "Last 50 generation runs of the period, newest first.",
        READERS,
        "generation_run",
        "{n}.period_id = {t}.id",
        order="{n}.id DESC",
        most=50,
    )
    closings: list[PeriodClosing] = link("All closings of the period, in order.", COUNTERS, "period_closing", "{n}.period_id = {t}.id")


_LAST_FIRST: Final = Order("month", "{t}.month", "date", descending=True)


@query(COUNTERS, "List all periods, latest month first.")
async def periods(info: Info, part: Slice) -> Connection[Period]:
    return await page(info, Period, part, order=_LAST_FIRST)


@query(COUNTERS, "Get one period by id or month; null if that month was never opened.")
async def period(
    info: Info,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="Id of the period.")] = None,
    month: Annotated[MonthText | None, strawberry.argument(description="Month of the period.")] = None,
) -> Period | None:
    row_id = ids.decode_either(id, month, Noun.PERIOD)
    first_day = None if month is None else month_in(month, field=("month",)).first
    return await one(info, Period, "(t.id = :id OR t.month = CAST(:month AS date))", {"id": row_id, "month": first_day})


@input_type("Input of openPeriod.")
class OpenPeriodInput:
    month: MonthText = strawberry.field(description="Month to open; each can be opened only once.")
    confirm: bool = strawberry.field(
        default=False, description="Confirmation, required for a month more than 2 months ahead or 12 months ago."
    )


@payload("Result of openPeriod.")
class OpenPeriodPayload(Payload):
    period: Period | None = strawberry.field(description="The new period.")


@mutation(OFFICE, "Open a period. Issues no invoices: generateInvoices does.")
async def open_period(info: Info, input: Annotated[OpenPeriodInput, INPUT]) -> OpenPeriodPayload:
    month = month_in(input.month, field=("input", "month"))
    async with info.context.transaction() as session:
        period_id = await verbs.open_period(session, month, confirm=input.confirm)
    return row(period=await one(info, Period, "t.id = :id", {"id": period_id}, below=("period",)))


@input_type("Input of closePeriod.")
class ClosePeriodInput:
    month: MonthText = strawberry.field(description="Month to close.")
    close_incomplete: bool = strawberry.field(
        default=False, description="Whether to close it although it is incomplete. What closingPreview lists is then lost or left undone."
    )


@payload("Result of closePeriod.")
class ClosePeriodPayload(Payload):
    period: Period | None = strawberry.field(description="The closed period.")


@mutation(OFFICE, "Close a period. It accepts no new invoices, and its recap is kept. Payments for its invoices are still accepted.")
async def close_period(info: Info, input: Annotated[ClosePeriodInput, INPUT]) -> ClosePeriodPayload:
    month = month_in(input.month, field=("input", "month"))
    async with info.context.transaction() as session:
        period_id = await verbs.close(session, month, incomplete=input.close_incomplete)
    return row(period=await one(info, Period, "t.id = :id", {"id": period_id}, below=("period",)))


@query(OFFICE, "List by counter what closePeriod would leave undone or lose now; empty for a closed period.")
async def closing_preview(
    info: Info, month: Annotated[MonthText, strawberry.argument(description="Month of the period.")]
) -> list[ClosingGap]:
    context = info.context
    async with context.parts.database.reading() as session:
        gaps = await closings.gaps(session, month_in(month, field=("month",)), at=context.at, scope=context.signed_in.scope)
    return [
        row(reason=gap.reason, count=gap.count, amount=gap.amount,
            counter=counter_of(gap))
        for gap in gaps
    ]  # fmt: skip


@input_type("Input of reopenPeriod.")
class ReopenPeriodInput:
    month: MonthText = strawberry.field(description="Month to reopen.")
    reason: str = strawberry.field(description="Reason, for later readers: 3 to 500 characters.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each operation.")


@payload("Result of reopenPeriod.")
class ReopenPeriodPayload(Payload):
    period: Period | None = strawberry.field(description="The reopened period.")
    replayed: bool = strawberry.field(
        description="Whether the key had been used for this operation before, so that nothing was changed now."
    )


@mutation(OFFICE, "Reopen a closed period. It accepts invoices and corrections again. The figures kept by its closing stay.")
async def reopen_period(info: Info, input: Annotated[ReopenPeriodInput, INPUT]) -> ReopenPeriodPayload:
    month = month_in(input.month, field=("input", "month"))
    async with info.context.transaction() as session:
        replayed = await verbs.reopen(session, month, reason=input.reason, key=input.idempotency_key)
    reopened = await one(info, Period, "t.month = CAST(:month AS date)", {"month": month.first}, below=("period",))
    return row(period=reopened, replayed=replayed)


QUERIES: Final = [periods, period, closing_preview]
MUTATIONS: Final = [open_period, close_period, reopen_period]
