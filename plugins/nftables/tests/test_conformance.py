"""The conformance kit over SSH, with nftables itself: who is online is told by packets through a router in a network namespace."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from sebilling.plugins.conformance import DriverConformance, World
from sebilling.plugins.contract import Ref

from sebilling_nftables import NftablesDriver
from sebilling_nftables.setup import put_walls
from sebilling_nftables.testing import Lab, addresses_of

from .conftest import refs, settings
from .ssh_server import PASSWORD, SshServer

KEYS: Final = ("10.64.0.4", "10.64.0.5", "10.64.8.8/29", "2001:db8:64:1::5", "2001:db8:64:200::/56")


class RouterWorld(World):
    """The lab's router, reached over SSH."""

    driver = NftablesDriver
    wrong_password: Mapping[str, Any] = {"password": "salah-sekali-55"}
    secrets: Sequence[str] = (PASSWORD,)
    spellings: Mapping[str, Sequence[str]] = {
        "10.64.0.4": ("10.64.0.4/32", " 10.64.0.4"),
        "10.64.8.8/29": ("10.64.8.8/255.255.255.248",),
        "2001:db8:64:1::5": ("2001:DB8:64:1:0::5/128", "2001:0db8:0064:0001::0005"),
    }

    def __init__(self, lab: Lab, server: SshServer) -> None:
        self.lab, self.server = lab, server
        self.settings = settings(server)
        self.refs = refs(KEYS)
        self._by_hand: list[str] = []
        self._listed: tuple[int, set[str]] = (-1, set())

    async def state(self) -> Any:
        return self.lab.ruleset()

    async def is_blocked(self, ref: Ref) -> bool:
        if self._listed[0] != self.server.writes:  # a thousand are asked for one after the other
            self._listed = self.server.writes, self.lab.listed()
        return ref.key in self._listed[1]

    async def cut_link_after(self, jobs: int, *, made: bool) -> None:
        del jobs  # all jobs of a batch are done at once
        self.server.break_write = "after" if made else "before"

    async def break_reading(self, answers: int) -> None:
        self.server.reads_left = answers

    async def make_unreachable(self) -> None:
        await self.server.stop()

    async def mend(self) -> None:
        await self.server.mend()
        if self._by_hand:
            self.hand("flush chain inet sebilling forward", *(wall for version in (4, 6) for wall in put_walls(version)))
            self._by_hand = []

    def hand(self, *commands: str) -> None:
        """What an operator types."""
        self.lab.nft("-f", "-", text="\n".join(commands) + "\n")
        self._listed = (-1, set())

    def element(self, verb: str, ref: Ref) -> str:
        """The command that puts an address into its set, or takes it out."""
        return f"{verb} element inet sebilling blocked{6 if ':' in ref.key else 4} {{ {ref.key} }}"

    async def by_hand(self, ref: Ref) -> None:
        self.hand(self.element("delete", ref), self.element("add", ref))  # without the comment

    async def blocked_by_hand(self, ref: Ref) -> None:
        self.hand(self.element("add", ref))

    async def undo_by_hand(self, ref: Ref) -> None:
        self.hand(self.element("delete", ref))

    async def more(self, count: int) -> Sequence[Ref]:
        return [Ref(1_000 + number, f"10.64.{16 + number // 250}.{number % 250}", service_kind="STATIC_IP") for number in range(count)]

    async def online(self, ref: Ref) -> bool:
        return bool(self.lab.online(addresses_of(ref.key)))

    async def keep_online(self, ref: Ref) -> None:
        self._by_hand = [f"insert rule inet sebilling forward ip {field} {ref.key} accept" for field in ("saddr", "daddr")]
        self.hand(*self._by_hand)

    async def reboot(self) -> None:
        self.server.break_connections()
        self.lab.reset()
        self._listed = (-1, set())


class TestNftables(DriverConformance):
    lab: Lab

    @pytest.fixture(autouse=True)
    def _in_the_lab(self, lab: Lab) -> None:
        self.lab = lab

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        self.lab.reset()
        async with SshServer(self.lab.router) as server:
            yield RouterWorld(self.lab, server)
