"""The machine's time, for signatures and for what is too old; everything else takes a clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """UTC."""
    return datetime.now(UTC)
