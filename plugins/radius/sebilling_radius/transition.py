"""Blocks or restores customers: decide and write in one transaction, end the sessions, record the remaining ones, read back."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sebilling.plugins.contract import DeviceError, Fault, Job, Outcome, Result, Sentence, State

from sebilling_radius import ending, mark, plans, rows
from sebilling_radius.customers import Customer, View
from sebilling_radius.ending import Ending
from sebilling_radius.faults import left_alone, of_the_whole
from sebilling_radius.mark import Mark, Phase
from sebilling_radius.radacct import Session
from sebilling_radius.standing import Standing, Step

if TYPE_CHECKING:
    from sebilling_radius.driver import RadiusDriver

_LEFT_ALONE: Final = {Standing.ABSENT: Fault.ABSENT, Standing.DRIFTED: Fault.DRIFTED, Standing.AMBIGUOUS: Fault.AMBIGUOUS}
_BY_HAND: Final = {
    Standing.BLOCKED_BY_HAND: Sentence(
        "It had been blocked by hand and stays blocked.", "Sudah diisolir manual sebelumnya, dan tetap terisolir."
    ),
    Standing.SWITCHED_OFF: Sentence(
        "Its login had been refused by hand and stays refused.", "Login-nya sudah ditolak manual sebelumnya, dan tetap ditolak."
    ),
}


class Transition:
    """One call of block or restore."""

    def __init__(self, driver: "RadiusDriver[Any]", *, restoring: bool) -> None:
        self._driver, self._restoring = driver, restoring

    async def outcomes(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        """Yield one outcome per job. Raises DeviceError if the rows can't be written."""
        outcomes, steps = await self._written(jobs)
        for outcome in outcomes:
            yield outcome
        if not steps:
            return
        try:
            for outcome in await self._settled(steps):
                yield outcome
        except DeviceError as error:
            for step in steps:
                why = Sentence(
                    f"Written, but not read back. {error.message.english}",
                    f"Sudah ditulis, tetapi belum terbaca kembali. {error.message.indonesian}",
                )
                yield Outcome(step.job.ref.id, Result.UNKNOWN, error.fault, why, retryable=True)

    async def _written(self, jobs: Sequence[Job]) -> tuple[list[Outcome], list[Step]]:
        """Decide and write in one transaction; if a row is refused, one transaction per customer, so that it affects nobody else."""
        try:
            async with self._driver.database.transaction():
                return await self._judged_and_written(jobs)
        except DeviceError as error:
            if of_the_whole(error):
                raise
            if len(jobs) == 1:
                return [Outcome(jobs[0].ref.id, Result.FAILED, error.fault, error.message, retryable=error.retryable)], []
        parts = [await self._written([job]) for job in jobs]
        return [outcome for outcomes, _ in parts for outcome in outcomes], [step for _, steps in parts for step in steps]

    async def _judged_and_written(self, jobs: Sequence[Job]) -> tuple[list[Outcome], list[Step]]:
        driver = self._driver
        view = await driver.view([job.ref for job in jobs])
        speeds: Mapping[str, plans.Speed] = {}
        if self._restoring:
            resold = [job.ref for job in jobs if job.plan_changed or job.reclaim]
            speeds = await plans.read(driver.database, driver.tables, driver.config.matching, resold, view)
        outcomes, steps = self._judged(view, jobs, speeds)
        writing = [step for step in steps if step.writes]
        if self._restoring:
            undoing = [step for step in writing if step.undoes is not None]
            if undoing:
                await driver.write_back(undoing)
                await rows.replace_marks(driver.database, driver.mark_table, driver.config.matching, _marks(undoing))
            await plans.write(driver.database, driver.tables, {key: speeds[key] for step in writing if (key := step.job.ref.key) in speeds})
        elif writing:
            await driver.write_block(writing)
            await rows.replace_marks(driver.database, driver.mark_table, driver.config.matching, _marks(writing))
        return outcomes, steps

    def _judged(self, view: View, jobs: Sequence[Job], speeds: Mapping[str, plans.Speed]) -> tuple[list[Outcome], list[Step]]:
        outcomes: list[Outcome] = []
        steps: list[Step] = []
        for job in jobs:
            standing, why = self._driver.stands(view, job.ref, job.snapshot)
            customer = view.get(job.ref.key)
            verdict: Outcome | Step | None = None
            if customer is not None and self._restoring and job.reclaim and customer.mark is None and standing is not Standing.ABSENT:
                verdict = self._to_reclaim(customer, job, standing, speeds.get(job.ref.key))
            if verdict is None and (customer is None or standing in _LEFT_ALONE):
                verdict = Outcome(job.ref.id, Result.FAILED, _LEFT_ALONE.get(standing, Fault.ABSENT), left_alone(why))
            elif verdict is None and customer is not None and self._restoring:
                verdict = self._to_restore(customer, job, standing, speeds.get(job.ref.key))
            elif verdict is None and customer is not None:
                verdict = self._to_block(customer, job, standing)
            if isinstance(verdict, Step):
                steps.append(verdict)
            elif verdict is not None:
                outcomes.append(verdict)
        return outcomes, steps

    def _to_block(self, customer: Customer, job: Job, standing: Standing) -> Outcome | Step:
        current_mark = customer.mark
        if standing is Standing.BLOCKED and current_mark is not None:
            unfinished = current_mark.phase is Phase.ENDING or self._driver.unblocked(customer)
            return Step(job, customer, writes=False, mark=current_mark) if unfinished else Outcome(job.ref.id, Result.UNCHANGED)
        if standing is Standing.SWITCHED_OFF and customer.sessions:
            return Step(job, customer, writes=False, mark=None, message=_BY_HAND[standing])
        if standing in _BY_HAND:
            return Outcome(job.ref.id, Result.UNCHANGED, message=_BY_HAND[standing])
        if changed := self._driver.changed_since(customer, job.snapshot):
            return Outcome(job.ref.id, Result.FAILED, Fault.DRIFTED, left_alone(changed))
        return Step(job, customer, writes=True, mark=self._driver.blocked_mark(customer))

    def _to_restore(self, customer: Customer, job: Job, standing: Standing, speed: plans.Speed | None) -> Outcome | Step:
        current_mark = customer.mark
        writes_plan, message = (speed.writes, speed.message) if speed else (False, None)
        if standing is Standing.BLOCKED and current_mark is not None:
            restored = self._driver.restored_mark(customer, current_mark)
            return Step(job, customer, writes=True, mark=restored, message=message, undoes=current_mark)
        if standing is Standing.RESTORED:
            return Step(job, customer, writes=writes_plan, mark=current_mark, message=message)
        if standing is Standing.FREE and writes_plan and not job.reclaim:
            return Step(job, customer, writes=True, mark=None, message=message)
        return Outcome(job.ref.id, Result.UNCHANGED, message=None if job.reclaim else message)

    def _to_reclaim(self, customer: Customer, job: Job, standing: Standing, speed: plans.Speed | None) -> Outcome | Step | None:
        """Decide about a customer without a readable mark of ours; None if they aren't blocked by anything that may be ours."""
        if standing in {Standing.FREE, Standing.AMBIGUOUS}:
            return None
        undoes = self._driver.lost_mark(customer)
        if isinstance(undoes, Sentence):
            return Outcome(job.ref.id, Result.FAILED, Fault.REFUSED, undoes)
        restored = self._driver.restored_mark(customer, undoes)
        return Step(job, customer, writes=True, mark=restored, message=speed.message if speed else None, undoes=undoes)

    async def _settled(self, steps: Sequence[Step]) -> list[Outcome]:
        """End sessions, record the remaining ones, read back."""
        driver = self._driver
        radacct = await driver.radacct()
        keys = [step.job.ref.key for step in steps]
        open_now = ending.endings_by_key(await radacct.open_sessions(keys), keys)
        endings = {step.job.ref.key: self._ending(step, open_now[step.job.ref.key]) for step in steps}
        change = await driver.change_of_sessions() if not self._restoring else None
        await ending.end(driver.config, radacct, endings, change)
        marks: dict[str, Mark | None] = {}
        for step in steps:
            if step.mark is not None:
                result = endings[step.job.ref.key]
                marks[step.job.ref.key] = (
                    _still_to_restore(step.mark, result) if self._restoring
                    else self._still_to_block(step.mark, result, first=step.writes, changed=change is not None)
                )  # fmt: skip
        async with driver.database.transaction():
            await rows.replace_marks(driver.database, driver.mark_table, driver.config.matching, marks)
        view = await driver.view([step.job.ref for step in steps])
        return [self._proven(view, step, endings[step.job.ref.key]) for step in steps]

    def _ending(self, step: Step, sessions: Sequence[Session]) -> Ending:
        may_be_hidden = step.mark is not None and (step.writes or step.mark.doubt) and (self._driver.walled or not self._restoring)
        if step.mark is not None and not step.writes:
            may_be_hidden = may_be_hidden and not step.customer.accounting.has_passed(step.mark.at)
        return Ending(self._doomed(step, sessions), sessions, unsure=may_be_hidden and not sessions)

    def _doomed(self, step: Step, sessions: Sequence[Session]) -> Sequence[Session]:
        if step.mark is None:
            return () if self._restoring else sessions
        if step.writes:  # including sessions that began while the rows were written
            return [session for session in sessions if session.id > step.mark.up_to] if self._restoring else sessions
        if self._restoring:
            return step.mark.pending(sessions)
        return self._driver.unblocked(Customer(marks=[str(step.mark)], sessions=list(sessions)))

    def _still_to_block(self, current_mark: Mark, result: Ending, *, first: bool, changed: bool) -> Mark:
        """Return the mark after ending sessions; those that are left may still be running."""
        named = mark.few(result.left)
        newest = max((session.id for session in result.open_now), default=0)
        # If sessions were changed rather than ended, or are too many to be named, no id separates old from new ones.
        up_to = 0 if changed or named is None else newest if first or not self._driver.walled else current_mark.up_to
        return replace(
            current_mark,
            phase=Phase.ENDING if result.left or result.doubt else Phase.ENDED,
            up_to=up_to,
            named=named if result.left else (),
            denied=result.denied,
            doubt=result.doubt,
            at=_when(current_mark, result),
        )

    def _proven(self, view: View, step: Step, result: Ending) -> Outcome:
        """Return the outcome of a step; only what was read back counts."""
        ref = step.job.ref
        if failure := result.failure:
            written = Sentence(f"The rows are written. {failure.message.english}", f"Barisnya sudah ditulis. {failure.message.indonesian}")
            return Outcome(ref.id, failure.result, failure.fault, written, retryable=failure.retryable)
        switched_off = step.mark is None and not self._restoring  # no mark tells which sessions have ended
        reading = self._driver.reading(view, ref, None if self._restoring else step.job.snapshot)
        if not switched_off and reading.actual is not (State.ACTIVE if self._restoring else State.BLOCKED):
            detail = reading.detail or Sentence("-", "-")
            why = Sentence(
                f"Written, but read back as {reading.actual}: {detail.english}",
                f"Sudah ditulis, tetapi terbaca kembali sebagai {reading.actual}: {detail.indonesian}",
            )
            return Outcome(ref.id, Result.FAILED, Fault.REFUSED, why, retryable=True)
        changed = not switched_off and (step.writes or result.ended)
        return Outcome(ref.id, Result.CHANGED if changed else Result.UNCHANGED, message=step.message)


def _marks(steps: Sequence[Step]) -> Mapping[str, Mark | None]:
    return {step.job.ref.key: step.mark for step in steps}


def _when(current_mark: Mark, result: Ending) -> int:
    """A second look counts from the first try, or from when a session was last ended."""
    return result.at if result.ended or not current_mark.at else current_mark.at


def _still_to_restore(current_mark: Mark, result: Ending) -> Mark | None:
    """Return the mark after ending sessions; None if no blocked session can be left."""
    if not result.left and not result.doubt:
        return None
    named = mark.few(result.left) if result.left else ()
    return replace(current_mark, named=named, denied=result.denied, doubt=result.doubt, at=_when(current_mark, result))
