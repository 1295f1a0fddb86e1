"""Which backups are kept: those of the last days, one for each of the last weeks, one for each of the last months."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

DAYS: Final = 7
WEEKS: Final = 4
MONTHS: Final = 12
_NAME: Final = re.compile(r"sebilling-([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6})Z\.zip")
_FORMAT: Final = "%Y-%m-%dT%H%M%S"


def name_at(at: datetime) -> str:
    """Name of a backup that is made at this time."""
    return f"sebilling-{at.astimezone(UTC):{_FORMAT}}Z.zip"


def made_at(name: str) -> datetime | None:
    """Time in the name of a backup; None for any other name, which is not ours to delete."""
    if (parts := _NAME.fullmatch(name)) is None:
        return None
    try:
        return datetime.strptime(parts[1], _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def kept(names: Iterable[str]) -> set[str]:
    """Return the names to keep: of each of the newest DAYS days, WEEKS weeks and MONTHS months that have backups, the last one.

    Days, weeks (ISO) and months that have none don't count, so after a pause nothing is deleted that has no successor.
    """
    stamped = sorted(((at, name) for name in names if (at := made_at(name)) is not None), reverse=True)
    chosen: set[str] = set()
    for most, pattern in ((DAYS, "%Y-%m-%d"), (WEEKS, "%G week %V"), (MONTHS, "%Y-%m")):
        seen: set[str] = set()
        for at, name in stamped:
            if len(seen) == most:
                break
            if (period := at.strftime(pattern)) not in seen:
                seen.add(period)
                chosen.add(name)
    return chosen
