"""A simulated router on a socket, drivers for it, and names that clients like to spoil."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final, TypeVar

import pytest
from sebilling.plugins.contract import DriverContext, IsolationDriver, Job, Outcome, Reading, Ref

from sebilling_mikrotik.testing import Router, Simulator

PASSWORD: Final = "rahasia-Sekali-77"
NAMES: Final = ("12345", "true", "0812", "yes", "budi santoso", "a=b", "=x", "wahyu/π", "Dé wi 🌴", "?#|", "*1")
"""Names that a typed client would change, and such as look like the protocol."""
D = TypeVar("D", bound=IsolationDriver[Any])


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """At DEBUG, and no test's log ever holds the password."""
    caplog.set_level(logging.DEBUG)
    yield
    for when in ("setup", "call"):
        for record in caplog.get_records(when):
            assert PASSWORD not in logging.Formatter().format(record)


@pytest.fixture
def router() -> Router:
    router = Router()
    router.user("sebilling", PASSWORD)
    router.setup()
    router.add("/ppp/profile", name="10M", rate_limit="10M/20M")
    return router


@pytest.fixture
async def simulator(router: Router) -> AsyncIterator[Simulator]:
    async with Simulator(router) as simulator:
        yield simulator


def settings(simulator: Simulator, **more: object) -> dict[str, object]:
    """Settings of a driver for the simulator."""
    own = {"host": "127.0.0.1", "port": simulator.port, "username": "sebilling", "password": PASSWORD, "tls": False, "timeout_seconds": 3,
           "session_seconds": 1, "kicks_per_second": 5_000}  # fmt: skip
    return own | more


def context() -> DriverContext:
    return DriverContext(device_id=1, device_name="sim", logger=logging.getLogger("device"))


def made(driver: type[D], simulator: Simulator, **more: object) -> D:
    """A driver, not yet open."""
    return driver(driver.config_model.model_validate(settings(simulator, **more)), context())


def refs(keys: Sequence[str], rate_down_kbps: int | None = None, rate_up_kbps: int | None = None) -> list[Ref]:
    return [Ref(number, key, rate_down_kbps, rate_up_kbps) for number, key in enumerate(keys, 1)]


async def jobs(driver: IsolationDriver[Any], wanted: Sequence[Ref], *, plan_changed: bool = False) -> list[Job]:
    """Jobs with the snapshots of now."""
    kept = await driver.snapshot(wanted)
    return [Job(ref, kept.get(ref.id, {}), plan_changed) for ref in wanted]


async def blocked(driver: IsolationDriver[Any], wanted: Sequence[Job]) -> dict[int, Outcome]:
    return {outcome.ref_id: outcome async for outcome in driver.block(wanted)}


async def restored(driver: IsolationDriver[Any], wanted: Sequence[Job]) -> dict[int, Outcome]:
    return {outcome.ref_id: outcome async for outcome in driver.restore(wanted)}


async def read_one(driver: IsolationDriver[Any], job: Job) -> Reading:
    """What is read of one customer."""
    return (await driver.read_state([job.ref], {job.ref.id: job.snapshot}))[job.ref.id]
