"""Simulated OLTs for campaigns."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from sebilling_olt.testing import FIRMWARES, Faults, Olt, Simulator

from tests.isolation.sites import PASSWORD, Site, free_port


class OltSite(Site):
    """An OLT by Telnet or SSH."""

    service: ClassVar[str] = "ONU"
    firmware: ClassVar[str]
    transport: ClassVar[Literal["ssh", "telnet"]] = "telnet"

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(keys)
        self.olt = Olt(FIRMWARES[self.firmware], enable_password=PASSWORD)
        self.olt.user("sebilling", PASSWORD)
        self.simulator = Simulator(self.olt, transport=self.transport)
        self.simulator.port = free_port()
        for number, key in enumerate(keys):
            self.olt.add(key, off=False, name=f"pelanggan_{number}")
        self.olt.save()

    @classmethod
    def names(cls, number: int, count: int) -> list[str]:  # noqa: ARG003 - an OLT has its own
        return [f"0/{1 + place // 8}/0:{1 + place % 8}" for place in range(count)]

    async def start(self) -> None:
        await self.simulator.__aenter__()
        await super().start()

    async def stop(self) -> None:
        await super().stop()
        await self.simulator.__aexit__()

    def config(self) -> dict[str, Any]:
        own = {"host": "127.0.0.1", "port": self.simulator.port, "transport": self.transport, "username": "sebilling", "password": PASSWORD,
               "enable_password": PASSWORD, "timeout_seconds": 1.5, "save_seconds": 1.5}  # fmt: skip
        return own | ({"host_fingerprint": self.simulator.fingerprint} if self.transport == "ssh" else {}) | self.method()

    def method(self) -> dict[str, Any]:
        """The way of cutting, if it isn't the usual one."""
        return {}

    async def fail(self, chance: random.Random) -> None:
        faults = self.simulator.faults
        match chance.randrange(8):
            case 0:
                faults.drop_after = chance.randrange(12)
            case 1:
                faults.lost_after = chance.randrange(12)
            case 2:
                faults.hang_after = chance.randrange(12)
            case 3:
                faults.alarm_every = 3
            case 4:
                faults.refuse = "Failure: the system is busy"
            case 5:
                faults.refuse_login = "Too many users are online"
            case 6:
                faults.truncate = True
            case _:
                await self.simulator.stop()

    async def heal(self) -> None:
        self.simulator.faults.__dict__.update(Faults().__dict__)
        await self.simulator.stop()
        await self.simulator.listen()

    async def cut_keys(self) -> set[str]:
        return {key for key in self.keys if self.olt.unit(key).off}

    async def state(self) -> Mapping[str, Any]:
        return {key: (unit.sn, unit.name, unit.off, sorted(unit.locked)) for key in self.keys for unit in [self.olt.unit(key)]}


class HuaweiSite(OltSite):
    kind, firmware = "olt.huawei", "huawei-ma5800"


class OldHuaweiSite(OltSite):
    kind, firmware, transport = "olt.huawei", "huawei-ma5608t", "ssh"


class ZteSite(OltSite):
    kind, firmware = "olt.zte", "zte-c320"


OLTS: Sequence[type[Site]] = (HuaweiSite, OldHuaweiSite, ZteSite)
