"""Faults of the checks per statement: days billed twice, references to nothing, and the locks that make both certain."""

from typing import Final

from tests.mutants.fault import Fault

CHECKS: Final = ("tests/db/test_invoice_checks.py",)
RACES: Final = ("tests/concurrency/test_billed_once.py",)
PRICING: Final = ("tests/billing/test_pricing.py",)
PLAIN: Final = ("tests/billing/test_plain_pricing.py",)
RESTORED: Final = ("tests/operation/test_backup.py",)
_SQL: Final = "db/sql/invoice_checks.sql"

FAULTS: Final = (
    # --- what is refused -----------------------------------------------------------------------------------------------------
    Fault("a-day-is-billed-twice", _SQL, "other.id <> added.id LIMIT 1) IS NOT NULL", "other.id <> added.id LIMIT 1) = 0", CHECKS),
    Fault(
        "the-last-day-is-billed-twice", _SQL,
        "other.covers_until > added.covers_from", "other.covers_until > added.covers_from + 1", CHECKS,
    ),
    Fault("the-first-day-is-billed-twice", _SQL, "other.covers_from < added.covers_until AND",
          "other.covers_from < added.covers_until - 1 AND", CHECKS),
    Fault("adjoining-days-overlap", _SQL, "other.covers_until > added.covers_from", "other.covers_until >= added.covers_from", CHECKS),
    Fault("no-days-overlap-with-days", _SQL, " AND other.covers_until - other.covers_from > 0", "", CHECKS),
    Fault("only-earlier-invoices-cover-days", _SQL, "other.id <> added.id", "other.id < added.id", CHECKS),
    Fault("void-keeps-its-days", _SQL, "other.voided_at IS NULL AND ", "", ("tests/billing/test_corrections.py",)),
    Fault("void-becomes-live", _SQL, "WHEN (OLD.voided_at IS NOT NULL)", "WHEN (OLD.voided_at < '-infinity')", CHECKS),
    Fault("invoice-of-nobody", _SQL, "IS DISTINCT FROM added.counter_id", "<> added.counter_id", CHECKS),
    Fault(
        "invoice-without-series", _SQL,
        "IF NOT EXISTS (SELECT FROM invoice_series WHERE", "IF EXISTS (SELECT FROM invoice_series WHERE false AND", CHECKS,
    ),
    Fault("line-without-invoice", _SQL, "WHERE id = new_line.invoice_id) IS NULL", "WHERE id = new_line.invoice_id) = 0", CHECKS),
    Fault("each-row-reads-all-invoices", _SQL, "check_invoices() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off",
          "check_invoices() RETURNS trigger LANGUAGE plpgsql", CHECKS),
    Fault("each-line-reads-all-invoices", _SQL, "check_invoice_lines() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off",
          "check_invoice_lines() RETURNS trigger LANGUAGE plpgsql", CHECKS),
    Fault("each-row-reads-the-customers-history", _SQL, "other.covers_until - other.covers_from > 0",
          "other.covers_from < other.covers_until", CHECKS),
    # --- what keeps it so ----------------------------------------------------------------------------------------------------
    Fault("two-write-the-same-days", _SQL, "        PERFORM pg_advisory_xact_lock(1, series.counter_id::int);\n", "", RACES),
    Fault("both-share-the-lock", _SQL, "pg_advisory_xact_lock(1, series.counter_id::int)",
          "pg_advisory_xact_lock_shared(1, series.counter_id::int)", RACES),
    Fault("one-lock-of-each-period", _SQL, "pg_advisory_xact_lock(1, series.counter_id::int)",
          "pg_advisory_xact_lock(1, series.period_id::int + 1000000)", RACES),
    Fault("one-lock-for-all-counters", _SQL, "pg_advisory_xact_lock(1, series.counter_id::int)", "pg_advisory_xact_lock(1, 0)", RACES),
    Fault("an-old-snapshot-adds-invoices", _SQL, "NOT IN ('read committed', 'read uncommitted')", "= 'serializable'", CHECKS),
    Fault("an-invoice-at-any-counter", _SQL, "IS DISTINCT FROM added.counter_id", "IS NULL", RACES),
    Fault("the-old-counter-is-not-locked", _SQL, "least(OLD.counter_id, NEW.counter_id)", "NEW.counter_id", RACES),
    Fault("a-customer-with-invoices-goes", _SQL, "customer_kept BEFORE DELETE OR TRUNCATE", "customer_kept BEFORE TRUNCATE", CHECKS),
    Fault("a-customer-gets-another-id", _SQL, "BEFORE UPDATE OF id ON customer", "BEFORE UPDATE OF created_at ON customer", CHECKS),
    Fault("a-series-goes", _SQL, "invoice_series_kept BEFORE DELETE OR TRUNCATE", "invoice_series_kept BEFORE TRUNCATE", CHECKS),
    Fault("a-series-gets-another-period", _SQL, "BEFORE UPDATE OF period_id, counter_id ON", "BEFORE UPDATE OF counter_id ON", CHECKS),
    # --- steps that are left out where they would find nothing ------------------------------------------------------------------
    Fault("cycles-are-left-out", "billing/generation.py", "not standing.cycles and all(", "all(", PRICING),
    Fault("charges-are-left-out", "billing/generation.py", "run.plain AND cardinality(charge_ids) = 0 AS", "run.plain AS", PRICING),
    Fault("discounts-are-left-out", "billing/generation.py", "cardinality(discount_ids) = 0 AND (settings", "(settings", PRICING),
    Fault("late-fees-are-left-out", "billing/generation.py", "cardinality(discount_ids) = 0 AND (settings->>'late_fee')::bigint = 0",
          "cardinality(discount_ids) = 0", PRICING),
    Fault("tax-is-left-out", "billing/pricing.py", 'PLAIN_LINES: Final = f"{_MONTH_LINES}\\n    UNION ALL{_TAX_LINE}"',
          "PLAIN_LINES: Final = _MONTH_LINES", PLAIN),
    # --- what is found afterwards --------------------------------------------------------------------------------------------
    Fault(
        "a-restore-checks-nothing", "operation/restore.py",
        "    for rule in CHECKED_PER_STATEMENT:", "    for rule in CHECKED_PER_STATEMENT[:0]:", RESTORED,
    ),
    Fault("orphaned-lines-are-not-found", "billing/invariants.py",
          "invoice_line LEFT JOIN invoice ON invoice.id = invoice_id WHERE", "invoice_line JOIN invoice ON invoice.id = invoice_id WHERE",
          CHECKS),
    Fault(
        "overlaps-are-not-found", "billing/invariants.py",
        "stretch WHERE covers_from < before", "stretch WHERE covers_from > 'infinity'", CHECKS,
    ),
)  # fmt: skip
