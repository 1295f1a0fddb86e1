"""Judge from the rules of a firewall filter whether a wall stops whoever is in an address list, whatever they send.

A wall is a rule that is enabled and valid, drops or rejects in the chain forward, has the list as its `src-address-list`, and has no
other matcher than a negated destination (the payment page). It must stand above every rule that could let a listed customer pass: any
accept, return, and any FastTrack. Exceptions made on purpose may stand above it: DNS and DHCP ports, a destination that is small,
private or a list, IPsec, and sources that exclude the list. Jumps are followed. What can't be told from the rules counts as a way
through, as the wall can always be moved to the top.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final

from sebilling.plugins.contract import Sentence

from sebilling_mikrotik.device import is_yes
from sebilling_mikrotik.fields import quoted
from sebilling_mikrotik.session import Row

_NOT_MATCHERS: Final = frozenset(
    {".id", ".nextid", ".about", "chain", "action", "reject-with", "comment", "log", "log-prefix", "disabled", "invalid", "dynamic",
     "bytes", "packets", "jump-target", "creation-time", "hw-offload"}
)  # fmt: skip
"""Fields of a rule that don't narrow what it matches."""
_EXCEPT: Final = ("dst-address", "dst-address-list")
"""Destinations that a wall may spare: negated ones only."""
_LETTING_THROUGH: Final = frozenset({"accept", "fasttrack-connection", "return"})
"""Actions after which no later rule of the chain decides. A return from the chain forward itself accepts."""
_SPARED_PORTS: Final = frozenset({"53", "67", "68", "123", "546", "547"})
"""DNS, DHCP and time: what a device needs to show the payment page."""
_MAX_SPARED_ADDRESSES: Final = 1 << 16
_FAMILY: Final = {4: "/ip", 6: "/ipv6"}


@dataclass(frozen=True, slots=True)
class _Passage:
    """What happens to a listed customer's packet in a chain: stopped by a wall, let through by a rule, or neither."""

    walled: bool = False
    hole: Row | None = None


def wall_problem(rules: Sequence[Row], list_name: str, *, version: int) -> Sentence | None:
    """Return why nothing stops whoever is in this address list, with the lines to paste; None if a wall does.

    `rules` are all rules of the filter of that IP version, in the router's order, with all their fields.
    """
    chains: dict[str, list[Row]] = {}
    for rule in rules:
        if not is_yes(rule.get("disabled")) and not is_yes(rule.get("invalid")):
            chains.setdefault(rule.get("chain", ""), []).append(rule)
    passage = _passage(chains, "forward", list_name, listed=False, above=())
    if passage.walled:
        return None
    menu = f"{_FAMILY[version]} firewall filter"
    top = next((number for number, rule in enumerate(rules) if not is_yes(rule.get("dynamic"))), None)  # nothing goes above dynamic ones
    if passage.hole is None or not _has_wall(chains, list_name):
        paste = _lines(menu, list_name, top=top)
        return Sentence(
            f"No rule of {menu} stops whoever is in the address list '{list_name}': nobody would be held back."
            f" Paste on the router: {paste}",
            f"Tidak ada aturan {menu} yang menahan isi address list '{list_name}': tidak ada yang akan tertahan. Tempel di router: {paste}",
        )
    let_through = described(passage.hole)
    if passage.hole.get("src-address-list") == list_name:
        off = f"`{menu} disable {passage.hole.get('.id', '')}`"
        return Sentence(
            f"The rule {let_through} of {menu} lets the address list '{list_name}' through. Paste on the router: {off}",
            f"Aturan {let_through} di {menu} meloloskan address list '{list_name}'. Tempel di router: {off}",
        )
    move = f"`{menu} move [find src-address-list={quoted(list_name)}] {top or 0}`"
    return Sentence(
        f"The rule {let_through} of {menu} stands above the rule that stops the address list '{list_name}', and lets it through."
        f" Move the stopping rules to the top; paste on the router: {move}",
        f"Aturan {let_through} di {menu} ada di atas aturan yang menahan address list '{list_name}', dan meloloskannya."
        f" Pindahkan aturan penahan ke paling atas; tempel di router: {move}",
    )


def is_fasttrack(rule: Row) -> bool:
    """Whether the rule is enabled and hands connections to FastTrack."""
    return rule.get("action") == "fasttrack-connection" and not is_yes(rule.get("disabled")) and not is_yes(rule.get("invalid"))


def described(rule: Row) -> str:
    """Return a rule's action and matchers as RouterOS writes them, such as `action=accept connection-state=established`."""
    matchers = {name: value for name, value in rule.items() if name not in _NOT_MATCHERS and value}
    words = {"action": rule.get("action", "accept"), **matchers}
    return "`" + " ".join(f"{name}={value}" for name, value in words.items()) + "`"


def _lines(menu: str, list_name: str, *, top: int | None) -> str:
    """Return the minimum of a wall. RouterOS refuses `place-before` in an empty table."""
    name = quoted(list_name)
    rules = ('protocol=udp dst-port=53 action=accept{} comment="isolir: DNS"', 'action=drop{} comment="isolir"')
    tops = ("" if top is None else f" place-before={top + number}" for number in range(len(rules)))
    return "; ".join(
        f"`{menu} add chain=forward src-address-list={name} {rule.format(before)}`" for rule, before in zip(rules, tops, strict=True)
    )


def _passage(chains: Mapping[str, list[Row]], chain: str, list_name: str, *, listed: bool, above: tuple[str, ...]) -> _Passage:
    """Follow a chain. `listed`: only packets from the list come here. `above`: the chains that jumped here."""
    for rule in chains.get(chain, ()):
        action, spared = rule.get("action", "accept"), _spares(rule, list_name)
        if action in {"drop", "reject"} and _meets_all(rule, list_name, listed=listed):
            return _Passage(walled=True)
        if action in _LETTING_THROUGH and not spared:
            return _Passage(hole=None if action == "return" and above else rule)
        if action == "jump" and (target := rule.get("jump-target", "")) not in (*above, chain):
            narrowed = listed or rule.get("src-address-list") == list_name
            inner = _passage(chains, target, list_name, listed=narrowed, above=(*above, chain))
            if (inner.hole is not None and not spared) or (inner.walled and _meets_all(rule, list_name, listed=listed, jumping=True)):
                return inner
    return _Passage()


def _meets_all(rule: Row, list_name: str, *, listed: bool, jumping: bool = False) -> bool:
    """Whether the rule matches every packet from the list, apart from spared destinations. A jump may take all packets along."""
    source = rule.get("src-address-list", "")
    if source != list_name and (source or not (listed or jumping)):
        return False
    matchers = {name: value for name, value in rule.items() if name not in _NOT_MATCHERS and name != "src-address-list" and value}
    return all(name in _EXCEPT and value.startswith("!") for name, value in matchers.items())


def _spares(rule: Row, list_name: str) -> bool:
    """Whether the rule lets through nothing of a listed customer, or only what is meant to be let through."""
    if rule.get("src-address-list") == f"!{list_name}" or rule.get("ipsec-policy", "").endswith(",ipsec"):
        return True
    if rule.get("protocol") in {"udp", "tcp"} and (ports := rule.get("dst-port")) and set(ports.split(",")) <= _SPARED_PORTS:
        return True
    if (named := rule.get("dst-address-list")) and not named.startswith("!"):
        return True
    return _is_small(rule.get("dst-address", ""))


def _is_small(destination: str) -> bool:
    """Whether it is one destination of at most 65,536 public addresses, or a private one."""
    first, _, last = destination.partition("-")
    try:
        if last:
            return int(ip_address(last)) - int(ip_address(first)) < _MAX_SPARED_ADDRESSES
        network = ip_network(first, strict=False)
    except ValueError:  # empty, or negated
        return False
    return network.prefixlen > 0 and (network.is_private or network.num_addresses <= _MAX_SPARED_ADDRESSES)


def _has_wall(chains: Mapping[str, list[Row]], list_name: str) -> bool:
    """Whether there would be a wall without the rules that let through."""
    strict = {chain: [rule for rule in rules if rule.get("action", "accept") not in _LETTING_THROUGH] for chain, rules in chains.items()}
    return _passage(strict, "forward", list_name, listed=False, above=()).walled
