"""Requests by chance: valid documents made from the schema itself, and everything that is wrong in one way or another.

Each is made from a seed, so that one that breaks something can be sent again.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

_ODD_TEXTS: Final = (
    "", " ", "0", "a" * 300, "x" * 5_000, "Budi", "\x00", "Bu\x00di", "\u202eidub", "😀" * 20, "'; DROP TABLE invoice; --", "%", "_", "\\",
    "\ufffe", "\x1b[31m", "{}", "null", "../../etc/passwd", "2026-02", "2026-13", "9999-12-31", "0000-00-00", "-1", "1e400", "é", "\n",
    "\u2028", "cus_1", "cus_99999999999999999999", "inv_1", "sbt_x", "eyJ9", "WyJuZXdlc3QiLDEsMV0", "\u0661\u0662",
)  # fmt: skip
_ODD_NUMBERS: Final = (0, 1, -1, 2, 50, 200, 201, 150_000, 2**31 - 1, 2**31, -(2**31) - 1, 10**12, 10**12 + 1, 2**63 - 1, 2**63, 10**40)
_IDS: Final = {
    "customerId": "cus", "counterId": "cou", "planId": "pla", "invoiceId": "inv", "paymentId": "pay", "depositId": "dep", "deviceId": "dev",
    "userId": "usr", "runId": "run", "collectorId": "usr",
}  # fmt: skip


@dataclass
class Sent:
    """One request of the campaign."""

    kind: str
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    signed_in: bool = True


class Documents:
    """Makes requests by chance. `spared` are root fields that would end the campaign, such as signing out."""

    def __init__(self, schema: GraphQLSchema, *, spared: frozenset[str]) -> None:
        self._schema = schema
        self._spared = spared
        self._makers: list[tuple[int, Callable[[random.Random], Sent]]] = [
            (40, self.query), (25, self.mutation), (6, self.wrong_types), (4, self.odd_variables), (3, self.deep), (3, self.wide),
            (3, self.circular), (3, self.huge), (6, self.malformed), (3, self.torn_json), (2, self.foreign), (2, self.introspective),
        ]  # fmt: skip

    def make(self, seed: int) -> Sent:
        """The request of this number."""
        chance = random.Random(seed)
        (maker,) = chance.choices([one for _, one in self._makers], [weight for weight, _ in self._makers])
        return maker(chance)

    def query(self, chance: random.Random) -> Sent:
        """A valid query of one to three root fields, with aliases, fragments and directives."""
        return self._valid(chance, self._schema.query_type, "query", chance.randint(1, 3))

    def mutation(self, chance: random.Random) -> Sent:
        """A valid mutation; what it asks for is mostly refused by the domain."""
        return self._valid(chance, self._schema.mutation_type, "mutation", chance.randint(1, 2))

    def _valid(self, chance: random.Random, root: Any, word: str, count: int) -> Sent:
        parts = _Parts(self._schema, chance)
        names = [name for name in root.fields if name not in self._spared]
        chosen = [parts.field(root, chance.choice(names), chance.randint(1, 5), alias=f"r{number}") for number in range(count)]
        variables = f"({', '.join(parts.declared)})" if parts.declared else ""
        document = f"{word} F{variables} {{ {' '.join(chosen)} }} {' '.join(parts.fragments)}"
        return _sent(f"valid {word}", document, parts.values, chance)

    def wrong_types(self, chance: random.Random) -> Sent:
        """A valid document whose variables have other types than it says."""
        sent = self.mutation(chance) if chance.random() < 0.5 else self.query(chance)
        body = json.loads(sent.content)
        for name in body["variables"]:
            if chance.random() < 0.7:
                body["variables"][name] = _anything(chance, 3)
        return Sent("wrong types", json.dumps(body).encode())

    def odd_variables(self, chance: random.Random) -> Sent:
        """Variables that are missing, too many, deep or enormous."""
        body = json.loads(self.mutation(chance).content)
        which = chance.randrange(5)
        if which == 0:
            body["variables"] = {}
        elif which == 1:
            body["variables"] |= {f"x{number}": _anything(chance, 2) for number in range(chance.choice([1, 100, 3_000]))}
        elif which == 2:
            deep: Any = 1
            for _ in range(chance.choice([5, 50, 400])):
                deep = [deep] if chance.random() < 0.5 else {"a": deep}
            body["variables"] = dict.fromkeys(body["variables"] or ["a"], deep)
        elif which == 3:
            body["variables"] = {name: {f"k{number}": number for number in range(5_000)} for name in body["variables"]}
        else:
            body["variables"] = chance.choice([None, [], "x", 5, {"": 1}, {"é\x00": None}])
        return Sent("odd variables", json.dumps(body).encode())

    def deep(self, chance: random.Random) -> Sent:
        """Selections, lists or objects within each other."""
        levels = chance.choice([9, 11, 30, 100, 400])
        document = chance.choice([
            "{ customers { nodes { " + "openInvoices { customer { " * levels + "id" + " } }" * levels + " } } }",
            "{ a " * levels + "}" * levels,
            "{ customers(filter: " + "[" * levels + "]" * levels + ") { nodes { id } } }",
            "{ customers(filter: " + "{a: " * levels + "1" + "}" * levels + ") { nodes { id } } }",
            "query($a: " + "[" * levels + "Int" + "]" * levels + ") { me { username } }",
            "{ me { " + "... { " * levels + "role" + " }" * levels + " } }",
        ])  # fmt: skip
        return _sent("deep", document, {}, chance)

    def wide(self, chance: random.Random) -> Sent:
        """Many aliases, fields, operations, arguments, variables or directives."""
        many = chance.choice([10, 31, 100, 600])
        document = chance.choice([
            "{ " + " ".join(f"a{n}: me {{ username }}" for n in range(many)) + " }",
            "{ me { " + " ".join(f"a{n}: role" for n in range(many)) + " } }",
            "{ me { " + "role " * many + "} }",
            "mutation { " + " ".join(f'a{n}: openPeriod(input: {{month: "x"}}) {{ errors {{ code }} }}' for n in range(many)) + " }",
            " ".join(f"query Q{n} {{ me {{ username }} }}" for n in range(many)),
            "{ customers(" + " ".join(f"a{n}: 1" for n in range(many)) + ") { totalCount } }",
            "{ customers(filter: {" + " ".join(f"a{n}: 1" for n in range(many)) + "}) { totalCount } }",
            "query(" + " ".join(f"$v{n}: Int" for n in range(many)) + ") { me { username } }",
            "{ me { role " + "@skip(if: false) " * many + "} }",
            "{ customers { nodes { " + " ".join(f"nothing{n}" for n in range(many)) + " } } }",
        ])  # fmt: skip
        return _sent("wide", document, {}, chance)

    def circular(self, chance: random.Random) -> Sent:
        """Fragments within themselves, missing, unused, doubling, or on types that don't fit."""
        count = chance.choice([1, 2, 5, 25])
        doubled = " ".join(f"fragment F{n} on Me {{ ...F{n + 1} ...F{n + 1} }}" for n in range(count))
        document = chance.choice([
            "{ me { ...F0 } } " + " ".join(f"fragment F{n} on Me {{ role ...F{(n + 1) % count} }}" for n in range(count)),
            f"{{ me {{ ...F0 }} }} {doubled} fragment F{count} on Me {{ role }}",
            f"{{ me {{ ...F0 }} }} {doubled}",
            "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ {' '.join(f'...F{m}' for m in range(count))} }}" for n in range(count)),
            "{ me { ...F0 } } fragment F0 on Invoice { id }",
            "{ me { ...on Invoice { id } ...on Nothing { id } } }",
            "{ me { username } } fragment F0 on Me { role }",
        ])  # fmt: skip
        return _sent("circular", document, {}, chance)

    def huge(self, chance: random.Random) -> Sent:
        """More than anybody needs, of one thing or another."""
        much = chance.choice([2_100, 19_000, 100_000, 300_000])
        document = chance.choice([
            "{ me { username } } #" + "x" * much,
            '{ customers(filter: {search: "' + "x" * much + '"}) { nodes { id } } }',
            "{ customers(first: " + "9" * much + ") { nodes { id } } }",
            "{ " + "x" * much + " }",
            "{" * much,
            '{ me(a: """' + '"' * much,
            "{ customers(first: 200) { nodes { openInvoices { lines { amount } payments { allocations { invoice { number } } } } } } }",
        ])  # fmt: skip
        return _sent("huge", document, {}, chance)

    def malformed(self, chance: random.Random) -> Sent:
        """A valid document with characters taken away, added or changed."""
        body = json.loads(self.query(chance).content)
        letters = list(body["query"])
        for _ in range(chance.randint(1, 8)):
            place = chance.randrange(len(letters))
            letters[place : place + chance.randint(0, 3)] = chance.choice(
                ["", "{", "}", "(", ":", "$", "\x00", "\ufeff", "é", '"', "…", "@", "\\u"]
            )
            letters = letters or [" "]
        body["query"] = "".join(letters)
        return Sent("malformed", json.dumps(body).encode())

    def torn_json(self, chance: random.Random) -> Sent:
        """A body that is no JSON, or JSON that is no request."""
        whole = self.query(chance).content
        content = chance.choice([
            whole[: chance.randrange(len(whole))], b"", b"null", b"[]", b"[" * 50_000, b"{}", b'{"query": 5}', b'{"query": ["a"]}',
            b'{"query": "\\ud800"}', b"\xff\xfe\x00", b'{"query": "{ me { role } }", "variables": {"a": NaN}}', b"[" + whole + b"]",
            b'{"query": "{ me { role } }", "operationName": {"a": 1}}', b'{"query": "{ me { role } }", "extensions": 3}', b"\x00" * 100,
            b'{"query": "{ me { role } }", "operationName": "\\u0000"}', b'{"documentId": "a"}', whole.decode().encode("utf-16"),
            b'{"query": "query A { me { role } } query B { me { role } }"}', b'{"query": "fragment A on User { id }"}',
            b'{"query": " # only"}', b'{"query": "type A { a: Int }"}', b'{"query": "subscription { nothing }"}', b"1" * 100_000,
        ])  # fmt: skip
        return Sent("torn JSON", content)

    def foreign(self, chance: random.Random) -> Sent:
        """Other methods, content types and headers than anybody needs."""
        whole = self.query(chance).content
        types = ["text/plain", "", "application/xml", "multipart/form-data", "x" * 3_000]
        return chance.choice([
            Sent("foreign", whole, {"content-type": chance.choice(types)}),
            Sent("foreign", whole, method=chance.choice(["PUT", "DELETE", "PATCH", "OPTIONS"])),
            Sent("foreign", whole, {"accept-language": "\xe9" * 100, "authorization": "Bearer " + "x" * 5_000}),
            Sent("foreign", whole, {"authorization": chance.choice(["Bearer", "Basic YTpi", "Bearer \xff", "Bearer sbt_x"])}),
            Sent("foreign", whole, {"accept": "text/event-stream"}),
            Sent("foreign", whole, signed_in=False),
        ])  # fmt: skip

    def introspective(self, chance: random.Random) -> Sent:
        """The schema asked about itself."""
        around = chance.randint(0, 8)
        document = chance.choice([
            "{ __schema { types { " + "fields { type { " * around + "name" + " } }" * around + " } } }",
            '{ __type(name: "\\u0000") { name } }', "{ __schema { types { name fields { name args { name type { name } } } } } }",
            " ".join(["{"] + [f"a{n}: __schema {{ types {{ name }} }}" for n in range(around * 5)] + ["__typename }"]),
        ])  # fmt: skip
        return _sent("introspective", document, {}, chance)


def _sent(kind: str, document: str, variables: Any, chance: random.Random) -> Sent:
    body: dict[str, Any] = {"query": document, "variables": variables}
    if chance.random() < 0.1:
        body["operationName"] = chance.choice(["F", "nothing", None])
    return Sent(kind, json.dumps(body).encode())


def _anything(chance: random.Random, depth: int) -> Any:
    which = chance.randrange(7 if depth else 5)
    if which == 5:
        return [_anything(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    if which == 6:
        return {chance.choice(["id", "amount", "", "é"]): _anything(chance, depth - 1) for _ in range(chance.randint(0, 3))}
    return [None, chance.random() < 0.5, chance.choice(_ODD_NUMBERS), chance.uniform(-1e6, 1e6), chance.choice(_ODD_TEXTS)][which]


def _literal(value: Any, kind: Any) -> str | None:
    """A value as it is written in a document; None for what has no one way to be written."""
    named = get_named_type(kind)
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str):
        return value if isinstance(named, GraphQLEnumType) else json.dumps(value)
    if isinstance(value, list):
        written = [_literal(one, kind) for one in value]
        return None if None in written else f"[{', '.join(map(str, written))}]"
    if not isinstance(named, GraphQLInputObjectType):
        return None
    entries = {name: _literal(one, named.fields[name].type) for name, one in value.items()}
    return None if None in entries.values() else "{" + ", ".join(f"{name}: {one}" for name, one in entries.items()) + "}"


class _Parts:
    """One valid document in the making: its selections, its variables, its fragments."""

    def __init__(self, schema: GraphQLSchema, chance: random.Random) -> None:
        self._schema = schema
        self._chance = chance
        self.declared: list[str] = []
        self.values: dict[str, Any] = {}
        self.fragments: list[str] = []

    def field(self, parent: Any, name: str, depth: int, *, alias: str = "") -> str:
        definition, chance = parent.fields[name], self._chance
        given = []
        for argument, one in definition.args.items():
            if isinstance(one.type, GraphQLNonNull) or chance.random() < 0.5:
                value = self.value(one.type, argument, 4)
                if chance.random() < 0.25 and (literal := _literal(value, one.type)) is not None:
                    given.append(f"{argument}: {literal}")
                    continue
                number = len(self.declared)
                self.declared.append(f"$v{number}: {one.type}")
                self.values[f"v{number}"] = value
                given.append(f"{argument}: $v{number}")
        kind = get_named_type(definition.type)
        below = "" if is_leaf_type(kind) else f" {{ {self.selection(kind, depth - 1)} }}"
        skipped = f" @include(if: {str(chance.random() < 0.5).lower()})" if not alias and chance.random() < 0.03 else ""
        label = f"{alias}: " if alias else f"x{chance.randrange(10**6)}: " if chance.random() < 0.05 else ""
        arguments = f"({', '.join(given)})" if given else ""
        return f"{label}{name}{arguments}{skipped}{below}"

    def selection(self, kind: Any, depth: int) -> str:
        chance = self._chance
        names = [name for name, one in kind.fields.items() if depth > 0 or is_leaf_type(get_named_type(one.type))]
        chosen = chance.sample(names, min(len(names), chance.randint(1, 5)))
        written = " ".join(self.field(kind, name, depth) for name in chosen) or "__typename"
        if isinstance(kind, GraphQLObjectType) and chance.random() < 0.1 and "$" not in written:
            self.fragments.append(f"fragment P{len(self.fragments)} on {kind.name} {{ {written} }}")
            return f"...P{len(self.fragments) - 1} __typename"
        return f"...on {kind.name} {{ {written} }}" if chance.random() < 0.05 else written

    def value(self, kind: Any, name: str, depth: int) -> Any:
        chance = self._chance
        if isinstance(kind, GraphQLNonNull):
            return self.value(kind.of_type, name, depth)
        if chance.random() < 0.05:
            return None
        if isinstance(kind, GraphQLList):
            return [self.value(kind.of_type, name.removesuffix("s"), depth - 1) for _ in range(chance.randint(0, 3))]
        if isinstance(kind, GraphQLInputObjectType):
            return {
                field: self.value(one.type, field, depth - 1)
                for field, one in kind.fields.items()
                if isinstance(one.type, GraphQLNonNull) or (depth > 0 and chance.random() < 0.5)
            }
        if isinstance(kind, GraphQLEnumType):
            return chance.choice(list(kind.values))
        return self.scalar(kind.name, name)

    def scalar(self, kind: str, name: str) -> Any:
        chance, odd = self._chance, self._chance.random() < 0.15
        if kind in {"Int", "Rupiah"}:
            return chance.choice(_ODD_NUMBERS) if odd else chance.choice([1, 2, 5, 50, 150_000])
        if kind == "Boolean":
            return chance.random() < 0.5
        if kind == "JSON":
            return _anything(chance, 3)
        if odd:
            return chance.choice(_ODD_TEXTS)
        if kind == "ID":
            return f"{_IDS.get(name, chance.choice(list(_IDS.values())))}_{chance.randint(1, 12)}"
        usual = {"Month": "2026-02", "Date": f"2026-02-{chance.randint(1, 28):02d}", "DateTime": "2026-02-03T00:00:00Z", "Rate": "11"}
        return usual.get(kind, f"text {chance.randrange(10**9)}")
