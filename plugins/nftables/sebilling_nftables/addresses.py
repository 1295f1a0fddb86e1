"""Addresses of customers: one spelling for one address or network."""

from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network
from typing import Final

from sebilling.plugins.contract import InvalidValue

Network = IPv4Network | IPv6Network
MIN_PREFIX: Final = {4: 16, 6: 32}
"""Networks larger than these aren't one customer's."""


def parse(text: str) -> Network:
    """Return the network of a key; a single address is a network of one. Raises InvalidValue, with what to write instead."""
    text = text.strip()
    if "%" in text:  # an interface of this machine, which no customer's address has
        raise _why("")
    try:
        network = ip_network(text)
    except ValueError:
        raise _why(text) from None
    if isinstance(network, IPv6Network) and (mapped := network.network_address.ipv4_mapped) is not None:
        raise InvalidValue(f"write the IPv4 address itself: {mapped}", f"tulis alamat IPv4-nya langsung: {mapped}")
    if network.prefixlen < (least := MIN_PREFIX[network.version]):
        raise InvalidValue(
            f"a network of /{network.prefixlen} is too large for one customer: at most /{least}",
            f"jaringan /{network.prefixlen} terlalu besar untuk satu pelanggan: paling besar /{least}",
        )
    if network.is_multicast or network.is_loopback or network.is_link_local or network.is_unspecified:
        raise InvalidValue(
            f"{network.network_address} is never a customer's address: enter the one from which the customer's packets come",
            f"{network.network_address} bukan alamat pelanggan: isi alamat asal paket pelanggan",
        )
    return network


def spelled(network: Network) -> str:
    """Return the one spelling: an address, or a network with its prefix length."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _why(text: str) -> InvalidValue:
    try:
        right = spelled(ip_interface(text).network)
    except ValueError:
        return InvalidValue(
            "enter an IPv4 address such as 10.1.0.5, or a network by its first address, such as 10.0.0.8/29 or 2001:db8:8::/56",
            "isi alamat IPv4 seperti 10.1.0.5, atau jaringan dengan alamat pertamanya, seperti 10.0.0.8/29 atau 2001:db8:8::/56",
        )
    return InvalidValue(
        f"a network is named by its first address: write {right}, or the single address without a prefix length",
        f"jaringan ditulis dengan alamat pertamanya: tulis {right}, atau satu alamat tanpa panjang prefiks",
    )
