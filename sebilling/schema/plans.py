"""Plans (paket) in GraphQL."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import plans as verbs
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.engine.pages import Order
from sebilling.schema.engine.reading import one, page
from sebilling.schema.engine.scopes import EVERYBODYS
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import COUNTERS, EVERYONE, OFFICE
from sebilling.schema.values import ids
from sebilling.schema.values.connections import After, Connection, First
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Rupiah


@output("Plan (paket): a speed and a price per month.", "plan", scope=EVERYBODYS)
class Plan:
    id: strawberry.ID = read("Opaque id.", EVERYONE, sql=ids.column(Noun.PLAN, "{t}.id"))
    name: str = read("Unique name, such as Home 20M.", EVERYONE)
    price: Rupiah | None = read("Price per month, for future invoices.", COUNTERS)
    rate_down_kbps: int | None = read("Download speed in kbit/s; null if unknown.", EVERYONE)
    rate_up_kbps: int | None = read("Upload speed in kbit/s; null if unknown.", EVERYONE)


_BY_NAME: Final = Order("name", "{t}.name", "text")


@query(EVERYONE, "List all plans, by name.")
async def plans(info: Info, first: First = 50, after: After = None) -> Connection[Plan]:
    return await page(info, Plan, first=first, after=after, order=_BY_NAME)


@query(EVERYONE, "Get one plan; null if there is none.")
async def plan(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the plan.")]) -> Plan | None:
    return await one(info, Plan, "t.id = :id", {"id": ids.decode(id, Noun.PLAN, field=("id",))})


@input_type("Input of createPlan.")
class CreatePlanInput:
    name: str = strawberry.field(description="Unique name, such as Home 20M.")
    price: Rupiah = strawberry.field(description="Price per month, 0 to 10^12.")
    rate_down_kbps: int | None = strawberry.field(default=None, description="Download speed in kbit/s.")
    rate_up_kbps: int | None = strawberry.field(default=None, description="Upload speed in kbit/s.")


@payload("Result of createPlan.")
class CreatePlanPayload(Payload):
    plan: Plan | None = strawberry.field(description="The new plan.")


@mutation(OFFICE, "Add a plan.")
async def create_plan(info: Info, input: Annotated[CreatePlanInput, INPUT]) -> CreatePlanPayload:
    async with info.context.transaction() as session:
        plan_id = await verbs.create(
            session, name=input.name, price=input.price, rate_down_kbps=input.rate_down_kbps, rate_up_kbps=input.rate_up_kbps
        )
    return row(plan=await one(info, Plan, "t.id = :id", {"id": plan_id}, below=("plan",)))


@input_type("Input of updatePlan.")
class UpdatePlanInput:
    id: strawberry.ID = strawberry.field(description="Id of the plan.")
    price: Rupiah = strawberry.field(description="Price per month, for future invoices; issued ones keep theirs.")


@payload("Result of updatePlan.")
class UpdatePlanPayload(Payload):
    plan: Plan | None = strawberry.field(description="Plan after the change.")


@mutation(OFFICE, "Change a plan's price.")
async def update_plan(info: Info, input: Annotated[UpdatePlanInput, INPUT]) -> UpdatePlanPayload:
    plan_id = ids.decode(input.id, Noun.PLAN, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.change_price(session, plan_id, price=input.price)
    return row(plan=await one(info, Plan, "t.id = :id", {"id": plan_id}, below=("plan",)))


QUERIES: Final = [plans, plan]
MUTATIONS: Final = [create_plan, update_plan]
