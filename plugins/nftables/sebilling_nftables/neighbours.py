"""Which IPv6 addresses and prefixes the devices of customers with static IPv4 addresses have, as far as the router sees it.

The neighbour table gives the MAC of an address, and the addresses of a MAC; a route gives the prefix behind one of them. A MAC with
IPv4 addresses of several customers is a router or a switch in between, and tells nothing about any of them.
"""

import json
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from sebilling_nftables.addresses import Network

NEIGHBOURS: Final = ("ip", "-j", "neigh", "show")
ROUTES: Final = ("ip", "-j", "-6", "route", "show")


def ipv6_of(networks: Iterable[Network], neighbours: str, routes: str) -> dict[Network, list[IPv6Network]]:
    """Return IPv4 network → IPv6 addresses and prefixes of the same device. `neighbours` and `routes` are what `ip -j` printed."""
    ipv4: dict[str, set[IPv4Address]] = {}
    ipv6: dict[str, set[IPv6Network]] = {}
    macs: dict[IPv6Address, str] = {}
    for row in _rows(neighbours):
        address, mac = _address(row.get("dst")), row.get("lladdr")
        if not mac:
            continue
        if isinstance(address, IPv4Address):
            ipv4.setdefault(mac, set()).add(address)
        elif address is not None:
            macs[address] = mac
            if not address.is_link_local:
                ipv6.setdefault(mac, set()).add(IPv6Network(address))
    for row in _rows(routes):
        gateway = _address(row.get("gateway"))
        if isinstance(gateway, IPv6Address) and gateway in macs and "/" in row.get("dst", ""):
            ipv6.setdefault(macs[gateway], set()).add(IPv6Network(row["dst"], strict=False))
    return {
        network: sorted(ipv6[mac])
        for network in networks
        for mac, addresses in ipv4.items()
        if mac in ipv6 and all(address in network for address in addresses)
    }


def _rows(printed: str) -> list[Mapping[str, str]]:
    try:
        rows = json.loads(printed)
    except ValueError:  # `ip` isn't there, or may not be run
        return []
    return [{name: str(value) for name, value in row.items()} for row in rows if isinstance(row, dict)]


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text or "")
    except ValueError:
        return None


def unlisted(ipv6: Iterable[IPv6Network], spans: Iterable[tuple[int, int]]) -> IPv6Network | None:
    """Return the first that isn't whole within one of the spans of a set; None if all are."""
    listed = list(spans)
    for network in ipv6:
        first, last = int(network.network_address), int(network.broadcast_address)
        if not any(low <= first and last <= high for low, high in listed):
            return network
    return None
