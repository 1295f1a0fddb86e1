"""Perangkat: routers, servers and OLTs with their settings. accesses.py: the service accesses of customers on them."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from pydantic import JsonValue, SecretStr, ValidationError
from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope, validation
from sebilling.billing.validation import Problems
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.device_errors import DeviceInUse, InvalidDevice
from sebilling.errors import AlreadyExists, NotFound
from sebilling.events.catalogue import UNSET
from sebilling.events.devices import (
    DeviceChanged,
    DeviceCreated,
    DeviceDeleted,
    DeviceSecretsRotated,
)
from sebilling.language import Sentence
from sebilling.nouns import Noun
from sebilling.plugins import destinations, forms
from sebilling.plugins.contract import (
    CustomerSource,
    DeviceConfig,
    DeviceError,
    DriverContext,
    Fault,
    InvalidValue,
    IsolationDriver,
    Subscriber,
    Usage,
)
from sebilling.plugins.loading import Plugins
from sebilling.vault import Undecipherable, Vault

_INSERT: Final = text(
    """
    INSERT INTO device (name, kind, config, config_version, enabled, created_at, problems, facts, next_at, failures)
    VALUES (:name, :kind, :config, :version, true, :at, '[]', '{}', :at, 0) ON CONFLICT (name) DO NOTHING RETURNING id
    """
)
_LOCK: Final = text("SELECT id, name, kind, config, config_version, enabled FROM device WHERE id = :id FOR NO KEY UPDATE")
_READ: Final = text("SELECT id, name, kind, config, config_version FROM device WHERE id = :id")
_CLAIM: Final = text("UPDATE device SET lease_by = :worker WHERE id = :id AND enabled RETURNING id, name, kind, config, config_version")
# What changed may be another device: it is looked at as soon as possible.
_UPDATE: Final = text(
    "UPDATE device SET version = version + 1, name = :name, config = :config,"
    " config_version = :version, enabled = :enabled, next_at = :at, failures = 0, looked_at = NULL"
    " WHERE id = :id"
)
_TRY_AGAIN: Final = text(
    "WITH waiting AS MATERIALIZED (SELECT id FROM service_access WHERE device_id = :id AND desired_generation > observed_generation"
    " ORDER BY id FOR NO KEY UPDATE)"
    " UPDATE service_access SET attempts = 0, next_at = :at FROM waiting WHERE service_access.id = waiting.id"
)
_NAMED: Final = text("SELECT EXISTS (SELECT FROM device WHERE name = :name AND id <> :id)")
_HANGING: Final = text("SELECT count(*) FROM service_access WHERE device_id = :id")
_DELETE: Final = text("DELETE FROM device WHERE id = :id")
_ALL: Final = text("SELECT id, config FROM device ORDER BY id FOR NO KEY UPDATE")
_RENEW: Final = text("UPDATE device SET config = :config WHERE id = :id")
_FIND: Final = text(
    "SELECT id, name, kind, config, config_version FROM device WHERE name = :name OR id = :id ORDER BY name = :name DESC LIMIT 1"
)
READ_SECONDS: Final = 120.0
_NAME: Final = Sentence("The name", "Nama")


@dataclass(frozen=True, slots=True)
class StoredDevice:
    """A device as it is stored: with its encrypted settings, in the version of the driver that wrote them."""

    id: int
    name: str
    kind: str
    config: bytes
    config_version: int


@dataclass(frozen=True, slots=True)
class _Locked(StoredDevice):
    enabled: bool


@dataclass(frozen=True, slots=True)
class _Encrypted:
    id: int
    config: bytes


def driver_of(plugins: Plugins, kind: str) -> type[IsolationDriver[DeviceConfig]]:
    """Return the driver of this kind. Raises InvalidDevice if no active plugin provides it."""
    driver = plugins.drivers.get(kind)
    if driver is None:
        known = ", ".join(sorted(plugins.drivers)) or "-"
        why = Sentence(
            f"no active plugin provides the driver '{kind[:60]}'; available: {known}.",
            f"tidak ada plugin aktif yang menyediakan driver '{kind[:60]}'; yang tersedia: {known}.",
        )
        raise InvalidDevice(field="kind", why=why)
    return driver


def config_of(plugins: Plugins, vault: Vault, kind: str, locked: bytes, version: int) -> DeviceConfig:
    """Decrypt a device's settings, in the driver's current version. Raises InvalidDevice, with the remedy, if that isn't possible."""
    driver = driver_of(plugins, kind)
    try:
        stored: Mapping[str, JsonValue] = vault.open(locked)
    except Undecipherable as error:
        why = Sentence(f"its {error.why.english}, or enter them all again.", f"{error.why.indonesian}, atau isi ulang semuanya.")
        raise InvalidDevice(field="config", why=why) from None
    if version != driver.config_version:
        try:
            stored = driver.migrate_config(stored, version)
        except Exception:  # noqa: BLE001 - a plugin may raise anything, and its message may hold a secret
            why = Sentence(
                f"the driver {kind} can't migrate settings of its version {version}: enter them all again.",
                f"driver {kind} tidak bisa mengubah pengaturan versi {version}: isi ulang semuanya.",
            )
            raise InvalidDevice(field="config", why=why) from None
    return _valid(driver, stored)


def _valid(driver: type[IsolationDriver[DeviceConfig]], settings: Mapping[str, object]) -> DeviceConfig:
    try:
        return driver.config_model.model_validate(settings)
    except ValidationError as error:
        # never `str(error)`: the input may be a password
        why = forms.why_invalid(error.errors(include_input=False, include_url=False))  # type: ignore[misc]  # pydantic's details hold Any
        raise InvalidDevice(field="config", why=why) from None


def _each_checked(driver: type[IsolationDriver[DeviceConfig]], settings: Mapping[str, object]) -> DeviceConfig:
    """As `_valid`, with a problem for each wrong setting."""
    try:
        return driver.config_model.model_validate(settings)
    except ValidationError as error:
        # never `str(error)`: the input may be a password
        with Problems() as check:
            for path, why in forms.each_wrong(error.errors(include_input=False, include_url=False)):  # type: ignore[misc]  # pydantic's details hold Any
                check.add(InvalidDevice(field=("config", *path), why=why))
        raise RuntimeError("pydantic told no error of invalid settings") from None


def _entered(plugins: Plugins, driver: type[IsolationDriver[DeviceConfig]], settings: Mapping[str, object]) -> DeviceConfig:
    """Validate settings that a person has just entered; each wrong one is a problem of its own.

    Raises InvalidDevice, InvalidInputs, AddressRefused.
    """
    config = _each_checked(driver, settings)
    if path := destinations.starred(config):
        why = Sentence(
            f"{'.'.join(path)}: a row of stars is not a secret. Enter the secret itself.",
            f"'{'.'.join(path)}': deretan bintang bukan rahasia. Isi rahasianya sendiri.",
        )
        raise InvalidDevice(field=("config", *path), why=why)
    for path, host in destinations.hosts(config):
        plugins.networks.check(host, field=("config", *path))
    return config


def _changed(
    plugins: Plugins, driver: type[IsolationDriver[DeviceConfig]], config: Mapping[str, object], current: DeviceConfig | None
) -> DeviceConfig:
    """The settings after `config` was entered over the current ones. Raises like `_entered`, and SecretNeeded."""
    new = _entered(plugins, driver, _joined(config, current))
    if current is not None:
        destinations.demand_secrets(current, new, _without_stars(config, current))
    return new


def _plain(config: DeviceConfig) -> dict[str, object]:
    """The settings as JSON, secrets in clear text: encrypt them at once."""
    dumped: dict[str, object] = config.model_dump(mode="python")
    return {name: _opened(value) for name, value in dumped.items()}


def _current(plugins: Plugins, vault: Vault, device: StoredDevice) -> DeviceConfig | None:
    """The stored settings; None if they can no longer be read, so that they can be entered again."""
    try:
        return config_of(plugins, vault, device.kind, device.config, device.config_version)
    except InvalidDevice:
        return None


def _joined(entered: Mapping[str, object], current: DeviceConfig | None) -> dict[str, object]:
    """Lay `entered` over the current settings. Without current settings, values that are a row of stars are dropped."""
    if current is None:
        return {name: value for name, value in entered.items() if not (isinstance(value, str) and set(value) == {"*"})}
    return {**_plain(current), **_without_stars(entered, current)}


def _without_stars(entered: Mapping[str, object], current: DeviceConfig) -> dict[str, object]:
    """Drop secrets that a form sent back as it was shown them: as a row of stars."""
    settings: Mapping[str, object] = vars(current)
    return {name: value for name, value in entered.items() if not _is_star(value, settings.get(name))}


def _is_star(entered: object, current: object) -> bool:
    return isinstance(current, SecretStr) and entered == str(current)


def _opened(value: object) -> object:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case dict():
            return {name: _opened(item) for name, item in value.items()}  # type: ignore[misc]  # `dict()` leaves its items' types open
        case list() | tuple():
            return [_opened(item) for item in value]
        case _:
            return value


async def create(session: WriteSession, plugins: Plugins, vault: Vault, *, name: str, kind: str, config: Mapping[str, object]) -> int:
    """Add a device and return its id.

    Raises InvalidText, InvalidDevice, InvalidInputs, AddressRefused, AlreadyExists, Forbidden.
    """
    scope.central(session)
    driver = driver_of(plugins, kind)
    with Problems() as check:
        name = check(validation.clean, name, what=_NAME, field="name", most=100)
        settings = check(_entered, plugins, driver, config)
        if check.found and await session.only_value(_NAMED, {"name": name, "id": 0}, kind=bool):
            check.add(AlreadyExists(field="name", noun=Noun.DEVICE, given=name))
    locked = vault.lock(_plain(settings))
    bound = {"name": name, "kind": kind, "config": locked, "version": driver.config_version, "at": session.at}
    device_id = await session.value(_INSERT, bound, kind=int)
    if device_id is None:
        raise AlreadyExists(field="name", noun=Noun.DEVICE, given=name)
    created = DeviceCreated(name=name, driver=kind, destination=destinations.destination(settings))
    await events.append(session, created, subject_id=device_id)
    return device_id


async def update(
    session: WriteSession, plugins: Plugins, vault: Vault, device_id: int, *, name: str | None = None,
    config: Mapping[str, object] | None = None, enabled: bool | None = None,
) -> None:  # fmt: skip
    """Change a device. Settings left out stay as they are; secrets too, unless they would go to another destination than before.

    Raises InvalidText, InvalidDevice, SecretNeeded, AddressRefused, NotFound, AlreadyExists, Forbidden.
    """
    scope.central(session)
    row = await session.row(_LOCK, {"id": device_id}, into=_Locked)
    if row is None:
        raise NotFound(field="device_id", noun=Noun.DEVICE, given=device_id)
    device = row
    current = new = _current(plugins, vault, row)
    with Problems() as check:
        if name is not None:
            device = replace(device, name=check(validation.clean, name, what=_NAME, field="name", most=100))
            if await session.only_value(_NAMED, {"name": device.name, "id": device_id}, kind=bool):
                check.add(AlreadyExists(field="name", noun=Noun.DEVICE, given=device.name))
        if config is not None:
            new = check(_changed, plugins, driver_of(plugins, row.kind), config, current)
    if config is not None and new is not None:
        device = replace(device, config=vault.lock(_plain(new)), config_version=driver_of(plugins, row.kind).config_version)
    if enabled is not None:
        device = replace(device, enabled=enabled)
    values = {"name": device.name, "config": device.config, "version": device.config_version, "enabled": device.enabled}
    await session.execute(_UPDATE, {**values, "id": device_id, "at": session.at})
    await session.execute(_TRY_AGAIN, {"id": device_id, "at": session.at})
    before = None if current is None else destinations.destination(current)
    after = None if new is None else destinations.destination(new)
    changed = DeviceChanged(
        name=device.name, enabled=device.enabled, settings_changed=sorted(config or {}),
        destination_before=UNSET if before is None or before == after else before, destination=after,
    )  # fmt: skip
    await events.append(session, changed, subject_id=device_id)


async def delete(session: WriteSession, device_id: int) -> None:
    """Delete a device that has no customers. Raises NotFound, DeviceInUse, Forbidden."""
    scope.central(session)
    row = await session.row(_LOCK, {"id": device_id}, into=_Locked)
    if row is None:
        raise NotFound(field="device_id", noun=Noun.DEVICE, given=device_id)
    if count := await session.only_value(_HANGING, {"id": device_id}, kind=int):
        raise DeviceInUse(field="device_id", given=row.name, count=count)
    await session.execute(_DELETE, {"id": device_id})
    await events.append(session, DeviceDeleted(name=row.name, driver=row.kind), subject_id=device_id)


async def read_config(session: ReadSession, plugins: Plugins, vault: Vault, device_id: int) -> tuple[str, str, DeviceConfig]:
    """Read name, kind and settings of a device. Raises NotFound, InvalidDevice."""
    row = await stored(session, device_id)
    return row.name, row.kind, config_of(plugins, vault, row.kind, row.config, row.config_version)


async def rotate(session: WriteSession, vault: Vault) -> int:
    """Encrypt every device's settings with the vault's first key; return how many. Raises Undecipherable, and then changes nothing."""
    rows = await session.rows(_ALL, into=_Encrypted)
    for row in rows:
        await session.execute(_RENEW, {"id": row.id, "config": vault.renew(row.config)})
    await events.append(session, DeviceSecretsRotated(devices=len(rows)), subject_id=0)
    return len(rows)


async def stored(session: ReadSession, device_id: int) -> StoredDevice:
    """Read a device with its encrypted settings. Raises NotFound."""
    device = await session.row(_READ, {"id": device_id}, into=StoredDevice)
    if device is None:
        raise NotFound(field="device_id", noun=Noun.DEVICE, given=device_id)
    return device


async def claim(session: WriteSession, device_id: int, *, worker: str) -> StoredDevice | None:
    """Note that this worker, which holds the lease, works on the device, so that others' writes are refused.

    None if the device is disabled or gone.
    """
    return await session.row(_CLAIM, {"id": device_id, "worker": worker}, into=StoredDevice)


async def find(session: ReadSession, name_or_id: str) -> StoredDevice:
    """Find a device by its name or its id (`dev_12`), with its encrypted settings. Raises NotFound."""
    number = name_or_id.removeprefix("dev_")
    known = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
    device = await session.row(_FIND, {"name": name_or_id, "id": known}, into=StoredDevice)
    if device is None:
        raise NotFound(field="device", noun=Noun.DEVICE, given=name_or_id)
    return device


S = TypeVar("S", Subscriber, Usage)


def spelled(driver: type[IsolationDriver[DeviceConfig]], item: S) -> S:
    """What a device lists, with its key in the driver's one spelling; a key that the driver itself doesn't accept stays as it is."""
    try:
        return replace(item, key=driver.canonical_key(item.service_kind, item.key))
    except InvalidValue:
        return item


async def read_customers(plugins: Plugins, vault: Vault, device: StoredDevice) -> list[Subscriber]:
    """Read the customers on a device returned by `find`, in a session of its own. The caller holds the lease.

    Call it outside a transaction, because it may take READ_SECONDS. Raises InvalidDevice, also if its driver can't list customers,
    AddressRefused, DeviceError.
    """
    driver = driver_of(plugins, device.kind)
    if not issubclass(driver, CustomerSource):
        why = Sentence(
            f"the driver {device.kind} can't list customers: import them from a file.",
            f"driver {device.kind} tidak bisa membaca daftar pelanggan: impor dari berkas.",
        )
        raise InvalidDevice(field="device", why=why)
    config = config_of(plugins, vault, device.kind, device.config, device.config_version)
    source = driver(config, DriverContext(device.id, device.name, logging.getLogger(f"sebilling.device.{device.kind}")))
    await plugins.networks.look_up(host for _, host in destinations.hosts(config))
    try:
        with plugins.networks.watched():
            async with asyncio.timeout(READ_SECONDS):
                await source.open()
                answer: list[object] = list(await source.read_customers())
    except DeviceError:
        raise
    except TimeoutError:
        message = Sentence(
            f"{device.name} didn't answer within {READ_SECONDS:.0f} seconds.",
            f"{device.name} tidak menjawab dalam {READ_SECONDS:.0f} detik.",
        )
        raise DeviceError(Fault.TIMEOUT, message, retryable=True) from None
    except Exception as error:
        name = type(error).__name__
        message = Sentence(f"The driver {device.kind} failed: '{name}'.", f"Driver {device.kind} gagal: '{name}'.")
        raise DeviceError(Fault.PROTOCOL, message, retryable=True) from error
    finally:
        with suppress(Exception):
            await source.close()
    customers = [
        spelled(driver, customer)
        for customer in answer
        if isinstance(customer, Subscriber) and customer.service_kind in driver.service_kinds
    ]
    if len(customers) < len(answer):
        message = Sentence(
            f"The driver {device.kind} returned a customer with a service that it doesn't have.",
            f"Driver {device.kind} memberikan pelanggan dengan layanan yang tidak dimilikinya.",
        )
        raise DeviceError(Fault.PROTOCOL, message, retryable=False)
    return customers
