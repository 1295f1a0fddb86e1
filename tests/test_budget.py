"""The house's budget: sizes, names, and habits that a linter doesn't know."""

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patterns import POSSESSIVE, fault, found

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sebilling"
FILES = sorted([*PACKAGE.rglob("*.py"), *(path for path in (ROOT / "bench").rglob("*.py") if "node_modules" not in path.parts)])
MAX_LINES_OF_A_FILE = 500
MAX_LINES_OF_A_FUNCTION = 60
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc", "manager", "managers", "service", "services"}
WALL_CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
SHIPPED = sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.py.tmpl"), *ROOT.glob("plugins/*/sebilling_*/**/*.py")])
EXCEPTION = re.compile(r"#\s*(?:ruff:\s*)?noqa\b|#\s*type:\s*ignore\b", re.IGNORECASE)
EXPLAINED = re.compile(r"# (?:ruff: )?noqa: [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)* - \S.*|# type: ignore\[[a-z,-]+\]  # \S.*")
MONEY = [PACKAGE / "billing", PACKAGE / "db" / "tables", PACKAGE / "schema", PACKAGE / "money.py"]


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(tree(path))


def test_sizes_and_names() -> None:
    faults = []
    for path in FILES:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        faults += [f"{path}: {lines} lines"] * (lines > MAX_LINES_OF_A_FILE)
        faults += [f"{path}: {name}" for name in {*path.with_suffix("").relative_to(ROOT).parts} & BANNED_NAMES]
        for node in nodes(path) if "migrations" not in path.parts else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= MAX_LINES_OF_A_FUNCTION:
                faults.append(f"{path}:{node.lineno} {node.name} is too long")
    assert faults == []


def test_only_the_clock_asks_what_time_it_is_and_only_the_engine_commits() -> None:
    faults = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in nodes(path):
            if isinstance(node, ast.Attribute):
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                faults += [f"{path}:{node.lineno} asks the wall clock"] * ((owner, node.attr) in WALL_CLOCKS and path.name != "clock.py")
                faults += [f"{path}:{node.lineno} commits by itself"] * (node.attr in {"commit", "rollback"})
    assert faults == []


def divides(node: ast.AST) -> bool:
    """Whether it divides; a path and a name are joined by the same sign."""
    joins = isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant) and isinstance(node.right.value, str)
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not joins


def test_money_meets_no_float() -> None:
    faults = [
        f"{path}:{getattr(node, 'lineno', '')}"
        for place in MONEY for path in ([place] if place.is_file() else place.rglob("*.py")) for node in nodes(path)
        if (isinstance(node, ast.Name) and node.id == "float") or divides(node)
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]  # fmt: skip
    assert faults == []


def unexplained(source: str) -> list[str]:
    """Comments that switch a rule of ruff or mypy off for a line or a file, without saying why."""
    comments = (token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type == tokenize.COMMENT)
    return [f"{token.start[0]}: {token.string}" for token in comments
            if EXCEPTION.search(token.string) and not EXPLAINED.fullmatch(token.string)]  # fmt: skip


def test_every_exception_to_a_lint_rule_or_a_type_has_its_reason() -> None:
    assert [f"{path.relative_to(ROOT)}:{comment}" for path in SHIPPED for comment in unexplained(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "comment",
    ["# noqa", "# noqa: S105", "# NOQA:S105", "# noqa: S105 -", "# noqa: S105, S106 a code", "# ruff: noqa: S101", "# type: ignore",
     "# type: ignore[misc]", "# type: ignore[misc] # a library's", "# type: ignore[misc]  #", "# type: ignore  # a library's"],
)  # fmt: skip
def test_an_exception_without_a_reason_is_noticed(comment: str) -> None:
    assert unexplained(f"code = 1  {comment}\n") == [f"1: {comment}"]
    assert unexplained(f'text = "{comment}"\n') == []


def test_every_public_function_of_the_domain_says_what_it_does() -> None:
    bare = []
    for place in ("billing", "auth", "db", "jobs"):
        for path in (PACKAGE / place).rglob("*.py"):
            for node in tree(path).body if "migrations" not in path.parts else ():
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                    bare += [f"{path}:{node.lineno} {node.name}"] * (not ast.get_docstring(node))
    assert bare == []


def test_every_regular_expression_is_linear() -> None:
    """No two unbounded repetitions that take the same text, one in or behind the other; a search counts as one at the begin."""
    faults = {
        (expression.where, mode): why
        for expression in found() if expression.where.partition(":")[0] not in POSSESSIVE
        for mode in expression.modes if (why := fault(expression.pattern, mode))
    }  # fmt: skip
    assert faults == {}
