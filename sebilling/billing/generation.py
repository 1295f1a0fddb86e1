"""Buat pembayaran: issue a period's invoices to the customers of counters.

A run is a row, with one task per counter. Whoever works on it takes the run's row lock, issues the invoices of the next
chunk of customers, and writes what became of them into the task, in one transaction: a kill loses at most the chunk
that was under way, and the next worker goes on behind the last customer accounted for. Within a chunk a fixed number of
statements runs, whatever the number of customers. See docs/decisions/0003.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Row, Text, TextClause, bindparam, text
from sqlalchemy.types import TypeEngine

from sebilling.billing.pricing import COUNTED, PRICED, skipped_by_reason
from sebilling.clock import Month
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import IdempotencyMismatch, NotFound, PeriodClosed

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
    "month": Date, "after": Date, "due_on": Date, "user_name": Text, "prefix": Text, "finished": Boolean,
    **dict.fromkeys(("period", "counter", "run", "user", "next", "after_id", "upto_id", "chunk", "seen", "issued"), BigInteger),
    **dict.fromkeys(("already_invoiced", "skipped", "total_amount"), BigInteger),
}  # fmt: skip


def _typed(sql: str) -> TextClause:
    """A statement whose parameters have types: PostgreSQL can't guess them in `INSERT … SELECT :at`."""
    types: dict[str, TypeEngine[Any]] = {name: kind() for name, kind in _TYPES.items()} | {"at": DateTime(timezone=True)}
    return text(sql).bindparams(*(bindparam(name, type_=kind) for name, kind in types.items() if re.search(rf":{name}\b", sql)))


_PERIOD: Final = _typed("SELECT id, closed_at FROM period WHERE month = :month")
_PREVIEW: Final = _typed(
    f"WITH priced AS ({PRICED} WHERE CAST(:counters AS bigint[]) IS NULL OR customer.counter_id = ANY (:counters))"
    f" SELECT {COUNTED} FROM priced"
)


async def preview(session: ReadSession, month: Month, *, counters: Sequence[int] | None) -> Counts:
    """What `start` and its run would do now at the counters (None: at all). Raises NotFound."""
    period = await session.row(_PERIOD, {"month": month.first})
    if period is None:
        raise NotFound(field=("month",), noun="period", given=month)
    ids = None if counters is None else list(counters)
    row = await session.row(_PREVIEW, {**_days(period.id, month.first), "counters": ids})
    assert row is not None  # noqa: S101 - a count always gives one row
    return Counts(row.issued, row.already_invoiced, skipped_by_reason(row), row.total_amount)


_CLAIM: Final = _typed(
    """
    INSERT INTO idempotency_key (user_id, key, operation, fingerprint, result_id, created_at)
    VALUES (:user, :key, 'generateInvoices', :fingerprint, nextval(pg_get_serial_sequence('generation_run', 'id')), :at)
    ON CONFLICT DO NOTHING RETURNING result_id
    """
)
_CLAIMED: Final = text("SELECT operation, fingerprint, result_id FROM idempotency_key WHERE user_id = :user AND key = :key")
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
        SELECT :run, wanted.id, 0, coalesce(max(customer.id), 0), count(customer.id), 0, 0, 0, 0, '{}', 0, false
          FROM unnest(CAST(:counters AS bigint[])) wanted (id) LEFT JOIN customer ON counter_id = wanted.id
         GROUP BY wanted.id
        RETURNING total
    ), event AS (
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, data)
        SELECT :at, :user, :user_name, 'generation.started', 'generation_run', :run,
               jsonb_build_object('month', to_char(:month, 'YYYY-MM'), 'counters', to_jsonb(CAST(:counters AS bigint[])))
    )
    SELECT coalesce(sum(total), 0)::bigint FROM task
    """
)


async def start(session: WriteSession, month: Month, *, counters: Sequence[int] | None, key: str) -> Started:
    """Write down a run over the customers that these counters (None: all) have now. `advance` issues the invoices.

    Period and counters are locked shared until commit, so that the period isn't being closed and no customer is moving.
    Raises NotFound, PeriodClosed, IdempotencyMismatch.
    """
    body = orjson.dumps([str(month), None if counters is None else sorted(set(counters))])
    fingerprint, user = hashlib.sha256(body).digest(), session.actor.user_id or 0
    claim = {"user": user, "key": key, "fingerprint": fingerprint, "at": session.at}
    run_id: int | None = await session.value(_CLAIM, claim)
    if run_id is None:
        earlier = await session.row(_CLAIMED, {"user": user, "key": key})
        if earlier is None or earlier.operation != "generateInvoices" or bytes(earlier.fingerprint) != fingerprint:
            raise IdempotencyMismatch(field=("input", "idempotencyKey"), key=key)
        return Started(earlier.result_id, replayed=True, total=await session.value(_TOTAL, {"run": earlier.result_id}))
    wanted = None if counters is None else sorted(set(counters))
    locked = await session.row(_LOCK, {"month": month.first, "counters": wanted})
    if locked is None:
        raise NotFound(field=("input", "month"), noun="period", given=month)
    if locked.closed_at is not None:
        raise PeriodClosed(field=("input", "month"), month=month)
    found: list[int] = locked.counters or []
    if missing := set(wanted or ()) - set(found):
        raise NotFound(field=("input", "counterIds"), noun="counter", given=f"cou_{min(missing)}")
    total: int = await session.value(
        _START,
        {"run": run_id, "period": locked.id, "user": session.actor.user_id, "user_name": session.actor.name,
         "at": session.at, "month": month.first, "counters": found},
    )  # fmt: skip
    return Started(run_id, replayed=False, total=total)


# The task is locked too, though the run's lock would do: a statement that waited keeps its old snapshot, and PostgreSQL
# reads only those rows again that it locks itself. Without it the chunk that someone else just finished would be done again.
_NEXT: Final = """
    SELECT run.id AS run_id, run.period_id, period.month, task.counter_id, task.after_customer_id, task.upto_customer_id,
           task.done, task.total, counter.code, greatest(CAST(:at AT TIME ZONE counter.timezone AS date),
                                  period.month + counter.due_day - 1) AS due_on
      FROM generation_run run
      JOIN period ON period.id = run.period_id
      JOIN generation_task task ON task.run_id = run.id AND NOT task.finished
      JOIN counter ON counter.id = task.counter_id
     WHERE run.finished_at IS NULL {which}
     ORDER BY run.id, task.counter_id LIMIT 1 FOR UPDATE OF run, task {how}
"""
_NEXT_OF_RUN: Final = _typed(_NEXT.format(which="AND run.id = :run", how=""))
_NEXT_OF_ANY: Final = _typed(_NEXT.format(which="", how="SKIP LOCKED"))

# The lock keeps payments of the counter's customers out until commit (they hold it shared), so that waiting credit and
# new invoices can't miss each other. It is taken in a statement of its own: the next ones see what was committed before.
_LOCK_SERIES: Final = _typed(
    """
    INSERT INTO invoice_series AS series (period_id, counter_id, next_number)
    SELECT :period, :counter, 1 FROM pg_advisory_xact_lock(1, :counter ::int)
    ON CONFLICT (period_id, counter_id) DO UPDATE SET next_number = series.next_number
    RETURNING next_number
    """
)
_ISSUE: Final = _typed(
    f"""
    WITH priced AS MATERIALIZED (
        {PRICED} WHERE customer.counter_id = :counter AND customer.id > :after_id AND customer.id <= :upto_id
        ORDER BY customer.id LIMIT :chunk
    ), issued AS (
        INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from, covers_until,
                             issued_at, due_on, total, allocated)
        SELECT :period, :counter, numbered.sequence,
               :prefix || lpad(numbered.sequence::text, 6, '0'), id, :run, plan_name, covers_from,
               :after, :at, :due_on, price, 0
          FROM (SELECT *, :next + row_number() OVER (ORDER BY id) - 1 AS sequence FROM priced WHERE verdict = 'ISSUE') numbered
        RETURNING id, plan_name, total
    ), lines AS (
        INSERT INTO invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount)
        SELECT id, 1, 'SUBSCRIPTION', plan_name, 1, total, total FROM issued
    )
    SELECT {COUNTED}, max(id) AS last_id, (SELECT count(*) FROM issued) AS written,
           EXISTS (SELECT FROM payment JOIN priced waiting ON waiting.id = customer_id AND waiting.verdict = 'ISSUE'
                    WHERE allocated < amount) AS credit_waits
      FROM priced
    """
)
_APPLY_CREDIT: Final = _typed(
    """
    WITH waiting AS (
        SELECT payment.id AS payment_id, invoice.id AS invoice_id, total, amount - payment.allocated AS free,
               sum(amount - payment.allocated) OVER (PARTITION BY invoice.id ORDER BY payment.id) - (amount - payment.allocated) AS before
          FROM invoice JOIN payment ON payment.customer_id = invoice.customer_id AND payment.allocated < amount
         WHERE period_id = :period AND invoice.counter_id = :counter AND sequence >= :next
    )
    INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at)
    SELECT payment_id, invoice_id, least(free, total - before), :at FROM waiting WHERE before < total
    """
)
_SETTLE: Final = _typed(
    """
    WITH series AS (
        UPDATE invoice_series SET next_number = next_number + :issued WHERE period_id = :period AND counter_id = :counter
    ), task AS (
        UPDATE generation_task
           SET after_customer_id = :after_id, done = done + :seen, issued = issued + :issued,
               already_invoiced = already_invoiced + :already_invoiced, skipped = skipped + :skipped,
               skipped_by_reason = (
                   SELECT coalesce(jsonb_object_agg(reason, count), '{}') FROM (
                       SELECT key AS reason, sum(value::bigint) AS count
                         FROM (SELECT * FROM jsonb_each_text(skipped_by_reason)
                               UNION ALL SELECT * FROM jsonb_each_text(CAST(:reasons AS jsonb))) counts GROUP BY key) summed),
               total_amount = total_amount + :total_amount, finished = :finished
         WHERE run_id = :run AND counter_id = :counter
    ), run AS (
        UPDATE generation_run SET finished_at = :at
         WHERE id = :run AND :finished
           AND NOT EXISTS (SELECT FROM generation_task WHERE run_id = :run AND counter_id <> :counter AND NOT finished)
        RETURNING id
    ), event AS (
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
        SELECT :at, :user, :user_name, 'invoices.issued', 'generation_run',
               :run, :counter,
               jsonb_build_object('period', :period, 'issued', :issued, 'from', :next,
                                  'alreadyInvoiced', :already_invoiced, 'skipped', CAST(:reasons AS jsonb),
                                  'amount', :total_amount)
        UNION ALL
        SELECT :at, :user, :user_name, 'generation.finished', 'generation_run', id, NULL, '{}' FROM run
    )
    SELECT EXISTS (SELECT FROM run)
    """
)


async def advance(session: WriteSession, *, chunk: int, run_id: int | None = None) -> bool:
    """Issue the invoices of the next `chunk` customers of a run (None: the oldest that nobody works on).

    Gives False when there is nothing more to do. With a `run_id` it waits for whoever holds the run.
    """
    found = await session.row(
        _NEXT_OF_ANY if run_id is None else _NEXT_OF_RUN, {"at": session.at} | ({} if run_id is None else {"run": run_id})
    )
    if found is None:
        return False
    finished_run = await _issue_chunk(session, found, chunk=chunk)
    return run_id is None or not finished_run


async def _issue_chunk(session: WriteSession, task: Row[*tuple[Any, ...]], *, chunk: int) -> bool:
    """One chunk of the task; True if it was the last of its run."""
    place = {"period": task.period_id, "counter": task.counter_id}
    first_number: int = await session.value(_LOCK_SERIES, place)
    month = Month.of(task.month)
    counts = await session.row(
        _ISSUE,
        {**_days(task.period_id, task.month), **place, "run": task.run_id, "next": first_number, "at": session.at,
         "prefix": f"INV/{month}/{task.code}/", "due_on": task.due_on, "after_id": task.after_customer_id,
         "upto_id": task.upto_customer_id, "chunk": chunk},
    )  # fmt: skip
    if counts is None or counts.issued != counts.written:
        raise RuntimeError(f"run {task.run_id} priced what it did not write: {counts}")
    if counts.credit_waits:
        await session.execute(_APPLY_CREDIT, {**place, "next": first_number, "at": session.at})
    reasons = skipped_by_reason(counts)
    finished_run: bool = await session.value(
        _SETTLE,
        {**place, "run": task.run_id, "next": first_number, "at": session.at, "user": session.actor.user_id,
         "user_name": session.actor.name, "after_id": counts.last_id or task.upto_customer_id, "seen": counts.seen,
         "issued": counts.issued, "already_invoiced": counts.already_invoiced, "skipped": sum(reasons.values()),
         "reasons": orjson.dumps(reasons).decode(), "total_amount": counts.total_amount,
         "finished": task.done + counts.seen >= task.total or counts.seen == 0},
    )  # fmt: skip
    return finished_run


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


def _days(period_id: int, first: date) -> dict[str, Any]:
    return {"period": period_id, "month": first, "after": Month.of(first).after}
