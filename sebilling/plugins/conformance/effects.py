"""Checks of what the customers notice: who is shown as blocked is offline, who is shown as restored is online."""

# ruff: noqa: S101 - a check is an assertion
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sebilling.plugins.conformance.languages import assert_said
from sebilling.plugins.conformance.world import (
    SUCCESS,
    Kit,
    World,
    all_done,
    done,
    gathered,
    jobs_of,
    session,
    snapshots_of,
    states,
    wanted,
)
from sebilling.plugins.contract import InvalidValue, Job, Ref, Snapshot, State

MAX_BUDGET: Final = 900.0
"""The core waits no longer, in seconds."""


class Effects(Kit):
    """Checks by traffic. `World.online` is the judge."""

    def test_who_is_blocked_is_offline_and_who_is_restored_is_online(self) -> None:
        """As soon as the driver reads a state with `in_effect`, traffic follows it."""
        self.run(_offline)

    def test_who_is_still_online_isnt_read_as_blocked(self) -> None:
        """A session or connection that survives the block: the reading says that the block isn't in effect, until it is."""
        self.run(_lingering)

    def test_what_a_hand_undid_is_read_and_blocked_again(self) -> None:
        """The core looks again every few minutes: an undone block isn't read as BLOCKED, and a second block works."""
        self.run(_undone)

    def test_after_a_reboot_nothing_is_read_that_isnt_so(self) -> None:
        """What a restart forgets, and who reconnects after it, is read as it is."""
        self.run(_rebooted)

    def test_who_is_reclaimed_is_online_or_it_is_told_why_not(self) -> None:
        """The snapshot is lost: `reclaim` restores at the plan's speed, or fails with what to do by hand."""
        self.run(_reclaimed)

    def test_a_key_has_one_spelling(self) -> None:
        """canonical_key keeps what it returned, and refuses only with an InvalidValue in both languages."""
        self.run(_spellings)

    def test_a_budget_is_given(self) -> None:
        """Seconds for one job and for a full batch."""
        self.run(_budgets)


async def _agree(world: World, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot], when: str) -> dict[int, State | None]:
    """Read, and compare with traffic: what is read as in effect is so."""
    actual = await states(world, refs, snapshots)
    for ref in refs:
        online = await wanted(world.online(ref))
        assert not (actual[ref.id] is State.BLOCKED and online), f"{when} {ref.key!r} is read as blocked, but traffic gets through"
        assert not (actual[ref.id] is State.ACTIVE and not online), f"{when} {ref.key!r} is read as active, but no traffic gets through"
    return actual


async def _offline(world: World) -> None:
    for ref in world.refs:
        assert await wanted(world.online(ref)), f"{ref.key!r} is offline from the beginning: provide customers who are online"
    jobs = await jobs_of(world)
    for restoring, right in ((False, State.BLOCKED), (True, State.ACTIVE)):
        await all_done(world, jobs, restoring=restoring)
        kept = {} if restoring else snapshots_of(jobs)
        actual = await _agree(world, world.refs, kept, "restored:" if restoring else "blocked:")
        assert set(actual.values()) == {right}, f"everything worked, but is read as {actual}: say in_effect=True when traffic follows"


async def _lingering(world: World) -> None:
    ref = world.refs[0]
    jobs = await jobs_of(world)
    await wanted(world.keep_online(ref))
    async with session(world) as driver:
        await gathered(driver.block(jobs))
    assert await world.online(ref), "keep_online had no effect, so this check proves nothing"
    actual = await _agree(world, world.refs, snapshots_of(jobs), "with an old session")
    assert actual[ref.id] is not State.BLOCKED, f"{ref.key!r} is online, but read as blocked"
    await world.mend()
    async with session(world) as driver:
        await gathered(driver.block(jobs))
    await world.settle()
    actual = await _agree(world, world.refs, snapshots_of(jobs), "a second time")
    assert set(actual.values()) == {State.BLOCKED}, f"a second block must end what is still up, but it is read as {actual}"


async def _undone(world: World) -> None:
    ref, before = world.refs[0], await world.state()
    jobs = await jobs_of(world)
    await all_done(world, jobs, restoring=False)
    await wanted(world.undo_by_hand(ref))
    await world.settle()
    actual = await states(world, world.refs, snapshots_of(jobs))
    assert actual[ref.id] is State.ACTIVE, f"{ref.key!r} was restored by hand as they were, but is read as {actual[ref.id]}"
    others = {state for ref_id, state in actual.items() if ref_id != ref.id}
    assert others == {State.BLOCKED}, f"the others are blocked, but read as {others}"
    await all_done(world, jobs, restoring=False)
    await all_done(world, jobs, restoring=True)
    assert await world.state() == before, "after a second block the device isn't as it was"


async def _rebooted(world: World) -> None:
    jobs = await jobs_of(world)
    await all_done(world, jobs[:1], restoring=False)
    kept = snapshots_of(jobs[:1])
    await wanted(world.reboot())
    await world.settle()
    await _agree(world, world.refs, kept, "after a reboot")
    await all_done(world, jobs[:1], restoring=False)
    actual = await _agree(world, world.refs[:1], kept, "blocked after a reboot:")
    assert set(actual.values()) == {State.BLOCKED}, f"blocked after a reboot, but read as {actual}"


async def _reclaimed(world: World) -> None:
    jobs = await jobs_of(world)
    await all_done(world, jobs, restoring=False)
    lost = [Job(replace(job.ref, rate_down_kbps=20_000, rate_up_kbps=10_000), {}, reclaim=True) for job in jobs]
    outcomes = await done(world, lost, restoring=True)
    for job in lost:
        outcome, blocked = outcomes[job.ref.id], await world.is_blocked(job.ref)
        assert (outcome.result in SUCCESS) is not blocked, (
            f"reclaimed {job.ref.key!r}: reported {outcome}, but on the device blocked={blocked}"
        )
        if outcome.message is not None:
            assert_said(outcome.message, "why someone couldn't be reclaimed")
        assert outcome.result in SUCCESS or outcome.message is not None, "say what to do by hand for who can't be reclaimed"


async def _spellings(world: World) -> None:
    driver = world.driver
    for ref in world.refs:
        for kind in [ref.service_kind] if ref.service_kind else driver.service_kinds:
            key = driver.canonical_key(kind, ref.key)
            assert key == driver.canonical_key(kind, key), f"canonical_key({ref.key!r}) is {key!r}, and of that something else again"
            if len(driver.service_kinds) == 1:
                assert key == ref.key, f"the ref's key {ref.key!r} isn't in its canonical form {key!r}"
    for key, spellings in world.spellings.items():
        for kind in driver.service_kinds:
            different = [text for text in spellings if driver.canonical_key(kind, text) != key]
            assert not different, f"{different} are other spellings of {key!r}, but canonical_key keeps them apart"
    for kind in driver.service_kinds:
        try:
            key = driver.canonical_key(kind, "\N{SNOWMAN} \n")
        except InvalidValue as error:
            assert_said(error.sentence, "why a key isn't accepted")
        else:
            assert isinstance(key, str), f"canonical_key must return a text, not {key!r}"


async def _budgets(world: World) -> None:
    async with session(world) as driver:
        for jobs in (1, driver.max_batch):
            seconds = driver.budget(jobs)
            assert isinstance(seconds, (int, float)), f"budget({jobs}) must be seconds, not {seconds!r}"
            assert 1 <= seconds <= MAX_BUDGET, f"budget({jobs}) is {seconds}: give 1 to {MAX_BUDGET:.0f} seconds"
