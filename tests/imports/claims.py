"""What messages claim of a file, checked against the file: a claim that can't be read, or isn't true, is a fault of the message.

A reader of its own, by bytes and by hand: nothing here asks the code that wrote the message.
"""

import calendar
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, time
from typing import Any, Final

from tests.imports import meant
from tests.imports.sheets import Sheet, Special

Check = Callable[[re.Match[str], str, Sheet], bool]
"""Given the parts of the claim, the cell's text and the sheet: whether it is true."""


def shown(cell: Any) -> str:
    """A written cell as text."""
    if isinstance(cell, Special):
        return str(cell.value)
    if isinstance(cell, datetime):
        return str(cell.date()) if cell.time() == time() else str(cell)
    return str(cell)


def _impossible_day(text: str) -> bool:
    found = re.match(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$", text)
    if found is None:
        return False
    day, month, year = (int(part) for part in found.groups())
    return not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]


def _is_one_day(text: str) -> bool:
    """Whether anyone would read one day only of this: the ways that mean one, crudely."""
    return re.fullmatch(r"\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{4}|\d\d? [A-Z][a-z]+ \d{4}", text) is not None


def _is_amount(text: str) -> bool:
    return re.fullmatch(r"(Rp ?)?\d{1,3}(\.\d{3})*|\d+", text) is not None


def _digits(text: str) -> int:
    return len(re.sub(r"[^0-9]", "", text))


def _starts(part: str, cell: str) -> bool:
    """Whether the quoted part is the cell's beginning, up to what a message shows of it."""
    return cell.strip().startswith(part) and (len(part) == 30 or len(part) == len(cell.strip()))


CELL_CLAIMS: Final[tuple[tuple[str, Check], ...]] = (
    (r"'(.*)' is no date, or not one day only: .+", lambda m, cell, _: _starts(m[1], cell) and not _is_one_day(cell.strip())),
    (r"'(.*)' is a day that doesn't exist: .+", lambda m, cell, _: _starts(m[1], cell) and _impossible_day(cell.strip())),
    (r"'(.*)' lies outside 1990 to 2199: .+", lambda m, cell, _: _starts(m[1], cell) and not 1990 <= int(cell.strip()[-4:]) <= 2199),
    (r"'(.*)' is no price: .+", lambda m, cell, _: _starts(m[1], cell) and not _is_amount(cell.strip())),
    (r"'(.*)' is no status that is known: .+",
     lambda m, cell, _: _starts(m[1], cell) and cell.strip() not in (*meant.ACTIVE, *meant.INACTIVE)),
    (r"'(.*)' is a formula, .+", lambda m, cell, _: _starts(m[1], cell) and cell.strip()[0] in "=@"),
    (r"The phone number '(.*)' can't be accepted: it contains '(.)' \(U\+([0-9A-F]{4,6})\): .+",
     lambda m, cell, _: _starts(m[1], cell) and m[2] in cell and ord(m[2]) == int(m[3], 16)),
    (r"The phone number '(.*)' can't be accepted: Excel shortened it .+",
     lambda m, cell, _: _starts(m[1], cell) and re.search(r"\dE\+\d", cell) is not None),
    (r"The phone number '(.*)' can't be accepted: it seems to be more than one number\. .+",
     lambda m, cell, _: _starts(m[1], cell) and re.search(r"\d\s*[/,;&]\s*\d", cell) is not None),
    (r"The phone number '(.*)' can't be accepted: it has too few or too many digits, .+",
     lambda m, cell, _: _starts(m[1], cell) and not 8 <= _digits(cell) <= 15),
    (r"(?:The [\w' ]+) can't be accepted: it is empty; .+", lambda _m, cell, _: not cell.strip()),
    (r"the (?:counter|plan|installation date) is empty: .+", lambda _m, cell, _: not cell.strip()),
    (r"(?:The [\w' ]+) can't be accepted: it contains the invisible character U\+([0-9A-F]{4,6}); .+",
     lambda m, cell, _: chr(int(m[1], 16)) in cell and unicodedata.category(chr(int(m[1], 16))) in {"Cc", "Cf"}),
    (r"(?:The [\w' ]+) can't be accepted: it has (\d+) characters; the most is (\d+)\.",
     lambda m, cell, _: len(cell.strip()) == int(m[1]) > int(m[2])),
    (r"The code '(.*)' can't be accepted: use letters, digits, dot, hyphen or underscore\.",
     lambda m, cell, _: m[1] == cell.strip() and re.fullmatch(r"[A-Za-z0-9._-]+", m[1]) is None),
    (r"it is a number of (\d+) digits, of which Excel keeps 15: .+", lambda m, cell, _: cell.isdigit() and len(cell) == int(m[1]) > 15),
    (r"it holds Excel's error (#\S+): .+", lambda m, cell, _: cell == m[1]),
    (r"it holds a time \((.*)\), not a date or a text: .+", lambda m, cell, _: cell == m[1]),
    (r"the cell is a date in Excel \((.*)\), .+", lambda m, cell, _: cell == m[1]),
    (r"it is a formula without a value: .+", lambda _m, cell, _: cell == ""),
)  # fmt: skip


def is_true_of_row(line: int, column: str, message: str, sheet: Sheet) -> bool:
    """Whether what a message says of a row, or of the cell in a column of it, is so."""
    cells = [shown(cell) for cell in sheet.cells[line]]
    if found := re.fullmatch(r"the row ends after (\d+) of (\d+) columns, so (.+) are missing: .+", message):
        absent = found[3].split(", ")
        there = [title for title in absent if sheet.fields.index(_field(title)) < len(cells)]
        return column == "" and len(cells) == int(found[1]) and len(sheet.headings) == int(found[2]) and not there
    if found := re.fullmatch(r"column (\d+) is filled(?: \('(.*)'\))? but has no heading: .+", message):
        place = int(found[1]) - 1
        return column == "" and cells[place].strip().startswith(found[2]) and (place >= len(sheet.headings) or not sheet.headings[place])
    place = sheet.fields.index(column)
    cell = cells[place] if place < len(cells) else ""
    for pattern, check in CELL_CLAIMS:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return check(found, cell, sheet)
    return False


def _field(title: str) -> str:
    return next(field for field, name in meant.TITLES.items() if name == title)


def is_true_of_file(message: str, sheet: Sheet) -> bool:  # noqa: PLR0911 - a claim after the other
    """Whether what a message says of the whole file is so, and says what is wrong with it."""
    headings = [" ".join(heading.split()) for heading in sheet.headings]
    lines = re.split(rb"\r\n|\r|\n", sheet.data)
    if found := re.search(
        r": line (\d+) has the byte 0x(..), which isn't UTF-8, but the file (?:begins with UTF-8's mark|has letters)", message
    ):
        wrong = lines[int(found[1]) - 1]
        return (
            sheet.refused == "byte"
            and bytes.fromhex(found[2]) in wrong
            and _not_utf8(wrong)
            and not any(map(_not_utf8, lines[: int(found[1]) - 1]))
        )
    if found := re.search(r": a quote in the row that begins on line (\d+) isn't closed until the end of the file", message):
        return sheet.refused == "quote" and _open_quotes(sheet, int(found[1]))
    if found := re.search(r": in the row that begins on line (\d+), something other than a separator follows a closing quote", message):
        return sheet.refused == "quote" and int(found[1]) == _rows_of(sheet)[-1]
    if found := re.search(r": line (\d+) isn't text, it has a zero byte", message):
        return sheet.refused == "zero" and b"\0" in lines[int(found[1]) - 1]
    if "these columns aren't known" in message:
        named = re.findall(r"'([^']*)' \(column (\d+)\)", message)
        true = all(headings[int(place) - 1] == heading and sheet.fields[int(place) - 1] is None for heading, place in named)
        return sheet.refused == "unknown" and true and {one for one, _ in named} == {*headings[-1:]}
    if found := re.search(r"there is no column for ([^:]+): ", message):
        return sheet.refused == "missing" and [_field(title) for title in found[1].split(", ")] == [
            name for name in meant.TITLES if name in meant.REQUIRED and name not in sheet.fields
        ]
    if found := re.search(r"the columns '(.*)', '(.*)' mean the same \((.*)\): ", message):
        same = [heading for heading, name in zip(headings, sheet.fields, strict=True) if name == _field(found[3])]
        return sheet.refused == "twice" and [found[1], found[2]] == same
    return "it is damaged, or no workbook" in message and sheet.refused == "damaged"


def _not_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _rows_of(sheet: Sheet) -> list[int]:
    """The row in which the quote was opened."""
    return [line for line, cells in sheet.cells.items() if "~~~" in cells]


def _open_quotes(sheet: Sheet, line: int) -> bool:
    """Whether an odd number of quotes follows from that line on, and a row begins there."""
    raw = {"utf-16": "utf-16", "utf-16-be-mark": "utf-16", "cp1252": "cp1252"}.get(sheet.encoding, "utf-8-sig")
    text = sheet.data.decode(raw)
    rest = "\n".join(re.split(r"\r\n|\n", text)[line - 1 :])
    return line in sheet.cells and rest.count('"') % 2 == 1
