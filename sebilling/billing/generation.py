"""Buat pembayaran: issue a period's invoices to the customers of counters.

A run is a row, with one task per counter. Whoever works on it takes the run's row lock, issues the invoices of the next
chunk of customers, and writes what became of them into the task, in one transaction: a kill loses at most the chunk
that was under way, and the next worker goes on behind the last customer accounted for. Within a chunk a fixed number of
statements runs, whatever the number of customers. See docs/decisions/0003.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, Date, DateTime, Row, Text, TextClause, bindparam, text
from sqlalchemy.types import TypeEngine

from sebilling.actor import Scope
from sebilling.billing import idempotency, locks
from sebilling.billing.pricing import COUNTED, LINES, pricing, skipped_by_reason
from sebilling.billing.scope import narrowed
from sebilling.clock import Month
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import NotFound, PeriodClosed

INLINE_MOST: Final = 10_000
"""Customers up to which a run is finished in the request that asked for it."""


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was asked for; `replayed` if the same key had started it before."""

    run_id: int
    replayed: bool
    total: int
    """Customers that the run accounts for."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run would do now, or did."""

    issued: int
    already_invoiced: int
    skipped: dict[str, int]
    total_amount: int
    """Rupiah."""


_TYPES: Final[dict[str, type[TypeEngine[Any]]]] = {
    "month": Date, "after": Date, "user_name": Text, **dict.fromkeys(("period", "run", "user", "chunk", "customer"), BigInteger),
}  # fmt: skip


def _typed(sql: str) -> TextClause:
    """A statement whose parameters have types: PostgreSQL can't guess them in `INSERT … SELECT :at`."""
    types: dict[str, TypeEngine[Any]] = {name: kind() for name, kind in _TYPES.items()} | {"at": DateTime(timezone=True)}
    return text(sql).bindparams(*(bindparam(name, type_=kind) for name, kind in types.items() if re.search(rf":{name}\b", sql)))


_PERIOD: Final = _typed("SELECT id, closed_at FROM period WHERE month = :month")
_WANTED: Final = "(SELECT * FROM customer WHERE (CAST(:counters AS bigint[]) IS NULL OR counter_id = ANY (:counters))) customer"
_PREVIEW: Final = _typed(f"WITH {pricing(_WANTED)} SELECT {COUNTED} FROM priced")


async def preview(session: ReadSession, month: Month, *, at: datetime, counters: Sequence[int] | None, scope: Scope) -> Counts:
    """What `start` and its run would do at `at` at the counters of the scope (None: at all). Raises NotFound."""
    ids = narrowed(scope, counters)
    row = await session.row(_PREVIEW, {**await _days(session, month), "counters": ids, "at": at})
    assert row is not None  # noqa: S101 - a count always gives one row
    return Counts(row.issued, row.already_invoiced, skipped_by_reason(row), row.total_amount)


_MISSED: Final = _typed(
    f"WITH {pricing(_WANTED)} SELECT counter_id, count(*) AS customers, sum(total)::bigint AS amount FROM priced WHERE verdict = 'ISSUE'"
    " GROUP BY counter_id"
)


async def not_invoiced(session: ReadSession, month: Month, *, at: datetime, scope: Scope) -> dict[int, tuple[int, int]]:
    """By counter of the scope, how many customers a run at `at` would still invoice, and over how many rupiah. Raises NotFound."""
    rows = await session.rows(_MISSED, {**await _days(session, month), "counters": scope.ids, "at": at})
    return {row.counter_id: (row.customers, row.amount) for row in rows}


_TOTAL: Final = text("SELECT coalesce(sum(total), 0)::bigint FROM generation_task WHERE run_id = :run")
_LOCK: Final = _typed(
    """
    WITH wanted AS (SELECT id, closed_at FROM period WHERE month = :month FOR SHARE),
         counters AS (SELECT id FROM counter WHERE CAST(:counters AS bigint[]) IS NULL OR id = ANY (:counters) ORDER BY id FOR SHARE)
    SELECT wanted.id, wanted.closed_at, (SELECT array_agg(id) FROM counters) AS counters FROM wanted
    """
)
_START: Final = _typed(
    """
    WITH run AS (
        INSERT INTO generation_run (id, period_id, requested_by, started_at, finished_at)
        OVERRIDING SYSTEM VALUE
        VALUES (:run, :period, :user, :at, CASE WHEN cardinality(CAST(:counters AS bigint[])) = 0 THEN :at END)
    ), task AS (
        INSERT INTO generation_task (run_id, counter_id, after_customer_id, upto_customer_id, total, done, issued,
                                     already_invoiced, skipped, skipped_by_reason, total_amount, finished)
        SELECT :run, wanted.id, coalesce(:customer - 1, 0), coalesce(max(customer.id), 0), count(customer.id), 0, 0, 0, 0, '{}', 0, false
          FROM unnest(CAST(:counters AS bigint[])) wanted (id)
          LEFT JOIN customer ON counter_id = wanted.id AND (CAST(:customer AS bigint) IS NULL OR customer.id = :customer)
         GROUP BY wanted.id
        RETURNING total
    ), event AS (
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, data)
        SELECT :at, :user, :user_name, 'generation.started', 'generation_run', :run,
               jsonb_build_object('month', to_char(:month, 'YYYY-MM'), 'counters', to_jsonb(CAST(:counters AS bigint[])),
                                  'customer', CAST(:customer AS bigint))
    )
    SELECT coalesce(sum(total), 0)::bigint FROM task
    """
)
# Locked before the counter is: a customer who is just being moved is waited for, and found where they are then.
_HOME: Final = text("SELECT counter_id FROM customer WHERE id = :customer FOR SHARE")


async def start(
    session: WriteSession, month: Month, *, key: str, counters: Sequence[int] | None = None, customer_id: int | None = None
) -> Started:
    """Write down a run over the customers that these counters (None: all) have now, or over one customer. `advance` issues.

    Period and counters are locked shared until commit, so that the period isn't being closed and no customer is moving.
    Raises NotFound, PeriodClosed, IdempotencyMismatch.
    """
    wanted = None if counters is None else sorted(set(counters))
    claim = await idempotency.claim(
        session, "generateInvoices", key, [str(month), wanted, *([] if customer_id is None else [customer_id])], table="generation_run"
    )
    if claim.replayed:
        return Started(claim.result_id, replayed=True, total=await session.value(_TOTAL, {"run": claim.result_id}))
    if customer_id is not None:
        home = await session.value(_HOME, {"customer": customer_id})
        if home is None or home not in session.actor.scope:
            raise NotFound(field=("input", "customerId"), noun="customer", given=f"cus_{customer_id}")
        wanted = [home]
    locked = await session.row(_LOCK, {"month": month.first, "counters": narrowed(session.actor.scope, wanted)})
    if locked is None:
        raise NotFound(field=("input", "month"), noun="period", given=month)
    if locked.closed_at is not None:
        raise PeriodClosed(field=("input", "month"), month=month)
    found: list[int] = locked.counters or []
    if missing := set(wanted or ()) - set(found):
        raise NotFound(field=("input", "counterIds"), noun="counter", given=f"cou_{min(missing)}")
    total: int = await session.value(
        _START,
        {"run": claim.result_id, "period": locked.id, "user": session.actor.user_id, "user_name": session.actor.name,
         "at": session.at, "month": month.first, "counters": found, "customer": customer_id},
    )  # fmt: skip
    return Started(claim.result_id, replayed=False, total=total)


# The tasks are locked too, though the run's lock would do: a statement that waited keeps its old snapshot, and PostgreSQL
# reads only those rows again that it locks itself. Without it the chunk that someone else just finished would be done again.
_NEXT: Final = """
    WITH run AS MATERIALIZED (
        SELECT id, period_id FROM generation_run WHERE finished_at IS NULL {which} ORDER BY id LIMIT 1 FOR UPDATE {how}
    )
    SELECT run.id AS run_id, run.period_id, period.month, task.counter_id, task.after_customer_id, task.upto_customer_id,
           task.done, task.total, counter.code
      FROM run
      JOIN period ON period.id = run.period_id
      JOIN generation_task task ON task.run_id = run.id AND NOT task.finished
      JOIN counter ON counter.id = task.counter_id
     ORDER BY task.counter_id LIMIT 1000 FOR UPDATE OF task
"""
_NEXT_OF_RUN: Final = _typed(_NEXT.format(which="AND id = :run", how=""))
_NEXT_OF_ANY: Final = _typed(_NEXT.format(which="", how="SKIP LOCKED"))

# The lock keeps payments of the counters' customers out until commit (they hold it shared), so that waiting credit and
# new invoices can't miss each other. It is taken in a statement of its own: the next ones see what was committed before.
# The planner can't know how many rows the steps of the pricing rule give, and guesses one: it would compare each line with
# each invoice (27 s instead of 0.6 for 20,000). Without nested loops it hashes; what must loop is written as LATERAL.
_LOCK_SERIES: Final = _typed(
    """
    INSERT INTO invoice_series AS series (period_id, counter_id, next_number)
    SELECT :period, counter_id, 1
      FROM unnest(CAST(:counters AS bigint[])) counter_id, pg_advisory_xact_lock(1, counter_id::int),
           set_config('enable_nestloop', 'off', true)
    ON CONFLICT (period_id, counter_id) DO UPDATE SET next_number = series.next_number
    RETURNING counter_id, next_number
    """
)
_CHUNK: Final = """task CROSS JOIN LATERAL (
             SELECT * FROM customer WHERE counter_id = task.counter_id AND id > task.after_id AND id <= task.upto_id
              ORDER BY id LIMIT :chunk) customer"""
_ISSUE: Final = _typed(
    f"""
    WITH task AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:tasks AS jsonb))
            AS task (counter_id bigint, after_id bigint, upto_id bigint, next bigint, prefix text)
    ), {pricing(_CHUNK)}, issued AS (
        INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from, covers_until,
                             issued_at, due_on, total, allocated, written_off)
        SELECT :period, counter_id, sequence, prefix || lpad(sequence::text, greatest(6, length(sequence::text)), '0'), id, :run,
               plan_name, covers_from, covers_until, :at, falls_due, total, 0, 0
          FROM (SELECT priced.*, prefix, next + row_number() OVER (PARTITION BY counter_id ORDER BY id) - 1 AS sequence
                  FROM priced JOIN task USING (counter_id) WHERE verdict = 'ISSUE') numbered
        RETURNING id AS invoice_id, customer_id
    ), fee AS (
        INSERT INTO charge (customer_id, kind, description, amount, overdue_invoice_id, created_at, created_by)
        SELECT customer_id, 'LATE_FEE', description, amount, overdue_id, :at, :user
          FROM late JOIN priced ON priced.id = customer_id AND verdict = 'ISSUE'
        RETURNING id, customer_id, amount, overdue_invoice_id
    ), fee_told AS (
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, data)
        SELECT :at, :user, :user_name, 'charge.created', 'charge', id,
               jsonb_build_object('customer', customer_id, 'charge_kind', 'LATE_FEE', 'amount', amount, 'invoice', overdue_invoice_id)
          FROM fee
    ), lines AS (
        INSERT INTO invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount, charge_id, discount_id,
                                  tax_rate, tax_fraction, tax_base, tax_rounding)
        SELECT invoice_id, position, kind, description, quantity, unit_price, quantity * unit_price, charge_id, discount_id,
               tax_rate, tax_fraction, tax_base, tax_rounding
          FROM ({LINES.format(new_fee="fee.id", join_new_fees="JOIN fee ON fee.overdue_invoice_id = overdue_id")}) line
          JOIN issued USING (customer_id)
    ), waits AS (
        SELECT EXISTS (SELECT FROM payment JOIN priced ON priced.id = customer_id AND verdict = 'ISSUE' WHERE credit > 0)
    )
    SELECT counter_id, {COUNTED}, max(id) AS last_id, (SELECT count(*) FROM issued) AS written, (TABLE waits) AS credit_waits
      FROM priced GROUP BY counter_id
    """
)
_APPLY_CREDIT: Final = _typed(
    """
    WITH waiting AS (
        SELECT payment.id AS payment_id, invoice.id AS invoice_id, total, credit AS free,
               sum(credit) OVER (PARTITION BY invoice.id ORDER BY payment.id) - credit AS before
          FROM jsonb_to_recordset(CAST(:tasks AS jsonb)) AS task (counter_id bigint, next bigint)
          JOIN invoice ON period_id = :period AND invoice.counter_id = task.counter_id AND sequence >= task.next
          JOIN payment ON payment.customer_id = invoice.customer_id AND credit > 0
    )
    INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at)
    SELECT payment_id, invoice_id, least(free, total - before), :at FROM waiting WHERE before < total
    """
)
_SETTLE: Final = _typed(
    """
    WITH counts AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:counts AS jsonb)) AS counts (
            counter_id bigint, next bigint, after_id bigint, seen int, issued int, already_invoiced int, skipped int, reasons jsonb,
            total_amount bigint, finished boolean)
    ), series AS (
        UPDATE invoice_series series SET next_number = next_number + counts.issued FROM counts
         WHERE period_id = :period AND series.counter_id = counts.counter_id
    ), task AS (
        UPDATE generation_task task
           SET after_customer_id = counts.after_id, done = done + counts.seen, issued = task.issued + counts.issued,
               already_invoiced = task.already_invoiced + counts.already_invoiced, skipped = task.skipped + counts.skipped,
               skipped_by_reason = (
                   SELECT coalesce(jsonb_object_agg(reason, count), '{}') FROM (
                       SELECT key AS reason, sum(value::bigint) AS count
                         FROM (SELECT * FROM jsonb_each_text(skipped_by_reason)
                               UNION ALL SELECT * FROM jsonb_each_text(counts.reasons)) both_counts GROUP BY key) summed),
               total_amount = task.total_amount + counts.total_amount, finished = counts.finished
          FROM counts WHERE run_id = :run AND task.counter_id = counts.counter_id
    ), run AS (
        UPDATE generation_run SET finished_at = :at
         WHERE id = :run AND NOT EXISTS (
               SELECT FROM generation_task task LEFT JOIN counts USING (counter_id)
                WHERE run_id = :run AND NOT task.finished AND NOT coalesce(counts.finished, false))
        RETURNING id
    ), event AS (
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
        SELECT :at, :user, :user_name, 'invoices.issued', 'generation_run', :run, counter_id,
               jsonb_build_object('period', :period, 'issued', issued, 'from', next, 'alreadyInvoiced', already_invoiced,
                                  'skipped', reasons, 'amount', total_amount) FROM counts
        UNION ALL
        SELECT :at, :user, :user_name, 'generation.finished', 'generation_run', id, NULL, '{}' FROM run
    )
    SELECT EXISTS (SELECT FROM run)
    """
)


async def advance(session: WriteSession, *, chunk: int, run_id: int | None = None) -> bool:
    """Issue the invoices of the next `chunk` customers of a run (None: the oldest that nobody works on).

    Counters that fit into the chunk together are done together. Gives False when there is nothing more to do. With a
    `run_id` it waits for whoever holds the run.
    """
    tasks = await session.rows(
        _NEXT_OF_ANY if run_id is None else _NEXT_OF_RUN, {"at": session.at} | ({} if run_id is None else {"run": run_id})
    )
    if not tasks:
        return False
    finished_run = await _issue(session, _fitting(tasks, chunk), chunk=chunk)
    return run_id is None or not finished_run


def _fitting(tasks: Sequence[Row[*tuple[Any, ...]]], chunk: int) -> list[Row[*tuple[Any, ...]]]:
    """The first tasks that together have at most `chunk` customers left; at least one."""
    found: list[Row[*tuple[Any, ...]]] = []
    for task in tasks:
        chunk -= task.total - task.done
        if found and chunk < 0:
            break
        found.append(task)
    return found


async def _issue(session: WriteSession, tasks: Sequence[Row[*tuple[Any, ...]]], *, chunk: int) -> bool:
    """The next chunk of these tasks, or all that is left of them; True if nothing of the run remains."""
    first, month = tasks[0], Month.of(tasks[0].month)
    numbers = {row.counter_id: row.next_number for row in await session.rows(
        _LOCK_SERIES, {"period": first.period_id, "counters": [task.counter_id for task in tasks]}
    )}  # fmt: skip
    await locks.closings(session)  # credit that a closing has counted is not applied before it
    place = {"run": first.run_id, "at": session.at, "user": session.actor.user_id, "user_name": session.actor.name}
    asked = orjson.dumps([
        {"counter_id": task.counter_id, "after_id": task.after_customer_id, "upto_id": task.upto_customer_id,
         "next": numbers[task.counter_id], "prefix": f"INV/{month}/{task.code}/"}
        for task in tasks
    ]).decode()  # fmt: skip
    counted = await session.rows(
        _ISSUE, {**place, "period": first.period_id, "month": month.first, "after": month.after, "tasks": asked, "chunk": chunk}
    )
    if sum(row.issued for row in counted) != (counted[0].written if counted else 0):
        raise RuntimeError(f"run {first.run_id} priced what it did not write: {counted}")
    if counted and counted[0].credit_waits:
        await session.execute(_APPLY_CREDIT, {"period": first.period_id, "at": session.at, "tasks": asked})
    by_counter = {row.counter_id: row for row in counted}
    counts = [_settled(task, by_counter.get(task.counter_id), next_number=numbers[task.counter_id]) for task in tasks]
    finished_run: bool = await session.value(
        _SETTLE,
        {**place, "period": first.period_id, "counts": orjson.dumps(counts).decode()},
    )
    return finished_run


def _settled(task: Row[*tuple[Any, ...]], counted: Row[*tuple[Any, ...]] | None, *, next_number: int) -> dict[str, Any]:
    """What the task adds to its accounts; `counted` is None if no customer was left."""
    if counted is None:
        nothing = dict.fromkeys(("seen", "issued", "already_invoiced", "skipped", "total_amount"), 0)
        return {
            **nothing,
            "counter_id": task.counter_id,
            "next": next_number,
            "after_id": task.upto_customer_id,
            "reasons": {},
            "finished": True,
        }
    reasons = skipped_by_reason(counted)
    return {
        "counter_id": task.counter_id, "next": next_number, "after_id": counted.last_id, "seen": counted.seen, "issued": counted.issued,
        "already_invoiced": counted.already_invoiced, "skipped": sum(reasons.values()), "reasons": reasons,
        "total_amount": counted.total_amount, "finished": task.done + counted.seen >= task.total,
    }  # fmt: skip


async def work(transaction: Callable[[], AbstractAsyncContextManager[WriteSession]], *, run_id: int, chunk: int) -> None:
    """Drive a run to its end, each chunk in a transaction of its own."""
    more = True
    while more:
        async with transaction() as session:
            more = await advance(session, chunk=chunk, run_id=run_id)


_OUTCOME: Final = _typed(
    """
    SELECT coalesce(sum(issued), 0)::bigint AS issued, coalesce(sum(already_invoiced), 0)::bigint AS already_invoiced,
           coalesce(sum(total_amount), 0)::bigint AS total_amount,
           (SELECT coalesce(jsonb_object_agg(key, count), '{}') FROM (
               SELECT key, sum(value::bigint)::bigint AS count FROM generation_task, jsonb_each_text(skipped_by_reason)
                WHERE run_id = :run GROUP BY key) reasons) AS skipped
      FROM generation_task WHERE run_id = :run
    """
)


async def outcome(session: ReadSession, run_id: int) -> Counts:
    """What the run did so far."""
    row = await session.row(_OUTCOME, {"run": run_id})
    assert row is not None  # noqa: S101 - a sum always gives one row
    skipped = orjson.loads(row.skipped) if isinstance(row.skipped, str | bytes) else row.skipped
    return Counts(row.issued, row.already_invoiced, skipped, row.total_amount)


_ONE: Final = "(SELECT * FROM customer WHERE id = :customer AND (CAST(:scope AS bigint[]) IS NULL OR counter_id = ANY (:scope))) customer"
_PREVIEW_ONE: Final = _typed(f"WITH {pricing(_ONE)} SELECT verdict, covers_from, covers_until, falls_due, total FROM priced")
_PREVIEW_LINES: Final = _typed(
    f"""
    WITH {pricing(_ONE)}
    SELECT kind, description, quantity, unit_price, quantity * unit_price AS amount
      FROM ({LINES.format(new_fee="NULL", join_new_fees="")}) line ORDER BY position
    """
)


@dataclass(frozen=True, slots=True)
class PricedInvoice:
    """What one customer's invoice of a period would be. Without one (`verdict` isn't ISSUE) there are no lines."""

    verdict: str
    covers_from: date
    covers_until: date
    due_on: date
    total: int
    lines: list[dict[str, Any]]


async def preview_one(session: ReadSession, month: Month, customer_id: int, *, at: datetime, scope: Scope) -> PricedInvoice:
    """The invoice that this customer of the scope would get for the period at `at`. Raises NotFound."""
    bound = {**await _days(session, month), "customer": customer_id, "at": at, "scope": scope.ids}
    row = await session.row(_PREVIEW_ONE, bound)
    if row is None:
        raise NotFound(field=("customerId",), noun="customer", given=f"cus_{customer_id}")
    lines = [dict(line._mapping) for line in await session.rows(_PREVIEW_LINES, bound)]  # noqa: SLF001 - SQLAlchemy's documented name
    return PricedInvoice(row.verdict, row.covers_from, row.covers_until, row.falls_due, row.total if lines else 0, lines)


async def _days(session: ReadSession, month: Month) -> dict[str, Any]:
    """What the pricing rule binds for a period. Raises NotFound."""
    period = await session.row(_PERIOD, {"month": month.first})
    if period is None:
        raise NotFound(field=("month",), noun="period", given=month)
    return {"period": period.id, "month": month.first, "after": month.after}
