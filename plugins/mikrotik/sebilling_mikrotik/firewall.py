"""What of a router's firewall decides whether a blocked customer is offline: filter rules, FastTrack, IPv6, running connections."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final

from sebilling.plugins.contract import Sentence

from sebilling_mikrotik.device import is_yes
from sebilling_mikrotik.session import Command, Row, Session
from sebilling_mikrotik.walls import described, is_fasttrack, wall_problem

_MANGLE: Final[Command] = ("/ip/firewall/mangle/print", "=.proplist=.id,chain,action,disabled,invalid", "?action=fasttrack-connection")
_SETTINGS: Final[Command] = ("/ipv6/settings/print",)
_ADDRESSES: Final[Command] = ("/ipv6/address/print", "=.proplist=address,interface,advertise,disabled,link-local", "?disabled=false")
_SERVERS: Final[Command] = ("/ipv6/dhcp-server/print", "=.proplist=name,interface,disabled", "?disabled=false")
_PREFIXES: Final[Command] = ("/ipv6/nd/prefix/print", "=.proplist=interface", "?disabled=false")
_CONNECTIONS: Final = (("/ip/firewall/connection", 4), ("/ipv6/firewall/connection", 6))


@dataclass(frozen=True, slots=True)
class Firewall:
    """Rules as read. `rules6` is None if the router has no IPv6."""

    rules: Sequence[Row]
    rules6: Sequence[Row] | None
    mangle: Sequence[Row]
    ipv6_interfaces: frozenset[str]
    """Interfaces on which the router gives IPv6 to customers: it advertises a prefix, or serves DHCPv6. A PPP session has its own."""
    forwards_ipv6: bool
    _walls: dict[tuple[str, int], Sentence | None] = field(default_factory=dict, init=False, repr=False)
    """What was judged already, as one reading asks about thousands of customers."""

    @property
    def gives_ipv6(self) -> bool:
        """Whether customers may have IPv6 from this router by other means than PPP."""
        return self.forwards_ipv6 and any(not name.startswith("<") for name in self.ipv6_interfaces)  # a session's begins so

    @property
    def fasttrack(self) -> Row | None:
        """The first enabled rule that hands connections to FastTrack."""
        return next((rule for rule in (*self.rules, *self.mangle, *(self.rules6 or ())) if is_fasttrack(rule)), None)

    @property
    def had_fasttrack(self) -> bool:
        """Whether connections may be in FastTrack: there is a rule for it, perhaps disabled since."""
        return any(rule.get("action") == "fasttrack-connection" for rule in (*self.rules, *self.mangle, *(self.rules6 or ())))

    @property
    def fasttrack_problem(self) -> Sentence | None:
        """Why queues don't limit running connections; None if they do."""
        if (rule := self.fasttrack) is None:
            return None
        menu = "/ip firewall filter, mangle" if self.rules6 is None else "/ip firewall filter, mangle, /ipv6 firewall filter"
        paste = "`/ip firewall filter disable [find action=fasttrack-connection]`"
        return Sentence(
            f"FastTrack is on ({described(rule)}; look in {menu}): connections bypass the queues, so nobody is slowed down."
            f" Paste on the router: {paste}",
            f"FastTrack aktif ({described(rule)}; periksa {menu}): koneksi tidak melewati queue, jadi tidak ada yang diperlambat."
            f" Tempel di router: {paste}",
        )

    def wall_problem(self, list_name: str, *, version: int = 4) -> Sentence | None:
        """Return why nothing stops the traffic of this list in that IP version; None if a wall does."""
        if (key := (list_name, version)) not in self._walls:
            self._walls[key] = wall_problem(self.rules if version == 4 else self.rules6 or (), list_name, version=version)
        return self._walls[key]

    def customers_ipv6_problem(self, list_name: str) -> Sentence | None:
        """Return why nothing stops the IPv6 traffic of this list; None if a wall does, or customers have no IPv6 from this router."""
        return self.wall_problem(list_name, version=6) if self.gives_ipv6 else None


async def read_firewall(session: Session) -> Firewall:
    """Read it in one round trip. Raises DeviceError."""
    rules, mangle, rules6, settings, interfaces = await asyncio.gather(
        session.rows("/ip/firewall/filter/print"),
        session.rows(*_MANGLE),
        session.rows_if_known("/ipv6/firewall/filter/print"),
        session.rows_if_known(*_SETTINGS),
        _ipv6_interfaces(session),
    )
    setting = next(iter(settings or ()), {})
    forwards = not is_yes(setting.get("disable-ipv6")) and setting.get("forward") not in {"false", "no"}
    return Firewall(rules, rules6, mangle, interfaces, forwards_ipv6=rules6 is not None and forwards)


async def _ipv6_interfaces(session: Session) -> frozenset[str]:
    addresses, servers, prefixes = await asyncio.gather(
        session.rows_if_known(*_ADDRESSES), session.rows_if_known(*_SERVERS), session.rows_if_known(*_PREFIXES)
    )
    advertised = [row for row in addresses or () if is_yes(row.get("advertise")) and not _is_local(row)]
    return frozenset(row.get("interface", "") for row in (*advertised, *(servers or ()), *(prefixes or ())))


async def fasttracked(session: Session, firewall: Firewall, addresses: Iterable[str]) -> dict[str, list[Command]]:
    """Return the connections in FastTrack of these addresses or networks, each as the command that removes it. Raises DeviceError.

    FastTrack carries a connection past the filter, as it did before its customer was listed. Without a rule for it nothing is read.
    """
    hosts: dict[str, str] = {}
    networks = []
    for text in set(addresses):
        try:
            network = ip_network(text, strict=False)
        except ValueError:  # a key that was stored before keys were checked
            continue
        if network.num_addresses == 1:
            hosts[str(network.network_address)] = text
        else:
            networks.append((network, text))
    if not firewall.had_fasttrack or not (hosts or networks):
        return {}
    read = await asyncio.gather(
        *(
            session.rows_if_known(f"{menu}/print", "=.proplist=.id,src-address,reply-src-address", "?fasttrack=true")
            for menu, version in _CONNECTIONS
            if version == 4 or firewall.rules6 is not None
        )
    )
    removals: dict[str, list[Command]] = {}
    for (menu, _), rows in zip(_CONNECTIONS, read, strict=False):
        for row in rows or ():
            ends = {host_of(row.get("src-address", "")), host_of(row.get("reply-src-address", ""))} - {""}
            for text in {hosts[end] for end in ends if end in hosts} | {
                text for network, text in networks for end in ends if ip_address(end) in network
            }:
                removals.setdefault(text, []).append((f"{menu}/remove", f"=.id={row['.id']}"))
    return removals


def host_of(end: str) -> str:
    """Return the address of one end of a connection, as RouterOS prints it, such as `10.0.0.1:443` or `[2001:db8::1]:443`; or empty."""
    for text in (end, end.rpartition(":")[0].strip("[]")):
        try:
            return str(ip_address(text))
        except ValueError:
            continue
    return ""


def _is_local(row: Row) -> bool:
    return is_yes(row.get("link-local")) or row.get("address", "").lower().startswith("fe80:")
