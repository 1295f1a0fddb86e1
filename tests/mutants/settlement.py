"""Faults of settling credit, of who is overdue, and of money whose payer or collector has moved."""

from typing import Final

from tests.mutants.fault import Fault

SETTLEMENT: Final = ("tests/billing/test_settlement.py",)
BATCH: Final = ("tests/phone/test_batch.py",)
POLICY: Final = ("tests/isolation/test_policy.py", "tests/isolation/test_engine.py")

FAULTS: Final = (
    # --- a debt beside credit ----------------------------------------------------------------------------------------------
    Fault(
        "only-named-invoices-are-settled", "db/sql/record_payment.sql",
        "FROM invoice WHERE customer_id = p_customer AND outstanding > 0\n    ), added",
        "FROM invoice WHERE customer_id = p_customer AND outstanding > 0 AND (p_invoices IS NULL OR id = ANY (p_invoices))\n    ), added",
        SETTLEMENT,
    ),
    Fault(
        "empty-list-of-invoices-is-a-list", "billing/payments.py",
        "list(received.invoice_ids) if received.invoice_ids else None",
        "None if received.invoice_ids is None else list(received.invoice_ids)",
        SETTLEMENT,
    ),
    Fault(
        "void-leaves-credit-beside-a-debt", "billing/corrections.py",
        "    await credit.settle(session, invoice.customer_id)\n    await blocks", "    await blocks", SETTLEMENT,
    ),
    Fault(
        "reversal-leaves-credit-beside-a-debt", "billing/corrections.py",
        "    await credit.settle(session, payment.customer_id)\n    reversed_payment", "    reversed_payment", SETTLEMENT,
    ),
    Fault(
        "held-credit-settles", "db/sql/credit.sql",
        "AND NOT EXISTS (SELECT FROM credit_hold WHERE payment_id = payment.id AND released_at IS NULL)\n    ), added",
        "\n    ), added", SETTLEMENT,
    ),
    Fault(
        "held-credit-is-generated-away", "billing/generation.py",
        "AND NOT EXISTS (SELECT FROM credit_hold WHERE payment_id = payment.id AND released_at IS NULL)", "", SETTLEMENT,
    ),
    Fault(
        "applied-credit-stays-held", "billing/credit.py",
        "AND payment.customer_id = :customer AND released_at IS NULL", "AND false AND payment.customer_id = :customer", SETTLEMENT,
    ),
    Fault(
        "paid-meanwhile-is-not-told", "db/sql/record_payment.sql", "THEN 'ALREADY_PAID'", "THEN ''", SETTLEMENT,
    ),
    # --- what isn't known is no reason to restore --------------------------------------------------------------------------
    Fault(
        "inactive-customers-owe-nothing", "db/sql/isolation.sql",
        "JOIN customer ON customer.id = invoice.customer_id\n", "JOIN customer ON customer.id = invoice.customer_id AND customer.active\n",
        POLICY,
    ),
    Fault(
        "blocked-before-the-service-begins", "db/sql/isolation.sql",
        "SELECT greatest((invoice.issued_at AT TIME ZONE counter.timezone)::date, covers_from) AS issued_on",
        "SELECT (invoice.issued_at AT TIME ZONE counter.timezone)::date AS issued_on", POLICY,
    ),
    Fault(
        "policy-of-the-isp-may-vanish", "db/sql/isolation.sql",
        "WHEN (OLD.customer_id IS NULL AND OLD.counter_id IS NULL)", "WHEN (false)", POLICY,
    ),
    # --- who has moved -----------------------------------------------------------------------------------------------------
    Fault(
        "moves-are-not-written-down", "billing/customers.py",
        '        await session.execute(_MOVE, {**counters, "id": customer_id, "at": session.at, "user": session.actor.user_id})\n', "",
        BATCH,
    ),
    Fault(
        "moved-customers-pay-at-the-counter-too", "db/sql/record_payment.sql", "AND p_collected_at <> p_at", "", BATCH,
    ),
    Fault(
        "left-counters-are-forgotten", "auth/users.py",
        '    await session.execute(_LEAVE, {"user": user_id, "counters": list(counters), "at": session.at})\n', "", BATCH,
    ),
    Fault(
        "money-of-after-the-move-is-taken", "db/sql/record_payment.sql", "AND left_at >= p_collected_at", "", BATCH,
    ),
    Fault(
        "cash-of-a-left-counter-stays", "billing/deposits.py", "    return held > 0\n", "    return False\n", BATCH,
    ),
)  # fmt: skip
