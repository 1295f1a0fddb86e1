"""Dashboard in GraphQL."""

from dataclasses import asdict
from typing import Final

import strawberry

from sebilling import feed
from sebilling.billing import dashboard as verbs
from sebilling.clock import Month
from sebilling.schema.counters import Counter, counter_of
from sebilling.schema.engine import feed_subscription
from sebilling.schema.engine.access import COUNTERS, query
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import row
from sebilling.schema.engine.scalars import Day, MonthText, Rupiah


@strawberry.type(description="Figures of a counter for today and this month.")
class CounterFigures:
    counter: Counter = strawberry.field(description="The counter.")
    day: Day = strawberry.field(description="Today's date at the counter.")
    month: MonthText = strawberry.field(description="Current month at the counter, as used by recap and recapChanged.")
    received_today: Rupiah = strawberry.field(description="Amount received today, less the amount reversed today.")
    payments_today: int = strawberry.field(description="Number of payments received today.")
    received_this_month: Rupiah = strawberry.field(description="Amount received this month up to today, less the amount reversed in it.")
    payments_this_month: int = strawberry.field(description="Number of payments received this month.")
    outstanding: Rupiah = strawberry.field(description="Amount owed on the counter's invoices, of all periods.")
    cash_on_hand: Rupiah = strawberry.field(description="Belum disetor: cash in the counter's drawers now.")
    blocked_customers: int = strawberry.field(description="Number of customers who are blocked now, according to their devices.")


@strawberry.type(description="Current figures of the counters.")
class Dashboard:
    cursor: str = strawberry.field(
        description="Cursor to send as `after` to subscriptions, so that no change after these figures is missed."
    )
    counters: list[CounterFigures] = strawberry.field(description="Figures of each counter, by code.")


@query(COUNTERS, "Get today's and this month's figures of the counters that the caller may see.")
async def dashboard(info: Info) -> Dashboard:
    async with info.context.parts.database.reading() as session:
        number = (await feed.head(session)).number  # read before the figures, so that a client that continues from here misses nothing
        figures = await verbs.read(session, at=info.context.at, scope=info.context.signed_in.scope)
    return row(
        cursor=feed_subscription.cursor(number),
        counters=[
            row(counter=counter_of(counter), month=str(Month(counter.day.year, counter.day.month)), **asdict(counter))
            for counter in figures
        ],
    )


QUERIES: Final = [dashboard]
