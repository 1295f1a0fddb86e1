"""Checks of what only looks: probe, snapshot, read_state; and of close."""

# ruff: noqa: S101 - a check is an assertion
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from sebilling.plugins.conformance.world import Kit, World, all_done, jobs_of, made, session, snapshots_of, states, wanted
from sebilling.plugins.contract import CustomerSource, DeviceError, DeviceHealth, Reading, State, Subscriber

_UNKEPT: Final = re.compile("[\x00\ud800-\udfff]")
"""No text for PostgreSQL: a NUL, or half of a character. Spell such bytes otherwise, and back when restoring."""


class Reads(Kit):
    """What only looks."""

    def test_probe_changes_nothing(self) -> None:
        """Before `open` and after it."""
        self.run(_probe)

    def test_probe_of_a_dead_device_tells_and_doesnt_raise(self) -> None:
        """A device that can't be reached is told as such."""
        self.run(_probe_dead)

    def test_close_never_raises(self) -> None:
        """Never opened, closed twice, after a login that failed, over a link that is gone."""
        self.run(_close)

    def test_snapshot_changes_nothing(self) -> None:
        """The device is as before, and a second snapshot is equal."""
        self.run(_snapshot_only_looks)

    def test_snapshot_is_strings_that_survive_json(self) -> None:
        """Raw strings by id, the absent left out."""
        self.run(_snapshot_form)

    def test_read_state_changes_nothing(self) -> None:
        """The device is as before, cut or not."""
        self.run(_read_only_looks)

    def test_read_state_tells_what_is_there(self) -> None:
        """ACTIVE, BLOCKED and ABSENT, for some and for all, as the device itself has it."""
        self.run(_read_right)

    def test_read_state_tells_what_a_hand_changed(self) -> None:
        """DRIFTED, not BLOCKED and not ACTIVE."""
        self.run(_read_drift)

    def test_customers_for_an_import_are_all_told(self) -> None:
        """Drivers that offer `read_customers`: everybody, with a kind of service that the driver has, or DeviceError; nothing changes."""
        self.run(_customers)


async def _probe(world: World) -> None:
    before = await world.state()
    closed = made(world)
    healths = [await closed.probe()]
    await closed.close()
    async with session(world) as driver:
        healths.append(await driver.probe())
        await driver.read_state(world.refs, {})  # the probe left the session open
    for health in healths:
        assert type(health) is DeviceHealth, "probe gives a DeviceHealth"
        assert health.reachable, f"a sound device was told as not reachable: {health}"
        assert all(type(one) is str and one.strip() for one in health.problems), "problems are sentences"
        assert all(type(one) is str for pair in health.facts.items() for one in pair), "facts are str to str"
    assert await world.state() == before, "probe changed the device"


async def _probe_dead(world: World) -> None:
    await world.make_unreachable()
    driver = made(world)
    try:
        health = await driver.probe()
    except Exception as error:
        raise AssertionError(f"probe raised {error!r} for a device that can't be reached: give DeviceHealth(reachable=False)") from error
    finally:
        await driver.close()
    assert not health.reachable, "a dead device was told as reachable"
    assert health.problems, "say what to mend: problems is empty for a dead device"
    await world.mend()
    wrong = made(world, **world.wrong_password)
    try:
        health = await wrong.probe()
    except DeviceError:
        return
    finally:
        await wrong.close()
    assert not health.ok, "a device that refuses the password was told as ok"


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
        raise AssertionError(f"{error!r}: close never raises, and open only DeviceError") from error


async def _snapshot_only_looks(world: World) -> None:
    before = await world.state()
    one, other = snapshots_of(await jobs_of(world)), snapshots_of(await jobs_of(world))
    assert await world.state() == before, "snapshot changed the device"
    assert one == other, "two snapshots of one state differ: leave out what changes by itself"


async def _snapshot_form(world: World) -> None:
    absent = [world.absent] if world.absent is not None else []
    async with session(world) as driver:
        kept = await driver.snapshot([*world.refs, *absent])
        some = await driver.snapshot(world.refs[:1])
        none = await driver.snapshot([])
    assert set(kept) == {ref.id for ref in world.refs}, f"snapshots of {sorted(kept)}: one for each who is there, none for the absent"
    assert set(some) == {world.refs[0].id}, f"one was asked for, {sorted(some)} were given"
    assert not none, "nobody was asked for"
    for one in kept.values():
        assert isinstance(one, Mapping), "a snapshot is a mapping"
        assert all(type(part) is str for pair in one.items() for part in pair), f"{one!r}: a snapshot is raw strings by name"
        assert not [part for pair in one.items() for part in pair if _UNKEPT.search(part)], f"{one!r}: JSON in PostgreSQL can't keep that"
        assert one, "an empty snapshot can't be told from none: keep what restoring needs"
    hidden = [secret for secret in world.secrets if secret in json.dumps([dict(one) for one in kept.values()], ensure_ascii=False)]
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
    found = await states(world, every, {})
    assert found == gone | {ref.id: State.ACTIVE for ref in world.refs}, f"nobody is cut, but it reads {found}"
    cut = (await jobs_of(world))[::2]
    await all_done(world, cut, restoring=False)
    ids = {job.ref.id for job in cut}
    right = gone | {ref.id: State.BLOCKED if ref.id in ids else State.ACTIVE for ref in world.refs}
    found = await states(world, every, snapshots_of(cut))
    assert found == right, f"should read {right}, but reads {found}"
    one = world.refs[0]
    assert await states(world, [one], {one.id: cut[0].snapshot}) == {one.id: State.BLOCKED}, "one alone reads otherwise than among others"
    async with session(world) as driver:
        readings = await driver.read_state(every, snapshots_of(cut))
        assert not await driver.read_state([], {}), "nobody was asked for"
    assert all(type(reading) is Reading and type(reading.detail) is str for reading in readings.values()), "give Readings"


async def _read_drift(world: World) -> None:
    (job,) = await jobs_of(world, world.refs[:1])
    await all_done(world, [job], restoring=False)
    await wanted(world.by_hand(job.ref))
    await world.settle()
    found = await states(world, world.refs, {job.ref.id: job.snapshot})
    assert found[job.ref.id] is State.DRIFTED, f"changed by hand to neither cut nor as it was: reads {found[job.ref.id]}, not DRIFTED"
    others = {state for ref_id, state in found.items() if ref_id != job.ref.id}
    assert others == {State.ACTIVE}, f"the others read {others}"


async def _customers(world: World) -> None:
    before = await world.state()
    async with session(world) as driver:
        if not isinstance(driver, CustomerSource):
            await wanted(_no_source())
            return
        found = await driver.read_customers()
        assert all(type(one) is Subscriber for one in found), "read_customers gives Subscribers"
        keys = {one.key for one in found}
        missing = [ref.key for ref in world.refs if ref.key not in keys]
        assert not missing, f"{missing} are on the device, but weren't told"
        assert world.absent is None or world.absent.key not in keys, "someone was told who isn't there"
        kinds = {one.service_kind for one in found}
        assert kinds <= set(driver.service_kinds), f"{kinds - set(driver.service_kinds)} are none of the driver's service_kinds"
        hidden = [one.key for one in found if any(secret in f"{one!r}" for secret in world.secrets)]
        assert not hidden, "a customer was told with a password"
    assert await world.state() == before, "read_customers changed the device"
    async with session(world) as driver:
        assert isinstance(driver, CustomerSource)
        await world.break_reading(0)
        try:
            again = await driver.read_customers()
        except DeviceError:
            pass
        else:
            assert list(again) == list(found), "read_customers over a broken link told less: raise DeviceError"
    await world.mend()


async def _no_source() -> None:
    raise NotImplementedError
