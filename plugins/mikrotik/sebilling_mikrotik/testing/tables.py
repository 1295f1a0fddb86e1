"""A RouterOS menu as a table: rows of raw strings with `.id`s like *1A, and fields validated as RouterOS does."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

Row = dict[str, str]
_TRUTH: Final = {"yes": "true", "true": "true", "no": "false", "false": "false"}
_RATE: Final = re.compile(r"(\d+)([kMG]?)")
_FACTOR: Final = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


class Refusal(Exception):
    """A refusal, answered as `!trap`."""

    def __init__(self, message: str, *, category: str | None = None) -> None:
        super().__init__(message)
        self.message, self.category = message, category


@dataclass(frozen=True)
class Shape:
    """Fields of a menu's rows: field → default (None: optional)."""

    fields: Mapping[str, str | None]
    key: str = "name"
    unique: tuple[str, ...] = ()
    taken: str = "failure: already have such entry"
    booleans: frozenset[str] = frozenset({"disabled"})
    rates: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset({"dynamic"})
    references: Mapping[str, str] = field(default_factory=dict)
    """Field → menu whose names are its valid values."""
    sensitive: frozenset[str] = frozenset()
    check: "Callable[[Row], None] | None" = None
    """Raises Refusal for a row whose fields contradict each other."""


@dataclass
class Table:
    """Rows of a menu. `lookup` returns another menu's table, for fields that name its rows."""

    shape: Shape
    lookup: "Callable[[str], Table]"
    rows: dict[str, Row] = field(default_factory=dict)
    named: dict[str, list[Row]] = field(default_factory=dict)
    next_id: int = 1

    def add(self, fields: Mapping[str, str], *, by_hand: bool = True) -> Row:
        """Add a row. The router itself (`by_hand=False`) may set read-only fields and repeat unique values."""
        if by_hand and (unknown := (fields.keys() - self.shape.fields.keys()) | (fields.keys() & self.shape.read_only)):
            raise Refusal(f"unknown parameter {min(unknown)}", category="5")
        row: Row = {".id": f"*{self.next_id:X}"}
        for name, default in self.shape.fields.items():
            value = fields.get(name, default)
            if value is not None:
                row[name] = self.checked(name, value)
        row |= {name: value for name, value in fields.items() if name not in row}
        if by_hand:
            self._alone(row)
        if self.shape.check is not None:
            self.shape.check(row)
        self.next_id += 1
        self.rows[row[".id"]] = row
        self.named.setdefault(row.get(self.shape.key, ""), []).append(row)
        return row

    def set(self, row: Row, fields: Mapping[str, str]) -> None:
        """Change fields of a row, all or none."""
        if unknown := (fields.keys() - self.shape.fields.keys()) | (fields.keys() & self.shape.read_only):
            raise Refusal(f"unknown parameter {min(unknown)}", category="5")
        if row.get("dynamic") == "true":
            raise Refusal("failure: can not change dynamic item", category="4")
        changed = row | {name: self.checked(name, value) for name, value in fields.items()}
        self._alone(changed)
        if self.shape.check is not None:
            self.shape.check(changed)
        key = self.shape.key
        if changed.get(key) != row.get(key):
            self._unname(row)
            self.named.setdefault(changed.get(key, ""), []).append(row)
        row |= changed

    def remove(self, row: Row) -> None:
        """Remove a row."""
        del self.rows[row[".id"]]
        self._unname(row)

    def move(self, rows: Collection[Row], number: int) -> None:
        """Move rows before the one with this number, in their order."""
        rest = [row for row in self.rows.values() if row not in rows]
        self.rows = {row[".id"]: row for row in (*rest[:number], *rows, *rest[number:])}

    def _unname(self, row: Row) -> None:
        left = [other for other in self.named.get(row.get(self.shape.key, ""), ()) if other is not row]
        if left:
            self.named[row.get(self.shape.key, "")] = left
        else:
            self.named.pop(row.get(self.shape.key, ""), None)

    def find(self, name: str) -> Row | None:
        """Return the first row with that key."""
        return next(iter(self.named.get(name, ())), None)

    def meant(self, numbers: str) -> Iterator[Row]:
        """Return the rows of a `.id` word: comma-separated ids or names. Raises Refusal if one doesn't exist."""
        matches = [self.rows.get(number) or self.find(number) for number in numbers.split(",")]
        for row in matches:
            if row is None:
                raise Refusal("no such item", category="0")
        return (row for row in matches if row is not None)

    def _alone(self, row: Row) -> None:
        if not self.shape.unique:
            return
        key = self.shape.key
        near = self.named.get(row.get(key, ""), ()) if key in self.shape.unique else self.rows.values()
        for other in near:
            if other[".id"] != row[".id"] and all(other.get(name) == row.get(name) for name in self.shape.unique):
                raise Refusal(self.shape.taken, category="4")

    def checked(self, name: str, value: str) -> str:
        """Normalize a value as RouterOS stores and prints it."""
        shape = self.shape
        if name in shape.booleans:
            if value not in _TRUTH:
                raise Refusal(f"invalid value for argument {name}", category="1")
            return _TRUTH[value]
        if name in shape.references and self.lookup(shape.references[name]).find(value) is None:
            raise Refusal(f"input does not match any value of {name}", category="1")
        if name in shape.rates:
            return _rates(name, value)
        if name in shape.addresses:
            return _address(name, value)
        return value


def _rates(name: str, value: str) -> str:
    parts = [_RATE.fullmatch(part) for part in value.split("/")]
    rates = [str(int(part[1]) * _FACTOR[part[2]]) for part in parts if part is not None]
    if len(parts) != 2 or len(rates) != 2:
        raise Refusal(f"invalid value for argument {name}", category="1")
    return "/".join(rates)


def _address(name: str, value: str) -> str:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise Refusal(f"invalid value for argument {name}", category="1") from None
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
