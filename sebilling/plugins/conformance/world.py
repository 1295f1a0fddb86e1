"""What an author brings to the kit, and how the kit works with it."""

import abc
import asyncio
import json
import unittest
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from logging import DEBUG, getLogger
from typing import Any, ClassVar, Final

from pydantic import SecretStr

from sebilling.plugins.contract import (
    DeviceError,
    DriverContext,
    IsolationDriver,
    Job,
    Outcome,
    Ref,
    Result,
    Snapshot,
    State,
)

AWKWARD_NAMES: Final = ("12345", "true", "0812345678", "yes", "budi santoso", "a=b", "=x", "wahyu/π", "Dé wi 🌴", "null", "1e5", "'\";--")
"""Names that careless code takes for numbers, truth values or syntax. Use those that your kind of key allows."""
SUCCESS: Final = frozenset({Result.CHANGED, Result.UNCHANGED})


class World(abc.ABC):
    """One device with customers on it, fresh for each check, and ways to make it fail.

    The abstract methods and the attributes without a value are yours. A method that raises NotImplementedError says that
    this kind of device has no such thing: the checks that need it are skipped.
    """

    driver: type[IsolationDriver[Any]]
    settings: Mapping[str, Any]
    """The device's settings, as an operator would type them."""
    wrong_password: Mapping[str, Any]
    """Settings to be laid over `settings` so that the device refuses the login."""
    secrets: Sequence[str]
    """Every password in `settings`, and others on the device, such as the customers': none of them may ever be told."""
    refs: Sequence[Ref]
    """At least three customers, all of them with access, none cut. Take keys from AWKWARD_NAMES where the kind allows them."""
    absent: Ref | None = None
    """A customer whom the device doesn't know. None: a key of this kind always exists, as an address does."""

    @abc.abstractmethod
    async def state(self) -> Any:
        """All that the device holds, read without the driver, as plain data. Leave out what changes by itself, such as session ids."""

    @abc.abstractmethod
    async def is_blocked(self, ref: Ref) -> bool:
        """Whether the device holds this customer cut, read without the driver."""

    @abc.abstractmethod
    async def cut_link_after(self, jobs: int, *, made: bool) -> None:
        """From now, so many jobs are made and answered; at the next one the link breaks: after it was `made`, or before.

        Reading goes on until then. What breaks stays broken until `mend`.
        """

    @abc.abstractmethod
    async def make_unreachable(self) -> None:
        """Break every connection and take no new one, until `mend`."""

    @abc.abstractmethod
    async def mend(self) -> None:
        """The link is well again: take back what the other methods did to it."""

    async def break_reading(self, answers: int) -> None:
        """From now, the link breaks after so many answers to reading, if you can; if not, before the first one."""
        del answers
        await self.make_unreachable()

    async def by_hand(self, ref: Ref) -> None:
        """Change what the driver changes to a third thing: neither as it was nor cut. A switch has no third position: leave it out."""
        raise NotImplementedError

    async def blocked_by_hand(self, ref: Ref) -> None:
        """Cut this customer as an operator would, in the very way of the driver, before it was ever cut by the driver."""
        raise NotImplementedError

    async def more(self, count: int) -> Sequence[Ref]:
        """Put so many more customers on the device."""
        raise NotImplementedError

    async def settle(self) -> None:  # noqa: B027 - most devices have nothing to wait for
        """Wait until what follows a change by itself is over, such as subscribers who dial again."""


Story = Callable[[World], Awaitable[None]]


class Kit:
    """What all checks stand on."""

    seconds: ClassVar[float] = 60.0
    """A check that takes longer fails."""

    def world(self) -> AbstractAsyncContextManager[World]:
        """A fresh world: an async context manager. It is entered once or more in each check."""
        raise NotImplementedError("write world(): an async context manager that gives a World")

    def run(self, story: Story) -> None:
        """Run a check in a fresh world and a loop of its own. What the world lacks skips it."""

        async def told() -> None:
            async with self.world() as world:
                limit = asyncio.timeout(self.seconds)
                try:
                    async with limit:
                        await story(world)
                except TimeoutError as error:
                    if limit.expired():
                        why = f"not done within {self.seconds} seconds: put a deadline on whatever the driver waits for"
                        raise AssertionError(why) from error
                    raise

        asyncio.run(told())


async def wanted(given: Awaitable[Any]) -> Any:
    """What an optional method of the world gives; without it, the check is skipped."""
    try:
        return await given
    except NotImplementedError:
        raise unittest.SkipTest("this world doesn't offer what the check needs") from None


def made(world: World, **settings: Any) -> IsolationDriver[Any]:
    """A driver, not yet open."""
    logger = getLogger(f"sebilling.device.{world.driver.kind}")
    logger.setLevel(DEBUG)
    config = world.driver.config_model.model_validate({**world.settings, **settings})
    return world.driver(config, DriverContext(device_id=1, device_name="conformance", logger=logger))


@asynccontextmanager
async def session(world: World) -> AsyncIterator[IsolationDriver[Any]]:
    """A fresh session, opened and closed."""
    driver = made(world)
    try:
        await driver.open()
        yield driver
    finally:
        await driver.close()


async def jobs_of(world: World, refs: Sequence[Ref] | None = None) -> list[Job]:
    """Jobs with the snapshots of now, as they come back from the database. Absent ones get an empty one, as the core gives it."""
    refs = world.refs if refs is None else refs
    async with session(world) as driver:
        kept = stored(await driver.snapshot(refs))
    return [Job(ref, kept.get(ref.id, {})) for ref in refs]


def stored(snapshots: Mapping[int, Snapshot]) -> dict[int, Snapshot]:
    """Snapshots after their way through JSON."""
    return {ref_id: json.loads(json.dumps(dict(one))) for ref_id, one in snapshots.items()}


async def gathered(outcomes: AsyncIterator[Outcome]) -> tuple[list[Outcome], DeviceError | None]:
    """What was told until the end, or until the device couldn't be worked with."""
    found: list[Outcome] = []
    try:
        async for one in outcomes:
            found.append(one)  # noqa: PERF401 - what came before the error counts
    except DeviceError as error:
        return found, error
    return found, None


async def done(world: World, jobs: Sequence[Job], *, restoring: bool) -> dict[int, Outcome]:
    """Block or restore in a fresh session of its own; one outcome for each job, by id."""
    async with session(world) as driver:
        outcomes, error = await gathered(driver.restore(jobs) if restoring else driver.block(jobs))
    if error is not None:
        raise AssertionError(f"{'restore' if restoring else 'block'} raised {error.fault} on a sound device: {error.message}") from error
    await world.settle()
    ids = sorted(one.ref_id for one in outcomes)
    if ids != sorted(job.ref.id for job in jobs):
        raise AssertionError(f"jobs for {sorted(job.ref.id for job in jobs)} got outcomes for {ids}: give one for each")
    return {one.ref_id: one for one in outcomes}


async def all_done(world: World, jobs: Sequence[Job], *, restoring: bool) -> dict[int, Outcome]:
    """Block or restore; all must succeed, and the device must hold it so."""
    told = await done(world, jobs, restoring=restoring)
    for job in jobs:
        outcome, cut = told[job.ref.id], await world.is_blocked(job.ref)
        if outcome.result not in SUCCESS or cut is restoring:
            raise AssertionError(f"{job.ref.key!r} should be {'restored' if restoring else 'cut'}: told {outcome}, on the device cut={cut}")
    return told


async def states(world: World, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> dict[int, State]:
    """What a fresh session reads."""
    async with session(world) as driver:
        found = await driver.read_state(refs, snapshots)
    return {ref_id: one.state for ref_id, one in found.items()}


def snapshots_of(jobs: Sequence[Job]) -> dict[int, Snapshot]:
    """The jobs' snapshots by ref id."""
    return {job.ref.id: job.snapshot for job in jobs}


def revealed(value: Any) -> Any:
    """Settings as plain data, secrets in clear, as the core stores them (encrypted)."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case dict():
            return {name: revealed(one) for name, one in value.items()}
        case list() | tuple():
            return [revealed(one) for one in value]
        case _:
            return value
