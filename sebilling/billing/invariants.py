"""What must always hold, each as SQL that gives no row. Used after scenario tests, as a job, and by `sebilling check`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import ReadSession


@dataclass(frozen=True, slots=True)
class Invariant:
    """A truth and the rows that would break it."""

    name: str
    sentence: str
    broken: str


INVARIANTS: Final = (
    Invariant(
        "invoice_total", "An invoice's total is the sum of its lines.",
        "SELECT invoice.id FROM invoice LEFT JOIN invoice_line ON invoice_id = invoice.id"
        " GROUP BY invoice.id HAVING total <> coalesce(sum(amount), 0) OR count(amount) = 0",
    ),
    Invariant(
        "invoice_allocated", "What an invoice says was settled is the sum of its allocations.",
        "SELECT invoice.id FROM invoice LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM allocation GROUP BY 1) given"
        " ON invoice_id = invoice.id WHERE allocated <> coalesce(amount, 0)",
    ),
    Invariant(
        "payment_allocated", "What a payment says it settled is the sum of its allocations.",
        "SELECT payment.id FROM payment LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM allocation GROUP BY 1) given"
        " ON payment_id = payment.id WHERE allocated <> coalesce(given.amount, 0)",
    ),
    Invariant(
        "allocation_customer", "A payment settles invoices of its own customer only.",
        "SELECT allocation.id FROM allocation JOIN invoice ON invoice.id = invoice_id JOIN payment ON payment.id = payment_id"
        " WHERE invoice.customer_id <> payment.customer_id",
    ),
    Invariant(
        "gapless_numbers", "The numbers of a counter's invoices in a period are 1, 2, 3 … without a gap.",
        "SELECT series.period_id, series.counter_id FROM invoice_series series LEFT JOIN invoice USING (period_id, counter_id)"
        " GROUP BY series.period_id, series.counter_id, next_number"
        " HAVING count(invoice.id) <> next_number - 1 OR coalesce(max(sequence), 0) <> next_number - 1",
    ),
    Invariant(
        "number_text", "An invoice's number tells its period, counter and sequence.",
        "SELECT invoice.id FROM invoice JOIN period ON period.id = period_id JOIN counter ON counter.id = counter_id"
        " WHERE number <> 'INV/' || to_char(month, 'YYYY-MM') || '/' || code || '/' || lpad(sequence::text, 6, '0')",
    ),
    Invariant(
        "billed_once", "No day of service is billed twice.",
        "SELECT customer_id FROM (SELECT customer_id, covers_from, lag(covers_until) OVER (PARTITION BY customer_id ORDER BY covers_from)"
        " AS before FROM invoice) stretch WHERE covers_from < before",
    ),
    Invariant(
        "run_accounts", "A run's tasks account for everybody, and a finished run has only finished tasks.",
        "SELECT run_id FROM generation_task JOIN generation_run ON generation_run.id = run_id"
        " WHERE done <> issued + already_invoiced + skipped OR finished AND done <> total OR finished_at IS NOT NULL AND NOT finished"
        " OR skipped <> (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(skipped_by_reason))",
    ),
    Invariant(
        "run_issued", "A task issued exactly the invoices, and the rupiah, that it says.",
        "SELECT run_id FROM generation_task FULL JOIN (SELECT run_id, counter_id, count(*) AS count, sum(total) AS total FROM invoice"
        " WHERE run_id IS NOT NULL GROUP BY 1, 2) written USING (run_id, counter_id)"
        " WHERE issued IS DISTINCT FROM coalesce(count, 0) OR total_amount IS DISTINCT FROM coalesce(written.total, 0)",
    ),
    Invariant(
        "run_told", "Every invoice of a run is told by the event log.",
        "SELECT run_id FROM (SELECT run_id, sum(issued) AS issued FROM generation_task GROUP BY 1) run LEFT JOIN"
        " (SELECT subject_id, sum((data->>'issued')::bigint) AS issued FROM event WHERE kind = 'invoices.issued' GROUP BY 1) told"
        " ON subject_id = run_id WHERE run.issued <> coalesce(told.issued, 0)",
    ),
    Invariant(
        "payment_told", "Every payment is told by the event log, once and with its amount.",
        "SELECT payment.id FROM payment LEFT JOIN event ON subject = 'payment' AND subject_id = payment.id AND kind = 'payment.recorded'"
        " GROUP BY payment.id HAVING count(event.id) <> 1 OR min((data->>'amount')::bigint) <> amount",
    ),
    Invariant(
        "closed_periods", "A closed period takes no new invoices.",
        "SELECT invoice.id FROM invoice JOIN period ON period.id = period_id WHERE issued_at > closed_at",
    ),
    Invariant(
        "zero_invoices", "Nobody gets an invoice over nothing.",
        "SELECT id FROM invoice WHERE total = 0",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """An invariant and how many rows break it."""

    invariant: Invariant
    rows: int


async def check(session: ReadSession) -> AsyncIterator[Finding]:
    """Check each in turn. A count above 0 means that someone's money is at stake: nothing is mended by itself."""
    for invariant in INVARIANTS:
        rows: int = await session.value(text(f"SELECT count(*) FROM ({invariant.broken}) broken".replace(":", r"\:")))
        yield Finding(invariant, rows)
