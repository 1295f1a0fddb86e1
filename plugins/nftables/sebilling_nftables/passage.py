"""What happens to the packets of whoever is in a set, on their way through the chains of the table: rules judged as nft judges packets."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_network
from typing import Final

from pydantic import JsonValue

from sebilling_nftables.ruleset import Json, Rule, Ruleset
from sebilling_nftables.setup import PROTOCOLS, SETS

OTHER_SIDE: Final = {"saddr": "daddr", "daddr": "saddr"}
"""Field of the customer's address, which is the direction of a packet → field of the other side's."""
_PORT_FIELDS: Final = {"saddr": "dport", "daddr": "sport"}
_SPARED_PORTS: Final = frozenset({53, 67, 68, 123, 546, 547})
"""DNS, DHCP and time: what a device needs to show the payment page."""
_MIN_SPARED_PREFIX: Final = {4: 16, 6: 48}
_NEUTRAL: Final = frozenset({"counter", "log", "set", "notrack", "comment"})
"""Statements that neither narrow a rule nor decide about a packet."""
_STOPPING: Final = frozenset({"drop", "reject"})
_LETTING_THROUGH: Final = frozenset({"accept", "queue", "xt", "vmap"})
"""Statements after which no later rule of the base chain sees the packet, or of which that can't be told."""
_CALLING: Final = frozenset({"jump", "goto"})
_VERDICTS: Final = _STOPPING | _LETTING_THROUGH | _CALLING | {"return"}


@dataclass(frozen=True, slots=True)
class Passage:
    """What happens to a listed customer's packets of one direction: all stopped, or some let through by a rule, or neither."""

    is_walled: bool = False
    hole: Rule | None = None
    chain: str = ""
    """The chain of the hole."""
    leaves: bool = False
    """Some of them leave the chain before its end."""


class _Applies(Enum):
    """To which of these packets a rule applies."""

    ALL = "ALL"
    SOME = "SOME"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Walk:
    """The way of packets from (`saddr`) or to (`daddr`) the addresses of the set of one IP version."""

    ruleset: Ruleset
    version: int
    direction: str

    def has_wall(self) -> bool:
        """Whether a rule in any chain would stop them, if nothing stood in front of it."""
        rules = [rule for rules in self.ruleset.rules.values() for rule in rules]
        return any(_verdict(rule)[0] in _STOPPING and self._applies(rule) is _Applies.ALL for rule in rules)

    def through(self, name: str, above: tuple[str, ...] = ()) -> Passage:
        """Follow a chain. `above`: the chains that jumped here; without any it is a base chain, at whose end its policy decides."""
        leaves = False
        drops_at_end = not above and self.ruleset.chains[name].policy == "drop"
        for rule in self.ruleset.rules.get(name, ()):
            step = self._step(rule, name, above)
            if step.leaves:
                if not above and not drops_at_end:
                    return Passage(hole=rule, chain=name)
                leaves = leaves or bool(above)
            elif step.is_walled:
                return Passage(is_walled=not leaves)
            elif step.hole is not None:
                return step
        return Passage(is_walled=drops_at_end)

    def _step(self, rule: Rule, name: str, above: tuple[str, ...]) -> Passage:
        applies = self._applies(rule)
        verdict, target = _verdict(rule)
        if applies is _Applies.NONE or not verdict or (verdict not in _STOPPING and self._spares(rule)):
            return Passage()
        if verdict in _STOPPING:
            return Passage(is_walled=applies is _Applies.ALL)
        if verdict in _LETTING_THROUGH:
            return Passage(hole=rule, chain=name)
        if verdict == "return":
            return Passage(leaves=True)
        inner = self.through(target, (*above, name)) if target not in (*above, name) else Passage()
        if inner.hole is not None or (inner.is_walled and applies is _Applies.ALL):
            return inner
        return Passage(leaves=verdict == "goto" and not inner.is_walled)

    def _applies(self, rule: Rule) -> _Applies:
        applies = _Applies.ALL
        for expression in rule.expressions:
            for kind, value in expression.items():
                if kind == "reject":
                    part = self._rejects(value)
                elif kind in _NEUTRAL or kind in _VERDICTS:
                    continue
                else:
                    part = self._matches(value) if kind == "match" and isinstance(value, dict) else _Applies.SOME
                if part is _Applies.NONE:
                    return part
                if part is _Applies.SOME:
                    applies = part
        return applies

    def _rejects(self, reject: JsonValue) -> _Applies:
        """To which packets a reject applies: an answer by ICMP is for one IP version, a reset for TCP, though no match says so."""
        answer = reject.get("type", "icmpx") if isinstance(reject, dict) else "icmpx"
        if answer == "tcp reset":
            return _Applies.SOME
        is_other = answer in {"icmp", "icmpv6"} and answer != {4: "icmp", 6: "icmpv6"}[self.version]
        return _Applies.NONE if is_other else _Applies.ALL

    def _matches(self, match: Json) -> _Applies:
        left, right, is_negated = match.get("left"), match.get("right"), match.get("op") == "!="
        payload = _inner(left, "payload")
        protocol, name = payload.get("protocol"), payload.get("field")
        if protocol in PROTOCOLS.values() and protocol != PROTOCOLS[self.version]:
            return _Applies.NONE
        if self._lists({**match, "op": "=="}, self.direction):
            return _Applies.NONE if is_negated else _Applies.ALL
        is_of_version = _inner(left, "meta").get("key") in {"nfproto", "protocol"} or (protocol, name) == ("ether", "type")
        if is_of_version and isinstance(right, str):
            is_same = right in {f"ipv{self.version}", PROTOCOLS[self.version]}
            return _Applies.ALL if is_same is not is_negated else _Applies.NONE
        return _Applies.SOME

    def _spares(self, rule: Rule) -> bool:
        """Whether the rule lets through only what a blocked customer is meant to reach: the payment page, DNS and the like.

        So does a rule for packets of the other direction: those between two listed customers are judged on the walk of that direction.
        """
        matches = [match for expression in rule.expressions if (match := _inner(dict(expression), "match"))]
        if any(self._lists(match, OTHER_SIDE[self.direction]) for match in matches):
            return not any(self._lists(match, self.direction) for match in matches)
        return any(self._is_spared(match) for match in matches)

    def _lists(self, match: Json, field: str) -> bool:
        """Whether the match is that the address in this field is in the set."""
        payload = _inner(match.get("left"), "payload")
        is_field = payload == {"protocol": PROTOCOLS[self.version], "field": field}
        return is_field and match.get("right") == f"@{SETS[self.version]}" and match.get("op") != "!="

    def _is_spared(self, match: Json) -> bool:
        payload, right = _inner(match.get("left"), "payload"), match.get("right")
        protocol, name = payload.get("protocol"), payload.get("field")
        if match.get("op") == "!=":
            return False
        if protocol in {"tcp", "udp", "th"} and name == _PORT_FIELDS[self.direction]:
            return all(port in _SPARED_PORTS for port in _members(right))
        if protocol == PROTOCOLS[self.version] and name == OTHER_SIDE[self.direction]:
            return all(_is_small(side, self.version) for side in _members(right))
        return False


def _verdict(rule: Rule) -> tuple[str, str]:
    """Return the rule's verdict and the chain it names; "" without one."""
    for expression in rule.expressions:
        for kind, value in expression.items():
            if kind in _VERDICTS:
                return kind, str(value.get("target", "")) if isinstance(value, dict) else ""
    return "", ""


def _inner(value: JsonValue, name: str) -> Json:
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _members(right: JsonValue) -> Sequence[JsonValue]:
    """Members of an anonymous set, or the one value."""
    members = right.get("set") if isinstance(right, dict) else None
    return members if isinstance(members, list) else [right]


def _is_small(side: JsonValue, version: int) -> bool:
    """Whether it is a named set other than ours, or a network that is private or small."""
    if isinstance(side, str) and side.startswith("@"):
        return side[1:] not in SETS.values()
    prefix = _inner(side, "prefix")
    try:
        network = ip_network(f"{prefix['addr']}/{prefix['len']}" if prefix else str(side))
    except ValueError:
        return False
    return network.prefixlen > 0 and (network.is_private or network.prefixlen >= _MIN_SPARED_PREFIX[version])
