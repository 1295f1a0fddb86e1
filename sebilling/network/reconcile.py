"""The isolation engine: brings devices to the desired state, reads it back, and writes events. It is level-triggered: it compares states
and doesn't replay changes.

A worker leases one device at a time, so that no two sessions touch it, and reconciles its dirty rows (`desired_generation` greater than
`observed_generation`) in one session, batch after batch. Restores come before blocks. A customer is blocked only after a check, under
lock, that they still should be, and after the snapshot needed to restore them is committed. A call without an answer is followed by a
reading before it is retried. No network call happens inside a transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import BindParameter, DateTime, bindparam, text

from sebilling import events
from sebilling.billing.isolation import blocks
from sebilling.billing.isolation.policy import NOT_POSTPONED
from sebilling.db.engine import WriteSession
from sebilling.events.ids import CustomerId, DeviceId
from sebilling.events.isolation import CustomerBlocked, CustomerLeftBlocked, CustomerRestored, IsolationFailed
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.network import health
from sebilling.network.devices import StoredDevice
from sebilling.network.engine import CLOSE_SECONDS, MAX_BACKOFF_SECONDS, MAX_DOUBLINGS, Engine, budget, sentence
from sebilling.plugins.contract import (
    DeviceConfig,
    DeviceError,
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

_log = get_logger(__name__)
_BATCH: Final = 1_000
MAX_MISSING: Final = 5
"""Missing keys tolerated in a batch. If more are missing, and more than half of the batch, nobody new is blocked on the device."""
_BUSY_SECONDS: Final = 0.05
_MAX_IDLE_BATCHES: Final = 40
"""Batches in a row of which nothing could be handled; then the session ends, and a later one goes on."""

_AT: Final[BindParameter[datetime]] = bindparam("at", type_=DateTime(timezone=True))
# A `next_at` later than any backoff allows was written while the clock was ahead, and is ignored.
_IS_TIME: Final = f"(next_at <= :at OR next_at > CAST(:at AS timestamptz) + interval '{2 * MAX_BACKOFF_SECONDS} seconds')"
# An access whose failure is permanent waits longer, the more often it was tried.
_IS_ITS_TIME: Final = f"""
    (service_access.next_at <= :at OR service_access.next_at > CAST(:at AS timestamptz)
     + interval '{2 * MAX_BACKOFF_SECONDS} seconds' * power(2, least(service_access.attempts, {MAX_DOUBLINGS})))
"""
_HAS_WORK: Final = f"""
    enabled AND {_IS_TIME} AND EXISTS (SELECT FROM service_access WHERE device_id = device.id
             AND desired_generation > observed_generation AND {_IS_ITS_TIME} AND {NOT_POSTPONED})
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
    f"UPDATE device SET lease_by = :worker WHERE id = :device AND {_HAS_WORK} RETURNING id, name, kind, config, config_version, failures"
)
_RELEASE: Final = text(
    "UPDATE device SET lease_by = NULL, failures = :failures, next_at = :next_at WHERE id = :device AND lease_by = :worker"
)
_MINE: Final = text("SELECT id FROM device WHERE id = :device AND lease_by = :worker FOR SHARE")
_DIRTY: Final = """
    SELECT service_access.id, customer_id, key, desired, manual, desired_generation, attempts, snapshot, snapshot_plan_id, plan_id,
           rate_down_kbps, rate_up_kbps, customer.counter_id, service_kind, customer.code, customer.name, reclaim
      FROM service_access JOIN customer ON customer.id = customer_id JOIN plan ON plan.id = plan_id
"""
_TO_DO: Final = text(
    f"{_DIRTY} WHERE device_id = :device AND desired_generation > observed_generation AND {_IS_ITS_TIME} AND {NOT_POSTPONED}"
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


@dataclass(frozen=True, slots=True)
class _Access:
    """A service access that isn't in the desired state, with its customer's plan and counter."""

    id: int
    customer_id: int
    key: str
    desired: str
    manual: bool
    desired_generation: int
    attempts: int
    snapshot: Snapshot | None
    snapshot_plan_id: int | None
    plan_id: int
    rate_down_kbps: int | None
    rate_up_kbps: int | None
    counter_id: int
    service_kind: str
    code: str
    name: str
    reclaim: bool


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


async def _session(engine: Engine, device: StoredDevice) -> None:
    driver = engine.driver(device)
    try:
        await engine.open(driver)
        most = min(_BATCH, driver.max_batch)
        idle = 0
        while idle < _MAX_IDLE_BATCHES:
            async with engine.database.reading() as reading:
                rows = await reading.rows(_TO_DO, {"device": device.id, "at": engine.clock(), "most": most}, into=_Access)
            # a batch holds only restores or only blocks, so that nobody is blocked while restores wait
            batch = [row for row in rows if row.desired == rows[0].desired]
            if not batch or (handled := await _batch(engine, device.id, driver, batch)) is None:
                return
            idle = 0 if handled else idle + 1
    finally:
        with suppress(DeviceError):
            await engine.call(CLOSE_SECONDS, driver.close())


async def _batch(engine: Engine, device_id: int, driver: IsolationDriver[DeviceConfig], rows: Sequence[_Access]) -> int | None:
    """Take snapshots, check under lock, execute, read back. Returns how many were handled; None if another worker holds the device."""
    fresh = [_ref(row) for row in rows if row.desired == State.BLOCKED and row.snapshot is None]
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
    outcomes = {change.row.id: _not_there(change, why) for change in unknown}
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
            _told(
                engine,
                change,
                outcomes.get(change.row.id) or _unanswered(change.row.id, trouble),
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


def _not_there(change: "_Change", why: Sentence | None) -> Outcome:
    """Outcome for a customer without a snapshot. They aren't blocked, as nothing could restore them."""
    if why is not None:
        return Outcome(change.row.id, Result.FAILED, Fault.SETUP, why)
    unknown = Sentence(
        f"the device knows no '{change.row.key}': correct the customer's service access",
        f"perangkat tidak mengenal '{change.row.key}': perbaiki akses layanan pelanggannya",
    )
    return Outcome(change.row.id, Result.FAILED, Fault.ABSENT, unknown)


def _unanswered(ref_id: int, trouble: DeviceError | None) -> Outcome:
    if trouble is None:
        return Outcome(ref_id, Result.UNKNOWN, Fault.PROTOCOL, _NO_OUTCOME, retryable=True)
    return Outcome(ref_id, Result.UNKNOWN, trouble.fault, trouble.message, retryable=True)


@dataclass(frozen=True, slots=True)
class _Change:
    row: _Access
    snapshot: Snapshot | None
    restores: bool

    @property
    def job(self) -> Job:
        """The job; with `plan_changed` if the customer had another plan when they were blocked."""
        row = self.row
        changed = self.restores and row.snapshot is not None and row.snapshot_plan_id not in {None, row.plan_id}
        return Job(_ref(self.row), self.snapshot or {}, plan_changed=changed, reclaim=self.restores and row.reclaim)


async def _looked_at(session: WriteSession, rows: Sequence[_Access], snapshots: Mapping[int, Snapshot]) -> list[_Change]:
    """Under lock: store the new snapshots, cancel blocks that are no longer due, and return the rest as they are now."""
    current = {row.id: row for row in await session.rows(_LOCKED, {"ids": [row.id for row in rows], "at": session.at}, into=_Access)}
    locked = [current[row.id] for row in rows if row.id in current]  # the longest wait stays first
    automatic = {row.id: row.customer_id for row in locked if row.desired == State.BLOCKED and not row.manual}
    not_blocked = await blocks.withdraw(session, automatic)
    changes = [
        _Change(row, snapshots.get(row.id) if row.snapshot is None and row.desired == State.BLOCKED else row.snapshot,
                restores=row.desired == State.ACTIVE)
        for row in locked
        if row.id not in not_blocked
    ]  # fmt: skip
    keep = [change for change in changes if not change.restores and change.row.snapshot is None and change.snapshot is not None]
    if keep:
        kept = [{"id": change.row.id, "snapshot": dict(change.snapshot or {}), "plan": change.row.plan_id} for change in keep]
        await session.execute(_KEEP, {"kept": orjson.dumps(kept).decode()})
    return changes


def _ref(row: _Access) -> Ref:
    return Ref(
        row.id, row.key, row.rate_down_kbps, row.rate_up_kbps, service_kind=row.service_kind, code=row.code, name=row.name
    )  # fmt: skip


async def _collect(outcomes: AsyncIterator[Outcome], into: dict[int, Outcome]) -> None:
    async for outcome in outcomes:
        into[outcome.ref_id] = outcome


def _told(engine: Engine, change: _Change, outcome: Outcome, reading: Reading | None, *, device_id: int) -> Mapping[str, object]:
    """Result of a job, as `_WRITE` takes it. It is done only if the device was read back in the wanted state."""
    row, wanted = change.row, State.ACTIVE if change.restores else State.BLOCKED
    never_blocked = change.restores and row.snapshot is None and not row.reclaim
    actual = reading.actual if reading is not None else _READ.get(outcome.fault) if outcome.fault else None
    done = actual is wanted and outcome.result in {Result.CHANGED, Result.UNCHANGED, Result.UNKNOWN}
    if never_blocked and outcome.result is not Result.UNKNOWN:  # never blocked by SeBilling: nothing to restore
        done = done or outcome.result in {Result.CHANGED, Result.UNCHANGED} or actual is State.ACTIVE
    # as it was before SeBilling blocked it: there is no more to do, but the customer isn't restored, as someone else had blocked them
    left_blocked = (
        change.restores and row.snapshot is not None and not row.reclaim and outcome.result is Result.UNCHANGED and actual is State.BLOCKED
    )
    done = done or left_blocked
    message = None if outcome.message is None else sentence(outcome.message)
    error = _LEFT_BLOCKED if left_blocked else None if done else message or _not_in_effect(reading) or _read_back(actual)
    is_new = _is_new(change, outcome, done=done, never_blocked=never_blocked)
    event: events.Payload | None = None
    if is_new and left_blocked:
        event = CustomerLeftBlocked(customer_id=CustomerId.of(row.customer_id), device_id=DeviceId.of(device_id), key=row.key)
    elif is_new:  # the message may be a note, such as a setting of the new plan that couldn't be applied
        event = _event(change, outcome, device_id, error=error, note=message)
    # after a block that failed, the device's state may change before the retry, so take a new snapshot then
    untouched = not change.restores and actual is State.ACTIVE and outcome.result is Result.FAILED
    is_permanent = outcome.result is Result.FAILED and not outcome.retryable
    wait = _wait(engine, row.attempts, reading, is_permanent=is_permanent)
    return {
        "id": row.id, "done": done, "reclaimed": done and change.restores, "desired_generation": row.desired_generation,
        "actual": "UNKNOWN" if actual is None else actual.value,
        "detail": None if reading is None or reading.detail is None else sentence(reading.detail).to_json(),
        "error": None if error is None else error.to_json(), "wait": f"{wait} seconds",
        "forget": (done and change.restores) or untouched,
        "found_blocked": not change.restores and row.snapshot is None and outcome.result is Result.UNCHANGED, "counter": row.counter_id,
        "kind": None if event is None else event.kind.text,
        "data": None if event is None else events.to_json(event),
    }  # fmt: skip


_NO_OUTCOME: Final = Sentence("the driver gave no outcome for it", "driver tidak memberikan hasil untuknya")
_LEFT_BLOCKED: Final = Sentence(
    "Already blocked on the device before SeBilling did, and left so: restore the account there, or let SeBilling reclaim it.",
    "Sudah terisolir di perangkat sebelum SeBilling mengisolir, dan dibiarkan: pulihkan di sana, atau ambil alih lewat SeBilling.",
)


def _wait(engine: Engine, attempts: int, reading: Reading | None, *, is_permanent: bool) -> float:
    """Seconds until the next attempt: as long as the device needs to tell more, and hours for what won't go away by itself.

    A permanent failure is tried again at once when a person changes the device, the key or the decision, and when a look finds a change.
    """
    if is_permanent:
        return MAX_BACKOFF_SECONDS * float(1 << min(attempts, MAX_DOUBLINGS)) * engine.chance.uniform(0.5, 1)
    wait = engine.backoff(attempts).total_seconds()
    if reading is not None and reading.look_again_seconds is not None and reading.in_effect is not True:
        # no later than `_IS_ITS_TIME` lets an access wait
        return min(max(wait, reading.look_again_seconds), MAX_BACKOFF_SECONDS * float(1 << min(attempts, MAX_DOUBLINGS)))
    return wait


def _not_in_effect(reading: Reading | None) -> Sentence | None:
    """What is set, and that traffic doesn't follow."""
    if reading is None or reading.in_effect or reading.state in {State.DRIFTED, State.ABSENT}:
        return None
    if reading.in_effect is None:
        known = Sentence("whether traffic follows isn't known", "apakah lalu lintasnya sudah mengikuti belum diketahui")
    elif reading.state is State.BLOCKED:
        known = Sentence("but the customer is still online", "tetapi pelanggannya masih online")
    else:
        known = Sentence("but the customer is still held back", "tetapi pelanggannya masih tertahan")
    return Sentence(f"set as {reading.state}, {known.english}", f"sudah diatur {reading.state}, {known.indonesian}")


def _read_back(actual: State | None) -> Sentence:
    if actual is None:
        return Sentence("not read back", "keadaannya tidak terbaca kembali")
    return Sentence(f"read back as {actual}", f"terbaca kembali sebagai {actual}")


_READ: Final[Mapping[Fault, State]] = {Fault.DRIFTED: State.DRIFTED, Fault.ABSENT: State.ABSENT}
"""State implied by a failure, when no reading is available."""


def _is_new(change: _Change, outcome: Outcome, *, done: bool, never_blocked: bool) -> bool:
    """Whether to write an event. The first failure is reported, then every tenth."""
    if done:
        return not (never_blocked and outcome.result is Result.UNCHANGED)
    return change.row.attempts % 10 == 0


def _event(change: _Change, outcome: Outcome, device_id: int, *, error: Sentence | None, note: Sentence | None) -> events.Payload:
    """What to report: a failure if there is an error."""
    customer, device, key = CustomerId.of(change.row.customer_id), DeviceId.of(device_id), change.row.key
    if error is not None:
        wanted, fault = State.ACTIVE if change.restores else State.BLOCKED, outcome.fault
        return IsolationFailed(customer_id=customer, device_id=device, key=key, wanted=wanted, fault=fault, error=error)
    kind = CustomerRestored if change.restores else CustomerBlocked
    return kind(customer_id=customer, device_id=device, key=key, note=note)
