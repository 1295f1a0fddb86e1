"""Rows as dataclasses: the columns are the fields, and a wrong name is found before anybody reads a wrong value."""

from dataclasses import dataclass

import pytest
from sqlalchemy import text

from sebilling.db.engine import RowMismatch
from tests.harness import SavepointDatabase


@dataclass(frozen=True, slots=True)
class Pair:
    number: int
    word: str


async def test_rows_become_objects(database: SavepointDatabase) -> None:
    two = text("SELECT * FROM (VALUES (1, 'satu'), (2, 'dua')) AS pair (number, word)")
    async with database.reading() as session:
        assert await session.rows(two, into=Pair) == [Pair(1, "satu"), Pair(2, "dua")]
        assert await session.row(text("SELECT 1 AS number, 'satu' AS word"), into=Pair) == Pair(1, "satu")
        assert await session.row(text("SELECT 1 AS number, 'satu' AS word WHERE false"), into=Pair) is None


@pytest.mark.parametrize(
    "columns", ["1 AS number", "1 AS number, 'satu' AS wrod", "'satu' AS word, 1 AS number", "1 AS number, '' AS word, 0 AS more"]
)
async def test_other_columns_are_refused(database: SavepointDatabase, columns: str) -> None:
    async with database.reading() as session:
        with pytest.raises(RowMismatch):
            await session.rows(text(f"SELECT {columns}"), into=Pair)
        with pytest.raises(RowMismatch):
            await session.row(text(f"SELECT {columns} WHERE false"), into=Pair)
