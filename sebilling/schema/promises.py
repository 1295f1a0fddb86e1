"""Promises to pay (janji bayar) in GraphQL: who agreed to what, and whether it was kept."""

from enum import StrEnum
from typing import Annotated, Final

import strawberry

from sebilling.billing.isolation import promises as verbs
from sebilling.db.parameters import local_day
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.customers import OPEN_PROMISE, Customer
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import COUNTERS, PROMISERS
from sebilling.schema.scopes import AT_COUNTER
from sebilling.schema.upcoming_blocks import of_customers
from sebilling.schema.users import User
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Day, Instant


class PromiseState(StrEnum):
    """What has become of a promise to pay."""

    OPEN = "OPEN"
    KEPT = "KEPT"
    BROKEN = "BROKEN"
    REPLACED = "REPLACED"


described(
    PromiseState,
    "What has become of a promise to pay.",
    OPEN="Its last day is not over, and something is still owed of what was owed when it was made.",
    KEPT="By its last day, all that was owed when it was made was settled.",
    BROKEN="Its last day was over before all that was owed when it was made was settled.",
    REPLACED="By its last day the customer made another promise, which counts instead.",
)
_STATE: Final = (
    "CASE WHEN NOT ({t}.owing OR {t}.late) THEN 'KEPT' WHEN {t}.replaced THEN 'REPLACED' WHEN {t}.until_on >= "
    + local_day("{t}.timezone")
    + " THEN 'OPEN' ELSE 'BROKEN' END"
)

# Not `=` to the state above, of which PostgreSQL expects so few rows that it looks at all promises.
_IS: Final = {
    PromiseState.OPEN: OPEN_PROMISE,
    PromiseState.KEPT: "NOT {n}.owing AND NOT {n}.late",
    PromiseState.BROKEN: "({n}.owing OR {n}.late) AND NOT {n}.replaced AND {n}.until_on < " + local_day("{n}.timezone"),
    PromiseState.REPLACED: "({n}.owing OR {n}.late) AND {n}.replaced",
}
"""Condition on the promise `{n}` for each state."""


@output("Promise to pay (janji bayar): a customer is not blocked up to and on a day.", "promise_to_pay", scope=AT_COUNTER)
class PromiseToPay:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.PROMISE, "{t}.id"))
    state: PromiseState = read("What has become of it.", COUNTERS, sql=_STATE)
    until_on: Day = read("Last day on which the customer is not blocked.", COUNTERS)
    reason: str = read("Reason that was given.", COUNTERS)
    promised_at: Instant = read("Time at which it was agreed.", COUNTERS)
    agreed_by: User | None = link(
        "User who agreed to it; null if it was no user.", COUNTERS, "app_user", "{n}.id = {t}.promised_to", follows=True
    )
    customer: Customer = link("Customer who promised.", COUNTERS, "customer", "{n}.id = {t}.customer_id", follows=True)


_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@input_type("Filter of promises to pay; all conditions must hold.")
class PromiseFilter:
    states: list[PromiseState] | None = strawberry.field(default=None, description="States; an empty list means none.")
    counter_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of counters of the customers; an empty list means none."
    )
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer.")
    agreed_by_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the user who agreed to it.")
    until_from: Day | None = strawberry.field(default=None, description="Earliest last day.")
    until_until: Day | None = strawberry.field(default=None, description="Day before which the last day lies.")
    search: str | None = strawberry.field(default=None, description="Words that the customer is searched by, as in customers.")


@query(COUNTERS, "List the promises to pay of the customers whom the caller may see, newest first.")
async def promises(
    info: Info,
    part: Slice,
    filter: Annotated[PromiseFilter | None, strawberry.argument(description="Filter; lists all if left out.")] = None,
) -> Connection[PromiseToPay]:
    conditions = {} if filter is None else _conditions(filter)
    return await page(info, PromiseToPay, part, order=_NEWEST, conditions=conditions)


def _conditions(filter: PromiseFilter) -> Conditions:
    conditions = of_customers(filter.counter_ids, filter.search)
    if filter.states is not None:
        any_of = [f"({_IS[state].format(n='t')})" for state in PromiseState if state in filter.states]
        conditions[f"({' OR '.join(any_of) or 'false'})"] = {}
    if filter.customer_id is not None:
        customer_id = ids.decode(filter.customer_id, Noun.CUSTOMER, field=("filter", "customerId"))
        conditions["t.customer_id = :customer"] = {"customer": customer_id}
    if filter.agreed_by_id is not None:
        user_id = ids.decode(filter.agreed_by_id, Noun.USER, field=("filter", "agreedById"))
        conditions["t.promised_to = :agreed_by"] = {"agreed_by": user_id}
    if filter.until_from is not None:
        conditions["t.until_on >= :until_from"] = {"until_from": filter.until_from}
    if filter.until_until is not None:
        conditions["t.until_on < :until_until"] = {"until_until": filter.until_until}
    return conditions


@payload("Result of promiseToPay.")
class PromiseToPayPayload(Payload):
    promise: PromiseToPay | None = strawberry.field(description="The promise.")
    customer: Customer | None = strawberry.field(description="The customer, whose service accesses it may have restored.")


@input_type("Input of promiseToPay (janji bayar).")
class PromiseToPayInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    until_on: Day = strawberry.field(description="Last day on which the customer is not blocked; at most 60 days ahead.")
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")


@mutation(PROMISERS, "Record a promise to pay: an overdue customer is not blocked until after that date, and is restored if blocked.")
async def promise_to_pay(info: Info, input: Annotated[PromiseToPayInput, INPUT]) -> PromiseToPayPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        promise_id = await verbs.record(session, customer_id, until_on=input.until_on, reason=input.reason)
    return row(
        promise=await one(info, PromiseToPay, "t.id = :id", {"id": promise_id}, below=("promise",)),
        customer=await one(info, Customer, "t.id = :id", {"id": customer_id}, below=("customer",)),
    )


QUERIES: Final = [promises]
MUTATIONS: Final = [promise_to_pay]
