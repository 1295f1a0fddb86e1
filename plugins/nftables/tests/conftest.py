"""The lab, drivers for it, and jobs."""

import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest
from sebilling.plugins.contract import DriverContext, IsolationDriver, Job, Outcome, Reading, Ref

from sebilling_nftables import NftablesDriver
from sebilling_nftables.testing import Lab, lacking

from .ssh_server import PASSWORD, USER, SshServer

KINDS: Final = "STATIC_IP"


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """At DEBUG, paramiko's own loggers too, and no test's log ever holds the password."""
    for name in ("", "paramiko", "paramiko.transport"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    for when in ("setup", "call"):
        for record in caplog.get_records(when):
            assert PASSWORD not in logging.Formatter().format(record)


@pytest.fixture(scope="session")
def built() -> Iterator[Lab]:
    """The namespaces, once for all tests of a process."""
    if (problem := lacking()) and not (os.environ.get("CI") == "true" and os.geteuid() == 0):
        pytest.skip(problem)
    with Lab() as lab:
        yield lab


@pytest.fixture
def lab(built: Lab) -> Lab:
    """The lab, with nothing but the setup on its router."""
    built.reset()
    return built


def settings(server: SshServer, **more: object) -> dict[str, object]:
    """Settings of a driver for the lab's router over SSH."""
    own: dict[str, object] = {"host": "127.0.0.1", "port": server.port, "username": USER, "password": PASSWORD, "timeout_seconds": 5,
                              "host_fingerprint": server.fingerprint}  # fmt: skip
    return own | more


def made(**config: object) -> NftablesDriver:
    """A driver, not yet open."""
    context = DriverContext(device_id=1, device_name="lab", logger=logging.getLogger("device"))
    return NftablesDriver(NftablesDriver.config_model.model_validate(config), context)


def local(lab: Lab) -> NftablesDriver:
    """A driver that runs nft in the router's namespace on this machine, not yet open."""
    return made(transport="local", netns=lab.router.name)


def refs(keys: Sequence[str]) -> list[Ref]:
    return [Ref(number, key, service_kind=KINDS) for number, key in enumerate(keys, 1)]


async def jobs(driver: IsolationDriver[Any], wanted: Sequence[Ref]) -> list[Job]:
    """Jobs with the snapshots of now."""
    kept = await driver.snapshot(wanted)
    return [Job(ref, kept.get(ref.id, {})) for ref in wanted]


async def blocked(driver: IsolationDriver[Any], wanted: Sequence[Job]) -> dict[int, Outcome]:
    return {outcome.ref_id: outcome async for outcome in driver.block(wanted)}


async def restored(driver: IsolationDriver[Any], wanted: Sequence[Job]) -> dict[int, Outcome]:
    return {outcome.ref_id: outcome async for outcome in driver.restore(wanted)}


async def read_one(driver: IsolationDriver[Any], job: Job) -> Reading:
    """What is read of one customer."""
    return (await driver.read_state([job.ref], {job.ref.id: job.snapshot}))[job.ref.id]


def english(outcome: Outcome) -> str:
    """The outcome's message in English."""
    return "" if outcome.message is None else outcome.message.english
