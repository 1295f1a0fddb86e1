"""Dashboard: figures of each counter, twelve months of money, the age of debts, and what needs attention.

Two statements, of which a caller gets the parts that it selects. Neither reads all of history: payments are read as daily takings
(db/sql/takings.sql), invoices as totals of their periods (db/sql/period_totals.sql), debts by their own index. See docs/decisions/0029.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy import TextClause, text

from sebilling.actor import Actor, Scope
from sebilling.billing import scope
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import TIMEZONES, Month, local_date
from sebilling.db.engine import Database, ReadSession
from sebilling.db.parameters import instant

MONTHS: Final = 12
"""Months of the series, the current one among them."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one counter. Amounts are rupiah; days are in the counter's time zone."""

    counter_id: int
    counter_code: str
    counter_name: str
    timezone: str
    due_day: int
    archived_at: datetime | None
    day: date
    received_today: int
    """Money received today less payments reversed today."""
    payments_today: int
    received_this_month: int
    payments_this_month: int
    billed_this_month: int
    """Total of the live invoices of this month's period; 0 if it isn't open."""
    outstanding: int
    """Outstanding amount of the counter's invoices, over all periods."""
    cash_on_hand: int
    blocked_customers: int
    """Number of customers who are blocked now, as their devices report."""


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """Money of one month, in rupiah."""

    month: str
    """Such as 2026-02."""
    billed: int
    received: int
    outstanding: int


@dataclass(frozen=True, slots=True)
class MethodFigures:
    """What was received by one method."""

    method: PaymentMethod
    payments: int
    received: int
    """Rupiah, less what was reversed."""


class DebtAge(StrEnum):
    """How long ago an invoice was due, by the date at its counter."""

    NOT_DUE = "NOT_DUE"
    UP_TO_30 = "UP_TO_30"
    FROM_31_TO_60 = "FROM_31_TO_60"
    FROM_61_TO_90 = "FROM_61_TO_90"
    OVER_90 = "OVER_90"


@dataclass(frozen=True, slots=True)
class DebtOfAge:
    """What is owed on invoices of one age."""

    age: DebtAge
    invoices: int
    customers: int
    amount: int
    """Rupiah."""


class AttentionKind(StrEnum):
    """Something that somebody should look at."""

    DEPOSITS_TO_VERIFY = "DEPOSITS_TO_VERIFY"
    UNRESOLVED_MONEY = "UNRESOLVED_MONEY"
    HOLDS = "HOLDS"
    DEVICES_AWAY = "DEVICES_AWAY"
    OUT_OF_SYNC = "OUT_OF_SYNC"
    PERIODS_NOT_GENERATED = "PERIODS_NOT_GENERATED"
    PERIOD_NOT_OPEN = "PERIOD_NOT_OPEN"


@dataclass(frozen=True, slots=True)
class Attention:
    """How many there are of a kind."""

    kind: AttentionKind
    count: int
    amount: int | None
    """Rupiah; None for what isn't money."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Money and tasks of all counters of the scope. A part that wasn't asked for is empty."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(defer_build=True)
    number: int = 0
    """Number of the last event in the feed: what comes after it isn't in these figures, nor in those that are read later."""
    months: Sequence[MonthFigures] = ()
    """The last MONTHS, oldest first."""
    methods: Sequence[MethodFigures] = ()
    """Of this month, by code."""
    debts: Sequence[DebtOfAge] = ()
    """Each age once, youngest first."""
    attention: Sequence[Attention] = ()
    """What there is any of, in the order of AttentionKind."""


_READER: Final = TypeAdapter(Overview)
PARTS: Final[tuple[str, ...]] = Overview.__match_args__
"""Names of the parts of an overview."""
_DAY: Final = "(:at AT TIME ZONE timezone)::date"
"""SQL for the date at a counter."""
_FIGURES: Final = text(
    f"""
    SELECT counter.id AS counter_id, counter.code AS counter_code, counter.name AS counter_name, counter.timezone, counter.due_day,
           counter.archived_at, now.day,
           taken.today AS received_today, taken.payments_today, taken.month AS received_this_month, taken.payments_this_month,
           coalesce(issued.billed, 0) AS billed_this_month, owed.outstanding, held.on_hand AS cash_on_hand,
           coalesce(blocked.customers, 0) AS blocked_customers
      FROM counter
     CROSS JOIN LATERAL (SELECT {_DAY} AS day OFFSET 0) now  -- once for each counter
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(payments), 0)::bigint AS payments_this_month,
                  coalesce(sum(payments) FILTER (WHERE kept.day = now.day), 0)::bigint AS payments_today,
                  coalesce(sum(received - reversed), 0)::bigint AS month,
                  coalesce(sum(received - reversed) FILTER (WHERE kept.day = now.day), 0)::bigint AS today
             FROM daily_takings kept
            WHERE kept.counter_id = counter.id AND kept.day >= date_trunc('month', now.day)::date AND kept.day <= now.day) taken
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(outstanding), 0)::bigint AS outstanding FROM invoice WHERE counter_id = counter.id AND outstanding > 0) owed
     CROSS JOIN LATERAL (SELECT coalesce(sum(on_hand), 0)::bigint AS on_hand FROM drawer WHERE counter_id = counter.id) held
      LEFT JOIN period ON period.month = date_trunc('month', now.day)::date
      LEFT JOIN period_billed issued ON issued.period_id = period.id AND issued.counter_id = counter.id
       AND issued.period_id = ANY (ARRAY(SELECT id FROM period WHERE month >= (:at AT TIME ZONE 'UTC')::date - 32))  -- not of all history
      LEFT JOIN (
           SELECT customer.counter_id, count(*) AS customers
             FROM (SELECT DISTINCT customer_id FROM service_access WHERE actual = 'BLOCKED') access
             JOIN customer ON customer.id = customer_id GROUP BY 1
           ) blocked ON blocked.counter_id = counter.id
     WHERE {scope.sees("counter.id")}
     ORDER BY counter.code
    """
).bindparams(instant("at"))
_SEEN: Final = f"(SELECT id, {_DAY} AS day FROM counter WHERE {scope.sees('id')} OFFSET 0) seen"
"""Counters of the scope, with their date."""
_MONTHS: Final = f"""
    SELECT json_agg(json_build_object('month', to_char(shown.month, 'YYYY-MM'), 'billed', coalesce(issued.billed, 0),
                                      'received', coalesce(taken.received, 0), 'outstanding', coalesce(issued.outstanding, 0))
                    ORDER BY shown.month)
      FROM (SELECT generate_series(CAST(:first AS date), CAST(:month AS date), interval '1 month')::date AS month) shown
      LEFT JOIN (SELECT period.month, sum(kept.billed)::bigint AS billed, sum(kept.outstanding)::bigint AS outstanding
                   FROM period_total kept JOIN period ON period.id = kept.period_id
                  WHERE kept.period_id = ANY (ARRAY(SELECT id FROM period WHERE month >= :first)) AND {scope.sees("kept.counter_id")}
                  GROUP BY 1) issued ON issued.month = shown.month
      LEFT JOIN (SELECT date_trunc('month', kept.day)::date AS month, sum(received - reversed)::bigint AS received
                   FROM {_SEEN} CROSS JOIN LATERAL (SELECT * FROM daily_takings WHERE counter_id = seen.id AND day >= :first) kept
                  GROUP BY 1) taken ON taken.month = shown.month"""
_METHODS: Final = f"""
    SELECT coalesce(json_agg(json_build_object('method', method, 'payments', payments, 'received', received) ORDER BY method), '[]')
      FROM (SELECT method, sum(payments)::bigint AS payments, sum(received - reversed)::bigint AS received
              FROM {_SEEN} JOIN daily_takings kept ON kept.counter_id = seen.id
               AND kept.day >= date_trunc('month', seen.day)::date AND kept.day <= seen.day GROUP BY method) taken"""
_OWED: Final = f"{_SEEN} JOIN invoice ON invoice.counter_id = seen.id AND outstanding > 0"
# Numbers of ages: texts would be compared for each invoice.
_AGE: Final = (
    "CASE WHEN due_on >= day THEN 1 WHEN due_on >= day - 30 THEN 2 WHEN due_on >= day - 60 THEN 3 WHEN due_on >= day - 90 THEN 4 ELSE 5 END"
)
_DEBTS: Final = f"""
    SELECT json_agg(json_build_object('age', listed.age, 'invoices', coalesce(owed.invoices, 0), 'amount', coalesce(owed.amount, 0),
                                      'customers', coalesce(debtors.customers, 0)) ORDER BY place)
      FROM unnest(ARRAY[{", ".join(f"'{age}'" for age in DebtAge)}]) WITH ORDINALITY listed (age, place)
      LEFT JOIN (SELECT {_AGE} AS place, count(*) AS invoices, sum(outstanding)::bigint AS amount FROM {_OWED} GROUP BY 1)
           owed USING (place)
      LEFT JOIN (SELECT place, count(*) AS customers FROM (SELECT DISTINCT customer_id, {_AGE} AS place FROM {_OWED}) debtor GROUP BY 1)
           debtors USING (place)"""
_CENTRAL: Final = "CAST(:scope AS bigint[]) IS NULL"
_NOT_GENERATED: Final = (
    "SELECT FROM counter WHERE EXISTS (SELECT FROM customer WHERE counter_id = counter.id AND active)"
    " AND NOT EXISTS (SELECT FROM invoice_series WHERE period_id = period.id AND counter_id = counter.id)"
)
# In an order, so that the index of the few is read: PostgreSQL expects half of all.
_DRIFTED: Final = (
    "SELECT customer_id FROM service_access WHERE NOT (desired_generation = observed_generation AND actual IN (desired, 'UNKNOWN'))"
    " ORDER BY id OFFSET 0"
)
# Deposits of their own cash a collector sees also at a counter that they have left.
_ATTENTION: Final = f"""
    SELECT coalesce(json_agg(json_build_object('kind', kind, 'count', count, 'amount', amount) ORDER BY place), '[]')
      FROM (SELECT 1 AS place, '{AttentionKind.DEPOSITS_TO_VERIFY}' AS kind, count(*) AS count, coalesce(sum(amount), 0)::bigint AS amount
              FROM deposit WHERE status = 'SUBMITTED' AND ({scope.sees("counter_id")} OR collector_id = :caller)
            UNION ALL
            SELECT 2, '{AttentionKind.UNRESOLVED_MONEY}', count(*), coalesce(sum(credit), 0)::bigint
              FROM payment WHERE credit > 0 AND {scope.sees("counter_id")}
            UNION ALL
            SELECT 3, '{AttentionKind.HOLDS}', count(*), NULL FROM isolation_hold WHERE decided_at IS NULL AND {_CENTRAL}
            UNION ALL
            SELECT 4, '{AttentionKind.DEVICES_AWAY}', count(*), NULL FROM device WHERE enabled AND NOT reachable AND {_CENTRAL}
            UNION ALL
            SELECT 5, '{AttentionKind.OUT_OF_SYNC}', count(*), NULL FROM ({_DRIFTED}) drifted
             WHERE (SELECT {scope.sees("customer.counter_id")} FROM customer WHERE customer.id = customer_id)
            UNION ALL
            SELECT 6, '{AttentionKind.PERIODS_NOT_GENERATED}', count(*), NULL
              FROM period WHERE closed_at IS NULL AND {_CENTRAL} AND EXISTS ({_NOT_GENERATED})
            UNION ALL
            SELECT 7, '{AttentionKind.PERIOD_NOT_OPEN}', count(*), NULL
              FROM (SELECT 1 WHERE {_CENTRAL} AND NOT EXISTS (SELECT FROM period WHERE month = :month)) missing) kinds
     WHERE count > 0"""
_SQL: Final = {
    "number": "SELECT coalesce(max(number), 0) FROM feed", "months": _MONTHS, "methods": _METHODS, "debts": _DEBTS, "attention": _ATTENTION,
}  # fmt: skip


_statements: dict[frozenset[str], TextClause] = {}
"""Statements by their parts, of which there are few combinations."""


def _overview(parts: frozenset[str]) -> TextClause:
    """The statement for these parts."""
    if parts not in _statements:
        listed = ", ".join(f"'{part}', ({_SQL[part]})" for part in PARTS if part in parts)
        statement = text(f"SELECT json_build_object({listed})::text AS json")
        _statements[parts] = statement.bindparams(instant("at")) if ":at" in listed else statement
    return _statements[parts]


@dataclass(frozen=True, slots=True)
class _Answer:
    json: str


async def read(session: ReadSession, *, at: datetime, scope: Scope) -> Sequence[Figures]:
    """Read the figures of each counter in `scope`, ordered by code."""
    return await session.rows(_FIGURES, {"at": at, "scope": scope.ids}, into=Figures)


async def overview(database: Database, parts: Collection[str], *, at: datetime, actor: Actor) -> Overview:
    """Read these parts of the overview, for the actor. The current month is that of the first time zone in which it has begun."""
    month = Month.of(max(local_date(at, timezone) for timezone in TIMEZONES))
    parameters = {
        "at": at, "month": month.first, "first": month.plus(1 - MONTHS).first, "scope": actor.scope.ids, "caller": actor.user_id,
    }  # fmt: skip
    (answer,) = await database.fetch(_overview(frozenset(parts)), parameters, into=_Answer)
    return _READER.validate_json(answer.json)
