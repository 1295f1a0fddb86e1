"""Read a table from an Excel workbook (XLSX) with openpyxl. An oversized, possibly hostile file is refused before it is parsed."""

import io
import itertools
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

import openpyxl

from sebilling.billing.imports.table import (
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    MAX_TITLES,
    Cell,
    Day,
    Record,
    Table,
    Unreadable,
    find_headings,
    heading,
)
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

MAX_UNPACKED_BYTES: Final = 256 * 1024 * 1024
MAX_STRINGS_BYTES: Final = 64 * 1024 * 1024
"""Unpacked size of the shared strings, which are held in memory completely."""
_MAX_PARTS: Final = 2_000
_MAX_RATIO: Final = 500
"""Compression ratio of a part larger than 1 MiB; real sheets have 5 to 50."""
MAX_ROWS: Final = 300_000
_NO_VALUE: Final = Sentence(
    "it is a formula without a value: open the file in Excel, save it, and import that.",
    "ini rumus tanpa nilai: buka berkasnya di Excel, simpan, lalu impor hasilnya.",
)
_EXACT_DIGITS: Final = 15
"""Significant digits that Excel keeps of a number."""
_FORMULA: Final = re.compile(rb"<(?:\w+:)?f[\s>/]")
_HIDDEN: Final = re.compile(rb"<(?:\w+:)?row\b[^>]{0,400}\shidden=\"(?:1|true)\"")
_DTD: Final = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_OPEN_DOCUMENT: Final = Sentence(
    "it is an OpenDocument sheet: open it, and save it as .xlsx or 'CSV UTF-8'.",
    "ini lembar OpenDocument: buka, lalu simpan sebagai .xlsx atau 'CSV UTF-8'.",
)
_ARCHIVE: Final = Sentence(
    "it is an archive without a workbook in it: unpack it first, or save the sheet as .xlsx.",
    "ini arsip yang bukan berkas Excel: ekstrak dulu, atau simpan lembarnya sebagai .xlsx.",
)
_TOO_LARGE: Final = Sentence(
    "unpacked it is far larger than a table of customers: copy the rows into a new workbook, and save that.",
    "isinya jauh lebih besar daripada tabel pelanggan: salin barisnya ke berkas Excel baru, lalu simpan.",
)
_DOCUMENT_TYPE: Final = Sentence(
    "it has a document type in it, as no workbook of Excel has: save it anew in Excel.",
    "ada 'document type' di dalamnya, yang tidak dipakai Excel: simpan ulang di Excel.",
)


def open_workbook(name: str, data: bytes, *, sheet: str | None) -> Table:
    """Open the table on the named sheet, by default the first. Raises InvalidFile, and so do its records.

    A formula has the value that Excel saved; a note reports how many there are.
    """
    _check_size(name, data)
    rows: Iterator[list[Cell]] = iter(())
    formulas = hidden = 0
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        names = [other.title for other in book.worksheets]
        title = sheet if sheet is not None else next(iter(names), None)
        if title in names:
            formulas, hidden = _scan(data, str(getattr(book[title], "_worksheet_path")).lstrip("/"))  # noqa: B009 - its stubs lack it
            rows = _rows(book, title)
            if formulas:
                rows = _with_formulas(rows, openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False), title)
    except Exception as error:
        raise _broken(name, error) from error
    if title not in names:
        raise InvalidFile(file=name, why=_without_sheet(title, names))
    table = _table(name, _guarded(name, rows))
    others = [f"'{other}'" for other in names if other != title]
    if others and sheet is None:
        table.notes.append(
            Sentence(
                f"The sheet '{title}' was read; the workbook also has {', '.join(others)}. If you mean another one, make it the first.",
                f"Yang dibaca lembar '{title}'; berkasnya juga punya {', '.join(others)}. Kalau yang dimaksud lembar lain, jadikan lembar"
                " pertama.",
            )
        )
    if hidden:
        table.notes.append(
            Sentence(
                f"{hidden} rows are hidden in Excel; they were read like the others.",
                f"{hidden} baris disembunyikan di Excel; tetap dibaca seperti yang lain.",
            )
        )
    if formulas:
        table.notes.append(
            Sentence(
                f"The sheet has {formulas} formulas: their values as Excel saved them were taken.",
                f"Lembar ini berisi {formulas} rumus: yang diambil nilainya, seperti yang disimpan Excel.",
            )
        )
    return table


def _without_sheet(title: str | None, names: list[str]) -> Sentence:
    listed = ", ".join(names)
    if title is None:
        return Sentence(
            f"it has no sheet with cells; its sheets are: {listed or 'none'}.",
            f"tidak ada lembar yang berisi sel; lembarnya: {listed or 'tidak ada'}.",
        )
    return Sentence(
        f"it has no sheet '{title}'; its sheets are: {listed or 'none'}.",
        f"tidak ada lembar '{title}'; lembarnya: {listed or 'tidak ada'}.",
    )


def _check_size(name: str, data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
            if "mimetype" in names and "content.xml" in names:
                raise InvalidFile(file=name, why=_OPEN_DOCUMENT)
            if "xl/workbook.xml" not in names:
                raise InvalidFile(file=name, why=_ARCHIVE)
            unpacked = sum(part.file_size for part in parts)
            strings = sum(part.file_size for part in parts if part.filename.lower().endswith("sharedstrings.xml"))
            packed_tight = any(part.file_size > 1 << 20 and part.file_size > _MAX_RATIO * max(1, part.compress_size) for part in parts)
            if len(parts) > _MAX_PARTS or unpacked > MAX_UNPACKED_BYTES or strings > MAX_STRINGS_BYTES or packed_tight:
                raise InvalidFile(file=name, why=_TOO_LARGE)
            for part in parts:  # OOXML has no document types; decompression bombs are made of entities
                if part.filename.lower().endswith((".xml", ".rels")) and _DTD.search(archive.open(part).read(1 << 16)):
                    raise InvalidFile(file=name, why=_DOCUMENT_TYPE)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> InvalidFile:
    kind = type(error).__name__
    why = Sentence(
        f"it is damaged, or no workbook that we can read ({kind}): open it in Excel and save it as .xlsx, or as 'CSV UTF-8'.",
        f"rusak, atau bukan berkas Excel yang bisa dibaca ({kind}): buka di Excel dan simpan sebagai .xlsx, atau sebagai 'CSV UTF-8'.",
    )
    return InvalidFile(file=name, why=why)


def _scan(data: bytes, part: str) -> tuple[int, int]:
    """Count a sheet's formulas and hidden rows."""
    formulas = hidden = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(part) as file:
        rest = b""
        while block := file.read(1 << 20):
            rest += block
            cut = rest.rfind(b"<")
            whole, rest = (rest[:cut], rest[cut:]) if cut > 0 else (b"", rest)
            formulas += len(_FORMULA.findall(whole))
            hidden += len(_HIDDEN.findall(whole))
    return formulas + len(_FORMULA.findall(rest)), hidden + len(_HIDDEN.findall(rest))


def _rows(book: openpyxl.Workbook, title: str) -> Iterator[list[Cell]]:
    sheet = book[title]
    sheet.reset_dimensions()  # the sheet size that other programs record isn't always correct
    for row in sheet.iter_rows():
        yield [_cell(cell.value, cell.data_type, str(getattr(cell, "number_format", ""))) for cell in row[: MAX_COLUMNS + 1]]


def _with_formulas(rows: Iterator[list[Cell]], book: openpyxl.Workbook, title: str) -> Iterator[list[Cell]]:
    """Yield the rows with each formula that has no saved value marked unreadable instead of empty."""
    sheet = book[title]
    sheet.reset_dimensions()
    for cells, row in zip(rows, sheet.iter_rows(), strict=False):
        for index, cell in enumerate(row[: len(cells)]):
            if cell.data_type == "f" and cells[index] == "":
                cells[index] = Unreadable(_NO_VALUE)
        yield cells


def _guarded(name: str, rows: Iterator[list[Cell]]) -> Iterator[Record]:
    """Yield numbered records. Raises InvalidFile for too many rows or columns, and for anything openpyxl can't read."""
    number = 0
    while True:
        number += 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise _broken(name, error) from error
        if number > MAX_ROWS or len(cells) > MAX_COLUMNS:
            if number > MAX_ROWS:
                most = Sentence(f"{MAX_ROWS} rows", f"{MAX_ROWS} baris")
            else:
                most = Sentence(f"{MAX_COLUMNS} columns", f"{MAX_COLUMNS} kolom")
            why = Sentence(
                f"the sheet has more than {most.english}: copy the table into a new workbook, and save that.",
                f"lembarnya lebih dari {most.indonesian}: salin tabelnya ke berkas Excel baru, lalu simpan.",
            )
            raise InvalidFile(file=name, why=why)
        yield Record(number, cells)


def _table(name: str, records: Iterator[Record]) -> Table:
    above, below = itertools.tee(records)
    record = find_headings(above)
    if record is None:
        why = Sentence(
            f"no row of headings is among the first {MAX_TITLES}: the first row must name the columns.",
            f"baris judul kolom tidak ada di antara {MAX_TITLES} baris pertama: baris pertama harus berisi judul kolom.",
        )
        raise InvalidFile(file=name, why=why)
    del above  # otherwise tee would keep the rows in memory
    below = itertools.dropwhile(lambda row: row.line <= record.line, below)
    return Table(name, [heading(cell) for cell in record.cells], record.line, below, is_text=False)


def _cell(value: object, kind: str, form: str) -> Cell:
    """Convert a cell to text, as Excel would show it for editing."""
    if value is None:
        return ""
    if kind == "e":
        why = Sentence(
            f"it holds Excel's error {value}: correct the formula, or type the value.",
            f"isinya kesalahan Excel {value}: perbaiki rumusnya, atau ketik nilainya.",
        )
        return Unreadable(why)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | time | timedelta):
        return _moment(value)
    return value[: MAX_CELL_CHARACTERS + 1] if isinstance(value, str) else _number(Decimal(repr(value)), form)


def _moment(value: date | time | timedelta) -> Cell:
    if isinstance(value, datetime):
        return Day(value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds"))
    if isinstance(value, date):
        return Day(value.isoformat())
    why = Sentence(
        f"it holds a time ({value}), not a date or a text: format the cell as text, and type it anew.",
        f"isinya jam ({value}), bukan tanggal atau teks: format selnya sebagai teks, lalu ketik ulang.",
    )
    return Unreadable(why)


def _number(value: Decimal, form: str) -> Cell:
    if value != value.to_integral_value():
        return format(value, "f")
    digits = str(abs(int(value)))
    if len(digits) > _EXACT_DIGITS:
        why = Sentence(
            f"it is a number of {len(digits)} digits, of which Excel keeps {_EXACT_DIGITS}: format the cell as text, and type it anew.",
            f"angkanya {len(digits)} digit, padahal Excel hanya menyimpan {_EXACT_DIGITS}: format selnya sebagai teks, lalu ketik ulang.",
        )
        return Unreadable(why)
    if form and set(form) <= set("0- ") and value >= 0:  # 1 shown as 0001
        digits = digits.zfill(form.count("0"))
    return f"-{digits}" if value < 0 else digits
