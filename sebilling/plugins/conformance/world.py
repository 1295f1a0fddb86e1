"""`World`, which the author of a driver provides, and the helpers with which the checks use it."""

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
"""Names that careless code mistakes for numbers, booleans or syntax. Use those that your kind of key allows."""
SUCCESS: Final = frozenset({Result.CHANGED, Result.UNCHANGED})


class World(abc.ABC):
    """One device with customers on it, fresh for each check, and ways to make it fail.

    Provide the abstract methods and the attributes without a value. A method that raises NotImplementedError isn't
    available on this kind of device: the checks that need it are skipped.
    """

    driver: type[IsolationDriver[Any]]
    settings: Mapping[str, Any]
    """The device's settings, as an operator would type them."""
    wrong_password: Mapping[str, Any]
    """Settings that override `settings` so that the device refuses the login."""
    secrets: Sequence[str]
    """Every password in `settings`, and others on the device, such as the customers': none of them may ever leak."""
    refs: Sequence[Ref]
    """At least three customers, all with access, none blocked. Take keys from AWKWARD_NAMES where the kind allows them."""
    absent: Ref | None = None
    """A customer whom the device doesn't know. None: a key of this kind always exists, as an address does."""

    @abc.abstractmethod
    async def state(self) -> Any:
        """Everything on the device, read without the driver, as plain data. Leave out what changes by itself, such as session ids."""

    @abc.abstractmethod
    async def is_blocked(self, ref: Ref) -> bool:
        """Whether this customer is blocked on the device, read without the driver."""

    @abc.abstractmethod
    async def cut_link_after(self, jobs: int, *, made: bool) -> None:
        """From now, let this many jobs be done and answered; break the link at the next one: after it was done (`made`), or before.

        Reading works until then. The link stays broken until `mend`.
        """

    @abc.abstractmethod
    async def make_unreachable(self) -> None:
        """Break every connection and refuse new ones, until `mend`."""

    @abc.abstractmethod
    async def mend(self) -> None:
        """Repair the link: undo what the other methods did to it."""

    async def break_reading(self, answers: int) -> None:
        """From now, break the link after this many answers to reading, if possible; otherwise before the first one."""
        del answers
        await self.make_unreachable()

    async def by_hand(self, ref: Ref) -> None:
        """Set what the driver changes to a third value: neither as before nor blocked. Leave it out if there are only two."""
        raise NotImplementedError

    async def blocked_by_hand(self, ref: Ref) -> None:
        """Block this customer as an operator would, in the same way as the driver, before the driver ever blocked them."""
        raise NotImplementedError

    async def more(self, count: int) -> Sequence[Ref]:
        """Put this many more customers on the device."""
        raise NotImplementedError

    spellings: Mapping[str, Sequence[str]] = {}
    """Keys in canonical form → other ways to write them, such as a MAC with dashes."""

    async def online(self, ref: Ref) -> bool:
        """Whether traffic of this customer gets through now, as the device's own rules and sessions decide it, without the driver.

        IPv4 or IPv6, a login from now on, or a connection from before the last change: one is enough.
        """
        raise NotImplementedError

    async def keep_online(self, ref: Ref) -> None:
        """From now until `mend`, this customer's session or connection survives all that the driver does, as a busy device may have it."""
        raise NotImplementedError

    async def undo_by_hand(self, ref: Ref) -> None:
        """Restore this blocked customer as they were, as an operator would on the device."""
        raise NotImplementedError

    async def reboot(self) -> None:
        """Restart the device: sessions and what isn't kept over a restart are gone, and subscribers connect again."""
        raise NotImplementedError

    async def settle(self) -> None:  # noqa: B027 - most devices have nothing to wait for
        """Wait until the after-effects of a change are over, such as subscribers who reconnect."""


Story = Callable[[World], Awaitable[None]]


class Kit:
    """Base of all checks."""

    seconds: ClassVar[float] = 60.0
    """Time limit of a check; it fails after that."""

    def world(self) -> AbstractAsyncContextManager[World]:
        """Return a fresh world, as an async context manager. It is entered at least once in each check."""
        raise NotImplementedError("implement world(): an async context manager that yields a World")

    def run(self, story: Story) -> None:
        """Run a check in a fresh world and its own event loop. Skip it if the world lacks what it needs."""

        async def told() -> None:
            async with self.world() as world:
                limit = asyncio.timeout(self.seconds)
                try:
                    async with limit:
                        await story(world)
                except TimeoutError as error:
                    if limit.expired():
                        why = f"not done within {self.seconds} seconds: set a deadline on everything that the driver waits for"
                        raise AssertionError(why) from error
                    raise

        asyncio.run(told())


async def wanted(awaitable: Awaitable[Any]) -> Any:
    """Result of an optional method of the world; the check is skipped without it."""
    try:
        return await awaitable
    except NotImplementedError:
        raise unittest.SkipTest("this world doesn't provide what the check needs") from None


def made(world: World, **settings: Any) -> IsolationDriver[Any]:
    """Create a driver, not yet open."""
    logger = getLogger(f"sebilling.device.{world.driver.kind}")
    logger.setLevel(DEBUG)
    config = world.driver.config_model.model_validate({**world.settings, **settings})
    return world.driver(config, DriverContext(device_id=1, device_name="conformance", logger=logger))


@asynccontextmanager
async def session(world: World) -> AsyncIterator[IsolationDriver[Any]]:
    """A new session, opened and closed."""
    driver = made(world)
    try:
        await driver.open()
        yield driver
    finally:
        await driver.close()


async def jobs_of(world: World, refs: Sequence[Ref] | None = None) -> list[Job]:
    """Jobs with current snapshots, as they come back from the database. Absent refs get an empty one, as in the core."""
    refs = world.refs if refs is None else refs
    async with session(world) as driver:
        kept = stored(await driver.snapshot(refs))
    return [Job(ref, kept.get(ref.id, {})) for ref in refs]


def stored(snapshots: Mapping[int, Snapshot]) -> dict[int, Snapshot]:
    """Snapshots after a round trip through JSON."""
    return {ref_id: json.loads(json.dumps(dict(snapshot))) for ref_id, snapshot in snapshots.items()}


async def gathered(outcomes: AsyncIterator[Outcome]) -> tuple[list[Outcome], DeviceError | None]:
    """Outcomes until the end, or until a DeviceError."""
    collected: list[Outcome] = []
    try:
        async for outcome in outcomes:
            collected.append(outcome)  # noqa: PERF401 - outcomes before the error count
    except DeviceError as error:
        return collected, error
    return collected, None


async def done(world: World, jobs: Sequence[Job], *, restoring: bool) -> dict[int, Outcome]:
    """Block or restore in a new session; return one outcome for each job, by id."""
    async with session(world) as driver:
        outcomes, error = await gathered(driver.restore(jobs) if restoring else driver.block(jobs))
    if error is not None:
        raise AssertionError(f"{'restore' if restoring else 'block'} raised {error.fault} on a working device: {error.message}") from error
    await world.settle()
    ids = sorted(outcome.ref_id for outcome in outcomes)
    if ids != sorted(job.ref.id for job in jobs):
        raise AssertionError(f"jobs for {sorted(job.ref.id for job in jobs)} got outcomes for {ids}: yield exactly one for each")
    return {outcome.ref_id: outcome for outcome in outcomes}


async def all_done(world: World, jobs: Sequence[Job], *, restoring: bool) -> dict[int, Outcome]:
    """Block or restore; all must succeed, and the device must be in that state."""
    outcomes = await done(world, jobs, restoring=restoring)
    for job in jobs:
        outcome, blocked = outcomes[job.ref.id], await world.is_blocked(job.ref)
        if outcome.result not in SUCCESS or blocked is restoring:
            should = "restored" if restoring else "blocked"
            raise AssertionError(f"{job.ref.key!r} should be {should}: reported {outcome}, on the device blocked={blocked}")
    return outcomes


async def states(world: World, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> dict[int, State | None]:
    """States that traffic follows, read in a new session; None where the driver can't tell."""
    async with session(world) as driver:
        readings = await driver.read_state(refs, snapshots)
    return {ref_id: reading.actual for ref_id, reading in readings.items()}


def snapshots_of(jobs: Sequence[Job]) -> dict[int, Snapshot]:
    """The jobs' snapshots by ref id."""
    return {job.ref.id: job.snapshot for job in jobs}


def revealed(value: Any) -> Any:
    """Settings as plain data, secrets in clear text, as the core encrypts and stores them."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case dict():
            return {name: revealed(item) for name, item in value.items()}
        case list() | tuple():
            return [revealed(item) for item in value]
        case _:
            return value
