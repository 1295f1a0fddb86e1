"""Arguments that several commands have."""

from typing import Annotated

import typer

from sebilling.clock import Month, NotAMonthError
from sebilling.errors import InvalidMonth

MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-02.")]


def parse_month(text: str) -> Month:
    """Parse a month such as 2026-02. Raises InvalidMonth."""
    try:
        return Month.parse(text)
    except NotAMonthError as error:
        raise InvalidMonth(given=text[:20]) from error
