"""Origin of a request: the address of the connection, or the one reported by a trusted proxy."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

UNKNOWN: Final = "unknown"
_IPV6_SITE_BITS: Final = 64
"""An ISP assigns at least a /64 to each customer, so single addresses within it don't identify anyone."""
_MAX_HOPS: Final = 20
_MAX_CHARACTERS: Final = 100
"""Longest accepted address, including the name of its interface."""
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """Parse a setting with networks separated by commas. Raises ValueError, which names the invalid part."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a request."""

    network: str
    """An IPv4 address, or the /64 of an IPv6 address; UNKNOWN for anything else, such as a Unix socket."""
    is_secure: bool
    """Whether it came over TLS, to this server or to a trusted proxy."""


def origin(peer: str | None, scheme: str, forwarded_for: Sequence[str], forwarded_proto: str, trusted: Sequence[Network]) -> Origin:
    """Determine the origin of a request. `forwarded_for` are the X-Forwarded-For headers in their order.

    They are read from the right, as long as the sender is a trusted proxy: anything a client writes there itself is further left and is
    never reached, unless the client's own address is trusted. So trusted networks must contain only proxies.
    """
    address = _address(peer or "")
    if address is None or not _within(address, trusted):
        return Origin(_network(address), scheme == "https")
    for hop in reversed([hop for line in forwarded_for for hop in line.split(",")][-_MAX_HOPS:]):
        hop_address = _address(hop.strip())
        if hop_address is None:
            break
        address = hop_address
        if not _within(hop_address, trusted):
            break
    return Origin(_network(address), scheme == "https" or forwarded_proto.rpartition(",")[2].strip().lower() == "https")


def network_of(peer: str | None) -> str:
    """Return the network of a connection, by which its limits are counted."""
    return _network(_address(peer or ""))


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether a connection comes from a trusted proxy."""
    address = _address(peer)
    return address is not None and _within(address, trusted)


def _address(text: str) -> Address | None:
    return _parsed(text) if len(text) <= _MAX_CHARACTERS else None


@functools.lru_cache(maxsize=4_096)  # type: ignore[misc]  # a few addresses send most requests; its type has Any
def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _within(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


@functools.lru_cache(maxsize=4_096)  # type: ignore[misc]  # as above
def _network(address: Address | None) -> str:
    if address is None:
        return UNKNOWN
    return str(ip_network((address, _IPV6_SITE_BITS), strict=False)) if isinstance(address, IPv6Address) else str(address)
