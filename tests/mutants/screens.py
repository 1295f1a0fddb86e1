"""Faults of the lists that screens show, of their totals, and of the dashboard."""

from typing import Final

from tests.mutants.fault import Fault


def shown(name: str) -> tuple[str, ...]:
    """A test of lists and totals."""
    return (f"tests/schema/test_money_screens.py::{name}",)


def drawn(name: str) -> tuple[str, ...]:
    """A test of the dashboard and of periods."""
    return (f"tests/schema/test_dashboard_screen.py::{name}",)


FAULTS: Final = (
    Fault(
        "overdue-by-the-day-in-jakarta", "schema/filters.py", "(CAST(:now AS timestamptz) AT TIME ZONE timezone)::date",
        "(CAST(:now AS timestamptz) AT TIME ZONE 'Asia/Jakarta')::date", shown("test_overdue_is_decided_by_the_day_at_the_counter"),
    ),
    Fault(
        "a-rejected-deposit-ends-takings", "schema/payment_filter.py", " AND status <> 'REJECTED'", "",
        shown("test_a_collectors_own_takings"),
    ),
    Fault(
        "takings-of-everybody", "schema/payment_filter.py", 'own: Conditions = {"t.received_by = :receiver": {',
        'own: Conditions = {"0 < :receiver": {', shown("test_a_collectors_own_takings"),
    ),
    Fault(
        "unpaid-are-the-open-only", "schema/invoices.py", '_IS_OWED: Final = "t.outstanding > 0"',
        '_IS_OWED: Final = "t.outstanding = t.total"', shown("test_unpaid_invoices_are_the_open_and_the_partly_paid"),
    ),
    Fault(
        "totals-with-void-invoices", "schema/invoices.py", "sum({t}.total) FILTER (WHERE {t}.voided_at IS NULL)", "sum({t}.total)",
        shown("test_totals_are_what_the_lists_add_up_to"),
    ),
    Fault(
        "totals-of-whole-months-however-filtered", "schema/invoices.py",
        "InvoiceFilter(month=chosen.month, counter_ids=chosen.counter_ids)", "replace(chosen)",
        shown("test_unpaid_invoices_are_the_open_and_the_partly_paid"),
    ),
    Fault(
        "totals-without-what-was-reversed", "db/sql/payment_totals.sql", "0, 0, amount, 0 FROM payment WHERE reversed_at IS NOT NULL",
        "0, 0, 0, 0 FROM payment WHERE reversed_at IS NOT NULL", shown("test_totals_are_what_the_lists_add_up_to"),
    ),
    Fault(
        "receipts-tell-another-counters-debts", "billing/receipts.py", """CASE WHEN {scope.sees("customer.counter_id")} THEN (""",
        "CASE WHEN true THEN (", ("tests/schema/test_papers.py::test_a_receipt_hides_the_debts_of_a_customer_of_another_counter",),
    ),
    Fault(
        "dashboard-bills-what-is-void", "db/sql/period_totals.sql", "SELECT period_id, counter_id, 0, -sum(total)",
        "SELECT period_id, counter_id, 0, -sum(0)", drawn("test_totals_of_periods"),
    ),
    Fault(
        "debts-are-a-day-younger", "billing/dashboard.py", "due_on >= day - 30 THEN 2", "due_on >= day - 31 THEN 2",
        drawn("test_ages_change_at_their_days"),
    ),
    Fault(
        "a-clerk-hears-of-holds", "billing/dashboard.py", "FROM isolation_hold WHERE decided_at IS NULL AND {_CENTRAL}",
        "FROM isolation_hold WHERE decided_at IS NULL", drawn("test_what_needs_attention"),
    ),
    Fault(
        "one-counter-makes-a-period-generated", "billing/dashboard.py", "WHERE period_id = period.id AND counter_id = counter.id)",
        "WHERE period_id = period.id)", drawn("test_what_needs_attention"),
    ),
)  # fmt: skip
