"""Customers from a spreadsheet saved as CSV, read row by row: whatever its encoding, separator, language or order of columns."""

import codecs
import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TextIO

from sebilling.billing.imports.columns import BY_HEADING, COLUMNS, spelt
from sebilling.billing.imports.rows import CustomerRow, Faulty, customer_row, faulty
from sebilling.errors import InvalidFile

_REQUIRED: Final = {column.field: column.title for column in COLUMNS if column.required}
_DELIMITERS: Final = ";,\t|"
MOST_FIELD: Final = 64 * 1024
"""Characters of a field, and of a line: more is no customer."""


def read(path: Path, *, tell: Callable[[int], None] = lambda _: None) -> Iterator[CustomerRow | Faulty]:
    """Each row of the file, or what is wrong with it; `tell` hears the number of bytes read so far.

    Raises InvalidFile, before or after some rows, if the file as a whole can't be read.
    """
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            yield from _rows(path, file, tell)
    except OSError as error:
        raise InvalidFile(file=path.name, why=f"{error.strerror}: check the name and who may read it.") from error
    except UnicodeDecodeError as error:
        raise InvalidFile(file=path.name, why="it is neither UTF-8 nor Windows text: save it as 'CSV UTF-8'.") from error


def _rows(path: Path, file: TextIO, tell: Callable[[int], None]) -> Iterator[CustomerRow | Faulty]:
    lines = _lines(path, file)
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=lambda mark: len(_columns(first, mark)))
    columns = _columns(first, delimiter)
    if missing := [name for column, name in _REQUIRED.items() if column not in columns.values()]:
        raise InvalidFile(
            file=path.name,
            why=f"the first line must name the columns, and {', '.join(missing)} isn't there: add it, or rename the column.",
        )
    if len(columns) != len(set(columns.values())):
        raise InvalidFile(file=path.name, why="two columns mean the same: remove one.")
    csv.field_size_limit(MOST_FIELD)
    reader = csv.reader(lines, delimiter=delimiter, strict=False)
    width, line = max(columns) + 1, 2
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _row(line, cells, columns, width)
            line = reader.line_num + 2
            if line % 500 == 0:
                tell(file.buffer.tell())
    except csv.Error as error:
        raise InvalidFile(file=path.name, why=f"line {line}: {error}: look for a quote that isn't closed.") from error


def _row(line: int, cells: list[str], columns: Mapping[int, str], width: int) -> CustomerRow | Faulty:
    if len(cells) < width:
        why = f"the row has {len(cells)} columns, the first line {width}: look for a missing separator, or text that holds one."
        return faulty(line, "", why)
    if any(cell.strip() for cell in cells[width:]) and len(cells) > width:
        return faulty(line, "", f"the row has {len(cells)} columns, the first line {width}: put text with separators in quotes.")
    return customer_row(line, {column: cells[place] for place, column in columns.items()})


def _columns(header: str, delimiter: str) -> dict[int, str]:
    """Places of the columns that we know, by the words of the header."""
    names = next(csv.reader([header], delimiter=delimiter), [])
    known = (spelt(name) for name in names)
    return {place: BY_HEADING[name] for place, name in enumerate(known) if name in BY_HEADING}


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """The lines, none of them longer than a customer can be: a file of one endless line must not fill the memory."""
    number = 0
    while line := file.readline(MOST_FIELD + 1):
        number += 1
        if len(line) > MOST_FIELD:
            raise InvalidFile(
                file=path.name, why=f"line {number} has more than {MOST_FIELD} characters: look for a quote that isn't closed."
            )
        if "\0" in line:
            raise InvalidFile(file=path.name, why=f"line {number} isn't text: save the file as 'CSV UTF-8'.")
        yield line


def _encoding(path: Path) -> str:
    """UTF-8 or UTF-16 by their marks, UTF-8 if all of it is, else what Excel writes on Windows in Indonesia."""
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            raise InvalidFile(file=path.name, why="it is a workbook, not a CSV: open it in Excel and save it as 'CSV UTF-8'.")
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"
