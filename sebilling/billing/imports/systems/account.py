"""A customer of another billing system, in a form common to all systems, and its conversion to import rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from sebilling.billing import phones
from sebilling.billing.imports import codes, subscribers
from sebilling.billing.imports.rows import CustomerRow, Faulty, Problem, customer_row
from sebilling.billing.opening import Past
from sebilling.clock import Month
from sebilling.db.engine import ReadSession
from sebilling.errors import SebillingError
from sebilling.language import Sentence
from sebilling.money import MAX_RUPIAH

Fault = tuple[str, Sentence]
"""Column and reason of a value that can't be imported."""


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of the other system. Amounts are rupiah, dates are local."""

    line: int
    """Number of the customer in the file, from 1."""
    key: str
    """Name of the account there; the customer's code is derived from it."""
    name: str
    plan: str
    price: int | None
    """Rupiah per month; None if unknown."""
    installed_on: date
    phone: str = ""
    address: str = ""
    active: bool = True
    pppoe_name: str | None = None
    arrears: int = 0
    due_on: date | None = None
    credit: int = 0
    paid_until: date | None = None
    """Last day that is billed there."""
    cycle_months: int = 1
    due_day: int | None = None
    """Day of the month on which they pay, if each has their own."""
    past: tuple[Past, ...] = ()
    """History, without the customer's id."""
    faults: tuple[Fault, ...] = ()

    @property
    def balance(self) -> int:
        """Arrears less credit; one document represents both. Negative: paid ahead."""
        return self.arrears - self.credit


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An account that isn't a monthly customer, and why. An account with a balance is never left out."""

    key: str
    why: Sentence


@dataclass(slots=True)
class Book:
    """Contents of another system's file."""

    system: str
    sells_time: bool = False
    """Whether the system sells time. Former customers stay in its file; only their expiry shows that they left."""
    accounts: list[Account] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[Sentence] = field(default_factory=list)


class NoAmountError(ValueError):
    """The text isn't a whole rupiah amount."""


def rupiah(text: str | None) -> int:
    """Parse a database's number: `150000`, `150000.00`, `-5000`; empty is 0. Raises NoAmountError for a fraction or anything else."""
    if text is None or not text.strip():
        return 0
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise NoAmountError(text[:30]) from None
    if not number.is_finite() or number != number.to_integral_value() or abs(number) > MAX_RUPIAH:
        raise NoAmountError(text[:30])
    return int(number)


def day(text: str | None) -> date | None:
    """Parse the date of a database's date or time; None if empty, or MySQL's 0000-00-00. Raises ValueError."""
    if text is None or not text.strip() or text.startswith("0000"):
        return None
    return date.fromisoformat(text.strip()[:10])


def months_of(count: int, unit: str) -> int | None:
    """Return how many months a plan lasts: 30 days are one, 365 days twelve. None if it isn't a whole number of months."""
    if unit in {"Months", "Period"}:
        return count if count >= 1 else None
    if unit != "Days":
        return None
    return 12 if count in {360, 365, 366} else next((months for months in range(1, 13) if 28 * months <= count <= 31 * months), None)


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows of a book, and the account of each code."""

    rows: list[CustomerRow | Faulty]
    accounts: Mapping[str, Account]

    @property
    def past(self) -> dict[str, Sequence[Past]]:
        """History by code."""
        return {code: account.past for code, account in self.accounts.items() if account.past}


async def taken(session: ReadSession, book: Book, *, counter: str, month: Month) -> Taken:
    """Return a row for each account, or its faults, and add remarks to the book's notes.

    `month` is the opening month. Where the system sells time, a customer whose time ended before it is imported as inactive.
    """
    _note(book)
    both = [account.key for account in book.accounts if account.arrears and account.credit]
    if both:
        names = subscribers.named(both)
        book.notes.append(
            Sentence(
                f"{len(both)} customers owe something and have paid ahead: the balance of both comes in, as one document: {names.english}.",
                f"{len(both)} pelanggan punya tunggakan sekaligus titipan: yang masuk selisihnya, sebagai satu dokumen:"
                f" {names.indonesian}.",
            )
        )
    derived = await codes.derive(session, [account.key for account in book.accounts if account.key], book.notes)
    rows: list[CustomerRow | Faulty] = []
    accounts: dict[str, Account] = {}
    without_phone: list[str] = []
    lapsed: list[str] = []
    for account_in_file in book.accounts:
        account = account_in_file
        code = next(derived[account.key]) if account.key else codes.Code("")
        if account.phone and not _is_phone(account.phone):
            without_phone.append(f"{code.code} ({account.phone[:20]})")
            account = replace(account, phone="")
        if book.sells_time and account.active and account.paid_until is not None and account.paid_until < month.first:
            lapsed.append(code.code)
            account = replace(account, active=False)
        rows.append(_row(account, code, counter))
        accounts[code.code] = account
    if without_phone:
        names = subscribers.named(without_phone)
        book.notes.append(
            Sentence(
                f"{len(without_phone)} phone numbers can't be read and were left out: {names.english}.",
                f"{len(without_phone)} nomor telepon tidak bisa dibaca dan tidak diambil: {names.indonesian}.",
            )
        )
    if lapsed:
        names = subscribers.named(lapsed)
        book.notes.append(
            Sentence(
                f"{len(lapsed)} customers have had no service since before {month} and come in inactive: {names.english}.",
                f"{len(lapsed)} pelanggan tidak punya layanan sejak sebelum {month} dan masuk sebagai nonaktif: {names.indonesian}.",
            )
        )
    return Taken(rows, accounts)


def _note(book: Book) -> None:
    for why, count in Counter(account.why for account in book.left_out).most_common():
        names = subscribers.named([account.key for account in book.left_out if account.why == why])
        book.notes.append(
            Sentence(
                f"{count} accounts were left out, {why.english}: {names.english}.",
                f"{count} akun tidak diambil, {why.indonesian}: {names.indonesian}.",
            )
        )


def _is_phone(text: str) -> bool:
    try:
        phones.read(text, field="phone")
    except (SebillingError, ValueError):
        return False
    return True


def _row(account: Account, code: codes.Code, counter: str) -> CustomerRow | Faulty:
    cells = {
        "code": code.code, "name": account.name or account.key, "counter": counter, "plan": account.plan, "phone": account.phone,
        "address": account.address, "installed_on": account.installed_on.isoformat(), "pppoe_name": account.pppoe_name or "",
        "active": "aktif" if account.active else "nonaktif",
    }  # fmt: skip
    row = customer_row(account.line, cells, spreadsheet=False)
    problems = [Problem(account.line, column, why) for column, why in account.faults]
    if code.owner is not None:
        taken = Sentence(
            f"a customer with the code {code.code} exists already: was it imported before?",
            f"pelanggan dengan kode {code.code} sudah ada: apakah sudah pernah diimpor?",
        )
        problems.append(Problem(account.line, "code", taken))
    if isinstance(row, Faulty):
        reported = {column for column, _ in account.faults} | ({"installed_on"} if account.installed_on == date.max else set())
        return Faulty([*problems, *(problem for problem in row.problems if problem.column not in reported)], row.counter, row.plan)
    if problems:
        return Faulty(problems, row.counter, row.plan)
    return replace(
        row, price=account.price, arrears=max(account.balance, 0), due_on=account.due_on if account.balance > 0 else None,
        credit=max(-account.balance, 0),
        paid_until=None if account.paid_until is None else max(account.paid_until, last_day(account.installed_on)),
        cycle_months=account.cycle_months if account.cycle_months > 1 else None,
    )  # fmt: skip


def usual_due_day(accounts: Iterable[Account]) -> int | None:
    """Return the most common due day, if the accounts have their own."""
    counted = Counter(account.due_day for account in accounts if account.due_day is not None)
    return counted.most_common(1)[0][0] if counted else None


def note(*parts: str | None) -> str:
    """Join foreign texts for a line of the history: printable, at most 200 characters."""
    words = " ".join(part.strip() for part in parts if part)
    return "".join(letter if letter.isprintable() else " " for letter in words).strip()[:200]


def last_day(until: date) -> date:
    """Return the day before `until`."""
    return until - timedelta(days=1)
