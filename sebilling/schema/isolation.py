"""Isolation in GraphQL: policies, promises to pay, blackout dates, manual blocks, and what an isolation run would do."""

from dataclasses import asdict
from typing import Annotated, Any, Final

import strawberry

from sebilling.billing.isolation import blocks, forecast, holds, policy, policy_warnings, promises, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.isolation.policy_warnings import PolicyWarningCode
from sebilling.clock import JAKARTA, local_date
from sebilling.language import Language, Sentence
from sebilling.money import format_rupiah
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter
from sebilling.schema.customers import Customer
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.reading import every, one
from sebilling.schema.engine.scopes import CENTRAL, EVERYBODYS, OF_COUNTER_OR_CUSTOMER
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import BLOCKERS, COUNTERS, OFFICE, PROMISERS, READERS
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Day, Instant, Rupiah

described(IsolationMode, "When an overdue customer is blocked.", **{mode.name: mode.english for mode in IsolationMode})
described(
    PolicyWarningCode,
    "Code of a warning about an isolation policy.",
    BLOCKED_BEFORE_OVERDUE="Customers can be blocked before their due date has passed.",
)


@output(
    "Policy that decides when customers are blocked: the customer's own, else the counter's, else the ISP's.",
    "isolation_policy",
    scope=OF_COUNTER_OR_CUSTOMER,
)
class IsolationPolicy:
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


@query(READERS, "List the isolation policies: the ISP's, then the counters', then the customers'.")
async def isolation_policies(info: Info) -> list[IsolationPolicy]:
    order = "t.customer_id IS NOT NULL, t.counter_id IS NOT NULL, t.id"
    policies: list[IsolationPolicy] = await every(info, IsolationPolicy, order=order)
    return policies


@output("Day on which a customer is blocked if they do not pay, and the reason.")
class IsolationForecast:
    block_on: Day | None = read("Day of the block; null if the policy in force leads to none.", COUNTERS)
    amount: Rupiah | None = read("Amount that is overdue by that day; null if there is no block.", COUNTERS)
    invoice_number: str | None = read("Number of the invoice that causes the block; null if there is no block.", COUNTERS)
    mode: IsolationMode | None = read("Mode of the policy in force; null if there is no block.", COUNTERS)
    promised_until: Day | None = read("Last day of the customer's promise to pay; null if there is no block or none.", COUNTERS)
    text: str = read("The forecast as a sentence in the caller's language.", COUNTERS)


_NO_BLOCK: Final = Sentence(
    "The policy in force leads to no block for this customer's debts.",
    "Kebijakan yang berlaku tidak mengisolir pelanggan ini atas utangnya.",
)
_BLOCK: Final = Sentence(
    "To be blocked from {block_on} unless paid: {amount} is overdue by then, with invoice {invoice}.",
    "Diisolir mulai {block_on} jika belum dibayar: {amount} menunggak pada hari itu, dengan tagihan {invoice}.",
)
_PROMISED: Final = Sentence("{sentence} Promised to pay until {until}.", "{sentence} Janji bayar sampai {until}.")


def _forecast(upcoming: forecast.Forecast | None, language: Language) -> Any:
    """A row of the type IsolationForecast."""
    if upcoming is None:
        return row(block_on=None, amount=None, invoice_number=None, mode=None, promised_until=None, text=_NO_BLOCK.in_(language))
    sentence = _BLOCK.in_(language).format(
        block_on=upcoming.block_on, amount=format_rupiah(upcoming.amount), invoice=upcoming.invoice_number
    )
    if upcoming.promised_until is not None:
        sentence = _PROMISED.in_(language).format(sentence=sentence, until=upcoming.promised_until)
    return row(**asdict(upcoming), text=sentence)


CustomerId = Annotated[strawberry.ID, strawberry.argument(description="Id of the customer.")]


@query(COUNTERS, "Get the day on which a customer is blocked if they do not pay, and the reason.")
async def isolation_forecast(info: Info, customer_id: CustomerId) -> IsolationForecast:
    wanted = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",))
    async with info.context.parts.database.reading() as session:
        upcoming = await forecast.of_customer(session, wanted, scope=info.context.signed_in.scope)
    return _forecast(upcoming, info.context.language)


@output("Customer whom an isolation run would block now.")
class IsolationPlan:
    customer_id: strawberry.ID = read("Id of the customer.", READERS)
    device_id: strawberry.ID = read("Id of the customer's device.", READERS)
    invoice_id: strawberry.ID = read("Id of the invoice that causes the block.", READERS)
    amount: Rupiah = read("Overdue amount on that day.", READERS)
    block_on: Day = read("Day from which the customer is to be blocked.", READERS)


@query(READERS, "List the customers whom an isolation run would block now, without changing anything.")
async def isolation_plan(info: Info) -> list[IsolationPlan]:
    async with info.context.parts.database.reading() as session:
        planned = await sweep.to_block(session, at=info.context.at, scope=info.context.signed_in.scope)
    return [
        row(customer_id=Noun.CUSTOMER.id(block.customer_id), device_id=Noun.DEVICE.id(block.device_id),
            invoice_id=Noun.INVOICE.id(block.invoice_id), amount=block.amount, block_on=block.block_on)
        for block in planned
    ]  # fmt: skip


@output("Blackout date: a day on which nobody is blocked.", "blackout_date", scope=EVERYBODYS)
class BlackoutDate:
    day: Day = read("The day.", COUNTERS)
    reason: str = read("Reason for the blackout date.", COUNTERS)


@query(COUNTERS, "List the blackout dates, on which nobody is blocked.")
async def blackout_dates(info: Info) -> list[BlackoutDate]:
    dates: list[BlackoutDate] = await every(info, BlackoutDate, order="t.day")
    return dates


@output("Hold: a mass block that waits for a decision. Nobody was blocked by it.", "isolation_hold", scope=CENTRAL)
class IsolationHold:
    id: strawberry.ID = read("Opaque id.", READERS, sql=ids.column(Noun.HOLD, "{t}.id"))
    held_at: Instant = read("Time at which the run was held.", READERS)
    would_block: int = read("Number of customers who would have been blocked.", READERS)
    of_active: int = read("Number of customers who had internet access.", READERS)
    decided_at: Instant | None = read("Time of the decision; null while it waits for one.", READERS)
    approved: bool | None = read("Whether the mass block was approved; null while it waits for a decision.", READERS)


@query(READERS, "List the holds, newest first.")
async def isolation_holds(info: Info) -> list[IsolationHold]:
    holds: list[IsolationHold] = await every(info, IsolationHold, order="t.id DESC")
    return holds


@payload("Result of a mutation of isolation settings.")
class IsolationPayload(Payload):
    done: bool | None = strawberry.field(description="true if the change was made; null with errors.")


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
    done: bool | None = strawberry.field(description="true if the policy was set; null with errors.")
    warnings: list[IsolationPolicyWarning] | None = strawberry.field(
        description="Warnings about the policy that was set; empty if there are none, null with errors."
    )


@mutation(OFFICE, "Set when overdue customers are blocked.")
async def set_isolation_policy(info: Info, input: Annotated[SetIsolationPolicyInput, INPUT]) -> SetIsolationPolicyPayload:
    context = info.context
    customer_id = ids.decode_optional(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    counter_id = ids.decode_optional(input.counter_id, Noun.COUNTER, field=("input", "counterId"))
    async with context.transaction() as session:
        await policy.set_policy(
            session, mode=input.mode, days=input.days, minimum=input.minimum, customer_id=customer_id, counter_id=counter_id
        )
        warning = await policy_warnings.of_policy(
            session, on=local_date(context.at, JAKARTA), mode=input.mode, days=input.days, customer_id=customer_id, counter_id=counter_id
        )
    return row(
        done=True,
        warnings=[] if warning is None else [
            row(code=warning.code, text=warning.text.in_(context.language), issued_on=warning.issued_on, due_on=warning.due_on,
                block_on=warning.block_on)
        ],
    )  # fmt: skip


@input_type("Input of forgetIsolationPolicy.")
class ForgetIsolationPolicyInput:
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer whose policy to delete.")
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the counter whose policy to delete.")


@mutation(OFFICE, "Delete a policy, so that the counter's or the ISP's applies instead.")
async def forget_isolation_policy(info: Info, input: Annotated[ForgetIsolationPolicyInput, INPUT]) -> IsolationPayload:
    async with info.context.transaction() as session:
        await policy.forget_policy(
            session, customer_id=ids.decode_optional(input.customer_id, Noun.CUSTOMER, field=("input", "customerId")),
            counter_id=ids.decode_optional(input.counter_id, Noun.COUNTER, field=("input", "counterId")),
        )  # fmt: skip
    return row(done=True)


@payload("Result of promiseToPay, blockCustomer or restoreCustomer.")
class CustomerIsolationPayload(Payload):
    customer: Customer | None = strawberry.field(description="The customer.")


async def _shown(info: Info, customer_id: int) -> Any:
    return row(customer=await one(info, Customer, "t.id = :id", {"id": customer_id}, below=("customer",)))


@input_type("Input of promiseToPay (janji bayar).")
class PromiseToPayInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    until_on: Day = strawberry.field(description="Last day on which the customer is not blocked; at most 60 days ahead.")
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")


@mutation(PROMISERS, "Record a promise to pay: an overdue customer is not blocked until after that date, and is restored if blocked.")
async def promise_to_pay(info: Info, input: Annotated[PromiseToPayInput, INPUT]) -> CustomerIsolationPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        await promises.record(session, customer_id, until_on=input.until_on, reason=input.reason)
    return await _shown(info, customer_id)


@input_type("Input of blockCustomer or restoreCustomer.")
class BlockCustomerInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")


@mutation(BLOCKERS, "Block a customer by hand, until restoreCustomer.")
async def block_customer(info: Info, input: Annotated[BlockCustomerInput, INPUT]) -> CustomerIsolationPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        await blocks.block(session, customer_id, reason=input.reason)
    return await _shown(info, customer_id)


@mutation(BLOCKERS, "Restore a blocked customer. A customer who is still overdue needs a promise to pay.")
async def restore_customer(info: Info, input: Annotated[BlockCustomerInput, INPUT]) -> CustomerIsolationPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        await blocks.restore(session, customer_id, reason=input.reason)
    return await _shown(info, customer_id)


@input_type("Input of addBlackoutDate.")
class AddBlackoutDateInput:
    day: Day = strawberry.field(description="Day on which to block nobody.")
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")


@mutation(OFFICE, "Add a blackout date, on which nobody is blocked.")
async def add_blackout_date(info: Info, input: Annotated[AddBlackoutDateInput, INPUT]) -> IsolationPayload:
    async with info.context.transaction() as session:
        await policy.add_blackout_date(session, input.day, reason=input.reason)
    return row(done=True)


@input_type("Input of removeBlackoutDate.")
class RemoveBlackoutDateInput:
    day: Day = strawberry.field(description="Blackout date to remove.")


@mutation(OFFICE, "Remove a blackout date, so that customers are blocked on it as on any other day.")
async def remove_blackout_date(info: Info, input: Annotated[RemoveBlackoutDateInput, INPUT]) -> IsolationPayload:
    async with info.context.transaction() as session:
        await policy.remove_blackout_date(session, input.day)
    return row(done=True)


@input_type("Input of decideIsolationHold.")
class DecideIsolationHoldInput:
    id: strawberry.ID = strawberry.field(description="Id of the hold.")
    approved: bool = strawberry.field(
        description="Whether the mass block is right; true allows blocking that many customers for twelve hours."
    )


@mutation(OFFICE, "Approve or reject a mass block that is on hold.")
async def decide_isolation_hold(info: Info, input: Annotated[DecideIsolationHoldInput, INPUT]) -> IsolationPayload:
    async with info.context.transaction() as session:
        await holds.decide(session, ids.decode(input.id, Noun.HOLD, field=("input", "id")), approved=input.approved)
    return row(done=True)


@payload("Result of runIsolation.")
class RunIsolationPayload(Payload):
    blocked: int | None = strawberry.field(description="Number of customers to be blocked now; devices are brought in sync within seconds.")
    restored: int | None = strawberry.field(description="Number of customers to be restored now.")
    paused: int | None = strawberry.field(description="Number of customers paused now, as they were blocked for so long.")
    held: int | None = strawberry.field(
        description="Number of customers whose block is on hold until someone decides about it; 0 if there is no hold."
    )


@mutation(OFFICE, "Run isolation now instead of within half a minute: block customers who are due and restore those who are not.")
async def run_isolation(info: Info) -> RunIsolationPayload:
    async with info.context.transaction() as session:
        decided = await sweep.decide(session)
    return row(blocked=decided.blocked, restored=decided.restored, paused=decided.paused, held=decided.held)


QUERIES: Final = [isolation_policies, isolation_forecast, isolation_plan, blackout_dates, isolation_holds]
MUTATIONS: Final = [
    set_isolation_policy, forget_isolation_policy, promise_to_pay, block_customer, restore_customer, add_blackout_date,
    remove_blackout_date,
    decide_isolation_hold, run_isolation,
]  # fmt: skip
