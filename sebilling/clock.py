"""Time, always passed as an argument: instants are aware UTC, billing days are local dates, a month is its own type.

Only `system_clock` reads the machine's clock; everything else takes `at: datetime` or `on: date`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Returns the current instant, aware, in UTC."""

JAKARTA = "Asia/Jakarta"
TIMEZONES = (JAKARTA, "Asia/Makassar", "Asia/Jayapura")
"""WIB, WITA, WIT. (Pontianak keeps Jakarta's time.)"""


def system_clock() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)


def local_date(at: datetime, timezone: str) -> date:
    """Return the calendar day in `timezone` at the instant `at`: 2026-01-31T17:00Z is 1 February in Jakarta."""
    return at.astimezone(ZoneInfo(timezone)).date()


_MONTH = re.compile(r"(2[01][0-9]{2})-(0[1-9]|1[0-2])")


class NotAMonthError(ValueError):
    """The text is not a month as YYYY-MM between 2000-01 and 2199-12."""


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month, written `2026-02`, stored in the database as its first day."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-02`. Raises NotAMonthError for anything else, such as `2026-13` and `2026-2`."""
        match = _MONTH.fullmatch(text)
        if match is None:
            raise NotAMonthError(text[:20])
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the month that contains `day`."""
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def after(self) -> date:
        """The first day after it: the month is [first, after)."""
        return self.plus(1).first

    def plus(self, months: int) -> "Month":
        """Return the month `months` later (earlier if negative)."""
        count = self.year * 12 + self.number - 1 + months
        return Month(count // 12, count % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
