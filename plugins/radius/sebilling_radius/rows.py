"""Store our marks as rows of radcheck or radreply."""

from collections.abc import Mapping

from sebilling_radius import mark, names
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.mark import Mark
from sebilling_radius.names import Matching


async def replace_marks(database: RadiusDatabase, table: str, matching: Matching, marks: Mapping[str, Mark | None]) -> None:
    """Set or remove the mark of each key. Call inside a transaction. Raises DeviceError."""
    if not marks:
        return
    folded = [mark.parked_name(names.folded(key, matching)) for key in marks]
    await database.run(
        f"DELETE FROM {table} WHERE {database.dialect.name('username', matching)} IN :folded AND attribute = :attribute",
        folded=folded, attribute=mark.ATTRIBUTE,
    )  # fmt: skip
    kept = [
        {"name": mark.parked_name(key), "attribute": mark.ATTRIBUTE, "value": str(new_mark)}
        for key, new_mark in marks.items()
        if new_mark is not None
    ]
    if kept:
        await database.run(f"INSERT INTO {table} (username, attribute, op, value) VALUES (:name, :attribute, '=', :value)", kept)
