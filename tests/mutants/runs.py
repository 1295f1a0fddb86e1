"""Faults of generation runs: who is in them, what they price by, what if they fail; of what is foretold, and which days."""

from typing import Final

from tests.mutants.fault import Fault

RUNS: Final = ("tests/billing/test_runs.py",)
CUSTOM: Final = ("tests/billing/test_billing_cycles.py",)
MONTHS: Final = ("tests/scenarios/test_months.py",)
GENERATION: Final = ("tests/billing/test_generation.py", "tests/concurrency/test_locks.py")
FORETOLD: Final = ("tests/billing/test_billing_cycles.py", "tests/scenarios/test_months.py", "tests/billing/test_foretold.py")

FAULTS: Final = (
    # --- who is in a run, and runs that fail ---------------------------------------------------------------------------------
    Fault(
        "who-comes-later-is-in-the-run", "billing/pricing.py",
        "SELECT unnest(customer_ids[done + 1 : done + CAST(:chunk AS int)]) AS id,",
        "SELECT unnest((SELECT array_agg(id ORDER BY id) FROM customer here WHERE here.counter_id = generation_task.counter_id)"
        "[done + 1 : done + CAST(:chunk AS int)]) AS id,", RUNS,
    ),
    Fault("a-run-begins-one-customer-late", "billing/pricing.py", "customer_ids[done + 1 : done", "customer_ids[done + 2 : done",
          GENERATION),
    Fault("a-failing-run-goes-first", "billing/generation.py", "ORDER BY next_at, id LIMIT 1", "ORDER BY id LIMIT 1", RUNS),
    Fault("a-failing-run-never-waits", "billing/generation.py", 'which="AND next_at <= :at"', 'which=""', RUNS),
    Fault(
        "the-wait-never-grows", "billing/generation_failures.py",
        "interval '5 seconds' * 2 ^ least(attempts, 10)", "interval '5 seconds'", RUNS,
    ),
    Fault("a-run-that-recovered-still-fails", "billing/generation.py", "SET attempts = 0, error = NULL,", "SET", RUNS),
    Fault(
        "an-abandoned-run-goes-on", "billing/generation_failures.py",
        "SET finished_at = :at, abandoned_at = :at,", "SET finished_at = NULL,", RUNS,
    ),
    Fault("a-finished-run-is-abandoned", "billing/generation_failures.py", "if row.finished_at is not None:", "if row is None:", RUNS),
    Fault("nobody-is-told-of-a-run-that-fails", "billing/generation_failures.py", "if attempts == 1:", "if attempts == 0:", RUNS),
    Fault("check-says-all-is-well", "billing/invariants.py", "(attempts > 0 OR next_at <", "(attempts < 0 OR next_at >", RUNS),
    # --- one moment ----------------------------------------------------------------------------------------------------------
    Fault("prices-of-the-chunk", "billing/pricing.py", 'plan="run_plan"', 'plan="plan"', RUNS),
    Fault("settings-of-the-chunk", "billing/pricing.py", 'settings="run_settings"', 'settings="billing_settings"', RUNS),
    Fault("discounts-of-the-chunk", "billing/pricing.py", 'discount="run_discount"', 'discount="discount"', RUNS),
    Fault("an-ended-discount-of-the-chunk", "billing/pricing.py", "from_on, known.until_on", "from_on, discount.until_on", RUNS),
    Fault(
        "charges-of-the-chunk", "billing/pricing.py",
        "SELECT unnest(charge_ids) AS id FROM generation_task JOIN task USING (counter_id) WHERE run_id = :run",
        "SELECT id FROM charge", RUNS,
    ),
    Fault("own-prices-of-the-chunk", "billing/pricing.py", "(SELECT customer.*, slice.plan_id, slice.price FROM",
          "(SELECT customer.*, slice.plan_id, (SELECT price FROM customer c WHERE c.id = slice.id) AS price FROM", RUNS),
    Fault("late-fees-of-the-chunk", "billing/generation.py", '"as_of": first.started_at,', '"as_of": session.at,', RUNS),
    # --- previews ------------------------------------------------------------------------------------------------------------
    Fault("an-outdated-preview-starts-a-run", "billing/previews.py", "if token != now.token(month, counters):", "if not token:", RUNS),
    Fault("a-preview-of-the-total-alone", "billing/previews.py", "sorted(self.skipped.items()),", "0,", RUNS),
    Fault("a-preview-of-any-counters", "billing/previews.py", "None if counters is None else sorted(set(counters))", "None", MONTHS),
    # --- what is foretold, and free cycles -----------------------------------------------------------------------------------
    Fault("foretold-with-every-charge-each-time", "billing/billing_cycles.py", '"extras": not invoices,', '"extras": True,', CUSTOM),
    Fault("foretold-as-if-nothing-was-foretold", "billing/billing_cycles.py",
          '            taken.append({"covers_from": row.covers_from, "covers_until": row.covers_until})\n', "", CUSTOM),
    Fault("foretold-over-waiting-charges", "billing/billing_cycles.py", " and (invoices or not standing.has_charges):", ":", CUSTOM),
    Fault("the-proposed-cycle-is-not-foretold", "billing/billing_cycles.py", "proposed and proposed.months", "None", CUSTOM),
    Fault("free-months-move-the-anchor", "billing/pricing.py", "all_free AND nth > paid_nth AS free", "false AS free", CUSTOM),
    Fault(
        "days-of-a-free-cycle-are-billed", "billing/pricing.py",
        "WHEN paid_nth = nth AND nth > begin_nth THEN start", "WHEN false THEN start", MONTHS,
    ),
    Fault("a-cycle-is-free-by-its-first-month", "billing/pricing.py", "< price * cardinality(days)) paid", "< price) paid", FORETOLD),
    # --- which days, and when due --------------------------------------------------------------------------------------------
    Fault("bare-days-only-in-the-first-month", "billing/pricing.py", "ELSE least(start, greatest(:month, bare_from)) END",
          "WHEN anchor < :month THEN start ELSE least(start, greatest(:month, bare_from)) END", MONTHS),
    Fault("a-cycle-stays-when-the-installation-moves", "billing/billing_cycles.py", "if not early or early[-1].months == 1",
          "if early or not later", CUSTOM),
    Fault("what-was-to-follow-is-forgotten", "billing/billing_cycles.py", "    for cycle in later:", "    for cycle in later[:0]:", CUSTOM),
    Fault("put-off-behind-an-invoice", "billing/billing_cycles.py", "    if billed is not None:", "    if billed is False:", CUSTOM),
    Fault("due-before-the-service", "billing/pricing.py", "ELSE greatest(today, base.due_on, covers_from) END",
          "ELSE greatest(today, base.due_on) END", MONTHS),
    # --- charges alone -------------------------------------------------------------------------------------------------------
    Fault("charges-wait-for-a-far-cycle", "billing/pricing.py", "why IN ('INACTIVE', 'COVERED_BY_CYCLE', 'ZERO_AMOUNT',",
          "why IN ('INACTIVE', 'ZERO_AMOUNT',", MONTHS),
    Fault("charges-of-the-inactive-wait-for-ever", "billing/pricing.py", "why IN ('INACTIVE', 'COVERED_BY_CYCLE',",
          "why IN ('COVERED_BY_CYCLE',", MONTHS),
    Fault("charges-alone-take-the-place-of-the-month", "billing/pricing.py",
          "bool_or(period_id = :period AND covers_from < covers_until) AS invoiced", "bool_or(period_id = :period) AS invoiced", MONTHS),
    Fault("charges-alone-move-the-first-possible-day", "billing/billing_cycles.py",
          """AND covers_from < covers_until
                  ORDER BY covers_from) AS covers_from,
           ARRAY(SELECT covers_until FROM covering WHERE customer_id = customer.id AND voided_at IS NULL AND covers_from < covers_until
                  ORDER BY covers_from) AS covers_until,""",
          """ORDER BY covers_from) AS covers_from,
           ARRAY(SELECT covers_until FROM covering WHERE customer_id = customer.id AND voided_at IS NULL
                  ORDER BY covers_from) AS covers_until,""",
          CUSTOM),
)  # fmt: skip
