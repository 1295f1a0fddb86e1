"""Faults of the rules (tests/rules): what restores, whose day it is, in which month it stands, what a key holds, which promise holds."""

from typing import Final

from tests.mutants.fault import Fault

EAST: Final = "Asia/Jayapura"


def deeds(*names: str) -> tuple[str, ...]:
    """Rows of the table of deeds."""
    return tuple(f"tests/rules/test_deeds.py::test_it_does_what_the_table_says_and_nothing_else[{name}]" for name in names)


def dates(*columns: str) -> tuple[str, ...]:
    """Columns, in the time zone that is furthest from UTC."""
    return tuple(f"tests/rules/test_dates.py::test_a_date_is_the_counters_own_day[{column}-{EAST}]" for column in columns)


def day(name: str) -> tuple[str, ...]:
    """Another test of days, in that time zone."""
    return (f"tests/rules/test_dates.py::{name}[{EAST}]",)


def keys(*rows: str) -> tuple[str, ...]:
    """Rows of the table of keys: the mutation, and the first field that is changed."""
    return tuple(f"tests/rules/test_keys.py::test_a_key_is_good_for_one_input[{row}]" for row in rows)


MACHINE: Final = ("tests/money/test_machine.py",)
PROMISES: Final = ("tests/rules/test_promises.py",)
VOIDS: Final = day("test_a_void_stands_in_the_newest_month_that_has_begun_at_the_counter")
_UTC: Final = "session.at.date()"

RESTORES: Final = (
    Fault(
        "payment-in-part-restores-nobody", "db/sql/record_payment.sql",
        "    PERFORM reconsider_access(ARRAY[p_customer], p_at, p_user, p_user_name);",
        "    IF NOT EXISTS (SELECT FROM invoice WHERE customer_id = p_customer AND outstanding > 0) THEN\n"
        "        PERFORM reconsider_access(ARRAY[p_customer], p_at, p_user, p_user_name);\n    END IF;",
        deeds("payment-that-leaves-less-than-the-minimum"),
    ),
    Fault(
        "void-restores-nobody", "billing/corrections.py",
        "    await blocks.reconsider(session, [invoice.customer_id])\n    voided = InvoiceVoided(", "    voided = InvoiceVoided(",
        deeds("void-that-leaves-less-than-the-minimum"),
    ),
    Fault(
        "write-off-restores-nobody", "billing/corrections.py",
        "    await blocks.reconsider(session, [invoice.customer_id])\n    written_off = InvoiceWrittenOff(",
        "    written_off = InvoiceWrittenOff(", deeds("write-off-that-leaves-less-than-the-minimum"),
    ),
    Fault(
        "applied-credit-restores-nobody", "billing/credit.py",
        "    await settle(session, customer_id)\n    await blocks.reconsider(session, [customer_id])",
        "    await settle(session, customer_id)", deeds("credit-applied"),
    ),
    Fault(
        "reversed-refund-restores-nobody", "billing/reversals.py", "    await blocks.reconsider(session, [payment.customer_id])\n", "",
        deeds("reversal-of-a-refund"),
    ),
    Fault(
        "promise-restores-nobody", "billing/isolation/promises.py",
        "    await events.append(session, promised, subject_id=customer_id, counter_id=customer.counter_id)\n"
        "    await blocks.reconsider(session, [customer_id])",
        "    await events.append(session, promised, subject_id=customer_id, counter_id=customer.counter_id)", deeds("promise"),
    ),
    Fault(
        "policy-of-a-customer-restores-nobody", "billing/isolation/policy.py",
        "        counter_id=event_counter_id,\n    )  # fmt: skip\n    if customer_id is not None:\n        await blocks",
        "        counter_id=event_counter_id,\n    )  # fmt: skip\n    if customer_id == 0:\n        await blocks",
        deeds("policy-of-the-customer"),
    ),
    Fault(
        "arrears-beside-money-that-was-there", "billing/opening.py",
        '    await session.execute(_SETTLE, {**actor_values, "invoices": invoices, "at": session.at})\n', "",
        ("tests/billing/test_opening.py::test_money_that_came_before_the_opening_settles_what_it_brings",),
    ),
)  # fmt: skip

FIGURES: Final = (
    Fault(
        "dashboard-without-todays-reversals", "billing/dashboard.py", "sum(received - reversed) FILTER (WHERE kept.day = now.day)",
        "sum(received) FILTER (WHERE kept.day = now.day)", deeds("reversal-of-a-payment-of-today"),
    ),
    Fault(
        "dashboard-without-the-months-reversals", "billing/dashboard.py", "sum(received - reversed), 0)::bigint AS month",
        "sum(received), 0)::bigint AS month", deeds("reversal-of-a-payment-of-today"),
    ),
    Fault(
        "dashboard-reverses-on-the-payments-day", "db/sql/takings.sql",
        "(SELECT reversed_on FROM payment_reversal WHERE payment_id = NEW.id)", "NEW.received_on", deeds("reversal-of-a-payment-of-before"),
    ),
    Fault(
        "dashboard-of-the-day-in-utc", "billing/dashboard.py", "(:at AT TIME ZONE timezone)::date", "(:at AT TIME ZONE 'UTC')::date",
        day("test_the_dashboard_is_of_the_counters_day_and_month"),
    ),
    Fault(
        "recap-reverses-in-the-payments-month", "billing/recap.py", "            WHERE reversed_on >= :month AND reversed_on < :after)",
        "            WHERE received_on >= :month AND received_on < :after)", deeds("reversal-of-a-payment-of-before"),
    ),
    Fault(
        "recap-of-instants-in-utc", "billing/recap.py", "received_on >= :month AND received_on < :after) received",
        "received_at >= :month AND received_at < :after) received", deeds("payment-in-full"),
    ),
    Fault(
        "recap-refunds-in-the-payments-month", "billing/recap.py",
        "SELECT amount FROM refund WHERE counter_id = counter.id AND refunded_on >= :month AND refunded_on < :after",
        "SELECT refund.amount FROM refund JOIN payment ON payment.id = payment_id"
        " WHERE refund.counter_id = counter.id AND received_on >= :month AND received_on < :after",
        deeds("refund-in-cash"),
    ),
    Fault(
        "recap-without-reversed-refunds", "billing/recap.py", "SELECT -amount FROM refund_reversal", "SELECT 0 FROM refund_reversal",
        deeds("reversal-of-a-refund"),
    ),
    Fault(
        "recap-deposits-on-the-day-of-submission", "db/sql/counted_money.sql", "SELECT counter_id, decided_on AS day",
        "SELECT counter_id, deposited_on AS day", deeds("deposit-verified"),
    ),
    Fault(
        "recap-settles-on-the-day-of-submission", "db/sql/counted_money.sql", "SELECT counter_id, settled_on, settled_at",
        "SELECT counter_id, deposited_on, settled_at", deeds("shortage-settled"),
    ),
    Fault(
        "journal-of-the-day-in-utc", "db/sql/journal.sql", "(entry.posted_at AT TIME ZONE counter.timezone)::date",
        "(entry.posted_at AT TIME ZONE 'UTC')::date", deeds("void-that-leaves-the-minimum"),
    ),
    Fault(
        "dashboard-owes-what-its-customers-owe", "billing/dashboard.py", "FROM invoice WHERE counter_id = counter.id AND outstanding > 0",
        "FROM invoice JOIN customer ON customer.id = customer_id WHERE customer.counter_id = counter.id AND outstanding > 0",
        deeds("move-with-a-debt"),
    ),
    Fault(
        "dashboard-of-the-days-to-come", "billing/dashboard.py", "AND kept.day <= now.day) taken\n     CROSS", ") taken\n     CROSS",
         day("test_the_dashboard_is_of_the_counters_day_and_month"),
    ),
    Fault(
        "late-fee-told-to-no-counter", "billing/generation_log.py", 'subject_id="fee.id", counter_id="counter_id",', 'subject_id="fee.id",',
        deeds("generation-with-late-fees"),
    ),
    Fault(
        "opening-days-are-billed-again", "billing/opening.py", "coalesce(billed_until, CASE WHEN installed_on < after THEN after END)",
        "billed_until", MACHINE,
    ),
    Fault(
        "dashboard-that-the-machine-denies", "billing/dashboard.py", "sum(received - reversed), 0)::bigint AS month",
        "sum(received), 0)::bigint AS month", MACHINE,
    ),
)  # fmt: skip

DAYS: Final = (
    Fault(
        "promise-of-a-day-in-utc", "billing/isolation/promises.py", "today = local_date(session.at, customer.timezone)\n    latest",
        f"today = {_UTC}\n    latest", PROMISES,
    ),
    Fault(
        "reversal-on-the-day-in-utc", "billing/corrections.py",
        "day = local_date(session.at, payment.timezone)\n    await session.execute(_DEALLOCATE_PAYMENT",
        f"day = {_UTC}\n    await session.execute(_DEALLOCATE_PAYMENT", dates("payment_reversal.reversed_on"),
    ),
    Fault(
        "write-off-on-the-day-in-utc", "billing/corrections.py",
        "day = local_date(session.at, invoice.timezone)\n    await session.execute(\n        _WRITE_OFF",
        f"day = {_UTC}\n    await session.execute(\n        _WRITE_OFF", dates("write_off.written_off_on"),
    ),
    Fault(
        "refund-on-the-day-in-utc", "billing/corrections.py", '"day": local_date(session.at, payment.timezone), "collector"',
        f'"day": {_UTC}, "collector"', dates("refund.refunded_on"),
    ),
    Fault(
        "reversed-write-off-on-the-day-in-utc", "billing/reversals.py", '"day": local_date(session.at, invoice.timezone)',
        f'"day": {_UTC}', dates("write_off_reversal.reversed_on"),
    ),
    Fault(
        "reversed-refund-on-the-day-in-utc", "billing/reversals.py", '"day": local_date(session.at, refund.timezone)',
        f'"day": {_UTC}', dates("refund_reversal.reversed_on"),
    ),
    Fault(
        "deposit-on-the-day-in-utc", "billing/deposits.py", '"day": local_date(session.at, counter.timezone)', f'"day": {_UTC}',
        dates("deposit.deposited_on"),
    ),
    Fault(
        "decision-on-the-day-in-utc", "billing/deposits.py", '"day": local_date(session.at, deposit.timezone)', f'"day": {_UTC}',
        dates("deposit_decision.decided_on"),
    ),
    Fault(
        "recount-on-the-day-in-utc", "billing/differences.py", "day = local_date(session.at, deposit.timezone)", f"day = {_UTC}",
        dates("deposit_correction.corrected_on"),
    ),
    Fault(
        "settlement-on-the-day-in-utc", "billing/differences.py", '"day": local_date(session.at, deposit.timezone), "user": by',
        f'"day": {_UTC}, "user": by', dates("difference_settlement.settled_on"),
    ),
    Fault(
        "payment-on-the-day-in-jakarta", "db/sql/record_payment.sql", "today := (p_at AT TIME ZONE zone)::date;",
        "today := (p_at AT TIME ZONE 'Asia/Jakarta')::date;", dates("payment.received_on", "receipt.month"),
    ),
    Fault(
        "overdue-by-the-day-in-utc", "db/sql/isolation.sql", "block_on <= (p_at AT TIME ZONE isolation.timezone)::date\n",
        "block_on <= (p_at AT TIME ZONE 'UTC')::date\n", day("test_somebody_is_late_from_the_counters_midnight_on"),
    ),
    Fault(
        "blackout-date-in-utc", "db/sql/isolation.sql",
        "WHERE day = (p_at AT TIME ZONE isolation.timezone)::date)", "WHERE day = (p_at AT TIME ZONE 'UTC')::date)",
        day("test_a_day_on_which_nobody_is_blocked_is_the_counters"),
    ),
    Fault(
        "void-in-the-month-in-utc", "billing/corrections.py", '"today": local_date(session.at, invoice.timezone)', f'"today": {_UTC}',
        VOIDS,
    ),
    Fault(
        "void-in-the-oldest-open-month", "billing/corrections.py",
        "ORDER BY open.id <> own.id, open.month > :today, CASE WHEN open.month > :today THEN open.month - :today"
        " ELSE :today - open.month END",
        "ORDER BY open.id <> own.id, open.month, CAST(:today AS date)", VOIDS,
    ),
    Fault(
        "void-in-a-month-ahead", "billing/corrections.py",
        "ORDER BY open.id <> own.id, open.month > :today, CASE WHEN open.month > :today THEN open.month - :today"
        " ELSE :today - open.month END",
        "ORDER BY open.id <> own.id, open.month DESC, CAST(:today AS date)", VOIDS,
    ),
    Fault(
        "void-not-in-its-own-month", "billing/corrections.py", "ORDER BY open.id <> own.id, open.month > :today",
        "ORDER BY open.month > :today", deeds("void-that-leaves-the-minimum"),
    ),
)  # fmt: skip

KEYS: Final = (
    Fault(
        "key-of-a-refund-without-its-drawer", "billing/corrections.py", "[payment_id, method.value, why, amount, collector_id]",
        "[payment_id, method.value, why, amount]", keys("refundCredit-paymentId"),
    ),
    Fault(
        "key-of-a-void-without-the-release", "billing/corrections.py", "[invoice_id, why, release_payments]", "[invoice_id, why]",
        keys("voidInvoice-invoiceId"),
    ),
    Fault(
        "key-of-a-payment-without-its-counter", "billing/payments.py", "received.method.value, received.counter_id, note",
        "received.method.value, note", keys("recordPayment-customerId"),
    ),
    Fault(
        "key-of-a-payment-without-its-time", "billing/payments.py",
        "None if received.collected_at is None else received.collected_at.timestamp()]", "None]", keys("recordPayment-counterId"),
    ),
    Fault(
        "key-of-a-payment-whatever-the-order", "billing/payments.py", "counter_id, note, invoices,",
        "counter_id, note, sorted(invoices or ()),", keys("recordPayment-customerId"),
    ),
    Fault(
        "key-of-a-count-without-its-note", "billing/deposits.py", "[deposit_id, counted, note]", "[deposit_id, counted]",
        keys("verifyDeposit-depositId"),
    ),
    Fault(
        "key-of-a-deposit-without-its-proof", "billing/deposits.py", ", type.value, note, None if proof is None else proof.sha256.hex()]",
        ", type.value, note]", ("tests/rules/test_keys.py::test_a_deposit_is_of_one_type_and_with_one_proof",),
    ),
    Fault(
        "key-of-a-discount-without-its-end", "billing/charges.py", "list(payload.values())", "list(payload.values())[:-1]",
        keys("addDiscount-description"),
    ),
    Fault(
        "key-of-any-settlement", "billing/differences.py", 'f"settle{kind.title()}"', '"settleDifference"',
        ("tests/rules/test_keys.py::test_a_key_is_good_for_one_mutation[settleShortage-settleSurplus]",),
    ),
)  # fmt: skip

WHICH_PROMISE: Final = (
    Fault(
        "the-longest-promise-holds", "db/sql/isolation.sql", "WHERE customer_id = reached.customer_id ORDER BY id DESC LIMIT 1",
        "WHERE customer_id = reached.customer_id ORDER BY until_on DESC LIMIT 1", PROMISES,
    ),
    Fault(
        "the-first-promise-holds", "db/sql/isolation.sql", "WHERE customer_id = reached.customer_id ORDER BY id DESC LIMIT 1",
        "WHERE customer_id = reached.customer_id ORDER BY id LIMIT 1", PROMISES,
    ),
    Fault(
        "anybodys-promise-holds", "db/sql/isolation.sql", "WHERE customer_id = reached.customer_id ORDER BY id DESC LIMIT 1",
        "ORDER BY id DESC LIMIT 1", PROMISES,
    ),
    Fault(
        "a-promise-holds-a-day-longer", "db/sql/isolation.sql", "promised.until_on + 1)", "promised.until_on + 2)", PROMISES,
    ),
)  # fmt: skip

FAULTS: Final = (*RESTORES, *FIGURES, *DAYS, *KEYS, *WHICH_PROMISE)
