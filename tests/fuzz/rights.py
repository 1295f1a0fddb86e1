"""Documents by chance for the test of rights, and what an answer may hold: an oracle of its own.

Documents are valid, and full of what makes a selection hang on variables: @include and @skip on fields, inline fragments and spreads,
fields of one answer key several times, aliases, fragments within fragments, operations that share them. The oracle knows the tables
of tests/schema/test_matrix.py and the specification, nothing of how the server decides.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    parse,
    print_ast,
    visit,
)
from graphql.language.visitor import Visitor

from tests.schema.test_matrix import FIELD_TABLE, ROOT_TABLE
from tests.schema.two_counters import SCHEMA, call

FRAMES: Final = ("Connection", "Edge", "Payload")
SPARED: Final = {
    "signIn", "refreshSignIn", "signOut", "revokeSignIn", "revokeOtherSignIns", "changePassword", "startTotp", "confirmTotp", "disableTotp",
    "node", "nodes",
}  # fmt: skip
"""They would end the campaign's own sign-ins; or they are of an interface, and have tests of their own (tests/schema/test_nodes.py)."""
_BOOLEANS: Final = ("d0", "d1", "d2", "d3")
_MAX_DIRECTIVES: Final = 24
_MAX_ALIASES: Final = 24
_MAX_FRAGMENTS: Final = 12
_LETTERS: Final = "AFCKTU"


@dataclass(frozen=True)
class Made:
    """A document and the names of its operations."""

    text: str
    document: DocumentNode
    operations: tuple[str, ...]
    is_mutation: bool

    def values(self, chance: random.Random) -> list[dict[str, Any]]:
        """Two sets of values of the variables: the second is the first's contrary."""
        given = {name: chance.random() < 0.5 for name in _BOOLEANS}
        return [{"n": 3, **given}, {"n": 3, **{name: not value for name, value in given.items()}}]


def may_ask(letter: str, root: str) -> bool:
    return letter in ROOT_TABLE[root].upper()


def may_read(letter: str, kind: str, field: str) -> bool:
    return kind.endswith(FRAMES) or field == "__typename" or letter in FIELD_TABLE[kind, field]


class Maker:
    """Makes documents by chance: `ids` are things that are there."""

    def __init__(self, ids: dict[str, str]) -> None:
        self._ids = ids

    def make(self, seed: int) -> Made:
        """The document of this number."""
        chance = random.Random(seed)
        is_mutation = chance.random() < 0.1
        writer = _Writer(chance, self._ids, chance.choice(_LETTERS))
        kind = SCHEMA.mutation_type if is_mutation else SCHEMA.query_type
        names = ["A", "B"] if not is_mutation and chance.random() < 0.15 else ["A"]
        bodies = [writer.roots(kind, 1 if is_mutation else chance.randint(1, 3)) for _ in names]
        spread = {one for body in bodies for one in writer.fragments if f"...{one} " in body}
        if len(names) == 2 and (shared := [one for one in spread if writer.fragments[one].startswith("on Query")]):
            bodies[1] += f" ...{chance.choice(sorted(shared))} "
        fragments = " ".join(f"fragment {name} {text}" for name, text in writer.fragments.items())
        word = "mutation" if is_mutation else "query"
        bare = parse(" ".join(f"{word} {name} {{ {body} }}" for name, body in zip(names, bodies, strict=True)) + " " + fragments)
        heads = [_declared(one, bare) for one in bare.definitions if isinstance(one, OperationDefinitionNode)]
        text = (
            " ".join(f"{word} {name}{head} {{ {body} }}" for name, head, body in zip(names, heads, bodies, strict=True)) + " " + fragments
        )
        return Made(text, parse(text), tuple(names), is_mutation)


class _Writer:
    def __init__(self, chance: random.Random, ids: dict[str, str], letter: str) -> None:
        self._chance = chance
        self._ids = ids
        self._letter = letter
        self._directives = self._aliases = 0
        self._known: list[tuple[str, GraphQLObjectType]] = []
        self.fragments: dict[str, str] = {}

    def roots(self, kind: GraphQLObjectType, count: int) -> str:
        """Root fields, each some times under its key; also under keys of the operation before, whose fragments may be spread."""
        chance, parts = self._chance, []
        for _ in range(count):
            is_known = bool(self._known) and chance.random() < 0.6
            written, below = chance.choice(self._known) if is_known else self._root(kind, is_alone=count == 1)
            is_payload = below.name.endswith("Payload")
            for time in range(chance.choice([1, 1, 2, 3])):
                is_bare = is_payload and time == 0  # a mutation always tells its errors
                inner = f"{{ {'errors { code } ' if is_bare else ''}{self.selection(below, 4)} }}"
                one = f"{written}{'' if is_bare else self._directive()} {inner}"
                parts.append(one if is_bare else self._wrapped(one, kind))
        chance.shuffle(parts)
        return " ".join(parts)

    def _root(self, kind: GraphQLObjectType, *, is_alone: bool) -> tuple[str, GraphQLObjectType]:
        """A root field with its key and arguments, and its type. The same key comes with the same arguments."""
        chance = self._chance
        names = [name for name in kind.fields if name not in SPARED]
        allowed = [name for name in names if may_ask(self._letter, name)]
        name = chance.choice(allowed if allowed and chance.random() < 0.92 else names)
        written = call(name, self._ids, "@@", optional=chance.random() < 0.3).partition("{ ")[2].removesuffix(" @@ }")
        if "first" in kind.fields[name].args:
            first = chance.choice(["first: 3", "first: $n"])
            written = f"{written[:-1]}, {first})" if written.endswith(")") else f"{written}({first})"
        alias = "" if is_alone and not self._known and chance.random() < 0.5 else f"r{len(self._known)}: "
        self._known.append((f"{alias}{written}", get_named_type(kind.fields[name].type)))
        return self._known[-1]

    def selection(self, kind: GraphQLObjectType, depth: int) -> str:
        """What is selected of a type; something in it is always there."""
        chance = self._chance
        names = [
            name for name, field in kind.fields.items()
            if not field.args and (depth > 0 or not isinstance(get_named_type(field.type), GraphQLObjectType))
        ]  # fmt: skip
        allowed = [name for name in names if may_read(self._letter, kind.name, name)]
        parts = ["__typename"]
        for _ in range(chance.randint(1, 4)):
            pool = allowed if allowed and chance.random() < 0.985 else names
            if not pool:
                break
            name = chance.choice(pool)
            below, alias = get_named_type(kind.fields[name].type), self._alias(name)
            for _ in range(2 if chance.random() < 0.15 else 1):  # the same key twice
                inner = f" {{ {self.selection(below, depth - 1)} }}" if isinstance(below, GraphQLObjectType) else ""
                parts.append(self._wrapped(f"{alias}{name}{self._directive()}{inner}", kind))
        return " ".join(parts)

    def _alias(self, name: str) -> str:
        if self._aliases >= _MAX_ALIASES or self._chance.random() > 0.1:
            return ""
        self._aliases += 1
        return f"a_{name}: "

    def _wrapped(self, part: str, kind: GraphQLObjectType) -> str:
        """The part as it is, in an inline fragment, or in a named one, or in several."""
        chance = self._chance
        which = chance.random()
        if which < 0.12:
            condition = f" on {kind.name}" if chance.random() < 0.5 else ""
            return self._wrapped(f"...{condition}{self._directive()} {{ __typename {part} }}", kind)
        if which < 0.24 and len(self.fragments) < _MAX_FRAGMENTS:
            name = f"F{len(self.fragments)}"
            self.fragments[name] = f"on {kind.name} {{ __typename {part} }}"
            again = f" ...{name} {self._directive()}" if chance.random() < 0.3 else ""
            return f"...{name} {self._directive()}{again}"
        return part

    def _directive(self) -> str:
        chance = self._chance
        if self._directives >= _MAX_DIRECTIVES or chance.random() > 0.3:
            return ""
        words = chance.sample(["include", "skip"], chance.choice([1, 1, 1, 2]))
        self._directives += len(words)
        return "".join(f" @{word}(if: {self._condition()})" for word in words)

    def _condition(self) -> str:
        chance = self._chance
        return f"${chance.choice(_BOOLEANS)}" if chance.random() < 0.85 else chance.choice(["true", "false"])


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.spread: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.spread.add(node.name.value)


def _declared(operation: OperationDefinitionNode, document: DocumentNode) -> str:
    """The declarations of what an operation uses, in its fragments too."""
    fragments = fragments_of(document)
    names: set[str] = set()
    waiting, seen = [operation.selection_set], set[str]()
    while waiting:
        found = _Variables()
        visit(waiting.pop(), found)
        names |= found.names
        waiting += [fragments[name].selection_set for name in found.spread - seen]
        seen |= found.spread
    types = {"n": "Int!", "d3": "Boolean = false"}
    written = ", ".join(f"${name}: {types.get(name, 'Boolean!')}" for name in sorted(names))
    return f"({written})" if names else ""


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


Chosen = dict[str, tuple[str, list[SelectionSetNode]]]
"""Answer key → the field's name, and what is selected below it."""


class Oracle:
    """What a document selects, with these values of its variables; with None all that it could select."""

    def __init__(self, document: DocumentNode, operation: str, values: dict[str, Any] | None) -> None:
        self._fragments = fragments_of(document)
        self._values = values
        definitions = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        self._operation = next(one for one in definitions if one.name is not None and one.name.value == operation)

    def roots(self) -> Chosen:
        return self.chosen([self._operation.selection_set])

    def chosen(self, sets: Sequence[SelectionSetNode]) -> Chosen:
        found: Chosen = {}
        for one in sets:
            for node in self._fields(one):
                _, below = found.setdefault((node.alias or node.name).value, (node.name.value, []))
                if node.selection_set is not None:
                    below.append(node.selection_set)
        return found

    def _fields(self, selected: SelectionSetNode) -> Iterator[FieldNode]:
        for node in selected.selections:
            if not self._is_on(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._fields(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self._fields(self._fragments[node.name.value].selection_set)

    def _is_on(self, node: Any) -> bool:
        if self._values is None:
            return True
        for directive in node.directives or ():
            condition = directive.arguments[0].value
            value = condition.value if isinstance(condition, BooleanValueNode) else self._values[condition.name.value]
            if value == (directive.name.value == "skip"):
                return False
        return True

    def below(self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> Iterator[tuple[str, str]]:
        """Every type and field that is selected."""
        for name, deeper in self.chosen(sets).values():
            yield kind.name, name
            if name != "__typename" and isinstance(target := get_named_type(kind.fields[name].type), GraphQLObjectType):
                yield from self.below(target, deeper)

    def read(
        self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode], data: Any, path: tuple[str | int, ...]
    ) -> Iterator[tuple[tuple[str | int, ...], str, str, Any]]:
        """Every path, type, field and value that an answer tells below a path. It must have exactly the keys that are selected."""
        if isinstance(data, list):
            for at, one in enumerate(data):
                yield from self.read(kind, sets, one, (*path, at))
            return
        if data is None:
            return
        chosen = self.chosen(sets)
        assert set(data) == set(chosen), f"{kind.name}: {sorted(data)} instead of {sorted(chosen)}"
        for key, (name, deeper) in chosen.items():
            yield (*path, key), kind.name, name, data[key]
            if name != "__typename" and isinstance(target := get_named_type(kind.fields[name].type), GraphQLObjectType):
                yield from self.read(target, deeper, data[key], (*path, key))

    def pruned(self) -> str:
        """The operation with what is selected written out, without any directive, fragment or variable but `n`."""
        root = SCHEMA.get_root_type(self._operation.operation)
        arguments = {(node.alias or node.name).value: node.arguments for node in self._fields(self._operation.selection_set)}
        parts = []
        for key, (name, sets) in self.roots().items():
            given = ", ".join(print_ast(one) for one in arguments[key] or ()).replace("$n", "3")
            target = get_named_type(root.fields[name].type) if name != "__typename" else None
            parts.append(f"{key}: {name}{f'({given})' if given else ''}{self._written(target, sets)}")
        return f"{self._operation.operation.value} {{ {' '.join(parts)} }}"

    def _written(self, kind: Any, sets: Sequence[SelectionSetNode]) -> str:
        if not isinstance(kind, GraphQLObjectType):
            return ""
        parts = []
        for key, (name, deeper) in self.chosen(sets).items():
            target = get_named_type(kind.fields[name].type) if name != "__typename" else None
            parts.append(f"{'' if key == name else f'{key}: '}{name}{self._written(target, deeper)}")
        return f" {{ {' '.join(parts)} }}"
