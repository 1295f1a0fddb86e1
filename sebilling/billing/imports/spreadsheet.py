"""Read customers from a spreadsheet row by row: CSV of any encoding and separator, or an Excel workbook, with headings as people write."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sebilling.billing.imports import column_map, encoded
from sebilling.billing.imports.cells import is_blocked
from sebilling.billing.imports.column_map import GivenMap, MappedColumn
from sebilling.billing.imports.columns import FIELDS
from sebilling.billing.imports.csv_table import open_csv
from sebilling.billing.imports.rows import CustomerRow, Faulty, Problem, customer_row, faulty
from sebilling.billing.imports.table import Cell, Day, Record, Table, Unreadable, is_filled
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

_LOST = "\N{REPLACEMENT CHARACTER}"
_LETTER_LOST = Sentence(
    "it has the character U+FFFD, in place of a letter that was lost: type it anew.",
    "ada karakter U+FFFD, pengganti huruf yang hilang: ketik ulang.",
)


def open_table(path: Path, *, sheet: str | None = None, tell: Callable[[int, int], None] = lambda _done, _of: None) -> Table:
    """Open the table in the file; `tell` receives the progress (read, total). Raises InvalidFile, and so do its records."""
    return open_data(path.name, encoded.read_bytes(path), sheet=sheet, tell=tell)


def open_data(
    name: str, data: bytes, *, sheet: str | None = None, tell: Callable[[int, int], None] = lambda _done, _of: None
) -> Table:  # fmt: skip
    """Open the table in these bytes, of a file of this name, as `open_table`."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        why = Sentence(
            "it is an old workbook (.xls), or one with a password: open it in Excel and save it as .xlsx without a password.",
            "ini berkas Excel lama (.xls), atau terkunci kata sandi: buka di Excel dan simpan sebagai .xlsx tanpa kata sandi.",
        )
        raise InvalidFile(file=name, why=why)
    if data.startswith(b"PK"):
        from sebilling.billing.imports.workbook import open_workbook  # noqa: PLC0415 - openpyxl takes long to import, and brings Pillow

        table = open_workbook(name, data, sheet=sheet)
    elif sheet is not None:
        why = Sentence("it has no sheets, it is text: name no sheet.", "ini teks, tidak punya lembar: jangan sebut nama lembar.")
        raise InvalidFile(file=name, why=why)
    else:
        table = open_csv(name, data, tell=tell)
    if table.line > 1:
        table.notes.append(
            Sentence(
                f"The headings are on line {table.line}; what stands above them was left out.",
                f"Judul kolom ada di baris {table.line}; yang di atasnya tidak ikut dibaca.",
            )
        )
    return table


def read(
    path: Path, *, sheet: str | None = None, given: GivenMap | None = None, before: Mapping[str, str | None] | None = None
) -> Iterator[CustomerRow | Faulty]:
    """Yield each row of the file, or its faults. Raises InvalidFile, before or after some rows, if the file can't be read."""
    table = open_table(path, sheet=sheet)
    yield from rows(table, column_map.assign(table.name, table.headings, given or GivenMap(), before or {}), given or GivenMap())


def rows(table: Table, columns: Sequence[MappedColumn], choices: GivenMap) -> Iterator[CustomerRow | Faulty]:
    """Yield the rows below the headings, read by these columns; empty rows are skipped. Raises InvalidFile."""
    fields = {column.place: column.field for column in columns if column.field is not None}
    headed = {index for index, heading in enumerate(table.headings) if heading}
    if choices.ignore_unknown:
        headed |= set(range(len(table.headings)))
    status = next((index for index, field in fields.items() if field == "active"), None)
    blocked = 0
    for record in table.records:
        if any(map(is_filled, record.cells)):
            blocked += status is not None and status < len(record.cells) and _is_blocked(record.cells[status])
            yield _row(record, fields, headed, is_text=table.is_text)
    if blocked:
        table.notes.append(
            Sentence(
                f"{blocked} customers are marked as blocked (isolir): they come in as active customers, because they still are;"
                " whether they are blocked is decided by what they owe here.",
                f"{blocked} pelanggan berstatus isolir: masuk sebagai pelanggan aktif, karena memang masih berlangganan; diisolir atau"
                " tidaknya ditentukan oleh tunggakannya di sini.",
            )
        )


def _is_blocked(cell: Cell) -> bool:
    return isinstance(cell, str) and is_blocked(cell)


def _row(record: Record, fields: Mapping[int, str], headed: set[int], *, is_text: bool) -> CustomerRow | Faulty:
    if record.error:
        return faulty(record.line, "", record.error)
    lost = next((index for index, cell in enumerate(record.cells) if index not in headed and is_filled(cell)), None)
    if lost is not None:
        cell = record.cells[lost]
        shown = f" ('{cell.strip()[:30]}')" if isinstance(cell, str) else ""
        why = Sentence(
            f"column {lost + 1} is filled{shown} but has no heading: give it one, or put text that holds separators in quotes.",
            f"kolom {lost + 1} terisi{shown} tetapi tidak punya judul: beri judul, atau apit teks yang berisi pemisah dengan tanda kutip.",
        )
        return faulty(record.line, "", why)
    width = max(headed) + 1
    missing = [FIELDS[field].title for index, field in fields.items() if index >= len(record.cells) and FIELDS[field].required]
    if missing and is_text:
        titles = ", ".join(missing)
        why = Sentence(
            f"the row ends after {len(record.cells)} of {width} columns, so {titles} are missing: look for a separator that is missing, or"
            " a line break that isn't in quotes.",
            f"barisnya berakhir setelah {len(record.cells)} dari {width} kolom, sehingga {titles} tidak ada: periksa pemisah yang hilang,"
            " atau ganti baris yang tidak diapit tanda kutip.",
        )
        return faulty(record.line, "", why)
    return _read(record, fields)


def _read(record: Record, fields: Mapping[int, str]) -> CustomerRow | Faulty:
    """Read a row's cells. Cells missing at its end are empty: Excel doesn't store them."""
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for index, field in fields.items():
        cell = record.cells[index] if index < len(record.cells) else ""
        if isinstance(cell, Unreadable):
            problems.append(Problem(record.line, field, cell.why))
        elif isinstance(cell, Day) and not FIELDS[field].is_day:
            why = Sentence(
                f"the cell is a date in Excel ({cell}), which it may have made of something else: format it as text, and type it anew.",
                f"selnya berupa tanggal di Excel ({cell}), mungkin diubah sendiri oleh Excel: format sebagai teks, lalu ketik ulang.",
            )
            problems.append(Problem(record.line, field, why))
        elif _LOST in cell:
            problems.append(Problem(record.line, field, _LETTER_LOST))
        else:
            texts[field] = cell
    row = customer_row(record.line, texts)
    if not problems:
        return row
    read = [problem for problem in row.problems if problem.column in texts] if isinstance(row, Faulty) else []
    return Faulty([*problems, *read], row.counter, row.plan)
