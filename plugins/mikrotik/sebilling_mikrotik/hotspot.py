"""Block a hotspot user: disable it or move it to the isolir profile, end its session and remove its cookie, which allows a new login."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from sebilling.plugins.contract import Quality, Ref, Sentence, Subscriber, Usage

from sebilling_mikrotik.accounts import AccountConfig, AccountDriver
from sebilling_mikrotik.reading import USER_PROFILES, USERS, subscribers, voucher
from sebilling_mikrotik.session import Row
from sebilling_mikrotik.usage import hotspot_usage
from sebilling_mikrotik.views import View


class HotspotDriver(AccountDriver[AccountConfig]):
    """Block by `/ip/hotspot/user`. A restore keeps the cookie, so that the customer is back without typing a password."""

    kind: ClassVar[str] = "mikrotik.hotspot"
    quality: ClassVar[Quality] = Quality.PLATINUM
    title: ClassVar[Sentence] = Sentence("MikroTik hotspot", "Hotspot MikroTik")
    config_model: ClassVar[type[AccountConfig]] = AccountConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"HOTSPOT": Sentence("hotspot user name", "nama pengguna hotspot")}
    menu: ClassVar[str] = "/ip/hotspot/user"
    saved: ClassVar[tuple[str, ...]] = ("profile", "disabled")
    profile_menu: ClassVar[str] = "/ip/hotspot/user/profile"
    session_menus: ClassVar[Mapping[str, str]] = {"/ip/hotspot/active": "user", "/ip/hotspot/cookie": "user"}
    ended_on_restore: ClassVar[tuple[str, ...]] = ("/ip/hotspot/active",)
    step: ClassVar[Sentence] = Sentence("step 3c", "langkah 3c")

    async def view(self, refs: Sequence[Ref]) -> View:
        view, servers = await asyncio.gather(
            super().view(refs), self.session.rows("/ip/hotspot/print", "=.proplist=name,interface", "?disabled=false")
        )
        view.interfaces = {row.get("name", ""): row.get("interface", "") for row in servers}
        return view

    def ipv6_problem(self, view: View, row: Row | None) -> Sentence | None:
        """A hotspot looks at IPv4 only, whether somebody is logged in or not."""
        del row
        firewall = view.firewall
        if firewall is None or not firewall.forwards_ipv6:
            return None
        interface = min(set(view.interfaces.values()) & firewall.ipv6_interfaces, default=None)
        if interface is None:
            return None
        return Sentence(
            f"IPv6 is given on '{interface}', and a hotspot doesn't stop it: turn it off there (/ipv6 address, /ipv6 dhcp-server).",
            f"IPv6 diberikan di '{interface}', dan hotspot tidak menahannya: matikan di sana (/ipv6 address, /ipv6 dhcp-server).",
        )

    async def read_customers(self) -> Sequence[Subscriber]:
        """Read every user in one round trip. Passwords are never requested. Raises DeviceError."""
        users, profiles = await self.session.tables(USERS, USER_PROFILES)
        garden = self.config.profile if self.by_profile else None
        return subscribers(users, profiles, service_kind="HOTSPOT", garden=garden, left_out=voucher)

    async def read_usage(self) -> Sequence[Usage]:
        """Read the users who are logged in."""
        rows = await self.session.rows("/ip/hotspot/active/print", "=.proplist=user,address,mac-address,uptime,bytes-in,bytes-out")
        return hotspot_usage(rows, at=datetime.now(UTC))
