"""A table of customers: headings and records of cells, whatever the file format."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from sebilling.billing.imports.columns import BY_HEADING, spelt
from sebilling.language import Sentence

MAX_CELL_CHARACTERS = 64 * 1024
"""Limit of a cell, and of a line; no customer needs more."""
MAX_COLUMNS = 500
MAX_TITLES = 20
"""Number of leading rows that are searched for the headings."""
_SOME = 3
"""Known headings that distinguish the row of headings from a title of several cells."""


class Day(str):
    """A cell that the file stores as a date: 2024-02-01, followed by the time if there is one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A cell whose value can't be read. `why` is a sentence with the remedy."""

    why: Sentence


Cell = str | Unreadable


@dataclass(frozen=True, slots=True)
class Record:
    """A row: the line of the file on which it begins, or its number in the sheet, from 1; and its cells."""

    line: int
    cells: list[Cell]
    error: Sentence | None = None
    """Fault of the row as a whole; None if there is none."""


@dataclass(slots=True)
class Table:
    """The table of an open file."""

    name: str
    headings: list[str]
    """Headings in the order of the columns, line breaks as spaces; empty for a column without one."""
    line: int
    """Line of the headings."""
    records: Iterator[Record]
    """Records below the headings; can be iterated once."""
    is_text: bool = True
    """Whether a short row may be damaged. A workbook omits empty cells at the end, so there it isn't."""
    notes: list[Sentence] = field(default_factory=list)
    """Remarks for the user about the file; complete once `records` is exhausted."""


def is_filled(cell: Cell) -> bool:
    """Whether the cell isn't empty."""
    return isinstance(cell, Unreadable) or bool(cell.strip())


def find_headings(records: Iterator[Record]) -> Record | None:
    """Find the row of headings in the first MAX_TITLES: the first with several known headings, else the first with several cells."""
    first: Record | None = None
    for record in itertools.islice(records, MAX_TITLES):
        if known_headings(record) >= _SOME:
            return record
        if first is None and sum(map(is_filled, record.cells)) > 1:
            first = record
    return first


def known_headings(record: Record) -> int:
    """Count the cells that are known headings."""
    return sum(spelt(heading(cell)) in BY_HEADING for cell in record.cells)


def heading(cell: Cell) -> str:
    """Return a heading's text on one line."""
    return " ".join(cell.split()) if isinstance(cell, str) else ""
