"""Isolation in GraphQL: blocks by hand, blackout dates, holds, and the isolation run."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.billing.isolation import blocks, holds, policy, sweep
from sebilling.db import clocks
from sebilling.db.parameters import local_day
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.customers import Customer
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.pages import Order, Slice
from sebilling.schema.engine.reading import every, one, page
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import BLOCKERS, COUNTERS, OFFICE, READERS
from sebilling.schema.scopes import CENTRAL, EVERYBODYS
from sebilling.schema.upcoming_blocks import UpcomingBlock
from sebilling.schema.users import User
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Day, Instant

_SHOWN: Final = 50
"""Number of customers that a hold shows; isolationPlan lists all."""


@output("Blackout date: a day on which nobody is blocked.", "blackout_date", scope=EVERYBODYS)
class BlackoutDate:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.BLACKOUT_DATE, "({t}.day - DATE '0001-01-01' + 1)"))
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
    decided_by: User | None = link(
        "User who decided; null while it waits for a decision.", READERS, "app_user", "{n}.id = {t}.decided_by", follows=True
    )
    approved: bool | None = read("Whether the mass block was approved; null while it waits for a decision.", READERS)
    customers: list[UpcomingBlock] = link(
        f"The first {_SHOWN} customers whom an approval would block now, by day; none once it is decided. isolationPlan lists all.",
        READERS,
        "upcoming_block",
        "{t}.decided_at IS NULL AND {n}.block_on <= " + local_day("{n}.timezone"),
        order="{n}.block_on, {n}.id",
        most=_SHOWN,
    )


_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)


@query(READERS, "List the holds, newest first.")
async def isolation_holds(info: Info, part: Slice) -> Connection[IsolationHold]:
    return await page(info, IsolationHold, part, order=_NEWEST)


@payload("Result of blockCustomer or restoreCustomer.")
class CustomerIsolationPayload(Payload):
    customer: Customer | None = strawberry.field(description="The customer, whose accesses have their new desired state.")


async def _shown(info: Info, customer_id: int) -> Any:
    return row(customer=await one(info, Customer, "t.id = :id", {"id": customer_id}, below=("customer",)))


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


@payload("Result of addBlackoutDate or removeBlackoutDate.")
class BlackoutDatePayload(Payload):
    blackout_date: BlackoutDate | None = strawberry.field(
        description="The blackout date, as it was if it was removed; null if there was none to remove."
    )


@input_type("Input of addBlackoutDate.")
class AddBlackoutDateInput:
    day: Day = strawberry.field(description="Day on which to block nobody.")
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")


@mutation(OFFICE, "Add a blackout date, on which nobody is blocked.")
async def add_blackout_date(info: Info, input: Annotated[AddBlackoutDateInput, INPUT]) -> BlackoutDatePayload:
    async with info.context.transaction() as session:
        await policy.add_blackout_date(session, input.day, reason=input.reason)
    return row(blackout_date=await one(info, BlackoutDate, "t.day = :day", {"day": input.day}, below=("blackout_date",)))


@input_type("Input of removeBlackoutDate.")
class RemoveBlackoutDateInput:
    day: Day = strawberry.field(description="Blackout date to remove.")


@mutation(OFFICE, "Remove a blackout date, so that customers are blocked on it as on any other day.")
async def remove_blackout_date(info: Info, input: Annotated[RemoveBlackoutDateInput, INPUT]) -> BlackoutDatePayload:
    async with info.context.transaction() as session:
        reason = await policy.remove_blackout_date(session, input.day)
    removed = row(id=Noun.BLACKOUT_DATE.id(input.day.toordinal()), day=input.day, reason=reason)
    return row(blackout_date=None if reason is None else removed)


@input_type("Input of decideIsolationHold.")
class DecideIsolationHoldInput:
    id: strawberry.ID = strawberry.field(description="Id of the hold.")
    approved: bool = strawberry.field(
        description="Whether the mass block is right; true allows blocking that many customers for twelve hours."
    )


@payload("Result of decideIsolationHold.")
class IsolationHoldPayload(Payload):
    hold: IsolationHold | None = strawberry.field(description="The hold after the decision.")


@mutation(OFFICE, "Approve or reject a mass block that is on hold.")
async def decide_isolation_hold(info: Info, input: Annotated[DecideIsolationHoldInput, INPUT]) -> IsolationHoldPayload:
    hold_id = ids.decode(input.id, Noun.HOLD, field=("input", "id"))
    async with info.context.transaction() as session:
        await holds.decide(session, hold_id, approved=input.approved)
    return row(hold=await one(info, IsolationHold, "t.id = :id", {"id": hold_id}, below=("hold",)))


@payload("Result of runIsolation.")
class RunIsolationPayload(Payload):
    blocked: int | None = strawberry.field(description="Number of customers to be blocked now; devices are brought in sync within seconds.")
    restored: int | None = strawberry.field(description="Number of customers to be restored now.")
    paused: int | None = strawberry.field(description="Number of customers paused now, as they were blocked for so long.")
    held: int | None = strawberry.field(
        description="Number of customers whose block is on hold until someone decides about it; 0 if there is no hold."
    )
    hold: IsolationHold | None = strawberry.field(description="The hold that waits for a decision; null if there is none.")


@mutation(OFFICE, "Run isolation now instead of within half a minute: block customers who are due and restore those who are not.")
async def run_isolation(info: Info) -> RunIsolationPayload:
    await clocks.check(info.context.parts.database)
    async with info.context.transaction() as session:
        decided = await sweep.decide(session)
    hold = await one(info, IsolationHold, "t.decided_at IS NULL", {}, below=("hold",)) if decided.held else None
    return row(blocked=decided.blocked, restored=decided.restored, paused=decided.paused, held=decided.held, hold=hold)


QUERIES: Final = [blackout_dates, isolation_holds]
MUTATIONS: Final = [block_customer, restore_customer, add_blackout_date, remove_blackout_date, decide_isolation_hold, run_isolation]
