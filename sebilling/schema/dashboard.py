"""Dashboard in GraphQL."""

from dataclasses import asdict
from typing import Final

from sebilling import feed
from sebilling.billing import dashboard as verbs
from sebilling.clock import Month
from sebilling.schema import feed_subscription
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter, counter_of
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import COUNTERS
from sebilling.schema.values.payloads import row
from sebilling.schema.values.scalars import Day, MonthText, Rupiah


@output("Figures of a counter for today and this month.")
class CounterFigures:
    counter: Counter = read("The counter.", COUNTERS)
    day: Day = read("Today's date at the counter.", COUNTERS)
    month: MonthText = read("Current month at the counter, as used by recap and recapChanged.", COUNTERS)
    received_today: Rupiah = read("Amount received today, less the amount reversed today.", COUNTERS)
    payments_today: int = read("Number of payments received today.", COUNTERS)
    received_this_month: Rupiah = read("Amount received this month up to today, less the amount reversed in it.", COUNTERS)
    payments_this_month: int = read("Number of payments received this month.", COUNTERS)
    outstanding: Rupiah = read("Amount owed on the counter's invoices, of all periods.", COUNTERS)
    cash_on_hand: Rupiah = read("Belum disetor: cash in the counter's drawers now.", COUNTERS)
    blocked_customers: int = read("Number of customers who are blocked now, according to their devices.", COUNTERS)


@output("Current figures of the counters.")
class Dashboard:
    cursor: str = read("Cursor to send as `after` to subscriptions, so that no change after these figures is missed.", COUNTERS)
    counters: list[CounterFigures] = read("Figures of each counter, by code.", COUNTERS)


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
