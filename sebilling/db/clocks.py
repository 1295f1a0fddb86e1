"""Whether this machine's clock and the database's agree: by a wrong one customers are blocked early and payments dated wrongly."""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from sebilling.clock import Clock, system_clock
from sebilling.db.engine import Database
from sebilling.operator_errors import ClockWrong

MOST_SECONDS: Final = 30
"""Clocks that are further apart aren't trusted. A time service keeps them within some milliseconds."""
_NOW: Final = text("SELECT now()")


def ahead(before: datetime, there: datetime, after: datetime) -> float:
    """Seconds by which this machine's clock is ahead of the one that showed `there` between `before` and `after`; negative: behind it.

    0 if the time that the question took explains the difference.
    """
    if there < before:
        return (before - there).total_seconds()
    return min(0.0, (after - there).total_seconds())


async def read_ahead(database: Database, clock: Clock = system_clock) -> float:
    """Seconds by which this machine's clock is ahead of the database's; negative: behind. Raises DatabaseUnavailable."""
    before = clock()
    ((there,),) = await database.fetch(_NOW, {})
    return ahead(before, there, clock())


async def check(database: Database, clock: Clock = system_clock) -> None:
    """Check that this machine's clock can be trusted, before anybody is blocked by it: a day ahead, it would block whoever has a day left.

    Raises ClockWrong, DatabaseUnavailable.
    """
    apart = await read_ahead(database, clock)
    if abs(apart) >= MOST_SECONDS:
        raise ClockWrong(seconds=abs(round(apart)))
