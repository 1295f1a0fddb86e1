"""Faults of a customer's life: blocked after the due date, paused, and the end of their service."""

from typing import Final

from tests.mutants.fault import Fault


def months(*names: str) -> tuple[str, ...]:
    """Scenarios, by the names of their files."""
    return tuple(f"tests/scenarios/test_months.py::test_scenario[{name}]" for name in names)


POLICY: Final = ("tests/isolation/test_policy.py",)

BLOCKED_AFTER_DUE: Final = (
    Fault(
        "due-dates-count-from-the-issue", "db/sql/isolation_modes.sql", "greatest(p_due_on, p_issued_on)", "p_issued_on",
        (*POLICY, *months("due-then-blocked")),
    ),
    Fault(
        "blocked-as-the-due-date-begins-is-no-warning", "billing/isolation/policy_warnings.py", "example.block_on > example.due_on",
        "example.block_on >= example.due_on", months("due-then-blocked"),
    ),
    Fault(
        "the-earliest-due-day-warns", "billing/isolation/policy_warnings.py", "SELECT max(due_day) AS due_day",
        "SELECT min(due_day) AS due_day",
        months("due-then-blocked"),
    ),
    Fault(
        "no-days-mean-at-once", "billing/isolation/policy.py", "DEFAULT_DAYS: Final = 5", "DEFAULT_DAYS: Final = 0",
        months("due-then-blocked"),
    ),
)  # fmt: skip

SUSPENSIONS: Final = (
    Fault(
        "a-pause-is-billed", "db/sql/suspension.sql", "FROM suspension WHERE until_on IS NULL OR from_on < until_on;",
        "FROM suspension WHERE kind = 'ENDED' AND until_on IS NULL;", months("paused"),
    ),
    Fault(
        "paused-at-once-when-back-in-its-month", "db/sql/suspension.sql", "THEN p_from_on ELSE p_day END", "THEN p_day ELSE p_day END",
        months("blocked-for-long"),
    ),
    Fault("who-is-still-online-is-paused", "billing/isolation/long_blocks.py", " HAVING bool_and(actual = 'BLOCKED')", "",
          months("blocked-for-long")),
    Fault("resumed-by-hand-and-paused-again", "billing/isolation/long_blocks.py", "(kind = 'BLOCKED' AND set_at >= since OR kind", "(kind",
          months("blocked-for-long")),
    Fault("a-restore-leaves-the-pause", "db/sql/isolation.sql", "IF restored > 0 THEN", "IF restored < 0 THEN", months("blocked-for-long")),
    Fault("a-restore-by-hand-leaves-the-pause", "billing/isolation/blocks.py", "    await _resume(session, [customer_id])\n", "",
          months("blocked-for-long")),
    Fault(
        "the-sweep-pauses-beside-a-chunk", "billing/isolation/long_blocks.py",
        '    await session.execute(_LOCK, {"counters": list(counters)})\n', "",
        ("tests/concurrency/test_suspensions.py::test_the_sweep_waits_for_the_chunk",),
    ),
    Fault(
        "a-pause-is-dated-before-the-invoice", "billing/suspensions.py",
        "greatest(:at, (SELECT max(issued_at) FROM invoice WHERE customer_id = :customer))", ":at",
        ("tests/concurrency/test_suspensions.py",),
    ),
    Fault("blocked-a-day-after-the-end", "billing/end_of_service.py", "from_on <= (:at AT TIME ZONE timezone)::date",
          "from_on < (:at AT TIME ZONE timezone)::date", months("service-ends")),
    Fault("an-end-is-undone-on-its-day", "billing/end_of_service.py", "known.from_on <= local_date", "known.from_on < local_date",
          months("service-ends")),
    Fault("who-has-ended-is-restored", "billing/isolation/blocks.py", "end.from_on <= local_date", "end.from_on < local_date",
          months("service-ends")),
)  # fmt: skip

DUE_DAYS: Final = (
    Fault("own-due-days-are-ignored", "billing/pricing.py", "coalesce(customer.due_day, counter.due_day)", "counter.due_day",
          months("own-due-day")),
    Fault("cycles-have-no-own-due-day", "billing/pricing.py", "greatest(today, start, covers_from, own_due_on)",
          "greatest(today, start, covers_from)", months("own-due-day")),
)  # fmt: skip

PREVIEWS: Final = (
    Fault("a-preview-ignores-the-named-invoices", "billing/payment_previews.py",
          "ORDER BY array_position(CAST(:invoices AS bigint[]), id), due_on, id", "ORDER BY due_on, id", months("payment-previewed")),
    Fault("much-too-much-is-no-warning", "billing/payment_previews.py", "if credit > payer.price * max(",
          "if credit > 99_999 * payer.price * max(", months("payment-previewed")),
    Fault("a-preview-shows-other-counters", "billing/payment_previews.py", """ AND {scopes.sees("counter_id")}""", "",
          months("payment-previewed")),
)  # fmt: skip

FAULTS: Final = (*BLOCKED_AFTER_DUE, *SUSPENSIONS, *DUE_DAYS, *PREVIEWS)
