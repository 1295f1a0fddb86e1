"""Checks of block and restore on a working device."""

# ruff: noqa: S101 - a check is an assertion
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
from sebilling.plugins.contract import Fault, Job, Outcome, Result, State


class Changes(Kit):
    """Checks of calls that change the device."""

    def test_what_is_blocked_comes_back_to_the_byte(self) -> None:
        """Block, read BLOCKED, restore from the snapshot as it comes back from JSON, read ACTIVE; the device is as it was."""
        self.run(_life)

    def test_a_second_time_is_unchanged(self) -> None:
        """Block twice, restore twice: the second time is UNCHANGED, and the device stays as it is."""
        self.run(_twice)

    def test_each_job_has_one_outcome(self) -> None:
        """No job has none or two, and no outcome is without a job."""
        self.run(_outcomes)

    def test_a_missing_customer_fails_alone(self) -> None:
        """FAILED with ABSENT; the others are blocked and restored."""
        self.run(_missing)

    def test_who_wasnt_named_is_left_alone(self) -> None:
        """Neither a block nor a restore changes anybody else."""
        self.run(_others)

    def test_what_a_hand_changed_is_left_alone(self) -> None:
        """restore is FAILED with DRIFTED, and the manual change stays."""
        self.run(_by_hand)

    def test_who_was_blocked_before_us_stays_blocked(self) -> None:
        """A customer blocked by hand isn't restored by the driver, with a snapshot or without one."""
        self.run(_blocked_before)

    def test_without_a_snapshot_nothing_is_destroyed(self) -> None:
        """Block without a snapshot: refused, or restored to the byte nevertheless."""
        self.run(_without)

    def test_restoring_without_a_snapshot_changes_nothing(self) -> None:
        """Without a snapshot SeBilling never blocked the customer."""
        self.run(_restore_without)

    def test_a_changed_plan_doesnt_hinder_the_restore(self) -> None:
        """With `plan_changed` the customer has access again, whether the new speed is known or not."""
        self.run(_plan)

    def test_batches_of_all_sizes_work(self) -> None:
        """One by one, two by two, and `max_batch` in one call if the world can put that many on the device."""
        self.run(_batches)


async def _life(world: World) -> None:
    before = await world.state()
    jobs = await jobs_of(world)
    outcomes = await all_done(world, jobs, restoring=False)
    assert _results(outcomes.values()) == {Result.CHANGED}, f"all were blocked, so all must be CHANGED, not {_results(outcomes.values())}"
    assert await world.state() != before, "all were reported as blocked, but state() is as before: it must hold what the driver changes"
    actual = await states(world, world.refs, snapshots_of(jobs))
    assert set(actual.values()) == {State.BLOCKED}, f"blocked, but read as {actual}"
    outcomes = await all_done(world, jobs, restoring=True)
    assert _results(outcomes.values()) == {Result.CHANGED}, f"all were restored, so all must be CHANGED, not {_results(outcomes.values())}"
    _same(await world.state(), before, "restored, but the device isn't as it was")
    actual = await states(world, world.refs, {})
    assert set(actual.values()) == {State.ACTIVE}, f"restored, but read as {actual}"


async def _twice(world: World) -> None:
    jobs = await jobs_of(world)
    for restoring in (False, True):
        await all_done(world, jobs, restoring=restoring)
        once = await world.state()
        outcomes = await all_done(world, jobs, restoring=restoring)
        results = {outcome.result for outcome in outcomes.values()}
        assert results == {Result.UNCHANGED}, f"a second time must be UNCHANGED, not {results}"
        _same(await world.state(), once, "the second time changed the device")


async def _outcomes(world: World) -> None:
    jobs = await jobs_of(world, [*world.refs, *([world.absent] if world.absent is not None else [])])
    for restoring in (False, True):
        async with session(world) as driver:
            call = driver.restore if restoring else driver.block
            nobody, _ = await gathered(call([]))
            assert nobody == [], f"outcomes without a job: {nobody}"
            for part in (jobs, jobs[:1]):
                outcomes, error = await gathered(call(part))
                assert error is None, f"raised on a working device: {error!r}"
                ids = sorted(outcome.ref_id for outcome in outcomes)
                assert ids == sorted(job.ref.id for job in part), f"{len(part)} jobs got outcomes for {ids}: yield exactly one for each"
                _well_formed(outcomes)
        await world.settle()


def _well_formed(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        assert isinstance(outcome, Outcome), f"{outcome!r} is no Outcome"
        assert isinstance(outcome.result, Result), f"{outcome.result!r} is no Result"
        failed = outcome.result not in SUCCESS
        assert not failed or isinstance(outcome.fault, Fault), f"{outcome}: a failure must have a Fault"
        if failed or outcome.message is not None:
            assert_said(outcome.message, f"the message of {outcome.result}")
        assert failed or outcome.fault is None, f"{outcome}: a success must have no fault"


async def _missing(world: World) -> None:
    if world.absent is None:
        await wanted(_nothing())
        return
    before = await world.state()
    jobs = await jobs_of(world, [world.refs[0], world.absent, *world.refs[1:]])
    for kept in ({}, {"made": "up"}):
        for restoring in (False, True):
            batch = [replace(job, snapshot=kept) if job.ref == world.absent and kept else job for job in jobs]
            outcomes = await done(world, batch, restoring=restoring)
            absent = outcomes.pop(world.absent.id)
            assert (absent.result, absent.fault) == (Result.FAILED, Fault.ABSENT), f"an absent customer is FAILED with ABSENT, not {absent}"
            assert not absent.retryable, "ABSENT must not be retryable: a retry doesn't help"
            assert _results(outcomes.values()) == {Result.CHANGED}, f"the other jobs must succeed, not {_results(outcomes.values())}"
    _same(await world.state(), before, "the device isn't as it was")


async def _nothing() -> None:
    raise NotImplementedError


async def _others(world: World) -> None:
    before = await world.state()
    named, others = world.refs[:1], world.refs[1:]
    jobs = await jobs_of(world, named)
    for restoring in (False, True):
        await all_done(world, jobs, restoring=restoring)
        blocked = [ref.key for ref in others if await world.is_blocked(ref)]
        assert not blocked, f"only {named[0].key!r} was named, but {blocked} were blocked"
    _same(await world.state(), before, "the device isn't as it was")
    everyone = await jobs_of(world)
    await all_done(world, everyone, restoring=False)
    await all_done(world, everyone[:1], restoring=True)
    restored = [ref.key for ref in others if not await world.is_blocked(ref)]
    assert not restored, f"only {named[0].key!r} was named, but {restored} were restored too"


async def _by_hand(world: World) -> None:
    jobs = await jobs_of(world)
    await all_done(world, jobs, restoring=False)
    await wanted(world.by_hand(jobs[0].ref))
    await world.settle()
    by_hand = await world.state()
    outcomes = await done(world, jobs[:1], restoring=True)
    drifted = outcomes[jobs[0].ref.id]
    assert (drifted.result, drifted.fault) == (Result.FAILED, Fault.DRIFTED), f"a manual change must be FAILED with DRIFTED, not {drifted}"
    _same(await world.state(), by_hand, "a manual change was overwritten")
    outcomes = await done(world, jobs, restoring=True)
    assert _results(outcomes[job.ref.id] for job in jobs[1:]) == {Result.CHANGED}, "a drifted customer must not stop the others"


async def _blocked_before(world: World) -> None:
    ref = world.refs[0]
    await wanted(world.blocked_by_hand(ref))
    await world.settle()
    by_hand = await world.state()
    (job,) = await jobs_of(world, [ref])
    for restoring, each in ((False, job), (True, job), (True, Job(ref, {}))):
        outcomes = await done(world, [each], restoring=restoring)
        assert outcomes[ref.id].result is not Result.CHANGED, f"already blocked by hand: nothing may change, but got {outcomes[ref.id]}"
        _same(await world.state(), by_hand, "a customer blocked by hand was changed")


async def _without(world: World) -> None:
    before = await world.state()
    jobs = [Job(ref, {}) for ref in world.refs]
    outcomes = await done(world, jobs, restoring=False)
    for ref in world.refs:
        blocked = await world.is_blocked(ref)
        assert (outcomes[ref.id].result in SUCCESS) is blocked, f"reported {outcomes[ref.id]}, but on the device blocked={blocked}"
    await done(world, jobs, restoring=True)
    _same(await world.state(), before, "blocked without a snapshot and not restored: refuse to block what you couldn't restore")


async def _restore_without(world: World) -> None:
    before = await world.state()
    outcomes = await done(world, [Job(ref, {}) for ref in world.refs], restoring=True)
    assert Result.CHANGED not in _results(outcomes.values()), "there was nothing to restore, but the driver reported CHANGED"
    _same(await world.state(), before, "restoring customers who were never blocked changed the device")


async def _plan(world: World) -> None:
    for down, up in ((None, None), (20_000, 10_000)):
        before = await world.state()
        jobs = await jobs_of(world)
        await all_done(world, jobs, restoring=False)
        jobs = [replace(job, ref=replace(job.ref, rate_down_kbps=down, rate_up_kbps=up), plan_changed=True) for job in jobs]
        await all_done(world, jobs, restoring=True)
        outcomes = await all_done(world, jobs, restoring=True)
        assert _results(outcomes.values()) == {Result.UNCHANGED}, f"a second time must be UNCHANGED, not {_results(outcomes.values())}"
        actual = await states(world, [job.ref for job in jobs], {})
        assert set(actual.values()) == {State.ACTIVE}, f"restored, but read as {actual}"
        if down is None:
            _same(await world.state(), before, "the plan's speed isn't known, so everything must be as it was")


async def _batches(world: World) -> None:
    before = await world.state()
    jobs = await jobs_of(world)
    for size in (1, 2):
        parts = [jobs[at : at + size] for at in range(0, len(jobs), size)][:3]
        for restoring in (False, True):
            for part in parts:
                await all_done(world, part, restoring=restoring)
        _same(await world.state(), before, f"after batches of {size} the device isn't as it was")
    most = world.driver.max_batch
    try:
        more = await world.more(max(0, most - len(world.refs)))
    except NotImplementedError:
        return
    before = await world.state()
    jobs = await jobs_of(world, [*world.refs, *more][:most])
    assert len(jobs) == most, f"World.more returned only {len(more)} refs"
    for restoring in (False, True):
        await all_done(world, jobs, restoring=restoring)
    _same(await world.state(), before, f"after a batch of max_batch={most} the device isn't as it was")


def _results(outcomes: Any) -> set[Result]:
    return {outcome.result for outcome in outcomes}


def _same(state: Any, before: Any, why: str) -> None:
    assert state == before, why
