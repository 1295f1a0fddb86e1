"""Regular expressions of the code: where they are, how they are used, and whether matching takes linear time.

A backtracking matcher tries, at worst, every way in which a text can be read. Their number grows no faster than the text if and only if
the expression's automaton has no two loops p and q, the second reachable from the first, and a word that goes from p to p, from p to q
and from q to q (Weber and Seidl 1991: such a pair makes it ambiguous without bound). A search may begin anywhere, which is a loop before
the expression. `fault` looks for such a pair; what it can't follow (back references) it refuses. Assertions are passed as if they held,
but for those at the begin, which say where a search may start.
"""

import ast
import functools
import importlib
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

parser: Any = vars(re)["_parser"]
METHODS: Final = {"match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
_USED: Final = re.compile(rf"\bimport re\b|\.(?:{'|'.join(sorted(METHODS - {'split'}))})\(")
"""In the text of a file that has expressions or uses some; `split` is used by none without `import re`."""
ROOT: Final = Path(__file__).parents[1]
MAX_STATES: Final = 3_000
LETTERS: Final = [chr(code) for code in range(256)] + list("ıſKé٣\u2003\u2028漢\uffff")

# Every repetition in them is possessive and every part begins with a letter of its own, so that they take nothing back; `fault` would
# have to know that. They are timed like the others (tests/attacks/test_patterns.py).
POSSESSIVE: Final = {"sebilling/billing/imports/systems/sql_dump.py"}

# Made of what is known only when they run: one of the kind.
SAMPLES: Final = {
    ("sebilling/billing/pricing.py", "f':{parameter.key}\\\\b'"): r":period\b",
    ("plugins/olt/sebilling_olt/login.py", "f'({re.escape(match[1])})((?:\\\\([\\\\w ./:_-]{{1,60}}\\\\))?)([>#])'"):
        r"(MA5608T)((?:\([\w ./:_-]{1,60}\))?)([>#])",
    ("plugins/olt/sebilling_olt/templates.py", "pattern"): r"ont ([1-9][0-9]*) state ([1-9][0-9]*)",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """An expression in the code."""

    where: str
    pattern: re.Pattern[Any]
    modes: frozenset[str]
    """How it is used: `fullmatch`, `match` or `search`."""

    def __str__(self) -> str:
        return self.where


def sources() -> list[Path]:
    """Files whose expressions may meet input."""
    return sorted(
        [*(ROOT / "sebilling").rglob("*.py"), *(path for path in ROOT.glob("plugins/*/sebilling_*") for path in path.rglob("*.py"))]
    )


def found() -> Iterator[Found]:
    """Every expression. Raises ValueError for one that can't be worked out and has no sample."""
    trees = {path: ast.parse(text) for path in sources() if _USED.search(text := path.read_text(encoding="utf-8"))}
    uses = {path: list(_uses(tree)) for path, tree in trees.items()}
    for path, tree in trees.items():
        names = _names(tree)
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re"):
                continue
            if node.func.attr == "compile":
                name = names.get(node, "")
                near = uses[path] if name.startswith("_") else [use for several in uses.values() for use in several]
                modes = {_mode(method) for used, method in near if used == name} or {"search"}
            elif node.func.attr in METHODS:
                modes = {_mode(node.func.attr)}
            else:
                continue
            if node.func.attr != "compile" and ast.unparse(node.args[0]).startswith("_"):  # one that was compiled
                continue
            yield Found(f"{path.relative_to(ROOT)}:{node.lineno}", _compiled(path, node), frozenset(modes))


def _mode(method: str) -> str:
    return method if method in {"match", "fullmatch"} else "search"


def _uses(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            yield ast.unparse(node.value).rpartition(".")[2], node.attr


def _names(tree: ast.AST) -> dict[ast.AST, str]:
    """What each compiled expression is called."""
    names: dict[ast.AST, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            names[node.value] = ast.unparse(target).rpartition(".")[2]
        elif isinstance(node, ast.keyword) and node.arg is not None:
            names[node.value] = node.arg
    return names


def _compiled(path: Path, node: ast.Call) -> re.Pattern[Any]:
    relative = str(path.relative_to(ROOT))
    source = ast.unparse(node.args[0])
    flags = [one.value for one in node.keywords if one.arg == "flags"]
    place = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(ast.unparse(node.func).rpartition(".")[2], 2)
    flags += node.args[place : place + 1]
    if (relative, source) in SAMPLES:
        return re.compile(SAMPLES[relative, source])
    start = "sebilling" if relative.startswith("sebilling") else relative.split("/")[2]
    parts = path.with_suffix("").parts
    module = importlib.import_module(".".join(part for part in parts[parts.index(start, len(ROOT.parts)) :] if part != "__init__"))
    try:
        values = [eval(ast.unparse(one), vars(module)) for one in (node.args[0], *flags)]  # noqa: S307 - our own source
    except NameError as error:
        raise ValueError(f"{relative}:{node.lineno}: give a sample of {source}") from error
    return re.compile(*values)


# --- the automaton ---------------------------------------------------------------------------------------------------------


@dataclass
class _Graph:
    """States with edges that read nothing, and edges that read a letter of a set (a bit for each class of letters)."""

    masks: Callable[[Any], int]
    silent: list[list[int]] = field(default_factory=list)
    reading: list[list[tuple[int, int]]] = field(default_factory=list)

    def state(self) -> int:
        self.silent.append([])
        self.reading.append([])
        if len(self.silent) > MAX_STATES:
            raise Unfit("it counts too far: a repetition of hundreds within another")
        return len(self.silent) - 1

    def build(self, items: Sequence[Any], at: int) -> int:
        for operation, value in items:
            at = self._step(str(operation), value, at)
        return at

    def _step(self, operation: str, value: Any, at: int) -> int:
        if operation in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
            end = self.state()
            self.reading[at].append((self.masks((operation, value)), end))
            return end
        if operation in {"SUBPATTERN", "ATOMIC_GROUP"}:
            return self.build(value[-1] if operation == "SUBPATTERN" else value, at)
        if operation == "BRANCH":
            end = self.state()
            for branch in value[1]:
                begin = self.state()
                self.silent[at].append(begin)
                self.silent[self.build(branch, begin)].append(end)
            return end
        if operation in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            least, most, items = value
            return self._repeat(least, most, items, at)
        if operation in {"AT", "ASSERT", "ASSERT_NOT"}:
            return at
        raise Unfit(f"{operation} can't be followed")

    def _repeat(self, least: int, most: Any, items: Sequence[Any], at: int) -> int:
        for _ in range(least):
            at = self.build(items, at)
        end = self.state()
        if most is parser.MAXREPEAT:
            loop = self.state()
            self.silent[at].append(loop)
            begin = self.state()
            self.silent[loop] += [begin, end]
            self.silent[self.build(items, begin)].append(loop)
            return end
        for _ in range(int(most) - least):
            self.silent[at].append(end)
            begin = self.state()
            self.silent[at].append(begin)
            at = self.build(items, begin)
        self.silent[at].append(end)
        return end


class Unfit(Exception):
    """Why an expression isn't linear, or can't be shown to be."""


def fault(pattern: re.Pattern[Any], mode: str) -> str:
    """Why matching may take more than linear time; empty if it doesn't."""
    tree = list(parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags))
    try:
        for items in _alternatives(tree):
            _check(pattern, items, mode)
    except Unfit as error:
        return str(error)
    return ""


def _alternatives(items: list[Any]) -> Iterator[list[Any]]:
    """The expression's branches, as far as they stand at its begin."""
    if items and str(items[0][0]) == "SUBPATTERN":
        yield from _alternatives([*items[0][1][-1], *items[1:]])
    elif items and str(items[0][0]) == "BRANCH":
        for branch in items[0][1][1]:
            yield from _alternatives([*branch, *items[1:]])
    else:
        yield items


def _check(pattern: re.Pattern[Any], items: list[Any], mode: str) -> None:
    classes = _Classes(pattern, items)
    graph = _Graph(classes.mask)
    start = graph.state()
    accept = graph.build(items, start)
    follow = _followed(graph)
    edges: dict[Any, list[tuple[int, Any]]] = {
        state: [edge for silent, count in follow[state].items() for edge in graph.reading[silent]] for state in follow
    }
    repeated = {
        state: {target for silent, count in follow[state].items() if count > 1 for _, target in graph.reading[silent]} for state in follow
    }
    if not _has_condition_at_end(items):  # who gets to one of these doesn't fail any more
        safe = {state for state in edges if accept in follow[state]}
        while len(fewer := {state for state in safe if _stays(edges[state], safe, classes, mode)}) < len(safe):
            safe = fewer
        edges = {state: [edge for edge in several if edge[1] not in safe] for state, several in edges.items()}
    if mode == "search":
        _add_begin(edges, classes, items, start)
    loops = _loops(edges)
    for state, targets in repeated.items():
        for target in targets:
            if state in loops and loops[state] == loops.get(target):
                raise Unfit("a repetition within a repetition can be read in two ways")
    for p in loops:
        for q in loops:
            if p != q and _is_pumped(edges, loops, p, q):
                raise Unfit(f"two repetitions take the same text ({classes.shown(edges, q)}): bound one, or keep them apart")


def _stays(edges: Sequence[tuple[int, Any]], safe: set[Any], classes: "_Classes", mode: str) -> bool:
    """Whether everything that follows is safe too; of a whole match, whatever the next letter is."""
    taken = functools.reduce(operator.or_, (mask for mask, _ in edges), 0)
    return all(target in safe for _, target in edges) and (mode != "fullmatch" or taken == classes.everything)


def _followed(graph: _Graph) -> dict[int, dict[int, int]]:
    """For each state, the states that are reached without reading, and by how many ways (2: several)."""
    known: dict[int, dict[int, int]] = {}
    open_ones: set[int] = set()

    def ways(state: int) -> dict[int, int]:
        if state in known:
            return known[state]
        if state in open_ones:
            raise Unfit("a repetition of what may be empty")
        open_ones.add(state)
        reached = {state: 1}
        for target in graph.silent[state]:
            for further, count in ways(target).items():
                reached[further] = min(2, reached.get(further, 0) + count)
        open_ones.discard(state)
        known[state] = reached
        return reached

    for state in reversed(range(len(graph.silent))):
        ways(state)
    return known


def _has_condition_at_end(items: Sequence[Any]) -> bool:
    text = str(items[1:] if items and str(items[0][0]) in {"AT", "ASSERT", "ASSERT_NOT"} else items)
    return "AT_END" in text or "ASSERT" in text or text.count("AT_BOUNDARY") + text.count("AT_NON_BOUNDARY") > 0


def _add_begin(edges: dict[Any, list[tuple[int, Any]]], classes: "_Classes", items: Sequence[Any], start: int) -> None:
    """A search tries each place: those where the expression's first condition on the letter before holds."""
    inside, wanted = classes.before(items, edges[start])
    outside = classes.everything & ~inside
    first = list(edges[start])
    edges["in"] = [(inside, "in"), (outside, "out"), *(first if wanted in {True, None} else [])]
    edges["out"] = [(inside, "in"), (outside, "out"), *(first if wanted in {False, None} else [])]
    if wanted is None:
        edges["in"] = [(classes.everything, "in"), *first]
        del edges["out"]


def _loops(edges: dict[Any, list[tuple[int, Any]]]) -> dict[Any, frozenset[Any]]:
    """For each state in a loop, all states of its loops."""
    reach: dict[Any, set[Any]] = {}
    for state, several in edges.items():
        seen: set[Any] = set()
        queue = [target for mask, target in several if mask]
        while queue:
            one = queue.pop()
            if one not in seen:
                seen.add(one)
                queue += [target for mask, target in edges.get(one, ()) if mask]
        reach[state] = seen
    return {state: frozenset(one for one in reach[state] if state in reach.get(one, ())) for state in edges if state in reach[state]}


def _is_pumped(edges: dict[Any, list[tuple[int, Any]]], loops: dict[Any, frozenset[Any]], p: Any, q: Any) -> bool:
    """Whether a word goes from p to p, from p to q and from q to q."""
    seen, queue = {(p, p, q)}, [(p, p, q)]
    while queue:
        a, b, c = queue.pop()
        for mask_a, next_a in edges[a]:
            if next_a not in loops[p]:
                continue
            for mask_c, next_c in edges[c]:
                if next_c not in loops[q] or not (both := mask_a & mask_c):
                    continue
                for mask_b, next_b in edges.get(b, ()):
                    if both & mask_b and (state := (next_a, next_b, next_c)) not in seen:
                        if state == (p, q, q):
                            return True
                        seen.add(state)
                        queue.append(state)
    return False


class _Classes:
    """Letters that no part of the expression tells apart are one class: a bit."""

    def __init__(self, pattern: re.Pattern[Any], items: Sequence[Any]) -> None:
        self._pattern = pattern
        self._letters = LETTERS[:256] if isinstance(pattern.pattern, bytes) else LETTERS
        self._sets: dict[str, Any] = {}
        self._collect(items)
        self._sets["word"] = ("IN", [(parser.CATEGORY, parser.CATEGORY_WORD)])
        signs: dict[tuple[bool, ...], int] = {}
        self._class_of = [
            signs.setdefault(tuple(self._has(one, letter) for one in self._sets.values()), len(signs)) for letter in self._letters
        ]
        self.everything = (1 << len(signs)) - 1
        self.representatives = [self._letters[self._class_of.index(number)] for number in range(len(signs))]

    def _collect(self, items: Any) -> None:
        for operation, value in items:
            name = str(operation)
            if name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
                self._sets[str((name, value))] = (name, value)
            elif name == "BRANCH":
                for branch in value[1]:
                    self._collect(branch)
            elif name in {"ASSERT", "ASSERT_NOT", "SUBPATTERN", "MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
                self._collect(value[-1])
            elif name == "ATOMIC_GROUP":
                self._collect(value)

    def mask(self, node: tuple[str, Any]) -> int:
        return sum(1 << number for number, letter in enumerate(self.representatives) if self._has(node, letter))

    def _has(self, node: tuple[str, Any], letter: str) -> bool:
        name, value = node
        if name == "ANY":
            return bool(self._pattern.flags & re.DOTALL) or letter != "\n"
        if name == "NOT_LITERAL":
            return not self._has(("LITERAL", value), letter)
        alike = {letter, letter.lower(), letter.upper()} if self._pattern.flags & re.IGNORECASE else {letter}
        if name == "LITERAL":
            return (
                any(one in {chr(value), chr(value).lower(), chr(value).upper()} for one in alike)
                if len(alike) > 1
                else letter == chr(value)
            )
        negated = bool(value) and str(value[0][0]) == "NEGATE"
        return any(self._within(part, one) for part in value[negated:] for one in alike if len(one) == 1) != negated

    def _within(self, part: tuple[Any, Any], letter: str) -> bool:
        name, value = str(part[0]), part[1]
        if name == "LITERAL":
            return letter == chr(value)
        if name == "RANGE":
            return bool(value[0] <= ord(letter) <= value[1])
        kind = str(value).removeprefix("CATEGORY_")
        flag = re.ASCII if isinstance(self._pattern.pattern, bytes) or self._pattern.flags & re.ASCII else re.UNICODE
        held = re.fullmatch({"D": r"\d", "S": r"\s", "W": r"\w"}[kind.removeprefix("NOT_")[0]], letter, flag) is not None
        return held != kind.startswith("NOT_")

    def before(self, items: Sequence[Any], first: Sequence[tuple[int, Any]]) -> tuple[int, bool | None]:
        """The letters that the first condition asks for before the match, and whether one must (True) or mustn't be there."""
        if not items:
            return 0, None
        name, value = str(items[0][0]), items[0][1]
        if name in {"ASSERT", "ASSERT_NOT"} and value[0] < 0 and len(value[1]) == 1 and str(value[1][0][0]) in {"LITERAL", "IN"}:
            return self.mask((str(value[1][0][0]), value[1][0][1])), name == "ASSERT"
        if name == "AT" and str(value) == "AT_BOUNDARY":
            word = self.mask(self._sets["word"])
            if all(not mask & ~word for mask, _ in first):
                return word, False
            if all(not mask & word for mask, _ in first):
                return word, True
        return 0, None

    def shown(self, edges: dict[Any, list[tuple[int, Any]]], state: Any) -> str:
        letters = {letter for mask, _ in edges[state] for number, letter in enumerate(self.representatives) if mask >> number & 1}
        return repr("".join(sorted(letters))[:20])


# --- texts that would take long --------------------------------------------------------------------------------------------


def words(pattern: re.Pattern[Any]) -> list[str]:
    """Short words that, repeated, lead an expression on: its letters, what it takes, and what it nearly takes."""
    tree = list(parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags))
    found_words: list[str] = []
    for items in list(_alternatives(tree))[:6]:
        classes = _Classes(pattern, items)
        whole = _taken(classes, items)
        found_words += [whole, whole[:-1], whole[1:], *classes.representatives[:10]]
        found_words += [whole[:place] for place in range(2, min(len(whole), 24), 5)]
    return sorted({word for word in found_words if word})


def _taken(classes: _Classes, items: Sequence[Any]) -> str:
    text = ""
    for operation, value in items:
        name = str(operation)
        if name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
            mask = classes.mask((name, value))
            text += next(
                (letter for number, letter in enumerate(classes.representatives) if mask >> number & 1 and letter.isprintable()), "a"
            )
        elif name in {"SUBPATTERN", "ATOMIC_GROUP"}:
            text += _taken(classes, value[-1] if name == "SUBPATTERN" else value)
        elif name == "BRANCH":
            text += _taken(classes, value[1][0])
        elif name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            text += _taken(classes, value[2]) * max(1, min(value[0], 50))
    return text
