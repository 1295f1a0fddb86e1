"""Scenarios in a cashier's words: files of dated steps, read, matched with a verb each, and done through GraphQL alone.

A file begins with `# title`; more `#` lines say which paragraphs of product.md it shows. `given …` lines set the scene. A step
is `DATE [TIME [ZONE]] [WHO] WORDS[: FACTS]`; a line that is indented goes on in the same minute of the day, WHO is admin if left
out. A time is the counter's: of the counter or customer that the step names, WIB if it names none. Steps go forward in time.

FACTS, separated by commas, are compared with what came of the step: `1 issued`, `total 150.000`, `replayed`, `no credit`; a list
is written with ` + `. `refused CODE` (and `saying "…"`) must be an error, after which no table has another row than before.

What can be written is the text above each verb of verbs/: `(s)` may be left out, `[…]` too, `{name}` or `{name:kind}` is one of KINDS.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ZONES: Final = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_QUOTED: Final = r'"[^"]*"'
COUNTER: Final = r"[A-Z]{3}\d{2}"
NAME: Final = r"[A-Z][a-z]+"
_USER: Final = r"[a-z][a-z0-9-]*"
KINDS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "amount": (r"-?(?:Rp)?\d[\d.]*", lambda said: int(said.replace("Rp", "").replace(".", ""))),
    "number": (r"-?\d+", int),
    "rate": (r"\d+(?:\.\d+)?", str),
    "fraction": (r"\d+/\d+", str),
    "day": (_DAY, str),
    "when": (rf"{_DAY} \d{{2}}:\d{{2}}", str),
    "month": (r"\d{4}-\d{2}", str),
    "months": (r"\d{4}-\d{2}(?: and \d{4}-\d{2})*", lambda said: said.split(" and ")),
    "counter": (COUNTER, str),
    "counters": (rf"{COUNTER}(?: and {COUNTER})*", lambda said: said.split(" and ")),
    "customer": (NAME, str),
    "user": (_USER, str),
    "role": ("clerk|collector|finance|admin|auditor|technician", str),
    "zone": ("WIB|WITA|WIT", str),
    "quoted": (_QUOTED, lambda said: said.strip('"')),
    "charge": ("installation|device|cable|late fee|other", lambda said: said.replace(" ", "_").upper()),
    "method": ("cash|transfer|QRIS|other", str.upper),
    "key": (r"[\w-]+", lambda said: f"key-of-{said}"),
    "file": ("(?:a PNG as |a WebP as |a PDF as |a text file as |a huge )?proof", lambda said: said.removesuffix("proof").strip()),
    "paper": ("58 mm|80 mm|A5", lambda said: {"58 mm": "MM58", "80 mm": "MM80"}.get(said, said)),
    "invoice": (rf"invoice of {NAME} in \d{{4}}-\d{{2}}|void invoice of {NAME} in \d{{4}}-\d{{2}}|invoice INV/[\w/-]+", str),
    "payment": (rf"payment of {NAME}|receipt KW/[\w/-]+", str),
    "deposit": (rf"it|deposit of {_USER}", str),
    "event": ("due date|issue|installation", str),
    "inactive": ("inactive", str),
    "down": ("rounded down", str),
    "how": ("days|month", str),
    "release": ("releasing payments", str),
    "debt": ("beside a debt", str),
    "transfer": ("by transfer", str),
    "previewed": ("as previewed", str),
    "incomplete": ("although incomplete", str),
    "sure": ("for sure", str),
    "difference": ("surplus|shortage", str.title),
    "then": ("as of closing|since closing", str),
}


class ScenarioError(Exception):
    """The file says something that nobody understands, or that did not come true; begins with file and line."""


class Refused(Exception):
    """The API gave this error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"refused {code}: {message}")
        self.code, self.message = code, message


class Mention(str):
    """A text of which the fact names a part."""

    __slots__ = ()


Outcome = dict[str, Any]
"""Name of a fact → what came of it. A list must be told whole, of a tuple the beginning will do."""
Verb = Callable[..., Awaitable[Outcome | None]]


@dataclass(frozen=True)
class Usage:
    """A way to say something."""

    pattern: re.Pattern[str]
    kinds: dict[str, str]
    verb: Verb

    def understood(self, said: str) -> dict[str, Any] | None:
        """The words of the usage's groups, converted; None if it isn't this usage."""
        found = self.pattern.fullmatch(said)
        if found is None:
            return None
        return {name: KINDS[self.kinds[name]][1](word) for name, word in found.groupdict().items() if word is not None}


USAGES: Final[list[Usage]] = []


def says(*sentences: str) -> Callable[[Verb], Verb]:
    """Let these sentences call the function with their words."""

    def decorate(verb: Verb) -> Verb:
        for sentence in sentences:
            kinds: dict[str, str] = {}

            def translated(found: re.Match[str], kinds: dict[str, str] = kinds) -> str:
                if found[1] is None:
                    return {"(s)": "s?", "[": "(?:", "]": ")?"}[found[0]]
                kinds[found[1]] = found[2] or found[1]
                return f"(?P<{found[1]}>{KINDS[kinds[found[1]]][0]})"

            pattern = re.sub(r"\(s\)|\[|\]|\{(\w+)(?::(\w+))?\}", translated, sentence)
            USAGES.append(Usage(re.compile(pattern), kinds, verb))
        return verb

    return decorate


@dataclass(frozen=True)
class Step:
    """One line, or one part of a `given`."""

    place: str
    line: int
    said: str
    who: str
    verb: Verb
    words: dict[str, Any]
    facts: list[str]
    day: str = ""
    """Empty: goes on from the step before."""
    time: str = ""
    zone: str = ""


@dataclass
class Scenario:
    """A file."""

    title: str = ""
    about: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


_LINE: Final = re.compile(rf"(?:(?P<day>{_DAY})(?: (?P<time>\d{{2}}:\d{{2}})(?: (?P<zone>WIB|WITA|WIT))?)? |[ \t]+|(?=given ))(?P<rest>.+)")
_FACTS: Final = re.compile(r'(?P<said>(?:[^":]|"[^"]*"|:(?! ))*)(?:: (?P<facts>.+))?')
_COMMA: Final = re.compile(r', (?=(?:[^"]*"[^"]*")*[^"]*$)')
_SCENE: Final = re.compile(r"(?:given|adds?|sets?) (?P<scene>.+)")


def read(path: Path) -> Scenario:
    """The file's steps. Raises ScenarioError for a line that nobody understands."""
    scenario = Scenario()
    for line, written in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if written.startswith("#"):
            comment = written.lstrip("# ").strip()
            if scenario.title:
                scenario.about.append(comment)
            else:
                scenario.title = comment
        elif written.strip():
            scenario.steps.extend(_steps(f"{path.name}:{line}", line, written.rstrip()))
    if not scenario.title or not scenario.about or not scenario.steps:
        raise ScenarioError(f"{path.name}:1: a scenario has a title, a paragraph of product.md that it shows, and steps")
    return scenario


def _steps(place: str, line: int, written: str) -> Iterator[Step]:
    found = _LINE.fullmatch(written)
    rest = "" if found is None else re.sub(rf"^expect ({NAME}) owes ", r"expect \1: owes ", found["rest"])
    split = _FACTS.fullmatch(rest)
    if found is None or split is None:
        raise ScenarioError(f"{place}: a step begins with its date, or with blanks: {written!r}")
    facts = _COMMA.split(split["facts"]) if split["facts"] else []
    for said in _COMMA.split(split["said"]) if split["said"].startswith("given ") else [split["said"]]:
        who, verb, words = _understood(place, said)
        yield Step(place, line, said, who, verb, words, facts, found["day"] or "", found["time"] or "", found["zone"] or "")


def _understood(place: str, said: str) -> tuple[str, Verb, dict[str, Any]]:
    """Who does what. The scene's words may stand behind `given`, `add` and `set`."""
    who, _, rest = said.partition(" ")
    for actor, sentence in (("admin", said), (who, rest)):
        scene = _SCENE.fullmatch(sentence)
        for candidate in (sentence, *([scene["scene"]] if scene else [])):
            matches = [(usage.verb, words) for usage in USAGES if (words := usage.understood(candidate)) is not None]
            if len(matches) > 1:
                raise ScenarioError(f"{place}: this can be understood in two ways: {said!r}")
            if matches:
                return actor, *matches[0]
    raise ScenarioError(f"{place}: nobody understands {said!r}")
