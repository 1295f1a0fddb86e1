"""The documents say what is true: settings, errors, commands and the links between them."""

import re
from pathlib import Path

import pytest

from sebilling.config import Settings, values_of
from sebilling.error_codes import ErrorCode
from sebilling.schema.error_codes import ONLY_IN_THE_SHELL, WHEN

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


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


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_documents_name_exist(path: Path) -> None:
    for name in re.findall(r"`((?:sebilling|tests|bench|docs)/[\w/.-]+)`", path.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize(
    "path", [*DOCUMENTS, ROOT / "SECURITY.md", *sorted(ROOT.glob("plugins/*/README.md"))], ids=lambda path: str(path.relative_to(ROOT))
)
def test_lines_can_be_read_in_an_editor(path: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 160 and not line.startswith(("|", "    "))] == []
