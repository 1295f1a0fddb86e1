"""One rig for all tests, emptied between them; drivers for it; a NAS in this process."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final, TypeVar

import pytest
from sebilling.plugins.contract import DriverContext, IsolationDriver, Job, Outcome, Reading, Ref

from sebilling_radius.testing import MysqlRig, Receiver, Rig, freeradius_problem
from sebilling_radius.testing.rig import GRANTS, GRANTS_REJECT

NAMES: Final = (
    "12345",
    "true",
    "0812",
    "NULL",
    "budi santoso",
    "a=b",
    "x'; DROP TABLE radcheck; --",
    'q"u\\ote',
    "Dé wi 🌴",
    "%{User-Name}",
    "$1",
)
"""Names that a careless client would change or run."""
NAS_SECRET: Final = "nas-rahasia-99"
D = TypeVar("D", bound=IsolationDriver[Any])


def needed(problem: str) -> None:
    """Skip for this reason; where nothing may be skipped, fail."""
    if problem and (os.environ.get("CI") == "true" or os.environ.get("SEBILLING_TEST_NEVER_SKIP") == "1"):
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)


@pytest.fixture(scope="session")
def whole_rig() -> Iterator[Rig]:
    with Rig() as rig:
        asyncio.run(rig.set_up(grants=(GRANTS, GRANTS_REJECT)))
        yield rig


@pytest.fixture
async def rig(whole_rig: Rig) -> Rig:
    connection = await whole_rig.admin()
    await connection.execute("TRUNCATE radcheck, radreply, radusergroup, radacct, nas_session RESTART IDENTITY")
    await connection.execute("DELETE FROM radgroupreply WHERE groupname NOT IN ('isolir', '10M')")
    await connection.close()
    await whole_rig.add_customer("someone else", reply=[("Framed-IP-Address", ":=", "10.1.1.1")], groups=[("10M", 1), ("isolir", 5)])
    return whole_rig


@pytest.fixture
def radius(rig: Rig) -> Rig:
    """The rig, where it has FreeRADIUS."""
    needed(freeradius_problem())
    return rig


@pytest.fixture
async def nas() -> AsyncIterator[Receiver]:
    async with Receiver(NAS_SECRET) as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture, whole_rig: Rig) -> Iterator[None]:
    """At DEBUG, and no test's log ever holds a secret."""
    caplog.set_level(logging.DEBUG)
    for name in ("sebilling_radius.coa", "pyrad"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    for when in ("setup", "call"):
        for record in caplog.get_records(when):
            line = logging.Formatter().format(record)
            assert not [one for one in (NAS_SECRET, whole_rig.secret, whole_rig.password, whole_rig.database.password) if one in line]


def context() -> DriverContext:
    return DriverContext(device_id=1, device_name="radius", logger=logging.getLogger("device"))


def made(driver: type[D], rig: Rig | MysqlRig, receiver: Receiver | None = None, /, **more: object) -> D:
    """A driver, not yet open; its sessions run on `receiver`, or on FreeRADIUS as NAS."""
    at = (
        {"nas": [{"address": "127.0.0.0/8", "secret": NAS_SECRET, "port": receiver.port, "send_to": "127.0.0.1"}]}
        if receiver is not None
        else {}
    )
    quick = {"coa_timeout_seconds": 0.2, "coa_tries": 2}
    return driver(driver.config_model.model_validate(rig.settings(**{**at, **quick, **more})), context())


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


async def read(driver: IsolationDriver[Any], wanted: Sequence[Job], *, cut: bool = True) -> dict[int, Reading]:
    """As the engine reads: with the snapshots of those that are cut."""
    return dict(await driver.read_state([job.ref for job in wanted], {job.ref.id: job.snapshot for job in wanted} if cut else {}))
