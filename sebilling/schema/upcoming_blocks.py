"""Upcoming blocks in GraphQL: on which day a customer is blocked unless they pay, and whom the next isolation run blocks."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, TypedDict

import strawberry

from sebilling.billing.isolation.policy import IsolationMode
from sebilling.db.parameters import local_day
from sebilling.errors import NotFound
from sebilling.language import Sentence
from sebilling.money import format_rupiah
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter
from sebilling.schema.customer_lists import searched
from sebilling.schema.customers import Customer
from sebilling.schema.engine.declarations import input_type, link, output, read
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.enums import described
from sebilling.schema.filters import of_counters
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import COUNTERS, READERS
from sebilling.schema.scopes import AT_COUNTER, at
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.scalars import Day, Rupiah

if TYPE_CHECKING:
    from sebilling.schema.devices import Device
    from sebilling.schema.invoices import Invoice


class ForecastRow(TypedDict):
    """What the sentence of a forecast needs."""

    block_on: str | None
    amount: int
    invoice_number: str
    promised_until: str | None


_NO_BLOCK: Final = Sentence(
    "The policy in force leads to no block for this customer's debts.",
    "Kebijakan yang berlaku tidak mengisolir pelanggan ini atas utangnya.",
)
_BLOCK: Final = Sentence(
    "To be blocked from {block_on} unless paid: {amount} is overdue by then, with invoice {invoice}.",
    "Diisolir mulai {block_on} jika belum dibayar: {amount} menunggak pada hari itu, dengan tagihan {invoice}.",
)
_PROMISED: Final = Sentence("{sentence} Promised to pay until {until}.", "{sentence} Janji bayar sampai {until}.")
_NUMBER: Final = "(SELECT number FROM invoice WHERE id = {t}.invoice_id)"


def _text(root: strawberry.Parent[dict[str, ForecastRow]], info: Info) -> str:
    """The forecast as a sentence."""
    upcoming, language = root["text"], info.context.language
    if upcoming["block_on"] is None:
        return _NO_BLOCK.in_(language)
    sentence = _BLOCK.in_(language).format(
        block_on=upcoming["block_on"], amount=format_rupiah(upcoming["amount"]), invoice=upcoming["invoice_number"]
    )
    if upcoming["promised_until"] is not None:
        return _PROMISED.in_(language).format(sentence=sentence, until=upcoming["promised_until"])
    return sentence


@output("Day on which a customer is blocked if they do not pay, and the reason.", "isolation_forecast", scope=AT_COUNTER)
class IsolationForecast:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.FORECAST, "{t}.id"))
    block_on: Day | None = read("Day of the block; null if the policy in force leads to none.", COUNTERS)
    amount: Rupiah | None = read("Amount that is overdue by that day; null if there is no block.", COUNTERS)
    invoice_number: str | None = read("Number of the invoice that causes the block; null if there is no block.", COUNTERS, sql=_NUMBER)
    invoice: Annotated["Invoice", strawberry.lazy("sebilling.schema.invoices")] | None = link(
        "Invoice that causes the block; null if there is no block.", COUNTERS, "invoice", "{n}.id = {t}.invoice_id", follows=True
    )
    mode: IsolationMode | None = read("Mode of the policy in force; null if there is no block.", COUNTERS)
    promised_until: Day | None = read("Last day of the customer's promise to pay; null if there is no block or none.", COUNTERS)
    text: str = read(
        "The forecast as a sentence in the caller's language.",
        COUNTERS,
        sql="json_build_object('block_on', {t}.block_on, 'amount', {t}.amount, 'promised_until', {t}.promised_until,"
        f" 'invoice_number', {_NUMBER})",
        resolver=_text,
    )


@query(COUNTERS, "Get the day on which a customer is blocked if they do not pay, and the reason.")
async def isolation_forecast(
    info: Info, customer_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the customer.")]
) -> IsolationForecast:
    wanted = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",))
    forecast: IsolationForecast | None = await one(info, IsolationForecast, "t.id = :id", {"id": wanted})
    if forecast is None:
        raise NotFound(field="customer_id", noun=Noun.CUSTOMER, given=wanted)
    return forecast


@output("Customer to be blocked on a device unless they pay.", "upcoming_block", scope=at("{t}.counter_id"))
class UpcomingBlock:
    id: strawberry.ID = read("Opaque id.", READERS, sql=ids.column(Noun.UPCOMING_BLOCK, "{t}.id"))
    block_on: Day = read("Day from which the customer is to be blocked.", READERS)
    amount: Rupiah = read("Overdue amount on that day.", READERS)
    mode: IsolationMode = read("Mode of the policy in force.", READERS)
    promised_until: Day | None = read("Last day of the customer's promise to pay; null if there is none.", READERS)
    customer: Customer = link("The customer.", READERS, "customer", "{n}.id = {t}.customer_id", follows=True)
    counter: Counter = link("Counter of the customer.", READERS, "counter", "{n}.id = {t}.counter_id", follows=True)
    invoice: Annotated["Invoice", strawberry.lazy("sebilling.schema.invoices")] = link(
        "Invoice that causes the block.", READERS, "invoice", "{n}.id = {t}.invoice_id", follows=True
    )
    device: Annotated["Device", strawberry.lazy("sebilling.schema.devices")] | None = link(
        "Device on which the customer is blocked; null for callers who are limited to counters.", READERS, "device",
        "{n}.id = {t}.device_id",
    )  # fmt: skip


class UpcomingBlockOrder(StrEnum):
    """Sort order of upcoming blocks."""

    BLOCK_ON = "BLOCK_ON"
    AMOUNT = "AMOUNT"


described(
    UpcomingBlockOrder,
    "Sort order of upcoming blocks.",
    BLOCK_ON="By the day of the block, earliest first.",
    AMOUNT="By amount, largest first.",
)
# All of them are found before the first is known, as they follow from debts and policies: no index has them.
_ORDERS: Final = {
    "BLOCK_ON": Order("block on", "{t}.block_on", "date"),
    "AMOUNT": Order("amount", "{t}.amount", "bigint", descending=True),
}


@input_type("Filter of upcoming blocks; all conditions must hold.")
class UpcomingBlockFilter:
    counter_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Ids of counters; an empty list means none.")
    search: str | None = strawberry.field(default=None, description="Words that the customer is searched by, as in customers.")


_NOW: Final = f"t.block_on <= {local_day('t.timezone')} AND NOT EXISTS (SELECT FROM blackout_date WHERE day = {local_day('t.timezone')})"
"""Condition on the upcoming block `t`: the next isolation run carries it out."""


@query(READERS, "List the customers whom an isolation run would block now, without changing anything.")
async def isolation_plan(
    info: Info,
    part: Slice,
    filter: Annotated[UpcomingBlockFilter | None, strawberry.argument(description="Filter; lists all if left out.")] = None,
    order_by: Annotated[UpcomingBlockOrder, strawberry.argument(description="Sort order.")] = UpcomingBlockOrder.BLOCK_ON,
) -> Connection[UpcomingBlock]:
    conditions: Conditions = {_NOW: {}}
    if filter is not None:
        conditions |= of_customers(filter.counter_ids, filter.search)
    return await page(info, UpcomingBlock, part, order=_ORDERS[order_by], conditions=conditions)


def of_customers(counter_ids: list[strawberry.ID] | None, search: str | None) -> Conditions:
    """The conditions that a row `t` is of these counters, and of a customer who is found by these words."""
    conditions = of_counters(counter_ids)
    if search:
        for condition, parameters in searched(search, "whose").items():
            conditions[f"EXISTS (SELECT FROM customer whose WHERE whose.id = t.customer_id AND {condition})"] = parameters
    return conditions


QUERIES: Final = [isolation_forecast, isolation_plan]
