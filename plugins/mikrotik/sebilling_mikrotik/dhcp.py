"""Block by DHCP: `block-access` on a static lease. The server refuses the next renewal, so it takes effect when the bound lease expires.

RouterOS has no command that ends a bound static lease. Until then the customer is online, and is reported so.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from sebilling.plugins.contract import Fault, InvalidValue, Quality, Ref, Sentence, Usage

from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.device import is_yes
from sebilling_mikrotik.durations import seconds_of
from sebilling_mikrotik.fields import quoted
from sebilling_mikrotik.firewall import read_firewall
from sebilling_mikrotik.rows import RowDriver
from sebilling_mikrotik.session import Row
from sebilling_mikrotik.usage import lease_usage
from sebilling_mikrotik.views import Online, View

MAX_LEASE_SECONDS: Final = 1_800
"""A longer lease keeps a blocked customer online for too long; RouterOS's default is 10 or 30 minutes."""
_MAC: Final = re.compile(r"[0-9A-F]{12}")
_SERVERS: Final = ("/ip/dhcp-server/print", "=.proplist=name,interface,lease-time,add-arp", "?disabled=false")
_LINKS: Final = ("/interface/bridge", "/interface/vlan", "/interface/ethernet")


class DhcpDriver(RowDriver[RouterConfig]):
    """Block by `/ip/dhcp-server/lease`."""

    kind: ClassVar[str] = "mikrotik.dhcp"
    quality: ClassVar[Quality] = Quality.GOLD
    title: ClassVar[Sentence] = Sentence("MikroTik DHCP lease", "Lease DHCP MikroTik")
    config_model: ClassVar[type[RouterConfig]] = RouterConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"DHCP": Sentence("MAC address of the static lease", "alamat MAC dari lease statis")}
    menu: ClassVar[str] = "/ip/dhcp-server/lease"
    key_field: ClassVar[str] = "mac-address"
    saved: ClassVar[tuple[str, ...]] = ("block-access", "disabled")
    looked_at: ClassVar[tuple[str, ...]] = ("status", "expires-after", "server")

    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:
        """Return a MAC as `AA:BB:CC:00:11:22`. Raises InvalidValue."""
        del service_kind
        digits = re.sub(r"[:.\s-]", "", text).upper()
        if not _MAC.fullmatch(digits):
            raise InvalidValue(
                "a MAC address has twelve hexadecimal digits, such as AA:BB:CC:00:11:22",
                "alamat MAC punya dua belas digit heksadesimal, misalnya AA:BB:CC:00:11:22",
            )
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))

    def blocked_fields(self) -> Mapping[str, str]:
        return {"block-access": "true"}

    def canonical(self, key: str) -> str:
        return key.upper().replace("-", ":")

    async def view(self, refs: Sequence[Ref]) -> View:
        view, firewall, servers = await asyncio.gather(
            super().view(refs), read_firewall(self.session), self.session.rows(*_SERVERS)
        )  # fmt: skip
        view.firewall = firewall
        view.interfaces = {row.get("name", ""): row.get("interface", "") for row in servers}
        return view

    def online(self, view: View, ref: Ref, row: Row) -> Online | None:
        del ref
        if row.get("status") == "bound":
            seconds = seconds_of(row.get("expires-after", ""))
            return Online(
                Sentence(
                    f"the lease is still bound; it expires after {row.get('expires-after') or 'an unknown time'}",
                    f"lease-nya masih berlaku; habis setelah {row.get('expires-after') or 'waktu yang tidak diketahui'}",
                ),
                look_again_seconds=None if seconds is None else seconds + 1.0,
            )
        interfaces = {interface for name, interface in view.interfaces.items() if row.get("server", "all") in {"all", name}}
        if view.firewall is not None and view.firewall.forwards_ipv6 and (with_ipv6 := interfaces & view.firewall.ipv6_interfaces):
            return Online(_ipv6(min(with_ipv6)))
        return None

    def unfit(self, row: Row) -> tuple[Fault, Sentence] | None:
        if is_yes(row.get("dynamic")):
            return (
                Fault.SETUP,
                Sentence(
                    "The lease is dynamic and would be forgotten: make it static on the router.",
                    "Lease-nya dinamis dan akan hilang: jadikan statis di router.",
                ),
            )
        return None

    async def read_usage(self) -> Sequence[Usage]:
        """Read the bound leases."""
        return lease_usage(
            await self.session.rows(f"{self.menu}/print", "=.proplist=mac-address,address,active-address,status", "?status=bound")
        )

    async def setup_problems(self) -> Sequence[Sentence]:
        firewall, (servers, *links) = await asyncio.gather(
            read_firewall(self.session),
            self.session.tables(_SERVERS, *((f"{menu}/print", "=.proplist=name,arp") for menu in _LINKS)),
        )
        if not servers:
            return (
                Sentence(
                    "No DHCP server that is on: leases wouldn't be looked at.",
                    "Tidak ada server DHCP yang aktif: lease tidak akan dipakai.",
                ),
            )
        arp = {row.get("name", ""): (menu, row.get("arp", "enabled")) for menu, rows in zip(_LINKS, links, strict=True) for row in rows}
        problems = [problem for server in servers for problem in _server_problems(server, arp)]
        if firewall.forwards_ipv6:
            problems += [_ipv6(name) for name in sorted({row.get("interface", "") for row in servers} & firewall.ipv6_interfaces)]
        return problems


def _server_problems(server: Row, arp: Mapping[str, tuple[str, str]]) -> list[Sentence]:
    """Return what lets a customer of this server stay online though blocked."""
    problems: list[Sentence] = []
    name, interface = server.get("name", ""), server.get("interface", "")
    seconds = seconds_of(server.get("lease-time", ""))
    if seconds is None or seconds > MAX_LEASE_SECONDS:
        paste = f"`/ip dhcp-server set [find name={quoted(name)}] lease-time=10m`"
        lease = server.get("lease-time") or "?"
        problems.append(
            Sentence(
                f"The DHCP server '{name}' has the lease-time {lease}: a blocked customer stays online until their lease expires."
                f" Paste on the router: {paste}",
                f"Server DHCP '{name}' punya lease-time {lease}: pelanggan yang diisolir tetap online sampai lease-nya habis."
                f" Tempel di router: {paste}",
            )
        )
    menu, mode = arp.get(interface, ("/interface/bridge", "enabled"))
    if mode != "reply-only" or not is_yes(server.get("add-arp")):
        link = f"/{menu[1:].replace('/', ' ')} set [find name={quoted(interface)}] arp=reply-only"
        paste = f"`/ip dhcp-server set [find name={quoted(name)}] add-arp=yes; {link}`"
        problems.append(
            Sentence(
                f"On '{interface}' a blocked customer can go on with an address that they enter by hand: it isn't arp=reply-only with"
                f" add-arp=yes. Whoever has a static address there needs an entry in /ip arp first. Paste on the router: {paste}",
                f"Di '{interface}' pelanggan yang diisolir masih bisa memakai alamat yang diisi sendiri: belum arp=reply-only dengan"
                f" add-arp=yes. Yang memakai alamat statis di sana perlu entri di /ip arp dulu. Tempel di router: {paste}",
            )
        )
    return problems


def _ipv6(interface: str) -> Sentence:
    return Sentence(
        f"IPv6 is given on '{interface}', and a blocked lease doesn't stop it: turn it off there (/ipv6 address, /ipv6 dhcp-server)",
        f"IPv6 diberikan di '{interface}', dan lease yang diisolir tidak menahannya: matikan di sana (/ipv6 address, /ipv6 dhcp-server)",
    )
