"""The words: terms of the glossary exist in the code, banned words don't, and the map of the architecture names what there is."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[1]
SCHEMA: Final = ROOT / "schema.graphql"
GLOSSARY: Final = ROOT / "docs" / "glossary.md"
ARCHITECTURE: Final = ROOT / "docs" / "architecture.md"
DOCUMENTS: Final = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("plugins/*/README.md"))]

# What is banned, and what to write instead. A space stands for spaces or one line break; names are split into their words before they
# are compared (`keepDay`, `keep_day` and `KEEP_DAY` are "keep day").
BANNED: Final = {
    r"(?:give|gives|given|gave|giving) back": "restore (a customer), refund (money), return (anything else)",
    r"(?:what|whatever) came of": "Result of …",
    r"who(?:ever)? asks?|who is asking|askers?": "the caller",
    r"in line(?! \d)": "in sync (a device, an access); on line 3 (of a file)",
    r"no-cut|(?:no cut|keep|free) days?|days? kept": "blackout date",
    r"hang(?:s|ing)? on|hung on": "is attached to, belongs to, depends on",
    r"lets? be|letting be": "restore, or don't block",
    r"cut|cuts|cutting": "block (a customer); cut off, cut short or truncate (anything else)",
    r"(?:made )?by chance": "random",
    r"written down": "recorded",
    r"deeds?(?!\.py)": "operation, action",
    r"commonest": "most common",
}

# "cut" of what isn't a customer: connections, texts and processes that end too early.
TECHNICAL: Final = re.compile(r"(?:cuts?|cutting)\s(?:it\s|them\s)?(?:off|short|link)\b", re.IGNORECASE)
# Files in which it is never a customer that is cut.
NOT_CUSTOMERS: Final = {
    "sebilling/billing/imports/workbook.py": "bytes, at a tag",
    "sebilling/live/sockets.py": "connections whose client takes nothing",
    "sebilling/live/streams.py": "connections whose client takes nothing",
    "sebilling/logs.py": "fields that are too long",
    "sebilling/printing/receipt_text.py": "paper, by the printer",
    "sebilling/report_downloads.py": "connections of reports that fail",
    "sebilling/server.py": "connections whose client takes nothing",
    "plugins/olt/sebilling_olt/testing/links.py": "connections, by the simulator",
    "plugins/olt/sebilling_olt/testing/shell.py": "connections, by the simulator",
    "plugins/olt/sebilling_olt/testing/simulator.py": "connections, by the simulator",
    "plugins/olt/sebilling_olt/testing/ssh.py": "connections, by the simulator",
}

# Locals that say nothing of what they hold; and those that callers write out as keywords.
GENERIC: Final = frozenset({"given", "one", "found", "place"})
GENERIC_KEYWORDS: Final = {
    ("sebilling/billing/imports/spreadsheet.py", "given"): "read(path, given=…)",
    ("sebilling/cli/imports.py", "given"): "run_spreadsheet, run_secrets and run_device(…, given=…)",
}


class Remark(NamedTuple):
    """A banned word in a text."""

    line: int
    word: str
    replacement: str


def _compiled(phrase: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{phrase})\b".replace(" ", r"(?:[ \t]+|[ \t]*\n[ \t]*)"), re.IGNORECASE)


PATTERNS: Final = {_compiled(phrase): replacement for phrase, replacement in BANNED.items()}
ANY: Final = re.compile("|".join(pattern.pattern for pattern in PATTERNS), re.IGNORECASE)
BETWEEN_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")
DEFINITION: Final = re.compile(r"^ *(?:async def |def |class |__tablename__ = \")?(\w+)(?=[(:\[\"]| [:=])", re.MULTILINE)
SQL_DEFINITION: Final = re.compile(r"^CREATE (?:OR REPLACE )?(?:VIEW|FUNCTION|TABLE) (\w+)|'([A-Z_]+)'", re.MULTILINE)


# --- banned words ----------------------------------------------------------------------------------------------------------


def remarks(text: str, *, about_customers: bool = True) -> Iterator[Remark]:
    """Every banned word of a text, with its line."""
    text = BETWEEN_WORDS.sub(" ", text)
    for pattern, replacement in PATTERNS.items():
        for match in pattern.finditer(text):
            word = " ".join(match[0].split())
            if word.lower().startswith("cut") and (not about_customers or TECHNICAL.match(text, match.start())):
                continue
            yield Remark(text.count("\n", 0, match.start()) + 1, word, replacement)


def prose(source: str) -> str:
    """Names, comments and texts of Python code, each on its line."""
    code = source.splitlines()
    lines = [""] * (len(code) + 2)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for number, part in enumerate(f"|{node.value}|".splitlines(), node.lineno):
                lines[min(number, len(lines) - 1)] += part
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0]] += token.string.lstrip("#")
        elif token.type == tokenize.NAME:
            lines[token.start[0]] += f"|{token.string}|"
    return "\n".join(lines[1:])


def shown_of(path: Path) -> str:
    """What of a file is looked at."""
    text = path.read_text(encoding="utf-8")
    return prose(text) if path.suffix == ".py" else text


def checked(path: Path) -> Iterator[str]:
    """`path:line word → replacement` for every banned word of a file."""
    text, name = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
    if ANY.search(BETWEEN_WORDS.sub(" ", text.replace("#", " "))):  # taking Python apart takes long, and few files need it
        for line, word, replacement in sorted(remarks(shown_of(path), about_customers=name not in NOT_CUSTOMERS)):
            yield f"{name}:{line} {word} → {replacement}"


def sources() -> list[Path]:
    """Python code of the package and of the plugins beside it; migrations keep the words of their time."""
    folders = [ROOT / "sebilling", *ROOT.glob("plugins/*/sebilling_*")]
    return sorted(path for folder in folders for path in folder.rglob("*.py") if "versions" not in path.parts)


def test_no_banned_word_is_left() -> None:
    stale = [name for name in NOT_CUSTOMERS if not any(remark.word.lower().startswith("cut") for remark in remarks(shown_of(ROOT / name)))]
    assert stale == []
    found = [line for path in [*sources(), SCHEMA, *DOCUMENTS] for line in checked(path)]
    assert not found, f"{len(found)} banned words:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("They are given back at once.", "given back"),
        ("They are given\n    back at once.", "given back"),
        ("What came of recordPayment.", "What came of"),
        ("Rights of who asks.", "who asks"),
        ("asker_id: int", "asker"),
        ("removeFreeDay(day: Date!)", "Free Day"),
        ("KEEP_DAY = 1", "KEEP DAY"),
        ("Nobody is cut.", "cut"),
        ("CUT_BY_HAND", "CUT"),
        ("brings its rows in line", "in line"),
        ("customers hang on it", "hang on"),
        ("let_be = 1", "let be"),
    ],
)
def test_a_banned_word_is_found(text: str, word: str) -> None:
    assert [remark.word for remark in remarks(text)] == [word]


@pytest.mark.parametrize(
    "text",
    ["The upload was cut off.", "an answer cut\nshort", "a shortcut", "an error in line 7", "givenName"],
)
def test_a_technical_use_is_none(text: str) -> None:
    assert list(remarks(text)) == []


def test_names_texts_and_comments_are_looked_at() -> None:
    source = '"""Who asks."""\n\ncut = 1\n"""What\ncame of it."""\nx = "given back"  # deed\n'
    assert sorted(set(remarks(prose(source)))) == [
        (1, "Who asks", BANNED[r"who(?:ever)? asks?|who is asking|askers?"]),
        (3, "cut", BANNED[r"cut|cuts|cutting"]),
        (4, "What came of", BANNED[r"(?:what|whatever) came of"]),
        (6, "deed", BANNED[r"deeds?(?!\.py)"]),
        (6, "given back", BANNED[r"(?:give|gives|given|gave|giving) back"]),
    ]


# --- generic locals --------------------------------------------------------------------------------------------------------


def generic_locals(source: str) -> list[tuple[int, str]]:
    """Lines at which a generic name is bound as a variable or parameter. Fields of classes aren't locals: they are public names."""
    tree = ast.parse(source)
    fields = {
        target
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
    }
    return sorted(
        (node.lineno, name)
        for node in ast.walk(tree)
        if isinstance(node, ast.arg | ast.Name | ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping)
        and node not in fields
        and (name := bound_name(node)) in GENERIC
    )


def bound_name(node: ast.AST) -> str | None:
    """The variable that a node binds, if it binds one."""
    match node:
        case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
            return name
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name) | ast.MatchMapping(rest=name):
            return name
    return None


def test_locals_say_what_they_hold() -> None:
    bound = [
        (str(path.relative_to(ROOT)), line, name) for path in sources() for line, name in generic_locals(path.read_text(encoding="utf-8"))
    ]
    assert GENERIC_KEYWORDS.keys() - {(file, name) for file, _, name in bound} == set()
    generic = [f"{file}:{line} {name}" for file, line, name in bound if (file, name) not in GENERIC_KEYWORDS]
    assert not generic, "name what they hold:\n" + "\n".join(generic)


@pytest.mark.parametrize(
    "source",
    [
        "one = 1",
        "for number, one in pairs: pass",
        "[one for one in ones]",
        "key = lambda one: one.id",
        "def f(*, one): pass",
        "def f(*one): pass",
        "if one := f(): pass",
        "with f() as one: pass",
        "try: pass\nexcept E as one: pass",
        "match x:\n    case {**one}: pass",
        "match x:\n    case [int() as one, *_]: pass",
        "class C:\n    def f(self): one = 1",
    ],
)
def test_a_generic_local_is_found(source: str) -> None:
    assert [name for _, name in generic_locals(source)] == ["one"]


@pytest.mark.parametrize("source", ["class C:\n    one: int\n    place = 1", "f(given=1)", "x.found = place[one]", "def given(): pass"])
def test_a_public_name_is_no_generic_local(source: str) -> None:
    assert generic_locals(source) == []


# --- the glossary ----------------------------------------------------------------------------------------------------------


def terms(text: str) -> Iterator[tuple[str, list[str]]]:
    """Terms of the glossary's tables, each with the names in backticks of its second cell."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 3 and cells[1] != "name":
            yield cells[0], re.findall(r"`([^`]+)`", cells[1])


def faults(text: str, defined: frozenset[str]) -> list[str]:
    """Terms of a glossary that have no name, and names that aren't in the tree."""
    return [
        fault
        for term, names in terms(text)
        for fault in ([f"{term}: no name"] if not names else [f"{term}: no {name}" for name in names if not exists(name, defined)])
    ]


def exists(name: str, defined: frozenset[str]) -> bool:
    """Whether a file, or a name that is defined, is there. `Type.field` is a name too."""
    return (ROOT / name).exists() if "/" in name else name in defined


def defined_names() -> frozenset[str]:
    """Names that code, SQL or the schema defines, and the schema's `Type.field`."""
    names: set[str] = set()
    for path in sources():
        names.update(DEFINITION.findall(path.read_text(encoding="utf-8")))
    for path in (ROOT / "sebilling" / "db" / "sql").glob("*.sql"):
        names.update(name for pair in SQL_DEFINITION.findall(path.read_text(encoding="utf-8")) for name in pair)
    schema = re.sub(r'"""[\s\S]*?"""', "", SCHEMA.read_text(encoding="utf-8"))
    for owner, fields in re.findall(r"^(?:type|input|interface|enum) (\w+)[^{\n]*{\n([\s\S]*?)^}", schema, re.MULTILINE):
        for field in re.findall(r"^  (\w+)", fields, re.MULTILINE):
            names |= {owner, field, f"{owner}.{field}"}
    return frozenset(names)


def test_every_term_of_the_glossary_is_in_the_tree() -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    assert len(list(terms(text))) > 50
    assert faults(text, defined_names()) == []


def test_a_term_of_the_glossary_that_is_nowhere_is_found() -> None:
    rows = [
        "| loket | `Counter` | a place |",
        "| isolir | `cutCustomer`, `sebilling/cut.py` | x |",
        "| setoran | `Deposit.cash` | x |",
        "| kolektor | who | x |",
    ]
    assert faults("\n".join(["| term | name | meaning |", "|---|---|---|", *rows]), defined_names()) == [
        "isolir: no cutCustomer", "isolir: no sebilling/cut.py", "setoran: no Deposit.cash", "kolektor: no name",
    ]  # fmt: skip


# --- the map ---------------------------------------------------------------------------------------------------------------


def named_paths(text: str) -> list[str]:
    """Paths in backticks of the architecture, from the root or from `sebilling/`."""
    return re.findall(r"`([\w.-]+/[\w./-]*|\w+\.(?:py|sql|md|graphql))`", text)


def missing(paths: list[str]) -> list[str]:
    """Paths that are neither below the root nor below `sebilling/`."""
    return [path for path in paths if not (ROOT / path).exists() and not (ROOT / "sebilling" / path).exists()]


def test_every_path_of_the_architecture_exists_and_a_planted_one_does_not() -> None:
    paths = named_paths(ARCHITECTURE.read_text(encoding="utf-8"))
    assert len(paths) > 100
    assert missing(paths) == []
    assert missing(named_paths("See `billing/cutting.py` and `network/`, or `sebilling/nothing/`.")) == [
        "billing/cutting.py",
        "sebilling/nothing/",
    ]


def test_the_architecture_names_everything_directly_below_the_package() -> None:
    named = set(named_paths(ARCHITECTURE.read_text(encoding="utf-8")))
    below = (ROOT / "sebilling").iterdir()  # a folder without a module is what an earlier version left behind
    there = {path.name + "/" * path.is_dir() for path in below if path.suffix == ".py" or any(path.glob("*.py"))}
    assert there - named - {"__init__.py"} == set()
