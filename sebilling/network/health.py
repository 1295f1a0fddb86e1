"""Health of devices: each is probed every minute; the result is stored, and an event is written when it changes."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson
from sqlalchemy import text

from sebilling import events
from sebilling.device_errors import SecretKeyMissing
from sebilling.events.devices import DeviceHealthChanged
from sebilling.language import Sentence
from sebilling.network import devices
from sebilling.network.engine import CLOSE_SECONDS, Engine, sentence
from sebilling.plugins.contract import DeviceError, DeviceHealth, Fault

HEALTH_EVERY: Final = timedelta(seconds=60)
GONE: Final = frozenset({Fault.UNREACHABLE, Fault.TIMEOUT})
_SAME_START_SECONDS: Final = 90
"""Two starts within this time are the same one: the device tells whole seconds, and the clocks differ."""
# What is reachable again, or was started again, may have lost what was set: it is looked at as soon as possible.
_HEALTH: Final = text(
    f"""
    UPDATE device SET reachable = :reachable, problems = CAST(:problems AS jsonb), facts = CAST(:facts AS jsonb), checked_at = :at,
           up_since = coalesce(CAST(:up_since AS timestamptz), up_since),
           looked_at = CASE WHEN :reachable AND (reachable IS FALSE
                                 OR up_since < CAST(:up_since AS timestamptz) - interval '{_SAME_START_SECONDS} seconds')
                            THEN NULL ELSE looked_at END
     WHERE id = :device
    """
)
_WAS: Final = text("SELECT name, reachable, problems, facts FROM device WHERE id = :device FOR NO KEY UPDATE")
_UNCHECKED: Final = text(
    "SELECT id FROM device WHERE enabled AND (checked_at IS NULL OR checked_at <= :before OR checked_at > :ahead)"
    " AND NOT (id = ANY (:held)) ORDER BY checked_at NULLS FIRST LIMIT 20"
)


@dataclass(frozen=True, slots=True)
class _Health:
    """A device's health as it was stored last."""

    name: str
    reachable: bool | None
    """None: never probed."""
    problems: list[dict[str, str]]
    facts: dict[str, str | dict[str, str]]


def is_due(checked_at: datetime | None, now: datetime) -> bool:
    """Whether a device that was probed last at `checked_at` is to be probed again; a time far in the future was told by a wrong clock."""
    return checked_at is None or abs(now - checked_at) >= HEALTH_EVERY


async def unchecked(engine: Engine) -> Sequence[int]:
    """Ids of devices that haven't been probed within HEALTH_EVERY."""
    async with engine.database.reading() as session:
        now = engine.clock()  # a check far in the future was recorded while the clock was wrong
        bound = {"before": now - HEALTH_EVERY, "ahead": now + HEALTH_EVERY, "held": sorted(engine.leases.held)}
        return await session.values(_UNCHECKED, bound, kind=int)


async def ask(engine: Engine, device_id: int) -> DeviceHealth:
    """Probe a device as soon as no worker is working on it. Raises NotFound, DeviceBusy after WAIT_SECONDS, and
    SecretKeyMissing if its settings can't be decrypted with the keys of this deployment.
    """
    async with engine.lease(device_id):
        health = await probe(engine, device_id)
        await _see_that_the_key_is_there(engine, device_id)
        return health


async def _see_that_the_key_is_there(engine: Engine, device_id: int) -> None:
    async with engine.database.reading() as session:
        device = await devices.stored(session, device_id)
    if not engine.vault.opens(device.config):
        raise SecretKeyMissing(field="device_id", device=device.name)


async def probe(engine: Engine, device_id: int) -> DeviceHealth:
    """Probe a device and store its health. The caller holds the device's lease. Raises NotFound."""
    async with engine.database.reading() as session:
        device = await devices.stored(session, device_id)
    try:
        driver = engine.driver(device)
        try:
            health = await engine.probe(driver)
        finally:
            with suppress(DeviceError):
                await engine.call(CLOSE_SECONDS, driver.close())
    except DeviceError as error:
        health = health_after(error)
        if not engine.vault.opens(device.config):  # it wasn't contacted, so it isn't known to be reachable
            health = DeviceHealth(reachable=False, problems=health.problems)
    await keep(engine, device_id, health)
    return health


def health_after(error: DeviceError) -> DeviceHealth:
    """Health of a device whose session failed with this error."""
    return DeviceHealth(reachable=error.fault not in GONE, problems=[sentence(error.message)])


async def keep(engine: Engine, device_id: int, health: DeviceHealth) -> None:
    """Store the health of a device, and write an event if it has changed. Facts that weren't read stay as they were."""
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        before = await session.row(_WAS, {"device": device_id}, into=_Health)
        if before is None:
            return
        problems = [sentence(problem).to_json() for problem in health.problems]
        facts = {name: fact.to_json() if isinstance(fact, Sentence) else fact for name, fact in health.facts.items()} or before.facts
        await session.execute(
            _HEALTH,
            {"device": device_id, "reachable": health.reachable, "problems": orjson.dumps(problems).decode(),
             "facts": orjson.dumps(facts).decode(), "at": session.at,
             "up_since": None if health.uptime_seconds is None else session.at - timedelta(seconds=health.uptime_seconds)},
        )  # fmt: skip
        if (before.reachable, before.problems) != (health.reachable, problems):
            changed = DeviceHealthChanged(
                name=before.name, reachable=health.reachable, problems=[sentence(problem) for problem in health.problems]
            )
            await events.append(session, changed, subject_id=device_id)
