"""Store our marks as rows of radcheck or radreply."""

from collections.abc import Mapping

from sebilling_radius import mark
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.mark import Mark


async def replace_marks(database: RadiusDatabase, table: str, marks: Mapping[str, Mark | None]) -> None:
    """Set or remove the mark of each key. Call inside a transaction. Raises DeviceError."""
    names = [mark.parked_name(key) for key in marks]
    if not names:
        return
    await database.run(f"DELETE FROM {table} WHERE username = ANY ($1) AND attribute = $2", names, mark.ATTRIBUTE)
    kept = [(mark.parked_name(key), str(new_mark)) for key, new_mark in marks.items() if new_mark is not None]
    if kept:
        await database.run(
            f"INSERT INTO {table} (username, attribute, op, value)"
            " SELECT name, $3, '=', value FROM unnest($1::text[], $2::text[]) AS new (name, value)",
            [name for name, _ in kept], [value for _, value in kept], mark.ATTRIBUTE,
        )  # fmt: skip
