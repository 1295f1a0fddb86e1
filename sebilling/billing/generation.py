"""Generation (buat pembayaran): issue a period's invoices to the customers of counters.

A run is a row with one task per counter. A worker locks the run's row, issues the invoices of the next chunk of customers and
records the results in the tasks, in one transaction. A killed worker loses at most the chunk in progress; the next worker
continues after the last customer accounted for. Each chunk takes a fixed number of statements, whatever its number of
customers. See docs/decisions/0003.
"""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Final

import orjson
from sqlalchemy import text

from sebilling.billing import generation_failures, generation_log, idempotency, previews
from sebilling.billing.generation_issue import ISSUE, ISSUE_PLAIN, STANDING, Issued, Numbered, Standing
from sebilling.billing.previews import Counts
from sebilling.billing.pricing import COUNTED, CUSTOMERS_OF_RUN, OF_RUN, OF_RUN_STEPS, Counted, pricing, statement
from sebilling.billing.scope import narrowed
from sebilling.clock import Month
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.error_codes import ErrorCode
from sebilling.errors import NotFound, PeriodClosed, SebillingError, Unavailable
from sebilling.logs import get_logger
from sebilling.nouns import Noun

_log = get_logger(__name__)
MAX_INLINE: Final = 10_000
"""Largest number of customers for which a run is completed within the request that started it."""


@dataclass(frozen=True, slots=True)
class Started:
    """A requested run; `replayed` if the same key had started it before."""

    run_id: int
    replayed: bool
    total: int
    """Number of customers in the run."""


@dataclass(frozen=True, slots=True)
class _Locked:
    """A period and the counters of a run, locked shared."""

    id: int
    closed_at: datetime | None
    counters: list[int] | None
    """None: there is no such counter."""


_TOTAL: Final = text("SELECT coalesce(sum(total), 0)::bigint FROM generation_task WHERE run_id = :run")
_LOCK: Final = statement(
    """
    WITH wanted AS (SELECT id, closed_at FROM period WHERE month = :month FOR SHARE),
         counters AS (SELECT id FROM counter WHERE CAST(:counters AS bigint[]) IS NULL OR id = ANY (:counters) ORDER BY id FOR SHARE)
    SELECT wanted.id, wanted.closed_at, (SELECT array_agg(id) FROM counters) AS counters FROM wanted
    """
)
# One statement, so one snapshot of customers, prices and waiting charges. Arrays need a tenth of the time and space of rows.
_START: Final = statement(
    f"""
    WITH run AS (
        INSERT INTO generation_run (id, period_id, requested_by, started_at, finished_at, settings, plans, discount_ids, discount_untils,
                                    attempts, next_at)
        OVERRIDING SYSTEM VALUE
        SELECT :run, :period, :user, :at, CASE WHEN cardinality(CAST(:counters AS bigint[])) = 0 THEN :at END,
               (SELECT to_jsonb(one) FROM (SELECT prorate_first_month, tax_rate, tax_numerator, tax_denominator, tax_rounding, late_fee,
                                                  late_fee_after_days FROM billing_settings) one),
               (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name, 'price', price)), '[]') FROM plan),
               coalesce(array_agg(discount.id ORDER BY id), '{{}}'), coalesce(array_agg(until_on ORDER BY id), '{{}}'), 0, :at
          FROM discount WHERE customer_id IS NULL OR CAST(:customer AS bigint) IS NULL OR customer_id = :customer
    ), person AS MATERIALIZED (
        SELECT id, counter_id, plan_id, price FROM customer
         WHERE counter_id = ANY (CAST(:counters AS bigint[])) AND (CAST(:customer AS bigint) IS NULL OR id = :customer)
    ), task AS (
        INSERT INTO generation_task (run_id, counter_id, customer_ids, plan_ids, prices, charge_ids, total, done, issued,
                                     already_invoiced, skipped, skipped_by_reason, total_amount, finished)
        SELECT :run, wanted.id, coalesce(ids, '{{}}'), coalesce(plan_ids, '{{}}'), coalesce(prices, '{{}}'), coalesce(charge_ids, '{{}}'),
               coalesce(cardinality(ids), 0), 0, 0, 0, 0, '{{}}', 0, false
          FROM unnest(CAST(:counters AS bigint[])) wanted (id)
          LEFT JOIN (SELECT counter_id, array_agg(id ORDER BY id) AS ids, array_agg(plan_id ORDER BY id) AS plan_ids,
                            array_agg(price ORDER BY id) AS prices FROM person GROUP BY counter_id) people ON people.counter_id = wanted.id
          LEFT JOIN (SELECT counter_id, array_agg(charge.id ORDER BY charge.id) AS charge_ids
                       FROM charge JOIN person ON person.id = customer_id WHERE invoice_id IS NULL AND cancelled_at IS NULL
                      GROUP BY counter_id) waiting ON waiting.counter_id = wanted.id
        RETURNING total
    )
    SELECT coalesce(sum(total), 0)::bigint, (SELECT {generation_log.STARTED}) AS appended FROM task
    """
)
_PREVIEWED: Final = statement(
    f"""
    WITH task AS MATERIALIZED (SELECT counter_id FROM generation_task WHERE run_id = :run), {OF_RUN_STEPS},
         {pricing(CUSTOMERS_OF_RUN, OF_RUN)} SELECT {COUNTED} FROM priced
    """
)
# The planner has no statistics on the run's price list and customers: see _LOCK_SERIES.
_HASH: Final = text("SELECT set_config('enable_nestloop', 'off', true)")
# Locked before the counter: if the customer is being moved, this waits and then reads the new counter.
_HOME: Final = text("SELECT counter_id FROM customer WHERE id = :customer FOR SHARE")


async def start(
    session: WriteSession, month: Month, *, key: str, counters: Sequence[int] | None = None, customer_id: int | None = None,
    preview_token: str | None = None,
) -> Started:  # fmt: skip
    """Create a run over the present customers of these counters (None: all), or over one customer. `advance` issues the invoices.

    With a preview's token it refuses to start if the result would differ from the preview; a replay of the key still returns the
    first result. Period and counters are locked shared until commit, so that the period isn't closed and no customer is
    moved meanwhile. Raises NotFound, PeriodClosed, IdempotencyMismatch, InvalidText, PreviewOutdated.
    """
    wanted = None if counters is None else sorted(set(counters))
    claim = await idempotency.claim(
        session, "generateInvoices", key, [str(month), wanted, *([] if customer_id is None else [customer_id])], table="generation_run"
    )
    if claim.replayed:
        return Started(claim.result_id, replayed=True, total=await session.only_value(_TOTAL, {"run": claim.result_id}, kind=int))
    if customer_id is not None:
        home = await session.value(_HOME, {"customer": customer_id}, kind=int)
        if home is None or home not in session.actor.scope:
            raise NotFound(field="customer_id", noun=Noun.CUSTOMER, given=customer_id)
        wanted = [home]
    locked = await session.row(_LOCK, {"month": month.first, "counters": narrowed(session.actor.scope, wanted)}, into=_Locked)
    if locked is None:
        raise NotFound(field="month", noun=Noun.PERIOD, given=month)
    if locked.closed_at is not None:
        raise PeriodClosed(field="month", month=month)
    counter_ids = locked.counters or []
    if missing := set(wanted or ()) - set(counter_ids):
        raise NotFound(field="counter_ids", noun=Noun.COUNTER, given=Noun.COUNTER.id(min(missing)))
    total = await session.only_value(
        _START,
        {"run": claim.result_id, "period": locked.id, "user": session.actor.user_id, "user_name": session.actor.name,
         "at": session.at, "month": month.first, "counters": counter_ids, "customer": customer_id},
        kind=int,
    )  # fmt: skip
    if preview_token is not None:
        await session.execute(_HASH)
        now = await session.only_row(
            _PREVIEWED,
            {"run": claim.result_id, "period": locked.id, "month": month.first, "after": month.after, "at": session.at, "as_of": session.at,
             "chunk": max(total, 1)},
            into=Counted,
        )  # fmt: skip
        previews.compare(preview_token, Counts.of(now), month, narrowed(session.actor.scope, wanted))
    return Started(claim.result_id, replayed=False, total=total)


@dataclass(frozen=True, slots=True)
class _Task:
    """A run at one counter that isn't finished, locked with its run."""

    run_id: int
    period_id: int
    started_at: datetime
    error: str | None
    """Error code of the run's previous attempt, if that failed."""
    month: date
    counter_id: int
    done: int
    total: int
    code: str
    """The counter's."""
    plain: bool
    """Whether the run has no discounts and late fees, and at this counter no charges."""


@dataclass(frozen=True, slots=True)
class _Series:
    counter_id: int
    next_number: int


@dataclass(frozen=True, slots=True)
class _Addition:
    """What a chunk adds to a task's counts: a row of `counts` in _SETTLE."""

    counter_id: int
    next: int
    """First invoice number of the chunk."""
    seen: int
    issued: int
    already_invoiced: int
    skipped: int
    reasons: dict[str, int]
    total_amount: int
    finished: bool


# The tasks are locked too, besides the run: a statement that waited keeps its old snapshot, and PostgreSQL reads again only the
# rows that it locks. Otherwise a chunk that another worker has just finished would be processed twice.
_NEXT: Final = """
    WITH run AS MATERIALIZED (
        SELECT id, period_id, started_at, error, cardinality(discount_ids) = 0 AND (settings->>'late_fee')::bigint = 0 AS plain
          FROM generation_run
         WHERE finished_at IS NULL {which} ORDER BY next_at, id LIMIT 1 FOR UPDATE {how}
    )
    SELECT run.id AS run_id, run.period_id, run.started_at, run.error, period.month, task.counter_id, task.done, task.total, counter.code,
           run.plain AND cardinality(charge_ids) = 0 AS plain
      FROM run
      JOIN period ON period.id = run.period_id
      JOIN generation_task task ON task.run_id = run.id AND NOT task.finished
      JOIN counter ON counter.id = task.counter_id
     ORDER BY task.counter_id LIMIT 1000 FOR UPDATE OF task
"""
_NEXT_OF_RUN: Final = statement(_NEXT.format(which="AND id = :run", how=""))
_NEXT_OF_ANY: Final = statement(_NEXT.format(which="AND next_at <= :at", how="SKIP LOCKED"))

# The lock blocks payments of the counters' customers until commit (they hold it shared), so that no credit stays beside a new
# invoice. It is taken in its own statement, so that the following ones see everything committed before.
# The planner can't estimate the rows of the pricing rule's steps and assumes one: it would compare each line with each
# invoice (27 s instead of 0.6 for 20,000). Without nested loops it hashes; necessary loops are written as LATERAL.
_LOCK_SERIES: Final = statement(
    """
    INSERT INTO invoice_series AS series (period_id, counter_id, next_number)
    SELECT :period, counter_id, 1
      FROM unnest(CAST(:counters AS bigint[])) counter_id, pg_advisory_xact_lock(1, counter_id::int),
           set_config('enable_nestloop', 'off', true)
    ON CONFLICT (period_id, counter_id) DO UPDATE SET next_number = series.next_number
    RETURNING counter_id, next_number
    """
)
_APPLY_CREDIT: Final = statement(
    """
    WITH waiting AS (
        SELECT payment.id AS payment_id, invoice.id AS invoice_id, total, credit AS free,
               sum(credit) OVER (PARTITION BY invoice.id ORDER BY payment.id) - credit AS before
          FROM jsonb_to_recordset(CAST(:tasks AS jsonb)) AS task (counter_id bigint, next bigint)
          JOIN invoice ON period_id = :period AND invoice.counter_id = task.counter_id AND sequence >= task.next
          JOIN payment ON payment.customer_id = invoice.customer_id AND credit > 0
           AND NOT EXISTS (SELECT FROM credit_hold WHERE payment_id = payment.id AND released_at IS NULL)
    )
    INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at)
    SELECT payment_id, invoice_id, least(free, total - before), :at FROM waiting WHERE before < total
    """
)
_SETTLE: Final = statement(
    f"""
    WITH counts AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:counts AS jsonb)) AS counts (
            counter_id bigint, next bigint, seen int, issued int, already_invoiced int, skipped int, reasons jsonb,
            total_amount bigint, finished boolean)
    ), series AS (
        UPDATE invoice_series series SET next_number = next_number + counts.issued FROM counts
         WHERE period_id = :period AND series.counter_id = counts.counter_id
    ), task AS (
        UPDATE generation_task task
           SET done = done + counts.seen, issued = task.issued + counts.issued,
               already_invoiced = task.already_invoiced + counts.already_invoiced, skipped = task.skipped + counts.skipped,
               skipped_by_reason = (
                   SELECT coalesce(jsonb_object_agg(reason, count), '{{}}') FROM (
                       SELECT key AS reason, sum(value::bigint) AS count
                         FROM (SELECT * FROM jsonb_each_text(skipped_by_reason)
                               UNION ALL SELECT * FROM jsonb_each_text(counts.reasons)) both_counts GROUP BY key) summed),
               total_amount = task.total_amount + counts.total_amount, finished = counts.finished,
               customer_ids = CASE WHEN counts.finished THEN '{{}}' ELSE customer_ids END,
               plan_ids = CASE WHEN counts.finished THEN '{{}}' ELSE plan_ids END,
               prices = CASE WHEN counts.finished THEN '{{}}' ELSE prices END,
               charge_ids = CASE WHEN counts.finished THEN '{{}}' ELSE charge_ids END
          FROM counts WHERE run_id = :run AND task.counter_id = counts.counter_id
    ), run AS (
        UPDATE generation_run SET attempts = 0, error = NULL, error_reference = NULL, next_at = :at,
               finished_at = CASE WHEN NOT EXISTS (
                   SELECT FROM generation_task task LEFT JOIN counts USING (counter_id)
                    WHERE run_id = :run AND NOT task.finished AND NOT coalesce(counts.finished, false)) THEN :at END
         WHERE id = :run
        RETURNING id, finished_at
    ), events AS MATERIALIZED (
        SELECT (SELECT {generation_log.ISSUED} FROM counts) AS issued,
               (SELECT {generation_log.FINISHED} FROM run WHERE finished_at IS NOT NULL) AS finished
    )
    SELECT finished_at IS NOT NULL, events.* FROM run, events
    """
)


@dataclass(slots=True)
class Lease:
    """The run that a transaction has locked, so that its failure can be recorded afterwards."""

    run_id: int | None = None
    error: str | None = None
    """Error code of the previous attempt, if that failed."""


async def advance(session: WriteSession, *, chunk: int, run_id: int | None = None, lease: Lease | None = None) -> bool:
    """Issue the invoices of the next `chunk` customers of a run (None: the first due run that no worker has locked).

    Counters that fit into the chunk together are processed together. Returns False when nothing is left to do. With a
    `run_id` it waits until the run is unlocked. Stores the run it took in `lease`.
    """
    due, parameters = (_NEXT_OF_ANY, {"at": session.at}) if run_id is None else (_NEXT_OF_RUN, {"run": run_id})
    tasks = await session.rows(due, parameters, into=_Task)
    if not tasks:
        return False
    if lease is not None:
        lease.run_id, lease.error = tasks[0].run_id, tasks[0].error
    finished_run = await _issue(session, _fitting(tasks, chunk), chunk=chunk)
    return run_id is None or not finished_run


def _fitting(tasks: Sequence[_Task], chunk: int) -> list[_Task]:
    """Return the first tasks that together have at most `chunk` customers left, at least one task."""
    fitting: list[_Task] = []
    for task in tasks:
        chunk -= task.total - task.done
        if fitting and chunk < 0:
            break
        fitting.append(task)
    return fitting


async def _issue(session: WriteSession, tasks: Sequence[_Task], *, chunk: int) -> bool:
    """Issue the next chunk of these tasks' invoices. Returns True if the run is finished."""
    first, month = tasks[0], Month.of(tasks[0].month)
    numbers = {row.counter_id: row.next_number for row in await session.rows(
        _LOCK_SERIES, {"period": first.period_id, "counters": [task.counter_id for task in tasks]}, into=_Series
    )}  # fmt: skip
    standing = await session.only_row(STANDING, {"at": session.at}, into=Standing)
    session.at = standing.at  # so that credit counted by a closing isn't applied with an earlier date
    is_plain = not standing.cycles and all(task.plain for task in tasks)
    common = {"run": first.run_id, "at": session.at, "user": session.actor.user_id, "user_name": session.actor.name}
    numbered = [Numbered(task.counter_id, numbers[task.counter_id], f"INV/{month}/{task.code}/") for task in tasks]
    tasks_json = orjson.dumps(numbered).decode()
    counted = await session.rows(
        ISSUE_PLAIN if is_plain else ISSUE,
        {**common, "as_of": first.started_at, "period": first.period_id, "month": month.first, "after": month.after, "tasks": tasks_json,
         "chunk": chunk},
        into=Issued,
    )  # fmt: skip
    if sum(row.issued for row in counted) != (counted[0].written if counted else 0):
        raise RuntimeError(f"run {first.run_id} priced what it did not write: {counted}")
    if counted and counted[0].credit_waits:
        await session.execute(_APPLY_CREDIT, {"period": first.period_id, "at": session.at, "tasks": tasks_json})
    by_counter = {row.counter_id: row for row in counted}
    additions = [_addition(task, by_counter.get(task.counter_id), next_number=numbers[task.counter_id]) for task in tasks]
    parameters = {**common, "period": first.period_id, "counts": orjson.dumps(additions).decode()}
    return await session.only_value(_SETTLE, parameters, kind=bool)


def _addition(task: _Task, counted: Counted | None, *, next_number: int) -> _Addition:
    """Return what the chunk adds to the task's counts; `counted` is None if no customer was left.

    Raises RuntimeError if some should have been: the run would go on for ever without getting any further.
    """
    if counted is None:
        if task.done < task.total:
            raise RuntimeError(f"run {task.run_id} has {task.total - task.done} customers left at {task.code}, and found none of them")
        return _Addition(
            task.counter_id, next_number, seen=0, issued=0, already_invoiced=0, skipped=0, reasons={}, total_amount=0, finished=True
        )
    return _Addition(
        task.counter_id, next_number, seen=counted.seen, issued=counted.issued, already_invoiced=counted.already_invoiced,
        skipped=sum(counted.skipped.values()), reasons=counted.skipped, total_amount=counted.total_amount,
        finished=task.done + counted.seen >= task.total,
    )  # fmt: skip


class Attempt(Enum):
    """Result of processing the next chunk of a run."""

    MORE = "there may be more to do"
    NOTHING = "there is nothing more to do"
    FAILED = "it failed, which the run now says; it is tried again later"


Transaction = Callable[[], AbstractAsyncContextManager[WriteSession]]


async def attempt(transaction: Transaction, *, chunk: int, run_id: int | None = None) -> Attempt:
    """Process the next chunk of a run (None: the first due run) in a transaction of its own.

    If it fails, the chunk is rolled back and a second transaction records the failure on the run. Raises Unavailable: without a
    database nothing can be recorded, and the run didn't cause the failure.
    """
    lease = Lease(run_id)
    try:
        async with transaction() as session:
            more = await advance(session, chunk=chunk, run_id=run_id, lease=lease)
    except Unavailable:
        raise
    except Exception as error:
        if lease.run_id is None:
            raise
        code = error.code if isinstance(error, SebillingError) else ErrorCode.INTERNAL
        reference = secrets.token_hex(6)
        # the traceback is logged once: the same failure recurs at each attempt, and the run keeps the first reference
        logged = None if lease.error == code.value else error
        _log.error("generation_failed", run=lease.run_id, code=code.value, reference=reference, error=type(error).__name__, exc_info=logged)
        async with transaction() as session:
            await generation_failures.record(session, lease.run_id, code=code, reference=reference)
        return Attempt.FAILED
    return Attempt.MORE if more else Attempt.NOTHING


async def work(transaction: Transaction, *, run_id: int, chunk: int) -> bool:
    """Process a run to its end, each chunk in a transaction of its own. Returns False if a chunk failed. Raises Unavailable."""
    outcome = Attempt.MORE
    while outcome is Attempt.MORE:
        outcome = await attempt(transaction, chunk=chunk, run_id=run_id)
    return outcome is Attempt.NOTHING


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a run has done so far."""

    issued: int
    already_invoiced: int
    total_amount: int
    skipped: str
    """JSON: the number of customers by reason."""


_OUTCOME: Final = statement(
    """
    SELECT coalesce(sum(issued), 0)::bigint AS issued, coalesce(sum(already_invoiced), 0)::bigint AS already_invoiced,
           coalesce(sum(total_amount), 0)::bigint AS total_amount,
           (SELECT CAST(coalesce(jsonb_object_agg(key, count), '{}') AS text) FROM (
               SELECT key, sum(value::bigint)::bigint AS count FROM generation_task, jsonb_each_text(skipped_by_reason)
                WHERE run_id = :run GROUP BY key) reasons) AS skipped
      FROM generation_task WHERE run_id = :run
    """
)


async def outcome(session: ReadSession, run_id: int) -> Counts:
    """Return what the run has done so far."""
    done = await session.only_row(_OUTCOME, {"run": run_id}, into=_Outcome)
    skipped: dict[str, int] = orjson.loads(done.skipped)
    return Counts(done.issued, done.already_invoiced, skipped, done.total_amount)
