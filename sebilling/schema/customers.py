"""Customers (pelanggan) in GraphQL."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from sebilling.billing import customers as verbs
from sebilling.billing import validation, versions
from sebilling.db.parameters import local_day
from sebilling.errors import InvalidText
from sebilling.language import Sentence
from sebilling.nouns import Noun
from sebilling.schema.billing_cycles import BillingCycle, Suspension
from sebilling.schema.charges import Charge, Discount
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.reading import one
from sebilling.schema.enums import described
from sebilling.schema.plans import Plan
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import COUNTERS, EVERYONE, OFFICE, READERS
from sebilling.schema.scopes import AT_COUNTER
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import EXPECTED_VERSION, INPUT, VERSION, Payload, expected, given, row
from sebilling.schema.values.scalars import Day, Rupiah

if TYPE_CHECKING:
    from sebilling.schema.invoices import Invoice
    from sebilling.schema.isolation_policies import IsolationPolicy
    from sebilling.schema.payments import Payment
    from sebilling.schema.promises import PromiseToPay
    from sebilling.schema.service_accesses import ServiceAccess
    from sebilling.schema.upcoming_blocks import IsolationForecast

_LAST_INVOICES: Final = 12
_LAST_PAYMENTS: Final = 10
OPEN_PROMISE: Final = (
    # the first condition has an index
    "{n}.until_on >= CAST(:at AS timestamptz)::date - 1 AND {n}.until_on >= "
    + local_day("{n}.timezone")
    + " AND {n}.owing AND NOT {n}.replaced"
)
"""Condition on the promise to pay `{n}`: it is open. What is paid before its last day is not late."""
_TODAY: Final = local_day("(SELECT timezone FROM counter WHERE id = {t}.counter_id)")
# What invoices cover, closed months and what lies before the installation or the open months is over; then come suspensions.
_NEXT_INVOICE: Final = f"""(
    SELECT CASE WHEN {{t}}.active THEN nullif(coalesce(max(suspended.covers_until), first.day), '9999-12-31') END
      FROM (SELECT greatest({{t}}.installed_on,
                            (SELECT max(covers_until) FROM covering
                              WHERE customer_id = {{t}}.id AND voided_at IS NULL AND covers_from < covers_until),
                            least(date_trunc('month', {_TODAY})::date, (SELECT min(month) FROM period WHERE closed_at IS NULL)),
                            (SELECT (max(month) + interval '1 month')::date FROM period
                              WHERE closed_at IS NOT NULL AND month <= {_TODAY})) AS day) first
      LEFT JOIN taken_days suspended ON suspended.customer_id = {{t}}.id AND suspension IS NOT NULL
                                    AND suspended.covers_from <= first.day AND suspended.covers_until > first.day
     GROUP BY first.day)"""


@output("Customer (pelanggan): someone with a plan, who pays at a counter.", "customer", scope=AT_COUNTER)
class Customer:
    id: strawberry.ID = read("Opaque id.", EVERYONE, sql=ids.column(Noun.CUSTOMER, "{t}.id"))
    code: str = read("The ISP's own number for the customer; unique.", EVERYONE)
    name: str = read("Name of the customer.", EVERYONE)
    version: int = read(VERSION, EVERYONE)
    phone: str = read("Phone number as +62…, or empty.", EVERYONE)
    address: str = read("Address; may be empty.", EVERYONE)
    installed_on: Day = read("Tanggal pasang: first day of service.", EVERYONE)
    active: bool = read("Whether the customer is active; inactive customers get no invoices.", EVERYONE)
    price: Rupiah | None = read("Price per month agreed with the customer; null if the plan's price applies.", COUNTERS)
    due_day: int | None = read("Own due day of the customer's invoices, 1 to 28; null if the counter's applies.", COUNTERS)
    pppoe_name: str | None = read("PPPoE name at the router; null if there is none.", EVERYONE)
    counter: Counter = link("Counter to which the customer belongs.", EVERYONE, "counter", "{n}.id = {t}.counter_id", follows=True)
    plan: Plan = link("Plan of the customer.", EVERYONE, "plan", "{n}.id = {t}.plan_id")
    outstanding: Rupiah | None = read(
        "Sisa tagihan: amount owed over all invoices.",
        COUNTERS,
        sql="(SELECT coalesce(sum(outstanding), 0)::bigint FROM invoice WHERE customer_id = {t}.id AND outstanding > 0)",
    )
    credit: Rupiah | None = read(
        "Titipan: amount received beyond what was owed; the next invoice uses it first.",
        COUNTERS,
        sql="(SELECT coalesce(sum(credit), 0)::bigint FROM payment WHERE customer_id = {t}.id AND credit > 0)",
    )
    charges: list[Charge] | None = link(
        "The last 20 one-off charges, newest first.",
        COUNTERS,
        "charge",
        "{n}.customer_id = {t}.id",
        order="{n}.id DESC",
        most=20,
        follows=True,
    )
    discounts: list[Discount] | None = link(
        "Discounts of the customer, oldest first; those of the plan apply in addition.",
        COUNTERS,
        "discount",
        "{n}.customer_id = {t}.id",
        follows=True,
    )
    billing_cycles: list[BillingCycle] | None = link(
        "Billing cycles that were set for the customer, in order; see billingSchedule.",
        COUNTERS,
        "billing_cycle",
        "{n}.customer_id = {t}.id",
    )
    suspensions: list[Suspension] | None = link(
        "Pauses and ends of service that were ever set for the customer, in order.",
        COUNTERS,
        "suspension",
        "{n}.customer_id = {t}.id",
    )
    accesses: list[Annotated["ServiceAccess", strawberry.lazy("sebilling.schema.service_accesses")]] = link(
        "Service accesses of the customer, each with its desired and actual state.",
        EVERYONE,
        "service_access",
        "{n}.customer_id = {t}.id",
        follows=True,
    )
    blocked: bool = read(
        "Whether a service access of the customer is blocked, or about to be by decision.",
        EVERYONE,
        sql="(EXISTS (SELECT FROM service_access WHERE customer_id = {t}.id AND desired = 'BLOCKED'))",
    )
    isolation_policy: Annotated["IsolationPolicy", strawberry.lazy("sebilling.schema.isolation_policies")] | None = link(
        "Isolation policy in force; its origin says whether it is the customer's own.",
        READERS,
        "isolation_policy",
        "{n}.id = (SELECT id FROM isolation_policy WHERE customer_id = {t}.id OR counter_id = {t}.counter_id"
        " OR customer_id IS NULL AND counter_id IS NULL ORDER BY customer_id IS NULL, counter_id IS NULL LIMIT 1)",
        follows=True,
    )
    promise: Annotated["PromiseToPay", strawberry.lazy("sebilling.schema.promises")] | None = link(
        "Open promise to pay; null if there is none.",
        COUNTERS,
        "promise_to_pay",
        f"{{n}}.id = (SELECT max(id) FROM payment_promise WHERE customer_id = {{t}}.id) AND {OPEN_PROMISE}",
        follows=True,
    )
    forecast: Annotated["IsolationForecast", strawberry.lazy("sebilling.schema.upcoming_blocks")] | None = link(
        "Day on which the customer is blocked if they do not pay, and the reason.",
        COUNTERS,
        "isolation_forecast",
        "{n}.id = {t}.id",
        follows=True,
    )
    next_invoice_from: Day | None = read(
        "First day that no invoice covers yet: the next one begins there; null if no further invoice is expected."
        " billingSchedule has the upcoming invoices.",
        COUNTERS,
        sql=_NEXT_INVOICE,
    )
    # Whoever may see a customer sees all their open invoices and payments, at whatever counter they were made.
    open_invoices: list[Annotated["Invoice", strawberry.lazy("sebilling.schema.invoices")]] | None = link(
        "Open invoices at all counters, oldest first: the order in which payments are allocated to them.",
        COUNTERS,
        "invoice",
        "{n}.customer_id = {t}.id AND {n}.outstanding > 0",
        order="{n}.due_on, {n}.id",
        follows=True,
    )
    last_invoices: list[Annotated["Invoice", strawberry.lazy("sebilling.schema.invoices")]] | None = link(
        f"The last {_LAST_INVOICES} invoices at all counters, newest first.",
        COUNTERS,
        "invoice",
        "{n}.customer_id = {t}.id",
        order="{n}.covers_until DESC, {n}.id DESC",
        most=_LAST_INVOICES,
        follows=True,
    )
    last_payments: list[Annotated["Payment", strawberry.lazy("sebilling.schema.payments")]] | None = link(
        f"The last {_LAST_PAYMENTS} payments at all counters, newest first.",
        COUNTERS,
        "payment",
        "{n}.customer_id = {t}.id",
        order="{n}.id DESC",
        most=_LAST_PAYMENTS,
        follows=True,
    )


@query(EVERYONE, "Get one customer by id or code; null if it does not exist or the caller may not see it.")
async def customer(
    info: Info,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="Id of the customer.")] = None,
    code: Annotated[str | None, strawberry.argument(description="Code of the customer.")] = None,
) -> Customer | None:
    return await one(
        info,
        Customer,
        "(t.id = :id OR t.code = :code)",
        {"id": ids.decode_either(id, code, Noun.CUSTOMER), "code": validation.without_invisible(code or "").strip()},
    )


@input_type("Input of createCustomer.")
class CreateCustomerInput:
    code: str = strawberry.field(description="Unique code: letters, digits, dot, hyphen or underscore.")
    name: str = strawberry.field(description="Name, 1 to 200 characters.")
    counter_id: strawberry.ID = strawberry.field(description="Id of the counter to which the customer belongs.")
    plan_id: strawberry.ID = strawberry.field(description="Id of the plan.")
    installed_on: Day = strawberry.field(description="First day of service.")
    phone: str = strawberry.field(default="", description="Phone number as 0812… or +62812….")
    address: str = strawberry.field(default="", description="Address, at most 500 characters.")
    price: Rupiah | None = strawberry.field(
        default=None, description="Price per month agreed with the customer; the plan's price if left out."
    )
    active: bool = strawberry.field(default=True, description="Whether the customer is active; inactive customers get no invoices.")
    due_day: int | None = strawberry.field(default=None, description="Own due day, 1 to 28; the counter's if left out.")
    pppoe_name: str | None = strawberry.field(default=None, description="Unique PPPoE name at the router.")


@payload("Result of createCustomer.")
class CreateCustomerPayload(Payload):
    customer: Customer | None = strawberry.field(description="The new customer.")


@mutation(OFFICE, "Add a customer.")
async def create_customer(info: Info, input: Annotated[CreateCustomerInput, INPUT]) -> CreateCustomerPayload:
    details = verbs.CustomerDetails(
        code=input.code, name=input.name, counter_id=ids.decode(input.counter_id, Noun.COUNTER, field=("input", "counterId")),
        plan_id=ids.decode(input.plan_id, Noun.PLAN, field=("input", "planId")), installed_on=input.installed_on, phone=input.phone,
        address=input.address, price=input.price, active=input.active, due_day=input.due_day,
        pppoe_name=input.pppoe_name,
    )  # fmt: skip
    async with info.context.transaction() as session:
        customer_id = await verbs.create(session, details)
    return row(customer=await one(info, Customer, "t.id = :id", {"id": customer_id}, below=("customer",)))


class ClearableField(StrEnum):
    PRICE = "price"
    DUE_DAY = "due_day"
    PPPOE_NAME = "pppoe_name"


described(
    ClearableField, "Field of a customer that may be empty.",
    PRICE="Price agreed with the customer.", DUE_DAY="Own due day.", PPPOE_NAME="PPPoE name at the router.",
)  # fmt: skip


@input_type("Changes to a customer; fields that are left out keep their value. Issued invoices stay as they are.")
class UpdateCustomerInput:
    id: strawberry.ID = strawberry.field(description="Id of the customer.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Name, 1 to 200 characters.")
    counter_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Id of the counter to which the customer belongs from now on."
    )
    plan_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Id of the plan from now on.")
    installed_on: Day | None = strawberry.field(default=strawberry.UNSET, description="First day of service.")
    phone: str | None = strawberry.field(default=strawberry.UNSET, description="Phone number as 0812… or +62812…; empty for none.")
    address: str | None = strawberry.field(default=strawberry.UNSET, description="Address, at most 500 characters.")
    price: Rupiah | None = strawberry.field(
        default=strawberry.UNSET, description="Price per month agreed with the customer; cleared, the plan's price applies."
    )
    active: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether the customer is active; inactive customers get no invoices."
    )
    due_day: int | None = strawberry.field(
        default=strawberry.UNSET, description="Own due day of the next invoices, 1 to 28; cleared, the counter's applies."
    )
    pppoe_name: str | None = strawberry.field(default=strawberry.UNSET, description="PPPoE name at the router.")
    clear: list[ClearableField] = strawberry.field(
        default_factory=list, description="Fields to empty. A field that is left out keeps its value; null is refused."
    )
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=EXPECTED_VERSION)


@payload("Result of updateCustomer.")
class UpdateCustomerPayload(Payload):
    customer: Customer | None = strawberry.field(description="Customer after the change.")


@mutation(OFFICE, "Change a customer.")
async def update_customer(info: Info, input: Annotated[UpdateCustomerInput, INPUT]) -> UpdateCustomerPayload:
    customer_id = ids.decode(input.id, Noun.CUSTOMER, field=("input", "id"))
    changes: dict[str, Any] = given(
        name=input.name, phone=input.phone, address=input.address, active=input.active, installed_on=input.installed_on,
        price=input.price, due_day=input.due_day, pppoe_name=input.pppoe_name,
    )  # fmt: skip
    if input.counter_id:
        changes["counter_id"] = ids.decode(input.counter_id, Noun.COUNTER, field=("input", "counterId"))
    if input.plan_id:
        changes["plan_id"] = ids.decode(input.plan_id, Noun.PLAN, field=("input", "planId"))
    for cleared in input.clear:
        if cleared.value in changes:
            why = Sentence("it has a value too: send one of both.", "field itu juga diberi nilai: kirim salah satu.")
            raise InvalidText(field=("input", "clear"), what=Sentence(cleared.name, cleared.name), why=why)
        changes[cleared.value] = None
    async with info.context.transaction() as session:
        await versions.expect(session, Noun.CUSTOMER, customer_id, expected(input.expected_version))
        await verbs.update(session, customer_id, **changes)
    return row(customer=await one(info, Customer, "t.id = :id", {"id": customer_id}, below=("customer",)))


QUERIES: Final = [customer]
MUTATIONS: Final = [create_customer, update_customer]
