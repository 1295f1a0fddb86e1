"""Write reports as CSV and XLSX, row by row, in the form that Excel in Indonesia opens correctly."""

import asyncio
import csv
import io
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import xlsxwriter  # type: ignore[import-untyped]  # it has annotations, but no py.typed

from sebilling.billing.reports import Cell, Column, Kind
from sebilling.printing.finish import to_the_end

MAX_ROWS_OF_A_SHEET: Final = 1_048_575
"""Rows below the header. Excel's limit; xlsxwriter silently omits further rows."""
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""First characters by which a spreadsheet takes a text for a formula, half- and full-width."""
_CHUNK: Final = 500
"""Rows after which other tasks may run: a few milliseconds of work."""
_WIDTHS: Final = {Kind.DATE: 12, Kind.INSTANT: 19, Kind.RUPIAH: 16, Kind.INT: 10, Kind.TEXT: 18}
_WIDE: Final = {"Nomor": 27, "Nomor Kuitansi": 26, "Nama Pelanggan": 30, "Catatan": 32, "Alasan": 32, "Debit": 24, "Kredit": 24}
_TEMPORARY: Final = "sebilling-xlsx-"


# --- CSV -------------------------------------------------------------------------------------------------------------------


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: prefixed with an apostrophe if it could be one, even after spaces."""
    could = text.lstrip().startswith(_FORMULA) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if could else text


def _csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return harmless(cell)
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M:%S}"
        case date():
            return cell.isoformat()
        case int():
            return str(cell)


async def csv_lines(header: Sequence[Column], rows: AsyncIterator[Sequence[Cell]]) -> AsyncIterator[bytes]:
    """Yield CSV, some hundred whole lines at a time: UTF-8 with a byte order mark, semicolons, CRLF; amounts as digits, dates YYYY-MM-DD.

    A text that a spreadsheet would execute is prefixed with an apostrophe; negative numbers remain numbers.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow([harmless(column.title) for column in header])
    waiting = 0
    async for row in rows:
        writer.writerow([_csv_cell(cell) for cell in row])
        waiting += 1
        if waiting == _CHUNK:
            yield buffer.getvalue().encode(errors="replace")
            buffer.seek(0)
            buffer.truncate()
            waiting = 0
            await asyncio.sleep(0)
    yield buffer.getvalue().encode(errors="replace")


# --- XLSX ------------------------------------------------------------------------------------------------------------------


class _Book:
    """A workbook of one report, with as many sheets as its rows need. Keeps one row in memory."""

    def __init__(self, path: Path, header: Sequence[Column]) -> None:
        self._header = header
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": str(path.parent),
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._book.use_zip64()
        self._title = self._book.add_format({"bold": True, "bg_color": "#E3EBF3", "bottom": 1, "valign": "vcenter"})
        self._formats = {
            Kind.DATE: self._book.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
            Kind.INSTANT: self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"}),
            Kind.RUPIAH: self._book.add_format({"num_format": "#,##0"}),
            Kind.INT: self._book.add_format({"num_format": "0"}),
            Kind.TEXT: None,
        }
        self._sheets = 0
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet: Any = self._book.add_worksheet("Laporan" if self._sheets == 1 else f"Laporan {self._sheets}")
        self._sheet.freeze_panes(1, 0)
        for number, column in enumerate(self._header):
            self._sheet.set_column(number, number, max(_WIDE.get(column.title, _WIDTHS[column.kind]), len(column.title) + 2))
        for number, column in enumerate(self._header):
            self._sheet.write_string(0, number, column.title, self._title)
        self._row = 0

    def add(self, row: Sequence[Cell]) -> None:
        """Append a row."""
        if self._row == MAX_ROWS_OF_A_SHEET:
            self._begin()
        self._row += 1
        for number, (column, cell) in enumerate(zip(self._header, row, strict=True)):
            shown = self._formats[column.kind]
            match cell:
                case None:
                    pass
                case str():
                    self._sheet.write_string(self._row, number, cell, shown)
                case date():
                    self._sheet.write_datetime(self._row, number, cell, shown)
                case int():
                    self._sheet.write_number(self._row, number, cell, shown)

    def close(self) -> None:
        """Assemble the file: takes seconds for a million rows."""
        self._book.close()


async def _fill(path: Path, header: Sequence[Column], rows: AsyncIterator[Sequence[Cell]]) -> None:
    book = _Book(path, header)
    try:
        waiting = 0
        async for row in rows:
            book.add(row)
            waiting += 1
            if waiting == _CHUNK:
                waiting = 0
                await asyncio.sleep(0)
    finally:  # also after a failure, to close the open files
        await to_the_end(asyncio.ensure_future(asyncio.to_thread(book.close)))


@asynccontextmanager
async def xlsx(header: Sequence[Column], rows: AsyncIterator[Sequence[Cell]]) -> AsyncIterator[Path]:
    """Write an .xlsx file that exists while the block runs: texts as text, dates as dates, rupiah as numbers, header frozen.

    The file is always deleted, also after a failing row or cancellation. Rows that don't fit into one sheet continue on the next.
    """
    folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
    try:
        path = folder / "laporan.xlsx"
        await _fill(path, header, rows)
        yield path
    finally:
        shutil.rmtree(folder)
