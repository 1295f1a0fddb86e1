"""Service accesses in GraphQL: which account on which device is a customer's, its states, and what a person does about it."""

from typing import Annotated, Final

import strawberry

from sebilling.network import accesses
from sebilling.nouns import Noun
from sebilling.plugins.contract import State
from sebilling.schema import block_reasons
from sebilling.schema.block_reasons import BlockReason
from sebilling.schema.context import Info
from sebilling.schema.customers import Customer
from sebilling.schema.devices import IN_SYNC, Device
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import DEVICE_READERS, DEVICES, EVERYONE
from sebilling.schema.scopes import OF_CUSTOMER
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Instant

described(
    State,
    "State of a customer's service access.",
    ACTIVE="The customer has internet access.",
    BLOCKED="The customer is blocked.",
    DRIFTED="The state on the device is not the one that SeBilling set: someone changed it by hand.",
    ABSENT="The device has no such customer.",
)


@output("Service access: a customer's account on a device, with its desired and actual state.", "service_access", scope=OF_CUSTOMER)
class ServiceAccess:
    id: strawberry.ID = read("Opaque id.", EVERYONE, sql=ids.column(Noun.ACCESS, "{t}.id"))
    service_kind: str = read("Kind of service, such as PPPOE.", EVERYONE)
    key: str = read("Name of the account on the device.", EVERYONE)
    desired: State = read("Desired state: ACTIVE or BLOCKED.", EVERYONE)
    actual: State | None = read("State last read from the device; null if it is unknown.", EVERYONE, sql="nullif({t}.actual, 'UNKNOWN')")
    in_sync: bool = read("Whether the desired state was applied and verified on the device.", EVERYONE, sql=f"({IN_SYNC})")
    speed_pending: bool = read("Whether the speed of the customer's plan is still to be given on the device.", EVERYONE)
    manual: bool = read("Whether a person decided the block (by hand, or by ending the service): no payment ends it.", EVERYONE)
    block_reason: BlockReason | None = read(
        "Reason for which the customer is to be blocked; null if not.", EVERYONE, sql=block_reasons.COLUMN
    )
    detail: str = read("State read from the device, in words.", EVERYONE, sql="coalesce({t}.detail ->> CAST(:language AS text), '')")
    error: str = read("Last error; empty if there is none.", EVERYONE, sql="coalesce({t}.error ->> CAST(:language AS text), '')")
    attempts: int = read("Number of consecutive failures.", EVERYONE)
    read_at: Instant | None = read("Time at which the device was last read.", EVERYONE)
    desired_at: Instant = read("Time at which the desired state was set.", EVERYONE)
    device: Device | None = link(
        "Device of the account; null for callers who are limited to counters, as devices belong to no counter.",
        DEVICE_READERS,
        "device",
        "{n}.id = {t}.device_id",
    )
    customer: Customer = link("Customer whose access it is.", EVERYONE, "customer", "{n}.id = {t}.customer_id", follows=True)


_BY_ID: Final = Order("id", "{t}.id", "bigint")


@input_type("Filter of service accesses; all conditions must hold.")
class ServiceAccessFilter:
    device_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the device.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer.")
    blocked: bool | None = strawberry.field(default=None, description="Whether the desired state is BLOCKED.")
    in_sync: bool | None = strawberry.field(
        default=None, description="Whether the actual state matches the desired one; false lists the drift report."
    )
    speed_pending: bool | None = strawberry.field(
        default=None, description="Whether the speed of the customer's plan is still to be given on the device."
    )


@query(EVERYONE, "List service accesses with their desired and actual state.")
async def service_accesses(
    info: Info,
    part: Slice,
    filter: Annotated[ServiceAccessFilter | None, strawberry.argument(description="Filter; lists all if left out.")] = None,
) -> Connection[ServiceAccess]:
    conditions: Conditions = {}
    if filter is not None:
        if filter.device_id is not None:
            conditions["t.device_id = :device"] = {"device": ids.decode(filter.device_id, Noun.DEVICE, field=("filter", "deviceId"))}
        if filter.customer_id is not None:
            conditions["t.customer_id = :customer"] = {
                "customer": ids.decode(filter.customer_id, Noun.CUSTOMER, field=("filter", "customerId"))
            }
        if filter.blocked is not None:
            conditions[f"t.desired {'=' if filter.blocked else '<>'} 'BLOCKED'"] = {}
        if filter.in_sync is not None:
            in_sync = IN_SYNC.format(t="t")
            conditions[f"({in_sync})" if filter.in_sync else f"NOT ({in_sync})"] = {}
        if filter.speed_pending is not None:
            conditions["t.speed_pending" if filter.speed_pending else "NOT t.speed_pending"] = {}
    return await page(info, ServiceAccess, part, order=_BY_ID, conditions=conditions)


@payload("Result of a mutation of a service access.")
class ServiceAccessPayload(Payload):
    access: ServiceAccess | None = strawberry.field(description="Service access after the change; null if it was removed.")


@input_type("Input of setServiceAccess.")
class SetServiceAccessInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    device_id: strawberry.ID = strawberry.field(description="Id of the device.")
    service_kind: str = strawberry.field(description="One of the driver's serviceKinds.")
    key: str = strawberry.field(description="Name of the account on the device, 1 to 200 characters.")


@mutation(DEVICES, "Assign a customer to an account on a device.")
async def set_service_access(info: Info, input: Annotated[SetServiceAccessInput, INPUT]) -> ServiceAccessPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    device_id = ids.decode(input.device_id, Noun.DEVICE, field=("input", "deviceId"))
    async with info.context.transaction() as session:
        access_id = await accesses.give(
            session,
            info.context.parts.plugins,
            customer_id=customer_id,
            device_id=device_id,
            service_kind=input.service_kind,
            key=input.key,
        )
    return row(access=await one(info, ServiceAccess, "t.id = :id", {"id": access_id}, below=("access",)))


@input_type("Input of removeServiceAccess.")
class RemoveServiceAccessInput:
    id: strawberry.ID = strawberry.field(description="Id of the service access.")
    force: bool = strawberry.field(
        default=False, description="Whether to remove it even if it is blocked on the device, where it stays as it is."
    )


@mutation(DEVICES, "Remove a service access that isn't blocked on the device, or that the device doesn't have.")
async def remove_service_access(info: Info, input: Annotated[RemoveServiceAccessInput, INPUT]) -> ServiceAccessPayload:
    async with info.context.transaction() as session:
        await accesses.take(session, ids.decode(input.id, Noun.ACCESS, field=("input", "id")), force=input.force)
    return row(access=None)


@input_type("Input of updateServiceAccess.")
class UpdateServiceAccessInput:
    id: strawberry.ID = strawberry.field(description="Id of the service access.")
    key: str = strawberry.field(description="Name of the account on the device, 1 to 200 characters.")


@mutation(DEVICES, "Correct the account of a service access. A customer who is to be blocked is blocked there too.")
async def update_service_access(info: Info, input: Annotated[UpdateServiceAccessInput, INPUT]) -> ServiceAccessPayload:
    access_id = ids.decode(input.id, Noun.ACCESS, field=("input", "id"))
    async with info.context.transaction() as session:
        await accesses.change_key(session, info.context.parts.plugins, access_id, key=input.key)
    return row(access=await one(info, ServiceAccess, "t.id = :id", {"id": access_id}, below=("access",)))


@input_type("Input of retryServiceAccess.")
class RetryServiceAccessInput:
    id: strawberry.ID = strawberry.field(description="Id of the service access.")
    reclaim: bool = strawberry.field(
        default=False,
        description="Whether to restore a customer of whom SeBilling doesn't know how they were before, at the speed of their plan.",
    )


@mutation(DEVICES, "Bring a service access to its desired state now, whatever failed before.")
async def retry_service_access(info: Info, input: Annotated[RetryServiceAccessInput, INPUT]) -> ServiceAccessPayload:
    access_id = ids.decode(input.id, Noun.ACCESS, field=("input", "id"))
    async with info.context.transaction() as session:
        await accesses.retry(session, access_id, reclaim=input.reclaim)
    return row(access=await one(info, ServiceAccess, "t.id = :id", {"id": access_id}, below=("access",)))


QUERIES: Final = [service_accesses]
MUTATIONS: Final = [set_service_access, update_service_access, retry_service_access, remove_service_access]
