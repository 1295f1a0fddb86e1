"""Opening balances of imported customers: check them, sum them up and record them.

See docs/opening.md and sebilling/billing/opening.py. Nothing about money is guessed: a missing value is a fault.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from sqlalchemy import text

from sebilling.billing import opening
from sebilling.billing.billing_cycles import MAX_MONTHS
from sebilling.billing.imports.columns import FIELDS
from sebilling.billing.imports.rows import CustomerRow, Faulty, Problem, sentence_of
from sebilling.billing.opening import Opening, Past
from sebilling.clock import Month
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import InvalidText, NotFound, SebillingError
from sebilling.language import Sentence
from sebilling.nouns import Noun

_STAGED: Final = text(
    "SELECT customer.id, import_row.code, customer.installed_on, arrears, import_row.due_on, credit, paid_until, cycle_months"
    " FROM import_row JOIN customer USING (code) ORDER BY customer.id"
)
_SUMS: Final = text(
    """
    SELECT count(*) FILTER (WHERE arrears > 0) AS owing, coalesce(sum(arrears), 0)::bigint AS arrears,
           count(*) FILTER (WHERE credit > 0) AS ahead, coalesce(sum(credit), 0)::bigint AS credit,
           count(*) FILTER (WHERE paid_until >= :after) AS until, count(*) FILTER (WHERE cycle_months > 1) AS cycles,
           count(*) FILTER (WHERE due_on IS NOT NULL AND coalesce(arrears, 0) = 0) AS idle_days
      FROM import_row
    """
)
_USER: Final = text("SELECT id FROM app_user WHERE username = :username AND active AND NOT service")
_ADMINS: Final = text("SELECT id, username FROM app_user WHERE active AND NOT service AND role = 'ADMIN' ORDER BY username LIMIT 6")


@dataclass(frozen=True, slots=True)
class _Staged:
    """The opening balance of a staged row, as CustomerRow has it, and the customer that was written."""

    id: int
    code: str
    installed_on: date
    arrears: int | None
    due_on: date | None
    credit: int | None
    paid_until: date | None
    cycle_months: int | None


@dataclass(frozen=True, slots=True)
class _Totals:
    """Numbers of customers, and rupiah. `idle_days`: customers without arrears who have a due date."""

    owing: int
    arrears: int
    ahead: int
    credit: int
    until: int
    cycles: int
    idle_days: int


@dataclass(frozen=True, slots=True)
class _Admin:
    id: int
    username: str


@dataclass(frozen=True, slots=True)
class Sums:
    """Totals of the staged opening balances: numbers of customers, and rupiah."""

    month: str
    owing: int
    arrears: int
    ahead: int
    credit: int
    until: int
    """Customers who are billed beyond the end of the opening month."""
    cycles: int
    """Customers who pay several months at once."""


@dataclass(slots=True)
class Wanted:
    """The opening month, if one was given, and the user in whose name receipts of credit are issued."""

    month: Month | None = None
    by: str | None = None
    by_id: int | None = None
    """Set by `settled` unless it is given."""


def checked(rows: Iterable[CustomerRow | Faulty], month: Month | None) -> Iterator[CustomerRow | Faulty]:
    """Yield the rows; a row with an invalid opening balance becomes faulty. Without a month, the first row that has one does."""
    asked = False
    for row in rows:
        if not isinstance(row, CustomerRow):
            yield row
            continue
        if month is not None:
            problems = list(_problems(row, month))
        elif asked or (field := _balance_field(row)) is None:
            problems = []
        else:
            asked = True
            title = FIELDS[field].title
            why = Sentence(
                f"the column {title} is filled: an opening balance needs the last month that the system before has billed: give it as the"
                " opening month, such as 2026-01.",
                f"kolom {title} terisi: saldo awal memerlukan bulan terakhir yang ditagih sistem lama: isi 'Bulan saldo awal', misalnya"
                " Januari 2026.",
            )
            problems = [Problem(row.line, field, why)]
        yield Faulty(problems, row.counter, row.plan) if problems else row


def _balance_field(row: CustomerRow) -> str | None:
    """Return the first field of the row that requires an opening month; None if it has none."""
    fields = {"arrears": row.arrears, "credit": row.credit, "paid_until": row.paid_until, "cycle_months": row.cycle_months}
    return next((name for name, value in fields.items() if value is not None), None)


def _problems(row: CustomerRow, month: Month) -> Iterator[Problem]:
    if row.paid_until is not None and row.paid_until < row.installed_on - timedelta(days=1):
        why = Sentence(
            f"it lies before the installation on {row.installed_on}: check both.",
            f"sebelum tanggal pasang {row.installed_on}: periksa keduanya.",
        )
        yield Problem(row.line, "paid_until", why)
    elif row.paid_until is not None and row.paid_until >= month.plus(MAX_MONTHS).after:
        why = Sentence(
            f"{row.paid_until} lies more than {MAX_MONTHS} months ahead: check the year.",
            f"{row.paid_until} lebih dari {MAX_MONTHS} bulan ke depan: periksa tahunnya.",
        )
        yield Problem(row.line, "paid_until", why)
    elif row.active and row.arrears is None and row.paid_until is not None and row.paid_until < month.after - timedelta(days=1):
        last = month.after - timedelta(days=1)
        why = Sentence(
            f"it is paid until {row.paid_until}, but what is owed for the days until {last} isn't told: fill the column Tunggakan, with 0"
            " if it is nothing.",
            f"lunas sampai {row.paid_until}, tetapi tunggakan untuk hari sampai {last} tidak disebut: isi kolom Tunggakan, dengan 0 kalau"
            " tidak ada.",
        )
        yield Problem(row.line, "arrears", why)
    try:
        opening.check(opening_of(row, month, customer_id=0), installed_on=row.installed_on)
    except SebillingError as error:
        field = str(error.path[-1]) if error.path else ""
        if field == "billed_until":  # a file has the last day that is paid instead
            field = "paid_until"
        yield Problem(row.line, field, sentence_of(error))


def opening_of(told: CustomerRow | _Staged, month: Month, *, customer_id: int) -> Opening:
    """Return the opening balance of a row, or of a staged row with the same names.

    A customer who is paid until a day within the opening month counts as billed to its end: the rest is in their arrears.
    """
    until = None if told.paid_until is None else max(told.paid_until + timedelta(days=1), month.after, told.installed_on)
    months = told.cycle_months or 1
    return Opening(
        customer_id, arrears=told.arrears or 0, due_on=told.due_on if told.arrears else None, credit=told.credit or 0,
        billed_until=None if until == month.after and months == 1 else until, cycle_months=months,
    )  # fmt: skip


async def settled(session: WriteSession, wanted: Wanted, notes: list[Sentence]) -> Sums | None:
    """Return the totals of what was staged in this transaction, and set `wanted.by_id`; None without a month.

    Raises what recording would: PeriodClosed, ConfirmPeriod, NotFound, InvalidText.
    """
    if wanted.month is not None:
        await opening.possible(session, wanted.month)
    row = await session.only_row(_SUMS, {"after": date.max if wanted.month is None else wanted.month.after}, into=_Totals)
    if row.idle_days:
        title = FIELDS["due_on"].title
        notes.append(
            Sentence(
                f"{title} of {row.idle_days} customers without arrears was left out: the counter's day counts.",
                f"{title} dari {row.idle_days} pelanggan tanpa tunggakan tidak dipakai: yang berlaku tanggal dari loketnya.",
            )
        )
    if wanted.month is None:
        return None
    if row.ahead and wanted.by_id is None:
        wanted.by_id = await _answering(session, wanted.by)
    return Sums(str(wanted.month), row.owing, row.arrears, row.ahead, row.credit, row.until, row.cycles)


async def _answering(session: ReadSession, username: str | None) -> int:
    """Return the user in whose name receipts of credit are issued. Raises NotFound; InvalidText if there isn't exactly one admin."""
    if username is not None:
        user_id = await session.value(_USER, {"username": username}, kind=int)
        if user_id is None:
            raise NotFound(field="by", noun=Noun.USER, given=username)
        return user_id
    admins = await session.rows(_ADMINS, into=_Admin)
    if len(admins) != 1:
        if admins:
            names = ", ".join(row.username for row in admins[:5])
            there = Sentence(f"there are several admins ({names})", f"ada beberapa admin ({names})")
        else:
            there = Sentence("there is no admin yet", "belum ada admin")
        why = Sentence(
            f"its receipts stand in somebody's name, and {there.english}: name who answers for it by --by USERNAME.",
            f"kuitansinya harus atas nama seseorang, dan {there.indonesian}: sebutkan penanggung jawabnya dengan `--by USERNAME`.",
        )
        raise InvalidText(field="by", what=FIELDS["credit"].title, why=why)
    return admins[0].id


async def record(session: WriteSession, wanted: Wanted, *, past: Mapping[str, Sequence[Past]] | None = None) -> None:
    """Record the opening balances of all customers that were staged and written in this transaction, and their history by code.

    Does nothing without a month. Raises as opening.record does.
    """
    if wanted.month is None:
        return
    openings: list[Opening] = []
    history: list[Past] = []
    for row in await session.rows(_STAGED, into=_Staged):
        openings.append(opening_of(row, wanted.month, customer_id=row.id))
        history += [replace(entry, customer_id=row.id) for entry in (past or {}).get(row.code, ())]
    await opening.record(session, wanted.month, openings, by=wanted.by_id or 0, past=history)
