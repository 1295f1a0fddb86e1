"""The faults can still be planted: a fault whose place is gone would say nothing any more."""

import re
from pathlib import Path

import pytest

from tests.mutants.__main__ import judged
from tests.mutants.fault import Fault
from tests.mutants.faults import FAULTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_its_place_is_there_exactly_once(fault: Fault) -> None:
    assert (ROOT / "sebilling" / fault.file).read_text(encoding="utf-8").count(fault.old) == 1
    assert fault.new != fault.old
    assert fault.tests
    assert all((ROOT / test.partition("::")[0]).is_file() for test in fault.tests)


def test_faults_in_sql_are_in_the_current_files() -> None:
    """What earlier migrations execute is replaced by later ones: a fault in it would prove nothing."""
    assert {Path(fault.file).parent.as_posix() for fault in FAULTS if fault.file.endswith(".sql")} == {"db/sql"}


def test_each_has_its_own_name() -> None:
    names = [fault.name for fault in FAULTS]
    assert sorted(set(names)) == sorted(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)


@pytest.mark.parametrize(
    ("code", "output", "verdict"),
    [
        (0, "44 passed", "SURVIVED"),
        (1, "E   AssertionError: 4 != 5\nFAILED tests/a.py::test_b - AssertionError", "CAUGHT"),
        (1, "E   sqlalchemy.exc.ProgrammingError: no such column\nFAILED tests/a.py::test_b - ProgrammingError", "BROKEN"),
        (1, "ERROR    strawberry.execution:logging.py:25 what was logged\nFAILED tests/a.py::test_b - AssertionError", "CAUGHT"),
        (1, "ERROR tests/a.py::test_b - the fixture failed", "BROKEN"),
        (1, "FAILED tests/a.py::test_b - AssertionError\nERROR tests/a.py::test_b - what it left behind", "CAUGHT"),
        (1, "FAILED tests/a.py::test_b - AssertionError\nERROR tests/a.py::test_c - the fixture failed", "BROKEN"),
        (2, "ERROR tests/a.py - ImportError", "BROKEN"),
        (5, "no tests ran", "BROKEN"),
    ],
)
def test_only_a_test_that_failed_by_itself_has_caught_anything(code: int, output: str, verdict: str) -> None:
    assert judged(code, output)[0] == verdict
