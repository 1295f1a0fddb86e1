"""Devices (perangkat) in GraphQL: plugins, drivers and devices. service_accesses.py: the customers' accesses on them."""

from typing import Annotated, Any, Final

import orjson
import strawberry
from strawberry.scalars import JSON

from sebilling.billing import versions
from sebilling.errors import NotFound
from sebilling.jobs import hooks
from sebilling.language import Language
from sebilling.network import devices as verbs
from sebilling.network import health
from sebilling.network.worker import engine_of
from sebilling.nouns import Noun
from sebilling.plugins import forms
from sebilling.plugins.loading import PluginStatus, raised
from sebilling.schema.context import Context, Info
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.engine.reading import every, one
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import DEVICE_READERS, DEVICES
from sebilling.schema.scopes import CENTRAL
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import EXPECTED_VERSION, INPUT, VERSION, Payload, expected, row
from sebilling.schema.values.scalars import Instant
from sebilling.vault import Vault

described(PluginStatus, "Status of a plugin.", ACTIVE="Loaded and working.", FAILED="Not loaded; its error shows why.",
          DISABLED="Disabled by SEBILLING_PLUGINS_DISABLED.")  # fmt: skip


@output("Delivery of events to a plugin.")
class PluginEvents:
    delivered_up_to: strawberry.ID = read("Number of the feed up to which every event is delivered.", DEVICE_READERS)
    waiting: int = read("Number of later events in the feed, whether or not the plugin takes them; at most 2147483647.", DEVICE_READERS)
    attempts: int = read("Number of consecutive failures of the next delivery.", DEVICE_READERS)
    error: str = read("Last error; empty if there is none.", DEVICE_READERS)


@output("Installed plugin.")
class Plugin:
    name: str = read("Name of the plugin's entry point.", DEVICE_READERS)
    distribution: str = read("Package that contains the plugin.", DEVICE_READERS)
    version: str = read("Version of the package.", DEVICE_READERS)
    status: PluginStatus = read("Status of the plugin.", DEVICE_READERS)
    error: str = read("Reason for which the plugin does not work; empty if it works.", DEVICE_READERS)
    drivers: list[str] = read("Kinds of the drivers that the plugin provides.", DEVICE_READERS)
    events: PluginEvents | None = read("Delivery of events to the plugin; null if it takes none.", DEVICE_READERS)


@output("Kind of service that a driver supports.")
class ServiceKind:
    kind: str = read("Kind of service, such as PPPOE.", DEVICE_READERS)
    key: str = read("Meaning of a customer's key, in words, such as PPPoE name.", DEVICE_READERS)


@output("Driver for one kind of device.")
class Driver:
    kind: str = read("Kind of the driver, such as mikrotik.pppoe.", DEVICE_READERS)
    title: str = read("Display name.", DEVICE_READERS)
    config_schema: JSON = read("JSON schema of the driver's settings, to render a form.", DEVICE_READERS)
    service_kinds: list[ServiceKind] = read("Kinds of service that the driver supports.", DEVICE_READERS)


@query(DEVICE_READERS, "List the installed plugins, including those that do not work.")
async def plugins(info: Info) -> list[Plugin]:
    delivered, language = await hooks.deliveries(info.context.parts.database), info.context.language
    return [
        row(
            name=plugin.name,
            distribution=plugin.distribution,
            version=plugin.version,
            status=plugin.status.value,
            error="" if plugin.error is None else plugin.error.in_(language),
            drivers=list(plugin.drivers),
            events=_events(delivered.get(plugin.name), language),
        )
        for plugin in info.context.parts.plugins.plugins
    ]


def _events(to: hooks.Delivered | None, language: Language) -> Any:
    if to is None:
        return None
    return row(
        delivered_up_to=str(to.upto),
        waiting=min(to.waiting, 2_147_483_647),
        attempts=to.attempts,
        error=raised(to.error).in_(language) if to.error else "",
    )


@query(DEVICE_READERS, "List the drivers of the active plugins.")
async def drivers(info: Info) -> list[Driver]:
    language = info.context.language
    return [
        row(kind=kind, title=driver.title.in_(language), config_schema=forms.schema(driver.config_model, language),
            service_kinds=[row(kind=name, key=key.in_(language)) for name, key in sorted(driver.service_kinds.items())])
        for kind, driver in sorted(info.context.parts.plugins.drivers.items())
    ]  # fmt: skip


IN_SYNC: Final = "{t}.desired_generation = {t}.observed_generation AND {t}.actual IN ({t}.desired, 'UNKNOWN')"
"""SQL: whether the service access `{t}` is as it should be."""


@output("Perangkat: a router, server or OLT.", "device", scope=CENTRAL)
class Device:
    id: strawberry.ID = read("Opaque id.", DEVICE_READERS, sql=ids.column(Noun.DEVICE, "{t}.id"))
    name: str = read("Unique display name.", DEVICE_READERS)
    version: int = read(VERSION, DEVICE_READERS)
    kind: str = read("Kind of the device's driver.", DEVICE_READERS)
    enabled: bool = read("Whether the device is enabled; nobody is blocked or restored on a disabled one.", DEVICE_READERS)
    reachable: bool | None = read("Whether the device answered the last check; null if it was never checked.", DEVICE_READERS)
    problems: list[str] = read(
        "Problems to fix on the device, each with its remedy.",
        DEVICE_READERS,
        sql="(SELECT coalesce(jsonb_agg(problem -> CAST(:language AS text) ORDER BY number), '[]')"
        " FROM jsonb_array_elements({t}.problems) WITH ORDINALITY problems (problem, number))",
    )
    facts: JSON = read(
        "Facts about the device, such as version and board.",
        DEVICE_READERS,
        sql="(SELECT coalesce(jsonb_object_agg(key, coalesce(value -> CAST(:language AS text), value)), '{{}}')"
        " FROM jsonb_each({t}.facts))",
    )
    checked_at: Instant | None = read("Time of the last check.", DEVICE_READERS)
    customers: int = read(
        "Number of service accesses on the device.", DEVICE_READERS, sql="(SELECT count(*) FROM service_access WHERE device_id = {t}.id)"
    )
    waiting: int = read(
        "Number of service accesses that wait to be blocked or restored.",
        DEVICE_READERS,
        sql="(SELECT count(*) FROM service_access WHERE device_id = {t}.id AND desired_generation > observed_generation)",
    )
    out_of_sync: int = read(
        "Number of service accesses whose actual state isn't the desired one, those that wait among them; see serviceAccesses.",
        DEVICE_READERS,
        sql=f"(SELECT count(*) FROM service_access a WHERE device_id = {{t}}.id AND NOT ({IN_SYNC.format(t='a')}))",
    )
    speeds_pending: int = read(
        "Number of active service accesses to which the speed of their plan is still to be given on the device.",
        DEVICE_READERS,
        sql="(SELECT count(*) FROM service_access WHERE device_id = {t}.id AND speed_pending AND desired = 'ACTIVE')",
    )


@query(DEVICE_READERS, "List all devices, by name.")
async def devices(info: Info) -> list[Device]:
    rows: list[Device] = await every(info, Device, order="t.name")
    return rows


@query(DEVICE_READERS, "Get one device; null if there is none.")
async def device(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the device.")]) -> Device | None:
    device_row: Device | None = await one(info, Device, "t.id = :id", {"id": ids.decode(id, Noun.DEVICE, field=("id",))})
    return device_row


@output("Settings of a device, without secrets.")
class DeviceConfig:
    config: JSON = read("Settings; a secret is null if it is not set, else a row of asterisks.", DEVICE_READERS)


@query(DEVICE_READERS, "Get a device's settings for a form. Secrets are never returned.")
async def device_config(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the device.")]) -> DeviceConfig:
    context, device_id = info.context, of_centre(info, ids.decode(id, Noun.DEVICE, field=("id",)), field=("id",))
    async with context.parts.database.reading() as session:
        _, _, config = await verbs.read_config(session, context.parts.plugins, vault_of(context), device_id)
    return row(config=orjson.loads(config.model_dump_json()))


def of_centre(info: Info, device_id: int, *, field: tuple[str, ...]) -> int:
    """The device's id. Raises NotFound for a caller who is limited to counters: devices belong to no counter."""
    if info.context.signed_in.scope.counters is not None:
        raise NotFound(field=field, noun=Noun.DEVICE, given=device_id)
    return device_id


def vault_of(context: Context) -> Vault:
    if context.parts.vault is None:
        raise RuntimeError("the application has no vault")
    return context.parts.vault


@payload("Result of a mutation of a device.")
class DevicePayload(Payload):
    device: Device | None = strawberry.field(description="Device after the change; null if it was deleted.")


@input_type("Input of createDevice.")
class CreateDeviceInput:
    name: str = strawberry.field(description="Unique display name, 1 to 100 characters.")
    kind: str = strawberry.field(description="Kind of the driver.")
    config: JSON = strawberry.field(description="Settings of the driver, as described by its configSchema.")


@mutation(DEVICES, "Add a device. Its settings are stored encrypted.")
async def create_device(info: Info, input: Annotated[CreateDeviceInput, INPUT]) -> DevicePayload:
    context = info.context
    async with context.transaction() as session:
        device_id = await verbs.create(
            session, context.parts.plugins, vault_of(context), name=input.name, kind=input.kind, config=_settings(input.config)
        )
    return await _shown(info, device_id)


def _settings(config: Any) -> dict[str, Any]:
    return config if isinstance(config, dict) else {"settings": config}


async def _shown(info: Info, device_id: int) -> Any:
    return row(device=await one(info, Device, "t.id = :id", {"id": device_id}, below=("device",)))


@input_type("Changes to a device; fields that are left out keep their value, as does each setting and secret.")
class UpdateDeviceInput:
    id: strawberry.ID = strawberry.field(description="Id of the device.")
    name: str | None = strawberry.field(default=None, description="Unique display name, 1 to 100 characters.")
    config: JSON | None = strawberry.field(default=None, description="Settings to change.")
    enabled: bool | None = strawberry.field(default=None, description="Whether the device is enabled.")
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=EXPECTED_VERSION)


@mutation(DEVICES, "Change a device.")
async def update_device(info: Info, input: Annotated[UpdateDeviceInput, INPUT]) -> DevicePayload:
    context, device_id = info.context, ids.decode(input.id, Noun.DEVICE, field=("input", "id"))
    async with context.transaction() as session:
        await versions.expect(session, Noun.DEVICE, device_id, expected(input.expected_version))
        await verbs.update(
            session, context.parts.plugins, vault_of(context), device_id, name=input.name,
            config=None if input.config is None else _settings(input.config), enabled=input.enabled,
        )  # fmt: skip
    return await _shown(info, device_id)


@input_type("Id of a device.")
class DeviceIdInput:
    id: strawberry.ID = strawberry.field(description="Id of the device.")


@mutation(DEVICES, "Check a device's connection and one-time setup. Changes nothing on the device.")
async def test_device(info: Info, input: Annotated[DeviceIdInput, INPUT]) -> DevicePayload:
    context, device_id = info.context, of_centre(info, ids.decode(input.id, Noun.DEVICE, field=("input", "id")), field=("input", "id"))
    parts = context.parts
    engine = engine_of(parts.database, parts.plugins, vault_of(context), clock=parts.clock)
    try:
        await health.ask(engine, device_id)
    finally:
        await engine.close()
    return await _shown(info, device_id)


@mutation(DEVICES, "Delete a device that has no customers.")
async def delete_device(info: Info, input: Annotated[DeviceIdInput, INPUT]) -> DevicePayload:
    async with info.context.transaction() as session:
        await verbs.delete(session, ids.decode(input.id, Noun.DEVICE, field=("input", "id")))
    return row(device=None)


QUERIES: Final = [plugins, drivers, devices, device, device_config]
MUTATIONS: Final = [create_device, update_device, test_device, delete_device]
