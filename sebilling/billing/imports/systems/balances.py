"""A file of balances beside a system's own: what customers owe or have paid ahead, where the system keeps none."""

from dataclasses import replace
from pathlib import Path

from sebilling.billing.imports import spreadsheet
from sebilling.billing.imports.columns import BY_HEADING, FIELDS, spelt
from sebilling.billing.imports.systems.account import Account, Book
from sebilling.billing.imports.table import Record, Unreadable, is_filled
from sebilling.errors import InvalidFile

_MONEY = ("arrears", "credit")
_USED = ("code", *_MONEY, "due_on", "paid_until")


def add(book: Book, path: Path) -> None:
    """Put the balances of a spreadsheet to the accounts of these names there. Raises InvalidFile for a row that fits nobody.

    It needs the columns Kode (the name in the other system) and Tunggakan or Titipan; Jatuh Tempo and Lunas Sampai may be there.
    """
    table = spreadsheet.open_table(path)
    places: dict[str, int] = {}
    for place, heading in enumerate(table.headings):
        name = BY_HEADING.get(spelt(heading))
        if name in _USED and places.setdefault(name, place) != place:
            first = table.headings[places[name]]
            why = f"the columns '{first}' and '{heading}' mean the same ({FIELDS[name].title}): remove one."
            raise InvalidFile(file=path.name, why=why)
    if "code" not in places or not any(name in places for name in _MONEY):
        why = "it needs the columns Kode (their name in the other system) and Tunggakan or Titipan."
        raise InvalidFile(file=path.name, why=why)
    accounts = {account.key: place for place, account in enumerate(book.accounts)}
    seen: set[str] = set()
    for record in table.records:
        if not any(map(is_filled, record.cells)):
            continue
        given = {name: _cell(path.name, record, place, name) for name, place in places.items()}
        key = str(given.pop("code"))
        if key not in accounts or key in seen:
            why = "is on an earlier line too" if key in seen else f"is no customer in {book.system}'s file that comes in"
            raise InvalidFile(file=path.name, why=f"line {record.line}: '{key[:40]}' {why}: correct the row, or remove it.")
        seen.add(key)
        account = book.accounts[accounts[key]]
        if (account.arrears or account.credit) and any(given.get(name) is not None for name in _MONEY):
            why = f"line {record.line}: {book.system} itself tells a balance of '{key[:40]}': remove the row, or mend it there."
            raise InvalidFile(file=path.name, why=why)
        book.accounts[accounts[key]] = _with(account, given)
    left_out = [heading for place, heading in enumerate(table.headings) if heading and place not in places.values()]
    if left_out:
        book.notes.append(f"Of {path.name} these columns weren't used: {', '.join(left_out)}.")


def _with(account: Account, given: dict[str, object]) -> Account:
    told = {name: value for name, value in given.items() if value is not None}
    return replace(account, **told)  # type: ignore[arg-type]  # FIELDS reads each as what its name is


def _cell(file: str, record: Record, place: int, name: str) -> object:
    cell = record.cells[place] if place < len(record.cells) else ""
    if record.error or isinstance(cell, Unreadable):
        raise InvalidFile(file=file, why=f"line {record.line}: {record.error or getattr(cell, 'why', '')}")
    if name == "code":
        return cell.strip()
    try:
        return FIELDS[name].read(cell.strip())
    except ValueError as error:
        raise InvalidFile(file=file, why=f"line {record.line}, {FIELDS[name].title}: {error}") from error
