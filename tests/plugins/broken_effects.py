"""Drivers that tell more than the customers notice: the kit must fail every one of these."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar

from sebilling.plugins.contract import InvalidValue, Job, Outcome, Quality, Reading, Ref, Result, Snapshot, State
from tests.plugins.broken import BROKEN as BROKEN  # noqa: PLC0414 - the test compares them
from tests.plugins.broken import caught_by
from tests.plugins.shelf import Good, Row

_ONLINE = "test_who_is_blocked_is_offline_and_who_is_restored_is_online"
_LINGERING = "test_who_is_still_online_isnt_read_as_blocked"


@caught_by(_LINGERING)
class RowsAreEnough(Good):
    """The row says isolir, so the customer must be offline."""

    def in_effect(self, row: Row | None, session: str | None) -> bool:  # noqa: ARG002
        return True


@caught_by(_ONLINE)
class NeverKnows(Good):
    def in_effect(self, row: Row | None, session: str | None) -> None:  # noqa: ARG002
        return None


@caught_by(_ONLINE)
class NeverInEffect(Good):
    def in_effect(self, row: Row | None, session: str | None) -> bool:  # noqa: ARG002
        return False


class _EndsNoSession(Good):
    """Sessions go on with the profile with which they began."""

    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        self.shelf.stubborn.add(job.ref.key)
        return super().judged(job, row, restoring=restoring)


@caught_by(_ONLINE)
class EndsNoSession(_EndsNoSession):
    """And tells so, for ever."""


@caught_by(_ONLINE)
class EndsNoSessionAndSaysBlocked(_EndsNoSession):
    def in_effect(self, row: Row | None, session: str | None) -> bool:  # noqa: ARG002
        return True


@caught_by(_ONLINE)
class RestoresNoSession(Good):
    """Given back in the row, still in the walled garden."""

    def in_effect(self, row: Row | None, session: str | None) -> bool:  # noqa: ARG002
        return True

    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        if restoring:
            self.shelf.stubborn.add(job.ref.key)
        return super().judged(job, row, restoring=restoring)


@caught_by(_LINGERING)
class BlocksOnce(Good):
    """Who is set as blocked is done with, whatever is still up."""

    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        if row is not None and not restoring and row["profile"] == self.config.profile:
            return Outcome(job.ref.id, Result.UNCHANGED)
        return super().judged(job, row, restoring=restoring)


@caught_by("test_what_a_hand_undid_is_read_and_blocked_again")
class RemembersItsBlocks(Good):
    """What it has blocked once is blocked."""

    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        (self.shelf.noted.discard if restoring else self.shelf.noted.add)(job.ref.key)
        return super().judged(job, row, restoring=restoring)

    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        found = await super().read_state(refs, snapshots)
        return {ref.id: Reading(State.BLOCKED, in_effect=True) if ref.key in self.shelf.noted else found[ref.id] for ref in refs}


@caught_by("test_what_a_hand_undid_is_read_and_blocked_again")
class BlocksNobodyTwice(Good):
    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        if not restoring and job.ref.key in self.shelf.noted:
            return Outcome(job.ref.id, Result.UNCHANGED)
        if not restoring:
            self.shelf.noted.add(job.ref.key)
        return super().judged(job, row, restoring=restoring)


@caught_by("test_what_a_hand_undid_is_read_and_blocked_again")
class UndoneIsDrifted(Good):
    """Whoever isn't blocked though there is a snapshot was changed by hand."""

    def state(self, row: Row | None, snapshot: Snapshot | None) -> State:
        state = super().state(row, snapshot)
        return State.DRIFTED if state is State.ACTIVE and snapshot else state


@caught_by("test_after_a_reboot_nothing_is_read_that_isnt_so")
class NeverSaves(RemembersItsBlocks):
    """What it sets is gone after a restart, and it doesn't look."""

    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        judged = super().judged(job, row, restoring=restoring)
        if row is not None and isinstance(judged, str):
            self.shelf.unsaved.setdefault(job.ref.key, row["profile"])
        return judged


@caught_by("test_who_is_reclaimed_is_online_or_it_is_told_why_not")
class ReclaimsNobody(Good):
    """Without a snapshot there is nothing to do, which is a success."""

    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        return Outcome(job.ref.id, Result.UNCHANGED) if job.reclaim else super().judged(job, row, restoring=restoring)


@caught_by("test_who_is_reclaimed_is_online_or_it_is_told_why_not")
class ReclaimsWithoutAWord(Good):
    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        return Outcome(job.ref.id, Result.FAILED) if job.reclaim else super().judged(job, row, restoring=restoring)


@caught_by("test_who_is_reclaimed_is_online_or_it_is_told_why_not")
class SaysReclaimed(Good):
    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        for job in jobs:
            if job.reclaim:
                yield Outcome(job.ref.id, Result.CHANGED)
            else:
                async for one in super().restore([job]):
                    yield one


@caught_by("test_a_key_has_one_spelling")
class KeepsSpellingsApart(Good):
    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:  # noqa: ARG003
        return text


@caught_by("test_a_key_has_one_spelling")
class SpellsAnew(Good):
    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:  # noqa: ARG003
        return text.strip() + "."


@caught_by("test_a_key_has_one_spelling")
class SaysNoInEnglish(Good):
    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:  # noqa: ARG003
        if "\n" in text:
            raise InvalidValue("a name has one line", "a name has one line")
        return text.strip()


@caught_by("test_a_budget_is_given")
class NoTime(Good):
    def budget(self, jobs: int) -> float:  # noqa: ARG002
        return 0.0


@caught_by("test_a_budget_is_given")
class AllTheTime(Good):
    def budget(self, jobs: int) -> float:
        return jobs * 3_600.0


@caught_by("test_the_quality_is_earned")
class ClaimsMore(Good):
    read_usage = None  # type: ignore[assignment]


@caught_by("test_the_quality_is_earned")
class ClaimsANumber(Good):
    quality: ClassVar[Quality] = 4  # type: ignore[assignment]
