"""The router's one-time setup: the table with its sets and the chain that stops whoever is in them."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final

FAMILY: Final = "inet"
TABLE: Final = "sebilling"
CHAIN: Final = "forward"
SETS: Final = {4: "blocked4", 6: "blocked6"}
SET_TYPES: Final = {4: "ipv4_addr", 6: "ipv6_addr"}
PROTOCOLS: Final = {4: "ip", 6: "ip6"}
_DNS: Final = 53


def setup_text(payment_pages: Sequence[IPv4Address | IPv6Address] = ()) -> str:
    """Return the table as `nft -f` reads it. `payment_pages`: addresses that blocked customers reach, and DNS with them.

    `flags interval` without `auto-merge`: merged elements would lose the comment by which SeBilling knows its own.
    """
    lines = [f"table {FAMILY} {TABLE} {{"]
    lines += [f"\tset {SETS[version]} {{ type {SET_TYPES[version]}; flags interval; }}" for version in SETS]
    lines += [f"\tchain {CHAIN} {{", "\t\ttype filter hook forward priority filter - 10; policy accept;"]
    for page in payment_pages:
        protocol, members = PROTOCOLS[page.version], SETS[page.version]
        lines += [
            f"\t\t{protocol} saddr @{members} meta l4proto {{ tcp, udp }} th dport {_DNS} accept",
            f"\t\t{protocol} daddr @{members} meta l4proto {{ tcp, udp }} th sport {_DNS} accept",
            f"\t\t{protocol} saddr @{members} {protocol} daddr {page} accept",
            f"\t\t{protocol} daddr @{members} {protocol} saddr {page} accept",
        ]
    lines += [f"\t\t{wall}" for version in SETS for wall in walls(version)]
    return "\n".join([*dict.fromkeys(lines), "\t}", "}", ""])


def walls(version: int) -> tuple[str, ...]:
    """Return the rules that stop a listed customer's packets, one for each direction."""
    return tuple(f"{PROTOCOLS[version]} {field} @{SETS[version]} drop" for field in ("saddr", "daddr"))


def add_set(version: int) -> str:
    """Return the command that makes the set of an IP version, if it isn't there."""
    return f"add set {FAMILY} {TABLE} {SETS[version]} {{ type {SET_TYPES[version]}; flags interval; }}"


def add_chain() -> str:
    """Return the command that makes the chain, if it isn't there."""
    return f"add chain {FAMILY} {TABLE} {CHAIN} {{ type filter hook forward priority filter - 10; policy accept; }}"


def put_walls(version: int, verb: str = "add") -> list[str]:
    """Return the commands that put the rules at the end of the chain, or with `insert` at its top."""
    return [f"{verb} rule {FAMILY} {TABLE} {CHAIN} {wall}" for wall in walls(version)]


def paste(commands: Sequence[str]) -> str:
    """Return a line for a shell that gives these commands to nft, as one transaction; quoted for a message."""
    return f"`nft '{'; '.join(commands)}'`"
