"""A machine whose clock is wrong is found out, and its worker blocks nobody."""

from datetime import UTC, datetime, timedelta

import pytest

from sebilling.clock import system_clock
from sebilling.db import clocks
from sebilling.db.engine import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("asked", "there", "answered", "ahead"),
    [
        (after(0), after(0), after(0), 0),
        (after(0), after(9), after(10), 0),  # it took ten seconds, and shows a time between
        (after(5), after(0), after(6), 5),
        (after(0), after(9), after(1), -8),
    ],
)
def test_what_the_question_took_is_no_difference(asked: datetime, there: datetime, answered: datetime, ahead: float) -> None:
    assert clocks.ahead(asked, there, answered) == ahead


@pytest.mark.parametrize("wrong", [timedelta(), timedelta(days=1), timedelta(minutes=-5)])
async def test_the_databases_clock_is_compared(committed: Database, wrong: timedelta) -> None:
    found = await clocks.read_ahead(committed, lambda: system_clock() + wrong)
    assert found == pytest.approx(wrong.total_seconds(), abs=5)
