"""Rows as dataclasses: the columns are the fields, and a wrong name is found before anybody reads a wrong value."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import NoResultFound

from sebilling.db.engine import RowMismatch
from tests.harness import SavepointDatabase
from tests.row_types import holds


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


async def test_a_row_that_is_always_there(database: SavepointDatabase) -> None:
    async with database.reading() as session:
        assert await session.only_row(text("SELECT count(*) AS number, 'none' AS word FROM counter WHERE false"), into=Pair) == Pair(
            0, "none"
        )
        with pytest.raises(NoResultFound):
            await session.only_row(text("SELECT 1 AS number, 'satu' AS word WHERE false"), into=Pair)


async def test_values_have_their_kind(database: SavepointDatabase) -> None:
    three = text("SELECT * FROM (VALUES (1), (2), (3)) AS three (number)")
    async with database.reading() as session:
        assert await session.value(text("SELECT 1"), kind=int) == 1
        assert await session.value(text("SELECT 1 WHERE false"), kind=int) is None
        assert await session.value(text("SELECT NULL::int"), kind=int) is None
        assert await session.only_value(text("SELECT EXISTS (SELECT WHERE false)"), kind=bool) is False
        assert await session.values(three, kind=int) == [1, 2, 3]
        with pytest.raises(NoResultFound):
            await session.only_value(text("SELECT 1 WHERE false"), kind=int)


@pytest.mark.parametrize("value", ["'1'", "1.0", "NULL"])
async def test_values_of_another_kind_are_refused(database: SavepointDatabase, value: str) -> None:
    async with database.reading() as session:
        with pytest.raises(RowMismatch):
            await session.only_value(text(f"SELECT {value}"), kind=int)
        with pytest.raises(RowMismatch):
            await session.values(text(f"SELECT {value}"), kind=int)


@dataclass(frozen=True, slots=True)
class Sum:
    number: int


@pytest.mark.parametrize("value", ["sum(n)", "NULL::int", "true"])
async def test_tests_compare_the_types_of_rows_too(database: SavepointDatabase, value: str) -> None:
    async with database.reading() as session:
        with pytest.raises(RowMismatch):
            await session.row(text(f"SELECT {value} AS number FROM (SELECT 1::bigint AS n) one GROUP BY n"), into=Sum)


def test_what_a_value_is() -> None:
    assert holds(None, int | None)
    assert holds([date(2026, 2, 1), date(2026, 3, 1)], list[date] | None)
    assert not holds([1, None], list[int])
    assert not holds(datetime(2026, 2, 1, tzinfo=UTC), date)
    assert not holds(Decimal(1), int)


async def test_a_misspelt_field_is_found_by_mypy(database: SavepointDatabase) -> None:
    """Each line below needs its `ignore`: `warn_unused_ignores` makes mypy refuse it if ever such a name passed."""
    async with database.reading() as session:
        pair = await session.only_row(text("SELECT 1 AS number, 'satu' AS word"), into=Pair)
        with pytest.raises(AttributeError):
            _ = pair.wrod  # type: ignore[attr-defined]  # misspelt on purpose
        with pytest.raises(AttributeError):
            _ = (await session.rows(text("SELECT 1 AS number, 'satu' AS word"), into=Pair))[0].nubmer  # type: ignore[attr-defined]  # too
        with pytest.raises(AttributeError):
            _ = (await session.row(text("SELECT 1 AS number, 'satu' AS word WHERE false"), into=Pair)).word  # type: ignore[union-attr]  # None
        with pytest.raises(TypeError):
            _ = await session.value(text("SELECT 1 WHERE false"), kind=int) + 1  # type: ignore[operator]  # None too
