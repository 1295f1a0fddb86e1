"""The isolation engine: brings devices to the desired state, reads it back, and writes events. It is level-triggered: it compares states
and doesn't replay changes.

A worker leases one device at a time, so that no two sessions touch it, and reconciles its dirty rows (`desired_generation` greater than
`observed_generation`) in one session, batch after batch. Restores come before blocks. A customer is blocked only after a check, under
lock, that they still should be, and after the snapshot needed to restore them is committed. A call without an answer is followed by a
reading before it is retried. No network call happens inside a transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import BindParameter, DateTime, bindparam, text

from sebilling.billing.isolation import blocks
from sebilling.billing.isolation.policy import NOT_POSTPONED
from sebilling.db.engine import WriteSession
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.network import health
from sebilling.network.access_rows import COLUMNS, IS_TIME, TABLES
from sebilling.network.devices import StoredDevice
from sebilling.network.engine import MAX_BACKOFF_SECONDS, Engine, budget
from sebilling.network.results import Change, DirtyAccess, not_there, told, unanswered
from sebilling.plugins.contract import (
    DeviceConfig,
    DeviceError,
    IsolationDriver,
    Outcome,
    Reading,
    Snapshot,
    State,
)

_log = get_logger(__name__)
_BATCH: Final = 1_000
MAX_MISSING: Final = 5
"""Missing keys tolerated in a batch. If more are missing, and more than half of the batch, nobody new is blocked on the device."""
_BUSY_SECONDS: Final = 0.05
_MAX_IDLE_BATCHES: Final = 40
"""Batches in a row of which nothing could be handled; then the session ends, and a later one goes on."""

_AT: Final[BindParameter[datetime]] = bindparam("at", type_=DateTime(timezone=True))
# A `next_at` later than any backoff allows was written while the clock was ahead, and is ignored.
_IS_DEVICES_TIME: Final = f"(next_at <= :at OR next_at > CAST(:at AS timestamptz) + interval '{2 * MAX_BACKOFF_SECONDS} seconds')"
_HAS_WORK: Final = f"""
    enabled AND {_IS_DEVICES_TIME} AND EXISTS (SELECT FROM service_access WHERE device_id = device.id
             AND desired_generation > observed_generation AND {IS_TIME} AND {NOT_POSTPONED})
"""
# Devices with customers to restore come first, those who have waited longest before the rest.
_WAITING: Final = text(
    f"""
    SELECT id FROM device WHERE {_HAS_WORK} AND NOT (id = ANY (:held))
     ORDER BY (SELECT min(next_at) FROM service_access WHERE device_id = device.id
              AND desired_generation > observed_generation AND desired = 'ACTIVE') NULLS LAST,
              next_at LIMIT 500
    """
)
_CLAIM: Final = text(
    f"UPDATE device SET lease_by = :worker WHERE id = :device AND {_HAS_WORK}"
    " RETURNING id, name, kind, config, config_version, failures, checked_at, reachable"
)
_RELEASE: Final = text(
    "UPDATE device SET lease_by = NULL, failures = :failures, next_at = :next_at WHERE id = :device AND lease_by = :worker"
)
_MINE: Final = text("SELECT id FROM device WHERE id = :device AND lease_by = :worker FOR SHARE")
_DIRTY: Final = (
    f"SELECT {COLUMNS}, desired, manual, desired_generation, attempts, snapshot, snapshot_plan_id, plan_id, reclaim FROM {TABLES}"
)
_TO_DO: Final = text(
    f"{_DIRTY} WHERE device_id = :device AND desired_generation > observed_generation AND {IS_TIME} AND {NOT_POSTPONED}"
    " ORDER BY desired, service_access.next_at, service_access.id LIMIT :most"
)
# Rows that a payment is changing at this moment are skipped; the next iteration takes them.
_LOCKED: Final = text(f"{_DIRTY} WHERE service_access.id = ANY (:ids) AND {NOT_POSTPONED} FOR UPDATE OF service_access SKIP LOCKED")
_KEEP: Final = text(
    """
    UPDATE service_access SET snapshot = kept.snapshot, snapshot_plan_id = kept.plan
      FROM jsonb_to_recordset(CAST(:kept AS jsonb)) AS kept (id bigint, snapshot jsonb, plan bigint)
     WHERE service_access.id = kept.id AND service_access.snapshot IS NULL
    """
)
# Rows are locked by ascending id, as everywhere that several are locked, to avoid deadlocks. A newer decision isn't delayed.
_WRITE: Final = text(
    """
    WITH told AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told (
            id bigint, done boolean, reclaimed boolean, desired_generation bigint, actual text, detail jsonb, error jsonb, wait interval,
            forget boolean, found_blocked boolean,
            kind text, counter bigint, data jsonb)
    ), locked AS MATERIALIZED (
        SELECT id FROM service_access WHERE id IN (SELECT id FROM told)
           AND EXISTS (SELECT FROM device WHERE id = :device AND lease_by = :worker) ORDER BY id FOR NO KEY UPDATE
    ), written AS (
        UPDATE service_access access
           SET observed_generation = CASE WHEN done THEN greatest(observed_generation, told.desired_generation)
                                          ELSE observed_generation END,
               read_at = :at, actual = told.actual, detail = told.detail, error = told.error,
               attempts = CASE WHEN done THEN 0 ELSE attempts + 1 END,
               next_at = CASE WHEN done OR access.desired_generation > told.desired_generation THEN :at ELSE :at + told.wait END,
               snapshot = CASE WHEN forget THEN NULL ELSE snapshot END, reclaim = access.reclaim AND NOT told.reclaimed,
               found_blocked = CASE WHEN forget THEN false ELSE access.found_blocked OR told.found_blocked END
          FROM locked JOIN told USING (id) WHERE access.id = locked.id
        RETURNING access.id
    )
    SELECT append_events(:at, NULL, :name, kind, 'service_access', array_agg(id ORDER BY id), array_agg(counter ORDER BY id),
                         array_agg(data ORDER BY id))
      FROM written JOIN told USING (id) WHERE kind IS NOT NULL GROUP BY kind
    """
).bindparams(_AT)


@dataclass(frozen=True, slots=True)
class _Claimed(StoredDevice):
    """A device that this worker has just claimed."""

    failures: int
    checked_at: datetime | None
    """When it was probed last; None: never."""
    reachable: bool | None
    """Whether it answered then."""


async def waiting(engine: Engine) -> Sequence[int]:
    """Ids of devices that have work now and aren't held by this worker, those with customers to restore first."""
    async with engine.database.reading() as session:
        bound = {"at": engine.clock(), "held": sorted(engine.leases.held)}
        return await session.values(_WAITING, bound, kind=int)


async def work_one(engine: Engine) -> bool:
    """Reconcile one device that has work. False if there is none, or other workers hold all of them."""
    for device_id in await waiting(engine):
        if await work_on(engine, device_id):
            return True
    return False


async def work_on(engine: Engine, device_id: int) -> bool:
    """Reconcile a device. False if another worker holds it, or it has no work. Raises DatabaseUnavailable."""
    async with engine.leases.hold(device_id) as mine:
        if not mine:
            return False
        at = engine.clock()
        async with engine.database.transaction(actor=engine.actor, at=at) as session:
            device = await session.row(_CLAIM, {"device": device_id, "worker": engine.name, "at": at}, into=_Claimed)
        if device is None:
            return False
        failures = device.failures
        try:
            await _session(engine, device)
            failures = 0
        except DeviceError as error:
            failures += 1
            _log.warning("device_failed", device=device.name, fault=error.fault.value, error=str(error))
            await health.keep(engine, device.id, health.health_after(error))
        at = engine.clock()
        next_at = at + engine.backoff(failures) if failures else at
        async with engine.database.transaction(actor=engine.actor, at=at) as session:
            await session.execute(_RELEASE, {"device": device.id, "worker": engine.name, "failures": failures, "next_at": next_at})
    return True


async def _session(engine: Engine, device: _Claimed) -> None:
    async with engine.session(device) as driver:
        most = min(_BATCH, driver.max_batch)
        idle, checked_at = 0, None if device.reachable is False else device.checked_at
        while idle < _MAX_IDLE_BATCHES:
            async with engine.database.reading() as reading:
                rows = await reading.rows(_TO_DO, {"device": device.id, "at": engine.clock(), "most": most}, into=DirtyAccess)
            # a batch holds only restores or only blocks, so that nobody is blocked while restores wait
            batch = [row for row in rows if row.desired == rows[0].desired]
            if not batch or (handled := await _batch(engine, device.id, driver, batch)) is None:
                return
            if handled and health.is_due(checked_at, engine.clock()):  # while it is worked on, nobody else probes it
                await health.keep(engine, device.id, await engine.probe(driver))
                checked_at = engine.clock()
            idle = 0 if handled else idle + 1


async def _batch(engine: Engine, device_id: int, driver: IsolationDriver[DeviceConfig], rows: Sequence[DirtyAccess]) -> int | None:
    """Take snapshots, check under lock, execute, read back. Returns how many were handled; None if another worker holds the device."""
    fresh = [row.ref for row in rows if row.desired == State.BLOCKED and row.snapshot is None]
    snapshots = dict(await engine.call(budget(driver, len(fresh)), driver.snapshot(fresh))) if fresh else {}
    missing = len(fresh) - len(snapshots)
    why: Sentence | None = None
    if missing > max(MAX_MISSING, len(fresh) // 2):
        why = Sentence(
            f"the device doesn't know {missing} of {len(fresh)} customers to block: check that it is the right device and wasn't reset",
            f"perangkat tidak mengenal {missing} dari {len(fresh)} pelanggan yang akan diisolir: pastikan perangkatnya benar dan tidak"
            " habis direset",
        )
        snapshots = {}  # a reading that failed, or another device, must not look as if all of them were gone
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        if await session.value(_MINE, {"device": device_id, "worker": engine.name}, kind=int) is None:
            return None
        changes = await _looked_at(session, rows, snapshots)
    if not changes:  # a payment is changing them at this moment, or none may be blocked any more
        await asyncio.sleep(_BUSY_SECONDS)
        return 0
    unknown = [change for change in changes if not change.restores and change.snapshot is None]
    outcomes = {change.row.id: not_there(change, why) for change in unknown}
    jobs = [change for change in changes if change.row.id not in outcomes]
    trouble: DeviceError | None = None
    readings: Mapping[int, Reading] = {}
    if jobs:
        try:
            for restores, call in ((True, driver.restore), (False, driver.block)):
                if part := [change.job for change in jobs if change.restores is restores]:
                    await engine.call(budget(driver, len(part)), _collect(call(part), outcomes))
            kept = {change.row.id: change.job.snapshot for change in jobs if not change.restores}
            readings = await engine.call(budget(driver, len(jobs)), driver.read_state([change.job.ref for change in jobs], kept))
        except DeviceError as error:
            trouble = error
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        results = [
            told(
                engine,
                change,
                outcomes.get(change.row.id) or unanswered(change.row.id, trouble),
                readings.get(change.row.id),
                device_id=device_id,
            )
            for change in changes
        ]
        bound = {"told": orjson.dumps(results).decode(), "device": device_id, "worker": engine.name, "name": engine.actor.name}
        await session.execute(_WRITE, bound | {"at": session.at})
    if trouble is not None:
        raise trouble
    return len(changes)


async def _looked_at(session: WriteSession, rows: Sequence[DirtyAccess], snapshots: Mapping[int, Snapshot]) -> list[Change]:
    """Under lock: store the new snapshots, cancel blocks that are no longer due, and return the rest as they are now."""
    current = {row.id: row for row in await session.rows(_LOCKED, {"ids": [row.id for row in rows], "at": session.at}, into=DirtyAccess)}
    locked = [current[row.id] for row in rows if row.id in current]  # the longest wait stays first
    automatic = {row.id: row.customer_id for row in locked if row.desired == State.BLOCKED and not row.manual}
    not_blocked = await blocks.withdraw(session, automatic)
    changes = [
        Change(row, snapshots.get(row.id) if row.snapshot is None and row.desired == State.BLOCKED else row.snapshot,
                restores=row.desired == State.ACTIVE)
        for row in locked
        if row.id not in not_blocked
    ]  # fmt: skip
    keep = [change for change in changes if not change.restores and change.row.snapshot is None and change.snapshot is not None]
    if keep:
        kept = [{"id": change.row.id, "snapshot": dict(change.snapshot or {}), "plan": change.row.plan_id} for change in keep]
        await session.execute(_KEEP, {"kept": orjson.dumps(kept).decode()})
    return changes


async def _collect(outcomes: AsyncIterator[Outcome], into: dict[int, Outcome]) -> None:
    async for outcome in outcomes:
        into[outcome.ref_id] = outcome
