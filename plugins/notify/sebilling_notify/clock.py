"""The machine's time, for signatures and for the age of messages; everything else is passed a clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)
