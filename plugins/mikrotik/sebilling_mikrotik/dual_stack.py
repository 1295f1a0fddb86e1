"""Which IPv6 addresses and prefixes a customer with a static IPv4 address has, as far as the router sees it.

The ARP table gives the MAC of an IPv4 address, the neighbour table the IPv6 addresses of a MAC, and a DHCPv6 binding the prefix of a
client, which is known by its link-local address.
"""

import asyncio
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from sebilling_mikrotik.session import Command, Row, Session

_ARP: Final[Command] = ("/ip/arp/print", "=.proplist=address,mac-address")
_NEIGHBORS: Final[Command] = ("/ipv6/neighbor/print", "=.proplist=address,mac-address,status")
_BINDINGS: Final[Command] = ("/ipv6/dhcp-server/binding/print", "=.proplist=address,client-address,status,disabled", "?disabled=false")


async def read_ipv6_of(session: Session, keys: Iterable[str]) -> dict[str, list[str]]:
    """Return IPv4 address or network → its IPv6 addresses and prefixes, without link-local ones. Raises DeviceError."""
    networks = [(ip_network(key, strict=False), key) for key in keys]
    if not networks:
        return {}
    arp, neighbors, bindings = await asyncio.gather(
        session.rows(*_ARP), session.rows_if_known(*_NEIGHBORS), session.rows_if_known(*_BINDINGS)
    )
    by_mac: dict[str, list[str]] = {}
    for row in neighbors or ():
        if row.get("mac-address"):
            by_mac.setdefault(row["mac-address"].upper(), []).append(row.get("address", ""))
    delegated: dict[str, list[str]] = {}
    for row in bindings or ():
        if row.get("client-address"):
            delegated.setdefault(row["client-address"], []).append(row.get("address", ""))
    addresses: dict[str, list[str]] = {}
    for row in arp:
        for network, key in networks:
            if _is_in(row, network):
                near = by_mac.get(row.get("mac-address", "").upper(), [])
                mine = [*near, *(prefix for address in near for prefix in delegated.get(address, ()))]
                addresses.setdefault(key, []).extend(address for address in mine if address and not address.lower().startswith("fe80:"))
    return addresses


def _is_in(row: Row, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(row.get("address", "")) in network
    except ValueError:
        return False
