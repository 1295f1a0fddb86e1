"""What nft lists, parsed: the table with its sets, its chains and their rules, and what in other tables bypasses them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from typing import Final

from pydantic import JsonValue

from sebilling_nftables.faults import garbled
from sebilling_nftables.setup import FAMILY, SETS, TABLE

MARK: Final = "sebilling"
"""Elements with this comment, or with it and a colon in front of more, are SeBilling's."""
Json = Mapping[str, JsonValue]
_BITS: Final = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Element:
    """Addresses in a set, from first to last, as numbers."""

    version: int
    first: int
    last: int
    comment: str = ""
    expires: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it bears SeBilling's mark."""
        return self.comment == MARK or self.comment.startswith(f"{MARK}:")

    def __str__(self) -> str:
        first, last = (ip_address(number.to_bytes(_BITS[self.version] // 8, "big")) for number in (self.first, self.last))
        size = self.last - self.first + 1
        if size == 1:
            return str(first)
        if size & (size - 1) == 0 and self.first % size == 0:
            return f"{first}/{_BITS[self.version] - size.bit_length() + 1}"
        return f"{first}-{last}"


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A named set of the table."""

    kind: str
    flags: frozenset[str]
    merges: bool
    """`auto-merge`: neighbours become one element, and lose their comments. Known from the text only."""
    expires: bool
    elements: Sequence[Element]
    """Without overlaps, by address."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of the table. Only one with a hook sees packets by itself."""

    hook: str
    policy: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the table: matches and statements as nft writes them."""

    handle: int
    expressions: Sequence[Json]


@dataclass(frozen=True, slots=True)
class Bypass:
    """A rule of any table by which packets pass the router without its forward hook."""

    family: str
    table: str
    chain: str
    handle: int
    statement: str


@dataclass(slots=True)
class Ruleset:
    """What was read of the router."""

    version: str = ""
    has_table: bool = False
    is_dormant: bool = False
    sets: dict[str, NamedSet] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    bypasses: list[Bypass] = field(default_factory=list)

    def elements(self, version: int) -> Sequence[Element]:
        """Elements of the set of this IP version; none if there is no such set."""
        named = self.sets.get(SETS[version])
        return () if named is None else named.elements

    def add(self, listing: str, *, every_table: bool) -> None:
        """Add what `nft -j list …` printed. `every_table`: only what bypasses is taken. Raises DeviceError."""
        try:
            for kind, entry in _entries(listing):
                self._add(kind, entry, every_table=every_table)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise garbled(f"{type(error).__name__}: {error}") from None

    def add_text(self, listing: str) -> None:
        """Add what only the text of `nft list table …` tells: nft 1.0's JSON leaves out flags of a table and auto-merge."""
        inside = ""
        for line in listing.splitlines():
            words = line.split()
            if words[:1] in (["set"], ["chain"], ["map"], ["flowtable"]):
                inside = words[1] if words[0] == "set" else "-"
            elif words[:1] == ["flags"] and not inside:
                self.is_dormant = "dormant" in words[1].split(",")
            elif words == ["auto-merge"] and inside in self.sets:
                self.sets[inside] = replace(self.sets[inside], merges=True)

    def _add(self, kind: str, entry: Json, *, every_table: bool) -> None:
        if kind == "metainfo":
            self.version = str(entry.get("version", ""))
        elif kind == "rule" and every_table:
            self.bypasses += _bypasses(entry)
        elif kind == "table" and (entry["family"], entry["name"]) == (FAMILY, TABLE):
            self.has_table = True
        if every_table or (entry.get("family"), entry.get("table")) != (FAMILY, TABLE):
            return
        name = str(entry.get("name", ""))
        if kind == "set":
            self.sets[name] = _named_set(entry, next((version for version, of in SETS.items() if of == name), 0))
        elif kind == "chain":
            self.chains[name] = Chain(str(entry.get("hook", "")), str(entry.get("policy", "accept")))
        elif kind == "rule":
            self.rules.setdefault(str(entry["chain"]), []).append(Rule(_number(entry["handle"]), _objects(entry.get("expr"))))


def _entries(listing: str) -> Iterator[tuple[str, Json]]:
    document = json.loads(listing)
    for entry in document["nftables"]:
        yield from entry.items()


def _objects(value: JsonValue) -> list[Json]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _number(value: JsonValue) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no number")
    return value


def _named_set(entry: Json, version: int) -> NamedSet:
    flags = entry.get("flags", [])
    listed = entry.get("elem", []) if version else []  # of other sets the elements don't matter
    if not isinstance(listed, list):
        raise TypeError("a set's elements are no list")
    elements = sorted((_element(element, version) for element in listed), key=lambda element: element.first)
    return NamedSet(
        kind=str(entry.get("type", "")),
        flags=frozenset(map(str, flags if isinstance(flags, list) else [flags])),
        merges=False,
        expires="timeout" in entry,
        elements=elements,
    )


def _element(value: JsonValue, version: int) -> Element:
    comment, expires = "", False
    if isinstance(value, dict) and isinstance(inner := value.get("elem"), dict):
        comment, expires, value = str(inner.get("comment", "")), "timeout" in inner or "expires" in inner, inner["val"]
    first, last = _span(value, version)
    return Element(version, first, last, comment, expires)


def _span(value: JsonValue, version: int) -> tuple[int, int]:
    if value == "*":
        return 0, (1 << _BITS[version]) - 1
    if isinstance(value, str):
        return int(ip_address(value)), int(ip_address(value))
    if isinstance(value, dict) and isinstance(prefix := value.get("prefix"), dict):
        network = ip_network(f"{prefix['addr']}/{prefix['len']}")
        return int(network.network_address), int(network.broadcast_address)
    if isinstance(value, dict) and isinstance(bounds := value.get("range"), list):
        first, last = (int(ip_address(str(bound))) for bound in bounds)
        return first, last
    raise ValueError(f"an element is {value!r}")


def _bypasses(entry: Json) -> Iterator[Bypass]:
    for expression in _objects(entry.get("expr")):
        for statement in expression.keys() & {"flow", "fwd"}:
            yield Bypass(str(entry["family"]), str(entry["table"]), str(entry["chain"]), _number(entry["handle"]), statement)
