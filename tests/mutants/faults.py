"""The faults as data: what is written, what a mistake would write instead, and the tests that must notice.

`old` stands exactly once in its file; tests/mutants/test_faults.py fails as soon as it doesn't, so that no fault rots silently.
"""

from typing import Final

from tests.mutants import (
    access,
    bulk,
    devices,
    edge,
    imports,
    invoice_checks,
    ledger,
    life,
    load,
    operation,
    peers,
    rules,
    runs,
    screens,
    settlement,
)
from tests.mutants.fault import Fault

PRICING: Final = ("tests/billing/test_pricing.py",)
CORRECTIONS: Final = ("tests/billing/test_corrections.py",)
DEPOSITS: Final = ("tests/billing/test_deposits.py",)
CUSTOM: Final = ("tests/billing/test_billing_cycles.py",)
GENERATION: Final = ("tests/billing/test_generation.py",)
PAYMENTS: Final = ("tests/billing/test_payments.py",)
LOCKS: Final = ("tests/concurrency/test_locks.py",)
DRAWERS: Final = ("tests/concurrency/test_drawers.py",)
MACHINE: Final = ("tests/money/test_machine.py",)
ENGINE: Final = ("tests/isolation/test_engine.py",)
POLICY: Final = ("tests/isolation/test_policy.py", "tests/isolation/test_engine.py")
LEASES: Final = ("tests/isolation/test_leases.py",)


FAULTS: Final = (
    # --- rounding ----------------------------------------------------------------------------------------------------------
    Fault(
        "every-rounding-goes-down", "db/sql/half_up.sql",
        "RETURN div(2 * numerator + denominator, 2 * denominator)::bigint;", "RETURN div(numerator, denominator)::bigint;", MACHINE,
    ),
    Fault(
        "half-goes-down", "db/sql/half_up.sql",
        "div(2 * numerator + denominator, 2 * denominator)", "div(2 * numerator + denominator - 1, 2 * denominator)", PRICING,
    ),
    Fault(
        "proration-rounds-down", "billing/pricing.py",
        "half_up(price * lead_days, lead_of) END AS lead_amount", "(price * lead_days / lead_of) END AS lead_amount", PRICING,
    ),
    Fault(
        "percent-rounds-down", "billing/pricing.py",
        "least(price, coalesce(amount, half_up(price * percent, 100)))\n               * CASE",
        "least(price, coalesce(amount, div(price * percent, 100)::bigint))\n               * CASE", PRICING,
    ),
    Fault(
        "tax-rounds-down", "billing/pricing.py",
        "WHEN 'HALF_UP' THEN half_up(tax_base * tax_rate * tax_numerator, 100 * tax_denominator) END",
        "WHEN 'HALF_UP' THEN div(tax_base * tax_rate * tax_numerator, 100 * tax_denominator)::bigint END", PRICING,
    ),
    Fault(
        "tax-rounding-setting-ignored", "billing/pricing.py", "WHEN 'DOWN' THEN div(tax_base", "WHEN 'HALF_UP' THEN div(tax_base",
        PRICING,
    ),
    # --- tax ---------------------------------------------------------------------------------------------------------------
    Fault(
        "tax-without-its-fraction", "billing/pricing.py",
        "half_up(tax_base * tax_rate * tax_numerator, 100 * tax_denominator)", "half_up(tax_base * tax_rate, 100)", PRICING,
    ),
    Fault(
        "late-fee-is-taxed", "billing/pricing.py",
        "subscription + coalesce(charged.taxable, 0) AS tax_base", "subscription + coalesce(charged.amount, 0) AS tax_base", PRICING,
    ),
    Fault(
        "discount-is-taxed", "billing/pricing.py",
        "subscription + coalesce(charged.taxable, 0) AS tax_base",
        "subscription + coalesce(taken_off.amount, 0) + coalesce(charged.taxable, 0) AS tax_base", MACHINE,
    ),
    # --- which days --------------------------------------------------------------------------------------------------------
    Fault(
        "proration-by-thirty-days", "billing/pricing.py",
        "CAST(:after AS date) - :month AS lead_of, 0 AS tail_days", "30 AS lead_of, 0 AS tail_days", PRICING,
    ),
    Fault(
        "months-counted-one-too-many", "billing/pricing.py",
        "- extract(month FROM {anchor}))::int", "- extract(month FROM {anchor}) + 1)::int", PRICING,
    ),
    Fault(
        "cycle-one-month-too-short", "billing/pricing.py",
        '{_GRID.format(n="nth + n")} END AS covers_until', '{_GRID.format(n="nth + n - 1")} END AS covers_until', PRICING,
    ),
    Fault(
        "month-after-a-month", "billing/pricing.py",
        '_GRID: Final = "(anchor + make_interval(months => {n}))::date"',
        '_GRID: Final = "(anchor + make_interval(months => 1) + make_interval(months => {n} - 1))::date"', PRICING,
    ),
    Fault(
        "void-still-covers", "billing/pricing.py",
        "WHERE customer_id = customer.id AND voided_at IS NULL AND covers_until", "WHERE customer_id = customer.id AND covers_until",
        CORRECTIONS,
    ),
    Fault(
        "later-decision-ignored", "billing/pricing.py",
        "least(covered_again_from, superseded_on) AS taken_from", "covered_again_from AS taken_from", PRICING,
    ),
    Fault(
        "days-before-a-cycle-forgotten", "billing/pricing.py",
        "ELSE least(start, greatest(:month, bare_from)) END AS covers_from", "ELSE start END AS covers_from", PRICING,
    ),
    Fault(
        "first-possible-a-day-early", "billing/billing_cycles.py",
        "*(until for _, until in self.covered)", "*(until.replace(day=max(until.day - 1, 1)) for _, until in self.covered)", CUSTOM,
    ),
    Fault("due-day-of-utc", "billing/pricing.py", "CAST(:at AT TIME ZONE counter.timezone AS date)", "CAST(:at AT TIME ZONE 'UTC' AS date)",
          GENERATION),
    Fault(
        "cycle-due-on-the-counters-day", "billing/pricing.py",
        "WHEN months > 1 THEN greatest(today, start, covers_from, own_due_on)",
        "WHEN months > 99 THEN greatest(today, start, covers_from, own_due_on)", PRICING,
    ),
    # --- discounts, charges, fees ------------------------------------------------------------------------------------------
    Fault(
        "discount-above-its-month", "billing/pricing.py",
        "least(price, coalesce(amount, half_up(price * percent, 100)))\n               * CASE",
        "coalesce(amount, half_up(price * percent, 100))\n               * CASE", PRICING,
    ),
    Fault(
        "discounts-above-all-months", "billing/pricing.py",
        "least(amount, subscription - before)::bigint AS amount", "amount::bigint AS amount", PRICING,
    ),
    Fault("discount-on-its-last-day", "billing/pricing.py", "{day} < coalesce(until_on", "{day} <= coalesce(until_on", PRICING),
    Fault(
        "late-fee-again", "billing/pricing.py",
        "WHERE (SELECT id FROM charge WHERE overdue_invoice_id = invoice.id) IS NULL", "WHERE true", PRICING,
    ),
    Fault(
        "late-fee-a-day-early", "billing/pricing.py",
        "due_on < fees_as_of - late_fee_after_days", "due_on <= fees_as_of - late_fee_after_days", PRICING,
    ),
    Fault("charge-billed-twice", "billing/pricing.py", "WHERE invoice_id IS NULL AND cancelled_at IS NULL", "WHERE cancelled_at IS NULL",
          PRICING),
    Fault(
        "charge-not-freed-by-void", "db/sql/carried_sums.sql",
        "UPDATE charge SET invoice_id = NULL WHERE invoice_id = NEW.invoice_id;", "", PRICING,
    ),
    Fault(
        "fee-stays-after-void", "billing/corrections.py",
        "AND (SELECT voided_at FROM invoice WHERE id = overdue_invoice_id) IS NOT NULL", "AND false", CORRECTIONS,
    ),
    # --- generation --------------------------------------------------------------------------------------------------------
    Fault("inactive-customers-billed", "billing/pricing.py", "WHEN NOT active THEN", "WHEN active IS NULL THEN", GENERATION),
    Fault(
        "numbers-for-the-skipped", "billing/generation_issue.py",
        "WHERE verdict = 'ISSUE') numbered", ") numbered WHERE verdict = 'ISSUE'", GENERATION,
    ),
    Fault(
        "papers-show-the-present-plan", "billing/receipts.py", "customer.phone AS customer_phone, plan_name,",
        "customer.phone AS customer_phone, (SELECT name FROM plan WHERE plan.id = customer.plan_id) AS plan_name,", PRICING,
    ),
    Fault("credit-waits-on", "billing/generation.py", "if counted and counted[0].credit_waits:", "if not counted:", GENERATION),
    Fault(
        "newest-credit-first-at-generation", "billing/generation.py",
        "ORDER BY payment.id) - credit AS before", "ORDER BY payment.id DESC) - credit AS before", GENERATION,
    ),
    Fault(
        "chunk-without-lock-of-tasks", "billing/generation.py",
        "ORDER BY task.counter_id LIMIT 1000 FOR UPDATE OF task", "ORDER BY task.counter_id LIMIT 1000", LOCKS,
    ),
    Fault(
        "generation-without-lock-of-counter", "billing/generation.py",
        "counter_id, pg_advisory_xact_lock(1, counter_id::int),", "counter_id,", LOCKS,
    ),
    Fault(
        "closed-period-takes-invoices", "db/sql/guards.sql",
        "closed_at IS NOT NULL AND id IN (SELECT DISTINCT period_id FROM new_invoice)", "false",
        CORRECTIONS,
    ),
    # --- payments ----------------------------------------------------------------------------------------------------------
    Fault(
        "surplus-dropped", "db/sql/record_payment.sql",
        "p_customer, p_counter, p_amount, 0, 0, p_method", "p_customer, p_counter, greatest(least(p_amount, payable), 1), 0, 0, p_method",
        PAYMENTS,
    ),
    Fault(
        "newest-invoice-first", "db/sql/record_payment.sql",
        "ORDER BY array_position(p_invoices, id), due_on, id) - outstanding", "ORDER BY due_on DESC, id DESC) - outstanding", PAYMENTS,
    ),
    Fault(
        "payment-without-lock-of-customer", "db/sql/record_payment.sql",
        "FROM customer WHERE id = p_customer FOR NO KEY UPDATE;", "FROM customer WHERE id = p_customer;", LOCKS,
    ),
    Fault(
        "payment-without-lock-of-counter", "db/sql/record_payment.sql",
        "    PERFORM pg_advisory_xact_lock_shared(1, home::int);\n", "", LOCKS,
    ),
    Fault(
        "payment-of-another-body", "db/sql/record_payment.sql",
        "earlier.operation <> 'recordPayment' OR earlier.fingerprint <> p_fingerprint", "earlier.operation <> 'recordPayment'", PAYMENTS,
    ),
    Fault(
        "deed-of-another-body", "billing/idempotency.py",
        " or earlier.operation != operation or earlier.fingerprint != fingerprint:", " or earlier.operation != operation:",
        CORRECTIONS,
    ),
    Fault(
        "payment-at-any-counter", "db/sql/record_payment.sql",
        "WHERE counter.id = p_counter AND (p_scope IS NULL OR counter.id = ANY (p_scope));", "WHERE counter.id = p_counter;", PAYMENTS,
    ),
    Fault(
        "receipt-number-without-lock", "db/sql/record_payment.sql",
        """    INSERT INTO receipt_series AS series (counter_id, month, next_number) VALUES (p_counter, date_trunc('month', today)::date, 2)
    ON CONFLICT (counter_id, month) DO UPDATE SET next_number = series.next_number + 1
    RETURNING next_number - 1 INTO number_in_month;
""",
        """    SELECT coalesce(max(sequence), 0) + 1 INTO number_in_month FROM receipt
     WHERE counter_id = p_counter AND month = date_trunc('month', today)::date;
""", DRAWERS,
    ),
    Fault("received-on-the-day-of-utc", "db/sql/record_payment.sql", "today := (p_at AT TIME ZONE zone)::date;",
          "today := (p_at AT TIME ZONE 'UTC')::date;", PAYMENTS),
    Fault(
        "receipt-of-the-month-of-utc", "db/sql/record_payment.sql",
        "'KW/' || to_char(today, 'YYYY-MM')", "'KW/' || to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM')", DRAWERS,
    ),
    Fault("surplus-unexplained", "db/sql/record_payment.sql", "WHEN payable = 0 THEN 'IN_ADVANCE'", "WHEN payable = 0 THEN ''", PAYMENTS),
    Fault(
        "surplus-of-who-owed-in-advance", "db/sql/record_payment.sql", "ELSE 'OVERPAID' END", "ELSE 'IN_ADVANCE' END", PAYMENTS,
    ),
    Fault(
        "newest-credit-first-beside-a-debt", "db/sql/credit.sql",
        "sum(credit) OVER (ORDER BY id) - credit AS starts, sum(credit) OVER (ORDER BY id) AS ends",
        "sum(credit) OVER (ORDER BY id DESC) - credit AS starts, sum(credit) OVER (ORDER BY id DESC) AS ends",
        ("tests/billing/test_settlement.py",),
    ),
    # --- corrections -------------------------------------------------------------------------------------------------------
    Fault(
        "reversal-leaves-the-invoice-paid", "billing/corrections.py",
        '    await session.execute(_DEALLOCATE_PAYMENT, {"payment": payment_id, "at": session.at})\n', "", CORRECTIONS,
    ),
    Fault("deposited-cash-reversed", "billing/corrections.py", "if payment.method == PaymentMethod.CASH:", 'if payment.method == "":',
          CORRECTIONS),
    Fault("refund-without-cash", "billing/corrections.py", "if method is PaymentMethod.CASH:", "if method is None:", CORRECTIONS),
    Fault(
        "refund-stays-in-the-drawer", "db/sql/drawer.sql",
        "NEW.refunded_by, p_refunded => NEW.amount)", "NEW.refunded_by, p_refunded => 0)",
        CORRECTIONS,
    ),
    Fault(
        "void-in-a-closed-period", "billing/corrections.py",
        '"period": dated_in, "reason": why', '"period": invoice.period_id, "reason": why', CORRECTIONS,
    ),
    Fault(
        "closed-period-takes-voids", "db/sql/carried_sums.sql",
        "WHERE id = NEW.period_id AND closed_at IS NOT NULL", "WHERE id = NEW.period_id AND false", CORRECTIONS,
    ),
    Fault(
        "paid-invoice-voided", "billing/corrections.py",
        "given_up or (invoice.allocated and not release_payments)", "given_up", CORRECTIONS,
    ),
    Fault(
        "correction-without-lock-of-counter", "billing/locks.py",
        "FROM counter, pg_advisory_xact_lock_shared(1, CAST(:counter AS int)) WHERE", "FROM counter WHERE",
        ("tests/concurrency/test_corrections.py",),
    ),
    Fault(
        "more-written-off-than-owed", "billing/corrections.py",
        "if taken > invoice.outstanding or taken == 0:", "if taken == 0:", MACHINE,
    ),
    Fault(
        "journal-without-reversals", "db/sql/journal.sql",
        "JOIN payment_reversal ON payment_reversal.payment_id = id",
        "JOIN payment_reversal ON payment_reversal.payment_id = -id", CORRECTIONS,
    ),
    # --- deposits and recap ------------------------------------------------------------------------------------------------
    Fault(
        "drawer-not-locked", "billing/locks.py", "app_user WHERE id = :collector FOR NO KEY UPDATE", "app_user WHERE id = :collector",
        DRAWERS,
    ),
    Fault(
        "decision-without-lock-of-drawer", "billing/deposits.py",
        "    await locks.counting(session, whose.collector_id)\n", "", DRAWERS,
    ),
    Fault(
        "refund-without-lock-of-drawer", "billing/corrections.py", "    await locks.drawers(session, giver)\n", "", DRAWERS,
    ),
    Fault(
        "reversal-without-lock-of-drawer", "billing/corrections.py",
        "        await locks.drawers(session, payment.received_by)\n", "", DRAWERS,
    ),
    Fault(
        "own-deposit-verified", "billing/deposits.py",
        "if session.actor.user_id in {deposit.submitted_by, deposit.collector_id}:", "if session.actor.user_id is None:", DEPOSITS,
    ),
    Fault(
        "own-deposit-verified-in-sql", "db/sql/carried_sums.sql",
        " AND status = 'SUBMITTED' AND NEW.decided_by NOT IN (submitted_by, collector_id);", " AND status = 'SUBMITTED';", DEPOSITS,
    ),
    Fault(
        "counted-amount-ignored", "billing/deposits.py",
        "there = deposit.amount if counted is None else counted", "there = deposit.amount", DEPOSITS,
    ),
    Fault(
        "shortage-turned", "billing/deposits.py",
        "difference = there - min(deposit.amount, held)", "difference = min(deposit.amount, held) - there", DEPOSITS,
    ),
    Fault("more-relieved-than-held", "billing/deposits.py", "there - min(deposit.amount, held)", "there - deposit.amount", DEPOSITS),
    Fault("waiting-cash-taken", "billing/deposits.py", "if amount > held - waiting:", "if amount > held:", CORRECTIONS),
    Fault(
        "rejected-deposit-still-waits", "db/sql/drawer.sql",
        "(NEW.status = 'SUBMITTED')::int", "(NEW.status <> 'VERIFIED')::int",
        DEPOSITS,
    ),
    Fault(
        "recap-counts-rejected-deposits", "billing/recap.py",
"FROM counted_money WHERE counter_id = counter.id AND day >= :month AND day < :after) handed",
        "FROM (SELECT counter_id, amount AS counted, difference FROM deposit) told WHERE counter_id = counter.id) handed", DEPOSITS,
    ),
    Fault(
        "recap-keeps-what-was-reversed", "billing/recap.py",
        "received.total - reversed.total AS total_received", "received.total AS total_received", CORRECTIONS,
    ),
    Fault(
        "recap-by-days-of-utc", "billing/recap.py",
        "counter_id = counter.id AND received_on >= :month AND received_on < :after)",
        "counter_id = counter.id AND received_at >= :month AND received_at < :after)", ("tests/billing/test_recap.py",),
    ),
    # --- isolation ---------------------------------------------------------------------------------------------------------
    Fault(
        "blocked-without-a-last-look", "network/reconcile.py",
        "not_blocked = await blocks.withdraw(session, automatic)", "not_blocked: set[int] = set()", ENGINE,
    ),
    Fault(
        "unanswered-is-told-as-done", "network/results.py",
        "done = actual is wanted and", "done = outcome.result is not None or", ENGINE,
    ),
    Fault(
        "who-is-back-stays-away-while-busy", "network/reconcile.py",
        "None if device.reachable is False else device.checked_at", "device.checked_at", ENGINE,
    ),
    Fault(
        "who-is-busy-is-never-probed", "network/reconcile.py",
        "if handled and health.is_due(", "if device.reachable is False and health.is_due(", ENGINE,
    ),
    Fault("snapshot-not-kept", "network/reconcile.py", "WHERE service_access.id = kept.id AND", "WHERE false AND", ENGINE),
    Fault(
        "snapshot-kept-after-a-cut-that-failed", "network/results.py",
        "(done and change.restores) or untouched", "done and change.restores", ENGINE,
    ),
    Fault("another-device-is-cut-all-the-same", "network/reconcile.py", "snapshots = {}  # a reading", "pass  # a reading", ENGINE),
    Fault(
        "payment-lifts-a-block-by-hand", "db/sql/isolation.sql",
        "AND desired = 'BLOCKED' AND NOT manual", "AND desired = 'BLOCKED'", ENGINE,
    ),
    Fault("given-back-though-still-late", "db/sql/isolation.sql", "AND customer_id NOT IN (SELECT customer_id FROM overdue)", "", ENGINE),
    Fault("mass-cut-goes-on", "billing/isolation/sweep.py", "counts.due > max(holds.MAX_WITHOUT_HOLD,", "counts.due > max(10**9,", ENGINE),
    Fault(
        "promise-ends-a-day-early", "db/sql/isolation.sql",
        "greatest(reached.block_on, promised.until_on + 1)", "greatest(reached.block_on, promised.until_on)", ENGINE,
    ),
    Fault(
        "blocked-on-a-blackout-date", "billing/isolation/sweep.py",
        "FROM overdue_customers(CAST(:at AS timestamptz)) WHERE may_block)", "FROM overdue_customers(CAST(:at AS timestamptz)))", ENGINE,
    ),
    Fault(
        "decided-before-a-blackout-date", "billing/isolation/policy.py",
        "(desired = 'ACTIVE' OR manual OR NOT EXISTS (", "(true OR NOT EXISTS (", ENGINE,
    ),
    Fault(
        "manual-blocks-wait-for-a-blackout-date", "billing/isolation/policy.py",
        "(desired = 'ACTIVE' OR manual OR NOT EXISTS (", "(desired = 'ACTIVE' OR NOT EXISTS (", ENGINE,
    ),
    Fault(
        "restores-wait-for-a-blackout-date", "billing/isolation/policy.py",
        "(desired = 'ACTIVE' OR manual OR NOT EXISTS (", "(manual OR NOT EXISTS (", ENGINE,
    ),
    Fault(
        "blackout-date-on-the-device-in-utc", "billing/isolation/policy.py",
        "AT TIME ZONE timezone)::date FROM customer owner", "AT TIME ZONE 'UTC')::date FROM customer owner", ENGINE,
    ),
    Fault(
        "upcoming-on-the-day-itself", "db/sql/isolation.sql", "isolation.block_on > today AND", "isolation.block_on >= today AND", ENGINE,
    ),
    Fault("less-than-the-minimum-cuts", "db/sql/isolation.sql", "WHERE amount >= minimum", "WHERE amount >= 1", POLICY),
    Fault(
        "lease-is-no-lock", "db/leases.py",
        "pg_try_advisory_lock(:space, :number)", "CAST(:space AS int) + CAST(:number AS int) > 0", LEASES,
    ),
    Fault("work-goes-on-without-its-lease", "db/leases.py", "scope.reschedule(0)", "scope.when()", LEASES),
    *access.FAULTS,
    *devices.FAULTS,
    *edge.FAULTS,
    *imports.FAULTS,
    *invoice_checks.FAULTS,
    *ledger.FAULTS,
    *load.FAULTS,
    *operation.FAULTS,
    *peers.FAULTS,
    *life.FAULTS,
    *bulk.FAULTS,
    *rules.FAULTS,
    *runs.FAULTS,
    *settlement.FAULTS,
    *screens.FAULTS,
)  # fmt: skip
