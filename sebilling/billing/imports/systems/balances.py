"""Read a file of balances (arrears and credit) for a system that doesn't keep them itself."""

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
    """Add the balances of a spreadsheet to the accounts. Raises InvalidFile for a row that matches no account.

    Required are the columns Kode (name in the other system) and Tunggakan or Titipan; Jatuh Tempo and Lunas Sampai are optional.
    """
    table = spreadsheet.open_table(path)
    indexes: dict[str, int] = {}
    for index, heading in enumerate(table.headings):
        name = BY_HEADING.get(spelt(heading))
        if name in _USED and indexes.setdefault(name, index) != index:
            first = table.headings[indexes[name]]
            why = f"the columns '{first}' and '{heading}' mean the same ({FIELDS[name].title}): remove one."
            raise InvalidFile(file=path.name, why=why)
    if "code" not in indexes or not any(name in indexes for name in _MONEY):
        why = "it needs the columns Kode (their name in the other system) and Tunggakan or Titipan."
        raise InvalidFile(file=path.name, why=why)
    accounts = {account.key: index for index, account in enumerate(book.accounts)}
    seen: set[str] = set()
    for record in table.records:
        if not any(map(is_filled, record.cells)):
            continue
        values = {name: _cell(path.name, record, index, name) for name, index in indexes.items()}
        key = str(values.pop("code"))
        if key not in accounts or key in seen:
            why = "is on an earlier line too" if key in seen else f"is no customer in {book.system}'s file that comes in"
            raise InvalidFile(file=path.name, why=f"line {record.line}: '{key[:40]}' {why}: correct the row, or remove it.")
        seen.add(key)
        account = book.accounts[accounts[key]]
        if (account.arrears or account.credit) and any(values.get(name) is not None for name in _MONEY):
            why = f"line {record.line}: {book.system} itself tells a balance of '{key[:40]}': remove the row, or correct it there."
            raise InvalidFile(file=path.name, why=why)
        book.accounts[accounts[key]] = _with(account, values)
    left_out = [heading for index, heading in enumerate(table.headings) if heading and index not in indexes.values()]
    if left_out:
        book.notes.append(f"Of {path.name} these columns weren't used: {', '.join(left_out)}.")


def _with(account: Account, balances: dict[str, object]) -> Account:
    known = {name: value for name, value in balances.items() if value is not None}
    return replace(account, **known)  # type: ignore[arg-type]  # FIELDS reads each as what its name is


def _cell(file: str, record: Record, index: int, name: str) -> object:
    cell = record.cells[index] if index < len(record.cells) else ""
    if record.error or isinstance(cell, Unreadable):
        raise InvalidFile(file=file, why=f"line {record.line}: {record.error or getattr(cell, 'why', '')}")
    if name == "code":
        return cell.strip()
    try:
        return FIELDS[name].read(cell.strip())
    except ValueError as error:
        raise InvalidFile(file=file, why=f"line {record.line}, {FIELDS[name].title}: {error}") from error
