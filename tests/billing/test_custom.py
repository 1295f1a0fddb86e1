"""What is foretold of a customer's next invoices, and from when on the terms may change."""

from collections.abc import Sequence
from datetime import date

import pytest

from sebilling.billing.custom import Cycle, Standing, coming, day_after_months, decided
from sebilling.clock import Month
from sebilling.errors import AlreadyCovered

INSTALLED = date(2025, 6, 15)
JANUARY_INVOICE = (Month(2026, 1), date(2026, 1, 1), date(2026, 2, 1))


def standing(*invoiced: tuple[Month, date, date], closed: Sequence[Month] = ()) -> Standing:
    """On 25 January 2026, at a counter due on the 20th."""
    return Standing(INSTALLED, 20, date(2026, 1, 25), [Month(2026, 1)], closed, [], invoiced)


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (standing(), INSTALLED),
        (standing(JANUARY_INVOICE), date(2026, 2, 1)),
        (standing(JANUARY_INVOICE, closed=[Month(2026, 2)]), date(2026, 3, 1)),
        (standing((Month(2026, 1), date(2026, 1, 31), date(2026, 4, 30))), date(2026, 4, 30)),
    ],
)
def test_the_first_possible_day_is_the_first_that_is_free(found: Standing, first: date) -> None:
    assert decided(found, Cycle(3, first)).cycles == [Cycle(3, first)]
    with pytest.raises(AlreadyCovered) as refused:
        decided(found, Cycle(3, first.replace(day=first.day - 1) if first.day > 1 else day_after_months(first, -1)))
    assert refused.value.facts["first"] == first


def test_months_are_added_to_the_anchor() -> None:
    assert [day_after_months(date(2028, 1, 31), months) for months in (1, 2, 3, 13)] == [
        date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30), date(2029, 2, 28),
    ]  # fmt: skip


def test_three_months_from_the_last_of_january() -> None:
    found = coming(decided(standing(), Cycle(3, date(2026, 1, 31))), count=3)
    assert [(one.month, one.covers_until, one.due_on) for one in found] == [
        (Month(2026, 1), date(2026, 4, 30), date(2026, 1, 31)),
        (Month(2026, 4), date(2026, 7, 31), date(2026, 4, 30)),
        (Month(2026, 7), date(2026, 10, 31), date(2026, 7, 31)),
    ]
    # the days of January before the cycle are billed with it
    assert found[0].covers_from == date(2026, 1, 1)


def test_month_by_month_the_next_is_due_on_the_counters_day() -> None:
    found = coming(standing(JANUARY_INVOICE), count=2)
    assert [(one.covers_from, one.due_on) for one in found] == [
        (date(2026, 2, 1), date(2026, 2, 20)), (date(2026, 3, 1), date(2026, 3, 20)),
    ]  # fmt: skip


def test_a_month_not_yet_invoiced_falls_due_today_when_its_day_is_over() -> None:
    (found,) = coming(standing(), count=1)
    assert (found.month, found.due_on) == (Month(2026, 1), date(2026, 1, 25))
