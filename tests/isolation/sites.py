"""Devices of a campaign: simulated gear with customers on it, that fails as chance has it and tells when someone is cut."""

import asyncio
import os
import random
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.traffic import online

from sebilling.clock import system_clock

PASSWORD = "kata-sandi-router"
_LOOK_SECONDS = 0.015
_SECONDS: Mapping[str, float] = {"timeout_seconds": 1.0, "read_timeout_seconds": 1.5}


@dataclass(frozen=True, slots=True)
class Cut:
    """Someone was cut on a device at this instant."""

    key: str
    at: datetime


class Site(ABC):
    """A device. `cuts` grows as customers are cut; `overlaps` counts commands of a session that another had succeeded, if that is seen."""

    kind: ClassVar[str]
    service: ClassVar[str]

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = list(keys)
        self.cuts: list[Cut] = []
        self.overlaps = 0
        self._cut: set[str] = set()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Be there, and watch who is cut."""
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Be there no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            with suppress(OSError):  # it is just failing
                self.note(await self.cut_keys())
            await asyncio.sleep(_LOOK_SECONDS)

    @classmethod
    def names(cls, number: int, count: int) -> list[str]:
        """What customers are called on the device of that number."""
        return [f"{number}-{place:04d}" if place % 3 else f"pelanggan {number}={place}" for place in range(1, count + 1)]

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Settings for the driver."""

    @abstractmethod
    async def state(self) -> Mapping[str, Any]:
        """Everything that must be back exactly as it was, by key."""

    @abstractmethod
    async def cut_keys(self) -> set[str]:
        """Who has no internet now. Raises OSError while it can't be told."""

    async def online_keys(self) -> set[str]:
        """Whose traffic gets through, or would after a login, connections from before included. Raises OSError while it can't be told."""
        return set(self.keys) - await self.cut_keys()

    @abstractmethod
    async def fail(self, chance: random.Random) -> None:
        """Something goes wrong, for a while or until `heal`."""

    @abstractmethod
    async def heal(self) -> None:
        """Nothing goes wrong any more."""

    def note(self, cut: set[str]) -> None:
        """Keep who is newly cut."""
        self.cuts += [Cut(key, system_clock()) for key in sorted(cut - self._cut)]
        self._cut = cut


def free_port() -> int:
    """A free port that no outgoing connection is given while the device is down: below the range of those."""
    for port in _ports:
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


_ports = iter(range(20_000 + os.getpid() % 4_000, 32_000))


class RouterSite(Site):
    """A simulated RouterOS."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(keys)
        self.router = Router(dial_seconds=0.02)
        self.router.user("sebilling", PASSWORD)
        self.router.setup()
        self.router.add("/ppp/profile", name="10M", rate_limit="10M/20M")
        self.simulator = Simulator(self.router)
        self.simulator.watch = self._done
        self.simulator.port = free_port()
        self._sessions: list[int] = []
        for key in keys:
            self.put(key)

    @abstractmethod
    def put(self, key: str) -> None:
        """Put a customer on the router."""

    def _done(self, session: int, _command: Sequence[str]) -> None:
        if session in self._sessions[:-1]:
            self.overlaps += 1
        elif session not in self._sessions:
            self._sessions.append(session)
        self.note({key for key in self.keys if self.is_blocked(key)})

    @abstractmethod
    def is_blocked(self, key: str) -> bool:
        """Whether they have no internet now."""

    async def cut_keys(self) -> set[str]:
        return {key for key in self.keys if self.is_blocked(key)}

    async def online_keys(self) -> set[str]:
        return {key for key in self.keys if online(self.router, self.menu, key)}

    async def start(self) -> None:
        await self.simulator.__aenter__()
        await super().start()

    async def stop(self) -> None:
        await super().stop()
        await self.simulator.__aexit__()

    def config(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.simulator.port, "username": "sebilling", "password": PASSWORD, "tls": False, **_SECONDS}

    async def fail(self, chance: random.Random) -> None:
        faults = self.simulator.faults
        match chance.randrange(9):
            case 0:
                faults.delay_seconds = chance.choice((0.02, 0.1, 0.3))
            case 1:
                faults.hang_after = chance.randrange(40)
            case 2:
                faults.reset_after = chance.randrange(40)
                asyncio.get_running_loop().call_later(0.7, setattr, faults, "reset_after", None)
            case 3:
                faults.fatal_after, faults.fatal_reason = chance.randrange(40), chance.choice(("out of memory", None))
                asyncio.get_running_loop().call_later(0.7, setattr, faults, "fatal_after", None)
            case 4:
                faults.traps = {f"{self.menu}/set": ("0", "failure: disk full")}
            case 5:
                await self.simulator.reboot(down_seconds=chance.uniform(0.05, 1))
            case 6:
                self.router.passwords["sebilling"] = "changed by someone"
            case 7:
                await self.simulator.stop()
            case _:
                faults.drip_seconds = 0.00005

    menu: ClassVar[str]

    async def heal(self) -> None:
        faults = self.simulator.faults
        faults.delay_seconds, faults.drip_seconds, faults.traps = 0, None, None
        faults.hang_after = faults.reset_after = faults.fatal_after = None
        self.router.passwords["sebilling"] = PASSWORD
        await self.simulator.reboot(down_seconds=0)

    def row(self, key: str) -> Mapping[str, Any]:
        """The customer's row."""
        row = self.router.table(self.menu).find(key)
        assert row is not None, f"{key} is gone"
        return row

    async def state(self) -> Mapping[str, Any]:
        return {key: {name: value for name, value in self.row(key).items() if name != "last-logged-out"} for key in self.keys}


class PppoeSite(RouterSite):
    kind, service, menu = "mikrotik.pppoe", "PPPOE", "/ppp/secret"

    def put(self, key: str) -> None:
        self.router.add("/ppp/secret", name=key, profile="10M", password="x", comment="pelanggan", remote_address="")

    async def start(self) -> None:
        await super().start()
        for key in self.keys[::2]:
            self.router.dial(key)

    def is_blocked(self, key: str) -> bool:
        return bool(self.row(key)["profile"] == "isolir")


class QueueSite(RouterSite):
    kind, service, menu = "mikrotik.queue", "QUEUE", "/queue/simple"

    def put(self, key: str) -> None:
        self.limit = self.router.add("/queue/simple", name=key, target=f"10.0.0.{self.keys.index(key) + 1}/32", max_limit="10M/20M")[
            "max-limit"
        ]

    def is_blocked(self, key: str) -> bool:
        return bool(self.row(key)["max-limit"] != self.limit)


class AddressSite(RouterSite):
    kind, service, menu = "mikrotik.address_list", "STATIC_IP", "/ip/firewall/address-list"

    def put(self, key: str) -> None:
        """A static address needs nothing on the router until it is cut."""

    def is_blocked(self, key: str) -> bool:
        return bool(self.router.table(self.menu).named.get(key))

    async def state(self) -> Mapping[str, Any]:
        return {key: self.is_blocked(key) for key in self.keys}

    @classmethod
    def names(cls, number: int, count: int) -> list[str]:
        return [f"10.{number}.0.{place}" for place in range(1, count + 1)]


ROUTERS: Sequence[type[Site]] = (PppoeSite, PppoeSite, QueueSite, AddressSite)
