"""Firewalls by chance: whenever the driver finds a wall, no packet of a listed customer gets through the simulated router."""

import random
from typing import Final

import pytest

from sebilling_mikrotik.testing import Router
from sebilling_mikrotik.testing.traffic import connect, passes
from sebilling_mikrotik.walls import described, wall_problem

FIREWALLS: Final = 200
"""Firewalls of each seed."""
ADDRESS: Final = "10.9.0.1"
CHAINS: Final = ("forward", "forward", "forward", "isolir", "customers", "input")
VALUES: Final = {
    "src-address-list": ("ISOLIR", "ISOLIR", "ISOLIR", "!ISOLIR", "VIP", "!VIP"),
    "dst-address-list": ("PAY", "!PAY", "ISOLIR"),
    "dst-address": ("203.0.113.80", "!203.0.113.80", "0.0.0.0/0", "192.168.0.0/16", "198.0.0.0/8"),
    "src-address": ("10.0.0.0/8", "!10.0.0.0/8", ADDRESS, "192.0.2.1"),
    "protocol": ("tcp", "udp", "icmp", "!tcp"),
    "connection-state": ("established,related", "new", "invalid", "!new"),
    "out-interface": ("wan", "backup", "!wan"),
    "in-interface": ("customers", "wan"),
    "ipsec-policy": ("in,ipsec", "in,none"),
}


def rule(chance: random.Random, chain: str) -> dict[str, str]:
    """A rule with up to two matchers, of a kind that stands in firewalls."""
    action = chance.choice(("accept", "accept", "drop", "drop", "reject", "jump", "return", "fasttrack-connection", "passthrough"))
    fields = {"chain": chain, "action": action}
    for name in chance.sample(sorted(VALUES), chance.choice((0, 1, 1, 1, 2))):
        fields[name] = chance.choice(VALUES[name])
    if chance.random() < 0.5:
        fields["src-address-list"] = "ISOLIR"
    if fields.get("protocol") in {"tcp", "udp"} and chance.random() < 0.5:
        fields["dst-port"] = chance.choice(("53", "443", "53,443", "22"))
    if action == "jump":
        fields["jump-target"] = chance.choice(("isolir", "customers"))
    if chance.random() < 0.1:
        fields[chance.choice(("disabled", "invalid"))] = "true"
    return fields


def firewall(chance: random.Random) -> Router:
    """A router with a listed customer, who has a connection from before."""
    router = Router()
    router.add("/ip/firewall/address-list", list="ISOLIR", address=ADDRESS)
    router.add("/ip/firewall/address-list", list="PAY", address="203.0.113.80")
    if chance.random() < 0.5:
        router.add("/ip/firewall/address-list", list="VIP", address="10.9.0.0/24")
    connect(router, ADDRESS)
    for row in router.table("/ip/firewall/connection").rows.values():
        row["fasttrack"] = "false"  # connections in FastTrack are removed, whatever the rules are
    for _ in range(chance.randrange(1, 9)):
        router.table("/ip/firewall/filter").add(rule(chance, chance.choice(CHAINS)), by_hand=False)
    return router


@pytest.mark.parametrize("seed", range(10))
def test_a_wall_that_is_found_stops_everything(seed: int) -> None:
    chance, walls = random.Random(seed), 0  # noqa: S311 - firewalls, not secrets
    for _ in range(FIREWALLS):
        router = firewall(chance)
        rules = [dict(row) for row in router.table("/ip/firewall/filter").rows.values()]
        stopped = not _loops(rules) and not passes(router, ADDRESS)
        walled = not _loops(rules) and wall_problem(rules, "ISOLIR", version=4) is None
        assert stopped or not walled, "\n".join(f"{row['chain']}: {described(row)} {row.get('jump-target', '')}" for row in rules)
        walls += walled
    assert walls > FIREWALLS // 50, "too few walls to prove anything"


def _loops(rules: list[dict[str, str]]) -> bool:
    """Whether a chain may jump to itself, which RouterOS refuses and the traffic model would follow for ever."""
    jumps = {(rule["chain"], rule["jump-target"]) for rule in rules if rule["action"] == "jump"}
    return any(first == last or (last, first) in jumps for first, last in jumps)
