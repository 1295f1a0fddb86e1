"""Periode in GraphQL."""

from enum import StrEnum
from typing import Annotated, Final

import strawberry

from sebilling.billing import periods as verbs
from sebilling.schema import ids
from sebilling.schema.access import COUNTERS, OFFICE, mutation, query
from sebilling.schema.connections import After, Connection, First
from sebilling.schema.context import Info
from sebilling.schema.enums import described
from sebilling.schema.payloads import INPUT, Payload, row
from sebilling.schema.reading import Node, Order, one, page
from sebilling.schema.scalars import Instant, MonthText, month_in


class PeriodStatus(StrEnum):
    """Whether a period takes invoices."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


described(PeriodStatus, "Whether a period takes invoices.", OPEN="It takes new invoices.", CLOSED="It is closed for good.")


@strawberry.type(description="Periode: one billing month, opened by hand.")
class Period:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    month: MonthText = strawberry.field(description="Which month.")
    status: PeriodStatus = strawberry.field(description="Whether it takes invoices.")
    opened_at: Instant = strawberry.field(description="When.")
    closed_at: Instant | None = strawberry.field(description="When, if it is closed.")


PERIOD: Final = Node(
    "period",
    {
        "id": ids.column("period", "{t}.id"),
        "month": "to_char({t}.month, 'YYYY-MM')",
        "status": "CASE WHEN {t}.closed_at IS NULL THEN 'OPEN' ELSE 'CLOSED' END",
        "opened_at": "{t}.opened_at",
        "closed_at": "{t}.closed_at",
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
class CreatePeriodInput:
    month: MonthText = strawberry.field(description="Which; each only once.")


@strawberry.type(description="What came of createPeriod.")
class CreatePeriodPayload(Payload):
    period: Period | None = strawberry.field(description="The new period.")


@mutation(OFFICE, "Open a billing month. Issues nothing: generateInvoices does.")
async def create_period(info: Info, input: Annotated[CreatePeriodInput, INPUT]) -> CreatePeriodPayload:
    month = month_in(input.month, field=("input", "month"))
    async with info.context.transaction() as session:
        period_id = await verbs.create(session, month)
    return row(period=await one(info, PERIOD, "t.id = :id", {"id": period_id}, below=("period",)))


@strawberry.input(description="A month to close.")
class ClosePeriodInput:
    month: MonthText = strawberry.field(description="Which.")


@strawberry.type(description="What came of closePeriod.")
class ClosePeriodPayload(Payload):
    period: Period | None = strawberry.field(description="The closed period.")


@mutation(OFFICE, "Close a billing month for good: it takes no new invoices. Payments for its invoices are still taken.")
async def close_period(info: Info, input: Annotated[ClosePeriodInput, INPUT]) -> ClosePeriodPayload:
    month = month_in(input.month, field=("input", "month"))
    async with info.context.transaction() as session:
        period_id = await verbs.close(session, month)
    return row(period=await one(info, PERIOD, "t.id = :id", {"id": period_id}, below=("period",)))


QUERIES: Final = [periods, period]
MUTATIONS: Final = [create_period, close_period]
