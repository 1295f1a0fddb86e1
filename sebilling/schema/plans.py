"""Plans (paket) in GraphQL."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import plans as verbs
from sebilling.billing import versions
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import COUNTERS, EVERYONE, OFFICE, READERS
from sebilling.schema.scopes import EVERYBODYS
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import EXPECTED_VERSION, INPUT, VERSION, Payload, expected, given, row
from sebilling.schema.values.scalars import Instant, Rupiah


@output("Plan (paket): a speed and a price per month.", "plan", scope=EVERYBODYS)
class Plan:
    id: strawberry.ID = read("Opaque id.", EVERYONE, sql=ids.column(Noun.PLAN, "{t}.id"))
    name: str = read("Unique name, such as Home 20M.", EVERYONE)
    version: int = read(VERSION, EVERYONE)
    price: Rupiah | None = read("Price per month, for future invoices.", COUNTERS)
    rate_down_kbps: int | None = read("Download speed in kbit/s; null if unknown.", EVERYONE)
    rate_up_kbps: int | None = read("Upload speed in kbit/s; null if unknown.", EVERYONE)
    customers: int | None = read(
        "Number of active customers who have the plan, at all counters.",
        READERS,
        sql="(SELECT count(*) FROM customer WHERE plan_id = {t}.id AND active)",
    )
    speeds_pending: int | None = read(
        "Number of active service accesses, on all devices, to which the plan's speed is still to be given.",
        READERS,
        sql="(SELECT count(*) FROM service_access JOIN customer ON customer.id = customer_id"
        " WHERE plan_id = {t}.id AND speed_pending AND desired = 'ACTIVE')",
    )
    archived_at: Instant | None = read("Time since which no customer gets it any more; null if it is not archived.", EVERYONE)


_BY_NAME: Final = Order("name", "{t}.name", "text")


@input_type("Filter of plans; all conditions must hold.")
class PlanFilter:
    archived: bool | None = strawberry.field(
        default=False, description="Whether the plan is archived; null lists both. Without a filter no archived plan is listed."
    )


_ARCHIVED: Final[dict[bool | None, Conditions]] = {None: {}, False: {"t.archived_at IS NULL": {}}, True: {"t.archived_at IS NOT NULL": {}}}


@query(EVERYONE, "List the plans, by name.")
async def plans(
    info: Info,
    part: Slice,
    filter: Annotated[PlanFilter | None, strawberry.argument(description="Filter.")] = None,
) -> Connection[Plan]:
    conditions = _ARCHIVED[False if filter is None else filter.archived]
    return await page(info, Plan, part, order=_BY_NAME, conditions=conditions)


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
    return await _shown(info, plan_id)


@input_type("Changes to a plan; fields that are left out keep their value. Issued invoices keep the plan's name and price.")
class UpdatePlanInput:
    id: strawberry.ID = strawberry.field(description="Id of the plan.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Unique name, such as Home 20M.")
    price: Rupiah | None = strawberry.field(default=strawberry.UNSET, description="Price per month, for future invoices.")
    rate_down_kbps: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Download speed in kbit/s. Devices keep what they have; customers who change to the plan get it.",
    )
    rate_up_kbps: int | None = strawberry.field(default=strawberry.UNSET, description="Upload speed in kbit/s, as the download speed.")
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=EXPECTED_VERSION)


@payload("Result of updatePlan, archivePlan or unarchivePlan.")
class UpdatePlanPayload(Payload):
    plan: Plan | None = strawberry.field(description="Plan after the change.")


async def _shown(info: Info, plan_id: int) -> Any:
    return row(plan=await one(info, Plan, "t.id = :id", {"id": plan_id}, below=("plan",)))


@mutation(OFFICE, "Change a plan's name, price or speed.")
async def update_plan(info: Info, input: Annotated[UpdatePlanInput, INPUT]) -> UpdatePlanPayload:
    plan_id = ids.decode(input.id, Noun.PLAN, field=("input", "id"))
    changes = given(name=input.name, price=input.price, rate_down_kbps=input.rate_down_kbps, rate_up_kbps=input.rate_up_kbps)
    async with info.context.transaction() as session:
        await versions.expect(session, Noun.PLAN, plan_id, expected(input.expected_version))
        await verbs.update(session, plan_id, **changes)
    return await _shown(info, plan_id)


@input_type("Id of a plan.")
class PlanIdInput:
    id: strawberry.ID = strawberry.field(description="Id of the plan.")


@mutation(OFFICE, "Archive a plan: it is hidden, and no customer gets it any more. Customers who have it keep it.")
async def archive_plan(info: Info, input: Annotated[PlanIdInput, INPUT]) -> UpdatePlanPayload:
    plan_id = ids.decode(input.id, Noun.PLAN, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.archive(session, plan_id)
    return await _shown(info, plan_id)


@mutation(OFFICE, "Bring an archived plan back.")
async def unarchive_plan(info: Info, input: Annotated[PlanIdInput, INPUT]) -> UpdatePlanPayload:
    plan_id = ids.decode(input.id, Noun.PLAN, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.unarchive(session, plan_id)
    return await _shown(info, plan_id)


QUERIES: Final = [plans, plan]
MUTATIONS: Final = [create_plan, update_plan, archive_plan, unarchive_plan]
