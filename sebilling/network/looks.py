"""Looks: every few minutes each device is read in bulk, as what was blocked may have been undone there, by hand or by a backup.

A look reads every access that is blocked and in sync, a turning share of the active ones, and those that failed. What it finds is stored
and shown as out of sync, with an event when it is new. What the settings' drift action covers is then brought to the desired state by the
engine as any other change; what a hand set to a third value, and what is gone, is only reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import orjson
from sqlalchemy import text

from sebilling import events
from sebilling.billing.settings import DriftAction
from sebilling.db.parameters import instant
from sebilling.events.ids import CustomerId, DeviceId
from sebilling.events.isolation import DriftFound
from sebilling.language import Sentence
from sebilling.logs import get_logger
from sebilling.network import devices, health
from sebilling.network.access_rows import COLUMNS, TABLES, AccessRow
from sebilling.network.devices import StoredDevice
from sebilling.network.engine import Engine, budget, sentence
from sebilling.network.reconcile import MAX_MISSING
from sebilling.plugins.contract import DeviceError, Fault, Reading, Snapshot, State

_log = get_logger(__name__)
_SHARE: Final = 1_000
"""Active accesses of a device that one look reads, those that weren't read for longest."""
_AHEAD: Final = timedelta(hours=1)
"""A look that lies further ahead was written while the clock was wrong."""
_DUE: Final = text(
    """
    SELECT device.id FROM device, billing_settings
     WHERE enabled AND reachable IS NOT FALSE AND next_at <= :at AND NOT (device.id = ANY (:held))
       AND (looked_at IS NULL OR looked_at <= CAST(:at AS timestamptz) - make_interval(mins => look_every_minutes) OR looked_at > :ahead)
       AND EXISTS (SELECT FROM service_access WHERE device_id = device.id)
     ORDER BY looked_at NULLS FIRST LIMIT 50
    """
)
_COLUMNS: Final = f"""
    SELECT {COLUMNS}, desired, desired_generation, observed_generation, actual, snapshot, found_blocked FROM {TABLES}
     WHERE device_id = :device
"""
_ROWS: Final = text(
    f"""
    ({_COLUMNS} AND desired = 'BLOCKED' AND desired_generation = observed_generation)
    UNION ALL ({_COLUMNS} AND desired = 'ACTIVE' AND desired_generation = observed_generation
                ORDER BY read_at NULLS FIRST, service_access.id LIMIT :share)
    UNION ALL ({_COLUMNS} AND desired_generation > observed_generation AND next_at > CAST(:at AS timestamptz) + interval '1 minute'
                ORDER BY service_access.id LIMIT :share)
    """
)
_ALL: Final = text(f"{_COLUMNS} ORDER BY service_access.id")
_LOOKED: Final = text("UPDATE device SET looked_at = :at WHERE id = :device AND lease_by = :worker")
_ACTION: Final = text("SELECT drift_action FROM billing_settings")
# Rows that are being changed at this moment are skipped: the engine reads them anyway.
_WRITE: Final = text(
    """
    WITH told AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told (
            id bigint, generation bigint, actual text, detail jsonb, error jsonb, again boolean, reclaim boolean, counter bigint,
            data jsonb)
    ), locked AS MATERIALIZED (
        SELECT service_access.id FROM service_access JOIN told USING (id)
         WHERE desired_generation = told.generation AND EXISTS (SELECT FROM device WHERE id = :device AND lease_by = :worker)
         ORDER BY service_access.id FOR NO KEY UPDATE OF service_access SKIP LOCKED
    ), written AS (
        UPDATE service_access access
           SET read_at = :at, actual = told.actual, detail = told.detail,
               error = CASE WHEN access.desired_generation > access.observed_generation THEN access.error ELSE told.error END,
               desired_generation = access.desired_generation + again::int,
               attempts = CASE WHEN again THEN 0 ELSE attempts END,
               next_at = CASE WHEN again OR access.actual <> told.actual THEN :at ELSE next_at END,
               reclaim = access.reclaim OR told.reclaim
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
    """A service access, with its states."""

    desired: str
    desired_generation: int
    observed_generation: int
    actual: str
    snapshot: Snapshot | None
    found_blocked: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a device found: how many accesses it read, how many weren't as desired, how many are put right."""

    read: int = 0
    out_of_sync: int = 0
    put_right: int = 0


async def due(engine: Engine) -> Sequence[int]:
    """Ids of devices that are to be looked at now and aren't held by this worker, the longest wait first."""
    async with engine.database.reading() as session:
        now = engine.clock()
        return await session.values(_DUE, {"at": now, "ahead": now + _AHEAD, "held": sorted(engine.leases.held)}, kind=int)


async def look_at(engine: Engine, device_id: int, *, recovering: bool = False) -> Found | None:
    """Read a device and store what is found; None if another worker holds it, it is disabled, or it can't be read, which is recorded.

    `recovering`, after the database was restored from a backup: every access is read; who owes nothing but is blocked there is restored
    at once, and who owes will be restored by the speed of their plan, as what was stored of them is lost. Raises DatabaseUnavailable.
    """
    async with engine.leases.hold(device_id) as mine:
        if not mine:
            return None
        async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
            device = await devices.claim(session, device_id, worker=engine.name)
            if device is None:
                return None
            action = DriftAction.ENFORCE if recovering else DriftAction(await session.only_value(_ACTION, {}, kind=str))
        try:
            outcome = await _look(engine, device, action, recovering=recovering)
        except DeviceError as error:
            _log.warning("look_failed", device=device.name, fault=error.fault.value, error=str(error))
            await health.keep(engine, device_id, health.health_after(error))
            outcome = None
        async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
            await session.execute(_LOOKED, {"device": device_id, "worker": engine.name, "at": session.at})
        return outcome


async def _look(engine: Engine, device: StoredDevice, action: DriftAction, *, recovering: bool) -> Found:
    async with engine.database.reading() as session:
        if recovering:
            rows = await session.rows(_ALL, {"device": device.id}, into=_Access)
        else:
            rows = await session.rows(_ROWS, {"device": device.id, "at": engine.clock(), "share": _SHARE}, into=_Access)
    if not rows:
        return Found()
    readings = await _read(engine, device, rows)
    missing = sum(reading.state is State.ABSENT for reading in readings.values())
    if missing > max(MAX_MISSING, len(rows) // 2):
        message = Sentence(
            f"the device doesn't know {missing} of {len(rows)} customers: check that it is the right device and wasn't reset",
            f"perangkat tidak mengenal {missing} dari {len(rows)} pelanggan: pastikan perangkatnya benar dan tidak habis direset",
        )
        raise DeviceError(Fault.SETUP, message, retryable=False)
    told = [_told(row, readings[row.id], device.id, action, recovering=recovering) for row in rows if row.id in readings]
    async with engine.database.transaction(actor=engine.actor, at=engine.clock()) as session:
        bound = {"told": orjson.dumps(told).decode(), "device": device.id, "worker": engine.name, "name": engine.actor.name}
        await session.execute(_WRITE, bound | {"kind": DriftFound.kind.text, "at": session.at})
    wrong = sum(
        reading["actual"] not in {row.desired, "UNKNOWN"} for reading, row in zip(told, (r for r in rows if r.id in readings), strict=True)
    )
    return Found(len(told), wrong, sum(reading["again"] is True for reading in told))


async def _read(engine: Engine, device: StoredDevice, rows: Sequence[_Access]) -> Mapping[int, Reading]:
    """Read all at once: drivers read a table as a whole, however many are asked for."""
    snapshots = {row.id: row.snapshot for row in rows if row.desired == State.BLOCKED and row.snapshot is not None}
    async with engine.session(device) as driver:
        return await engine.call(budget(driver, len(rows)), driver.read_state([row.ref for row in rows], snapshots))


def _told(row: _Access, reading: Reading, device_id: int, action: DriftAction, *, recovering: bool) -> dict[str, object]:
    """What a reading means, as `_WRITE` takes it."""
    wanted, actual = State(row.desired), _actual(row, reading)
    undone = wanted is State.BLOCKED and actual is State.ACTIVE
    held_back = wanted is State.ACTIVE and actual is State.BLOCKED
    # what failed and waits for another try isn't hurried: that it isn't as wanted is no news
    is_settled = recovering or row.desired_generation == row.observed_generation
    again = is_settled and ((undone and action is not DriftAction.REPORT) or (held_back and action is DriftAction.ENFORCE))
    lost = recovering and wanted is actual is State.BLOCKED and (row.snapshot is None or row.found_blocked)
    is_new = actual not in {wanted, None} and row.actual != actual
    detail = None if reading.detail is None else sentence(reading.detail)
    error = None if actual in {wanted, None} else _ERRORS[wanted, actual]
    drift = DriftFound(
        customer_id=CustomerId.of(row.customer_id), device_id=DeviceId.of(device_id), key=row.key, wanted=wanted, found=str(actual),
        put_right=again, detail=detail,
    )  # fmt: skip
    return {
        "id": row.id, "generation": row.desired_generation, "actual": "UNKNOWN" if actual is None else actual.value,
        "detail": None if detail is None else detail.to_json(), "error": None if error is None else error.to_json(),
        "again": again, "reclaim": (again and held_back) or lost, "counter": row.counter_id,
        "data": events.to_json(drift) if is_new else None,
    }  # fmt: skip


def _actual(row: _Access, reading: Reading) -> State | None:
    """The state that traffic follows; None if it was never known."""
    if reading.actual is not None:
        return reading.actual
    if reading.state != row.desired:
        return reading.state
    # set as desired, and the device can tell no more now: what was read when it was done still holds
    return None if row.actual == "UNKNOWN" else State(row.actual)


_GONE: Final = Sentence(
    "The device has no such account: correct the key, or remove the access.",
    "Perangkat tidak punya akun ini: perbaiki kuncinya, atau hapus aksesnya.",
)
_BY_HAND: Final = Sentence(
    "Changed by hand on the device, and left as it is: look at it there.", "Diubah manual di perangkat, dan dibiarkan: periksa di sana."
)
_ERRORS: Final[Mapping[tuple[State, State], Sentence]] = {
    (State.BLOCKED, State.ACTIVE): Sentence(
        "Not blocked any more on the device: undone by hand, or by a backup of it.",
        "Tidak lagi terisolir di perangkat: dibuka manual, atau oleh cadangan perangkat.",
    ),
    (State.ACTIVE, State.BLOCKED): Sentence(
        "Blocked on the device, though SeBilling didn't: restore the account there, or let SeBilling reclaim it.",
        "Terisolir di perangkat, padahal bukan oleh SeBilling: pulihkan di sana, atau ambil alih lewat SeBilling.",
    ),
    (State.BLOCKED, State.ABSENT): _GONE,
    (State.ACTIVE, State.ABSENT): _GONE,
    (State.BLOCKED, State.DRIFTED): _BY_HAND,
    (State.ACTIVE, State.DRIFTED): _BY_HAND,
}
