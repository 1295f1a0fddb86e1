"""Read a table from a CSV file of any encoding, separator and line ending. An unclosed quote that swallows rows is reported."""

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sebilling.billing.imports import encoded
from sebilling.billing.imports.table import MAX_CELL_CHARACTERS, Cell, Record, Table, find_headings, heading, known_headings
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

SEPARATORS: Final = ";,\t|"
_HINT: Final = re.compile(r'"?sep=(.)"?')
"""Optional first line by which Excel names the separator."""

_EMPTY: Final = Sentence(
    "it is empty: the first line must name the columns, such as Kode Pelanggan;Nama;Loket.",
    "berkasnya kosong: baris pertama harus berisi judul kolom, misalnya Kode Pelanggan;Nama;Loket.",
)
_NO_HEADINGS: Final = Sentence(
    "no line of headings was found at its beginning: the first line must name the columns, such as Kode Pelanggan;Nama;Loket.",
    "baris judul kolom tidak ditemukan di awal berkas: baris pertama harus berisi judul kolom, misalnya Kode Pelanggan;Nama;Loket.",
)

Tell = Callable[[int, int], None]
"""Progress callback: characters read, characters in total."""


def open_csv(name: str, data: bytes, *, tell: Tell) -> Table:
    """Open the table in these bytes. Raises InvalidFile; so do its records, where the file can't be read any further."""
    text = encoded.decode(name, data)
    if text.lstrip()[:1] == "<":
        why = Sentence(
            "it is a web page or XML, whatever its name says: open it in Excel and save it as .xlsx.",
            "isinya halaman web atau XML, apa pun nama berkasnya: buka di Excel dan simpan sebagai .xlsx.",
        )
        raise InvalidFile(file=name, why=why)
    source = _Source(name, text, tell)
    hint = _HINT.fullmatch(text[:80].splitlines()[0].strip()) if text.strip() else None
    candidates = [_headings(source, mark, skipped=hint is not None) for mark in (hint[1] if hint else SEPARATORS)]
    _, _, separator, record = max(candidates, key=lambda candidate: candidate[:2])
    if isinstance(record, InvalidFile):
        raise record
    if record is None:
        raise InvalidFile(file=name, why=_NO_HEADINGS if text.strip() else _EMPTY)
    records = _records(source, separator, skipped=hint is not None)
    for _ in itertools.takewhile(lambda row: row.line != record.line, records):
        pass
    return Table(name, [heading(cell) for cell in record.cells], record.line, _watched(records, len(record.cells), separator))


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    text: str
    tell: Tell

    def lines(self) -> Iterator[str]:
        """Yield the lines. Raises InvalidFile for a line of more than MAX_CELL_CHARACTERS or with a zero byte."""
        file = io.StringIO(self.text, newline="")
        for number in itertools.count(1):
            line = file.readline(MAX_CELL_CHARACTERS + 1)
            if not line:
                return
            if len(line) > MAX_CELL_CHARACTERS:
                why = Sentence(
                    f"line {number} has more than {MAX_CELL_CHARACTERS} characters: look for a line break that is missing.",
                    f"baris {number} lebih dari {MAX_CELL_CHARACTERS} karakter: periksa, mungkin ada ganti baris yang hilang.",
                )
                raise InvalidFile(file=self.name, why=why)
            if "\0" in line:
                why = Sentence(
                    f"line {number} isn't text, it has a zero byte: save the file as 'CSV UTF-8'.",
                    f"baris {number} bukan teks, ada byte nol di dalamnya: simpan berkasnya sebagai 'CSV UTF-8'.",
                )
                raise InvalidFile(file=self.name, why=why)
            if number % 500 == 0:
                self.tell(file.tell(), len(self.text))
            yield line


def _records(source: _Source, separator: str, *, skipped: bool) -> Iterator[Record]:
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    lines = source.lines()
    first = 2 if skipped and next(lines, None) is not None else 1
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = reader.line_num + first
        try:
            cells: list[Cell] = [*next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidFile(file=source.name, why=_refusal(str(error), line)) from error
        yield Record(line, cells)


def _refusal(error: str, line: int) -> Sentence:
    if "unexpected end" in error:
        seen = Sentence(
            f"a quote in the row that begins on line {line} isn't closed until the end of the file.",
            f"tanda kutip di data yang mulai pada baris {line} tidak ditutup sampai akhir berkas.",
        )
    elif "field larger" in error:
        seen = Sentence(
            f"a cell of the row that begins on line {line} has more than {MAX_CELL_CHARACTERS} characters.",
            f"ada sel di data yang mulai pada baris {line} dengan lebih dari {MAX_CELL_CHARACTERS} karakter.",
        )
    else:
        seen = Sentence(
            f"in the row that begins on line {line}, something other than a separator follows a closing quote.",
            f"di data yang mulai pada baris {line}, setelah tanda kutip penutup bukan pemisah kolom.",
        )
    return Sentence(
        f"{seen.english} Look for a quote too many, or one that is missing.",
        f"{seen.indonesian} Periksa tanda kutip yang kelebihan atau yang hilang.",
    )


def _headings(source: _Source, separator: str, *, skipped: bool) -> tuple[int, int, str, Record | InvalidFile | None]:
    """Rate a separator: known headings, cells in the row of headings, the separator, and that row, None, or the error it caused."""
    try:
        record = find_headings(_records(source, separator, skipped=skipped))
    except InvalidFile as error:
        return -1, 0, separator, error
    return (0, 0, separator, None) if record is None else (known_headings(record), len(record.cells), separator, record)


def _watched(records: Iterator[Record], width: int, separator: str) -> Iterator[Record]:
    """Yield the records; one with a cell that seems to hold whole rows gets an error."""
    least = max(2, width - 1)
    for record in records:
        for column, cell in enumerate(record.cells, 1):
            if isinstance(cell, str) and "\n" in cell and _holds_rows(cell, separator, least):
                why = Sentence(
                    f"column {column} has line breaks and holds what looks like further rows: look for a quote that isn't closed.",
                    f"kolom {column} berisi ganti baris dan tampaknya memuat baris lain: periksa tanda kutip yang belum ditutup.",
                )
                yield Record(record.line, record.cells, why)
                break
        else:
            yield record


def _holds_rows(cell: str, separator: str, least: int) -> bool:
    """Whether a line of the cell has at least `least` separators. One before a space doesn't count: it is a comma of an address."""
    return any(part.count(separator) - part.count(f"{separator} ") >= least for part in cell.split("\n"))
