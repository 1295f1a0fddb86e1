"""Cursors of pages, of the feed and of phones: JSON in URL-safe base64. Clients pass them on unread."""

import base64
from collections.abc import Sequence

import orjson


def encode(*parts: object) -> str:
    """Return the cursor of these JSON values."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decode(cursor: str) -> Sequence[object]:
    """Return the values of a cursor, which a client may have invented: neither their number nor their types are checked.

    Raises ValueError if it isn't the cursor of any values.
    """
    parts: object = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    if not isinstance(parts, list):
        raise ValueError("a cursor holds a list")  # noqa: TRY004 - what a client invents is a wrong value
    return parts
