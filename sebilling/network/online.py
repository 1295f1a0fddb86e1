"""Who is online now, as a device tells it when it is asked; nothing of it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling.language import Sentence
from sebilling.network import asking, devices
from sebilling.network.engine import Engine
from sebilling.plugins.contract import DeviceConfig, DeviceError, Fault, IsolationDriver, Usage, UsageReader

SECONDS: Final = 60.0
_ACCESSES: Final = text("SELECT id, customer_id, service_kind, key FROM service_access WHERE device_id = :device")


@dataclass(frozen=True, slots=True)
class _Access:
    id: int
    customer_id: int
    service_kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Online:
    """An open session, and the access and customer if it is somebody's."""

    usage: Usage
    access_id: int | None
    customer_id: int | None


async def read(engine: Engine, device_id: int) -> Sequence[Online]:
    """Ask a device for all open sessions, by key. Raises NotFound, DeviceBusy, DeviceUnusable (also if its driver can't tell)."""
    usages = await asking.ask(engine, device_id, _read, seconds=SECONDS)
    async with engine.database.reading() as session:
        rows = await session.rows(_ACCESSES, {"device": device_id}, into=_Access)
    owners = {(row.service_kind, row.key): row for row in rows}
    sessions = []
    for usage in sorted(usages, key=_by_key):
        owner = owners.get((usage.service_kind, usage.key))
        sessions.append(Online(usage, None if owner is None else owner.id, None if owner is None else owner.customer_id))
    return sessions


def _by_key(usage: Usage) -> tuple[str, str]:
    return usage.key, usage.address


async def _read(driver: IsolationDriver[DeviceConfig]) -> list[Usage]:
    if not isinstance(driver, UsageReader):
        why = Sentence(
            f"the driver {driver.kind} can't tell who is online.", f"driver {driver.kind} tidak bisa memberi tahu siapa yang online."
        )
        raise DeviceError(Fault.REFUSED, why, retryable=False)
    kind = type(driver)
    return [devices.spelled(kind, usage) for usage in await driver.read_usage()]
