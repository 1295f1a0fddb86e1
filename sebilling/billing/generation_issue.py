"""Statements that issue the invoices of a chunk of generation, with their lines and late fees, under the lock of the chunk's counters."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sebilling.billing import generation_log
from sebilling.billing.pricing import COUNTED, CUSTOMERS_OF_RUN, LINES, OF_RUN, OF_RUN_STEPS, PLAIN_LINES, Counted, pricing, statement


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds while the counters are locked."""

    at: datetime
    cycles: bool


@dataclass(frozen=True, slots=True)
class Numbered:
    """A task with its first invoice number: a row of `task` in ISSUE."""

    counter_id: int
    next: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Issued(Counted):
    """What a chunk issued at one counter."""

    counter_id: int
    written: int
    """Invoices written at all counters of the chunk; `credit_waits` and `late_fees` are for all of them too."""
    credit_waits: bool
    late_fees: int
    """Events of new late fees."""


# After the counters' lock, without which nobody changes a cycle there; closings as in locks.closings.
STANDING: Final = statement("SELECT after_closings(:at) AS at, EXISTS (SELECT FROM billing_cycle) AS cycles")
_FEES: Final = f"""fee AS (
        INSERT INTO charge (customer_id, kind, description, amount, overdue_invoice_id, created_at, created_by)
        SELECT customer_id, 'LATE_FEE', description, amount, overdue_id, :at, :user
          FROM late JOIN priced ON priced.id = customer_id AND verdict = 'ISSUE'
        RETURNING id, customer_id, description, amount, overdue_invoice_id
    ), fee_events AS (
        SELECT {generation_log.LATE_FEES} AS appended FROM fee JOIN priced ON priced.id = customer_id
    ),"""
_TEMPLATE: Final = """
    WITH task AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:tasks AS jsonb)) AS task (counter_id bigint, next bigint, prefix text)
    ), {steps}, {priced}, issued AS (
        INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from, covers_until,
                             issued_at, due_on, total, allocated, written_off)
        SELECT :period, counter_id, sequence, prefix || lpad(sequence::text, greatest(6, length(sequence::text)), '0'), id, :run,
               plan_name, covers_from, covers_until, :at, falls_due, total, 0, 0
          FROM (SELECT priced.*, prefix, next + row_number() OVER (PARTITION BY counter_id ORDER BY id) - 1 AS sequence
                  FROM priced JOIN task USING (counter_id) WHERE verdict = 'ISSUE') numbered
        RETURNING id AS invoice_id, customer_id
    ), {fees} lines AS (
        INSERT INTO invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount, charge_id, discount_id,
                                  tax_rate, tax_fraction, tax_base, tax_rounding)
        SELECT invoice_id, position, kind, description, quantity, unit_price, quantity * unit_price, charge_id, discount_id,
               tax_rate, tax_fraction, tax_base, tax_rounding
          FROM ({of_invoices}) line
          JOIN issued USING (customer_id)
    ), waits AS (
        SELECT EXISTS (SELECT FROM payment JOIN priced ON priced.id = customer_id AND verdict = 'ISSUE' WHERE credit > 0)
    )
    SELECT {counted}, counter_id, (SELECT count(*) FROM issued) AS written, (TABLE waits) AS credit_waits,
           {late_fees} AS late_fees
      FROM priced GROUP BY counter_id
    """
ISSUE: Final = statement(_TEMPLATE.format(
    steps=OF_RUN_STEPS, counted=COUNTED, priced=pricing(CUSTOMERS_OF_RUN, OF_RUN), fees=_FEES, late_fees="(TABLE fee_events)",
    of_invoices=LINES.format(new_fee="fee.id", join_new_fees="JOIN fee ON fee.overdue_invoice_id = overdue_id"),
))  # fmt: skip
ISSUE_PLAIN: Final = statement(_TEMPLATE.format(
    steps=OF_RUN_STEPS, counted=COUNTED, priced=pricing(CUSTOMERS_OF_RUN, OF_RUN, plain=True), fees="", late_fees="0",
    of_invoices=PLAIN_LINES,
))  # fmt: skip
