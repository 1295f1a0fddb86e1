"""Months and local days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sebilling.clock import Month, NotAMonthError, local_date

MONTHS = st.builds(Month, st.integers(2000, 2199), st.integers(1, 12))


@given(MONTHS)
def test_a_month_is_what_it_is_written_as_and_holds_exactly_its_days(month: Month) -> None:
    assert Month.parse(str(month)) == month
    day = month.first
    while day < month.after:
        assert Month.of(day) == month
        day += timedelta(days=1)
    assert Month.of(month.first - timedelta(days=1)) == month.plus(-1)
    assert Month.of(month.after) == month.plus(1)


@given(MONTHS, st.integers(-200, 200))
def test_months_are_counted_there_and_back(month: Month, months: int) -> None:
    assert month.plus(months).plus(-months) == month
    assert (month.plus(months) > month) == (months > 0)


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-2", "26-02", "2026-02-01", "2026/02", "", " 2026-02", "1999-12", "2200-01", "２０２６-02"]
)
def test_what_is_no_month(text: str) -> None:
    with pytest.raises(NotAMonthError):
        Month.parse(text)


@pytest.mark.parametrize(
    ("timezone", "first_utc_hour"),
    [("Asia/Jakarta", 17), ("Asia/Makassar", 16), ("Asia/Jayapura", 15)],
)
def test_a_day_begins_at_local_midnight(timezone: str, first_utc_hour: int) -> None:
    midnight = datetime(2026, 1, 31, first_utc_hour, tzinfo=UTC)
    assert local_date(midnight, timezone) == date(2026, 2, 1)
    assert local_date(midnight - timedelta(microseconds=1), timezone) == date(2026, 1, 31)
