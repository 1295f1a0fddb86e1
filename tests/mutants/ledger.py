"""Faults of closings, corrections of deposits, settled differences, reversals, days, and of what keys' fingerprints hold."""

from typing import Final

from tests.mutants.fault import Fault

LEDGER: Final = ("tests/billing/test_ledger.py",)
RACES: Final = ("tests/concurrency/test_ledger.py",)
KEYS: Final = ("tests/billing/test_fingerprints.py",)

FAULTS: Final = (
    # --- corrections of deposits --------------------------------------------------------------------------------------------
    Fault(
        "a-corrected-count-moves-the-drawer", "billing/differences.py",
        "difference = deposit.difference + counted - deposit.counted", "difference = counted - deposit.amount + deposit.counted - counted",
        LEDGER,
    ),
    Fault("an-unverified-deposit-is-corrected", "billing/differences.py", "if deposit.status != DepositStatus.VERIFIED:", "if not deposit:",
          LEDGER),
    Fault("own-deposit-corrected-in-sql", "db/sql/carried_sums.sql", "AND NEW.corrected_by NOT IN (submitted_by, collector_id)", "",
          LEDGER),
    Fault("absurd-counts-are-taken", "billing/deposits.py", "off > MIN_ABSURD and 10 * off > amount", "off > 10 * amount", LEDGER),
    Fault("small-differences-are-asked-about", "billing/deposits.py", "off > MIN_ABSURD and 10", "off > 0 and 10", LEDGER),
    Fault("corrections-not-one-after-the-other", "billing/deposits.py", "await locks.counting(session, whose.collector_id)",
          "await locks.closings(session)", RACES),
    # --- surplus and shortage -------------------------------------------------------------------------------------------------
    Fault("a-late-payment-uses-no-surplus", "db/sql/surplus.sql", "part := least(unplaced, surplus.unused);", "part := 0;", LEDGER),
    Fault("a-surplus-is-used-without-end", "db/sql/carried_sums.sql",
          "CHECK deposit_settled_check.\nCREATE OR REPLACE FUNCTION carry_settlement()"
          " RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    UPDATE deposit SET settled = settled + CASE",
          "CHECK deposit_settled_check.\nCREATE OR REPLACE FUNCTION carry_settlement()"
          " RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    UPDATE deposit SET settled = 0 * CASE", LEDGER),
    Fault("a-reversal-keeps-the-surplus", "billing/corrections.py",
          "        await differences.reverse_settlements(session, payment_id, timezone=payment.timezone, **drawer)\n", "", LEDGER),
    Fault("two-payments-use-one-surplus", "db/sql/surplus.sql",
          "    PERFORM FROM app_user WHERE id = NEW.received_by FOR NO KEY UPDATE;\n", "", RACES),
    Fault("a-count-and-a-payment-miss-each-other", "db/sql/surplus.sql",
          "    PERFORM pg_advisory_xact_lock_shared(22, NEW.received_by::int);\n", "", RACES),
    Fault("a-surplus-is-settled-with-cash-that-is-not-there", "billing/differences.py",
          "    if kind is DifferenceKind.SURPLUS:\n        await deposits.check_drawer(session, counter_id, collector_id, amount)\n",
          "", LEDGER),
    Fault("more-is-settled-than-differs", "billing/differences.py", "    if amount > there:\n", "    if amount > there + 1:\n", LEDGER),
    # --- reversals --------------------------------------------------------------------------------------------------------------
    Fault("a-reversed-write-off-is-still-given-up", "db/sql/carried_sums.sql", "SET written_off = written_off - amount",
          "SET written_off = written_off",
          LEDGER),
    Fault("a-reversed-refund-stays-out-of-the-drawer", "db/sql/drawer.sql",
          " AND NOT EXISTS (SELECT FROM refund_reversal WHERE refund_id = refund.id)", "", LEDGER),
    Fault("a-fee-cancelled-by-hand", "billing/reversals.py", 'or written_off.kind != "BAD_DEBT" ', "", LEDGER),
    # --- closings ---------------------------------------------------------------------------------------------------------------
    Fault("a-closing-asks-nothing", "billing/periods.py", "if missing and not incomplete:", "if missing and incomplete:", LEDGER),
    Fault("waiting-deposits-are-not-missing", "billing/closings.py", "WHERE status = 'SUBMITTED' AND deposited_on < :after",
          "WHERE status = 'SUBMITTED' AND deposited_on < :month", LEDGER),
    Fault("a-closing-waits-for-nothing", "billing/periods.py", "    await locks.closing(session)\n", "", RACES),
    Fault("cash-beside-a-closing-is-taken-for-a-phones", "db/sql/closings.sql", "IF NEW.collected_at = asked_for THEN", "IF false THEN",
          ("tests/billing/test_ledger.py",)),
    Fault("a-closing-waits-for-who-waits-for-it", "billing/periods.py",
          "FROM period WHERE month = :month FOR NO KEY UPDATE", "FROM period WHERE month = :month FOR UPDATE", RACES),
    Fault("a-late-payment-is-dated-back", "db/sql/closings.sql", "NEW.received_at := after_closings(NEW.received_at);",
          "PERFORM after_closings(NEW.received_at);", RACES),
    Fault("a-late-deed-is-dated-back", "billing/locks.py", 'session.at = await session.value(_AFTER_CLOSINGS, {"at": session.at})',
          'await session.value(_AFTER_CLOSINGS, {"at": session.at})', RACES),
    Fault("kept-figures-follow-the-present", "db/sql/period_figures.sql",
          "WHERE allocation_id IS NULL AND greatest(allocated_at, received_at) <= p_at", "WHERE allocation_id IS NULL", LEDGER),
    Fault("a-reopened-period-stays-closed", "db/sql/closings.sql", "UPDATE period SET closed_at = NULL\n",
          "UPDATE period SET closed_at = closed_at\n",
          LEDGER),
    Fault("a-mistaken-period-poisons-cycles", "billing/billing_cycles.py", "closed = set(self.closed) - set(self.closed_ahead)",
          "closed = set(self.closed)", LEDGER),
    Fault("years-ahead-are-not-asked-about", "billing/periods.py", "<= month <= this_month.plus(MAX_MONTHS_AHEAD)",
          "<= month", LEDGER),
    # --- which day, which period --------------------------------------------------------------------------------------------------
    Fault("a-deposit-counts-on-its-submission", "billing/recap.py",
          "FROM counted_money WHERE counter_id = counter.id AND day >= :month AND day < :after) handed",
          "FROM deposit WHERE counter_id = counter.id AND deposited_on >= :month AND deposited_on < :after) handed", LEDGER),
    Fault("a-decision-on-the-day-of-utc", "billing/deposits.py",
          '"at": session.at, "day": local_date(session.at, deposit.timezone), "user"',
          '"at": session.at, "day": session.at.date(), "user"', LEDGER),
    Fault("a-correction-on-the-day-of-utc", "billing/differences.py", "    day = local_date(session.at, deposit.timezone)\n",
          "    day = session.at.date()\n", LEDGER),
    Fault("a-reversal-on-the-day-of-utc", "billing/corrections.py", "    day = local_date(session.at, payment.timezone)\n",
          "    day = session.at.date()\n", LEDGER),
    Fault("a-write-off-reversed-on-the-day-of-utc", "billing/reversals.py", '"day": local_date(session.at, invoice.timezone)',
          '"day": session.at.date()', LEDGER),
    Fault("a-refund-reversed-on-the-day-of-utc", "billing/reversals.py", '"day": local_date(session.at, refund.timezone)',
          '"day": session.at.date()', LEDGER),
    Fault("reversals-count-in-the-month-of-the-payment", "billing/recap.py",
          "WHERE counter_id = counter.id AND reversed_on >= :month AND reversed_on < :after) reversed",
          "WHERE counter_id = counter.id AND received_on >= :month AND received_on < :after) reversed", LEDGER),
    Fault("refunds-count-for-ever", "billing/recap.py",
          "SELECT amount FROM refund WHERE counter_id = counter.id AND refunded_on >= :month AND refunded_on < :after",
          "SELECT amount FROM refund WHERE counter_id = counter.id AND refunded_on >= :month", LEDGER),
    Fault("a-void-in-the-oldest-open-period", "billing/corrections.py",
          "CASE WHEN open.month > :today THEN open.month - :today ELSE :today - open.month END",
          "CASE WHEN open.month > :today THEN open.month - :today ELSE open.month - :today END", KEYS),
    Fault("a-void-in-a-period-ahead", "billing/corrections.py", "ORDER BY open.id <> own.id, open.month > :today, CASE",
          "ORDER BY open.id <> own.id, open.month <= :today, CASE", KEYS),
    Fault("a-void-is-never-its-own-period", "billing/corrections.py", "ORDER BY open.id <> own.id, open.month > :today, CASE",
          "ORDER BY open.month > :today, CASE", KEYS),
    # --- late fees ----------------------------------------------------------------------------------------------------------------
    Fault("a-billed-fee-outlives-its-invoice", "billing/corrections.py", "    await late_fees.cancel_billed(session, invoice_id)\n",
          "", LEDGER),
    Fault("a-cancelled-fee-is-a-bad-debt", "db/sql/journal.sql",
          "SELECT write_off.id, 9, written_off_at, written_off_on, counter_id, 'write_off', number,\n           CASE kind WHEN"
          " 'BAD_DEBT' THEN"
          " 'BAD_DEBT' WHEN 'LATE_FEE' THEN 'REVENUE' END",
          "SELECT write_off.id, 9, written_off_at, written_off_on, counter_id, 'write_off', number,\n           CASE kind WHEN"
          " 'BAD_DEBT' THEN"
          " 'BAD_DEBT' WHEN 'LATE_FEE' THEN 'BAD_DEBT' END", LEDGER),
    Fault("the-oldest-money-is-released", "billing/late_fees.py", "ORDER BY id DESC", "ORDER BY id", LEDGER),
    Fault("too-much-is-released", "billing/late_fees.py", "        if kept > 0:\n", "        if kept > 10**9:\n", LEDGER),
    # --- accounts -----------------------------------------------------------------------------------------------------------------
    Fault("other-receipts-are-the-banks", "db/sql/journal.sql", "WHEN 'OTHER' THEN 'OTHER_RECEIPTS'",
          "WHEN 'OTHER' THEN 'BANK'", LEDGER),
    Fault("qris-is-an-other-receipt", "db/sql/journal.sql", "WHEN 'QRIS' THEN 'BANK'", "WHEN 'QRIS' THEN 'OTHER_RECEIPTS'", LEDGER),
    Fault("transfers-are-central-cash", "db/sql/journal.sql", "WHEN 'TRANSFER' THEN 'BANK' END;",
          "WHEN 'TRANSFER' THEN 'CENTRAL_CASH' END;", LEDGER),
    # --- what a key's fingerprint holds -------------------------------------------------------------------------------------------
    Fault("key-of-a-correction-without-its-count", "billing/differences.py", '"correctDeposit", key, [deposit_id, counted, why]',
          '"correctDeposit", key, [deposit_id, why]', KEYS),
    Fault("key-of-a-settlement-without-its-counter", "billing/differences.py", "body = [counter_id, collector_id, amount, why]",
          "body = [collector_id, amount, why]", KEYS),
    Fault("key-of-a-refund-without-its-method", "billing/corrections.py",
          '"refundCredit", key, [payment_id, method.value, why, amount, collector_id]',
          '"refundCredit", key, [payment_id, why, amount, collector_id]', KEYS),
    Fault("key-of-a-deposit-without-its-type", "billing/deposits.py", "body = [counter_id, collector_id, amount, type.value, note,",
          "body = [counter_id, collector_id, amount, note,", KEYS),
    Fault("key-of-a-payment-without-its-method", "billing/payments.py",
          "body = [received.customer_id, amount, received.method.value, received.counter_id, note,",
          "body = [received.customer_id, amount, received.counter_id, note,", KEYS),
    Fault("key-of-a-verification-without-its-note", "billing/deposits.py", '"verifyDeposit", key, [deposit_id, counted, note]',
          '"verifyDeposit", key, [deposit_id, counted]', KEYS),
    Fault("key-of-a-void-without-its-release", "billing/corrections.py", '"voidInvoice", key, [invoice_id, why, release_payments]',
          '"voidInvoice", key, [invoice_id, why]', KEYS),
)  # fmt: skip
