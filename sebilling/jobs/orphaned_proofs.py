"""Orphaned proofs: uploads that were interrupted between the store and the database. They are deleted after an hour."""

import re
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import Database
from sebilling.storage import ObjectStore

PATIENCE: Final = timedelta(hours=1)
"""Minimum age, so that an upload that is being recorded isn't taken for an orphan."""
_OURS: Final = re.compile(r"proofs/[0-9]{4}/[0-9]{2}/[0-9a-f]{32}\.[a-z]{3,4}")
"""Keys as `storage.new_key` makes them. A bucket may hold other objects too; they must not be deleted."""
_KNOWN: Final = text("SELECT object_key FROM proof WHERE object_key = ANY (:keys)")


async def orphans(database: Database, store: ObjectStore, *, at: datetime) -> int:
    """Delete orphaned proofs; return how many. Raises DatabaseUnavailable, and then deletes nothing."""
    old = [key for key in await store.keys_older_than(at - PATIENCE) if _OURS.fullmatch(key)]
    if not old:
        return 0
    async with database.reading() as session:
        known = set(await session.values(_KNOWN, {"keys": old}, kind=str))
    for key in (stray := [key for key in old if key not in known]):
        await store.delete(key)
    return len(stray)
