"""Lists of customers in GraphQL: filters, search, orders, and how many customers are in each state."""

from enum import StrEnum
from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import phones, validation
from sebilling.db.parameters import local_day
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.customers import OPEN_PROMISE, Customer
from sebilling.schema.engine.declarations import Roles, input_type, output, read, totals
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import page
from sebilling.schema.engine.reading import totals as totals_of
from sebilling.schema.enums import described
from sebilling.schema.filters import of_counters
from sebilling.schema.request.access import allow_argument, query
from sebilling.schema.request.roles import COUNTERS, EVERYONE
from sebilling.schema.scopes import AT_COUNTER
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.scalars import Day, Rupiah

DAYS_AHEAD: Final = 7
"""A customer counts as to be blocked if the day of the block is so many days ahead, or fewer."""


class CustomerOrder(StrEnum):
    """Sort order of customers."""

    CODE = "CODE"
    NAME = "NAME"
    NEWEST = "NEWEST"
    INSTALLED = "INSTALLED"
    OUTSTANDING = "OUTSTANDING"


described(
    CustomerOrder,
    "Sort order of customers.",
    CODE="By code.",
    NAME="By name.",
    NEWEST="Most recently added first.",
    INSTALLED="By first day of service, latest first.",
    OUTSTANDING="By amount owed, largest first; only customers who owe something. For: ADMIN / AUDITOR / CLERK / COLLECTOR / FINANCE.",
)
# invoice_owed_idx has the debts: they are added up and sorted, as a column for their sum would have to change with each payment.
_WITH_DEBT: Final = (
    "(SELECT customer.*, owed FROM customer JOIN (SELECT customer_id, sum(outstanding)::bigint AS owed FROM invoice"
    " WHERE outstanding > 0 GROUP BY customer_id) debt ON debt.customer_id = customer.id)"
)
_ORDERS: Final = {
    "CODE": Order("code", "{t}.code", "text"),
    "NAME": Order("name", "{t}.name", "text"),
    "NEWEST": Order("newest", "{t}.id", "bigint", descending=True),
    "INSTALLED": Order("installed", "{t}.installed_on", "date", descending=True),
    "OUTSTANDING": Order("outstanding", "{t}.owed", "bigint", descending=True, source=_WITH_DEBT),
}  # fmt: skip


@input_type("Filter of customers; all conditions must hold.")
class CustomerFilter:
    counter_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Ids of counters; an empty list means none.")
    plan_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Ids of plans; an empty list means none.")
    installed_from: Day | None = strawberry.field(default=None, description="Earliest first day of service.")
    installed_until: Day | None = strawberry.field(default=None, description="Day before which the service began.")
    active: bool | None = strawberry.field(default=None, description="Whether the customer is active.")
    blocked: bool | None = strawberry.field(default=None, description="Whether the customer is blocked, or is about to be by decision.")
    to_be_blocked: bool | None = strawberry.field(
        default=None, description=f"Whether the customer is to be blocked within {DAYS_AHEAD} days unless they pay."
    )
    promised: bool | None = strawberry.field(default=None, description="Whether the customer has an open promise to pay.")
    without_device: bool | None = strawberry.field(default=None, description="Whether the customer has no service access on any device.")
    owing: bool | None = strawberry.field(default=None, description="Whether the customer owes anything.")
    search: str | None = strawberry.field(
        default=None,
        description="Part of the name or the address, or the start of the code, the phone number (as 0812…, 62812… or +62 812…)"
        " or the PPPoE name.",
    )


_FINANCIAL: Final = ("owing", "to_be_blocked", "promised")
"""Conditions that reveal whether a customer owes something."""
_CUSTOMERS: Final = {
    "blocked": "service_access WHERE desired = 'BLOCKED'",
    "to_be_blocked": f"upcoming_block WHERE block_on <= {local_day('timezone')} + {DAYS_AHEAD}",
    "promised": f"promise_to_pay promise WHERE {OPEN_PROMISE.format(n='promise')}",
    "with_device": "service_access WHERE true",
    "owing": "invoice WHERE outstanding > 0",
}
"""State → rows whose customers are in it, and the condition on them."""
_FOUND_FIRST: Final = frozenset({"to_be_blocked", "promised"})
"""States whose customers are found together, sooner than each customer is looked at."""


def _is(state: str, *, wanted: bool = True) -> str:
    """SQL condition that the customer `t` is in a state, or isn't."""
    if state == "active":
        return "t.active" if wanted else "NOT t.active"
    if state == "without_device":
        return _is("with_device", wanted=not wanted)
    rows, no = _CUSTOMERS[state], "" if wanted else "NOT "
    if state in _FOUND_FIRST:
        return f"t.id {no}IN (SELECT customer_id FROM {rows})"
    return f"{no}EXISTS (SELECT FROM {rows} AND customer_id = t.id)"


Filter = Annotated[CustomerFilter | None, strawberry.argument(description="Filter; lists all if left out.")]


@query(EVERYONE, "List the customers of the counters that the caller may see.")
async def customers(
    info: Info,
    part: Slice,
    filter: Filter = None,
    order_by: Annotated[CustomerOrder, strawberry.argument(description="Sort order.")] = CustomerOrder.CODE,
) -> Connection[Customer]:
    conditions = _conditions(info, filter)
    if order_by is CustomerOrder.OUTSTANDING:
        allow_argument(info, COUNTERS)
        conditions |= {_is("owing"): {}}
    return await page(info, Customer, part, order=_ORDERS[order_by], conditions=conditions)


def _conditions(info: Info, filter: CustomerFilter | None) -> Conditions:
    if filter is None:
        return {}
    if any(getattr(filter, name) is not None for name in _FINANCIAL):
        allow_argument(info, COUNTERS)
    conditions = of_counters(filter.counter_ids)
    if filter.plan_ids is not None:
        conditions["t.plan_id = ANY (CAST(:plans AS bigint[]))"] = {
            "plans": ids.decode_all(filter.plan_ids, Noun.PLAN, field=("filter", "planIds"))
        }
    if filter.installed_from is not None:
        conditions["t.installed_on >= :installed_from"] = {"installed_from": filter.installed_from}
    if filter.installed_until is not None:
        conditions["t.installed_on < :installed_until"] = {"installed_until": filter.installed_until}
    for state in ("active", "blocked", "to_be_blocked", "promised", "without_device", "owing"):
        if (wanted := getattr(filter, state)) is not None:
            conditions[_is(state, wanted=wanted)] = {}
    if filter.search:
        conditions |= searched(filter.search, "t")
    return conditions


def searched(words: str, alias: str) -> Conditions:
    """The condition that the customer `alias` is found by what a person typed into a search box."""
    visible = validation.without_marks(words).strip()
    exact = visible.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    number = phones.beginning(visible)
    parts = [f"{alias}.{column} ILIKE :part" for column in ("name", "address")]
    parts += [f"{alias}.{column} ILIKE :start" for column in ("code", "pppoe_name")]
    parts += [f"{alias}.phone LIKE :phone"] if number else []
    parameters = {"part": f"%{exact}%", "start": f"{exact}%", **({"phone": f"{number}%"} if number else {})}
    return {f"({' OR '.join(parts)})": parameters}


@output("Customer with what their states follow from.", "customer_state", scope=AT_COUNTER)
class _CustomerState:
    """Rows that are counted; no part of the schema."""

    code: str = read("Code of the customer.", EVERYONE)


def _count_of(description: str, condition: str, roles: Roles = EVERYONE) -> Any:
    """Declare the number of customers `{t}` who meet a condition."""
    return read(description, roles, sql=f"count(*) FILTER (WHERE {condition})")


@totals(
    "Numbers of customers in each state, and what they owe, of those who meet a filter. One customer can be in several states.",
    _CustomerState,
)
class CustomerCounts:
    total: int = read("Number of customers who meet the filter.", EVERYONE, sql="count(*)")
    active: int = _count_of("Number of active customers.", "{t}.active")
    blocked: int = _count_of("Number of customers who are blocked, or about to be by decision.", "{t}.blocked")
    to_be_blocked: int | None = _count_of(
        f"Number of customers to be blocked within {DAYS_AHEAD} days unless they pay.",
        f"{{t}}.block_on <= {local_day('{t}.timezone')} + {DAYS_AHEAD}",
        COUNTERS,
    )
    promised: int | None = _count_of(
        "Number of customers with an open promise to pay.", f"{{t}}.promised_until >= {local_day('{t}.timezone')}", COUNTERS
    )
    without_device: int = _count_of("Number of customers without a service access on any device.", "{t}.without_device")
    owing: int | None = _count_of("Number of customers who owe something.", "{t}.owing", COUNTERS)
    outstanding: Rupiah | None = read(
        "Amount that they owe together.",
        COUNTERS,
        sql="coalesce(sum({t}.outstanding), 0)::bigint",
    )


@query(EVERYONE, "Count the customers of the counters that the caller may see, by state.")
async def customer_counts(
    info: Info,
    filter: Annotated[CustomerFilter | None, strawberry.argument(description="Filter; counts all if left out.")] = None,
) -> CustomerCounts:
    return await totals_of(info, CustomerCounts, _conditions(info, filter))


QUERIES: Final = [customers, customer_counts]
