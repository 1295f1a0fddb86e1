"""Faults of a customer's life: blocked after the due date."""

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
        "the-earliest-due-day-warns", "billing/isolation/policy_warnings.py", "SELECT max(due_day)", "SELECT min(due_day)",
        months("due-then-blocked"),
    ),
    Fault(
        "no-days-mean-at-once", "billing/isolation/policy.py", "DEFAULT_DAYS: Final = 5", "DEFAULT_DAYS: Final = 0",
        months("due-then-blocked"),
    ),
)  # fmt: skip

FAULTS: Final = (*BLOCKED_AFTER_DUE,)
