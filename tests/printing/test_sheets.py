"""Sheets: what was put in comes out, nothing calculates, nothing stays on the disk."""

import asyncio
import csv
import io
import tempfile
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sebilling.billing.reports import Cell, Column, Kind
from sebilling.printing import sheets

HEADER = (
    Column("Nomor"),
    Column("Tanggal", Kind.DATE),
    Column("Waktu", Kind.INSTANT),
    Column("Jumlah", Kind.RUPIAH),
    Column("Banyak", Kind.INT),
)
ROW: tuple[Cell, ...] = ("INV/1", date(2026, 2, 3), datetime(2026, 2, 3, 9, 5), -1_500_000, 7)  # noqa: DTZ001 - local
EMPTY: tuple[Cell, ...] = ("", None, None, None, None)
NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


async def source(rows: Sequence[Sequence[Cell]]) -> AsyncIterator[Sequence[Cell]]:
    for row in rows:
        yield row


async def as_csv(header: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> bytes:
    return b"".join([chunk async for chunk in sheets.csv_lines(header, source(rows))])


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def left(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def parts(path: Path) -> dict[str, ET.Element]:
    with zipfile.ZipFile(path) as archive:
        return {name: ET.fromstring(archive.read(name)) for name in archive.namelist() if name.endswith(".xml")}  # noqa: S314 - ours


def cells(sheet: ET.Element) -> list[dict[str, str]]:
    """Each row's cells by their column's letter: texts as 'text, numbers as they stand."""
    return [
        {
            cell.attrib["r"].rstrip("0123456789"): (
                "'" + "".join(cell.itertext()) if cell.get("t") == "inlineStr" else "".join(cell.itertext())
            )
            for cell in row.iter(f"{NAMESPACE}c")
        }
        for row in sheet.iter(f"{NAMESPACE}row")
    ]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go during the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


async def test_csv_as_excel_in_indonesia_opens_it() -> None:
    content = await as_csv(HEADER, [ROW, EMPTY])
    assert content == (
        b"\xef\xbb\xbfNomor;Tanggal;Waktu;Jumlah;Banyak\r\n"
        b"INV/1;2026-02-03;2026-02-03 09:05:00;-1500000;7\r\n"
        b";;;;\r\n"
    )  # fmt: skip


async def test_csv_without_rows_has_its_header() -> None:
    assert read_csv(await as_csv(HEADER, [])) == [[column.title for column in HEADER]]


async def test_csv_comes_in_pieces_of_whole_lines() -> None:
    rows = [(str(n),) for n in range(sheets._CHUNK * 2 + 1)]
    pieces = [chunk async for chunk in sheets.csv_lines([Column("Nomor")], source(rows))]
    assert len(pieces) == 3
    assert all(piece.endswith(b"\r\n") for piece in pieces)
    assert read_csv(b"".join(pieces)) == [["Nomor"], *([str(n)] for n in range(len(rows)))]


@given(st.lists(st.text(), min_size=2, max_size=2))
@example(['=HYPERLINK("http://x";"y")', "+62812"])
@example(["\t=1", "\r=1"])
@example(['a;"b"', "a\r\nb"])
@example([" =1+1", "＝1"])
@example(["'", ""])
def test_any_text_survives_csv_and_never_calculates(texts: list[str]) -> None:
    header = [Column("A"), Column("B")]
    _, row = read_csv(asyncio.run(as_csv(header, [texts])))
    for given_text, got in zip(texts, row, strict=True):
        assert got in {given_text, f"'{given_text}"}
        assert not got.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
        if given_text and given_text[0].isalnum():
            assert got == given_text


async def test_xlsx_has_texts_days_and_numbers(scratch: Path) -> None:
    risky = ("=1+1", *ROW[1:])
    async with sheets.xlsx(HEADER, source([ROW, risky, EMPTY])) as path:
        found = parts(path)
    sheet = found["xl/worksheets/sheet1.xml"]
    titles, first, second, *_ = cells(sheet)
    assert titles == {"A": "'Nomor", "B": "'Tanggal", "C": "'Waktu", "D": "'Jumlah", "E": "'Banyak"}
    assert (first["A"], first["D"], first["E"]) == ("'INV/1", "-1500000", "7")
    # a spreadsheet counts days from 30 December 1899
    assert int(first["B"]) == (date(2026, 2, 3) - date(1899, 12, 30)).days
    assert round((float(first["C"]) % 1) * 24 * 60) == 9 * 60 + 5
    assert second["A"] == "'=1+1"
    assert not list(sheet.iter(f"{NAMESPACE}f"))
    (pane,) = sheet.iter(f"{NAMESPACE}pane")
    assert (pane.get("ySplit"), pane.get("state")) == ("1", "frozen")
    assert _number_formats(found["xl/styles.xml"], sheet) == {"B2": "yyyy-mm-dd", "C2": "yyyy-mm-dd hh:mm:ss", "D2": "#,##0"}


def _number_formats(styles: ET.Element, sheet: ET.Element) -> dict[str, str]:
    """The formats of the second row's cells, where they are other than General."""
    known = {"1": "0", "3": "#,##0"} | {fmt.attrib["numFmtId"]: fmt.attrib["formatCode"] for fmt in styles.iter(f"{NAMESPACE}numFmt")}
    (formats,) = styles.iter(f"{NAMESPACE}cellXfs")
    used = {cell.attrib["r"]: formats[int(cell.get("s", "0"))].attrib["numFmtId"] for cell in sheet.iter(f"{NAMESPACE}c")}
    return {place: known[number] for place, number in used.items() if place in {"B2", "C2", "D2"}}


@pytest.mark.parametrize("text", ["https://example.com", "00123", "=A1", "<b>&amp;</b>", "  a  ", "😀 é 李", "mailto:a@b"])
async def test_xlsx_keeps_texts_as_they_are(scratch: Path, text: str) -> None:
    async with sheets.xlsx([Column("A")], source([(text,)])) as path:
        sheet = parts(path)["xl/worksheets/sheet1.xml"]
    assert cells(sheet)[1] == {"A": f"'{text}"}
    assert not list(sheet.iter(f"{NAMESPACE}hyperlink"))


async def test_rows_beyond_a_sheet_go_on_in_the_next(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_ROWS_OF_A_SHEET", 2)
    async with sheets.xlsx([Column("A")], source([(str(n),) for n in range(5)])) as path:
        found = parts(path)
    texts = [[row["A"] for row in cells(found[f"xl/worksheets/sheet{n}.xml"])] for n in (1, 2, 3)]
    assert texts == [["'A", "'0", "'1"], ["'A", "'2", "'3"], ["'A", "'4"]]


async def test_nothing_stays_after_the_block(scratch: Path) -> None:
    async with sheets.xlsx(HEADER, source([ROW])) as path:
        assert path.is_relative_to(scratch)
        assert left(path.parent) == [path]  # without the pieces of which it was made
    assert left(scratch) == []


async def test_nothing_stays_after_a_failing_row(scratch: Path) -> None:
    async def failing() -> AsyncIterator[Sequence[Cell]]:
        yield ROW
        assert left(scratch)
        raise ConnectionError("the database went away")

    with pytest.raises(ConnectionError):
        async with sheets.xlsx(HEADER, failing()):
            pytest.fail("there is no sheet")
    assert left(scratch) == []


async def test_nothing_stays_after_a_row_of_the_wrong_length(scratch: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        async with sheets.xlsx(HEADER, source([("too short",)])):
            pytest.fail("there is no sheet")
    assert left(scratch) == []


async def test_nothing_stays_when_it_is_cancelled_between_rows(scratch: Path) -> None:
    reached = asyncio.Event()

    async def endless() -> AsyncIterator[Sequence[Cell]]:
        yield ROW
        reached.set()
        await asyncio.Event().wait()

    async def make() -> None:
        async with sheets.xlsx(HEADER, endless()):
            pytest.fail("there is no sheet")

    task = asyncio.create_task(make())
    await reached.wait()
    assert left(scratch)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(scratch) == []


async def test_nothing_stays_when_it_is_cancelled_while_the_thread_still_writes(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, begun, finished = asyncio.get_running_loop(), asyncio.Event(), []
    close = sheets._Book.close

    def slow(book: sheets._Book) -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run(asyncio.sleep(0.2))
        close(book)
        finished.append(True)

    monkeypatch.setattr(sheets._Book, "close", slow)

    async def make() -> None:
        async with sheets.xlsx(HEADER, source([ROW])):
            pytest.fail("there is no sheet")

    task = asyncio.create_task(make())
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0.02)
    task.cancel()  # twice, as a server that shuts down does
    with pytest.raises(asyncio.CancelledError):
        await task
    assert finished == [True]
    assert left(scratch) == []


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_others_have_their_turn_while_a_long_sheet_is_made(scratch: Path, form: str) -> None:
    rows = [ROW] * (sheets._CHUNK * 20)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    if form == "csv":
        await as_csv(HEADER, rows)
    else:
        async with sheets.xlsx(HEADER, source(rows)):
            pass
    counting.cancel()
    assert turns >= 20
