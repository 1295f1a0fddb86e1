"""Dashboard in GraphQL."""

from dataclasses import asdict
from typing import Final

import strawberry

from sebilling.billing import dashboard as verbs
from sebilling.billing.dashboard import AttentionKind, DebtAge
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.nouns import Noun
from sebilling.schema import feed_subscription
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter, counter_of
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.engine.objects import selection
from sebilling.schema.enums import described
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import COUNTERS
from sebilling.schema.values.payloads import row
from sebilling.schema.values.scalars import Day, MonthText, Rupiah

described(
    DebtAge,
    "Number of days since an invoice was due, by the date at its counter.",
    NOT_DUE="Due today or later.",
    UP_TO_30="1 to 30 days.",
    FROM_31_TO_60="31 to 60 days.",
    FROM_61_TO_90="61 to 90 days.",
    OVER_90="More than 90 days.",
)
_LISTS: Final = {
    AttentionKind.DEPOSITS_TO_VERIFY: "deposits(filter: {statuses: [SUBMITTED]})",
    AttentionKind.UNRESOLVED_MONEY: "unresolvedMoney",
    AttentionKind.HOLDS: "isolationHolds",
    AttentionKind.DEVICES_AWAY: "devices",
    AttentionKind.OUT_OF_SYNC: "serviceAccesses(filter: {inSync: false})",
    AttentionKind.PERIODS_NOT_GENERATED: "periods",
    AttentionKind.PERIOD_NOT_OPEN: "periods",
}
"""Kind → the root field that lists what is counted."""
described(
    AttentionKind,
    "Something that needs attention.",
    DEPOSITS_TO_VERIFY="Deposits that wait for verification.",
    UNRESOLVED_MONEY="Titipan: payments with credit left.",
    HOLDS="Mass blocks that wait for a decision.",
    DEVICES_AWAY="Enabled devices that did not answer the last check.",
    OUT_OF_SYNC="Service accesses whose actual state differs from the desired one.",
    PERIODS_NOT_GENERATED="Open periods in which no invoice was issued at a counter that has active customers.",
    PERIOD_NOT_OPEN="The current month, if its period was not opened.",
)


@output("Figures for today and this month.")
class CurrentFigures:
    received_today: Rupiah = read("Amount received today, less the amount reversed today.", COUNTERS)
    payments_today: int = read("Number of payments received today.", COUNTERS)
    received_this_month: Rupiah = read("Amount received this month up to today, less the amount reversed in it.", COUNTERS)
    payments_this_month: int = read("Number of payments received this month.", COUNTERS)
    billed_this_month: Rupiah = read("Total of the invoices of this month's period that are not void.", COUNTERS)
    outstanding: Rupiah = read("Amount owed on invoices of all periods.", COUNTERS)
    cash_on_hand: Rupiah = read("Belum disetor: cash in the drawers now.", COUNTERS)
    blocked_customers: int = read("Number of customers who are blocked now, according to their devices.", COUNTERS)


@output("Figures of a counter for today and this month.")
class CounterFigures(CurrentFigures):
    id: strawberry.ID = read("Opaque id.", COUNTERS)
    counter: Counter = read("The counter.", COUNTERS)
    day: Day = read("Today's date at the counter.", COUNTERS)
    month: MonthText = read("Current month at the counter, as used by recap and recapChanged.", COUNTERS)


@output("Amounts of a month.")
class MonthFigures:
    month: MonthText = read("The month.", COUNTERS)
    billed: Rupiah = read("Total of the invoices of the month's period that are not void; 0 if it was never opened.", COUNTERS)
    received: Rupiah = read("Amount received in the month, for invoices of any period, less the amount reversed in it.", COUNTERS)
    outstanding: Rupiah = read("Amount still owed now on the invoices of the month's period.", COUNTERS)


@output("Amount received by a method.")
class MethodFigures:
    method: PaymentMethod = read("Payment method.", COUNTERS)
    payments: int = read("Number of payments received.", COUNTERS)
    received: Rupiah = read("Amount received, less the amount reversed.", COUNTERS)


@output("Amount owed on invoices of one age.")
class DebtOfAge:
    age: DebtAge = read("Age of the invoices since they were due.", COUNTERS)
    invoices: int = read("Number of the invoices.", COUNTERS)
    customers: int = read("Number of customers who owe them.", COUNTERS)
    amount: Rupiah = read("Amount owed.", COUNTERS)


@output("Number of things of a kind that need attention.")
class Attention:
    kind: AttentionKind = read("Kind of the things.", COUNTERS)
    count: int = read("Number of the things.", COUNTERS)
    amount: Rupiah | None = read("Sum of their amounts; null for what is not money.", COUNTERS)
    list: str = read("Root field, with its arguments, that lists them.", COUNTERS)


@output("Current figures of the counters that the caller may see.")
class Dashboard:
    cursor: str = read("Cursor to send as `after` to subscriptions, so that no change after these figures is missed.", COUNTERS)
    total: CurrentFigures = read("Sums of the figures of all these counters.", COUNTERS)
    counters: list[CounterFigures] = read("Figures of each counter, by code.", COUNTERS)
    months: list[MonthFigures] = read("Amounts of the last 12 months, oldest first.", COUNTERS)
    methods: list[MethodFigures] = read("Amounts received this month up to today, by method.", COUNTERS)
    debts: list[DebtOfAge] = read("Amounts owed by age of the invoices, youngest first; together they are total.outstanding.", COUNTERS)
    attention: list[Attention] = read("What needs attention; what there is none of is left out.", COUNTERS)


_SUMS: Final = (
    "received_today", "payments_today", "received_this_month", "payments_this_month", "billed_this_month", "outstanding", "cash_on_hand",
    "blocked_customers",
)  # fmt: skip


@query(COUNTERS, "Get the current figures, months, debts and tasks of the counters that the caller may see.")
async def dashboard(info: Info) -> Dashboard:
    context, selected = info.context, selection(info)
    database, actor = context.parts.database, context.signed_in
    answer: dict[str, object] = {}
    # Before the figures, so that a client that continues from the cursor misses nothing.
    if parts := [part for part in verbs.PARTS if _FIELDS.get(part, part) in selected]:
        overview = await verbs.overview(database, parts, at=context.at, actor=actor)
        answer = {
            "cursor": feed_subscription.cursor(overview.number),
            "months": [asdict(month) for month in overview.months],
            "methods": [asdict(method) for method in overview.methods],
            "debts": [asdict(debt) for debt in overview.debts],
            "attention": [row(list=_LISTS[attention.kind], **asdict(attention)) for attention in overview.attention],
        }
    if {"total", "counters"} & selected.keys():
        async with database.reading() as session:
            figures = await verbs.read(session, at=context.at, scope=actor.scope)
        answer["counters"] = [_of_counter(counter) for counter in figures]
        answer["total"] = row(**{name: sum(getattr(counter, name) for counter in figures) for name in _SUMS})
    return row(**answer)


_FIELDS: Final = {"number": "cursor"}
"""Part of an overview → the field that is made of it, where it has another name."""


def _of_counter(figures: verbs.Figures) -> CounterFigures:
    month = str(Month.of(figures.day))
    return row(id=Noun.COUNTER_FIGURES.id(figures.counter_id), counter=counter_of(figures), month=month, **asdict(figures))


QUERIES: Final = [dashboard]
