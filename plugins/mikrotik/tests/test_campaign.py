"""Days of a router by chance: blocks, restores, and what people and the router do meanwhile. Readings must agree with traffic.

`SEBILLING_TEST_MIKROTIK_SEEDS` sets how many days each method has, `…_FIRST` the first one's seed.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import pytest
from sebilling.plugins.contract import DeviceError, Job, Ref, State

from sebilling_mikrotik import AddressListDriver, DhcpDriver, HotspotDriver, PppoeDriver, QueueDriver
from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.traffic import connect, online, passes

from .conftest import PASSWORD, blocked, made, restored

SEEDS: Final = int(os.environ.get("SEBILLING_TEST_MIKROTIK_SEEDS", "1"))
FIRST: Final = int(os.environ.get("SEBILLING_TEST_MIKROTIK_FIRST", "1"))
EVENTS: Final = 40
DIAL_SECONDS: Final = 0.005
FILTER: Final = "/ip/firewall/filter"
METHODS: Final[dict[str, tuple[Any, str, dict[str, object]]]] = {
    "pppoe": (PppoeDriver, "/ppp/secret", {}),
    "pppoe-disable": (PppoeDriver, "/ppp/secret", {"method": "disable"}),
    "hotspot": (HotspotDriver, "/ip/hotspot/user", {}),
    "hotspot-disable": (HotspotDriver, "/ip/hotspot/user", {"method": "disable"}),
    "address_list": (AddressListDriver, "/ip/firewall/address-list", {}),
    "queue": (QueueDriver, "/queue/simple", {}),
    "dhcp": (DhcpDriver, "/ip/dhcp-server/lease", {}),
}
ABOVE: Final[tuple[dict[str, str], ...]] = (
    {"action": "accept", "connection_state": "established,related"}, {"action": "accept", "src_address": "10.0.0.0/8"},
    {"action": "fasttrack-connection", "connection_state": "established,related"}, {"action": "accept", "protocol": "icmp"},
)  # fmt: skip


class Day:
    """A router, its customers, and the driver's session of each moment."""

    def __init__(self, router: Router, simulator: Simulator, method: str, seed: int) -> None:
        self.router, self.simulator, self.chance = router, simulator, random.Random(seed)  # noqa: S311 - events, not secrets
        self.driver, self.menu, self.more = METHODS[method]
        self.refs = [Ref(number, self.key(number), 20_000, 10_000) for number in range(1, 4)]
        self.snapshots: dict[int, Any] = {}
        self.log: list[str] = []
        self.seen: Counter[tuple[State, bool | None]] = Counter()
        for number, ref in enumerate(self.refs, 1):
            self.put(ref.key, f"10.5.0.{number}")

    def key(self, number: int) -> str:
        return {"/ip/firewall/address-list": f"10.5.0.{number}", "/ip/dhcp-server/lease": f"AA:BB:CC:00:00:0{number}"}.get(
            self.menu, f"u{number}"
        )

    def put(self, key: str, address: str) -> None:
        match self.menu:
            case "/ppp/secret":
                self.router.add(self.menu, name=key, profile="10M", remote_address=address)
                self.router.dial(key)
            case "/ip/hotspot/user":
                self.router.add(self.menu, name=key)
                self.router.hotspot_login(key)
            case "/queue/simple":
                self.router.add(self.menu, name=key, target=f"{address}/32", max_limit="10M/20M", burst_limit="20M/40M")
            case "/ip/dhcp-server/lease":
                self.router.add(self.menu, mac_address=key, address=address, status="bound", expires_after="5m")

    async def session(self, work: Callable[[Any], Awaitable[object]]) -> None:
        driver = made(self.driver, self.simulator, session_seconds=0.2, **self.more)
        try:
            await driver.open()
            await work(driver)
        finally:
            await driver.close()

    async def block(self) -> None:
        async def work(driver: Any) -> None:
            fresh = [ref for ref in self.refs if ref.id not in self.snapshots and self.chance.random() < 0.7]
            self.snapshots |= await driver.snapshot(fresh)
            wanted = [Job(ref, self.snapshots[ref.id]) for ref in self.refs if ref.id in self.snapshots]
            with suppress(DeviceError):
                await blocked(driver, wanted)

        await self.session(work)

    async def restore(self) -> None:
        async def work(driver: Any) -> None:
            wanted = [Job(ref, self.snapshots[ref.id]) for ref in self.refs if ref.id in self.snapshots]
            outcomes = await restored(driver, wanted)
            readings = await driver.read_state([job.ref for job in wanted], {})
            for ref_id in outcomes:
                if readings[ref_id].actual is State.ACTIVE:
                    del self.snapshots[ref_id]

        await self.session(work)

    async def people(self) -> None:
        """Somebody changes the firewall, or what it holds."""
        table = self.router.table(FILTER)
        rows = list(table.rows.values())
        match self.chance.randrange(5):
            case 0 if len(rows) < 8:
                table.move([self.router.add(FILTER, chain="forward", **self.chance.choice(ABOVE))], 0)
            case 1 | 2:
                for row in rows:
                    if row.get("src-address-list") != "ISOLIR":
                        table.remove(row)
            case 3:
                row = self.chance.choice(rows)
                row["disabled"] = "false" if row["disabled"] == "true" else "true"
            case _:
                for row in rows:
                    row["disabled"] = "false"

    async def customers(self) -> None:
        """Downloads begin, sessions end, leases expire."""
        sessions = [*self.router.table("/ppp/active").rows.values(), *self.router.table("/ip/hotspot/active").rows.values()]
        for address in [*(row["address"] for row in sessions), *(f"10.5.0.{number}" for number in range(1, 4))]:
            if self.chance.random() < 0.5 and passes(self.router, address):
                connect(self.router, address)
        for menu in ("/ppp/active", "/ip/hotspot/active"):
            for row in list(self.router.table(menu).rows.values()):
                if self.chance.random() < 0.2:
                    self.router.table(menu).remove(row)
                    self.router.removed(menu, row)
        for lease in self.router.table("/ip/dhcp-server/lease").rows.values():
            if self.chance.random() < 0.5:
                lease["status"] = "bound" if lease["block-access"] == "false" else "waiting"

    async def trouble(self) -> None:
        """The next commands fail: a refusal, a lost session, a restart."""
        faults = self.simulator.faults
        match self.chance.randrange(4):
            case 0:
                faults.traps = {"/ppp/active/remove": ("", "no such item"), "/ip/firewall/connection/remove": ("", "no such item")}
            case 1:
                faults.traps = {f"{self.menu}/set": ("", "failure: busy")}
            case 2:
                faults.reset_after = self.chance.randrange(8, 20)
            case _:
                await self.simulator.reboot(down_seconds=0)
        with suppress(DeviceError):
            await self.chance.choice((self.block, self.restore))()
        faults.traps = faults.reset_after = None

    async def live(self) -> None:
        """Everything that happens; after each event the readings are compared with traffic."""
        for _ in range(EVENTS):
            event = self.chance.choice((self.block, self.block, self.restore, self.people, self.customers, self.trouble))
            self.log.append(event.__name__)
            await event()
            await asyncio.sleep(4 * DIAL_SECONDS)
            await self.session(self.compare)

    async def compare(self, driver: Any) -> None:
        readings = await driver.read_state(self.refs, self.snapshots)
        for ref in self.refs:
            is_online, reading = online(self.router, self.menu, ref.key), readings[ref.id]
            told = f"{ref.key} online={is_online} {reading} after {self.log}\n{list(self.router.table(FILTER).rows.values())}"
            assert not (reading.state is State.BLOCKED and reading.in_effect and is_online), told
            assert not (reading.state is State.ACTIVE and reading.in_effect and not is_online), told
            self.seen[reading.state, reading.in_effect] += 1


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
@pytest.mark.parametrize("method", METHODS)
async def test_readings_agree_with_traffic(method: str, seed: int) -> None:
    router = Router(dial_seconds=DIAL_SECONDS)
    router.user("sebilling", PASSWORD)
    router.setup()
    router.add("/ppp/profile", name="10M", rate_limit="10M/20M")
    async with Simulator(router) as simulator:
        day = Day(router, simulator, method, seed)
        await day.live()
    assert day.seen[State.BLOCKED, True] + day.seen[State.ACTIVE, True], "nothing ever took effect, so this proves nothing"
