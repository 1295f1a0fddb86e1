"""The isolation engine: makes devices as they should be, reads back, and tells. Level-triggered: it looks at what is, not at what happened.

A worker leases one device at a time, so that no two sessions touch it, and brings its dirty rows (`want` beyond `have`) in line in one
session: first who is given back, then who is cut. Nobody is cut without a look, under lock, at whether they still should be, and
without the snapshot that gives them back having been committed. What the device didn't answer is read before it is tried again. No
network call happens inside a transaction.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Row, text

from sebilling.actor import Actor, operator
from sebilling.clock import Clock
from sebilling.db.engine import Database, WriteSession
from sebilling.errors import InvalidDevice
from sebilling.logs import get_logger
from sebilling.plugins import devices
from sebilling.plugins.contract import (
    DeviceError,
    DeviceHealth,
    DriverContext,
    Fault,
    IsolationDriver,
    Job,
    Outcome,
    Reading,
    Ref,
    Result,
    Snapshot,
    State,
)
from sebilling.plugins.loading import Plugins
from sebilling.plugins.secrets import Undecipherable, Vault

_log = get_logger(__name__)
LEASE: Final = timedelta(seconds=120)
CALL_SECONDS: Final = 60.0
"""Deadline of one call of a driver; a session has several, and ends before its lease does."""
OPEN_SECONDS: Final = 15.0
MOST_BACKOFF_SECONDS: Final = 20.0
"""A device that comes back is at work within this time; its customers wait for their internet."""
_BATCH: Final = 1_000

_LEASE: Final = text(
    """
    UPDATE device SET lease_by = :worker, lease_until = :until WHERE id = (
        SELECT id FROM device
         WHERE enabled AND next_at <= :at AND (lease_until IS NULL OR lease_until <= :at)
           AND EXISTS (SELECT FROM service_access WHERE device_id = device.id AND want > have AND next_at <= :at)
         ORDER BY (SELECT min(next_at) FROM service_access WHERE device_id = device.id AND want > have AND desired = 'ACTIVE') NULLS LAST,
                  next_at
         LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, name, kind, config, config_version, failures
    """
)
_RELEASE: Final = text(
    """
    UPDATE device SET lease_by = NULL, lease_until = NULL, failures = :failures, next_at = :next_at
     WHERE id = :device AND lease_by = :worker
    """
)
_EXTEND: Final = text("UPDATE device SET lease_until = :until WHERE id = :device AND lease_by = :worker RETURNING id")
_DIRTY: Final = """
    SELECT service_access.id, customer_id, key, desired, manual, want, attempts, snapshot, snapshot_plan_id, plan_id,
           rate_down_kbps, rate_up_kbps, customer.counter_id
      FROM service_access JOIN customer ON customer.id = customer_id JOIN plan ON plan.id = plan_id
"""
_TO_DO: Final = text(
    f"{_DIRTY} WHERE device_id = :device AND want > have AND service_access.next_at <= :at"
    f" ORDER BY desired, service_access.next_at, service_access.id LIMIT {_BATCH}"
)
# Rows that a payment is just changing are skipped: they come again with the next round.
_LOCKED: Final = text(f"{_DIRTY} WHERE service_access.id = ANY (:ids) FOR UPDATE OF service_access SKIP LOCKED")
_STILL_DUE: Final = text(
    "SELECT customer_id FROM isolation"
    " WHERE customer_id = ANY (:customers) AND cut_on <= (CAST(:at AS timestamptz) AT TIME ZONE timezone)::date"
)
_LET_BE: Final = text("UPDATE service_access SET desired = 'ACTIVE', because = '', desired_at = :at, want = want + 1 WHERE id = ANY (:ids)")
_KEEP: Final = text(
    "UPDATE service_access SET snapshot = CAST(:snapshot AS jsonb), snapshot_plan_id = :plan WHERE id = :id AND snapshot IS NULL"
)
_WRITE: Final = text(
    """
    UPDATE service_access SET have = CASE WHEN :done THEN greatest(have, :want) ELSE have END, actual = :actual, detail = :detail,
           read_at = :at, attempts = CASE WHEN :done THEN 0 ELSE attempts + 1 END, error = :error, next_at = :next_at,
           snapshot = CASE WHEN :forget THEN NULL ELSE snapshot END
     WHERE id = :id AND EXISTS (SELECT FROM device WHERE id = :device AND lease_by = :worker)
    """
)
_TELL: Final = text(
    """
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    VALUES (:at, NULL, :name, :kind, 'service_access', :id, :counter, CAST(:data AS jsonb))
    """
)
_HEALTH: Final = text(
    """
    UPDATE device SET reachable = :reachable, problems = CAST(:problems AS jsonb), facts = CAST(:facts AS jsonb), checked_at = :at
     WHERE id = :device
    """
)
_WAS: Final = text("SELECT name, reachable, problems FROM device WHERE id = :device FOR NO KEY UPDATE")
_UNCHECKED: Final = text(
    "SELECT id FROM device WHERE enabled AND (checked_at IS NULL OR checked_at <= :before) ORDER BY checked_at NULLS FIRST LIMIT 20"
)
HEALTH_EVERY: Final = timedelta(seconds=60)


@dataclass(slots=True)
class Engine:
    """What a worker needs. `name` is its own, for leases; `chance` spreads retries."""

    database: Database
    plugins: Plugins
    vault: Vault
    clock: Clock
    name: str
    chance: random.Random = field(default_factory=random.Random)

    @property
    def actor(self) -> Actor:
        """Who cuts and gives back: the engine, by its worker's name."""
        return operator(f"isolation {self.name}")

    def session(self, device: Row[*tuple[Any, ...]]) -> IsolationDriver[Any]:
        """A driver for the device. Raises DeviceError if its settings can't be read."""
        try:
            config = devices.config_of(self.plugins, self.vault, device.kind, device.config, device.config_version)
        except (InvalidDevice, Undecipherable, ValueError) as error:
            raise DeviceError(Fault.SETUP, str(error), retryable=False) from error
        logger = logging.getLogger(f"sebilling.device.{device.kind}")
        return self.plugins.drivers[device.kind](config, DriverContext(device.id, device.name, logger))

    def backoff(self, attempts: int) -> timedelta:
        """How long to wait after so many failures: doubling from half a second, with jitter, at most MOST_BACKOFF_SECONDS."""
        longest = min(MOST_BACKOFF_SECONDS, 0.5 * 2 ** min(attempts, 10))
        return timedelta(seconds=longest * self.chance.uniform(0.5, 1))


async def work_one(engine: Engine) -> bool:
    """Lease a device on which something is to be done and bring it in line; False if there is none."""
    at = engine.clock()
    async with engine.database.transaction(actor=engine.actor, at=at) as session:
        device = await session.row(_LEASE, {"worker": engine.name, "until": at + LEASE, "at": at})
    if device is None:
        return False
    failures = device.failures
    try:
        await _session(engine, device)
        failures = 0
    except DeviceError as error:
        failures += 1
        await _all_failed(engine, device, error)
    finally:
        at = engine.clock()
        wait = engine.backoff(failures) if failures else timedelta(0)
        async with engine.database.transaction(actor=engine.actor, at=at) as session:
            await session.execute(_RELEASE, {"device": device.id, "worker": engine.name, "failures": failures, "next_at": at + wait})
    return True


async def _session(engine: Engine, device: Row[*tuple[Any, ...]]) -> None:
    driver = engine.session(device)
    try:
        await _within(OPEN_SECONDS, driver.open())
        began = engine.clock()
        while engine.clock() - began < LEASE / 4:
            async with engine.database.reading() as reading:
                rows = await reading.rows(_TO_DO, {"device": device.id, "at": engine.clock()})
            if not rows or not await _round(engine, device, driver, rows):
                return
    finally:
        with suppress(Exception):
            await _within(OPEN_SECONDS, driver.close())


async def _round(
    engine: Engine, device: Row[*tuple[Any, ...]], driver: IsolationDriver[Any], rows: Sequence[Row[*tuple[Any, ...]]]
) -> bool:
    """One batch: snapshots, the look under lock, restores, blocks, reading back. False if the lease was lost."""
    fresh = [_ref(row) for row in rows if row.desired == State.BLOCKED and row.snapshot is None]
    snapshots = dict(await _within(CALL_SECONDS, driver.snapshot(fresh))) if fresh else {}
    at = engine.clock()
    async with engine.database.transaction(actor=engine.actor, at=at) as session:
        if await session.value(_EXTEND, {"device": device.id, "worker": engine.name, "until": at + LEASE}) is None:
            return False
        jobs = await _looked_at(session, rows, snapshots)
    restores, blocks = ([job for job in jobs if job.restores is way] for way in (True, False))
    outcomes: dict[int, Outcome] = {}
    trouble: DeviceError | None = None
    try:
        for group, call in ((restores, driver.restore), (blocks, driver.block)):
            for start in range(0, len(group), driver.max_batch):
                part = [one.job for one in group[start : start + driver.max_batch]]
                await _within(CALL_SECONDS, _collect(call(part), outcomes))
    except DeviceError as error:
        trouble = error
    readings: Mapping[int, Reading] = {}
    if trouble is None and jobs:
        refs, kept = [one.job.ref for one in jobs], {one.job.ref.id: one.job.snapshot for one in jobs if not one.restores}
        readings = await _within(CALL_SECONDS, driver.read_state(refs, kept))
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        for one in jobs:
            ref_id = one.job.ref.id
            outcome = outcomes.get(ref_id) or Outcome(
                ref_id,
                Result.UNKNOWN,
                trouble.fault if trouble else Fault.PROTOCOL,
                trouble.message if trouble else "no answer",
                retryable=True,
            )
            await _written(session, engine, one, device_id=device.id, outcome=outcome, reading=readings.get(ref_id))
    if trouble is not None:
        raise trouble
    return True


@dataclass(frozen=True, slots=True)
class _Wanted:
    row: Row[*tuple[Any, ...]]
    job: Job
    restores: bool


async def _looked_at(session: WriteSession, rows: Sequence[Row[*tuple[Any, ...]]], snapshots: Mapping[int, Snapshot]) -> list[_Wanted]:
    """Under lock: keep the new snapshots, let be who need not be cut any more, and give the jobs as they are now."""
    locked = await session.rows(_LOCKED, {"ids": [row.id for row in rows]})
    cutting = [row for row in locked if row.desired == State.BLOCKED and not row.manual]
    due = {
        row.customer_id
        for row in await session.rows(_STILL_DUE, {"customers": [row.customer_id for row in cutting], "at": session.at})
    } if cutting else set()  # fmt: skip
    let_be = {row.id for row in cutting if row.customer_id not in due}
    if let_be:
        await session.execute(_LET_BE, {"ids": sorted(let_be), "at": session.at})
    jobs: list[_Wanted] = []
    for row in locked:
        snapshot = row.snapshot if row.snapshot is not None else snapshots.get(row.id)
        if row.desired == State.BLOCKED and row.id not in let_be:
            if row.snapshot is None and snapshot is not None:
                await session.execute(_KEEP, {"id": row.id, "snapshot": orjson.dumps(dict(snapshot)).decode(), "plan": row.plan_id})
            jobs.append(_Wanted(row, Job(_ref(row), snapshot or {}), restores=False))
        elif row.desired == State.ACTIVE:
            changed = row.snapshot_plan_id is not None and row.snapshot_plan_id != row.plan_id
            jobs.append(_Wanted(row, Job(_ref(row), snapshot or {}, plan_changed=changed), restores=True))
    return jobs


def _ref(row: Row[*tuple[Any, ...]]) -> Ref:
    return Ref(row.id, row.key, row.rate_down_kbps, row.rate_up_kbps)


async def _collect(outcomes: AsyncIterator[Outcome], into: dict[int, Outcome]) -> None:
    async for outcome in outcomes:
        into[outcome.ref_id] = outcome


async def _within(seconds: float, work: Any) -> Any:
    """The driver's answer, or DeviceError: TIMEOUT after `seconds`, PROTOCOL for whatever else it raises."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except DeviceError:
        raise
    except TimeoutError as error:
        raise DeviceError(Fault.TIMEOUT, f"the device didn't answer within {seconds:.0f} seconds", retryable=True) from error
    except OSError as error:
        raise DeviceError(Fault.UNREACHABLE, f"the device can't be reached: {type(error).__name__}", retryable=True) from error
    except Exception as error:
        _log.exception("driver_failed")
        raise DeviceError(Fault.PROTOCOL, f"the driver failed: {type(error).__name__}", retryable=True) from error


async def _written(
    session: WriteSession, engine: Engine, one: _Wanted, *, device_id: int, outcome: Outcome, reading: Reading | None
) -> None:
    """What became of a job: done only if the device was read back as wanted."""
    row, wanted = one.row, State.ACTIVE if one.restores else State.BLOCKED
    never_cut = one.restores and row.snapshot is None
    actual = reading.state if reading is not None else State.DRIFTED if outcome.fault is Fault.DRIFTED else None
    done = actual is wanted and outcome.result in {Result.CHANGED, Result.UNCHANGED, Result.UNKNOWN}
    if never_cut and outcome.result is not Result.UNKNOWN:  # nothing of ours was ever there: there is nothing to give back
        done = done or outcome.result in {Result.CHANGED, Result.UNCHANGED} or actual is State.ACTIVE
    message = "" if done else outcome.message or (f"read back as {actual}" if actual else "not read back")
    await session.execute(
        _WRITE,
        {"id": row.id, "device": device_id, "worker": engine.name, "done": done, "want": row.want, "at": session.at, "error": message,
         "actual": "UNKNOWN" if actual is None else actual.value, "detail": reading.detail if reading else "",
         "next_at": session.at if done else session.at + engine.backoff(row.attempts + (0 if outcome.retryable else 4)),
         "forget": done and one.restores},
    )  # fmt: skip
    kind = ("customer.restored" if one.restores else "customer.blocked") if done else "isolation.failed"
    if done and outcome.result is Result.UNCHANGED and never_cut:
        return
    if not done and row.attempts and row.attempts % 10:  # the first failure is told, then every tenth
        return
    data = {"customer": row.customer_id, "device": device_id, "key": row.key, "wanted": wanted.value, "error": message}
    if not done and outcome.fault is not None:
        data["fault"] = outcome.fault.value
    await session.execute(
        _TELL,
        {"at": session.at, "name": engine.actor.name, "kind": kind, "id": row.id, "counter": row.counter_id,
         "data": orjson.dumps(data).decode()},
    )  # fmt: skip


async def _all_failed(engine: Engine, device: Row[*tuple[Any, ...]], error: DeviceError) -> None:
    """The device as a whole can't be worked with: it is shown so, and told when that is news."""
    _log.warning("device_failed", device=device.name, fault=error.fault.value, error=error.message)
    gone = error.fault in {Fault.UNREACHABLE, Fault.TIMEOUT}
    await note_health(engine, device.id, DeviceHealth(reachable=not gone, problems=[error.message]))


async def note_health(engine: Engine, device_id: int, health: DeviceHealth) -> None:
    """Keep how the device is; tell it if it has changed."""
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        before = await session.row(_WAS, {"device": device_id})
        if before is None:
            return
        problems = list(health.problems)
        await session.execute(
            _HEALTH,
            {"device": device_id, "reachable": health.reachable, "problems": orjson.dumps(problems).decode(),
             "facts": orjson.dumps(dict(health.facts)).decode(), "at": session.at},
        )  # fmt: skip
        if (before.reachable, before.problems) != (health.reachable, problems):
            data = {"name": before.name, "reachable": health.reachable, "problems": problems}
            await session.execute(
                text(
                    "INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, data)"
                    " VALUES (:at, NULL, :name, 'device.health_changed', 'device', :id, CAST(:data AS jsonb))"
                ),
                {"at": session.at, "name": engine.actor.name, "id": device_id, "data": orjson.dumps(data).decode()},
            )


async def unchecked(engine: Engine) -> list[int]:
    """Devices whose health nobody asked for in HEALTH_EVERY."""
    async with engine.database.reading() as session:
        return [row.id for row in await session.rows(_UNCHECKED, {"before": engine.clock() - HEALTH_EVERY})]


async def probe(engine: Engine, device_id: int) -> DeviceHealth:
    """Ask a device how it is, and keep the answer. Raises NotFound, InvalidDevice, Undecipherable."""
    async with engine.database.reading() as session:
        name, kind, config = await devices.read_config(session, engine.plugins, engine.vault, device_id)
    driver = engine.plugins.drivers[kind](config, DriverContext(device_id, name, logging.getLogger(f"sebilling.device.{kind}")))
    try:
        health: DeviceHealth = await _within(OPEN_SECONDS, driver.probe())
    except DeviceError as error:
        health = DeviceHealth(reachable=error.fault not in {Fault.UNREACHABLE, Fault.TIMEOUT}, problems=[error.message])
    finally:
        with suppress(Exception):
            await _within(OPEN_SECONDS, driver.close())
    await note_health(engine, device_id, health)
    return health
