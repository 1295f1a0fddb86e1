"""A simulated OLT on a socket and drivers for it, on each firmware, by SSH and Telnet."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pytest
from sebilling.plugins.contract import DriverContext, IsolationDriver, Job, Outcome, Ref

from sebilling_olt import HuaweiDriver, ZteDriver, ZteLanDriver
from sebilling_olt.driver import OltDriver
from sebilling_olt.testing import FIRMWARES, Firmware, Olt, Simulator

PASSWORD: Final = "rahasia\\Sekali é-77"
ENABLE: Final = "lebih-Rahasia-é\\99"
Transport = Literal["ssh", "telnet"]


@dataclass(frozen=True)
class Way:
    """A firmware, how it is reached, and by what method it cuts."""

    firmware: Firmware
    transport: Transport
    method: str

    @property
    def driver(self) -> type[OltDriver[Any]]:
        return HuaweiDriver if self.firmware.maker == "huawei" else ZteLanDriver if self.method == "lan" else ZteDriver

    def key(self, number: int, *, port: int = 1) -> str:
        """The key of the number-th ONU of a port; the first is 0."""
        return f"{'0/1' if self.firmware.maker == 'huawei' else '1/2'}/{port}:{number + self.firmware.onu_from}"

    def off(self, olt: Olt, key: str) -> bool:
        """Whether it is cut, by the OLT's own word."""
        unit = olt.unit(key)
        return unit.locked == {1, 2, 3, 4} if self.method == "lan" else unit.off


def ways(*, lan: bool = False) -> list[Any]:
    found = [
        Way(firmware, transport, "deactivate" if firmware.maker == "huawei" else firmware.blocked_by)
        for firmware in FIRMWARES.values()
        for transport in ("ssh", "telnet")
    ]
    if lan:
        found += [Way(FIRMWARES["zte-c320"], "ssh", "lan"), Way(FIRMWARES["zte-c300"], "telnet", "lan")]
    return [pytest.param(way, id=f"{way.firmware.name}-{way.transport}-{way.method}") for way in found]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """At DEBUG, netmiko's and paramiko's own loggers too; no test's log ever holds a secret, written out or escaped."""
    for name in ("", "netmiko", "paramiko", "paramiko.transport"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    for when in ("setup", "call"):
        for record in caplog.get_records(when):
            text = logging.Formatter().format(record)
            for secret in (PASSWORD, ENABLE):
                assert secret not in text
                assert repr(secret.encode())[2:-1] not in text
                assert repr(secret)[1:-1] not in text


@pytest.fixture(params=ways())
def way(request: pytest.FixtureRequest) -> Way:
    found = request.param
    assert isinstance(found, Way)
    return found


@pytest.fixture
def olt(way: Way) -> Olt:
    olt = Olt(way.firmware, enable_password=ENABLE)
    olt.user("sebilling", PASSWORD)
    return olt


@pytest.fixture
async def simulator(olt: Olt, way: Way) -> AsyncIterator[Simulator]:
    async with Simulator(olt, transport=way.transport) as simulator:
        yield simulator


def settings(simulator: Simulator, way: Way, **more: object) -> dict[str, object]:
    """Settings of a driver for the simulator."""
    own: dict[str, object] = {
        "host": "127.0.0.1", "port": simulator.port, "transport": simulator.transport, "username": "sebilling", "password": PASSWORD,
        "method": way.method, "timeout_seconds": 4, "host_fingerprint": simulator.fingerprint,
    }  # fmt: skip
    if way.firmware.enable_asks:
        own["enable_password"] = ENABLE
    return own | more


def context() -> DriverContext:
    return DriverContext(device_id=1, device_name="sim", logger=logging.getLogger("device"))


def made(simulator: Simulator, way: Way, **more: object) -> OltDriver[Any]:
    """A driver, not yet open."""
    return way.driver(way.driver.config_model.model_validate(settings(simulator, way, **more)), context())


def refs(keys: Sequence[str]) -> list[Ref]:
    return [Ref(number, key) for number, key in enumerate(keys, 1)]


async def jobs(driver: IsolationDriver[Any], wanted: Sequence[Ref]) -> list[Job]:
    """Jobs with the snapshots of now."""
    kept = await driver.snapshot(wanted)
    return [Job(ref, kept.get(ref.id, {})) for ref in wanted]


def english(outcome: Outcome) -> str:
    """The outcome's message in English."""
    return "" if outcome.message is None else outcome.message.english


async def blocked(driver: IsolationDriver[Any], wanted: Sequence[Job]) -> dict[int, Outcome]:
    """In calls of `max_batch`, as the engine does it."""
    parts = [wanted[start : start + driver.max_batch] for start in range(0, len(wanted), driver.max_batch)]
    return {outcome.ref_id: outcome for part in parts async for outcome in driver.block(part)}


async def restored(driver: IsolationDriver[Any], wanted: Sequence[Job]) -> dict[int, Outcome]:
    parts = [wanted[start : start + driver.max_batch] for start in range(0, len(wanted), driver.max_batch)]
    return {outcome.ref_id: outcome for part in parts async for outcome in driver.restore(part)}
