"""A table of customers as a file has it: headings and records of cells, whatever kind of file it came from."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from sebilling.billing.imports.columns import BY_HEADING, spelt

MAX_CELL_CHARACTERS = 64 * 1024
"""Of a cell, and of a line: more is no customer."""
MAX_COLUMNS = 500
MAX_TITLES = 20
"""Rows among which the headings must be."""
_SOME = 3
"""Known headings by which a row is told from a title of several cells."""


class Day(str):
    """A cell that is a date in its file, as 2024-02-01, with the time behind it if there is one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A cell whose value can't be known. `why` is a sentence with its remedy."""

    why: str


Cell = str | Unreadable


@dataclass(frozen=True, slots=True)
class Record:
    """A row: the line of the file that it begins on, or its number in the sheet, from 1; and its cells, as far as there are any."""

    line: int
    cells: list[Cell]
    error: str = ""
    """What is wrong with the row as a whole."""


@dataclass(slots=True)
class Table:
    """An open file."""

    name: str
    headings: list[str]
    """In the order of the columns, with line breaks as spaces; empty where a column has none."""
    line: int
    """Where the headings are."""
    records: Iterator[Record]
    """What is below the headings, once."""
    is_text: bool = True
    """Whether a row that ends early may be a damaged one; a workbook leaves empty cells away."""
    notes: list[str] = field(default_factory=list)
    """What people should know of the file; complete when `records` are at their end."""


def is_filled(cell: Cell) -> bool:
    """Whether there is anything in it."""
    return isinstance(cell, Unreadable) or bool(cell.strip())


def find_headings(records: Iterator[Record]) -> Record | None:
    """The row of headings among the first MAX_TITLES: one that has some known ones, else the first that isn't empty or a title."""
    first: Record | None = None
    for record in itertools.islice(records, MAX_TITLES):
        if known_headings(record) >= _SOME:
            return record
        if first is None and sum(map(is_filled, record.cells)) > 1:
            first = record
    return first


def known_headings(record: Record) -> int:
    """How many of the cells are headings that we know."""
    return sum(spelt(heading(cell)) in BY_HEADING for cell in record.cells)


def heading(cell: Cell) -> str:
    """A cell of the row of headings in one line."""
    return " ".join(cell.split()) if isinstance(cell, str) else ""
