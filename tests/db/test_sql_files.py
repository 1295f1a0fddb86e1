"""One current file for each group of functions and views; what earlier migrations execute stands beside them."""

import re
from collections import Counter
from pathlib import Path

DB = Path(__file__).parents[2] / "sebilling" / "db"
CURRENT = {path.name: path.read_text(encoding="utf-8") for path in (DB / "sql").glob("*.sql")}
MAKES = re.compile(r"^CREATE(?: OR REPLACE)? (FUNCTION|VIEW|TRIGGER|AGGREGATE) (\w+)", re.MULTILINE)
EXECUTED = re.compile(r'"(\w+\.sql)"')


def executed() -> list[tuple[str, str]]:
    """Each file that a migration executes, with the migration's revision, in the order of the migrations."""
    migrations = sorted((DB / "migrations" / "versions").glob("0*.py"))
    named = [(path.name[:4], name) for path in migrations for name in EXECUTED.findall(path.read_text(encoding="utf-8"))]
    return [(revision, earlier(revision, name) or f"sql/{name}") for revision, name in named]


def earlier(revision: str, name: str) -> str | None:
    """A migration's own copy of a file, if it has one."""
    path = f"migrations/sql/{revision}_{name}"
    return path if (DB / path).exists() else None


def test_each_function_view_and_trigger_stands_in_one_current_file() -> None:
    made = Counter(made for text in CURRENT.values() for made in MAKES.findall(text))
    assert len(made) > 100
    assert [name for name, times in made.items() if times > 1] == []


def test_everything_that_migrations_made_is_in_a_current_file() -> None:
    """`schema.sql` shows what a migrated database holds: were one missing here, a search would find only its dead copies."""
    made = {made for text in CURRENT.values() for made in MAKES.findall(text)}
    assert made == set(MAKES.findall((DB.parents[1] / "schema.sql").read_text(encoding="utf-8")))


def test_each_current_file_is_executed_by_one_migration_and_after_its_earlier_copies() -> None:
    current = [(revision, file) for revision, file in executed() if file.startswith("sql/")]
    assert sorted(file for _, file in current) == sorted(f"sql/{name}" for name in CURRENT)
    made_at = {made: revision for revision, file in current for made in MAKES.findall(CURRENT[Path(file).name])}
    for revision, file in executed():
        if file.startswith("migrations/"):
            later = [made for made in MAKES.findall((DB / file).read_text(encoding="utf-8")) if made_at.get(made, "9") <= revision]
            assert later == [], f"{file} would replace what a current file says"


def test_every_earlier_file_is_executed_by_its_migration() -> None:
    copies = sorted(file for _, file in executed() if file.startswith("migrations/"))
    assert copies == sorted(f"migrations/sql/{path.name}" for path in (DB / "migrations" / "sql").iterdir())
