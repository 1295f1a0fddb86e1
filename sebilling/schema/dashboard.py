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


@strawberry.type(description="A counter today and this month.")
class CounterFigures:
    counter: Counter = strawberry.field(description="Which counter.")
    day: Day = strawberry.field(description="Today, at the counter.")
    month: MonthText = strawberry.field(description="Its month: what recap and recapChanged take.")
    received_today: Rupiah = strawberry.field(description="Received today, less what was reversed today.")
    payments_today: int = strawberry.field(description="Payments received today.")
    received_this_month: Rupiah = strawberry.field(description="Received this month up to today, less what was reversed in it.")
    payments_this_month: int = strawberry.field(description="Payments received this month.")
    outstanding: Rupiah = strawberry.field(description="What invoices of the counter still owe, of all periods.")
    cash_on_hand: Rupiah = strawberry.field(description="Belum disetor: cash in the counter's drawers now.")
    blocked_customers: int = strawberry.field(description="Customers who are cut now, as their device says.")


@strawberry.type(description="How the counters stand now.")
class Dashboard:
    cursor: str = strawberry.field(description="`after` for subscriptions: what these figures may not hold yet comes behind it.")
    counters: list[CounterFigures] = strawberry.field(description="By code.")


@query(COUNTERS, "Today's and this month's figures of the counters that the caller may see.")
async def dashboard(info: Info) -> Dashboard:
    async with info.context.parts.database.reading() as session:
        number = (await feed.head(session)).number  # before the figures: a client that goes on from here misses nothing
        found = await verbs.read(session, at=info.context.at, scope=info.context.signed_in.scope)
    return row(
        cursor=feed_subscription.cursor(number),
        counters=[
            row(counter=counter_of(counter), month=str(Month(counter.day.year, counter.day.month)), **asdict(counter)) for counter in found
        ],
    )


QUERIES: Final = [dashboard]
