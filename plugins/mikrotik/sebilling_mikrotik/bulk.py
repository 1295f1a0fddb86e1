"""Steps of every bulk call: read the state, send tagged commands, end sessions, and read again to verify.

A driver implements the decision (what to do for one job, given what was read) and the verification (whether the second read shows it).
An unverified change is never reported as success.
"""

import abc
import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sebilling.plugins.contract import DeviceError, Fault, Job, Outcome, Reading, Ref, Result, Sentence, Snapshot

from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.device import RouterDriver
from sebilling_mikrotik.faults import Trap, Unanswered
from sebilling_mikrotik.session import WINDOW, Command

R = TypeVar("R", bound=RouterConfig)
V = TypeVar("V")
_FIRST_LOOK_SECONDS: Final = 0.1
_LONGEST_LOOK_SECONDS: Final = 1.0
"""Wait between checks of a session that is to end, doubled each time up to the second: the router takes a moment to end it."""
_MAX_CATCH_UP_SECONDS: Final = 0.2
"""How much of a delay is made up for by ending sessions faster."""
_MAX_BUDGET_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True)
class Change:
    """Plan for one job: commands, then ending its sessions, then the values that must be read back."""

    job: Job
    commands: tuple[Command, ...]
    wanted: Mapping[str, str]
    kick: bool = False
    message: Sentence | None = None


class BulkDriver(RouterDriver[R], abc.ABC, Generic[R, V]):
    """Base of drivers that decide and verify. `V` is the result of one read."""

    @abc.abstractmethod
    async def view(self, refs: Sequence[Ref]) -> V:
        """Read everything about these refs in one round trip. Raises DeviceError."""

    @abc.abstractmethod
    def state(self, view: V, ref: Ref, snapshot: Snapshot | None) -> Reading:
        """Return the state of one ref."""

    @abc.abstractmethod
    def kept(self, view: V, ref: Ref) -> Snapshot | None:
        """Return the snapshot of one ref; None unless there is exactly one matching row."""

    @abc.abstractmethod
    def judge_block(self, view: V, job: Job) -> Outcome | Change:
        """Plan a block. Raises DeviceError if the router lacks the setup that every block needs."""

    @abc.abstractmethod
    def judge_restore(self, view: V, job: Job) -> Outcome | Change:
        """Plan a restore."""

    @abc.abstractmethod
    def proven(self, view: V, change: Change) -> Outcome | None:
        """Return None if the second read shows the change, otherwise why it doesn't."""

    async def kick(self, changes: Sequence[Change], *, restoring: bool) -> tuple[dict[int, frozenset[str]], dict[int, DeviceError]]:
        """End sessions and connections; return the sessions that were ended and the errors, by ref id. Raises DeviceError."""
        del changes, restoring
        return {}, {}

    async def end_sessions(self, commands: Sequence[tuple[int, Command]]) -> dict[int, DeviceError]:
        """Remove sessions, at most `kicks_per_second`, as each dials again; return the errors by ref id."""
        errors: dict[int, DeviceError] = {}
        loop, size = asyncio.get_running_loop(), max(1, self.config.kicks_per_second // 10)
        due = loop.time()
        for at in range(0, len(commands), size):
            part = commands[at : at + size]
            errors |= await self.end(part)
            if at + size < len(commands):
                due = max(due + len(part) / self.config.kicks_per_second, loop.time() - _MAX_CATCH_UP_SECONDS)
                await asyncio.sleep(max(0.0, due - loop.time()))
        return errors

    async def end(self, commands: Iterable[tuple[int, Command]]) -> dict[int, DeviceError]:
        """Remove sessions or connections; return the errors by ref id. What ended by itself meanwhile is no error."""
        errors: dict[int, DeviceError] = {}
        async for ref_id, answer in self.session.each(commands):
            if isinstance(answer, DeviceError) and answer.fault is not Fault.ABSENT:
                kind = DeviceError if isinstance(answer, Trap) else Unanswered  # sent or not, the preceding change was made
                errors[ref_id] = kind(
                    answer.fault,
                    Sentence(
                        f"Changed, but its session wasn't ended. {answer.message.english}",
                        f"Sudah diubah, tetapi sesinya belum diputus. {answer.message.indonesian}",
                    ),
                    retryable=True,
                )
        return errors

    def alive(self, view: V, ref: Ref) -> Collection[str]:
        """Return the running sessions of a ref."""
        del view, ref
        return ()

    def budget(self, jobs: int) -> float:
        """Time for three readings, for commands one window after the other, for the limit of kicks, and for sessions to vanish."""
        config = self.config
        rounds = 3 * config.read_timeout_seconds + (2 + 2 * jobs / WINDOW) * min(config.timeout_seconds, 1.0)
        return min(rounds + config.timeout_seconds + jobs / config.kicks_per_second + config.session_seconds, _MAX_BUDGET_SECONDS)

    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        view = await self.view(refs)
        return {ref.id: self.state(view, ref, snapshots.get(ref.id)) for ref in refs}

    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        view = await self.view(refs)
        return {ref.id: kept for ref in refs if (kept := self.kept(view, ref)) is not None}

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for outcome in self._run(jobs, self.judge_block, restoring=False):
            yield outcome

    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for outcome in self._run(jobs, self.judge_restore, restoring=True):
            yield outcome

    async def _run(self, jobs: Sequence[Job], judge: Callable[[V, Job], Outcome | Change], *, restoring: bool) -> AsyncIterator[Outcome]:
        view = await self.view([job.ref for job in jobs])
        verdicts = [judge(view, job) for job in jobs]  # decide all before the first command: with an incomplete setup nobody is changed
        changes: list[Change] = []
        for verdict in verdicts:
            if isinstance(verdict, Change):
                changes.append(verdict)
            else:
                yield verdict
        done: list[Change] = []
        async for change, error in self._send(changes):
            if error is None:
                done.append(change)
            else:
                yield failed(change.job.ref, error)
        async for outcome in self._settle(done, restoring=restoring):
            yield outcome

    async def _send(self, changes: Sequence[Change]) -> AsyncIterator[tuple[Change, DeviceError | None]]:
        for change in changes:
            if not change.commands:
                yield change, None
        commands = [((change, index), command) for change in changes for index, command in enumerate(change.commands)]
        left = {change.job.ref.id: len(change.commands) for change in changes}
        errors: dict[int, DeviceError] = {}
        made: set[int] = set()
        async for (change, _), answer in self.session.each(commands):
            ref_id = change.job.ref.id
            left[ref_id] -= 1
            if isinstance(answer, DeviceError):
                errors[ref_id] = answer
            else:
                made.add(ref_id)
            if not left[ref_id]:
                error = errors.get(ref_id)
                if error is not None and ref_id in made:  # one of several commands failed: the state is neither the old nor the desired one
                    error = Unanswered(
                        error.fault,
                        Sentence(f"Changed in part. {error.message.english}", f"Baru sebagian yang diubah. {error.message.indonesian}"),
                        retryable=True,
                    )
                yield change, error

    async def _settle(self, done: Sequence[Change], *, restoring: bool) -> AsyncIterator[Outcome]:
        if not done:
            return
        pending = {change.job.ref.id: change for change in done}
        try:
            kicked, errors = await self.kick([change for change in done if change.kick], restoring=restoring)
            for ref_id, error in errors.items():
                yield failed(pending.pop(ref_id).job.ref, error)
            async for _ in self._looks():
                if not pending:
                    return
                view = await self.view([change.job.ref for change in pending.values()])
                for ref_id, change in list(pending.items()):
                    if kicked.get(ref_id, frozenset()).isdisjoint(self.alive(view, change.job.ref)):
                        del pending[ref_id]
                        yield self.proven(view, change) or Outcome(ref_id, Result.CHANGED, message=change.message)
        except DeviceError as error:
            for ref_id in pending:
                yield Outcome(
                    ref_id,
                    Result.UNKNOWN,
                    error.fault,
                    Sentence(
                        f"Changed, but not read back. {error.message.english}",
                        f"Sudah diubah, tetapi belum terbaca kembali. {error.message.indonesian}",
                    ),
                    retryable=True,
                )
            return
        for ref_id in pending:
            yield Outcome(
                ref_id,
                Result.FAILED,
                Fault.REFUSED,
                Sentence(
                    f"Changed, but after {self.config.session_seconds:g} seconds its session from before is still up.",
                    f"Sudah diubah, tetapi setelah {self.config.session_seconds:g} detik sesi sebelumnya masih berjalan.",
                ),
                retryable=True,
            )

    async def _looks(self) -> AsyncIterator[None]:
        """Yield when to look whether sessions have vanished: at once, then ever less often, last after `session_seconds`."""
        loop = asyncio.get_running_loop()
        last, seconds = loop.time() + self.config.session_seconds, _FIRST_LOOK_SECONDS
        while (left := last - loop.time()) > 0:
            yield
            await asyncio.sleep(min(seconds, left))
            seconds = min(2 * seconds, _LONGEST_LOOK_SECONDS)
        yield


def failed(ref: Ref, error: DeviceError) -> Outcome:
    """Convert a command's error to the job's outcome: UNKNOWN if it was sent but not answered."""
    result = Result.UNKNOWN if isinstance(error, Unanswered) else Result.FAILED
    return Outcome(ref.id, result, error.fault, error.message, retryable=error.retryable or result is Result.UNKNOWN)


def refused(ref: Ref, fault: Fault, message: Sentence, *, retryable: bool = False) -> Outcome:
    """Return the outcome of a job that failed by itself."""
    return Outcome(ref.id, Result.FAILED, fault, message, retryable=retryable)
