"""Speeds: whoever is given another plan, or whose plan is changed, gets its speed on their device, if its driver can do that.

The database marks the accesses in the transaction of the change (db/sql/speeds.sql). Only active ones are worked on: who is blocked gets
the speed when they are restored.
"""

from collections.abc import Sequence
from contextlib import suppress
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
from sebilling.network import health
from sebilling.network.devices import StoredDevice
from sebilling.network.engine import CLOSE_SECONDS, MAX_BACKOFF_SECONDS, MAX_DOUBLINGS, Engine, budget, sentence
from sebilling.plugins.contract import DeviceError, Outcome, PlanApplier, Ref, Result

_log = get_logger(__name__)
_IS_TIME: Final = f"""
    (access.next_at <= :at OR access.next_at > CAST(:at AS timestamptz)
     + interval '{2 * MAX_BACKOFF_SECONDS} seconds' * power(2, least(access.attempts, {MAX_DOUBLINGS})))
"""
_TO_DO: Final = f"speed_pending AND desired = 'ACTIVE' AND desired_generation = observed_generation AND {_IS_TIME}"
_DUE: Final = text(
    f"""
    SELECT id FROM device WHERE enabled AND reachable IS NOT FALSE AND next_at <= :at AND NOT (id = ANY (:held))
       AND EXISTS (SELECT FROM service_access access WHERE device_id = device.id AND {_TO_DO}) ORDER BY id LIMIT 50
    """
)
_DEVICE: Final = text("SELECT id, name, kind, config, config_version FROM device WHERE id = :device AND enabled")
_CLAIM: Final = text("UPDATE device SET lease_by = :worker WHERE id = :device")
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
    f"""
    SELECT access.id, customer_id, key, service_kind, rate_down_kbps, rate_up_kbps, attempts, customer.code, customer.name,
           customer.counter_id
      FROM service_access access JOIN customer ON customer.id = customer_id JOIN plan ON plan.id = plan_id
     WHERE device_id = :device AND {_TO_DO} ORDER BY access.id LIMIT :most
    """
)
# A plan that was changed meanwhile leaves its mark; a decision to block isn't delayed.
_WRITE: Final = text(
    """
    WITH told AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told (
            id bigint, done boolean, down int, up int, error jsonb, wait interval, counter bigint, data jsonb)
    ), locked AS MATERIALIZED (
        SELECT service_access.id, (rate_down_kbps, rate_up_kbps) = (told.down, told.up) AS is_same
          FROM service_access JOIN told USING (id) JOIN customer ON customer.id = customer_id JOIN plan ON plan.id = plan_id
         WHERE EXISTS (SELECT FROM device WHERE id = :device AND lease_by = :worker) ORDER BY service_access.id
           FOR NO KEY UPDATE OF service_access
    ), written AS (
        UPDATE service_access access
           SET speed_pending = NOT (told.done AND locked.is_same), error = told.error,
               attempts = CASE WHEN told.done THEN 0 ELSE attempts + 1 END,
               next_at = CASE WHEN told.done OR desired_generation > observed_generation THEN next_at ELSE :at + told.wait END
          FROM locked JOIN told USING (id) WHERE access.id = locked.id
        RETURNING access.id
    )
    SELECT append_events(:at, NULL, :name, :kind, 'service_access', array_agg(id ORDER BY id), array_agg(counter ORDER BY id),
                         array_agg(data ORDER BY id))
      FROM written JOIN told USING (id) WHERE data IS NOT NULL HAVING count(*) > 0
    """
).bindparams(instant("at"))


@dataclass(frozen=True, slots=True)
class _Access:
    """An access whose speed is to be given, with its customer and plan."""

    id: int
    customer_id: int
    key: str
    service_kind: str
    rate_down_kbps: int
    rate_up_kbps: int
    attempts: int
    code: str
    name: str
    counter_id: int

    @property
    def ref(self) -> Ref:
        return Ref(
            self.id, self.key, self.rate_down_kbps, self.rate_up_kbps, service_kind=self.service_kind, code=self.code, name=self.name
        )  # fmt: skip


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
            device = await session.row(_DEVICE, {"device": device_id}, into=StoredDevice)
            if device is None:
                return 0
            await session.execute(_CLAIM, {"device": device_id, "worker": engine.name})
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
    driver = engine.driver(device)
    done = 0
    try:
        await engine.open(driver)
        while True:
            async with engine.database.reading() as session:
                bound = {"device": device.id, "at": engine.clock(), "most": driver.max_batch}
                rows = await session.rows(_ROWS, bound, into=_Access)
            if not rows or not isinstance(driver, PlanApplier):
                return done
            outcomes: dict[int, Outcome] = {}
            trouble: DeviceError | None = None
            try:
                await engine.call(budget(driver, len(rows)), _collect(driver, [row.ref for row in rows], outcomes))
            except DeviceError as error:
                trouble = error
            told = [_told(engine, row, outcomes.get(row.id) or _unanswered(row.id, trouble), device.id) for row in rows]
            async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as writing:
                bound = {"told": orjson.dumps(told).decode(), "device": device.id, "worker": engine.name, "name": engine.actor.name}
                await writing.execute(_WRITE, bound | {"kind": SpeedGiven.kind.text, "at": writing.at})
            done += sum(result["done"] is True for result in told)
            if trouble is not None:
                raise trouble
    finally:
        with suppress(DeviceError):
            await engine.call(CLOSE_SECONDS, driver.close())


async def _collect(driver: PlanApplier, refs: Sequence[Ref], into: dict[int, Outcome]) -> None:
    async for outcome in driver.apply_plan(refs):
        into[outcome.ref_id] = outcome


_NO_OUTCOME: Final = Sentence("the driver gave no outcome for its speed", "driver tidak memberikan hasil untuk kecepatannya")


def _unanswered(ref_id: int, trouble: DeviceError | None) -> Outcome:
    return Outcome(ref_id, Result.UNKNOWN, None, _NO_OUTCOME if trouble is None else trouble.message, retryable=True)


def _told(engine: Engine, row: _Access, outcome: Outcome, device_id: int) -> dict[str, object]:
    """Result for one access, as `_WRITE` takes it. A change that wasn't answered is made again: it says what should be, not by how much."""
    done = outcome.result in {Result.CHANGED, Result.UNCHANGED}
    if outcome.result is Result.FAILED and not outcome.retryable:
        wait = MAX_BACKOFF_SECONDS * float(1 << min(row.attempts, MAX_DOUBLINGS)) * engine.chance.uniform(0.5, 1)
    else:
        wait = engine.backoff(row.attempts).total_seconds()
    event = SpeedGiven(
        customer_id=CustomerId.of(row.customer_id), device_id=DeviceId.of(device_id), key=row.key, rate_down_kbps=row.rate_down_kbps,
        rate_up_kbps=row.rate_up_kbps,
    )  # fmt: skip
    return {
        "id": row.id, "done": done, "down": row.rate_down_kbps, "up": row.rate_up_kbps,
        "error": None if done else sentence(outcome.message or _NO_OUTCOME).to_json(), "wait": f"{wait} seconds",
        "counter": row.counter_id, "data": events.to_json(event) if outcome.result is Result.CHANGED else None,
    }  # fmt: skip
