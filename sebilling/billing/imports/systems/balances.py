"""Read a file of balances (arrears and credit) for a system that doesn't keep them itself."""

from dataclasses import replace
from pathlib import Path

from sebilling.billing.imports import spreadsheet
from sebilling.billing.imports.cells import InvalidCell
from sebilling.billing.imports.columns import BY_HEADING, FIELDS, spelt
from sebilling.billing.imports.systems.account import Account, Book
from sebilling.billing.imports.table import Record, Unreadable, is_filled
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

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
            why = Sentence(
                f"the columns '{first}' and '{heading}' mean the same ({FIELDS[name].title}): remove one.",
                f"kolom '{first}' dan '{heading}' artinya sama ({FIELDS[name].title}): hapus salah satunya.",
            )
            raise InvalidFile(file=path.name, why=why)
    if "code" not in indexes or not any(name in indexes for name in _MONEY):
        why = Sentence(
            "it needs the columns Kode (their name in the other system) and Tunggakan or Titipan.",
            "perlu kolom Kode (nama di sistem lain) dan Tunggakan atau Titipan: tambahkan.",
        )
        raise InvalidFile(file=path.name, why=why)
    accounts = {account.key: index for index, account in enumerate(book.accounts)}
    seen: set[str] = set()
    for record in table.records:
        if not any(map(is_filled, record.cells)):
            continue
        values = {name: _cell(path.name, record, index, name) for name, index in indexes.items()}
        key = str(values.pop("code"))
        if key not in accounts or key in seen:
            if key in seen:
                fault = Sentence("is on an earlier line too", "sudah ada di baris sebelumnya")
            else:
                fault = Sentence(
                    f"is no customer in {book.system}'s file that comes in", f"bukan pelanggan yang diambil dari berkas {book.system}"
                )
            why = Sentence(
                f"line {record.line}: '{key[:40]}' {fault.english}: correct the row, or remove it.",
                f"baris {record.line}: '{key[:40]}' {fault.indonesian}: perbaiki barisnya, atau hapus.",
            )
            raise InvalidFile(file=path.name, why=why)
        seen.add(key)
        account = book.accounts[accounts[key]]
        if (account.arrears or account.credit) and any(values.get(name) is not None for name in _MONEY):
            why = Sentence(
                f"line {record.line}: {book.system} itself tells a balance of '{key[:40]}': remove the row, or correct it there.",
                f"baris {record.line}: {book.system} sendiri punya saldo '{key[:40]}': hapus barisnya, atau perbaiki di sana.",
            )
            raise InvalidFile(file=path.name, why=why)
        book.accounts[accounts[key]] = _with(account, values)
    left_out = [heading for index, heading in enumerate(table.headings) if heading and index not in indexes.values()]
    if left_out:
        listed = ", ".join(left_out)
        book.notes.append(
            Sentence(f"Of {path.name} these columns weren't used: {listed}.", f"Kolom ini dari {path.name} tidak dipakai: {listed}.")
        )


def _with(account: Account, balances: dict[str, object]) -> Account:
    known = {name: value for name, value in balances.items() if value is not None}
    return replace(account, **known)  # type: ignore[arg-type]  # FIELDS reads each as what its name is


def _cell(file: str, record: Record, index: int, name: str) -> object:
    cell = record.cells[index] if index < len(record.cells) else ""
    if record.error is not None:
        raise InvalidFile(file=file, why=_on_line(record.line, record.error))
    if isinstance(cell, Unreadable):
        raise InvalidFile(file=file, why=_on_line(record.line, cell.why))
    if name == "code":
        return cell.strip()
    try:
        return FIELDS[name].read(cell.strip())
    except InvalidCell as error:
        raise InvalidFile(file=file, why=_on_line(record.line, error.sentence, title=FIELDS[name].title)) from error


def _on_line(line: int, fault: Sentence, *, title: str = "") -> Sentence:
    column = f", {title}" if title else ""
    return Sentence(f"line {line}{column}: {fault.english}", f"baris {line}{column}: {fault.indonesian}")
