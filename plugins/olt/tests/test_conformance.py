"""The conformance kit on every firmware and every method, by SSH and by Telnet, against the simulator on a socket."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from sebilling.plugins.conformance import DriverConformance, World
from sebilling.plugins.contract import Ref

from sebilling_olt.testing import FIRMWARES, Olt, Simulator

from .conftest import ENABLE, PASSWORD, Way, settings

CUSTOMERS = 4


class OltWorld(World):
    """A simulated OLT with customers on two of its ports."""

    wrong_password: Mapping[str, Any] = {"password": "salah-sekali-55"}
    secrets: Sequence[str] = (PASSWORD, ENABLE)

    def __init__(self, way: Way, simulator: Simulator) -> None:
        self.way, self.simulator, self.olt = way, simulator, simulator.olt
        self.driver = way.driver
        self.settings = settings(simulator, way)
        self.refs = [Ref(number, way.key(number, port=number % 2)) for number in range(1, CUSTOMERS + 1)]
        self.absent = Ref(900, way.key(90))
        for ref in self.refs:
            self.olt.add(ref.key)
        self.olt.add(way.key(50), off=way.method != "lan", locked=(1, 2))  # a neighbour
        self.olt.save()
        self.changes_per_job = 4 if way.method == "lan" else 1

    async def state(self) -> Any:
        return self.olt.running(), self.olt.saved

    async def is_blocked(self, ref: Ref) -> bool:
        return self.way.off(self.olt, ref.key)

    async def cut_link_after(self, jobs: int, *, made: bool) -> None:
        counted = self.simulator.counted.changes + jobs * self.changes_per_job
        setattr(self.simulator.faults, "drop_after" if made else "lost_after", counted)

    async def break_reading(self, answers: int) -> None:
        self.simulator.faults.tables_after = self.simulator.counted.tables + answers

    async def make_unreachable(self) -> None:
        await self.simulator.stop()

    async def mend(self) -> None:
        faults = self.simulator.faults
        faults.drop_after = faults.lost_after = faults.tables_after = None
        await self.simulator.stop()  # sessions whose line broke are gone
        await self.simulator.listen()

    async def by_hand(self, ref: Ref) -> None:
        if self.way.firmware.maker != "huawei":
            raise NotImplementedError  # ZTE's table has no serial number, and a switch no third position
        self.olt.unit(ref.key).sn = "48575443DEADBEEF"

    async def blocked_by_hand(self, ref: Ref) -> None:
        unit = self.olt.unit(ref.key)
        if self.way.method == "lan":
            unit.locked = {1, 2, 3, 4}
        else:
            unit.off = True

    async def online(self, ref: Ref) -> bool:
        return not self.way.off(self.olt, ref.key)

    async def undo_by_hand(self, ref: Ref) -> None:
        unit = self.olt.unit(ref.key)
        unit.off, unit.locked = False, set()

    async def more(self, count: int) -> Sequence[Ref]:
        refs = [Ref(1000 + number, self.way.key(number, port=4)) for number in range(count)]
        for ref in refs:
            self.olt.add(ref.key)
        self.olt.save()
        return refs


class _Conformance(DriverConformance):
    __test__ = False
    way: ClassVar[Way]

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        olt = Olt(self.way.firmware, enable_password=ENABLE)
        olt.user("sebilling", PASSWORD)
        async with Simulator(olt, transport=self.way.transport) as simulator:
            yield OltWorld(self.way, simulator)


class TestHuaweiMa5800BySsh(_Conformance):
    __test__ = True
    way = Way(FIRMWARES["huawei-ma5800"], "ssh", "deactivate")


class TestHuaweiMa5608tByTelnet(_Conformance):
    __test__ = True
    way = Way(FIRMWARES["huawei-ma5608t"], "telnet", "deactivate")


class TestZteC320BySsh(_Conformance):
    __test__ = True
    way = Way(FIRMWARES["zte-c320"], "ssh", "state")


class TestZteC300ByTelnet(_Conformance):
    __test__ = True
    way = Way(FIRMWARES["zte-c300"], "telnet", "shutdown")


class TestZteLanPortsByTelnet(_Conformance):
    __test__ = True
    way = Way(FIRMWARES["zte-c320"], "telnet", "lan")
