"""Who is online, and what a device gives away, in GraphQL: mutations, as the device itself is asked."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.network import audit, online
from sebilling.network.audit import LeakKind
from sebilling.network.worker import engine_of
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.customers import Customer
from sebilling.schema.devices import DeviceIdInput, of_centre, vault_of
from sebilling.schema.engine.declarations import output, payload, read
from sebilling.schema.engine.reading import many
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation
from sebilling.schema.request.roles import DEVICE_READERS, DEVICES
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Instant

described(
    LeakKind,
    "What a device gives away that is not sold.",
    NOT_A_CUSTOMER="An account that is on and is nobody's.",
    UNPAID="A customer who is to be blocked and has access.",
    ENDED="A customer who gets no invoices any more and has access.",
    FASTER_THAN_SOLD="An account that is faster than the customer's plan.",
    DOUBLE_LOGIN="A name that is online more than once at a time.",
)


@output("Session that is open on a device.")
class OnlineSession:
    key: str = read("Name of the account on the device.", DEVICE_READERS)
    service_kind: str = read("Kind of service, such as PPPOE.", DEVICE_READERS)
    since: Instant | None = read("Time at which it began; null if the device does not tell.", DEVICE_READERS)
    address: str = read("Address of the customer; empty if the device does not tell.", DEVICE_READERS)
    mac: str = read("MAC address of the customer; empty if the device does not tell.", DEVICE_READERS)
    megabytes_up: int | None = read("Whole megabytes from the customer since it began; null if unknown.", DEVICE_READERS)
    megabytes_down: int | None = read("Whole megabytes to the customer since it began; null if unknown.", DEVICE_READERS)
    customer: Customer | None = read("Customer whose account it is; null if it is nobody's.", DEVICE_READERS)


@payload("Result of readOnline.")
class ReadOnlinePayload(Payload):
    sessions: list[OnlineSession] | None = strawberry.field(description="Open sessions, by key.")


@output("Leak: what a device gives away.")
class Leak:
    kind: LeakKind = read("What is given away.", DEVICE_READERS)
    key: str = read("Name of the account on the device.", DEVICE_READERS)
    service_kind: str = read("Kind of service, such as PPPOE.", DEVICE_READERS)
    detail: str = read("What was found, in words.", DEVICE_READERS)
    customer: Customer | None = read("Customer whose account it is; null if it is nobody's.", DEVICE_READERS)


@payload("Result of auditDevice.")
class AuditDevicePayload(Payload):
    accounts: int | None = strawberry.field(description="Number of accounts on the device.")
    online: int | None = strawberry.field(description="Number of open sessions; null if the driver cannot tell.")
    leaks: list[Leak] | None = strawberry.field(description="What the device gives away, by kind and key.")


async def _customers(info: Info, numbers: list[int | None], *, below: tuple[str, ...]) -> dict[int, Any]:
    wanted = sorted({number for number in numbers if number is not None})
    return await many(info, Customer, wanted, below=below)


_MEGABYTE: Final = 1_000_000


@mutation(DEVICES, "Ask a device who is online now. Changes nothing.")
async def read_online(info: Info, input: Annotated[DeviceIdInput, INPUT]) -> ReadOnlinePayload:
    device_id = of_centre(info, ids.decode(input.id, Noun.DEVICE, field=("input", "id")), field=("input", "id"))
    parts = info.context.parts
    engine = engine_of(parts.database, parts.plugins, vault_of(info.context), clock=parts.clock)
    try:
        sessions = await online.read(engine, device_id)
    finally:
        await engine.close()
    customers = await _customers(info, [session.customer_id for session in sessions], below=("sessions", "customer"))
    return row(sessions=[
        row(
            key=session.usage.key, service_kind=session.usage.service_kind, since=session.usage.since,
            address=session.usage.address, mac=session.usage.mac,
            megabytes_up=None if session.usage.bytes_up is None else session.usage.bytes_up // _MEGABYTE,
            megabytes_down=None if session.usage.bytes_down is None else session.usage.bytes_down // _MEGABYTE,
            customer=None if session.customer_id is None else customers.get(session.customer_id),
        )
        for session in sessions
    ])  # fmt: skip


@mutation(DEVICES, "Compare a device with the customers: what it gives away that is not sold. Changes nothing.")
async def audit_device(info: Info, input: Annotated[DeviceIdInput, INPUT]) -> AuditDevicePayload:
    device_id = of_centre(info, ids.decode(input.id, Noun.DEVICE, field=("input", "id")), field=("input", "id"))
    parts, language = info.context.parts, info.context.language
    engine = engine_of(parts.database, parts.plugins, vault_of(info.context), clock=parts.clock)
    try:
        result = await audit.audit(engine, device_id)
    finally:
        await engine.close()
    customers = await _customers(info, [leak.customer_id for leak in result.leaks], below=("leaks", "customer"))
    return row(
        accounts=result.accounts, online=result.online,
        leaks=[
            row(kind=leak.kind.value, key=leak.key, service_kind=leak.service_kind, detail=leak.detail.in_(language),
                customer=None if leak.customer_id is None else customers.get(leak.customer_id))
            for leak in result.leaks
        ],
    )  # fmt: skip


QUERIES: Final[list[object]] = []
MUTATIONS: Final = [read_online, audit_device]
