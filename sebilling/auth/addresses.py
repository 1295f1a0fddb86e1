"""Where a request comes from: the address of the connection, or what a proxy that we trust says, and no one else."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

UNKNOWN: Final = "unknown"
_IPV6_SITE_BITS: Final = 64
"""What one customer of any provider has to himself: its single addresses tell nothing."""
_MAX_HOPS: Final = 20
_MAX_CHARACTERS: Final = 100
"""Of an address, the name of its interface with it."""
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def networks(given: str) -> tuple[Network, ...]:
    """The networks of a setting, with commas between them. Raises ValueError, naming what is none."""
    return tuple(ip_network(one.strip()) for one in given.split(",") if one.strip())


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from."""

    network: str
    """An IPv4 address, or the /64 of an IPv6 one; UNKNOWN for what is neither, such as a Unix socket."""
    is_secure: bool
    """Whether it came by TLS, to us or to a proxy that we trust."""


def origin(peer: str | None, scheme: str, forwarded_for: Sequence[str], forwarded_proto: str, trusted: Sequence[Network]) -> Origin:
    """`forwarded_for` are the X-Forwarded-For headers in their order. They are read from the right, for as long as who wrote them is
    trusted: what a client puts there itself stands further left, and is never reached. Only if the client's own address is trusted too, it
    is: a network of proxies must hold nothing but proxies."""
    address = _address(peer or "")
    if address is None or not _within(address, trusted):
        return Origin(_network(address), scheme == "https")
    for hop in reversed([hop for line in forwarded_for for hop in line.split(",")][-_MAX_HOPS:]):
        found = _address(hop.strip())
        if found is None:
            break
        address = found
        if not _within(found, trusted):
            break
    return Origin(_network(address), scheme == "https" or forwarded_proto.rpartition(",")[2].strip().lower() == "https")


def network_of(peer: str | None) -> str:
    """The network of a connection: what its bounds are counted by."""
    return _network(_address(peer or ""))


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether a connection is of a proxy that we trust."""
    address = _address(peer)
    return address is not None and _within(address, trusted)


def _address(given: str) -> Address | None:
    return _parsed(given) if len(given) <= _MAX_CHARACTERS else None


@functools.lru_cache(maxsize=4_096)  # few come often
def _parsed(given: str) -> Address | None:
    try:
        found = ip_address(given)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _within(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


@functools.lru_cache(maxsize=4_096)
def _network(address: Address | None) -> str:
    if address is None:
        return UNKNOWN
    return str(ip_network((address, _IPV6_SITE_BITS), strict=False)) if isinstance(address, IPv6Address) else str(address)
