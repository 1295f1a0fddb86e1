"""Opening balances (saldo awal): customers' balances at the end of the last month that the previous system billed.

Arrears become one invoice per customer, money paid ahead becomes credit, and days that the previous system has billed are never
billed again. All of it belongs to the *opening month*: its recap and journal show the opening balances (booked against
OPENING_BALANCE, neither revenue nor cash), and every later month is right from its first day. See docs/opening.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import orjson
from sqlalchemy import text

from sebilling import events
from sebilling.billing import locks, periods, scope
from sebilling.billing.billing_cycles import MAX_MONTHS
from sebilling.billing.closings import PeriodRow
from sebilling.clock import Month
from sebilling.db.engine import WriteSession
from sebilling.errors import AlreadyExists, InvalidDate, InvalidNumber, NotFound, PeriodClosed
from sebilling.events.customers import CustomerOpeningRecorded, OpeningsRecorded
from sebilling.language import Sentence
from sebilling.money import MAX_RUPIAH, format_rupiah
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class Opening:
    """A customer's opening balance, in rupiah."""

    customer_id: int
    arrears: int = 0
    due_on: date | None = None
    """Due date of the oldest arrears; None: the last day of the opening month."""
    credit: int = 0
    """Money paid ahead. A customer has arrears or credit, not both: give the balance."""
    billed_until: date | None = None
    """First day to be billed here; None: the day after the opening month."""
    cycle_months: int = 1
    """Number of months billed at once, from `billed_until` on."""


@dataclass(frozen=True, slots=True)
class Past:
    """An invoice or payment of the previous system, shown in the customer's history."""

    customer_id: int
    happened_on: date
    kind: str
    """INVOICE or PAYMENT."""
    amount: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Result of `record`: the number of customers, and the totals in rupiah."""

    customers: int
    arrears: int
    credit: int


@dataclass(frozen=True, slots=True)
class _Customer:
    id: int
    counter_id: int
    installed_on: date


_PERIOD: Final = text("SELECT id, closed_at FROM period WHERE month = :month FOR SHARE")
_STANDING: Final = text("SELECT id, closed_at FROM period WHERE month = :month")
# In the order of billing/locks.py: customers, their counters (exclusively, like a generation chunk), the number series.
_LOCK_CUSTOMERS: Final = text("SELECT id, counter_id, installed_on FROM customer WHERE id = ANY (:customers) ORDER BY id FOR NO KEY UPDATE")
_LOCK_COUNTERS: Final = text("SELECT pg_advisory_xact_lock(1, CAST(id AS int)) FROM counter WHERE id = ANY (:counters) ORDER BY id")
_OPENED: Final = text(
    """
    SELECT code FROM customer WHERE id = ANY (:customers)
       AND (EXISTS (SELECT FROM opening_balance WHERE customer_id = customer.id)
            OR EXISTS (SELECT FROM invoice WHERE customer_id = customer.id)) ORDER BY id LIMIT 1
    """
)
_GIVEN: Final = """
    given AS MATERIALIZED (
        SELECT given.*, customer.counter_id, customer.installed_on, counter.code AS place, CAST(:month AS date) AS month,
               CAST(:after AS date) AS after
          FROM jsonb_to_recordset(CAST(:given AS jsonb)) AS given (
               customer_id bigint, arrears bigint, due_on date, credit bigint, billed_until date, cycle_months int)
          JOIN customer ON customer.id = customer_id JOIN counter ON counter.id = customer.counter_id
    )
"""
_INVOICES: Final = text(
    f"""
    WITH {_GIVEN}, series AS (
        INSERT INTO invoice_series AS series (period_id, counter_id, next_number)
        SELECT :period, counter_id, count(*) + 1 FROM given WHERE arrears > 0 GROUP BY counter_id
        ON CONFLICT (period_id, counter_id) DO UPDATE SET next_number = series.next_number + excluded.next_number - 1
        RETURNING counter_id, next_number
    ), numbered AS (
        SELECT given.*, next_number - row_number() OVER (PARTITION BY counter_id ORDER BY customer_id DESC) AS sequence
          FROM given JOIN series USING (counter_id) WHERE arrears > 0
    )
    INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from, covers_until,
                         issued_at, due_on, total, allocated, written_off)
    SELECT :period, counter_id, sequence,
           'INV/' || to_char(month, 'YYYY-MM') || '/' || place || '/' || lpad(sequence::text, greatest(6, length(sequence::text)), '0'),
           customer_id, NULL, 'Saldo awal', after, after, CAST(:at AS timestamptz), coalesce(due_on, after - 1), arrears, 0, 0
      FROM numbered ORDER BY customer_id
    RETURNING id, customer_id, total
    """
)
_LINES: Final = text(
    """
    INSERT INTO invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount)
    SELECT id, 1, 'OPENING', 'Saldo awal per ' || to_char(CAST(:after AS date) - 1, 'DD-MM-YYYY'), 1, total, total
      FROM invoice WHERE id = ANY (:invoices)
    """
)
_PAYMENTS: Final = text(
    f"""
    WITH {_GIVEN}
    INSERT INTO payment (customer_id, counter_id, amount, allocated, refunded, method, received_by, collected_at, received_at,
                         received_on, note, surplus_because)
    SELECT customer_id, counter_id, credit, 0, 0, 'OPENING', CAST(:by AS bigint), CAST(:at AS timestamptz), CAST(:at AS timestamptz),
           after - 1, 'Saldo awal', 'IN_ADVANCE'
      FROM given WHERE credit > 0 ORDER BY customer_id
    RETURNING id, customer_id
    """
)
_RECEIPTS: Final = text(
    """
    WITH paid AS (
        SELECT payment.id, counter_id, code FROM payment JOIN counter ON counter.id = counter_id WHERE payment.id = ANY (:payments)
    ), series AS (
        INSERT INTO receipt_series AS series (counter_id, month, next_number)
        SELECT counter_id, :month, count(*) + 1 FROM paid GROUP BY counter_id
        ON CONFLICT (counter_id, month) DO UPDATE SET next_number = series.next_number + excluded.next_number - 1
        RETURNING counter_id, next_number
    ), numbered AS (
        SELECT paid.*, next_number - row_number() OVER (PARTITION BY counter_id ORDER BY id DESC) AS sequence
          FROM paid JOIN series USING (counter_id)
    )
    INSERT INTO receipt (payment_id, counter_id, month, sequence, number)
    SELECT id, counter_id, :month, sequence,
           'KW/' || to_char(CAST(:month AS date), 'YYYY-MM') || '/' || code || '/'
           || lpad(sequence::text, greatest(6, length(sequence::text)), '0')
      FROM numbered
    """
)
_RECORDED: Final = events.appending(
    CustomerOpeningRecorded,
    {
        "month": "to_char(month, 'YYYY-MM')", "arrears": "arrears", "credit": "credit", "billed_until": "billed_until",
        "cycle_months": "cycle_months",
    },
    subject_id="customer_id", counter_id="counter_id",
)  # fmt: skip
_BALANCES: Final = text(
    f"""
    WITH {_GIVEN}, cycles AS (
        INSERT INTO billing_cycle (customer_id, months, effective_from, set_at, set_by)
        SELECT customer_id, cycle_months, billed_until, CAST(:at AS timestamptz), CAST(:user AS bigint) FROM given WHERE cycle_months > 1
    )
    INSERT INTO opening_balance (customer_id, period_id, arrears, credit, billed_until, invoice_id, payment_id, recorded_at, recorded_by)
    SELECT given.customer_id, CAST(:period AS bigint), arrears, given.credit,
           coalesce(billed_until, CASE WHEN installed_on < after THEN after END), invoice.id, payment.id,
           CAST(:at AS timestamptz), CAST(:user AS bigint)
      FROM given
      LEFT JOIN invoice ON invoice.id = ANY (:invoices) AND invoice.customer_id = given.customer_id
      LEFT JOIN payment ON payment.id = ANY (:payments) AND payment.customer_id = given.customer_id
    """
)
_LOG: Final = text(f"WITH {_GIVEN} SELECT {_RECORDED} FROM given")
# For payments recorded before the arrears: no customer has both credit and a debt (billing/credit.py).
_SETTLE: Final = text(
    """
    SELECT settle_credit(customer_id, :at, :user, :user_name) FROM invoice
     WHERE id = ANY (:invoices) AND EXISTS (SELECT FROM payment WHERE payment.customer_id = invoice.customer_id AND credit > 0)
     ORDER BY customer_id
    """
)
_HISTORY: Final = text(
    """
    INSERT INTO opening_history (customer_id, happened_on, kind, amount, note)
    SELECT customer_id, happened_on, kind, amount, note FROM jsonb_to_recordset(CAST(:past AS jsonb)) AS past (
        customer_id bigint, happened_on date, kind text, amount bigint, note text)
    """
)


async def possible(session: WriteSession, month: Month) -> None:
    """Check that `record` could write into this month as it is now. Raises PeriodClosed, ConfirmPeriod."""
    row = await session.row(_STANDING, {"month": month.first}, into=PeriodRow)
    if row is None:
        periods.check_near(month, at=session.at)
    elif row.closed_at is not None:
        raise PeriodClosed(field="month", month=month)


async def record(session: WriteSession, month: Month, openings: Sequence[Opening], *, by: int, past: Sequence[Past] = ()) -> Recorded:
    """Record the opening balances of these customers at the end of `month`, and open its period if needed. All of them, or none.

    `by` is the user named on the receipts for money paid ahead. None of the customers may have an invoice or an opening balance yet;
    payments that are already recorded settle the arrears. Writes `customer.opening_recorded` for each, which no hook sends to
    customers. Takes a fixed number of statements, whatever the number of customers. Raises InvalidNumber, InvalidDate, NotFound,
    AlreadyExists, PeriodClosed, ConfirmPeriod, Forbidden.
    """
    scope.central(session)
    wanted = {opening.customer_id for opening in openings}
    if len(wanted) < len(openings):
        raise InvalidNumber(
            field="openings",
            what=Sentence("openings", "saldo awal"),
            given=len(openings),
            why=Sentence("a customer is listed twice.", "ada pelanggan yang tercantum dua kali."),
        )
    customers = {row.id: row for row in await session.rows(_LOCK_CUSTOMERS, {"customers": sorted(wanted)}, into=_Customer)}
    for opening in openings:
        if opening.customer_id not in customers:
            raise NotFound(field="openings", noun=Noun.CUSTOMER, given=opening.customer_id)
        check(opening, installed_on=customers[opening.customer_id].installed_on)
    await session.execute(_LOCK_COUNTERS, {"counters": sorted({row.counter_id for row in customers.values()})})
    await locks.closings(session)
    period_id = await _opened(session, month)
    if (code := await session.value(_OPENED, {"customers": sorted(wanted)}, kind=str)) is not None:
        raise AlreadyExists(field="openings", noun=Noun.OPENING, given=code)
    common = {"month": month.first, "after": month.after, "at": session.at}
    listed = list(openings)
    parameters = {**common, "given": orjson.dumps(listed).decode()}
    invoices = await session.values(_INVOICES, {**parameters, "period": period_id}, kind=int)
    payments = await session.values(_PAYMENTS, {**parameters, "by": by}, kind=int)
    if invoices:
        await session.execute(_LINES, {"invoices": invoices, "after": month.after})
    if payments:
        await session.execute(_RECEIPTS, {"payments": payments, "month": month.first})
    actor_values = {"user": session.actor.user_id, "user_name": session.actor.name}
    await session.execute(
        _BALANCES, {**parameters, "user": session.actor.user_id, "period": period_id, "invoices": invoices, "payments": payments}
    )
    await session.execute(_LOG, {**parameters, **actor_values})
    await session.execute(_SETTLE, {**actor_values, "invoices": invoices, "at": session.at})
    if past:
        entries = list(past)
        await session.execute(_HISTORY, {"past": orjson.dumps(entries).decode()})
    totals = Recorded(len(openings), sum(entry.arrears for entry in openings), sum(entry.credit for entry in openings))
    recorded = OpeningsRecorded(month=month, customers=totals.customers, arrears=totals.arrears, credit=totals.credit)
    await events.append(session, recorded, subject_id=period_id)
    return totals


def check(opening: Opening, *, installed_on: date) -> None:
    """Raise InvalidNumber or InvalidDate for an impossible opening balance."""
    arrears, credit = Sentence("arrears", "tunggakan"), Sentence("credit", "titipan")
    for what, amount in ((arrears, opening.arrears), (credit, opening.credit)):
        if not 0 <= amount <= MAX_RUPIAH:
            raise InvalidNumber(
                field=(what.english,),
                what=what,
                given=amount,
                why=Sentence(f"give 0 to {format_rupiah(MAX_RUPIAH)}.", f"isi 0 sampai {format_rupiah(MAX_RUPIAH)}."),
            )
    if opening.arrears and opening.credit:
        raise InvalidNumber(
            field="credit",
            what=credit,
            given=opening.credit,
            why=Sentence("there are arrears too. Give the balance of both.", "ada tunggakan juga. Isi selisih keduanya saja."),
        )
    if not 1 <= opening.cycle_months <= MAX_MONTHS:
        raise InvalidNumber(
            field="cycle_months",
            what=Sentence("months", "jumlah bulan"),
            given=opening.cycle_months,
            why=Sentence(f"give 1 to {MAX_MONTHS}.", f"isi 1 sampai {MAX_MONTHS}."),
        )
    if opening.cycle_months > 1 and opening.billed_until is None:
        why = Sentence(
            "a customer who pays several months at once needs the day until which they are billed.",
            "pelanggan yang membayar beberapa bulan sekaligus perlu tanggal sampai kapan sudah ditagih.",
        )
        raise InvalidNumber(field="billed_until", what=Sentence("months", "jumlah bulan"), given=opening.cycle_months, why=why)
    if opening.billed_until is not None and not installed_on <= opening.billed_until <= date(2199, 12, 31):
        raise InvalidDate(
            field="billed_until",
            given=opening.billed_until,
            why=Sentence(f"it is before the installation on {installed_on}.", f"sebelum pemasangan pada {installed_on}; periksa keduanya."),
        )
    if opening.due_on is not None and not 1990 <= opening.due_on.year <= 2199:
        raise InvalidDate(field="due_on", given=opening.due_on, why=Sentence("check the year.", "periksa tahunnya."))


async def _opened(session: WriteSession, month: Month) -> int:
    """Return the id of the month's period, which stays open until commit; open it if needed. Raises PeriodClosed, ConfirmPeriod."""
    row = await session.row(_PERIOD, {"month": month.first}, into=PeriodRow)
    if row is None:
        return await periods.open_period(session, month)
    if row.closed_at is not None:
        raise PeriodClosed(field="month", month=month)
    return row.id
