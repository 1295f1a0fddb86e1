"""Perangkat in GraphQL: plugins, drivers, devices, and which customer hangs on which."""

from typing import Annotated, Any, Final

import orjson
import strawberry
from strawberry.scalars import JSON

from sebilling.errors import NotFound
from sebilling.jobs import hooks
from sebilling.network import devices as verbs
from sebilling.network import health
from sebilling.network.worker import engine_of
from sebilling.plugins.contract import State
from sebilling.plugins.loading import PluginStatus
from sebilling.schema.customers import Customer
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import DEVICE_READERS, DEVICES, EVERYONE, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Context, Info
from sebilling.schema.engine.payloads import INPUT, Payload, row
from sebilling.schema.engine.reading import Conditions, Link, Node, Order, every, one, page
from sebilling.schema.engine.scalars import Instant
from sebilling.schema.enums import described
from sebilling.vault import Vault

described(PluginStatus, "Whether a plugin works.", ACTIVE="It is loaded.", FAILED="It is not; its error tells why.",
          DISABLED="It is switched off by SEBILLING_PLUGINS_DISABLED.")  # fmt: skip
described(
    State,
    "What a customer's access is.",
    ACTIVE="They have internet.",
    BLOCKED="They are cut.",
    DRIFTED="Neither as it was nor as we left it: someone changed it by hand.",
    ABSENT="The device knows no such customer.",
)


@strawberry.type(description="How far a plugin's events are delivered.")
class PluginEvents:
    delivered_up_to: strawberry.ID = strawberry.field(description="The number of the feed up to which nothing is left to deliver.")
    waiting: int = strawberry.field(description="Events of the feed behind that, the plugin's or not; at most 2147483647.")
    attempts: int = strawberry.field(description="Failures in a row of the next delivery.")
    error: str = strawberry.field(description="What went wrong last; empty if nothing.")


@strawberry.type(description="A plugin that is installed.")
class Plugin:
    name: str = strawberry.field(description="Of its entry point.")
    distribution: str = strawberry.field(description="The package that brought it.")
    version: str = strawberry.field(description="Of the package.")
    status: PluginStatus = strawberry.field(description="Whether it works.")
    error: str = strawberry.field(description="Why not; empty if it does.")
    drivers: list[str] = strawberry.field(description="Kinds of the drivers that it brings.")
    events: PluginEvents | None = strawberry.field(description="How far events were delivered to it; null if it takes none.")


@strawberry.type(description="A kind of service that a driver takes.")
class ServiceKind:
    kind: str = strawberry.field(description="Such as PPPOE.")
    key: str = strawberry.field(description="What a customer's key is, in words, such as PPPoE name.")


@strawberry.type(description="A kind of device that can be worked with.")
class Driver:
    kind: str = strawberry.field(description="Such as mikrotik.pppoe.")
    title: str = strawberry.field(description="For people.")
    config_schema: JSON = strawberry.field(description="JSON schema of its settings: draws the form.")
    service_kinds: list[ServiceKind] = strawberry.field(description="What it takes.")


@query(DEVICE_READERS, "The plugins that are installed, working or not.")
async def plugins(info: Info) -> list[Plugin]:
    delivered = await hooks.deliveries(info.context.parts.database)
    return [
        row(
            name=one.name,
            distribution=one.distribution,
            version=one.version,
            status=one.status.value,
            error=one.error,
            drivers=list(one.drivers),
            events=_events(delivered.get(one.name)),
        )
        for one in info.context.parts.plugins.plugins
    ]


def _events(to: hooks.Delivered | None) -> Any:
    if to is None:
        return None
    return row(delivered_up_to=str(to.upto), waiting=min(to.waiting, 2_147_483_647), attempts=to.attempts, error=to.error)


@query(DEVICE_READERS, "The drivers of the active plugins.")
async def drivers(info: Info) -> list[Driver]:
    return [
        row(kind=kind, title=driver.title, config_schema=driver.config_model.model_json_schema(),
            service_kinds=[row(kind=name, key=key) for name, key in sorted(driver.service_kinds.items())])
        for kind, driver in sorted(info.context.parts.plugins.drivers.items())
    ]  # fmt: skip


@strawberry.type(description="Perangkat: a router, server or OLT.")
class Device:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    name: str = strawberry.field(description="For people; unique.")
    kind: str = strawberry.field(description="Of its driver.")
    enabled: bool = strawberry.field(description="A disabled one is left alone: nobody is cut or given back there.")
    reachable: bool | None = strawberry.field(description="Whether it answered when it was last asked; null: never asked.")
    problems: list[str] = strawberry.field(description="What is to be mended there, each with its remedy.")
    facts: JSON = strawberry.field(description="Such as version and board.")
    checked_at: Instant | None = strawberry.field(description="When it was last asked.")
    customers: int = strawberry.field(description="How many hang on it.")
    waiting: int = strawberry.field(description="How many are to be cut or given back there.")


DEVICE: Final = Node(
    "device",
    {
        "id": ids.column("device", "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("name", "kind", "enabled", "reachable", "problems", "facts", "checked_at")},
        "customers": "(SELECT count(*) FROM service_access WHERE device_id = {t}.id)",
        "waiting": "(SELECT count(*) FROM service_access WHERE device_id = {t}.id AND desired_generation > observed_generation)",
    },
)


@query(DEVICE_READERS, "All devices, by name.")
async def devices(info: Info) -> list[Device]:
    found: list[Device] = await every(info, DEVICE, order="t.name")
    return found


@query(DEVICE_READERS, "One device; null if there is none.")
async def device(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> Device | None:
    found: Device | None = await one(info, DEVICE, "t.id = :id", {"id": ids.decode(id, "device", field=("id",))})
    return found


@strawberry.type(description="A device's settings, secrets left out.")
class DeviceConfig:
    config: JSON = strawberry.field(description="The settings; a secret is null if it is not set, else a row of stars.")


@query(DEVICE_READERS, "A device's settings for a form. Secrets are never given out.")
async def device_config(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> DeviceConfig:
    context, device_id = info.context, _of_centre(info, ids.decode(id, "device", field=("id",)), field=("id",))
    async with context.parts.database.reading() as session:
        _, _, config = await verbs.read_config(session, context.parts.plugins, _vault(context), device_id)
    return row(config=orjson.loads(config.model_dump_json()))


def _of_centre(info: Info, device_id: int, *, field: tuple[str, ...]) -> int:
    """The device's id, if the caller is bounded to no counter: devices are of none. Raises NotFound."""
    if info.context.signed_in.scope.counters is not None:
        raise NotFound(field=field, noun="device", given=f"dev_{device_id}")
    return device_id


def _vault(context: Context) -> Vault:
    if context.parts.vault is None:
        raise RuntimeError("the application has no vault")
    return context.parts.vault


@strawberry.type(description="What came of a mutation of a device.")
class DevicePayload(Payload):
    device: Device | None = strawberry.field(description="The device as it is now; null if it is deleted.")


@strawberry.input(description="A device.")
class CreateDeviceInput:
    name: str = strawberry.field(description="1 to 100 characters; unique.")
    kind: str = strawberry.field(description="Of the driver.")
    config: JSON = strawberry.field(description="The driver's settings, as its configSchema says.")


@mutation(DEVICES, "Add a device. Its settings are encrypted.")
async def create_device(info: Info, input: Annotated[CreateDeviceInput, INPUT]) -> DevicePayload:
    context = info.context
    async with context.transaction() as session:
        device_id = await verbs.create(
            session, context.parts.plugins, _vault(context), name=input.name, kind=input.kind, config=_settings(input.config)
        )
    return await _shown(info, device_id)


def _settings(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {"settings": given}


async def _shown(info: Info, device_id: int) -> Any:
    return row(device=await one(info, DEVICE, "t.id = :id", {"id": device_id}, below=("device",)))


@strawberry.input(description="Changes of a device; what is left out stays, each setting and secret too.")
class UpdateDeviceInput:
    id: strawberry.ID = strawberry.field(description="Which.")
    name: str | None = strawberry.field(default=None, description="1 to 100 characters.")
    config: JSON | None = strawberry.field(default=None, description="The settings that change.")
    enabled: bool | None = strawberry.field(default=None, description="Whether it is worked on.")


@mutation(DEVICES, "Change a device.")
async def update_device(info: Info, input: Annotated[UpdateDeviceInput, INPUT]) -> DevicePayload:
    context, device_id = info.context, ids.decode(input.id, "device", field=("input", "id"))
    async with context.transaction() as session:
        await verbs.update(
            session, context.parts.plugins, _vault(context), device_id, name=input.name,
            config=None if input.config is None else _settings(input.config), enabled=input.enabled,
        )  # fmt: skip
    return await _shown(info, device_id)


@strawberry.input(description="Which device.")
class DeviceIdInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@mutation(DEVICES, "Ask a device how it is, its one-time setup among it. Changes nothing there.")
async def test_device(info: Info, input: Annotated[DeviceIdInput, INPUT]) -> DevicePayload:
    context, device_id = info.context, _of_centre(info, ids.decode(input.id, "device", field=("input", "id")), field=("input", "id"))
    parts = context.parts
    engine = engine_of(parts.database, parts.plugins, _vault(context), clock=parts.clock)
    try:
        await health.ask(engine, device_id)
    finally:
        await engine.close()
    return await _shown(info, device_id)


@mutation(DEVICES, "Remove a device on which nobody hangs.")
async def delete_device(info: Info, input: Annotated[DeviceIdInput, INPUT]) -> DevicePayload:
    async with info.context.transaction() as session:
        await verbs.delete(session, ids.decode(input.id, "device", field=("input", "id")))
    return row(device=None)


@strawberry.type(description="A customer's access on a device: what it should be, and what it is.")
class ServiceAccess:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    service_kind: str = strawberry.field(description="Such as PPPOE.")
    key: str = strawberry.field(description="What it is called on the device.")
    desired: State = strawberry.field(description="What it should be: ACTIVE or BLOCKED.")
    actual: State | None = strawberry.field(description="What was last read on the device; null: not known.")
    in_sync: bool = strawberry.field(description="Whether what should be was made so and read back.")
    manual: bool = strawberry.field(description="Blocked by hand: no payment lifts it.")
    because: str = strawberry.field(description="Why they are to be cut, without the sum; empty if not.")
    detail: str = strawberry.field(description="What was found on the device, in words.")
    error: str = strawberry.field(description="What went wrong last; empty if nothing.")
    attempts: int = strawberry.field(description="Failures in a row.")
    read_at: Instant | None = strawberry.field(description="When the device was last read.")
    desired_at: Instant = strawberry.field(description="Since when it should be so.")
    device: Device | None = strawberry.field(description="Where; null for who is bounded to counters, as devices are of no counter.")
    customer: Customer = strawberry.field(description="RowScope.")


_IN_SYNC: Final = "{t}.desired_generation = {t}.observed_generation AND {t}.actual IN ({t}.desired, 'UNKNOWN')"
ACCESS: Final = Node(
    "service_access",
    {
        "id": ids.column("access", "{t}.id"),
        **{
            name: f"{{t}}.{name}"
            for name in ("service_kind", "key", "desired", "manual", "detail", "error", "attempts", "read_at", "desired_at")
        },
        "because": "regexp_replace({t}.because, ': [0-9]+ rupiah$', '')",  # a technician reads why, but no money
        "actual": "nullif({t}.actual, 'UNKNOWN')",
        "in_sync": f"({_IN_SYNC})",
    },
    {"device": Link("device", "{n}.id = {t}.device_id"), "customer": Link("customer", "{n}.id = {t}.customer_id", follows=True)},
)
_BY_ID: Final = Order("id", "{t}.id", "bigint")


@strawberry.input(description="Which accesses; every condition given must hold.")
class ServiceAccessFilter:
    device_id: strawberry.ID | None = strawberry.field(default=None, description="On this device.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Of this customer.")
    blocked: bool | None = strawberry.field(default=None, description="That should be cut, or not.")
    in_sync: bool | None = strawberry.field(default=None, description="Made so and read back, or not: the drift report.")


@query(EVERYONE, "Accesses of customers on devices: what should be beside what is.")
async def service_accesses(
    info: Info,
    first: First = 50,
    after: After = None,
    filter: Annotated[ServiceAccessFilter | None, strawberry.argument(description="Which; all if left out.")] = None,
) -> Connection[ServiceAccess]:
    found: Conditions = {}
    if filter is not None:
        if filter.device_id is not None:
            found["t.device_id = :device"] = {"device": ids.decode(filter.device_id, "device", field=("filter", "deviceId"))}
        if filter.customer_id is not None:
            found["t.customer_id = :customer"] = {"customer": ids.decode(filter.customer_id, "customer", field=("filter", "customerId"))}
        if filter.blocked is not None:
            found[f"t.desired {'=' if filter.blocked else '<>'} 'BLOCKED'"] = {}
        if filter.in_sync is not None:
            in_sync = _IN_SYNC.format(t="t")
            found[f"({in_sync})" if filter.in_sync else f"NOT ({in_sync})"] = {}
    return await page(info, ACCESS, first=first, after=after, order=_BY_ID, conditions=found)


@strawberry.type(description="What came of setServiceAccess or removeServiceAccess.")
class ServiceAccessPayload(Payload):
    access: ServiceAccess | None = strawberry.field(description="The access; null if it was removed.")


@strawberry.input(description="Which customer is what on which device.")
class SetServiceAccessInput:
    customer_id: strawberry.ID = strawberry.field(description="Who.")
    device_id: strawberry.ID = strawberry.field(description="Where.")
    service_kind: str = strawberry.field(description="One of the driver's serviceKinds.")
    key: str = strawberry.field(description="What it is called there; 1 to 200 characters.")


@mutation(DEVICES, "Say which customer is what on which device.")
async def set_service_access(info: Info, input: Annotated[SetServiceAccessInput, INPUT]) -> ServiceAccessPayload:
    customer_id = ids.decode(input.customer_id, "customer", field=("input", "customerId"))
    device_id = ids.decode(input.device_id, "device", field=("input", "deviceId"))
    async with info.context.transaction() as session:
        access_id = await verbs.give_access(
            session,
            info.context.parts.plugins,
            customer_id=customer_id,
            device_id=device_id,
            service_kind=input.service_kind,
            key=input.key,
        )
    return row(access=await one(info, ACCESS, "t.id = :id", {"id": access_id}, below=("access",)))


@strawberry.input(description="Which access.")
class RemoveServiceAccessInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@mutation(DEVICES, "Forget an access of someone who isn't cut there.")
async def remove_service_access(info: Info, input: Annotated[RemoveServiceAccessInput, INPUT]) -> ServiceAccessPayload:
    async with info.context.transaction() as session:
        await verbs.take_access(session, ids.decode(input.id, "access", field=("input", "id")))
    return row(access=None)


QUERIES: Final = [plugins, drivers, devices, device, device_config, service_accesses]
MUTATIONS: Final = [create_device, update_device, test_device, delete_device, set_service_access, remove_service_access]
