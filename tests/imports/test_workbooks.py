"""Excel workbooks: what they tell besides their cells, and those that are no table of customers or want to do harm."""

import io
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it has annotations, but no py.typed

from sebilling.billing.imports import spreadsheet, workbook
from sebilling.billing.imports.column_map import GivenMap, assign
from sebilling.billing.imports.rows import CustomerRow
from sebilling.errors import InvalidFile

HEADINGS: list[Any] = ["Kode", "Nama", "Loket", "Paket", "Harga", "Tanggal Pasang", "No HP"]
ROW: list[Any] = ["P1", "Budi", "LKT01", "15M", 150_000, "2024-02-01", 81_234_567_890]
File = Callable[..., Path]


def book(*sheets: tuple[str, list[list[Any]]], hidden: int | None = None) -> bytes:
    """A workbook of these sheets; a row of the last may be hidden."""
    file = io.BytesIO()
    made = xlsxwriter.Workbook(file, {"in_memory": True})
    for name, rows in sheets:
        sheet = made.add_worksheet(name)
        for line, row in enumerate(rows):
            for place, cell in enumerate(row):
                sheet.write(line, place, cell)
        if hidden is not None:
            sheet.set_row(hidden, None, None, {"hidden": True})
    made.close()
    return file.getvalue()


def with_part(data: bytes, part: str, content: bytes) -> bytes:
    """The workbook with another content in one of its parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.infolist():
            if one.filename != part:
                new.writestr(one.filename, old.read(one.filename))
        new.writestr(part, content)
    return file.getvalue()


def opened(path: Path, **options: Any) -> tuple[list[Any], list[str]]:
    """Rows and notes."""
    table = spreadsheet.open_table(path, **options)
    rows = list(spreadsheet.rows(table, assign(table.name, table.headings, GivenMap(), {}), GivenMap()))
    return rows, [note.english for note in table.notes]


def test_numbers_of_excel_are_whole_numbers(tmp_file: File) -> None:
    (row,), notes = opened(tmp_file(book(("Data", [HEADINGS, ROW])), "pelanggan.dat"))
    assert isinstance(row, CustomerRow)
    assert (row.price, row.phone, row.installed_on) == (150_000, "+6281234567890", date(2024, 2, 1))
    assert notes == []


def test_other_sheets_hidden_rows_and_formulas_are_told(tmp_file: File) -> None:
    rows: list[list[Any]] = [HEADINGS, ROW, ["P2", "Siti", "LKT01", "15M", "=100000+50000", "2024-02-01", ""]]
    path = tmp_file(book(("Rekap", [["x", "y"]]), ("Data", rows), hidden=1))
    found, notes = opened(path, sheet="Data")
    assert [row.code for row in found] == ["P1", "P2"]
    assert any(note.startswith("1 rows are hidden") for note in notes)
    assert any("1 formulas" in note for note in notes)
    with pytest.raises(InvalidFile, match="there is no column for"):
        opened(path)
    with pytest.raises(InvalidFile, match="no sheet 'Lain'; its sheets are: Rekap, Data"):
        opened(path, sheet="Lain")
    _, notes = opened(tmp_file(book(("Data", rows), ("Rekap", []))))
    assert any("the workbook also has 'Rekap'" in note for note in notes)


def test_a_size_that_a_sheet_tells_wrongly_does_not_hide_rows(tmp_file: File) -> None:
    data = book(("Data", [HEADINGS, ROW]))
    part = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = archive.read(part).replace(b'<dimension ref="A1:G2"/>', b'<dimension ref="A1"/>')
    assert b'ref="A1"/>' in xml
    assert len(opened(tmp_file(with_part(data, part, xml)))[0]) == 1


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    "data",
    [
        with_part(book(("Data", [HEADINGS, ROW])), "xl/sharedStrings.xml", BOMB),
        with_part(
            book(("Data", [HEADINGS, ROW])), "xl/worksheets/sheet1.xml", BOMB.replace(b"<!DOC", b"<!--" + b" " * 100_000 + b"--><!DOC")
        ),
        with_part(book(("Data", [HEADINGS, ROW])), "xl/worksheets/sheet1.xml", b"<x>" + b" " * 5_000_000 + b"</x>"),
        with_part(book(("Data", [HEADINGS, ROW])), "xl/workbook.xml", b"no xml"),
        book(("Data", [HEADINGS, ROW]))[:-100],
        b"PK\x03\x04 and no more",
    ],
    ids=["entities", "entities-later", "bomb", "no-xml", "cut", "nothing"],
)
def test_hostile_and_damaged_ones_are_refused(tmp_file: File, data: bytes) -> None:
    with pytest.raises(InvalidFile) as told:
        opened(tmp_file(data, "pelanggan.xlsx"))
    assert len(str(told.value)) > 40, "it tells the remedy"


def test_too_many_rows_are_refused(tmp_file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 2)
    assert len(opened(tmp_file(book(("Data", [HEADINGS, ROW]))))[0]) == 1
    with pytest.raises(InvalidFile, match="more than 2 rows"):
        opened(tmp_file(book(("Data", [HEADINGS, ROW, ROW]))))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", r"old workbook \(.xls\)"),
        (b"<html><table><tr><td>Kode</td></tr></table>", "web page"),
        (with_part(with_part(book(("D", [])), "mimetype", b"x"), "content.xml", b"<x/>"), "OpenDocument"),
    ],
)
def test_files_of_other_programs_are_named(tmp_file: File, data: bytes, why: str) -> None:
    with pytest.raises(InvalidFile, match=why):
        opened(tmp_file(data, "pelanggan.xls"))


def test_an_archive_of_something_else(tmp_file: File) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("pelanggan.csv", "Kode;Nama")
    with pytest.raises(InvalidFile, match="archive without a workbook"):
        opened(tmp_file(file.getvalue()))
    with pytest.raises(InvalidFile, match="has no sheets, it is text"):
        opened(tmp_file(b"Kode;Nama"), sheet="Data")
