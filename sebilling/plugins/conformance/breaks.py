"""Checks of failures: a driver never reports more than it knows."""

# ruff: noqa: S101 - a check is an assertion
import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import suppress
from typing import Any, Final

from sebilling.plugins.conformance.languages import assert_said
from sebilling.plugins.conformance.world import (
    SUCCESS,
    Kit,
    Story,
    World,
    all_done,
    gathered,
    jobs_of,
    made,
    session,
    snapshots_of,
    states,
)
from sebilling.plugins.contract import DeviceError, Fault, Job, Outcome, Result, State

_AWAY: Final = frozenset({Fault.UNREACHABLE, Fault.TIMEOUT})
_CANCEL_SECONDS: Final = 3.0


class Breaks(Kit):
    """A link that breaks, a device that is gone, a password that is wrong."""

    def test_a_wrong_password_is_told_as_such(self) -> None:
        """AUTH, not retryable, and nothing is changed."""
        self.run(_wrong_password)

    def test_a_dead_link_is_told_as_such(self) -> None:
        """UNREACHABLE or TIMEOUT, retryable, and not AUTH."""
        self.run(_dead_link)

    def test_a_failed_reading_is_never_less(self) -> None:
        """read_state and snapshot raise DeviceError over a broken link, or return everything."""
        self.run(_readings)

    def test_a_dead_session_tells_no_success(self) -> None:
        """Block and restore over a dead link."""
        self.run(_dead_session)

    def test_a_link_that_breaks_while_blocking(self) -> None:
        """No false success; a new session finishes, and restores everything to the byte."""
        self._broken(restoring=False)

    def test_a_link_that_breaks_while_restoring(self) -> None:
        """No false success; a new session finishes, and everything is as it was to the byte."""
        self._broken(restoring=True)

    def test_a_call_that_is_given_up(self) -> None:
        """The core's deadline cancels a call: `close` still works, and a new session finishes."""
        self.run(_given_up)

    def _broken(self, *, restoring: bool) -> None:
        interrupted: list[bool] = []

        def broken(share: int, *, made: bool) -> Story:
            async def story(world: World) -> None:
                count = (len(world.refs) - 1) * share // 3
                interrupted.append(await _break(world, count, made=made, restoring=restoring))

            return story

        for share in range(4):  # at the first job, in between, at the last one
            self.run(broken(share, made=True))
            self.run(broken(share, made=False))
        assert all(interrupted), "cut_link_after didn't break the link every time: without a break this check proves nothing"


async def _raised(call: Awaitable[Any]) -> DeviceError | None:
    """The DeviceError that the call raises; None if it raises nothing."""
    try:
        await call
    except DeviceError as error:
        return error
    except Exception as error:
        raise AssertionError(f"{error!r} was raised: convert it to a DeviceError") from error
    return None


async def _wrong_password(world: World) -> None:
    before = await world.state()
    driver = made(world, **world.wrong_password)
    error = await _raised(driver.open())
    await driver.close()
    assert error is not None, "open accepted a wrong password"
    assert error.fault is Fault.AUTH, f"a wrong password must raise AUTH, not {error.fault}"
    assert not error.retryable, "a wrong password must not be retryable: retries may lock the account"
    assert_said(error.message, f"the message of {error.fault}")
    assert await world.state() == before, "a refused login changed the device"


async def _dead_link(world: World) -> None:
    await world.make_unreachable()
    driver = made(world)
    error = await _raised(driver.open())
    await driver.close()
    assert error is not None, "open succeeded on a dead device"
    assert error.fault in _AWAY, f"a dead link must raise UNREACHABLE or TIMEOUT, not {error.fault}"
    assert error.retryable, "a dead link must be retryable"
    assert_said(error.message, f"the message of {error.fault}")
    await world.mend()
    async with session(world):
        pass


async def _readings(world: World) -> None:
    jobs = await jobs_of(world)
    await all_done(world, jobs[:1], restoring=False)
    kept = snapshots_of(jobs[:1])
    refs = [*world.refs, *([world.absent] if world.absent is not None else [])]
    async with session(world) as driver:
        whole, snapshots = await driver.read_state(refs, kept), await driver.snapshot(refs)
    failed = 0
    for answers in range(6):
        for what, right in (("read_state", whole), ("snapshot", snapshots)):
            async with session(world) as driver:
                await world.break_reading(answers)
                try:
                    answer = await (driver.read_state(refs, kept) if what == "read_state" else driver.snapshot(refs))
                except DeviceError:
                    failed += 1
                except Exception as error:
                    raise AssertionError(f"{what} over a broken link raised {error!r}: convert it to a DeviceError") from error
                else:
                    _as_whole(what, answer, right)
            await world.mend()
    assert failed, "break_reading broke nothing, so this check proves nothing: make the device break the link"


def _as_whole(what: str, received: Any, right: Any) -> None:
    answer = {ref_id: reading.actual for ref_id, reading in received.items()} if what == "read_state" else received
    whole = {ref_id: reading.actual for ref_id, reading in right.items()} if what == "read_state" else right
    assert answer == whole, f"{what} over a broken link returned {answer} instead of {whole}: raise DeviceError for an incomplete result"


async def _dead_session(world: World) -> None:
    jobs = await jobs_of(world)
    await all_done(world, jobs[:1], restoring=False)
    for restoring, part in ((True, jobs[:1]), (False, jobs[1:])):
        async with session(world) as driver:
            await world.make_unreachable()
            outcomes, _ = await _collected(driver.restore(part) if restoring else driver.block(part))
        await world.mend()
        assert not [outcome for outcome in outcomes if outcome.result in SUCCESS], f"the device is dead, but the driver reported {outcomes}"


async def _collected(call: AsyncIterator[Outcome]) -> tuple[list[Outcome], DeviceError | None]:
    try:
        return await gathered(call)
    except Exception as error:
        raise AssertionError(f"{error!r} was raised: convert it to a DeviceError") from error


async def _break(world: World, count: int, *, made: bool, restoring: bool) -> bool:
    """Break the link after `count` jobs. True if the driver noticed it."""
    jobs, before = await jobs_of(world), await world.state()
    if restoring:
        await all_done(world, jobs, restoring=False)
    async with session(world) as driver:
        await world.cut_link_after(count, made=made)
        outcomes, error = await _collected(driver.restore(jobs) if restoring else driver.block(jobs))
    await world.mend()
    await world.settle()
    ids = [outcome.ref_id for outcome in outcomes]
    assert len(set(ids)) == len(ids), f"outcomes for {sorted(ids)}: yield exactly one for each job"
    assert set(ids) <= {job.ref.id for job in jobs}, "an outcome without a job: yield exactly one for each job"
    assert error is not None or len(ids) == len(jobs), "some jobs have no outcome, and no DeviceError was raised"
    blocked = {job.ref.id: await world.is_blocked(job.ref) for job in jobs}
    for outcome in outcomes:
        is_done = blocked[outcome.ref_id] is not restoring
        assert outcome.result not in SUCCESS or is_done, f"reported as success, but the device didn't change: {outcome}"
        assert outcome.result is not Result.FAILED or not is_done, f"done, but FAILED: report UNKNOWN when no answer came: {outcome}"
    await _finish(world, jobs, before, blocked)
    return error is not None or any(outcome.result not in SUCCESS for outcome in outcomes)


async def _finish(world: World, jobs: Sequence[Job], before: Any, blocked: dict[int, bool]) -> None:
    """In new sessions: read the state, block the rest, and restore everything."""
    actual = await states(world, world.refs, snapshots_of(jobs))
    right = {ref_id: State.BLOCKED if is_blocked else State.ACTIVE for ref_id, is_blocked in blocked.items()}
    assert actual == right, f"after the break a new session reads {actual}, but the device holds {right}"
    for restoring in (False, True):
        await all_done(world, jobs, restoring=restoring)
    assert await world.state() == before, "after the break and a retry the device isn't as it was"


async def _given_up(world: World) -> None:
    jobs, before = await jobs_of(world), await world.state()
    driver = made(world)
    await driver.open()
    first = asyncio.Event()

    async def work() -> None:
        async for _ in driver.block(jobs):
            first.set()
            await asyncio.sleep(0)

    task = asyncio.create_task(work())
    waiting = asyncio.create_task(first.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for running in (task, waiting):
        running.cancel()
    _, pending = await asyncio.wait({task, waiting}, timeout=_CANCEL_SECONDS)
    assert not pending, "a cancelled call must end at once: don't swallow CancelledError"
    with suppress(asyncio.CancelledError, DeviceError):
        await task
    try:
        async with asyncio.timeout(_CANCEL_SECONDS):
            await driver.close()
    except Exception as error:
        raise AssertionError(f"close raised after a cancelled call: {error!r}") from error
    await world.settle()
    await _finish(world, jobs, before, {job.ref.id: await world.is_blocked(job.ref) for job in jobs})
