"""Setups as chance invents them: whenever the driver takes one for a wall, no packet of a listed customer gets through."""

import os
import random
from typing import Final

import pytest

from sebilling_nftables.gate import gate_problem
from sebilling_nftables.ruleset import Ruleset
from sebilling_nftables.testing import Lab

from .setups import FORWARD, chain, table

SEEDS: Final = int(os.environ.get("SEBILLING_TEST_NFTABLES_SEEDS", "12"))
CUSTOMER: Final = "10.64.0.5"
CUSTOMER6: Final = "2001:db8:64:1::5"
LISTED: Final = ("ip saddr @blocked4", "ip daddr @blocked4", "ip6 saddr @blocked6", "ip6 daddr @blocked6")
MATCHES: Final = (
    *LISTED, "", "", "ip saddr != @blocked4", "ip daddr != @blocked4", "ip6 saddr != @blocked6", "udp dport 7000", "udp sport 7000",
    "udp sport 53", "udp dport 53", "tcp dport 80", "ct state established", "ct state new", "ip daddr 192.0.2.9",
    "ip daddr 198.51.0.0/15", "iifname rc", "iifname ri", "oifname eth9", "meta nfproto ipv4", "meta nfproto ipv6",
    "meta nfproto != ipv4", "meta l4proto udp", "ip protocol udp", "ip6 nexthdr udp", "limit rate 100/second", "meta mark 7",
    "meta protocol ip6", f"ip saddr {CUSTOMER}",
)  # fmt: skip
VERDICTS: Final = (
    "drop", "counter drop", "reject", "reject with tcp reset", "accept", "accept", "accept", "return", "return", "counter",
    "jump second", "goto second", "jump third", "log", "meta mark set 7", "continue",
)  # fmt: skip


def rule(chance: random.Random, *, jumps: bool) -> str:
    matches = " ".join(chance.choice(MATCHES) for _ in range(chance.choice((1, 1, 1, 2))))
    return f"{matches} {chance.choice([verdict for verdict in VERDICTS if jumps or not verdict.startswith(('jump', 'goto'))])}"


def invented(chance: random.Random) -> str:
    """A table whose base chain has rules that stop the listed, at random places between others."""
    walls = [f"{listed} {chance.choice(('drop', 'drop', 'jump second', 'reject'))}" for listed in LISTED]
    rules = [*walls, *(rule(chance, jumps=True) for _ in range(chance.randrange(1, 5)))]
    chance.shuffle(rules)
    return table(
        chain("third", *(rule(chance, jumps=False) for _ in range(chance.randrange(3)))),
        chain("second", *(rule(chance, jumps=False) for _ in range(chance.randrange(3))), chance.choice(("drop", "drop", ""))),
        chain("forward", FORWARD, *rules),
    )


def loaded(lab: Lab, chance: random.Random) -> Ruleset:
    """Load a setup that nft accepts: it refuses some combinations, such as IPv4 and IPv6 in one rule."""
    while True:
        try:
            lab.reset(invented(chance))
            break
        except OSError:
            continue
    lab.online([CUSTOMER, CUSTOMER6])  # connections from before
    lab.nft(f"add element inet sebilling blocked4 {{ {CUSTOMER} }}; add element inet sebilling blocked6 {{ {CUSTOMER6} }}")
    ruleset = Ruleset()
    ruleset.add(lab.nft("-j", "-t", "list", "ruleset"), every_table=True)
    ruleset.add(lab.nft("-j", "list", "table", "inet", "sebilling"), every_table=False)
    return ruleset


def test_whoever_is_behind_what_is_taken_for_a_wall_is_offline(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    walls = holes = 0
    monkeypatch.setattr(lab, "patience_seconds", 0.05)  # many of these setups stop everybody
    for seed in range(SEEDS):
        ruleset = loaded(lab, random.Random(seed))  # noqa: S311 - chance that can be repeated
        online = lab.online([CUSTOMER, CUSTOMER6])
        for version, customer in ((4, CUSTOMER), (6, CUSTOMER6)):
            is_wall = gate_problem(ruleset, version) is None
            assert not (is_wall and customer in online), f"seed {seed}, IPv{version}: taken for a wall\n{lab.ruleset()}"
            walls, holes = walls + is_wall, holes + (customer in online)
    assert walls > 0
    assert holes > 0
    print(f"\n{SEEDS} setups: {walls} walls, {holes} holes of {2 * SEEDS}")
