"""Service accesses: which account on which device is a customer's, and what a person does about one that isn't in sync."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import locks, validation
from sebilling.db.engine import WriteSession
from sebilling.device_errors import AccessInUse, InvalidDevice
from sebilling.errors import AlreadyExists, NotFound
from sebilling.events.devices import ServiceAccessGiven, ServiceAccessKeyChanged, ServiceAccessRetried, ServiceAccessTaken
from sebilling.events.ids import CustomerId, DeviceId
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.network.devices import driver_of
from sebilling.nouns import Noun
from sebilling.plugins.contract import DeviceConfig, InvalidValue, IsolationDriver
from sebilling.plugins.loading import Plugins

_log = get_logger(__name__)
_KIND: Final = text("SELECT kind FROM device WHERE id = :id FOR NO KEY UPDATE")
_GIVE: Final = text(
    """
    INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at,
           desired_generation, observed_generation, actual,
           attempts, next_at)
    VALUES (:customer, :device, :kind, :key, 'ACTIVE', false, :at, 0, 0, 'UNKNOWN', 0, :at)
    ON CONFLICT (device_id, service_kind, key) DO NOTHING RETURNING id
    """
)
_KEYS: Final = text("SELECT service_kind, key FROM service_access WHERE device_id = :id")
_ACCESSES_GIVEN: Final = events.appending(
    ServiceAccessGiven,
    {"customer_id": "customer_id", "device_id": "CAST(:device AS bigint)", "service": "service_kind", "key": "key"},
    subject_id="given.id", counter_id="counter_id",
)  # fmt: skip
_GIVE_MANY: Final = text(
    f"""
    WITH given AS (
        INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at,
               desired_generation, observed_generation, actual,
               attempts, next_at)
        SELECT customer.id, CAST(:device AS bigint), new.kind, new.key, 'ACTIVE', false, CAST(:at AS timestamptz), 0, 0, 'UNKNOWN',
               0, CAST(:at AS timestamptz)
          FROM unnest(CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:keys AS text[])) AS new (code, kind, key)
          JOIN customer ON customer.code = new.code
        RETURNING id, customer_id, service_kind, key
    )
    SELECT coalesce({_ACCESSES_GIVEN}, 0) FROM given JOIN customer ON customer.id = customer_id
    """
)
_LOCK: Final = text(
    "SELECT customer_id, device_id, service_kind, key, desired, actual, desired_generation, observed_generation,"
    " (SELECT counter_id FROM customer WHERE customer.id = customer_id) AS counter_id,"
    " (SELECT kind FROM device WHERE device.id = device_id) AS driver"
    " FROM service_access WHERE id = :id FOR NO KEY UPDATE"
)
_TAKE: Final = text("DELETE FROM service_access WHERE id = :id")
# What was read of the account with the old key says nothing about this one.
_CHANGE_KEY: Final = text(
    """
    UPDATE service_access SET key = :key, snapshot = NULL, snapshot_plan_id = NULL, reclaim = false, actual = 'UNKNOWN', detail = NULL,
           read_at = NULL, error = NULL, attempts = 0, next_at = :at,
           desired_generation = desired_generation + (desired = 'BLOCKED')::int
     WHERE id = :id AND NOT EXISTS (SELECT FROM service_access other WHERE other.device_id = service_access.device_id
           AND other.service_kind = service_access.service_kind AND other.key = :key AND other.id <> :id) RETURNING id
    """
)
_RETRY: Final = text(
    """
    UPDATE service_access SET desired_generation = desired_generation + 1, attempts = 0, next_at = :at, error = NULL,
           reclaim = reclaim OR (:reclaim AND desired = 'ACTIVE') WHERE id = :id
    """
)


@dataclass(frozen=True, slots=True)
class _Access:
    """A service access, its device's driver and its customer's counter."""

    customer_id: int
    device_id: int
    service_kind: str
    key: str
    desired: str
    actual: str
    desired_generation: int
    observed_generation: int
    counter_id: int
    driver: str

    @property
    def is_settled_active(self) -> bool:
        """Not blocked, and nothing is under way: nothing on the device would be left behind."""
        return self.desired == "ACTIVE" and self.actual != "BLOCKED" and self.desired_generation == self.observed_generation

    @property
    def is_absent(self) -> bool:
        """The device has no such account, so nothing there can be left behind either."""
        return self.actual == "ABSENT"


def canonical(driver: type[IsolationDriver[DeviceConfig]], service_kind: str, text: str) -> str:
    """Return a key in the driver's one spelling. Raises InvalidDevice, with what a key looks like."""
    try:
        key = driver.canonical_key(service_kind, text)
    except InvalidValue as error:
        raise InvalidDevice(field="key", why=error.sentence) from None
    except Exception:  # noqa: BLE001 - a plugin may raise anything
        _log.exception("driver_failed")
        why = Sentence(f"the driver {driver.kind} failed on this key.", f"driver {driver.kind} gagal membaca kunci ini.")
        raise InvalidDevice(field="key", why=why) from None
    return validation.key(key, what=driver.service_kinds[service_kind], field="key", most=200)


def _checked(plugins: Plugins, kind: str, service_kind: str, key: str) -> str:
    """Return the key in its one spelling. Raises InvalidText, InvalidDevice."""
    driver = driver_of(plugins, kind)
    if service_kind not in driver.service_kinds:
        choices = ", ".join(sorted(driver.service_kinds))
        why = Sentence(
            f"the driver {kind} has no service '{service_kind[:40]}'; choose one of: {choices}.",
            f"driver {kind} tidak punya layanan '{service_kind[:40]}'; pilih salah satu: {choices}.",
        )
        raise InvalidDevice(field="service_kind", why=why)
    typed = validation.key(key, what=driver.service_kinds[service_kind], field="key", most=200)
    return canonical(driver, service_kind, typed)


async def give(session: WriteSession, plugins: Plugins, *, customer_id: int, device_id: int, service_kind: str, key: str) -> int:
    """Assign the account `key` on the device to the customer; return the id of the service access.

    Raises InvalidText, InvalidDevice, NotFound, AlreadyExists.
    """
    customer = await locks.customer(session, customer_id)
    kind = await session.value(_KIND, {"id": device_id}, kind=str)
    if kind is None:
        raise NotFound(field="device_id", noun=Noun.DEVICE, given=device_id)
    key = _checked(plugins, kind, service_kind, key)
    bound = {"customer": customer_id, "device": device_id, "kind": service_kind, "key": key, "at": session.at}
    access_id = await session.value(_GIVE, bound, kind=int)
    if access_id is None:
        raise AlreadyExists(field="key", noun=driver_of(plugins, kind).service_kinds[service_kind], given=key)
    payload = ServiceAccessGiven(
        customer_id=CustomerId.of(customer_id), device_id=DeviceId.of(device_id), service=service_kind, key=key
    )  # fmt: skip
    await events.append(session, payload, subject_id=access_id, counter_id=customer.counter_id)
    return access_id


@dataclass(frozen=True, slots=True)
class _Key:
    service_kind: str
    key: str


async def keys(session: WriteSession, device_id: int) -> set[tuple[str, str]]:
    """Kinds and keys in use on the device; none can be added or removed until the transaction ends. Raises NotFound."""
    if await session.value(_KIND, {"id": device_id}, kind=str) is None:
        raise NotFound(field="device", noun=Noun.DEVICE, given=device_id)
    return {(row.service_kind, row.key) for row in await session.rows(_KEYS, {"id": device_id}, into=_Key)}


async def give_many(session: WriteSession, device_id: int, accesses: Sequence[tuple[str, str, str]]) -> None:
    """Like `give`, for many new customers: code, kind of service and key of each. The caller has checked the keys with `keys`."""
    codes, kinds, names = ([access[part] for access in accesses] for part in range(3))
    author = {"at": session.at, "user": session.actor.user_id, "user_name": session.actor.name}
    bound = {**author, "device": device_id, "codes": codes, "kinds": kinds, "keys": names}
    count = await session.only_value(_GIVE_MANY, bound, kind=int)
    if count != len(accesses):
        raise RuntimeError(f"{len(accesses)} service accesses were to be added, but {count} were")


async def take(session: WriteSession, access_id: int, *, force: bool = False) -> None:
    """Delete a service access. With `force` even one that is blocked on the device: it stays as it is there.

    Raises NotFound, and AccessInUse while it is blocked or being changed on a device that has it.
    """
    row = await _locked(session, access_id)
    if not (force or row.is_absent or row.is_settled_active):
        raise AccessInUse(field="id", given=row.key)
    await session.execute(_TAKE, {"id": access_id})
    taken = ServiceAccessTaken(
        customer_id=CustomerId.of(row.customer_id), device_id=DeviceId.of(row.device_id), key=row.key, actual=row.actual
    )
    await events.append(session, taken, subject_id=access_id, counter_id=row.counter_id)


async def change_key(session: WriteSession, plugins: Plugins, access_id: int, *, key: str) -> None:
    """Correct the account of a service access. A customer who is to be blocked is blocked there too.

    Raises InvalidText, InvalidDevice, NotFound, AlreadyExists, and AccessInUse while the old one is blocked or being changed on a device
    that has it.
    """
    row = await _locked(session, access_id)
    key = _checked(plugins, row.driver, row.service_kind, key)
    if key == row.key:
        return
    if not (row.is_absent or row.is_settled_active):
        raise AccessInUse(field="id", given=row.key)
    if await session.value(_CHANGE_KEY, {"id": access_id, "key": key, "at": session.at}, kind=int) is None:
        raise AlreadyExists(field="key", noun=driver_of(plugins, row.driver).service_kinds[row.service_kind], given=key)
    changed = ServiceAccessKeyChanged(
        customer_id=CustomerId.of(row.customer_id), device_id=DeviceId.of(row.device_id), before=row.key, after=key
    )
    await events.append(session, changed, subject_id=access_id, counter_id=row.counter_id)


async def retry(session: WriteSession, access_id: int, *, reclaim: bool = False) -> None:
    """Bring the access to its desired state now, whatever failed before.

    With `reclaim` a customer who is to have access is restored even if SeBilling doesn't know how they were before, as after its database
    was restored from a backup. Raises NotFound.
    """
    row = await _locked(session, access_id)
    await session.execute(_RETRY, {"id": access_id, "at": session.at, "reclaim": reclaim})
    retried = ServiceAccessRetried(
        customer_id=CustomerId.of(row.customer_id), device_id=DeviceId.of(row.device_id), key=row.key, reclaim=reclaim
    )
    await events.append(session, retried, subject_id=access_id, counter_id=row.counter_id)


async def _locked(session: WriteSession, access_id: int) -> _Access:
    row = await session.row(_LOCK, {"id": access_id}, into=_Access)
    if row is None or row.counter_id not in session.actor.scope:
        raise NotFound(field="id", noun=Noun.ACCESS, given=access_id)
    return row
