"""Steps of both methods: decide and write in one transaction, end the sessions, record the remaining ones, read back.

A customer's standing is derived only from the tables, including our mark, so the next call finishes what an aborted one left undone.
"""

import abc
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import ClassVar, Final, TypeVar

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
    Sentence,
    Snapshot,
    State,
    Subscriber,
)  # fmt: skip

from sebilling_radius import customers, mark, plans, reading, rows, setup
from sebilling_radius.config import RadiusConfig
from sebilling_radius.customers import Customer, Tables, View
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.faults import left_alone, of_the_whole
from sebilling_radius.mark import Mark, Phase
from sebilling_radius.sessions import Answer, Ender, Failure, Session

R = TypeVar("R", bound=RadiusConfig)
_AWAY: Final = (Fault.UNREACHABLE, Fault.TIMEOUT)


class Standing(Enum):
    """Standing of a customer by the tables."""

    ABSENT = "absent"
    FREE = "free"
    BLOCKED = "blocked"
    BLOCKED_BY_HAND = "blocked by hand"
    """Blocked by somebody else before; it stays blocked."""
    RESTORED = "restored"
    """The rows are restored; sessions may still be blocked."""
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class Step:
    """One job that requires changes of rows or sessions."""

    job: Job
    writes: bool
    mark: Mark | None
    """Our mark while sessions are still to be ended; None if there are none."""
    message: Sentence | None = None


class RadiusDriver(IsolationDriver[R], abc.ABC):
    """Base of both drivers, with one connection to the database. Subclasses decide, and write their rows."""

    mark_table: str
    """Table of our marks."""
    walled: ClassVar[bool]
    """Whether a blocked customer has a session, in a walled garden."""
    _database: RadiusDatabase | None = None

    def __init__(self, config: R, context: DriverContext) -> None:
        super().__init__(config, context)
        self.tables = Tables.of(config)

    async def open(self) -> None:
        if self._database is None:
            self._database = await RadiusDatabase.connect(self.config)

    async def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            await database.close()

    @property
    def database(self) -> RadiusDatabase:
        """The open connection. Raises DeviceError if there is none, which is an error of the caller."""
        if self._database is None:
            raise DeviceError(
                Fault.UNREACHABLE,
                Sentence("There is no open session: call open first.", "Tidak ada sesi yang terbuka: panggil open dulu."),
                retryable=True,
            )
        return self._database

    async def probe(self) -> DeviceHealth:
        opened = self._database is None
        try:
            await self.open()
            problems, facts = await setup.examine(self.database, self.config, needs=self.needs())
            problems = [*problems, *await self.setup_problems()]
            return DeviceHealth(reachable=True, problems=tuple(problems), facts=facts)
        except DeviceError as error:
            self.context.logger.warning("radius_probe_failed fault=%s", error.fault)
            return DeviceHealth(reachable=error.fault not in _AWAY, problems=(error.message,))
        finally:
            if opened:
                await self.close()

    @abc.abstractmethod
    def needs(self) -> Mapping[str, str]:
        """Return the privileges that this method needs, as letters of `setup.PRIVILEGES`, by table."""

    @abc.abstractmethod
    async def setup_problems(self) -> Sequence[Sentence]:
        """Return what is missing in the one-time setup for this method, each with its remedy. Raises DeviceError."""

    @abc.abstractmethod
    async def view(self, refs: Sequence[Ref]) -> View:
        """Read these refs from the tables. Raises DeviceError."""

    @abc.abstractmethod
    def ours(self, customer: Customer) -> int:
        """Return how many rows of the customer's name are ours, less the customer's rows that are under another name."""

    @abc.abstractmethod
    def standing(self, customer: Customer, snapshot: Snapshot | None) -> tuple[Standing, Sentence]:
        """Return the customer's standing and a description. Not called for an absent customer."""

    @abc.abstractmethod
    def kept(self, customer: Customer) -> Snapshot:
        """Return the snapshot that restoring needs, whether the customer is blocked now or not."""

    @abc.abstractmethod
    def blocked_mark(self, customer: Customer) -> Mark:
        """Return the mark of a customer who is about to be blocked."""

    @abc.abstractmethod
    def unblocked(self, customer: Customer) -> Sequence[Session]:
        """Return the unblocked open sessions of a blocked customer."""

    @abc.abstractmethod
    def restored_mark(self, customer: Customer, current_mark: Mark) -> Mark | None:
        """Return the mark that stays until all blocked sessions are ended; None if there can be none."""

    @abc.abstractmethod
    async def write_block(self, steps: Sequence[Step]) -> None:
        """Write the rows that block. Call inside a transaction. Raises DeviceError."""

    @abc.abstractmethod
    async def write_back(self, blocked: Mapping[str, Mark]) -> None:
        """Restore the rows of blocked customers, by key. Call inside a transaction. Raises DeviceError."""

    def changed_since(self, customer: Customer, snapshot: Snapshot) -> Sentence | None:
        """Describe how an unblocked customer differs from the snapshot; None if they don't."""
        del customer, snapshot
        return None

    async def change_of_sessions(self) -> Mapping[str, str] | None:
        """Return the attributes to which sessions are changed instead of being ended; None to end them. Raises DeviceError."""
        return None

    def _stands(self, view: View, ref: Ref, snapshot: Snapshot | None) -> tuple[Standing, Sentence]:
        customer = view.get(ref.key)
        if customer is None or not self._exists(customer):
            return Standing.ABSENT, Sentence(
                "No row of the RADIUS tables has this name.", "Tidak ada baris dengan nama ini di tabel RADIUS."
            )
        return self.standing(customer, snapshot)

    def _exists(self, customer: Customer) -> bool:
        return customer.rows > self.ours(customer)

    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        view = await self.view(refs)
        return {ref.id: self._reading(view, ref, snapshots.get(ref.id)) for ref in refs}

    def _reading(self, view: View, ref: Ref, snapshot: Snapshot | None) -> Reading:
        standing, detail = self._stands(view, ref, snapshot)
        if standing is Standing.FREE and snapshot is not None and (changed := self.changed_since(view[ref.key], snapshot)):
            return Reading(State.DRIFTED, changed)
        if standing is Standing.BLOCKED:
            up = self.unblocked(view[ref.key])
            return (
                Reading(
                    State.BLOCKED,
                    Sentence(
                        f"{detail.english}, but a session from before may be up: {_named(up).english}",
                        f"{detail.indonesian}, tetapi sesi sebelumnya mungkin masih berjalan: {_named(up).indonesian}",
                    ),
                    in_effect=False,
                )
                if up
                else Reading(State.BLOCKED, detail, in_effect=True)
            )
        if standing is Standing.RESTORED:
            current_mark = view[ref.key].mark
            up = current_mark.pending(view[ref.key].sessions) if current_mark else []
            return (
                Reading(
                    State.ACTIVE,
                    Sentence(
                        f"{detail.english}, but a session may still be blocked: {_named(up).english}",
                        f"{detail.indonesian}, tetapi mungkin ada sesi yang masih terisolir: {_named(up).indonesian}",
                    ),
                    in_effect=False,
                )
                if up
                else Reading(State.ACTIVE, detail, in_effect=True)
            )
        states = {Standing.ABSENT: State.ABSENT, Standing.FREE: State.ACTIVE, Standing.BLOCKED_BY_HAND: State.BLOCKED}
        return Reading(states.get(standing, State.DRIFTED), detail, in_effect=True)

    async def read_customers(self) -> Sequence[Subscriber]:
        """Return all users in radcheck, by name, for an import. Raises DeviceError."""
        garden: str | None = getattr(self.config, "group", None)
        kind = next(iter(self.service_kinds))
        return await reading.subscribers(self.database, self.tables, marks=self.mark_table, service_kind=kind, garden=garden)

    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        view = await self.view(refs)
        return {ref.id: self.kept(view[ref.key]) for ref in refs if ref.key in view and self._exists(view[ref.key])}

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for outcome in self._bulk(jobs, restoring=False):
            yield outcome

    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for outcome in self._bulk(jobs, restoring=True):
            yield outcome

    async def _bulk(self, jobs: Sequence[Job], *, restoring: bool) -> AsyncIterator[Outcome]:
        outcomes, steps = await self._written(jobs, restoring=restoring)
        for outcome in outcomes:
            yield outcome
        if not steps:
            return
        try:
            for outcome in await self._settled(steps, restoring=restoring):
                yield outcome
        except DeviceError as error:
            for step in steps:
                why = Sentence(
                    f"Written, but not read back. {error.message.english}",
                    f"Sudah ditulis, tetapi belum terbaca kembali. {error.message.indonesian}",
                )
                yield Outcome(step.job.ref.id, Result.UNKNOWN, error.fault, why, retryable=True)

    async def _written(self, jobs: Sequence[Job], *, restoring: bool) -> tuple[list[Outcome], list[Step]]:
        """Decide and write in one transaction; if a row is refused, one transaction per customer, so that it affects nobody else."""
        try:
            async with self.database.transaction():
                return await self._judged_and_written(jobs, restoring=restoring)
        except DeviceError as error:
            if of_the_whole(error):
                raise
            if len(jobs) == 1:
                return [Outcome(jobs[0].ref.id, Result.FAILED, error.fault, error.message, retryable=error.retryable)], []
        parts = [await self._written([job], restoring=restoring) for job in jobs]
        return [outcome for outcomes, _ in parts for outcome in outcomes], [step for _, steps in parts for step in steps]

    async def _judged_and_written(self, jobs: Sequence[Job], *, restoring: bool) -> tuple[list[Outcome], list[Step]]:
        view = await self.view([job.ref for job in jobs])
        speeds = await plans.read(self.database, self.tables, [job.ref for job in jobs if job.plan_changed]) if restoring else {}
        outcomes, steps = self._judged(view, jobs, speeds, restoring=restoring)
        writing = [step for step in steps if step.writes]
        marks = {step.job.ref.key: step.mark for step in writing}
        if not restoring and writing:
            await self.write_block(writing)
            await rows.replace_marks(self.database, self.mark_table, marks)
        elif writing:
            current_marks = {key: view[key].mark for key in marks}
            blocked = {
                key: current_mark
                for key, current_mark in current_marks.items()
                if current_mark is not None and current_mark.phase is not Phase.RESTORING
            }
            if blocked:
                await self.write_back(blocked)
                await rows.replace_marks(self.database, self.mark_table, {key: marks[key] for key in blocked})
            await plans.write(self.database, self.tables, {key: speeds[key] for key in marks if key in speeds})
        return outcomes, steps

    def _judged(
        self, view: View, jobs: Sequence[Job], speeds: Mapping[str, plans.Speed], *, restoring: bool
    ) -> tuple[list[Outcome], list[Step]]:
        outcomes: list[Outcome] = []
        steps: list[Step] = []
        for job in jobs:
            standing, why = self._stands(view, job.ref, job.snapshot)
            if standing in {Standing.ABSENT, Standing.DRIFTED}:
                fault = Fault.ABSENT if standing is Standing.ABSENT else Fault.DRIFTED
                outcomes.append(Outcome(job.ref.id, Result.FAILED, fault, left_alone(why)))
                continue
            customer = view[job.ref.key]
            verdict = (
                self._to_restore(customer, job, standing, speeds.get(job.ref.key)) if restoring else self._to_block(customer, job, standing)
            )
            if isinstance(verdict, Step):
                steps.append(verdict)
            else:
                outcomes.append(verdict)
        return outcomes, steps

    def _to_block(self, customer: Customer, job: Job, standing: Standing) -> Outcome | Step:
        current_mark = customer.mark
        if standing is Standing.BLOCKED and current_mark is not None:
            unfinished = current_mark.phase is Phase.ENDING or self.unblocked(customer)
            return Step(job, writes=False, mark=current_mark) if unfinished else Outcome(job.ref.id, Result.UNCHANGED)
        if standing is Standing.BLOCKED_BY_HAND:
            return Outcome(
                job.ref.id,
                Result.UNCHANGED,
                message=Sentence(
                    "It had been blocked by hand and stays blocked.", "Sudah diisolir manual sebelumnya, dan tetap terisolir."
                ),
            )
        if changed := self.changed_since(customer, job.snapshot):
            return Outcome(job.ref.id, Result.FAILED, Fault.DRIFTED, left_alone(changed))
        return Step(job, writes=True, mark=self.blocked_mark(customer))

    def _to_restore(self, customer: Customer, job: Job, standing: Standing, speed: plans.Speed | None) -> Outcome | Step:
        current_mark = customer.mark
        writes_plan, message = (speed.writes, speed.message) if speed else (False, None)
        if standing is Standing.BLOCKED and current_mark is not None:
            return Step(job, writes=True, mark=self.restored_mark(customer, current_mark), message=message)
        if standing is Standing.RESTORED:
            return Step(job, writes=writes_plan, mark=current_mark, message=message)
        if standing is Standing.FREE and writes_plan:
            return Step(job, writes=True, mark=None, message=message)
        return Outcome(job.ref.id, Result.UNCHANGED, message=message)

    async def _settled(self, steps: Sequence[Step], *, restoring: bool) -> list[Outcome]:
        """End sessions, record the remaining ones, read back."""
        open_now: dict[str, list[Session]] = {step.job.ref.key: [] for step in steps}
        for session in await customers.open_sessions(self.database, self.tables, list(open_now)):
            open_now[session.username].append(session)
        doomed = {step.job.ref.id: self._doomed(step, open_now[step.job.ref.key], restoring=restoring) for step in steps}
        change = await self.change_of_sessions() if not restoring else None
        answers = await Ender(self.config).end([session for some in doomed.values() for session in some], change)
        marks: dict[str, Mark | None] = {}
        for step in steps:
            left = [session.id for session in doomed[step.job.ref.id] if not isinstance(answers[session.id], Answer)]
            if step.mark is not None:
                newest = max((session.id for session in open_now[step.job.ref.key]), default=0)
                marks[step.job.ref.key] = (
                    _still_to_restore(step.mark, left) if restoring
                    else self._still_to_block(step.mark, left, newest=newest, first=step.writes, changed=change is not None)
                )  # fmt: skip
        async with self.database.transaction():
            await rows.replace_marks(self.database, self.mark_table, marks)
        view = await self.view([step.job.ref for step in steps])
        return [
            self._proven(view, step, [answers[session.id] for session in doomed[step.job.ref.id]], restoring=restoring) for step in steps
        ]

    def _doomed(self, step: Step, sessions: Sequence[Session], *, restoring: bool) -> Sequence[Session]:
        if step.mark is None:
            return ()
        if step.writes:  # including sessions that began while the rows were written
            return [session for session in sessions if session.id > step.mark.up_to] if restoring else sessions
        return step.mark.pending(sessions) if restoring else self.unblocked(Customer(marks=[str(step.mark)], sessions=list(sessions)))

    def _still_to_block(self, current_mark: Mark, left: Sequence[int], *, newest: int, first: bool, changed: bool) -> Mark:
        """Return the mark after ending sessions; those in `left` may still be running."""
        named = mark.few(left)
        # If sessions were changed rather than ended, or are too many to be named, no id separates old from new ones.
        up_to = 0 if changed or named is None else newest if first or not self.walled else current_mark.up_to
        return replace(current_mark, phase=Phase.ENDING if left else Phase.ENDED, up_to=up_to, named=named if left else ())

    def _proven(self, view: View, step: Step, answers: Sequence[Answer | Failure], *, restoring: bool) -> Outcome:
        """Return the outcome of a step; only what was read back counts."""
        ref = step.job.ref
        failures = sorted(
            (failure for failure in answers if isinstance(failure, Failure)), key=lambda failure: failure.result is Result.UNKNOWN
        )
        if failures:
            first = failures[0]
            return Outcome(
                ref.id,
                first.result,
                first.fault,
                Sentence(f"The rows are written. {first.message.english}", f"Barisnya sudah ditulis. {first.message.indonesian}"),
                retryable=first.retryable,
            )
        reading = self._reading(view, ref, None if restoring else step.job.snapshot)
        if reading.actual is not (State.ACTIVE if restoring else State.BLOCKED):
            detail = reading.detail or Sentence("-", "-")
            why = Sentence(
                f"Written, but read back as {reading.actual}: {detail.english}",
                f"Sudah ditulis, tetapi terbaca kembali sebagai {reading.actual}: {detail.indonesian}",
            )
            return Outcome(ref.id, Result.FAILED, Fault.REFUSED, why, retryable=True)
        changed = step.writes or Answer.ENDED in answers
        return Outcome(ref.id, Result.CHANGED if changed else Result.UNCHANGED, message=step.message)


def _still_to_restore(current_mark: Mark, left: Sequence[int]) -> Mark | None:
    """Return the mark after ending sessions; None if no blocked session can be left."""
    return replace(current_mark, named=mark.few(left)) if left else None


def _named(sessions: Sequence[Session]) -> Sentence:
    english = ", ".join(f"'{session.acct_session_id}' on NAS {session.nas}" for session in sessions[:3])
    indonesian = ", ".join(f"'{session.acct_session_id}' di NAS {session.nas}" for session in sessions[:3])
    more = len(sessions) - 3
    return Sentence(english, indonesian) if more <= 0 else Sentence(f"{english} and {more} more", f"{indonesian} dan {more} lagi")
