"""The conformance kit on all five drivers and all their methods, against the simulator on a socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from sebilling.plugins.conformance import AWKWARD_NAMES, DriverConformance, World
from sebilling.plugins.contract import IsolationDriver, Ref

from sebilling_mikrotik import AddressListDriver, DhcpDriver, HotspotDriver, PppoeDriver, QueueDriver
from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.traffic import online

from .conftest import NAMES, PASSWORD, settings

CUSTOMERS_PASSWORD: Final = "sandi-pelanggan-17"
NAMED: Final = tuple(dict.fromkeys([*NAMES, *AWKWARD_NAMES]))
DIAL_SECONDS: Final = 0.01
CONNECTIONS: Final = "/ip/firewall/connection"
SESSIONS: Final = {"/ppp/secret": ("/ppp/active", "name"), "/ip/hotspot/user": ("/ip/hotspot/active", "user")}


@dataclass(frozen=True)
class Way:
    """One way of cutting: what is put on the router, what is set on it, and how a hand sets it otherwise."""

    driver: type[IsolationDriver[Any]]
    menu: str
    reads: int
    """Commands that are sent before the first change."""
    row: Mapping[str, str] = field(default_factory=dict)
    cut: Mapping[str, str] = field(default_factory=dict)
    hand: Mapping[str, str] | None = None
    keys: Sequence[str] = NAMED
    key_field: str = "name"
    absent: str | None = "nobody"
    more: Mapping[str, object] = field(default_factory=dict)
    spellings: Mapping[str, Sequence[str]] = field(default_factory=dict)


class RouterWorld(World):
    """A simulated router with the customers of one way of cutting."""

    wrong_password: Mapping[str, Any] = {"password": "salah-sekali-55"}
    secrets: Sequence[str] = (PASSWORD, CUSTOMERS_PASSWORD)

    spellings: Mapping[str, Sequence[str]] = {}

    def __init__(self, way: Way, simulator: Simulator) -> None:
        self.way, self.simulator, self.router = way, simulator, simulator.router
        self.driver = way.driver
        self.spellings = way.spellings
        self.settings = settings(simulator, **way.more)
        self.refs = [Ref(number, key) for number, key in enumerate(way.keys, 1)]
        self.absent = Ref(900, way.absent) if way.absent is not None else None
        self.table = self.router.table(way.menu)
        for ref in self.refs:
            self.put(ref.key)

    def put(self, key: str) -> None:
        """One more customer."""
        if self.way.menu == "/ip/firewall/address-list":
            return
        row = {self.way.key_field.replace("-", "_"): key, **self.way.row}
        if self.way.menu == "/ppp/secret":  # an address of their own, as those have who pay for one
            row["remote_address"] = f"10.5.{len(self.table.rows) // 250}.{len(self.table.rows) % 250}"
        if self.way.menu == "/queue/simple":
            row["target"] = f"10.5.{len(self.table.rows) // 250}.{len(self.table.rows) % 250}/32"
        self.router.add(self.way.menu, **row)
        self.dial(key)

    def dial(self, key: str) -> None:
        """Customers with sessions have one; it is ended first if it is up."""
        menu, name = SESSIONS.get(self.way.menu, ("", ""))
        if not menu:
            return
        for row in [row for row in self.router.table(menu).rows.values() if row[name] == key]:
            self.router.table(menu).remove(row)
            self.router.removed(menu, row)
        (self.router.dial if name == "name" else self.router.hotspot_login)(key)

    async def state(self) -> Any:
        left_out = {"/ppp/active", "/interface", "/ip/hotspot/active", "/ip/hotspot/cookie"}  # these come and go by themselves
        return {
            menu: [dict(row) for row in table.rows.values() if menu != "/ip/firewall/address-list" or row["dynamic"] != "true"]
            for menu, table in self.router.tables.items()
            if menu not in left_out
        }

    async def is_blocked(self, ref: Ref) -> bool:
        return not online(self.router, self.way.menu, ref.key)

    async def cut_link_after(self, jobs: int, *, made: bool) -> None:
        setattr(self.simulator.faults, "reset_after" if made else "lost_after", self.way.reads + jobs)

    async def break_reading(self, answers: int) -> None:
        self.simulator.faults.reset_after = answers

    async def make_unreachable(self) -> None:
        await self.simulator.stop()

    async def mend(self) -> None:
        self.simulator.faults.reset_after = self.simulator.faults.lost_after = None
        self.simulator.faults.traps = None
        for lease in self.router.table("/ip/dhcp-server/lease").rows.values():
            lease["status"] = "waiting"
        if self.simulator._server is None:
            await self.simulator.listen()

    async def by_hand(self, ref: Ref) -> None:
        if self.way.hand is None:
            raise NotImplementedError  # there or not there: no third position
        self.table.set(self.table.find(ref.key) or {}, self.way.hand)

    async def blocked_by_hand(self, ref: Ref) -> None:
        if self.way.menu == "/ip/firewall/address-list":
            self.router.add(self.way.menu, list="ISOLIR", address=ref.key, comment="by hand")
            return
        row = self.table.find(ref.key) or {}
        row |= self.way.cut
        self.dial(ref.key)

    async def more(self, count: int) -> Sequence[Ref]:
        refs = [Ref(1_000 + number, self.another(number)) for number in range(count)]
        for ref in refs:
            self.put(ref.key)
        return refs

    def another(self, number: int) -> str:
        """One more key of the kind."""
        high, low = divmod(number, 250)
        return {"address": f"10.10.{high}.{low}", "mac-address": f"AA:BB:CC:01:{high:02X}:{low:02X}"}.get(self.way.key_field, f"n{number}")

    async def online(self, ref: Ref) -> bool:
        return online(self.router, self.way.menu, ref.key)

    async def keep_online(self, ref: Ref) -> None:
        stuck = ("0", "no such item")
        self.simulator.faults.traps = dict.fromkeys(("/ppp/active/remove", "/ip/hotspot/active/remove", f"{CONNECTIONS}/remove"), stuck)
        if self.way.menu == "/ip/dhcp-server/lease":
            (self.table.find(ref.key) or {})["status"] = "bound"
        elif self.way.menu in {"/queue/simple", "/ip/firewall/address-list"}:
            address = (self.table.find(ref.key) or {"target": ref.key})["target"].removesuffix("/32")
            self.router.add("/ip/firewall/filter", chain="forward", action="fasttrack-connection", disabled="yes")
            self.router.add(CONNECTIONS, src_address=f"{address}:9", reply_src_address="198.51.100.77:443", fasttrack="true")

    async def undo_by_hand(self, ref: Ref) -> None:
        row = self.table.find(ref.key) or {}
        if self.way.menu == "/ip/firewall/address-list":
            self.table.remove(row)
            return
        defaults = {"disabled": "false", "block-access": "false"}
        before = {name: self.way.row.get(name.replace("-", "_"), defaults.get(name, "")) for name in self.way.cut}
        self.table.set(row, before)
        self.dial(ref.key)

    async def reboot(self) -> None:
        await self.simulator.reboot()

    async def settle(self) -> None:
        if self.way.menu in SESSIONS:
            await asyncio.sleep(3 * DIAL_SECONDS)


class Conformance(DriverConformance):
    """The kit on one way."""

    way: ClassVar[Way]

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        router = Router(dial_seconds=DIAL_SECONDS)
        router.user("sebilling", PASSWORD)
        router.setup()
        router.add("/ppp/profile", name="10M", rate_limit="10M/20M")
        router.add("/ip/hotspot/user/profile", name="other")
        async with Simulator(router) as simulator:
            yield RouterWorld(self.way, simulator)


_SECRET = {"password": CUSTOMERS_PASSWORD, "profile": "10M", "comment": "rumah = 3"}
_USER = {"password": CUSTOMERS_PASSWORD, "profile": "default"}
_DISABLED = {"disabled": "true"}
_DARK = {"method": "disable"}


class TestPppoe(Conformance):
    way = Way(PppoeDriver, "/ppp/secret", 12, _SECRET, {"profile": "isolir"}, {"profile": "default"})


class TestPppoeDisable(Conformance):
    way = Way(PppoeDriver, "/ppp/secret", 11, _SECRET, _DISABLED, more=_DARK)


class TestHotspot(Conformance):
    way = Way(HotspotDriver, "/ip/hotspot/user", 12, _USER, {"profile": "isolir"}, {"profile": "other"})


class TestHotspotDisable(Conformance):
    way = Way(HotspotDriver, "/ip/hotspot/user", 11, _USER, _DISABLED, more=_DARK)


class TestQueue(Conformance):
    way = Way(
        QueueDriver, "/queue/simple", 8, {"max_limit": "10M/20M"}, {"max-limit": "64000/64000"},
        {"max-limit": "5M/5M"},
    )  # fmt: skip


class TestDhcp(Conformance):
    way = Way(
        DhcpDriver, "/ip/dhcp-server/lease", 9, {"address": "10.6.0.1"}, {"block-access": "true"}, key_field="mac-address",
        keys=[f"AA:BB:CC:00:00:{number:02X}" for number in range(11)], absent="AA:BB:CC:00:00:FF",
        spellings={"AA:BB:CC:00:00:01": ("aa-bb-cc-00-00-01", "aabb.cc00.0001")},
    )  # fmt: skip


class TestAddressList(Conformance):
    way = Way(
        AddressListDriver, "/ip/firewall/address-list", 9, cut={"list": "ISOLIR", "disabled": "false"}, hand={"disabled": "yes"},
        key_field="address", keys=[*(f"10.9.0.{number}" for number in range(1, 11)), "10.9.1.0/29"], absent=None,
        spellings={"10.9.0.1": ("10.9.0.1/32",), "2001:db8::5": ("2001:DB8:0::5/128",)},
    )  # fmt: skip
