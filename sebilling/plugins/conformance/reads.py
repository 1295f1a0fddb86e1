"""Checks of reading calls (probe, snapshot, read_state) and of close."""

# ruff: noqa: S101 - a check is an assertion
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from sebilling.plugins.conformance.languages import assert_said
from sebilling.plugins.conformance.world import Kit, World, all_done, jobs_of, made, session, snapshots_of, states, wanted
from sebilling.plugins.contract import CustomerSource, DeviceError, DeviceHealth, Reading, State, Subscriber

_UNKEPT: Final = re.compile("[\x00\ud800-\udfff]")
"""Not storable in PostgreSQL: NUL or half of a surrogate pair. Encode such bytes otherwise, and decode them when restoring."""


class Reads(Kit):
    """Checks of calls that only read."""

    def test_probe_changes_nothing(self) -> None:
        """Before `open` and after it."""
        self.run(_probe)

    def test_probe_of_a_dead_device_tells_and_doesnt_raise(self) -> None:
        """A device that can't be reached is reported as such."""
        self.run(_probe_dead)

    def test_close_never_raises(self) -> None:
        """Never opened, closed twice, after a failed login, over a dead link."""
        self.run(_close)

    def test_snapshot_changes_nothing(self) -> None:
        """The device is unchanged, and a second snapshot is equal."""
        self.run(_snapshot_only_looks)

    def test_snapshot_is_strings_that_survive_json(self) -> None:
        """Raw strings by id, without absent refs."""
        self.run(_snapshot_form)

    def test_read_state_changes_nothing(self) -> None:
        """The device is unchanged, whether customers are blocked or not."""
        self.run(_read_only_looks)

    def test_read_state_tells_what_is_there(self) -> None:
        """ACTIVE, BLOCKED and ABSENT, for some and for all, as on the device."""
        self.run(_read_right)

    def test_read_state_tells_what_a_hand_changed(self) -> None:
        """DRIFTED, not BLOCKED and not ACTIVE."""
        self.run(_read_drift)

    def test_customers_for_an_import_are_all_told(self) -> None:
        """With `read_customers`: all customers, with a kind of service that the driver has, or DeviceError; nothing changes."""
        self.run(_customers)


async def _probe(world: World) -> None:
    before = await world.state()
    closed = made(world)
    healths = [await closed.probe()]
    await closed.close()
    async with session(world) as driver:
        healths.append(await driver.probe())
        await driver.read_state(world.refs, {})  # the probe must leave the session open
    for health in healths:
        assert type(health) is DeviceHealth, "probe must return a DeviceHealth"
        assert health.reachable, f"a working device was reported as not reachable: {health}"
        for problem in health.problems:
            assert_said(problem, "a problem")
        for name, fact in health.facts.items():
            assert type(name) is str, f"the name of a fact must be a str, not {name!r}"
            if type(fact) is not str:
                assert_said(fact, f"the fact {name}")
    assert await world.state() == before, "probe changed the device"


async def _probe_dead(world: World) -> None:
    await world.make_unreachable()
    driver = made(world)
    try:
        health = await driver.probe()
    except Exception as error:
        raise AssertionError(f"probe raised {error!r} for a device that can't be reached: return DeviceHealth(reachable=False)") from error
    finally:
        await driver.close()
    assert not health.reachable, "a dead device was reported as reachable"
    assert health.problems, "problems is empty for a dead device: say what to fix"
    for problem in health.problems:
        assert_said(problem, "a problem of a dead device")
    await world.mend()
    wrong = made(world, **world.wrong_password)
    try:
        health = await wrong.probe()
    except DeviceError:
        return
    finally:
        await wrong.close()
    assert not health.ok, "a device that refuses the password was reported as ok"


async def _close(world: World) -> None:
    try:
        never = made(world)
        await never.close()
        await never.close()
        twice = made(world)
        await twice.open()
        await twice.close()
        await twice.close()
        refused = made(world, **world.wrong_password)
        with suppress(DeviceError):
            await refused.open()
        await refused.close()
        gone = made(world)
        await gone.open()
        await world.make_unreachable()
        await gone.close()
        unmade = made(world)
        with suppress(DeviceError):
            await unmade.open()
        await unmade.close()
    except Exception as error:
        raise AssertionError(f"{error!r}: close must never raise, and open only DeviceError") from error


async def _snapshot_only_looks(world: World) -> None:
    before = await world.state()
    first, second = snapshots_of(await jobs_of(world)), snapshots_of(await jobs_of(world))
    assert await world.state() == before, "snapshot changed the device"
    assert first == second, "two snapshots of the same state differ: leave out what changes by itself"


async def _snapshot_form(world: World) -> None:
    absent = [world.absent] if world.absent is not None else []
    async with session(world) as driver:
        kept = await driver.snapshot([*world.refs, *absent])
        some = await driver.snapshot(world.refs[:1])
        none = await driver.snapshot([])
    assert set(kept) == {ref.id for ref in world.refs}, f"snapshots of {sorted(kept)}: return one for each ref on the device only"
    assert set(some) == {world.refs[0].id}, f"one ref was requested, {sorted(some)} were returned"
    assert not none, "no ref was requested, but snapshots were returned"
    for snapshot in kept.values():
        assert isinstance(snapshot, Mapping), "a snapshot must be a mapping"
        assert all(type(part) is str for pair in snapshot.items() for part in pair), f"{snapshot!r}: a snapshot must map str to str"
        assert not [part for pair in snapshot.items() for part in pair if _UNKEPT.search(part)], (
            f"{snapshot!r}: JSON in PostgreSQL can't store that"
        )
        assert snapshot, "an empty snapshot looks like none: store what a restore needs"
    hidden = [
        secret for secret in world.secrets if secret in json.dumps([dict(snapshot) for snapshot in kept.values()], ensure_ascii=False)
    ]
    assert not hidden, "a snapshot holds a secret: it is stored unencrypted"


async def _read_only_looks(world: World) -> None:
    jobs = await jobs_of(world)
    for _ in range(2):
        before = await world.state()
        for kept in ({}, snapshots_of(jobs)):
            await states(world, world.refs, kept)
        assert await world.state() == before, "read_state changed the device"
        await all_done(world, jobs, restoring=False)


async def _read_right(world: World) -> None:
    absent = [world.absent] if world.absent is not None else []
    every = [*world.refs, *absent]
    gone = {ref.id: State.ABSENT for ref in absent}
    actual = await states(world, every, {})
    assert actual == gone | {ref.id: State.ACTIVE for ref in world.refs}, f"nobody is blocked, but read as {actual}"
    blocked = (await jobs_of(world))[::2]
    await all_done(world, blocked, restoring=False)
    ids = {job.ref.id for job in blocked}
    right = gone | {ref.id: State.BLOCKED if ref.id in ids else State.ACTIVE for ref in world.refs}
    actual = await states(world, every, snapshots_of(blocked))
    assert actual == right, f"should be {right}, but read as {actual}"
    ref = world.refs[0]
    alone = await states(world, [ref], {ref.id: blocked[0].snapshot})
    assert alone == {ref.id: State.BLOCKED}, "one ref alone is read differently than in a batch"
    async with session(world) as driver:
        readings = await driver.read_state(every, snapshots_of(blocked))
        assert not await driver.read_state([], {}), "no ref was requested, but readings were returned"
    for reading in readings.values():
        assert type(reading) is Reading, "read_state must return Readings"
        if reading.detail is not None:
            assert_said(reading.detail, "the detail of a reading")


async def _read_drift(world: World) -> None:
    (job,) = await jobs_of(world, world.refs[:1])
    await all_done(world, [job], restoring=False)
    await wanted(world.by_hand(job.ref))
    await world.settle()
    actual = await states(world, world.refs, {job.ref.id: job.snapshot})
    state = actual[job.ref.id]
    assert state is State.DRIFTED, f"changed by hand to neither blocked nor as before: read as {state}, not DRIFTED"
    others = {other for ref_id, other in actual.items() if ref_id != job.ref.id}
    assert others == {State.ACTIVE}, f"the others are ACTIVE, but read as {others}"


async def _customers(world: World) -> None:
    before = await world.state()
    async with session(world) as driver:
        if not isinstance(driver, CustomerSource):
            await wanted(_no_source())
            return
        subscribers = await driver.read_customers()
        assert all(type(subscriber) is Subscriber for subscriber in subscribers), "read_customers must return Subscribers"
        for subscriber in subscribers:
            if subscriber.left_out is not None:
                assert_said(subscriber.left_out, "left_out")
        keys = {subscriber.key for subscriber in subscribers}
        missing = [ref.key for ref in world.refs if ref.key not in keys]
        assert not missing, f"{missing} are on the device, but read_customers left them out"
        assert world.absent is None or world.absent.key not in keys, "read_customers returned a customer who isn't on the device"
        kinds = {subscriber.service_kind for subscriber in subscribers}
        assert kinds <= set(driver.service_kinds), f"{kinds - set(driver.service_kinds)} are not among the driver's service_kinds"
        hidden = [subscriber.key for subscriber in subscribers if any(secret in f"{subscriber!r}" for secret in world.secrets)]
        assert not hidden, "read_customers returned a password"
    assert await world.state() == before, "read_customers changed the device"
    async with session(world) as driver:
        assert isinstance(driver, CustomerSource)
        await world.break_reading(0)
        try:
            again = await driver.read_customers()
        except DeviceError:
            pass
        else:
            assert list(again) == list(subscribers), "read_customers over a broken link returned an incomplete list: raise DeviceError"
    await world.mend()


async def _no_source() -> None:
    raise NotImplementedError
