"""What the outcome of a block or restore and the reading after it mean: what is stored, what is reported, and when it is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sebilling import events
from sebilling.events.ids import CustomerId, DeviceId
from sebilling.events.isolation import CustomerBlocked, CustomerLeftBlocked, CustomerRestored, IsolationFailed
from sebilling.language import Sentence
from sebilling.network.access_rows import AccessRow
from sebilling.network.engine import Engine, longest_wait, sentence
from sebilling.plugins.contract import DeviceError, Fault, Job, Outcome, Reading, Result, Snapshot, State


@dataclass(frozen=True, slots=True)
class DirtyAccess(AccessRow):
    """A service access that isn't in the desired state."""

    desired: str
    manual: bool
    desired_generation: int
    attempts: int
    snapshot: Snapshot | None
    snapshot_plan_id: int | None
    plan_id: int
    reclaim: bool


@dataclass(frozen=True, slots=True)
class Change:
    """An access that is being blocked or restored, with the snapshot that a restore needs."""

    row: DirtyAccess
    snapshot: Snapshot | None
    restores: bool

    @property
    def job(self) -> Job:
        """The job; with `plan_changed` if the customer had another plan when they were blocked."""
        row = self.row
        changed = self.restores and row.snapshot is not None and row.snapshot_plan_id not in {None, row.plan_id}
        return Job(self.row.ref, self.snapshot or {}, plan_changed=changed, reclaim=self.restores and row.reclaim)


def not_there(change: Change, why: Sentence | None) -> Outcome:
    """Outcome for a customer without a snapshot. They aren't blocked, as nothing could restore them."""
    if why is not None:
        return Outcome(change.row.id, Result.FAILED, Fault.SETUP, why)
    unknown = Sentence(
        f"the device knows no '{change.row.key}': correct the customer's service access",
        f"perangkat tidak mengenal '{change.row.key}': perbaiki akses layanan pelanggannya",
    )
    return Outcome(change.row.id, Result.FAILED, Fault.ABSENT, unknown)


def unanswered(ref_id: int, trouble: DeviceError | None) -> Outcome:
    """Outcome of a job for which the driver gave none, as the session broke or the driver forgot it."""
    if trouble is None:
        return Outcome(ref_id, Result.UNKNOWN, Fault.PROTOCOL, _NO_OUTCOME, retryable=True)
    return Outcome(ref_id, Result.UNKNOWN, trouble.fault, trouble.message, retryable=True)


def told(engine: Engine, change: Change, outcome: Outcome, reading: Reading | None, *, device_id: int) -> Mapping[str, object]:
    """Result of a job, as `reconcile` writes it. It is done only if the device was read back in the wanted state."""
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
        return engine.permanent_backoff(attempts).total_seconds()
    wait = engine.backoff(attempts).total_seconds()
    if reading is None or reading.look_again_seconds is None or reading.in_effect:
        return wait
    return min(max(wait, reading.look_again_seconds), longest_wait(attempts))


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


def _is_new(change: Change, outcome: Outcome, *, done: bool, never_blocked: bool) -> bool:
    """Whether to write an event. The first failure is reported, then every tenth."""
    if done:
        return not (never_blocked and outcome.result is Result.UNCHANGED)
    return change.row.attempts % 10 == 0


def _event(change: Change, outcome: Outcome, device_id: int, *, error: Sentence | None, note: Sentence | None) -> events.Payload:
    """What to report: a failure if there is an error."""
    customer, device, key = CustomerId.of(change.row.customer_id), DeviceId.of(device_id), change.row.key
    if error is not None:
        wanted, fault = State.ACTIVE if change.restores else State.BLOCKED, outcome.fault
        return IsolationFailed(customer_id=customer, device_id=device, key=key, wanted=wanted, fault=fault, error=error)
    kind = CustomerRestored if change.restores else CustomerBlocked
    return kind(customer_id=customer, device_id=device, key=key, note=note)
