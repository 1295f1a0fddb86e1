"""A table of customers as a file has it: headings and records of cells, whatever kind of file it came from."""

from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_CELL_CHARACTERS = 64 * 1024
"""Of a cell, and of a line: more is no customer."""
MAX_COLUMNS = 500


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


def is_title(cells: list[Cell]) -> bool:
    """Whether this can't be the row of headings: it is empty, or a title above the table."""
    return sum(map(is_filled, cells)) < 2


def heading(cell: Cell) -> str:
    """A cell of the row of headings in one line."""
    return " ".join(cell.split()) if isinstance(cell, str) else ""
