"""An ISP with months of history, written by plain SQL: customers, invoices, payments, receipts, deposits, accesses, events and the feed.

Triggers and foreign keys are off while it is written (`session_replication_role`), so the sums that triggers carry are written with the
documents; `sebilling check` holds on the result. What happens to a customer follows from their number, so it is the same on each run.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta

from sqlalchemy import text

from bench.place import outside
from sebilling.actor import operator
from sebilling.billing import periods
from sebilling.clock import JAKARTA, Month, local_date
from sebilling.db.engine import Database, WriteSession

COUNTERS = 20
CLOSING_LAG = 2
"""Months that stay open: the current one and the one before it."""
_PEOPLE = text(
    """
    WITH counters AS (
        INSERT INTO counter (code, name, timezone, due_day, created_at)
        SELECT 'LKT' || lpad(n::text, 2, '0'), 'Counter ' || n, 'Asia/Jakarta', 10 + n % 15, CAST(:at AS timestamptz)
          FROM generate_series(1, CAST(:counters AS int)) n ON CONFLICT (code) DO NOTHING
    )
    INSERT INTO app_user (username, name, role, password_hash, active, created_at)
    SELECT 'collector' || n, 'Collector ' || n, 'COLLECTOR', 'x', true, CAST(:at AS timestamptz)
      FROM generate_series(1, CAST(:counters AS int)) n
    """
)
_CUSTOMERS = text(
    """
    WITH names AS (SELECT array_agg(split_part(name, ' ', 1) ORDER BY id) AS first, array_agg(split_part(name, ' ', 2) ORDER BY id) AS last
                     FROM customer),
         counters AS (SELECT array_agg(id ORDER BY code) AS of FROM counter),
         plans AS (SELECT array_agg(id ORDER BY id) AS of FROM plan)
    INSERT INTO customer (code, name, phone, address, counter_id, plan_id, price, installed_on, active, pppoe_name, created_at)
    SELECT 'C' || lpad(n::text, 7, '0'), first[1 + n % cardinality(first)] || ' ' || last[1 + n / 7 % cardinality(last)] || ' ' || n % 97,
           '+628' || lpad((n * 7919::bigint % 10000000000)::text, 10, '0'), 'Jl. Melati No. ' || n % 99,
           counters.of[1 + n * 11 % cardinality(counters.of)], plans.of[1 + n % cardinality(plans.of)], NULL,
           CAST(:first AS date) - 30 - n % 700, n % 50 <> 17, 'c' || n || '@isp', CAST(:at AS timestamptz)
      FROM generate_series(1, CAST(:customers AS int)) n, names, counters, plans
    """
)
# Void: one of a hundred. Open: of this month one of twelve, of the two before it one of 33, and of all months the debts of one of 500.
_PRICED = text(
    """
    CREATE TEMPORARY TABLE issued ON COMMIT DROP AS
    SELECT top.invoice + row_number() OVER (ORDER BY counter.id, customer.id) AS id, customer.id AS customer_id, counter.id AS counter_id,
           row_number() OVER (PARTITION BY counter.id ORDER BY customer.id) AS sequence, counter.code,
           coalesce(customer.due_day, counter.due_day) AS due_day, plan.name AS plan_name,
           coalesce(customer.price, plan.price) AS total, (customer.id + CAST(:number AS int)) % 100 = 0 AS void,
           CASE CAST(:ago AS int) WHEN 0 THEN customer.id % 12 = 4 WHEN 1 THEN customer.id % 33 = 0 WHEN 2 THEN customer.id % 33 = 0
                                  ELSE false END OR customer.id % 500 = 1 AS open,
           CAST(:ago AS int) = 0 AND customer.id % 12 = 4 AND customer.id % 10 = 0 AS half, period.id AS period_id, run.id AS run_id
      FROM customer JOIN counter ON counter.id = counter_id JOIN plan ON plan.id = plan_id
      JOIN period ON month = CAST(:first AS date) JOIN generation_run run ON run.period_id = period.id
     CROSS JOIN (SELECT coalesce(max(id), 0) AS invoice FROM invoice) top
     WHERE active AND installed_on < CAST(:first AS date)
    """
)
_RUN = text(
    """
    INSERT INTO generation_run (period_id, started_at, finished_at, settings, plans, discount_ids, discount_untils, attempts, next_at)
    SELECT id, CAST(:at AS timestamptz), CAST(:at AS timestamptz), '{}', '{}', '{}', '{}', 0, CAST(:at AS timestamptz)
      FROM period WHERE month = CAST(:first AS date)
    """
)
_INVOICES = (
    """
    INSERT INTO invoice_series SELECT period_id, counter_id, max(sequence) + 1 FROM issued GROUP BY 1, 2
    """,
    """
    INSERT INTO invoice (id, period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from, covers_until, issued_at,
                         due_on, total, allocated, written_off, voided_at) OVERRIDING SYSTEM VALUE
    SELECT id, period_id, counter_id, sequence, 'INV/' || CAST(:month AS text) || '/' || code || '/' || lpad(sequence::text, 6, '0'),
           customer_id, run_id, plan_name, CAST(:first AS date), CAST(:after AS date), CAST(:at AS timestamptz),
           CAST(:first AS date) + due_day - 1, total, CASE WHEN void THEN 0 WHEN half THEN total / 2 WHEN open THEN 0 ELSE total END, 0,
           CASE WHEN void THEN CAST(:at AS timestamptz) + interval '1 hour' END
      FROM issued ORDER BY id
    """,
    """
    INSERT INTO invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount)
    SELECT id, 1, 'SUBSCRIPTION', plan_name, 1, total, total FROM issued ORDER BY id
    """,
    """
    INSERT INTO invoice_void (invoice_id, period_id, reason, voided_at)
    SELECT id, period_id, 'test', CAST(:at AS timestamptz) + interval '1 hour' FROM issued WHERE void
    """,
    """
    INSERT INTO generation_task (run_id, counter_id, total, done, issued, already_invoiced, skipped, skipped_by_reason, total_amount,
                                 finished, customer_ids, plan_ids, prices, charge_ids)
    SELECT run_id, counter_id, count(*), count(*), count(*), 0, 0, '{}', sum(total), true, '{}', '{}', '{}', '{}' FROM issued GROUP BY 1, 2
    """,
    """
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    SELECT CAST(:at AS timestamptz), 1, 'bench', 'invoices.issued', 'generation_run', run_id, counter_id,
           jsonb_build_object('period_id', 'per_' || period_id, 'first_sequence', 1, 'issued', count(*), 'already_invoiced', 0,
                              'skipped', CAST('{}' AS jsonb), 'amount', sum(total)) FROM issued GROUP BY run_id, counter_id, period_id
    """,
    """
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    SELECT CAST(:at AS timestamptz) + interval '1 hour', 1, 'bench', 'invoice.voided', 'invoice', id, counter_id,
           jsonb_build_object('customer_id', 'cus_' || customer_id, 'period_id', 'per_' || period_id, 'total', total, 'released', 0,
                              'reason', 'test') FROM issued WHERE void
    """,
)
# Of 300 who owe nothing, one pays too much this month; of 400 payments, one is reversed and made again.
_PAYMENTS = (
    """
    CREATE TEMPORARY TABLE paid ON COMMIT DROP AS
    SELECT top.payment + row_number() OVER (ORDER BY received_on, issued.id) AS id, issued.id AS invoice_id, customer_id, counter_id, code,
           CASE WHEN half THEN total / 2 ELSE total END AS allocated, received_on, reversed, collector.id AS received_by,
           CASE WHEN CAST(:ago AS int) = 0 AND NOT reversed AND customer_id % 300 = 7 AND customer_id % 500 <> 1
                THEN 20000 ELSE 0 END AS extra,
           received_on + interval '2 hours' + issued.id % 36000 * interval '1 second' AS received_at,
           CASE WHEN customer_id % 10 < 7 THEN 'CASH' WHEN customer_id % 10 < 9 THEN 'TRANSFER' ELSE 'QRIS' END AS method
      FROM issued JOIN app_user collector ON collector.username = 'collector' || substr(code, 4)::int
     CROSS JOIN (SELECT coalesce(max(id), 0) AS payment FROM payment) top
     CROSS JOIN LATERAL (SELECT CAST(:first AS date) + (issued.id * 7 % CAST(:days AS int))::int AS received_on) received
     CROSS JOIN LATERAL (SELECT false AS reversed UNION ALL SELECT true WHERE issued.id % 400 = 3) again
     WHERE NOT void AND (half OR NOT open)
    """,
    """
    INSERT INTO payment (id, customer_id, counter_id, amount, allocated, method, received_by, collected_at, received_at, received_on, note,
                         surplus_because, refunded, reversed_at) OVERRIDING SYSTEM VALUE
    SELECT id, customer_id, counter_id, allocated + extra, CASE WHEN reversed THEN 0 ELSE allocated END, method, received_by, received_at,
           received_at, received_on, '', CASE WHEN extra > 0 THEN 'OVERPAID' ELSE '' END, 0,
           CASE WHEN reversed THEN received_at + interval '1 hour' END FROM paid ORDER BY id
    """,
    """
    INSERT INTO payment_reversal (payment_id, reason, reversed_at, reversed_on)
    SELECT id, 'test', received_at + interval '1 hour', received_on FROM paid WHERE reversed
    """,
    """
    INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at)
    SELECT id, invoice_id, allocated, received_at FROM paid ORDER BY id
    """,
    """
    INSERT INTO deallocation SELECT allocation.id, received_at + interval '1 hour' FROM allocation JOIN paid ON paid.id = payment_id
     WHERE reversed
    """,
    """
    INSERT INTO receipt
    SELECT id, counter_id, CAST(:first AS date), sequence,
           'KW/' || CAST(:month AS text) || '/' || code || '/' || lpad(sequence::text, 6, '0')
      FROM (SELECT *, row_number() OVER (PARTITION BY counter_id ORDER BY id) AS sequence FROM paid) numbered ORDER BY id
    """,
    """
    INSERT INTO receipt_series SELECT counter_id, CAST(:first AS date), count(*) + 1 FROM paid GROUP BY 1
    """,
    """
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    SELECT received_at, received_by, 'Collector ' || substr(code, 4)::int, 'payment.recorded', 'payment', id, counter_id,
           jsonb_build_object('customer_id', 'cus_' || customer_id, 'amount', allocated + extra, 'method', method, 'allocated', allocated,
                              'credit', extra) FROM paid ORDER BY id
    """,
    """
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    SELECT received_at + interval '1 hour', 1, 'bench', 'payment.reversed', 'payment', id, counter_id,
           jsonb_build_object('customer_id', 'cus_' || customer_id, 'amount', allocated + extra, 'reopened', allocated, 'reason', 'test')
      FROM paid WHERE reversed ORDER BY id
    """,
)
# Each day's cash is handed over; of the last three days the deposits wait, and today's cash is in the drawers.
_DEPOSITS = (
    """
    INSERT INTO deposit (counter_id, collector_id, submitted_by, amount, type, note, submitted_at, deposited_on, status, counted)
    SELECT counter_id, received_by, received_by, sum(amount), 'MANUAL', '', received_on + interval '14 hours', received_on,
           CASE WHEN received_on < CAST(:today AS date) - 3 THEN 'VERIFIED' ELSE 'SUBMITTED' END,
           CASE WHEN received_on < CAST(:today AS date) - 3 THEN sum(amount) ELSE 0 END
      FROM payment WHERE method = 'CASH' AND reversed_at IS NULL AND received_on < CAST(:today AS date)
     GROUP BY counter_id, received_by, received_on ORDER BY received_on, counter_id
    """,
    """
    INSERT INTO deposit_decision (deposit_id, verified, counted, difference, reason, decided_at, decided_by, decided_on)
    SELECT id, true, amount, 0, '', submitted_at + interval '1 hour', 1, deposited_on FROM deposit WHERE status = 'VERIFIED'
    """,
    """
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    SELECT submitted_at + interval '1 hour', 1, 'bench', 'deposit.verified', 'deposit', id, counter_id,
           jsonb_build_object('collector_id', 'usr_' || collector_id, 'amount', amount, 'counted', counted, 'difference', 0)
      FROM deposit WHERE status = 'VERIFIED' ORDER BY id
    """,
    """
    INSERT INTO drawer_balance
    SELECT counter_id, collector_id, sum(received), 0, sum(deposited), 0, sum(waiting)
      FROM (SELECT counter_id, received_by AS collector_id, amount AS received, 0 AS deposited, 0 AS waiting
              FROM payment WHERE method = 'CASH' AND reversed_at IS NULL
            UNION ALL
            SELECT counter_id, collector_id, 0, counted, CASE status WHEN 'SUBMITTED' THEN amount ELSE 0 END FROM deposit) moved
     GROUP BY counter_id, collector_id
    """,
    """
    INSERT INTO daily_takings
    SELECT counter_id, day, method, sum(payments), sum(received), sum(reversed)
      FROM (SELECT counter_id, received_on AS day, method, 1 AS payments, amount AS received, 0 AS reversed FROM payment
            UNION ALL
            SELECT counter_id, reversed_on, method, 0, 0, amount FROM payment_reversal JOIN payment ON payment.id = payment_id) moved
     GROUP BY counter_id, day, method
    """,
)
# Of those who owe for earlier months, nine of ten are blocked, as an isolation run would have done; a few are blocked by hand.
_ACCESSES = (
    """
    INSERT INTO device (name, kind, config, config_version, enabled, created_at, problems, facts, next_at, failures)
    SELECT 'router ' || n, 'bench', '', 1, true, CAST(:at AS timestamptz), '[]', '{}', CAST(:at AS timestamptz) + interval '99 years', 0
      FROM generate_series(1, 20) n
    """,
    """
    INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at, desired_generation,
                                observed_generation, actual, attempts, next_at, block_reason, block_on, block_amount, block_invoice_id,
                                block_note)
    SELECT customer.id, 1 + customer.id % 20, 'PPPOE', pppoe_name, CASE WHEN blocked OR by_hand THEN 'BLOCKED' ELSE 'ACTIVE' END, by_hand,
           CAST(:at AS timestamptz), 1, 1,
           CASE WHEN customer.id % 1000 = 5 THEN 'UNKNOWN' WHEN blocked OR by_hand THEN 'BLOCKED' ELSE 'ACTIVE' END, 0,
           CAST(:at AS timestamptz), CASE WHEN by_hand THEN 'BY_HAND' WHEN blocked THEN 'OVERDUE' END,
           CASE WHEN blocked AND NOT by_hand THEN due_on END, CASE WHEN blocked AND NOT by_hand THEN outstanding END,
           CASE WHEN blocked AND NOT by_hand THEN owed.id END, CASE WHEN by_hand THEN 'test' END
      FROM customer
      LEFT JOIN LATERAL (SELECT id, due_on, outstanding FROM invoice WHERE customer_id = customer.id AND outstanding > 0
                          ORDER BY due_on, id LIMIT 1) owed ON true
     CROSS JOIN LATERAL (SELECT owed.id IS NOT NULL AND customer.id % 10 <> 3 AS blocked, customer.id % 2000 = 9 AS by_hand) wanted
     WHERE pppoe_name IS NOT NULL
    """,
)
_FEED = (
    """
    INSERT INTO feed SELECT row_number() OVER (ORDER BY id), id,
                            feed_chain(decode(repeat('00', 32), 'hex'), event_canonical(event)) OVER (ORDER BY id) FROM event
    """,
    "UPDATE feed_mark SET low = (SELECT max(id) FROM event)",
)
_IDENTITIES = ("invoice", "payment")


async def fill(database: Database, *, customers: int, months: int, at: datetime) -> Month:
    """Add customers and write `months` months of history that end with the current one. Returns the current month."""
    today = local_date(at, JAKARTA)
    last = Month.of(today)
    first = last.plus(1 - months)
    bound = {"at": at, "first": first.first, "customers": customers, "counters": COUNTERS, "today": today}
    async with _freely(database, at) as session:
        for statement in (_PEOPLE, _CUSTOMERS):
            await session.execute(statement, bound)
    for number in range(months):
        await _month(database, first.plus(number), number=number, ago=months - 1 - number, today=today, at=at)
    async with _freely(database, at) as session:
        for sql in (*_DEPOSITS, *_ACCESSES, *_FEED):
            await session.execute(text(sql), bound)
        for table in _IDENTITIES:
            await session.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"))
    await outside(database, "VACUUM ANALYZE")
    for number in range(months - CLOSING_LAG):
        async with database.transaction(actor=operator("bench"), at=at) as session:
            await periods.close(session, first.plus(number), incomplete=True)
    return last


async def _month(database: Database, month: Month, *, number: int, ago: int, today: date, at: datetime) -> None:
    issued_at = datetime.combine(month.first, datetime.min.time(), tzinfo=at.tzinfo) + timedelta(hours=1)
    bound = {
        "first": month.first, "after": month.after, "month": str(month), "number": number, "ago": ago, "at": issued_at,
        "days": today.day if ago == 0 else 28,
    }  # fmt: skip
    async with database.transaction(actor=operator("bench"), at=at) as session:
        await periods.open_period(session, month, confirm=True)
    async with _freely(database, at) as session:
        for statement in (_RUN, _PRICED):
            await session.execute(statement, bound)
        for sql in (*_INVOICES, *_PAYMENTS):
            await session.execute(text(sql), bound)


@asynccontextmanager
async def _freely(database: Database, at: datetime) -> AsyncIterator[WriteSession]:
    """A transaction without triggers and foreign keys."""
    async with database.transaction(actor=operator("bench"), at=at) as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        yield session
