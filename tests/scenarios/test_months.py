"""Months in customers' lives: one test per file of `months/`, and what the files and their language must be."""

import re
from pathlib import Path

import pytest

import tests.scenarios.verbs  # noqa: F401 - each verb says its sentences when it is imported
from sebilling.db.engine import Database
from tests.scenarios.book import Book
from tests.scenarios.sentences import USAGES, ScenarioError, read

FILES = sorted((Path(__file__).parent / "months").glob("*.scenario"))
PARAGRAPHS = {
    "1": (
        "an admin opens a period", "previewGeneration tells how many", "the limit of 1,000 is gone", "eligible = issued",
        "never bills anyone twice", "keeps snapshots", "first-month proration", "one-off charges", "discounts (amount or percent",
        "tax (PPN", "one pricing rule", "numbers are gapless", "waiting credit is applied at once",
    ),
    "2": (
        "a payment is money received", "allocated oldest invoice first", "cuts the outstanding balance", "the same key again",
        "kept as credit", "mistakes are reversed", "receipts: number",
    ),
    "3": (
        "per counter and period", "a deposit has an amount", "SUBMITTED → VERIFIED", "the one who submitted it can't verify it",
        "records the shortage or surplus", "only verified deposits count", "received − deposited ± shortage",
    ),
    "4": (
        "N months at a time", "the next due date moves by itself", "a start inside covered time is refused", "keeps the anchor day",
        "setting months to 1",
    ),
}  # fmt: skip
"""Sections of product.md and what their paragraphs say, in the words by which a scenario names them."""
SCENE = '# A title\n# product.md §2\ngiven counter LKT01, plan "Home" at 150000, Budi at LKT01 since 2025-06-15\n'


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_scenario(path: Path, database: Database) -> None:
    await Book(database).run(read(path))


def test_every_paragraph_of_the_product_is_shown() -> None:
    named = [found for path in FILES for line in read(path).about for found in re.findall(r"§(\d): ([^§]*)", line)]
    missing = [
        f"§{section}: {words}"
        for section, paragraphs in PARAGRAPHS.items()
        for words in paragraphs
        if not any(section == number and words in about for number, about in named)
    ]
    assert missing == []


def test_every_file_names_a_paragraph_and_has_a_title_of_its_own() -> None:
    scenarios = [read(path) for path in FILES]
    assert [path.name for path, scenario in zip(FILES, scenarios, strict=True) if "product.md §" not in " ".join(scenario.about)] == []
    assert len({scenario.title for scenario in scenarios}) == len(FILES) >= 30


def test_every_verb_is_used() -> None:
    used = {step.verb for path in FILES for step in read(path).steps}
    assert [usage.pattern.pattern for usage in USAGES if usage.verb not in used] == []


@pytest.mark.parametrize(
    "line",
    [
        "2026-02-01 kasir dances with Budi",
        "2026-02-01 kasir takes lots from Budi",
        "2026-02-01 takes 100000 from Budi and smiles",
        "2026-2-1 open 2026-02",
        "open 2026-02",
        "2026-02-01",
        "given a nice day",
    ],
)
def test_what_nobody_understands_is_told_with_file_and_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "odd.scenario"
    path.write_text(f"{SCENE}2026-02-01 open 2026-02\n{line}\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"^odd\.scenario:5: "):
        read(path)


def test_a_file_without_title_and_paragraph_is_no_scenario(tmp_path: Path) -> None:
    path = tmp_path / "odd.scenario"
    path.write_text("# A title\n2026-02-01 open 2026-02\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"^odd\.scenario:1: "):
        read(path)


WRONG = """2026-02-02 expect Budi owes 149999
2026-02-02 expect Budi owes 150.001
2026-02-02 expect Budi: debt 150000
2026-02-02 expect Siti owes 0
2026-02-02 tamu takes 150000 from Budi
2026-02-02 expect no invoice of Budi in 2026-02
2026-02-02 expect invoice of Budi in 2026-02: lines subscription 150000 + tax 16500
2026-02-02 expect invoice of Budi in 2026-03: status OPEN
2026-02-02 expect billing of Budi: due 2026-03-21
2026-02-02 open 2026-02
2026-02-02 open 2026-03: refused ALREADY_EXISTS
2026-02-02 open 2026-02: refused PERIOD_CLOSED
2026-02-02 open 2026-02: refused ALREADY_EXISTS, saying "2026-07"
2026-02-02 open 2026-02: refused ALREADY_EXISTS, issued 1
2026-01-31 open 2026-04
"""


async def test_what_does_not_come_true_is_told_with_file_and_line(tmp_path: Path, database: Database) -> None:
    path = tmp_path / "wrong.scenario"
    path.write_text(f"{SCENE}2026-02-01 open 2026-02\n           generate 2026-02\n", encoding="utf-8")
    right, book = read(path), Book(database)
    await book.run(right)
    path.write_text(f"{path.read_text(encoding='utf-8')}{WRONG}", encoding="utf-8")
    for line, step in enumerate(read(path).steps[len(right.steps) :], start=6):
        with pytest.raises(ScenarioError, match=rf"^wrong\.scenario:{line}: "):
            await book.perform(step)
