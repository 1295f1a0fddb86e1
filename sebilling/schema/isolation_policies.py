"""Isolation policies in GraphQL (custom isolir): when overdue customers are blocked."""

from enum import StrEnum
from typing import Annotated, Any, Final

import strawberry

from sebilling.billing.isolation import forecast, policy, policy_warnings
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.isolation.policy_warnings import PolicyWarningCode
from sebilling.clock import JAKARTA, local_date
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter
from sebilling.schema.customers import Customer
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.pages import Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import OFFICE, READERS
from sebilling.schema.scopes import OF_COUNTER_OR_CUSTOMER
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Day, Rupiah

described(
    PolicyWarningCode,
    "Code of a warning about an isolation policy.",
    BLOCKED_BEFORE_OVERDUE="Customers can be blocked before their due date has passed.",
)


class PolicyOrigin(StrEnum):
    """To whom an isolation policy belongs."""

    CUSTOMER = "CUSTOMER"
    COUNTER = "COUNTER"
    ISP = "ISP"


described(
    PolicyOrigin,
    "To whom an isolation policy belongs: the first of these that has one decides.",
    CUSTOMER="A customer.",
    COUNTER="A counter, for its customers.",
    ISP="The ISP, for everybody.",
)


@output(
    "Policy that decides when customers are blocked: the customer's own, else the counter's, else the ISP's.",
    "isolation_policy",
    scope=OF_COUNTER_OR_CUSTOMER,
)
class IsolationPolicy:
    id: strawberry.ID = read("Opaque id.", READERS, sql=ids.column(Noun.POLICY, "{t}.id"))
    origin: PolicyOrigin = read(
        "To whom it belongs.", READERS,
        sql="CASE WHEN {t}.customer_id IS NOT NULL THEN 'CUSTOMER' WHEN {t}.counter_id IS NOT NULL THEN 'COUNTER' ELSE 'ISP' END",
    )  # fmt: skip
    mode: IsolationMode = read("Event from which the days are counted; MANUAL for never.", READERS)
    days: int = read("Number of days after that event.", READERS)
    minimum: Rupiah = read("Minimum overdue amount for which a customer is blocked.", READERS)
    customer: Customer | None = link(
        "Customer to whom the policy belongs; null if it is not a customer's.",
        READERS,
        "customer",
        "{n}.id = {t}.customer_id",
        follows=True,
    )
    counter: Counter | None = link(
        "Counter to which the policy belongs; if customer and counter are null, it is the ISP's.",
        READERS,
        "counter",
        "{n}.id = {t}.counter_id",
        follows=True,
    )


_BY_ORIGIN: Final = Order("origin", "(({t}.customer_id IS NOT NULL)::int * 2 + ({t}.counter_id IS NOT NULL)::int)::bigint", "bigint")
"""There are few: most customers have none of their own."""


@query(READERS, "List the isolation policies: the ISP's, then the counters', then the customers'.")
async def isolation_policies(info: Info, part: Slice) -> Connection[IsolationPolicy]:
    return await page(info, IsolationPolicy, part, order=_BY_ORIGIN)


@input_type("Input of setIsolationPolicy (Custom Isolir): for a customer, a counter, or the ISP if neither is given.")
class SetIsolationPolicyInput:
    mode: IsolationMode = strawberry.field(
        default=IsolationMode.FROM_DUE_DATE, description="Event from which the days are counted; MANUAL for never."
    )
    days: int = strawberry.field(
        default=policy.DEFAULT_DAYS, description="Number of days after that event, 0 to 365: due on the 15th and 5, blocked from the 20th."
    )
    minimum: Rupiah = strawberry.field(default=1, description="Minimum overdue amount for which a customer is blocked.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer.")
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the counter.")


@output("Warning about an isolation policy, which was set nevertheless, with an example.")
class IsolationPolicyWarning:
    code: PolicyWarningCode = read("Code of the warning.", OFFICE)
    text: str = read("The warning and its remedy, in the caller's language.", OFFICE)
    issued_on: Day = read("Day on which the invoice of the example is issued.", OFFICE)
    due_on: Day = read("Due date of the invoice of the example.", OFFICE)
    block_on: Day = read("Day from which a customer is blocked who does not pay it.", OFFICE)


@payload("Result of setIsolationPolicy.")
class SetIsolationPolicyPayload(Payload):
    policy: IsolationPolicy | None = strawberry.field(description="The policy that was set.")
    customer: Customer | None = strawberry.field(description="Customer to whom it belongs; null if it is not a customer's.")
    warnings: list[IsolationPolicyWarning] | None = strawberry.field(
        description="Warnings about the policy that was set; empty if there are none, null with errors."
    )


@mutation(OFFICE, "Set when overdue customers are blocked.")
async def set_isolation_policy(info: Info, input: Annotated[SetIsolationPolicyInput, INPUT]) -> SetIsolationPolicyPayload:
    context = info.context
    customer_id = ids.decode_optional(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    counter_id = ids.decode_optional(input.counter_id, Noun.COUNTER, field=("input", "counterId"))
    async with context.transaction() as session:
        policy_id = await policy.set_policy(
            session, mode=input.mode, days=input.days, minimum=input.minimum, customer_id=customer_id, counter_id=counter_id
        )
        warning = await policy_warnings.of_policy(
            session, on=local_date(context.at, JAKARTA), mode=input.mode, days=input.days, customer_id=customer_id, counter_id=counter_id
        )
    return row(
        policy=await _policy(info, policy_id),
        customer=await _customer(info, customer_id),
        warnings=_warnings(info, warning),
    )


async def _policy(info: Info, policy_id: int) -> Any:
    return await one(info, IsolationPolicy, "t.id = :id", {"id": policy_id}, below=("policy",))


async def _customer(info: Info, customer_id: int | None) -> Any:
    return None if customer_id is None else await one(info, Customer, "t.id = :id", {"id": customer_id}, below=("customer",))


@output("What a policy would lead to, if it were a customer's own.")
class IsolationPolicyPreview:
    block_on: Day | None = read("Day of the block unless the customer pays; null if it would lead to none.", OFFICE)
    amount: Rupiah | None = read("Amount that is overdue by that day; null if there is no block.", OFFICE)
    invoice_number: str | None = read("Number of the invoice that causes the block; null if there is no block.", OFFICE)
    promised_until: Day | None = read("Last day of the customer's promise to pay; null if there is no block or none.", OFFICE)
    warnings: list[IsolationPolicyWarning] = read("Warnings that setIsolationPolicy would return; empty if there are none.", OFFICE)


@query(
    OFFICE,
    "Preview the day of a customer's block after setIsolationPolicy without saving anything. Errors are those of setIsolationPolicy.",
)
async def preview_isolation_policy(
    info: Info,
    customer_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the customer.")],
    mode: Annotated[IsolationMode, strawberry.argument(description="Event from which the days are counted; MANUAL for never.")],
    days: Annotated[int, strawberry.argument(description="Number of days after that event, 0 to 365.")],
    minimum: Annotated[Rupiah, strawberry.argument(description="Minimum overdue amount for which the customer is blocked.")],
) -> IsolationPolicyPreview:
    context = info.context
    wanted, least = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",)), policy.check_values(days=days, minimum=minimum)
    async with context.parts.database.reading() as session:
        block = await forecast.by_policy(session, wanted, mode=mode, days=days, minimum=least, scope=context.signed_in.scope)
        on = local_date(context.at, JAKARTA)
        warning = await policy_warnings.of_policy(session, on=on, mode=mode, days=days, customer_id=wanted)
    return row(
        block_on=block and block.block_on, amount=block and block.amount, invoice_number=block and block.invoice_number,
        promised_until=block and block.promised_until, warnings=_warnings(info, warning),
    )  # fmt: skip


def _warnings(info: Info, warning: policy_warnings.PolicyWarning | None) -> list[Any]:
    """Rows of the type IsolationPolicyWarning."""
    if warning is None:
        return []
    text = warning.text.in_(info.context.language)
    return [row(code=warning.code, text=text, issued_on=warning.issued_on, due_on=warning.due_on, block_on=warning.block_on)]


@input_type("Input of forgetIsolationPolicy.")
class ForgetIsolationPolicyInput:
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer whose policy to delete.")
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the counter whose policy to delete.")


@payload("Result of forgetIsolationPolicy.")
class ForgetIsolationPolicyPayload(Payload):
    forgotten_id: strawberry.ID | None = strawberry.field(description="Id of the policy that was deleted; null if there was none.")
    policy: IsolationPolicy | None = strawberry.field(description="Policy that applies instead.")
    customer: Customer | None = strawberry.field(description="Customer whose policy was deleted; null if it was not a customer's.")


@mutation(OFFICE, "Delete a policy, so that the counter's or the ISP's applies instead.")
async def forget_isolation_policy(info: Info, input: Annotated[ForgetIsolationPolicyInput, INPUT]) -> ForgetIsolationPolicyPayload:
    customer_id = ids.decode_optional(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        forgotten = await policy.forget_policy(
            session, customer_id=customer_id, counter_id=ids.decode_optional(input.counter_id, Noun.COUNTER, field=("input", "counterId"))
        )
    return row(
        forgotten_id=None if forgotten.policy_id is None else Noun.POLICY.id(forgotten.policy_id),
        policy=await _policy(info, forgotten.applies_id),
        customer=await _customer(info, customer_id),
    )


QUERIES: Final = [isolation_policies, preview_isolation_policy]
MUTATIONS: Final = [set_isolation_policy, forget_isolation_policy]
