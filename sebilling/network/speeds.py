"""Speeds: whoever is given another plan, or whose plan is changed, gets its speed on their device, if its driver can do that.

The database marks the accesses in the transaction of the change (db/sql/speeds.sql). Only active ones are worked on: who is blocked gets
the speed when they are restored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import text

from sebilling import events
from sebilling.db.parameters import instant
from sebilling.events.devices import SpeedGiven
from sebilling.events.ids import CustomerId, DeviceId
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.network import devices, health
from sebilling.network.access_rows import COLUMNS, IS_TIME, TABLES, AccessRow
from sebilling.network.devices import StoredDevice
from sebilling.network.engine import Engine, budget, sentence
from sebilling.network.results import unanswered
from sebilling.plugins.contract import DeviceError, Outcome, PlanApplier, Ref, Result

_log = get_logger(__name__)
_TO_DO: Final = f"speed_pending AND desired = 'ACTIVE' AND desired_generation = observed_generation AND {IS_TIME}"
_DUE: Final = text(
    f"""
    SELECT id FROM device WHERE enabled AND reachable IS NOT FALSE AND next_at <= :at AND NOT (id = ANY (:held))
       AND EXISTS (SELECT FROM service_access WHERE device_id = device.id AND {_TO_DO}) ORDER BY id LIMIT 50
    """
)
# Plans without a speed and devices whose driver gives none have nothing to do.
_FORGET: Final = text(
    """
    WITH told AS MATERIALIZED (
        SELECT access.id FROM service_access access JOIN customer ON customer.id = customer_id JOIN plan ON plan.id = plan_id
         WHERE device_id = :device AND speed_pending AND (:whole OR rate_down_kbps IS NULL OR rate_up_kbps IS NULL)
         ORDER BY access.id FOR NO KEY UPDATE OF access
    )
    UPDATE service_access SET speed_pending = false FROM told WHERE service_access.id = told.id
    """
)
_ROWS: Final = text(
    f"SELECT {COLUMNS}, attempts FROM {TABLES} WHERE device_id = :device AND {_TO_DO} ORDER BY service_access.id LIMIT :most"
)
# A plan that was changed meanwhile leaves its mark; an access with a newer decision is left to the engine.
_WRITE: Final = text(
    """
    WITH told AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told (
            id bigint, done boolean, down int, up int, error jsonb, wait interval, counter bigint, data jsonb)
    ), locked AS MATERIALIZED (
        SELECT service_access.id, (rate_down_kbps, rate_up_kbps) = (told.down, told.up) AS is_same
          FROM service_access JOIN told USING (id) JOIN customer ON customer.id = customer_id JOIN plan ON plan.id = plan_id
         WHERE desired_generation = observed_generation AND EXISTS (SELECT FROM device WHERE id = :device AND lease_by = :worker)
         ORDER BY service_access.id
           FOR NO KEY UPDATE OF service_access
    ), written AS (
        UPDATE service_access access
           SET speed_pending = NOT (told.done AND locked.is_same), error = told.error,
               attempts = CASE WHEN told.done THEN 0 ELSE attempts + 1 END,
               next_at = CASE WHEN told.done THEN next_at ELSE :at + told.wait END
          FROM locked JOIN told USING (id) WHERE access.id = locked.id
        RETURNING access.id
    )
    SELECT append_events(:at, NULL, :name, :kind, 'service_access', array_agg(id ORDER BY id), array_agg(counter ORDER BY id),
                         array_agg(data ORDER BY id))
      FROM written JOIN told USING (id) WHERE data IS NOT NULL HAVING count(*) > 0
    """
).bindparams(instant("at"))


@dataclass(frozen=True, slots=True)
class _Access(AccessRow):
    """An access whose speed is to be given."""

    rate_down_kbps: int
    rate_up_kbps: int
    attempts: int


async def due(engine: Engine) -> Sequence[int]:
    """Ids of devices on which speeds are to be given now, that aren't held by this worker."""
    async with engine.database.reading() as session:
        return await session.values(_DUE, {"at": engine.clock(), "held": sorted(engine.leases.held)}, kind=int)


async def give(engine: Engine, device_id: int) -> int:
    """Give the speeds that are due on a device; return how many are done. An unreachable device is recorded. Raises DatabaseUnavailable."""
    async with engine.leases.hold(device_id) as mine:
        if not mine:
            return 0
        async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
            device = await devices.claim(session, device_id, worker=engine.name)
            if device is None:
                return 0
            driver = engine.plugins.drivers.get(device.kind)
            gives = driver is not None and issubclass(driver, PlanApplier)
            await session.execute(_FORGET, {"device": device_id, "whole": not gives})
        if not gives:
            return 0
        try:
            return await _session(engine, device)
        except DeviceError as error:
            _log.warning("speeds_failed", device=device.name, fault=error.fault.value, error=str(error))
            await health.keep(engine, device_id, health.health_after(error))
            return 0


async def _session(engine: Engine, device: StoredDevice) -> int:
    done = 0
    async with engine.session(device) as driver:
        while True:
            async with engine.database.reading() as session:
                bound = {"device": device.id, "at": engine.clock(), "most": driver.max_batch}
                rows = await session.rows(_ROWS, bound, into=_Access)
            if not rows or not isinstance(driver, PlanApplier):
                return done
            done += await _batch(engine, device.id, driver, rows, seconds=budget(driver, len(rows)))


async def _batch(engine: Engine, device_id: int, driver: PlanApplier, rows: Sequence[_Access], *, seconds: float) -> int:
    """Give these speeds and write what became of them, also of those before the device broke off. Raises DeviceError."""
    outcomes: dict[int, Outcome] = {}
    trouble: DeviceError | None = None
    try:
        await engine.call(seconds, _collect(driver, [row.ref for row in rows], outcomes))
    except DeviceError as error:
        trouble = error
    told = [_told(engine, row, outcomes.get(row.id) or unanswered(row.id, trouble), device_id) for row in rows]
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        bound = {"told": orjson.dumps(told).decode(), "device": device_id, "worker": engine.name, "name": engine.actor.name}
        await session.execute(_WRITE, bound | {"kind": SpeedGiven.kind.text, "at": session.at})
    if trouble is not None:
        raise trouble
    return sum(result["done"] is True for result in told)


async def _collect(driver: PlanApplier, refs: Sequence[Ref], into: dict[int, Outcome]) -> None:
    async for outcome in driver.apply_plan(refs):
        into[outcome.ref_id] = outcome


_REFUSED: Final = Sentence("the device refused the speed", "perangkat menolak kecepatannya")


def _told(engine: Engine, row: _Access, outcome: Outcome, device_id: int) -> dict[str, object]:
    """Result for one access, as `_WRITE` takes it. A change that wasn't answered is made again: it says what should be, not by how much."""
    done = outcome.result in {Result.CHANGED, Result.UNCHANGED}
    is_permanent = outcome.result is Result.FAILED and not outcome.retryable
    wait = (engine.permanent_backoff if is_permanent else engine.backoff)(row.attempts).total_seconds()
    event = SpeedGiven(
        customer_id=CustomerId.of(row.customer_id), device_id=DeviceId.of(device_id), key=row.key, rate_down_kbps=row.rate_down_kbps,
        rate_up_kbps=row.rate_up_kbps,
    )  # fmt: skip
    return {
        "id": row.id, "done": done, "down": row.rate_down_kbps, "up": row.rate_up_kbps,
        "error": None if done else sentence(outcome.message or _REFUSED).to_json(), "wait": f"{wait} seconds",
        "counter": row.counter_id, "data": events.to_json(event) if outcome.result is Result.CHANGED else None,
    }  # fmt: skip
