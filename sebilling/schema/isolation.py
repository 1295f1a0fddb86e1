"""Custom isolir in GraphQL: policies, promises, days on which nobody is cut, blocks by hand, and what a sweep would do."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import isolation as verbs
from sebilling.billing.isolation import IsolationMode
from sebilling.schema.counters import Counter
from sebilling.schema.customers import CUSTOMER, Customer
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import BLOCKERS, COUNTERS, OFFICE, PROMISERS, READERS, mutation, query
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Payload, row
from sebilling.schema.engine.reading import Link, Node, every, one
from sebilling.schema.engine.scalars import Day, Instant, Rupiah
from sebilling.schema.enums import described

described(
    IsolationMode,
    "When a late customer is cut.",
    FROM_INVOICE="So many days after the invoice was issued.",
    FROM_INSTALL_DATE="Each month on the day of the installation, plus days.",
    MANUAL="Never by itself.",
)


@strawberry.type(description="How customers are cut: a customer's own policy, else their counter's, else the ISP's.")
class IsolationPolicy:
    mode: IsolationMode = strawberry.field(description="From when on.")
    days: int = strawberry.field(description="Days after that.")
    minimum: Rupiah = strawberry.field(description="Nobody is cut for less.")
    customer: Customer | None = strawberry.field(description="RowScope; null if it isn't a customer's.")
    counter: Counter | None = strawberry.field(description="Which counter's; null with no customer either: the ISP's.")


POLICY: Final = Node(
    "isolation_policy",
    {name: f"{{t}}.{name}" for name in ("mode", "days", "minimum")},
    {
        "customer": Link("customer", "{n}.id = {t}.customer_id", follows=True),
        "counter": Link("counter", "{n}.id = {t}.counter_id", follows=True),
    },
)


@query(READERS, "The policies: the ISP's, then the counters', then the customers'.")
async def isolation_policies(info: Info) -> list[IsolationPolicy]:
    order = "t.customer_id IS NOT NULL, t.counter_id IS NOT NULL, t.id"
    found: list[IsolationPolicy] = await every(info, POLICY, order=order)
    return found


@strawberry.type(description="On which day someone is cut if nothing is paid, and why.")
class IsolationForecast:
    block_on: Day | None = strawberry.field(description="The day; null: they aren't cut.")
    because: str = strawberry.field(description="In words.")


RowScope = Annotated[strawberry.ID, strawberry.argument(description="RowScope.")]


@query(COUNTERS, "On which day a customer is cut if nothing is paid, and why.")
async def isolation_forecast(info: Info, customer_id: RowScope) -> IsolationForecast:
    wanted = ids.decode(customer_id, "customer", field=("customerId",))
    async with info.context.parts.database.reading() as session:
        found = await verbs.forecast(session, wanted, scope=info.context.signed_in.scope)
    return row(block_on=found.block_on, because=found.because)


@strawberry.type(description="Someone whom a sweep would cut now.")
class IsolationPlan:
    customer_id: strawberry.ID = strawberry.field(description="Who.")
    device_id: strawberry.ID = strawberry.field(description="Where.")
    invoice_id: strawberry.ID = strawberry.field(description="The invoice that makes it so.")
    amount: Rupiah = strawberry.field(description="Overdue by then.")
    block_on: Day = strawberry.field(description="Since which day.")


@query(READERS, "Whom a sweep would cut now; changes nothing.")
async def isolation_plan(info: Info) -> list[IsolationPlan]:
    async with info.context.parts.database.reading() as session:
        found = await verbs.plan(session, at=info.context.at, scope=info.context.signed_in.scope)
    return [
        row(customer_id=f"cus_{each.customer_id}", device_id=f"dev_{each.device_id}", invoice_id=f"inv_{each.invoice_id}",
            amount=each.amount, block_on=each.block_on)
        for each in found
    ]  # fmt: skip


@strawberry.type(description="A day on which nobody is cut.")
class BlackoutDate:
    day: Day = strawberry.field(description="Which.")
    reason: str = strawberry.field(description="Why.")


NO_CUT_DAY: Final = Node("blackout_date", {"day": "{t}.day", "reason": "{t}.reason"})


@query(COUNTERS, "Days on which nobody is cut.")
async def blackout_dates(info: Info) -> list[BlackoutDate]:
    found: list[BlackoutDate] = await every(info, NO_CUT_DAY, order="t.day")
    return found


@strawberry.type(description="A sweep that would have cut too many at once: it cut nobody and asks.")
class IsolationHold:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    held_at: Instant = strawberry.field(description="When.")
    would_block: int = strawberry.field(description="So many.")
    of_active: int = strawberry.field(description="Of so many who had internet.")
    decided_at: Instant | None = strawberry.field(description="When someone decided; null: it still asks.")
    approved: bool | None = strawberry.field(description="Whether it was right.")


HOLD: Final = Node(
    "isolation_hold",
    {"id": ids.column("hold", "{t}.id")}
    | {name: f"{{t}}.{name}" for name in ("held_at", "would_block", "of_active", "decided_at", "approved")},
)


@query(READERS, "Held sweeps, the newest first.")
async def isolation_holds(info: Info) -> list[IsolationHold]:
    found: list[IsolationHold] = await every(info, HOLD, order="t.id DESC")
    return found


@strawberry.type(description="What came of a mutation of isolation.")
class IsolationPayload(Payload):
    done: bool | None = strawberry.field(description="true; null with errors.")


@strawberry.input(description="Custom Isolir: of a customer, of a counter, or of the ISP (neither).")
class SetIsolationPolicyInput:
    mode: IsolationMode = strawberry.field(description="From when on.")
    days: int = strawberry.field(default=0, description="0 to 365.")
    minimum: Rupiah = strawberry.field(default=1, description="Nobody is cut for less.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Of this customer.")
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Of this counter.")


@mutation(OFFICE, "Decide when late customers are cut.")
async def set_isolation_policy(info: Info, input: Annotated[SetIsolationPolicyInput, INPUT]) -> IsolationPayload:
    async with info.context.transaction() as session:
        await verbs.set_policy(
            session, mode=input.mode, days=input.days, minimum=input.minimum,
            customer_id=ids.decode_optional(input.customer_id, "customer", field=("input", "customerId")),
            counter_id=ids.decode_optional(input.counter_id, "counter", field=("input", "counterId")),
        )  # fmt: skip
    return row(done=True)


@strawberry.input(description="RowScope policy is forgotten.")
class ForgetIsolationPolicyInput:
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="This customer's.")
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="This counter's.")


@mutation(OFFICE, "Let the next wider policy hold again.")
async def forget_isolation_policy(info: Info, input: Annotated[ForgetIsolationPolicyInput, INPUT]) -> IsolationPayload:
    async with info.context.transaction() as session:
        await verbs.forget_policy(
            session, customer_id=ids.decode_optional(input.customer_id, "customer", field=("input", "customerId")),
            counter_id=ids.decode_optional(input.counter_id, "counter", field=("input", "counterId")),
        )  # fmt: skip
    return row(done=True)


@strawberry.type(description="What came of promiseToPay, blockCustomer or restoreCustomer.")
class CustomerIsolationPayload(Payload):
    customer: Customer | None = strawberry.field(description="The customer.")


async def _shown(info: Info, customer_id: int) -> Any:
    return row(customer=await one(info, CUSTOMER, "t.id = :id", {"id": customer_id}, below=("customer",)))


@strawberry.input(description="Janji bayar.")
class PromiseToPayInput:
    customer_id: strawberry.ID = strawberry.field(description="Who.")
    until_on: Day = strawberry.field(description="Not cut up to and on this day; at most 60 days ahead.")
    reason: str = strawberry.field(description="3 to 500 characters.")


@mutation(PROMISERS, "Put a cut off to a date; who is cut is given back.")
async def promise_to_pay(info: Info, input: Annotated[PromiseToPayInput, INPUT]) -> CustomerIsolationPayload:
    customer_id = ids.decode(input.customer_id, "customer", field=("input", "customerId"))
    async with info.context.transaction() as session:
        await verbs.promise(session, customer_id, until_on=input.until_on, reason=input.reason)
    return await _shown(info, customer_id)


@strawberry.input(description="Whom, and why.")
class BlockCustomerInput:
    customer_id: strawberry.ID = strawberry.field(description="Who.")
    reason: str = strawberry.field(description="3 to 500 characters.")


@mutation(BLOCKERS, "Cut by hand, until someone lifts it.")
async def block_customer(info: Info, input: Annotated[BlockCustomerInput, INPUT]) -> CustomerIsolationPayload:
    customer_id = ids.decode(input.customer_id, "customer", field=("input", "customerId"))
    async with info.context.transaction() as session:
        await verbs.block(session, customer_id, reason=input.reason)
    return await _shown(info, customer_id)


@mutation(BLOCKERS, "Lift a block. Who is still overdue needs a promise to pay.")
async def restore_customer(info: Info, input: Annotated[BlockCustomerInput, INPUT]) -> CustomerIsolationPayload:
    customer_id = ids.decode(input.customer_id, "customer", field=("input", "customerId"))
    async with info.context.transaction() as session:
        await verbs.restore(session, customer_id, reason=input.reason)
    return await _shown(info, customer_id)


@strawberry.input(description="A day on which nobody is cut.")
class AddBlackoutDateInput:
    day: Day = strawberry.field(description="Which.")
    reason: str = strawberry.field(description="3 to 500 characters.")


@mutation(OFFICE, "Cut nobody on a day.")
async def add_blackout_date(info: Info, input: Annotated[AddBlackoutDateInput, INPUT]) -> IsolationPayload:
    async with info.context.transaction() as session:
        await verbs.add_blackout_date(session, input.day, reason=input.reason)
    return row(done=True)


@strawberry.input(description="A day like any other.")
class RemoveBlackoutDateInput:
    day: Day = strawberry.field(description="Which.")


@mutation(OFFICE, "Cut on a day like on any other.")
async def remove_blackout_date(info: Info, input: Annotated[RemoveBlackoutDateInput, INPUT]) -> IsolationPayload:
    async with info.context.transaction() as session:
        await verbs.remove_blackout_date(session, input.day)
    return row(done=True)


@strawberry.input(description="Whether a held sweep is right.")
class DecideIsolationHoldInput:
    id: strawberry.ID = strawberry.field(description="Which.")
    approved: bool = strawberry.field(description="true: sweeps may cut so many for twelve hours.")


@mutation(OFFICE, "Say whether a sweep that would cut very many is right.")
async def decide_isolation_hold(info: Info, input: Annotated[DecideIsolationHoldInput, INPUT]) -> IsolationPayload:
    async with info.context.transaction() as session:
        await verbs.decide_hold(session, ids.decode(input.id, "hold", field=("input", "id")), approved=input.approved)
    return row(done=True)


@strawberry.type(description="What came of runIsolation.")
class RunIsolationPayload(Payload):
    cut: int | None = strawberry.field(description="To be cut now; devices are brought in line within seconds.")
    given_back: int | None = strawberry.field(description="To be given back now.")
    held: int | None = strawberry.field(description="So many would have been cut: decide about the hold first; 0: none was held.")


@mutation(OFFICE, "Sweep now instead of within half a minute: cut whose day has come, give back who need not be cut.")
async def run_isolation(info: Info) -> RunIsolationPayload:
    async with info.context.transaction() as session:
        decided = await verbs.decide(session)
    return row(cut=decided.cut, given_back=decided.given_back, held=decided.held)


QUERIES: Final = [isolation_policies, isolation_forecast, isolation_plan, blackout_dates, isolation_holds]
MUTATIONS: Final = [
    set_isolation_policy, forget_isolation_policy, promise_to_pay, block_customer, restore_customer, add_blackout_date,
    remove_blackout_date,
    decide_isolation_hold, run_isolation,
]  # fmt: skip
