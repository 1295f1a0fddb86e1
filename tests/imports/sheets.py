"""Spreadsheets as people and programs make them, with what they mean and what is wrong with them: by chance that can be repeated."""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Final

import xlsxwriter  # type: ignore[import-untyped]  # it has annotations, but no py.typed

from tests.imports import meant
from tests.imports.meant import Customer

Grid = list[list[Any]]
"""Cells as text; in a workbook also numbers, days and Special."""


@dataclass(frozen=True, slots=True)
class Special:
    """A cell that only a workbook has: a formula with the value that Excel saved, or a number shown by a format."""

    formula: str = ""
    value: Any = ""
    form: str = ""


@dataclass(slots=True)
class Sheet:
    """A file, and the truth about it."""

    seed: int
    kind: str
    """csv or xlsx."""
    data: bytes = b""
    customers: list[Customer] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """Where each customer's row begins."""
    headings: list[str] = field(default_factory=list)
    fields: list[str | None] = field(default_factory=list)
    """Of the columns; None for one that is no field."""
    cells: dict[int, list[Any]] = field(default_factory=dict)
    """Line → what was written there, as far as the row goes."""
    ignored: tuple[str, ...] = ()
    """Headings that the import is told to leave out."""
    faults: set[tuple[int, str]] = field(default_factory=set)
    """Line and column of what is wrong with rows."""
    refused: str = ""
    """The kind of what is wrong with the whole file, if anything is."""
    text: str = ""
    separator: str = ""
    encoding: str = ""


def make(seed: int) -> Sheet:
    """A sheet by chance: as it should be, or damaged in one way."""
    chance = random.Random(seed)
    sheet = Sheet(seed, "xlsx" if chance.random() < 0.35 else "csv")
    sheet.encoding = "utf-8" if sheet.kind == "xlsx" else chance.choice(ENCODINGS)
    optional = [name for name in meant.TITLES if name not in meant.REQUIRED]
    fields: list[str | None] = [*meant.REQUIRED, *chance.sample(optional, chance.randrange(len(optional) + 1))]
    fields += [None] * chance.choice((0, 0, 1, 2))
    chance.shuffle(fields)
    there = {name for name in fields if name is not None}
    sheet.customers = [meant.customer(chance, number, there, _codec(sheet.encoding)) for number in range(chance.randrange(1, 9))]
    unknown = iter(chance.sample(meant.UNKNOWN, 2))
    sheet.fields = fields
    sheet.headings = [next(unknown) if name is None else meant.heading_text(chance, name, breaks=True) for name in fields]
    sheet.ignored = tuple(heading for heading, name in zip(sheet.headings, fields, strict=True) if name is None)
    kind = "utf" if sheet.kind == "csv" and sheet.encoding != "cp1252" else sheet.kind
    grid: Grid = [[_cell(chance, one, name, kind) for name in fields] for one in sheet.customers]
    damage = chance.choice(DAMAGE[sheet.kind]) if chance.random() < 0.55 else None
    where = chance.randrange(len(grid))
    hurt = damage(chance, sheet, grid, where) if damage is not None else None
    if sheet.kind == "xlsx":
        _write_xlsx(chance, sheet, grid)
    else:
        _write_csv(chance, sheet, grid)
    if hurt is not None:
        hurt(sheet, where)
    return sheet


ENCODINGS: Final = ("utf-8", "utf-8-sig", "utf-8-sig", "utf-16", "utf-16-be-mark", "cp1252")


def _codec(encoding: str) -> str:
    return "cp1252" if encoding == "cp1252" else "utf-8"


def _cell(chance: random.Random, one: Customer, name: str | None, kind: str) -> Any:
    if name is None:
        return chance.choice(("", "rumah cat hijau", "x@example.test", "15"))
    value = getattr(one, name)
    if kind == "xlsx" and (special := _workbook_cell(chance, name, value)) is not None:
        return special
    if name == "installed_on":
        text = meant.day_text(chance, value)
    elif name == "price":
        text = meant.price_text(chance, value)
    elif name == "phone":
        text = meant.phone_text(chance, value)
        text = meant.hidden(chance, text) if value and kind == "utf" and chance.random() < 0.1 else text
    elif name == "active":
        text = chance.choice(meant.ACTIVE if value else meant.INACTIVE)
    elif name == "address":
        text = value.replace(" ", chance.choice((" ", " ", "\n", "\n" if kind == "xlsx" else "\r\n")), 1)
    elif name == "counter":
        text = value.lower() if chance.random() < 0.2 else value
    else:
        text = value or ""
    return chance.choice(("", "", "", " ")) + text + chance.choice(("", "", "", " "))


def _workbook_cell(chance: random.Random, name: str, value: Any) -> Any:
    """As Excel holds it, if it does: days and numbers."""
    if name == "installed_on" and chance.random() < 0.6:
        return datetime.combine(value, time(10, 23) if chance.random() < 0.2 else time())
    if name == "price" and value is not None and chance.random() < 0.6:
        return Special("=100000+50000", value) if chance.random() < 0.1 else value
    if name == "phone" and value and chance.random() < 0.4:
        return int(value[3:] if chance.random() < 0.7 else value[1:])
    if name == "code" and value.isdigit() and chance.random() < 0.5:
        return Special(value=int(value), form="0" * len(value))
    return None


# --- damage: each gives what is still to be done when the file is written, if anything ---------------------------------------------

After = Callable[[Sheet, int], None]
Damage = Callable[[random.Random, Sheet, Grid, int], After | None]
BAD: Final = {
    "code": ("", "P 01", "A/1", "x" * 33), "name": ("", "Budi\u202eidub", "x" * 201), "counter": ("",), "plan": ("",),
    "installed_on": ("", "31/02/2025", "1/2/25", "45323", "besok", "01/13/2024", "12/31/1980", "1/2/2024 12:00:00 AM"),
    "price": ("150,000", "gratis", "-5", "150k", "1,5", "150.00", "1e5"), "active": ("trial", "menunggu", "?"),
    "phone": ("6.281E+12", "0812/0813", "abc", "0812345678901234", "08", "081234567x"), "pppoe_name": ("x" * 65, "a\u0007b"),
}  # fmt: skip


def bad_cell(chance: random.Random, sheet: Sheet, grid: Grid, where: int) -> After | None:
    """A value that can't be, or can mean two things."""
    name = chance.choice([name for name in sheet.fields if name is not None])
    if name == "address":
        name = "name"
    bad = [value for value in (*BAD[name], *(("=1+1", "@SUM(A1)") if name != "price" else ())) if meant.fits(value, _codec(sheet.encoding))]
    if sheet.kind == "xlsx":
        bad = [value for value in bad if "\u0007" not in value]
    grid[where][sheet.fields.index(name)] = chance.choice(bad)
    return lambda done, row: done.faults.add((done.lines[row], name))


def short_row(chance: random.Random, sheet: Sheet, grid: Grid, where: int) -> After | None:
    """A row that ends before a column that must be there."""
    last = max(sheet.fields.index(name) for name in meant.REQUIRED)
    cut = chance.randrange(1, last + 1)
    while not any(cell.strip() for cell in grid[where][:cut]):
        cut += 1
    del grid[where][cut:]
    return lambda done, row: done.faults.add((done.lines[row], ""))


def stray_cell(_chance: random.Random, sheet: Sheet, grid: Grid, where: int) -> After | None:
    """A cell behind the last column, as of a separator in a text without quotes."""
    grid[where] += [""] * (len(sheet.fields) - len(grid[where])) + ["lebih"]
    return lambda done, row: done.faults.add((done.lines[row], ""))


def unknown_column(chance: random.Random, sheet: Sheet, grid: Grid, _where: int) -> After | None:
    """A column that nobody knows, and nothing said of it."""
    heading = chance.choice([one for one in meant.UNKNOWN if one not in sheet.headings])
    sheet.headings.append(heading)
    sheet.fields.append(None)
    for row in grid:
        row.append("BERHENTI")
    sheet.refused = "unknown"
    return None


def missing_column(chance: random.Random, sheet: Sheet, grid: Grid, _where: int) -> After | None:
    """A column that must be there isn't."""
    place = sheet.fields.index(chance.choice(meant.REQUIRED))
    del sheet.headings[place], sheet.fields[place]
    for row in grid:
        del row[place]
    sheet.refused = "missing"
    return None


def same_twice(chance: random.Random, sheet: Sheet, grid: Grid, _where: int) -> After | None:
    """Two columns of one field."""
    name = chance.choice([name for name in sheet.fields if name is not None])
    sheet.headings.append(chance.choice(meant.HEADINGS[name]))
    sheet.fields.append(name)
    for row in grid:
        row.append("x")
    sheet.refused = "twice"
    return None


def foreign_byte(_chance: random.Random, sheet: Sheet, grid: Grid, where: int) -> After | None:
    """A byte of another encoding in a file of UTF-8."""
    sheet.encoding = "utf-8-sig"
    grid[where][sheet.fields.index("name")] = "Andr~~~"

    def put(done: Sheet, _row: int) -> None:
        done.data = done.data.replace(b"~~~", b"\xe9", 1)
        done.refused = "byte"

    return put


def open_quote(_chance: random.Random, sheet: Sheet, grid: Grid, where: int) -> After | None:
    """A quote that isn't closed, in the last column."""
    sheet.headings.append("Keterangan lama")
    sheet.fields.append(None)
    sheet.ignored += ("Keterangan lama",)
    for row in grid:
        row.append("~~~" if row is grid[where] else "")

    def put(done: Sheet, _row: int) -> None:
        raw = _raw(done.encoding)
        mark, quote = "~~~".encode(raw), '"'.encode(raw)
        for written in (quote + mark + quote, mark):
            done.data = done.data.replace(written, quote + "rumah".encode(raw))
        done.refused = "quote"

    return put


def zero_byte(_chance: random.Random, sheet: Sheet, grid: Grid, where: int) -> After | None:
    """Not text."""
    sheet.encoding = "utf-8"
    grid[where][sheet.fields.index("name")] = "a\0b"
    sheet.refused = "zero"
    return None


def cut_off(_chance: random.Random, sheet: Sheet, _grid: Grid, _where: int) -> After | None:
    """Half of a workbook."""

    def put(done: Sheet, _row: int) -> None:
        done.data = done.data[: len(done.data) // 2]
        done.refused = "damaged"

    return put


def no_value(chance: random.Random, sheet: Sheet, grid: Grid, where: int) -> After | None:
    """A cell of a workbook whose value isn't known: an error, a formula never computed, lost digits, a day that Excel made of a code."""
    name, cell = chance.choice(
        [("code", Special("=A1", "#N/A")), ("name", Special("=VLOOKUP(1,A1:B2,2)", "#REF!")), ("code", 3_201_234_567_890_123),
         ("code", datetime.combine(date(2024, 3, 1), time())), ("name", Special("=A9", "")),
         ("installed_on", 45_323), ("plan", time(10, 15))]
    )  # fmt: skip
    grid[where][sheet.fields.index(name)] = cell
    return lambda done, row: done.faults.add((done.lines[row], name))


DAMAGE: Final[dict[str, tuple[Damage, ...]]] = {
    "csv": (bad_cell, bad_cell, bad_cell, short_row, stray_cell, unknown_column, missing_column, same_twice, foreign_byte, open_quote,
            zero_byte),
    "xlsx": (bad_cell, bad_cell, bad_cell, stray_cell, unknown_column, missing_column, same_twice, cut_off, no_value, no_value),
}  # fmt: skip


# --- writing -----------------------------------------------------------------------------------------------------------------------


def _raw(encoding: str) -> str:
    return {"utf-16": "utf-16-le", "utf-16-be-mark": "utf-16-be", "utf-8-sig": "utf-8"}.get(encoding, encoding)


def _write_csv(chance: random.Random, sheet: Sheet, grid: Grid) -> None:
    sheet.separator = chance.choice(";,\t|")
    newline, quote_all = chance.choice(("\r\n", "\n")), chance.random() < 0.3
    text = f"sep={sheet.separator}{newline}" if chance.random() < 0.15 else ""
    text += f"DATA PELANGGAN 2024{newline}" * (chance.random() < 0.1)

    def put(cells: list[Any]) -> None:
        nonlocal text
        sheet.cells[text.replace("\r\n", "\n").count("\n") + 1] = cells
        text += sheet.separator.join(_quoted(cell, sheet.separator, always=quote_all) for cell in cells) + newline

    put(sheet.headings)
    for row in grid:
        text += newline * (chance.random() < 0.05)
        while _may_go(row, sheet) and chance.random() < 0.4:
            row.pop()
        sheet.lines.append(text.replace("\r\n", "\n").count("\n") + 1)
        put(row)
    sheet.text = text
    mark = {"utf-8-sig": "\ufeff", "utf-16": "\ufeff", "utf-16-be-mark": "\ufeff"}.get(sheet.encoding, "")
    sheet.data = (mark + text).encode(_raw(sheet.encoding))


def _may_go(row: list[Any], sheet: Sheet) -> bool:
    """Whether Excel may leave the row's last cell away."""
    return 1 < len(row) <= len(sheet.fields) and row[-1] == "" and sheet.fields[len(row) - 1] not in meant.REQUIRED


def _quoted(text: str, separator: str, *, always: bool) -> str:
    if always or separator in text or '"' in text or "\n" in text or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def _write_xlsx(chance: random.Random, sheet: Sheet, grid: Grid) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    tab = book.add_worksheet("Pelanggan")
    forms = {
        form: book.add_format({"num_format": form}) for form in ("dd/mm/yyyy", "dd/mm/yyyy hh:mm", "hh:mm", *("0" * n for n in range(1, 9)))
    }
    line = 0
    if chance.random() < 0.15:
        tab.write_string(0, 0, "DATA PELANGGAN 2024")
        line = chance.choice((1, 2))
    for number, row in enumerate([sheet.headings, *grid]):
        sheet.cells[line + 1] = row
        if number:
            sheet.lines.append(line + 1)
        for place, cell in enumerate(row):
            _put(tab, (line, place), cell, forms)
        line += 1 + (chance.random() < 0.05)
    book.close()
    sheet.data = file.getvalue()


def _put(tab: Any, at: tuple[int, int], cell: Any, forms: dict[str, Any]) -> None:
    if isinstance(cell, datetime):
        tab.write_datetime(*at, cell, forms["dd/mm/yyyy" if cell.time() == time() else "dd/mm/yyyy hh:mm"])
    elif isinstance(cell, time):
        tab.write_datetime(*at, cell, forms["hh:mm"])
    elif isinstance(cell, Special) and cell.formula:
        tab.write_formula(*at, cell.formula, None, cell.value)
    elif isinstance(cell, Special):
        tab.write_number(*at, cell.value, forms.get(cell.form))
    elif isinstance(cell, int):
        tab.write_number(*at, cell)
    elif cell != "":
        tab.write_string(*at, cell)
