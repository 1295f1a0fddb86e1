"""The documents say what is true: settings, errors, commands and the links between them."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from sebilling.config import Settings, values_of
from sebilling.error_codes import ErrorCode
from sebilling.schema.error_codes import ONLY_IN_THE_SHELL, WHEN

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])

PAGES = [*DOCUMENTS, ROOT / "SECURITY.md", *sorted(ROOT.glob("plugins/*/README.md"))]


def test_the_operations_manual_has_every_setting_as_the_code_has_it_and_no_other() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `SEBILLING_")]
    wanted = []
    for name, field in Settings.model_fields.items():
        default = (
            "unset" if field.default is None else str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        )
        cells = (f"`SEBILLING_{name.upper()}`", values_of(field).english, default, field.description)
        wanted.append(f"| {' | '.join(str(cell) for cell in cells)} |".replace("|  |", "| |"))
    assert rows == wanted, "\n".join(wanted)


def test_every_error_code_is_documented() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", text, re.MULTILINE))
    assert [code for code in ErrorCode if code not in rows] == []
    shown = {code: re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", when) for code, when in rows.items() if code not in ONLY_IN_THE_SHELL}
    assert {code: f"{when[0].upper()}{when[1:]}." for code, when in shown.items()} == WHEN, "the schema says it in other words"


def prose(path: Path) -> str:
    """A page without its blocks of code and its code in sentences."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "code", text)


@cache
def anchors(path: Path) -> frozenset[str]:
    """What links may name behind `#`: the page's headings, as GitHub spells them, and `<a id="…">`."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    made, seen = set(re.findall(r'<a (?:id|name)="([^"]+)"', text)), Counter[str]()
    for heading in re.findall(r"^#+ +(.*?) *#*$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        made.add(slug if not seen[slug] else f"{slug}-{seen[slug]}")
        seen[slug] += 1
    return frozenset(made)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = prose(path)
    targets = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r"^\[[^\]]+\]: (\S+)", text, re.MULTILINE)]
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        assert page.exists(), target
        assert not anchor or page.suffix != ".md" or anchor in anchors(page), f"{target}: there is no such heading"


def test_a_link_to_a_heading_that_is_gone_is_found() -> None:
    headings = anchors(ROOT / "docs" / "operations.md")
    assert "high-availability" in headings
    assert "high-availabilities" not in headings


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_documents_name_exist(path: Path) -> None:
    for name in re.findall(r"`((?:sebilling|tests|bench|docs)/[\w/.-]+)`", path.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_can_be_read_in_an_editor(path: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 160 and not line.startswith(("|", "    "))] == []
