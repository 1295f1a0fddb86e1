"""Setups of routers: some stop whoever is in the sets, others have a hole. Each is a text for `nft -f`."""

from collections.abc import Mapping, Sequence
from typing import Final

from sebilling_nftables.setup import setup_text

CUSTOMER: Final = "10.64.0.5"
INTERVAL4: Final = "type ipv4_addr; flags interval;"
SETS: Final = (f"set blocked4 {{ {INTERVAL4} }}", "set blocked6 { type ipv6_addr; flags interval; }")
FORWARD: Final = "type filter hook forward priority filter - 10; policy accept;"
WALL4: Final = ("ip saddr @blocked4 drop", "ip daddr @blocked4 drop")
WALL: Final = (*WALL4, "ip6 saddr @blocked6 drop", "ip6 daddr @blocked6 drop")
_EARLY: Final = "type filter hook forward priority -300; policy accept;"


def chain(name: str, *rules: str) -> str:
    """A chain; a base chain if its first rule is a hook."""
    return "\n".join([f"chain {name} {{", *rules, "}"])


def forward(*rules: str) -> str:
    """The setup with these rules in its chain."""
    return table(chain("forward", FORWARD, *rules))


def table(*chains: str, sets: Sequence[str] = SETS, flags: str = "", name: str = "sebilling") -> str:
    """A table."""
    return "\n".join([f"table inet {name} {{", flags, *sets, *chains, "}", ""])


HOLES: Final[Mapping[str, str]] = {
    "no table": "",
    "no chain": table(),
    "no rules": forward(),
    "an accept of established connections in front": forward("ct state established,related accept", *WALL),
    "an accept of everything in front": forward("accept", *WALL),
    "an accept for the customer in front": forward(f"ip saddr {CUSTOMER} accept", f"ip daddr {CUSTOMER} accept", *WALL),
    "an accept in a chain that is jumped to": table(
        chain("trusted", "udp dport 7000 accept"), chain("forward", FORWARD, "jump trusted", *WALL)
    ),
    "a return in front": forward("udp dport 7000 return", *WALL),
    "a return in the chain with the wall": table(
        chain("wall", "udp dport 7000 return", *WALL), chain("forward", FORWARD, "jump wall")
    ),
    "a goto past the wall": table(chain("aside", "counter"), chain("forward", FORWARD, "udp dport 7000 goto aside", *WALL)),
    "a map of verdicts in front": forward("meta l4proto vmap { udp : accept }", *WALL),
    "hooked to input": table(chain("forward", "type filter hook input priority 0; policy accept;", *WALL)),
    "without a hook": table(chain("forward", *WALL)),
    "a dormant table": table(chain("forward", FORWARD, *WALL), flags="flags dormant"),
    "a wall for TCP only": forward("ip saddr @blocked4 ip protocol tcp drop", "ip daddr @blocked4 ip protocol tcp drop"),
    "a wall for one interface": forward('iifname "eth7" ip saddr @blocked4 drop', 'oifname "eth7" ip daddr @blocked4 drop'),
    "a wall above a limit": forward("ip saddr @blocked4 limit rate over 1000/second drop", "ip daddr @blocked4 drop"),
    "a wall of resets, which are for TCP": forward("ip saddr @blocked4 reject with tcp reset", "ip daddr @blocked4 reject with tcp reset"),
    "a wall for the other IP version": table(
        chain("wall", "reject with icmpv6 type admin-prohibited"), chain("forward", FORWARD, "ip saddr @blocked4 jump wall", "jump wall")
    ),
    "a wall on the way back only": forward("ip daddr @blocked4 drop"),
    "a wall on the way out only": forward("ip saddr @blocked4 drop"),
    "a wall in front of who isn't listed": forward("ip saddr != @blocked4 ip daddr 192.0.2.1 drop"),
    "an accept of answers to the payment page, in the wrong direction": forward(
        "ip saddr @blocked4 udp sport 7000 accept", "ip daddr @blocked4 udp sport 53 accept", *WALL
    ),
    "a counter instead of a wall": forward("ip saddr @blocked4 counter", "ip daddr @blocked4 counter"),
    "a wall for another set": table(
        chain("forward", FORWARD, "ip saddr @other drop", "ip daddr @other drop"), sets=(*SETS, f"set other {{ {INTERVAL4} }}")
    ),
}  # fmt: skip
"""In each, a packet of a listed customer gets through."""

WALLS: Final[Mapping[str, str]] = {
    "as printed": setup_text(),
    "reject": forward("ip saddr @blocked4 counter reject with icmp type admin-prohibited", "ip daddr @blocked4 log drop", *WALL[2:]),
    "in a chain of its own": table(chain("wall", *WALL), chain("forward", FORWARD, "jump wall")),
    "jumped to by the set": table(
        chain("stop", "counter", "drop"), chain("forward", FORWARD, "ip saddr @blocked4 jump stop", "ip daddr @blocked4 goto stop")
    ),
    "in a chain of another name": table(chain("pelanggan", FORWARD, *WALL)),
    "after an accept for who isn't listed": forward("ip saddr != @blocked4 ip daddr != @blocked4 accept", *WALL),
    "after an accept of IPv6": forward("meta nfproto ipv6 tcp dport 22 accept", "ip6 daddr 2001:db8::/32 tcp dport 22 accept", *WALL),
    "before established connections are accepted": forward(*WALL, "ct state established,related accept"),
    "beside an accept in another base chain": table(chain("first", _EARLY, "accept"), chain("forward", FORWARD, *WALL)),
    "beside an accept in another table": table(chain("first", _EARLY, "accept"), sets=(), name="filter") + setup_text(),
    "after an accept of DNS and its answers": forward(
        "ip saddr @blocked4 udp dport 53 accept", "ip daddr @blocked4 udp sport 53 accept", *WALL
    ),
    "a policy that drops": table(
        chain("forward", FORWARD.replace("accept", "drop"), "ip saddr != @blocked4 ip daddr != @blocked4 accept")
    ),
}  # fmt: skip
"""In each, no packet of a listed customer gets through."""

REFUSED_SETS: Final = (
    f"{INTERVAL4} auto-merge;", "type ipv4_addr; flags interval, timeout; timeout 1h;", "type ipv4_addr;", "type ipv4_addr . inet_service;",
)  # fmt: skip
"""Definitions of a set that would lose marks or blocks, or take no networks."""
