"""The isolation engine: makes devices as they should be, reads back, and tells. Level-triggered: it looks at what is, not at what happened.

A worker leases one device at a time, so that no two sessions touch it, and brings its dirty rows (`want` beyond `have`) in line in one
session, batch after batch; as long as someone is to be given back, nobody is cut. Nobody is cut without a look, under lock, at whether
they still should be, and without the snapshot that gives them back having been committed. What the device didn't answer is read before
it is tried again. No network call happens inside a transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import DateTime, Row, bindparam, text

from sebilling.db.engine import WriteSession
from sebilling.logs import get_logger
from sebilling.network import health
from sebilling.network.engine import CALL_SECONDS, CLOSE_SECONDS, MAX_BACKOFF_SECONDS, Engine
from sebilling.plugins.contract import DeviceError, Fault, IsolationDriver, Job, Outcome, Reading, Ref, Result, Snapshot, State

_log = get_logger(__name__)
_BATCH: Final = 1_000
MAX_MISSING: Final = 5
"""Names of a batch that a device may not know, whatever their share: if more than half are missing too, nobody new is cut there."""
_BUSY_SECONDS: Final = 0.05

# What waits for longer than anything is made to wait was written while the clock was ahead, and waits no longer.
_IS_TIME: Final = f"(next_at <= :at OR next_at > CAST(:at AS timestamptz) + interval '{2 * MAX_BACKOFF_SECONDS} seconds')"
# On a blackout date what the engine decided before waits until it is over. What someone decided by hand doesn't.
_MAY_BE_DONE: Final = """
    (desired = 'ACTIVE' OR manual OR NOT EXISTS (
        SELECT FROM blackout_date WHERE day = (
            SELECT (CAST(:at AS timestamptz) AT TIME ZONE timezone)::date FROM customer owner JOIN counter ON counter.id = owner.counter_id
             WHERE owner.id = service_access.customer_id)))
"""
_HAS_WORK: Final = f"""
    enabled AND {_IS_TIME} AND EXISTS (SELECT FROM service_access WHERE device_id = device.id
             AND desired_generation > observed_generation AND {_IS_TIME} AND {_MAY_BE_DONE})
"""
# Those on whom someone waits for their internet come first, the longest waiting before the rest.
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
           rate_down_kbps, rate_up_kbps, customer.counter_id
      FROM service_access JOIN customer ON customer.id = customer_id JOIN plan ON plan.id = plan_id
"""
_TO_DO: Final = text(
    f"{_DIRTY} WHERE device_id = :device AND desired_generation > observed_generation AND {_IS_TIME} AND {_MAY_BE_DONE}"
    " ORDER BY desired, service_access.next_at, service_access.id LIMIT :most"
)
# Rows that a payment is just changing are skipped: they come again with the next round.
_LOCKED: Final = text(f"{_DIRTY} WHERE service_access.id = ANY (:ids) FOR UPDATE OF service_access SKIP LOCKED")
_OVERDUE: Final = text(
    "SELECT customer_id, may_block FROM overdue_customers(CAST(:at AS timestamptz)) WHERE customer_id = ANY (:customers)"
)
_LET_BE: Final = text(
    """
    WITH changed AS (
        UPDATE service_access SET desired = 'ACTIVE', because = '', desired_at = :at, desired_generation = desired_generation + 1
         WHERE id = ANY (:ids)
        RETURNING id, customer_id
    )
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    SELECT :at, NULL, :name, 'isolation.restore_wanted', 'service_access', changed.id, counter_id,
           jsonb_build_object('customer', customer_id, 'because', 'nothing is overdue any more')
      FROM changed JOIN customer ON customer.id = customer_id
    """
).bindparams(bindparam("at", type_=DateTime(timezone=True)))
_KEEP: Final = text(
    """
    UPDATE service_access SET snapshot = kept.snapshot, snapshot_plan_id = kept.plan
      FROM jsonb_to_recordset(CAST(:kept AS jsonb)) AS kept (id bigint, snapshot jsonb, plan bigint)
     WHERE service_access.id = kept.id AND service_access.snapshot IS NULL
    """
)
# Rows are locked in the order of their ids, as everybody does who locks several. What was wished meanwhile isn't put off.
_WRITE: Final = text(
    """
    WITH told AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told (
            id bigint, done boolean, desired_generation bigint, actual text, detail text, error text, wait interval, forget boolean,
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
               snapshot = CASE WHEN forget THEN NULL ELSE snapshot END
          FROM locked JOIN told USING (id) WHERE access.id = locked.id
        RETURNING access.id
    )
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    SELECT :at, NULL, :name, kind, 'service_access', id, counter, data FROM written JOIN told USING (id) WHERE kind IS NOT NULL ORDER BY id
    """
).bindparams(bindparam("at", type_=DateTime(timezone=True)))


async def waiting(engine: Engine) -> Sequence[int]:
    """Devices on which something is to be done now and that this worker doesn't hold, those with someone to give back first."""
    async with engine.database.reading() as session:
        bound = {"at": engine.clock(), "held": sorted(engine.leases.held)}
        return [row.id for row in await session.rows(_WAITING, bound)]


async def work_one(engine: Engine) -> bool:
    """Bring a device on which something is to be done in line; False if there is none that nobody else is at."""
    for device_id in await waiting(engine):
        if await work_on(engine, device_id):
            return True
    return False


async def work_on(engine: Engine, device_id: int) -> bool:
    """Bring a device in line; False if someone else is at it, or nothing is to be done. Raises DatabaseUnavailable."""
    async with engine.leases.hold(device_id) as mine:
        if not mine:
            return False
        at = engine.clock()
        async with engine.database.transaction(actor=engine.actor, at=at) as session:
            device = await session.row(_CLAIM, {"device": device_id, "worker": engine.name, "at": at})
        if device is None:
            return False
        failures = device.failures
        try:
            await _session(engine, device)
            failures = 0
        except DeviceError as error:
            failures += 1
            _log.warning("device_failed", device=device.name, fault=error.fault.value, error=error.message)
            await health.keep(engine, device.id, health.health_after(error))
        at = engine.clock()
        next_at = at + engine.backoff(failures) if failures else at
        async with engine.database.transaction(actor=engine.actor, at=at) as session:
            await session.execute(_RELEASE, {"device": device.id, "worker": engine.name, "failures": failures, "next_at": next_at})
    return True


async def _session(engine: Engine, device: Row[*tuple[Any, ...]]) -> None:
    driver = engine.driver(device)
    try:
        await engine.open(driver)
        most = min(_BATCH, driver.max_batch)
        while True:
            async with engine.database.reading() as reading:
                rows = await reading.rows(_TO_DO, {"device": device.id, "at": engine.clock(), "most": most})
            # nobody is cut while someone is to be given back: a batch is of one kind
            if not rows or not await _batch(engine, device.id, driver, [row for row in rows if row.desired == rows[0].desired]):
                return
    finally:
        with suppress(DeviceError):
            await engine.call(CLOSE_SECONDS, driver.close())


async def _batch(engine: Engine, device_id: int, driver: IsolationDriver[Any], rows: Sequence[Row[*tuple[Any, ...]]]) -> bool:
    """Snapshots, the look under lock, the deed, reading back. False if the device is another worker's now."""
    fresh = [_ref(row) for row in rows if row.desired == State.BLOCKED and row.snapshot is None]
    snapshots = dict(await engine.call(CALL_SECONDS, driver.snapshot(fresh))) if fresh else {}
    missing = len(fresh) - len(snapshots)
    why = ""
    if missing > max(MAX_MISSING, len(fresh) // 2):
        why = f"the device doesn't know {missing} of {len(fresh)} that are to be cut: is it the right one, or was it reset?"
        snapshots = {}  # a reading that failed, or another device, must not look as if they had all left
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        if await session.value(_MINE, {"device": device_id, "worker": engine.name}) is None:
            return False
        wanted = await _looked_at(session, rows, snapshots)
    if not wanted:  # a payment is just changing them
        await asyncio.sleep(_BUSY_SECONDS)
        return True
    unknown = [one for one in wanted if not one.restores and one.snapshot is None]
    outcomes = {one.row.id: _not_there(one, why) for one in unknown}
    jobs = [one for one in wanted if one.row.id not in outcomes]
    trouble: DeviceError | None = None
    readings: Mapping[int, Reading] = {}
    if jobs:
        try:
            for restores, call in ((True, driver.restore), (False, driver.block)):
                if part := [one.job for one in jobs if one.restores is restores]:
                    await engine.call(CALL_SECONDS, _collect(call(part), outcomes))
            kept = {one.row.id: one.job.snapshot for one in jobs if not one.restores}
            readings = await engine.call(CALL_SECONDS, driver.read_state([one.job.ref for one in jobs], kept))
        except DeviceError as error:
            trouble = error
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        told = [
            _told(engine, one, outcomes.get(one.row.id) or _unanswered(one.row.id, trouble), readings.get(one.row.id), device_id=device_id)
            for one in wanted
        ]
        bound = {"told": orjson.dumps(told).decode(), "device": device_id, "worker": engine.name, "name": engine.actor.name}
        await session.execute(_WRITE, bound | {"at": session.at})
    if trouble is not None:
        raise trouble
    return True


def _not_there(one: "_Wanted", why: str) -> Outcome:
    """What to say of someone of whom there is no snapshot: without one nobody is cut, as nothing could give them back."""
    if why:
        return Outcome(one.row.id, Result.FAILED, Fault.SETUP, why)
    return Outcome(one.row.id, Result.FAILED, Fault.ABSENT, f"the device knows no '{one.row.key}': mend the customer's access")


def _unanswered(ref_id: int, trouble: DeviceError | None) -> Outcome:
    if trouble is None:
        return Outcome(ref_id, Result.UNKNOWN, Fault.PROTOCOL, "the driver said nothing of it", retryable=True)
    return Outcome(ref_id, Result.UNKNOWN, trouble.fault, trouble.message, retryable=True)


@dataclass(frozen=True, slots=True)
class _Wanted:
    row: Row[*tuple[Any, ...]]
    snapshot: Snapshot | None
    restores: bool

    @property
    def job(self) -> Job:
        """The work; with `plan_changed` if it was another plan's when they were cut."""
        row = self.row
        changed = self.restores and row.snapshot is not None and row.snapshot_plan_id not in {None, row.plan_id}
        return Job(_ref(self.row), self.snapshot or {}, plan_changed=changed)


async def _looked_at(session: WriteSession, rows: Sequence[Row[*tuple[Any, ...]]], snapshots: Mapping[int, Snapshot]) -> list[_Wanted]:
    """Under lock: keep the new snapshots, let be who need not be cut any more, and give the rest as they are now."""
    place = {row.id: number for number, row in enumerate(rows)}
    locked = sorted(await session.rows(_LOCKED, {"ids": list(place)}), key=lambda row: place[row.id])  # who waits longest stays first
    blocking = [row for row in locked if row.desired == State.BLOCKED and not row.manual]
    may_block = {
        row.customer_id: row.may_block
        for row in await session.rows(_OVERDUE, {"customers": [row.customer_id for row in blocking], "at": session.at})
    } if blocking else {}  # fmt: skip
    let_be = {row.id for row in blocking if row.customer_id not in may_block}
    if let_be:
        await session.execute(_LET_BE, {"ids": sorted(let_be), "at": session.at, "name": session.actor.name})
    postponed = {row.id for row in blocking if not may_block.get(row.customer_id, True)}  # the blackout date was added just now
    wanted = [
        _Wanted(row, snapshots.get(row.id) if row.snapshot is None and row.desired == State.BLOCKED else row.snapshot,
                restores=row.desired == State.ACTIVE)
        for row in locked
        if row.id not in let_be | postponed
    ]  # fmt: skip
    keep = [one for one in wanted if not one.restores and one.row.snapshot is None and one.snapshot is not None]
    if keep:
        kept = [{"id": one.row.id, "snapshot": dict(one.snapshot or {}), "plan": one.row.plan_id} for one in keep]
        await session.execute(_KEEP, {"kept": orjson.dumps(kept).decode()})
    return wanted


def _ref(row: Row[*tuple[Any, ...]]) -> Ref:
    return Ref(row.id, row.key, row.rate_down_kbps, row.rate_up_kbps)


async def _collect(outcomes: AsyncIterator[Outcome], into: dict[int, Outcome]) -> None:
    async for outcome in outcomes:
        into[outcome.ref_id] = outcome


def _told(engine: Engine, one: _Wanted, outcome: Outcome, reading: Reading | None, *, device_id: int) -> Mapping[str, Any]:
    """What became of a job, as `_WRITE` takes it: done only if the device was read back as wanted."""
    row, wanted = one.row, State.ACTIVE if one.restores else State.BLOCKED
    never_blocked = one.restores and row.snapshot is None
    actual = reading.state if reading is not None else _READ.get(outcome.fault) if outcome.fault else None
    done = actual is wanted and outcome.result in {Result.CHANGED, Result.UNCHANGED, Result.UNKNOWN}
    if never_blocked and outcome.result is not Result.UNKNOWN:  # nothing of ours was ever there: there is nothing to give back
        done = done or outcome.result in {Result.CHANGED, Result.UNCHANGED} or actual is State.ACTIVE
    # what is exactly as it was before us is given back, though someone else had cut it
    as_before = one.restores and row.snapshot is not None and outcome.result is Result.UNCHANGED and actual is State.BLOCKED
    done = done or as_before
    error = "" if done else outcome.message or (f"read back as {actual}" if actual else "not read back")
    data = {"customer": row.customer_id, "device": device_id, "key": row.key, "wanted": wanted.value, "error": error}
    if not done and outcome.fault is not None:
        data["fault"] = outcome.fault.value
    if as_before:
        data["note"] = "it had been cut on the device before us, and is left as it was"
    elif done and outcome.message:  # such as what couldn't be taken along of a new plan
        data["note"] = outcome.message
    # after a cut that failed, what there is may change before it is tried again
    untouched = not one.restores and actual is State.ACTIVE and outcome.result is Result.FAILED
    wait = engine.backoff(row.attempts + (0 if outcome.retryable else 4)).total_seconds()
    return {
        "id": row.id, "done": done, "desired_generation": row.desired_generation, "actual": "UNKNOWN" if actual is None else actual.value,
        "detail": reading.detail if reading else "", "error": error, "wait": f"{wait} seconds",
        "forget": (done and one.restores) or untouched, "kind": _kind(one, outcome, done=done, never_blocked=never_blocked),
        "counter": row.counter_id, "data": data,
    }  # fmt: skip


_READ: Final[Mapping[Fault, State]] = {Fault.DRIFTED: State.DRIFTED, Fault.ABSENT: State.ABSENT}
"""What a failure says of the state, though it wasn't read."""


def _kind(one: _Wanted, outcome: Outcome, *, done: bool, never_blocked: bool) -> str | None:
    """Of the event that tells it; None: no news. The first failure is told, then every tenth."""
    if done:
        if never_blocked and outcome.result is Result.UNCHANGED:
            return None
        return "customer.restored" if one.restores else "customer.blocked"
    return "isolation.failed" if one.row.attempts % 10 == 0 else None
