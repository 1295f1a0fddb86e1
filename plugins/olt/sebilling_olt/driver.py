"""Block and restore ONUs: read the state, change only what differs, read again, save once."""

import abc
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from sebilling.plugins.contract import (
    DeviceError,
    DeviceHealth,
    Fault,
    InvalidValue,
    IsolationDriver,
    Job,
    Outcome,
    Quality,
    Reading,
    Ref,
    Result,
    Sentence,
    Snapshot,
    State,
)

from sebilling_olt import plan, sending
from sebilling_olt.config import HuaweiConfig, OltConfig, ZteConfig, ZteLanConfig
from sebilling_olt.faults import Refusal, Unanswered
from sebilling_olt.onu import KEY_HELP, Onu
from sebilling_olt.session import Busy, Session
from sebilling_olt.tables import Values

O = TypeVar("O", bound=OltConfig)  # noqa: E741 - the contract's own style: one letter
View = Mapping[Onu, Values]
_AWAY: Final = (Fault.UNREACHABLE, Fault.TIMEOUT)
_TELNET: Final = Sentence(
    "Telnet: the password crosses the network readable. Use SSH, or a closed management network.",
    "Telnet: kata sandi lewat jaringan tanpa sandi. Pakai SSH, atau jaringan manajemen tertutup.",
)
_OPEN_WAIT_SECONDS: Final = 6.0
_LOOKS: Final = (0.0, 0.3, 1.0, 2.0)
"""Seconds to wait before each check of a change: an OLT takes a moment to show it."""


@dataclass(frozen=True, slots=True)
class Change:
    """Parts to set for one job. If there is none, an aborted session may have set it without saving."""

    job: Job
    onu: Onu
    wanted: Values


class OltDriver(IsolationDriver[O], abc.ABC):
    """A driver with one session. Subclasses are the manufacturers' drivers."""

    config_model: ClassVar[type[OltConfig]]
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"ONU": KEY_HELP}
    max_batch: ClassVar[int] = 64
    quality: ClassVar[Quality] = Quality.GOLD
    _session: Session | None = None

    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:  # noqa: ARG003 - each kind's key is an ONU
        """Return the ONU's position without leading zeros. Raises InvalidValue."""
        plain = re.sub(r"(?<![0-9])0+(?=[0-9])", "", text.replace(" ", ""))
        onu = Onu.parse(plain)
        if onu is None:
            raise InvalidValue(f"a key is an {KEY_HELP.english}", f"kuncinya {KEY_HELP.indonesian}")
        return onu.key

    async def open(self) -> None:
        if self._session is None:
            self._session = await Session.connect(self.config, self.context.logger, wait_seconds=_OPEN_WAIT_SECONDS)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def session(self) -> Session:
        """The open session. Raises DeviceError if there is none, which is an error of the caller, not of the OLT."""
        if self._session is None:
            raise DeviceError(
                Fault.UNREACHABLE,
                Sentence("There is no open session: call open first.", "Tidak ada sesi yang terbuka: panggil open dulu."),
                retryable=True,
            )
        return self._session

    def dry_run(self, refs: Sequence[Ref], *, restoring: bool = False) -> list[str]:
        """Return the commands to block (or restore) these ONUs, in order. Connects to nothing. Raises ValueError for an invalid key."""
        onus = [self._onu(ref) for ref in refs]
        bad = [ref.key for ref, onu in zip(refs, onus, strict=True) if onu is None]
        if bad:
            raise ValueError(f"{bad[0]!r} isn't an {KEY_HELP.english}")
        return plan.dry_run(self.config, [onu for onu in onus if onu is not None], restoring=restoring)

    async def probe(self) -> DeviceHealth:
        opened = self._session is None
        telnet = (_TELNET,) if self.config.transport == "telnet" else ()
        try:
            if self._session is None:
                self._session = await Session.connect(self.config, self.context.logger, wait_seconds=1)
            facts, problems = await self.session.run(lambda: sending.looked_at(self.session.talk, self.config))
            return DeviceHealth(reachable=True, problems=(*telnet, *problems), facts=facts)
        except Busy:
            return DeviceHealth(
                reachable=True,
                facts={"busy": Sentence("a session of SeBilling is at work on it", "ada sesi SeBilling yang sedang bekerja di sana")},
            )
        except DeviceError as error:
            self.context.logger.warning("olt_probe_failed fault=%s", error.fault)
            return DeviceHealth(reachable=error.fault not in _AWAY, problems=(error.message, *telnet))
        finally:
            if opened:
                await self.close()

    def _onu(self, ref: Ref) -> Onu | None:
        onu = Onu.parse(ref.key)
        low, high = self.config.dialect.onus
        return onu if onu is not None and low <= onu.onu <= high else None

    async def _view(self, refs: Sequence[Ref]) -> View:
        onus = [onu for ref in refs if (onu := self._onu(ref)) is not None]
        if not onus:
            return {}
        return await self.session.run(lambda: sending.view(self.session.talk, self.config, onus))

    # Reading

    def _blocked(self) -> Values:
        return dict.fromkeys(self.config.parts, self.config.dialect.blocked[self.config.method])

    def _set(self, values: Values) -> Values:
        return {part: values[part] for part in self.config.parts}

    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        view = await self._view(refs)
        return {ref.id: self._reading(view, ref, snapshots.get(ref.id)) for ref in refs}

    def _reading(self, view: View, ref: Ref, snapshot: Snapshot | None) -> Reading:
        values = self._there(view, ref)
        if isinstance(values, Outcome):
            return Reading(State.ABSENT, values.message)
        told = ", ".join(f"{part}='{values[part]}'" for part in self.config.parts)
        plain = Sentence(told, told)
        if self._other_onu(values, snapshot):
            return Reading(
                State.DRIFTED,
                Sentence(f"{told}, and another ONU than the one that was blocked", f"{told}, dan bukan ONU yang dulu diisolir"),
            )
        if self._set(values) == self._blocked():
            return Reading(State.BLOCKED, plain, in_effect=True)
        before = self._set(values) if snapshot is None else {part: snapshot.get(part, values[part]) for part in self.config.parts}
        if any(values[part] not in {before[part], self._blocked()[part]} for part in self.config.parts):
            return Reading(
                State.DRIFTED, Sentence(f"{told}: neither as before nor blocked", f"{told}: tidak seperti semula dan tidak terisolir")
            )
        # an aborted session can leave only some LAN ports blocked: the customer still has access
        return Reading(
            State.ACTIVE,
            plain if self._set(values) == before else Sentence(f"{told}: blocked in part", f"{told}: baru sebagian terisolir"),
            in_effect=True,
        )

    def _there(self, view: View, ref: Ref) -> Values | Outcome:
        onu = self._onu(ref)
        if onu is None:
            return _failed(ref, Fault.REFUSED, Sentence(f"It isn't an {KEY_HELP.english}.", f"Ini bukan {KEY_HELP.indonesian}."))
        return view.get(onu) or _failed(ref, Fault.ABSENT, Sentence(f"The OLT has no ONU {onu.key}.", f"OLT tidak punya ONU {onu.key}."))

    @staticmethod
    def _other_onu(values: Values, snapshot: Snapshot | None) -> bool:
        return snapshot is not None and "sn" in values and snapshot.get("sn", values["sn"]) != values["sn"]

    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        view = await self._view(refs)
        registered = ((ref.id, self._there(view, ref)) for ref in refs)
        return {ref_id: dict(values) for ref_id, values in registered if not isinstance(values, Outcome)}

    # Changing

    def _found(self, view: View, job: Job) -> Outcome | tuple[Onu, Values]:
        """Return the ONU and its state, or the outcome if it is missing or the snapshot lacks what restoring needs."""
        values, onu = self._there(view, job.ref), self._onu(job.ref)
        if isinstance(values, Outcome):
            return values
        if onu is None or any(part not in job.snapshot for part in self.config.parts):
            return _failed(
                job.ref,
                Fault.REFUSED,
                Sentence(
                    "The snapshot doesn't say what restoring needs: it was left alone.",
                    "Snapshot tidak memuat yang diperlukan untuk memulihkan: dibiarkan apa adanya.",
                ),
            )
        return onu, values

    def _judge_block(self, view: View, job: Job) -> Outcome | Change:
        registered = self._found(view, job)
        if isinstance(registered, Outcome):
            return registered
        onu, values = registered
        if self._other_onu(values, job.snapshot):
            return _failed(
                job.ref,
                Fault.DRIFTED,
                Sentence(
                    "Another ONU is registered there since the snapshot: look at it, it was left alone.",
                    "Ada ONU lain yang terdaftar di sana sejak snapshot: periksa; dibiarkan apa adanya.",
                ),
            )
        if self._set(values) == self._blocked():
            ours = self._set(job.snapshot) != self._blocked()
            return Change(job, onu, {}) if ours else Outcome(job.ref.id, Result.UNCHANGED)
        return Change(job, onu, {part: value for part, value in self._blocked().items() if values[part] != value})

    def _reclaimed(self, view: View, job: Job) -> Outcome | Change:
        """Open a blocked ONU whose snapshot is lost."""
        values, onu = self._there(view, job.ref), self._onu(job.ref)
        if isinstance(values, Outcome):
            return values
        closed = [part for part, value in self._blocked().items() if values[part] == value]
        if onu is None or not closed:
            return Outcome(job.ref.id, Result.UNCHANGED)
        return Change(job, onu, dict.fromkeys(closed, self.config.dialect.open[self.config.method]))

    def _judge_restore(self, view: View, job: Job) -> Outcome | Change:
        if not job.snapshot and not isinstance(self._there(view, job.ref), Outcome):
            return Outcome(job.ref.id, Result.UNCHANGED)  # we never blocked it
        registered = self._found(view, job)
        if isinstance(registered, Outcome):
            return registered
        onu, values = registered
        before, blocked = self._set(job.snapshot), self._blocked()
        if self._set(values) == before:
            return Change(job, onu, {}) if before != blocked else Outcome(job.ref.id, Result.UNCHANGED)
        if self._other_onu(values, job.snapshot):
            return _failed(
                job.ref,
                Fault.DRIFTED,
                Sentence(
                    "Another ONU was registered there since it was blocked, and was left alone: check it on the OLT.",
                    "Ada ONU lain yang didaftarkan di sana sejak diisolir, dan dibiarkan: periksa di OLT.",
                ),
            )
        if any(values[part] not in {before[part], blocked[part]} for part in self.config.parts):
            return _failed(
                job.ref,
                Fault.DRIFTED,
                Sentence(
                    "It was changed by hand since it was blocked and was left alone: check it on the device.",
                    "Diubah manual sejak diisolir, dan dibiarkan: periksa di perangkatnya.",
                ),
            )
        return Change(job, onu, {part: value for part, value in before.items() if values[part] != value})

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        view = await self._view([job.ref for job in jobs])
        async for outcome in self._run([self._judge_block(view, job) for job in jobs]):
            yield outcome

    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        view = await self._view([job.ref for job in jobs])
        verdicts = [self._reclaimed(view, job) if job.reclaim else self._judge_restore(view, job) for job in jobs]
        async for outcome in self._run(verdicts):
            yield outcome

    async def _run(self, verdicts: Sequence[Outcome | Change]) -> AsyncIterator[Outcome]:
        changes: list[Change] = []
        for verdict in verdicts:
            if isinstance(verdict, Change):
                changes.append(verdict)
            else:
                yield verdict
        if not changes:
            return
        modes = plan.modes(self.config, [(change.job.ref.id, change.onu, change.wanted) for change in changes if change.wanted])
        errors = await self.session.run(lambda: sending.send(self.session.talk, self.config, modes))
        outcomes = await self._settled(changes, errors)
        self.context.logger.info(
            "olt_batch jobs=%d changed=%d", len(verdicts), sum(outcome.result is Result.CHANGED for outcome in outcomes)
        )
        for outcome in outcomes:
            yield outcome

    async def _settled(self, changes: Sequence[Change], errors: Mapping[int, DeviceError]) -> list[Outcome]:
        """Return the outcome of each change by what is read back; save if any reads as desired."""
        try:
            view = await self._read_back(changes, errors)
        except DeviceError as error:
            return [_unproven(change, errors.get(change.job.ref.id), error) for change in changes]
        done = [change for change in changes if self._as_wanted(view, change)]
        failed = [self._missed(change, errors.get(change.job.ref.id), view) for change in changes if change not in done]
        saved: DeviceError | None = None
        if done:
            try:
                await self.session.run(lambda: sending.save(self.session.talk, self.config))
            except DeviceError as error:
                saved = error
        return failed + [_done(change, saved) for change in done]

    async def _read_back(self, changes: Sequence[Change], errors: Mapping[int, DeviceError]) -> View:
        view: View = {}
        onus = [change.onu for change in changes]
        waited = [change for change in changes if change.wanted and change.job.ref.id not in errors]
        for seconds in _LOOKS:
            view = await self.session.run(lambda: sending.view(self.session.talk, self.config, onus, after=seconds))  # noqa: B023 - awaited at once
            if all(self._as_wanted(view, change) for change in waited):
                break
        return view

    @staticmethod
    def _as_wanted(view: View, change: Change) -> bool:
        values = view.get(change.onu, {})
        return change.onu in view and all(values.get(part) == value for part, value in change.wanted.items())

    def _missed(self, change: Change, error: DeviceError | None, view: View) -> Outcome:
        ref, values = change.job.ref, view.get(change.onu)
        if error is not None:
            return Outcome(ref.id, Result.FAILED, error.fault, error.message, retryable=error.retryable)
        if values is None:
            return _failed(
                ref, Fault.ABSENT, Sentence(f"The OLT has no ONU {change.onu.key} any more.", f"OLT tidak punya ONU {change.onu.key} lagi.")
            )
        told = ", ".join(f"{part}='{values[part]}'" for part in change.wanted)
        return _failed(
            ref,
            Fault.REFUSED,
            Sentence(f"The OLT took the command, but reads {told}.", f"OLT menerima perintahnya, tetapi terbaca {told}."),
            retryable=True,
        )


def _failed(ref: Ref, fault: Fault, message: Sentence, *, retryable: bool = False) -> Outcome:
    return Outcome(ref.id, Result.FAILED, fault, message, retryable=retryable)


def _unproven(change: Change, error: DeviceError | None, reading: DeviceError) -> Outcome:
    """Not read back: what was sent is UNKNOWN, what wasn't has failed."""
    ref = change.job.ref
    if error is not None and not isinstance(error, Refusal | Unanswered):
        return Outcome(ref.id, Result.FAILED, error.fault, error.message, retryable=True)
    why = error or reading
    return Outcome(
        ref.id,
        Result.UNKNOWN,
        why.fault,
        Sentence(
            f"Sent, but not read back. {why.message.english}", f"Sudah dikirim, tetapi belum terbaca kembali. {why.message.indonesian}"
        ),
        retryable=True,
    )


def _done(change: Change, unsaved: DeviceError | None) -> Outcome:
    ref_id = change.job.ref.id
    if unsaved is not None:
        message = Sentence(
            f"Done, but not saved: it would be lost when the OLT restarts. {unsaved.message.english}",
            f"Sudah jadi, tetapi belum disimpan: akan hilang bila OLT menyala ulang. {unsaved.message.indonesian}",
        )
        return Outcome(ref_id, Result.FAILED, unsaved.fault, message, retryable=True)
    return Outcome(ref_id, Result.CHANGED if change.wanted else Result.UNCHANGED)


class HuaweiDriver(OltDriver[HuaweiConfig]):
    """Huawei MA56xx and MA58xx."""

    kind: ClassVar[str] = "olt.huawei"
    title: ClassVar[Sentence] = Sentence("Huawei OLT (MA56xx, MA58xx)", "OLT Huawei (MA56xx, MA58xx)")
    config_model: ClassVar[type[HuaweiConfig]] = HuaweiConfig


class ZteDriver(OltDriver[ZteConfig]):
    """ZTE C300 and C320: disables the ONU."""

    kind: ClassVar[str] = "olt.zte"
    title: ClassVar[Sentence] = Sentence("ZTE OLT (C300, C320)", "OLT ZTE (C300, C320)")
    config_model: ClassVar[type[ZteConfig]] = ZteConfig


class ZteLanDriver(OltDriver[ZteLanConfig]):
    """ZTE C300 and C320: locks the ONU's LAN ports. Slow, as each ONU is read by a command of its own."""

    kind: ClassVar[str] = "olt.zte_lan"
    title: ClassVar[Sentence] = Sentence("ZTE OLT, LAN ports (C300, C320)", "OLT ZTE, port LAN (C300, C320)")
    config_model: ClassVar[type[ZteLanConfig]] = ZteLanConfig
    max_batch: ClassVar[int] = 16
