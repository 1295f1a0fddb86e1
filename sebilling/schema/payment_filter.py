"""Filter of payments in GraphQL, and its conditions."""

from enum import StrEnum
from typing import Annotated, Final

import strawberry

from sebilling.billing.payments import PaymentMethod, SurplusReason
from sebilling.nouns import Noun
from sebilling.schema import filters
from sebilling.schema.context import Context
from sebilling.schema.engine.declarations import input_type
from sebilling.schema.engine.pages import Conditions
from sebilling.schema.enums import described
from sebilling.schema.values import ids
from sebilling.schema.values.scalars import Day


class Takings(StrEnum):
    """Payments that the caller received."""

    TODAY = "TODAY"
    SINCE_DEPOSIT = "SINCE_DEPOSIT"


described(
    Takings,
    "Payments that the caller received.",
    TODAY="Received today, by the date at the counter.",
    SINCE_DEPOSIT="Received since the caller's last deposit of the counter's cash, unless that was rejected; all if there was none.",
)


@input_type("Filter of payments; all conditions must hold.")
class PaymentFilter:
    counter_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of the counters, at one of which it was received; an empty list lists none."
    )
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer.")
    receiver_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the user who received it.")
    takings: Takings | None = strawberry.field(
        default=None, description="Payments that the caller received: today, or since their deposit."
    )
    methods: list[PaymentMethod] | None = strawberry.field(
        default=None, description="Payment methods, of which it has one; an empty list lists none."
    )
    surplus_reason: SurplusReason | None = strawberry.field(default=None, description="Reason for which it exceeded the amount owed.")
    reversed: bool | None = strawberry.field(default=None, description="Whether it was reversed.")
    received_from: Day | None = strawberry.field(default=None, description="First day of receipt.")
    received_until: Day | None = strawberry.field(default=None, description="First day after the days of receipt.")
    receipt_number: str | None = strawberry.field(default=None, description="Whole receipt number.")
    search: str | None = strawberry.field(
        default=None,
        description="Part of the customer's name, start of the customer's code, or receipt number or its end, such as 123 or LKT01/123.",
    )


FilterArgument = Annotated[PaymentFilter | None, strawberry.argument(description="Filter; all payments if left out.")]


_OWN_DEPOSITS: Final = "FROM deposit WHERE collector_id = :receiver AND status <> 'REJECTED'"
# The first day of all counters' last deposits comes first, so that an index of days leaves out what is older.
_SINCE_DEPOSIT: Final = (
    "t.received_on >= coalesce((SELECT CASE WHEN bool_and(last IS NOT NULL) THEN min(last) END FROM user_counter works LEFT JOIN LATERAL"
    f" (SELECT max(deposited_on) AS last {_OWN_DEPOSITS} AND counter_id = works.counter_id) deposits ON true"
    " WHERE works.user_id = :receiver), '-infinity')"
    f" AND t.received_at > coalesce((SELECT max(submitted_at) {_OWN_DEPOSITS} AND counter_id = t.counter_id), '-infinity')"
)


def conditions(filter: PaymentFilter | None, context: Context) -> Conditions:
    """The conditions of the filter. Raises InvalidId."""
    if filter is None:
        return {}
    return filters.of_counters(filter.counter_ids) | _people(filter, context) | _facts(filter) | _numbers(filter)


def is_of_whole_days(filter: PaymentFilter) -> bool:
    """Whether all payments of a day, counter and method meet the filter or none do."""
    return filter == PaymentFilter(
        counter_ids=filter.counter_ids, methods=filter.methods, received_from=filter.received_from, received_until=filter.received_until
    )


def _people(filter: PaymentFilter, context: Context) -> Conditions:
    conditions: Conditions = {}
    if filter.customer_id is not None:
        conditions["t.customer_id = :customer"] = {
            "customer": ids.decode(filter.customer_id, Noun.CUSTOMER, field=("filter", "customerId"))
        }
    if filter.receiver_id is not None:
        conditions["t.received_by = :received_by"] = {
            "received_by": ids.decode(filter.receiver_id, Noun.USER, field=("filter", "receiverId"))
        }
    if filter.takings is not None:
        conditions |= _takings(filter.takings, context)
    return conditions


def _facts(filter: PaymentFilter) -> Conditions:
    conditions: Conditions = {}
    if filter.methods is not None:
        conditions["t.method = ANY (CAST(:methods AS text[]))"] = {"methods": [method.value for method in filter.methods]}
    if filter.surplus_reason is not None:
        conditions["t.surplus_because = :surplus_reason AND t.surplus_because <> ''"] = {"surplus_reason": filter.surplus_reason.value}
    if filter.reversed is not None:
        conditions[f"t.reversed_at IS {'NOT ' if filter.reversed else ''}NULL"] = {}
    if filter.received_from is not None:
        conditions["t.received_on >= :received_from"] = {"received_from": filter.received_from}
    if filter.received_until is not None:
        conditions["t.received_on < :received_until"] = {"received_until": filter.received_until}
    return conditions


def _numbers(filter: PaymentFilter) -> Conditions:
    conditions: Conditions = {}
    if filter.receipt_number is not None:
        conditions |= filters.with_number(filter.receipt_number, filters.PAYMENTS_OF_NUMBER)
    if filter.search:
        conditions |= filters.search(filter.search, filters.PAYMENTS_OF_NUMBER)
    return conditions


def _takings(takings: Takings, context: Context) -> Conditions:
    own: Conditions = {"t.received_by = :receiver": {"receiver": context.signed_in.user_id}}
    if takings is Takings.TODAY:
        return own | filters.today_at_counter("t.received_on", "=", at=context.at)
    return own | {_SINCE_DEPOSIT: {}}
