"""Drivers that block and restore wrongly, one fault each."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from sebilling.plugins.contract import (
    DeviceError,
    Fault,
    Job,
    Outcome,
    Ref,
    Result,
    Sentence,
    Snapshot,
)
from tests.plugins.broken import BROKEN, caught_by
from tests.plugins.shelf import Good, Refused, Row

__all__ = ["BROKEN"]


@caught_by("test_what_is_blocked_comes_back_to_the_byte")
class LiesThatItBlocked(Good):
    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        for job in jobs:
            yield Outcome(job.ref.id, Result.CHANGED)


@caught_by("test_what_is_blocked_comes_back_to_the_byte")
class RestoresTheDefault(Good):
    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        for job in jobs:
            await self.shelf.set(job.ref.key, profile="home-1")
            yield Outcome(job.ref.id, Result.CHANGED)


@caught_by("test_what_is_blocked_comes_back_to_the_byte")
class NumbersFromNames(Good):
    """A typed client: the key 12345 becomes a number, and 0812345678 another name."""

    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        del row
        key = str(int(job.ref.key)) if job.ref.key.isdecimal() else job.ref.key
        return super().judged(job, self.shelf.rows.get(key), restoring=restoring)


@caught_by("test_what_is_blocked_comes_back_to_the_byte")
class LeavesATrace(Good):
    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().block(jobs):
            yield one
        for job in jobs:
            self.shelf.rows.get(job.ref.key, {})["note"] = "cut by sebilling"


@caught_by("test_a_second_time_is_unchanged")
class AlwaysChanged(Good):
    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().restore(jobs):
            yield Outcome(one.ref_id, Result.CHANGED) if one.result is Result.UNCHANGED else one


@caught_by("test_a_second_time_is_unchanged")
class BlocksTheBlocked(Good):
    """Writes again what is there already."""

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().block(jobs):
            for job in jobs:
                if job.ref.id == one.ref_id and one.result is Result.UNCHANGED:
                    await self.shelf.set(job.ref.key, note="cut once more")
            yield one


@caught_by("test_each_job_has_one_outcome")
class TellsTwice(Good):
    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().block(jobs):
            yield one
        for job in jobs[-1:]:
            yield Outcome(job.ref.id, Result.UNCHANGED)


@caught_by("test_each_job_has_one_outcome")
class SaysNothingOfTheUnchanged(Good):
    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().restore(jobs):
            if one.result is not Result.UNCHANGED and one.fault is not Fault.ABSENT:
                yield one


@caught_by("test_each_job_has_one_outcome")
class FailsWithoutAWord(Good):
    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().block(jobs):
            yield Outcome(one.ref_id, one.result)


@caught_by("test_a_missing_customer_fails_alone", "test_each_job_has_one_outcome")
class StopsAtTheMissing(Good):
    async def change(self, jobs: Sequence[Job], *, restoring: bool) -> AsyncIterator[Outcome]:
        async for one in super().change(jobs, restoring=restoring):
            if one.fault is Fault.ABSENT:
                raise DeviceError(Fault.ABSENT, Sentence("no such name", "nama itu tidak ada"), retryable=False)
            yield one


@caught_by("test_a_missing_customer_fails_alone")
class GivesBackTheMissing(Good):
    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().restore(jobs):
            yield Outcome(one.ref_id, Result.UNCHANGED) if one.fault is Fault.ABSENT else one


@caught_by("test_who_wasnt_named_is_left_alone")
class BlocksTheNeighbour(Good):
    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().block(jobs):
            yield one
        for row in list(self.shelf.rows.values())[:2] if jobs else ():
            row["profile"] = "isolir"


@caught_by("test_who_wasnt_named_is_left_alone")
class GivesEverybodyBack(Good):
    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().restore(jobs):
            yield one
        for number, row in enumerate(self.shelf.rows.values(), 1):
            row["profile"] = f"home-{number % 3}" if row["profile"] == "isolir" else row["profile"]


@caught_by("test_what_a_hand_changed_is_left_alone")
class OverwritesHands(Good):
    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        judged = super().judged(job, row, restoring=restoring)
        return job.snapshot["profile"] if isinstance(judged, Outcome) and judged.fault is Fault.DRIFTED else judged


@caught_by("test_who_was_blocked_before_us_stays_blocked")
class RestoresWhomItDidntBlock(Good):
    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        if restoring and row is not None and row["profile"] == "isolir" and not job.snapshot:
            return "home-1"
        return super().judged(job, row, restoring=restoring)


@caught_by("test_without_a_snapshot_nothing_is_destroyed")
class BlocksWithoutASnapshot(Good):
    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        if not restoring and row is not None and not job.snapshot:
            return "isolir"
        return super().judged(job, row, restoring=restoring)


@caught_by("test_restoring_without_a_snapshot_changes_nothing")
class RestoresFromNothing(Good):
    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        if restoring and row is not None and not job.snapshot:
            return "default"
        return super().judged(job, row, restoring=restoring)


@caught_by("test_a_changed_plan_doesnt_hinder_the_restore")
class HinderedByThePlan(Good):
    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        if restoring and job.plan_changed:
            return Outcome(
                job.ref.id,
                Result.FAILED,
                Fault.SETUP,
                Sentence("no profile of that speed: make one", "tidak ada profil dengan kecepatan itu: buat dulu"),
            )
        return super().judged(job, row, restoring=restoring)


@caught_by("test_batches_of_all_sizes_work")
class ChokesOnItsOwnBatch(Good):
    async def change(self, jobs: Sequence[Job], *, restoring: bool) -> AsyncIterator[Outcome]:
        if len(jobs) >= self.max_batch:
            raise DeviceError(Fault.REFUSED, Sentence("too many at once", "terlalu banyak sekaligus"), retryable=False)
        async for one in super().change(jobs, restoring=restoring):
            yield one


@caught_by("test_batches_of_all_sizes_work")
class OnlyTheFirstOfABatch(Good):
    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().block(jobs[:15]):
            yield one
        for job in jobs[15:]:
            yield Outcome(job.ref.id, Result.CHANGED)


@caught_by("test_a_wrong_password_is_told_as_such")
class TakesRefusalForADeadLink(Good):
    async def open(self) -> None:
        try:
            await super().open()
        except DeviceError:
            raise DeviceError(Fault.UNREACHABLE, Sentence("no session: try again", "tidak ada sesi: coba lagi"), retryable=True) from None


@caught_by("test_a_wrong_password_is_told_as_such")
class TriesAWrongPasswordAgain(Good):
    async def open(self) -> None:
        try:
            await super().open()
        except DeviceError as error:
            raise DeviceError(error.fault, error.message, retryable=True) from None


@caught_by("test_a_dead_link_is_told_as_such")
class TakesADeadLinkForRefusal(Good):
    def away(self, error: Exception) -> DeviceError:
        return DeviceError(Fault.AUTH, Sentence(f"'{error}'", f"'{error}'"), retryable=False)


@caught_by("test_a_dead_link_is_told_as_such", "test_close_never_raises")
class RaisesWhatSocketsRaise(Good):
    async def open(self) -> None:
        try:
            await self.shelf.login(self.password)
        except Refused:
            raise DeviceError(
                Fault.AUTH, Sentence("the shelf refuses the password: check it", "rak menolak kata sandi: periksa"), retryable=False
            ) from None


@caught_by("test_a_failed_reading_is_never_less")
class TakesHalfForAll(Good):
    async def rows(self) -> dict[str, Row]:
        return await self.shelf.rows_of(half=True)


@caught_by("test_a_failed_reading_is_never_less")
class TakesFailureForEmptiness(Good):
    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        try:
            return await super().snapshot(refs)
        except DeviceError:
            return {}


@caught_by("test_a_dead_session_tells_no_success", "test_a_link_that_breaks_while_restoring")
class SuccessOverADeadLine(Good):
    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        told = set()
        try:
            async for one in super().restore(jobs):
                told.add(one.ref_id)
                yield one
        except DeviceError:
            for job in jobs:
                if job.ref.id not in told:
                    yield Outcome(job.ref.id, Result.CHANGED)


@caught_by("test_a_link_that_breaks_while_blocking", "test_a_link_that_breaks_while_restoring")
class NoAnswerIsSuccess(Good):
    """Tells success for what it sent, and nobody knows whether it was made."""

    def unanswered(self, job: Job, error: Exception) -> Outcome:
        del error
        return Outcome(job.ref.id, Result.CHANGED)


@caught_by("test_a_link_that_breaks_while_blocking", "test_a_link_that_breaks_while_restoring")
class NoAnswerIsFailure(Good):
    """Tells FAILED for what it sent and was made."""

    def unanswered(self, job: Job, error: Exception) -> Outcome:
        return Outcome(job.ref.id, Result.FAILED, Fault.UNREACHABLE, Sentence(f"'{error}'", f"'{error}'"), retryable=True)


@caught_by("test_a_link_that_breaks_while_blocking")
class StopsWithoutAWord(Good):
    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        try:
            async for one in super().block(jobs):
                yield one
        except DeviceError:
            return


@caught_by("test_a_link_that_breaks_while_restoring")
class CanBeRestoredOnce(Good):
    """Forgets at the first try: who is left over comes back to what it took for the default."""

    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        judged = super().judged(job, row, restoring=restoring)
        again = row is not None and row["note"] == "tried" and not isinstance(judged, Outcome)
        if restoring and row is not None:
            self.shelf.rows[job.ref.key]["note"] = "tried"
        return "default" if again and restoring else judged


@caught_by("test_a_call_that_is_given_up")
class CloseFindsItBusy(Good):
    busy = False

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        self.busy = True
        async for one in super().block(jobs):
            yield one
        self.busy = False

    async def close(self) -> None:
        if self.busy:
            raise RuntimeError("a call is under way")


@caught_by("test_a_call_that_is_given_up")
class SwallowsTheDeadline(Good):
    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        try:
            async for one in super().block(jobs):
                yield one
                await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            await asyncio.sleep(3600)
