"""Faults in bulk operations, forms, archives and the limit on cash."""

from typing import Final

from tests.mutants.fault import Fault

_BULK: Final = ("tests/schema/test_bulk.py",)
_LIMIT: Final = ("tests/concurrency/test_cash_limit.py",)
_ARCHIVES: Final = ("tests/schema/test_archives.py",)

FAULTS: Final = (
    Fault("a-bulk-change-is-done-again", "billing/bulk.py", "if not claim.replayed:", "if True:", _BULK),
    Fault("a-preview-blocks-who-has-no-access", "billing/bulk.py", """f"WHEN NOT {_ACCESS}) THEN 'NO_ACCESS'\"""", '""', _BULK),
    Fault("cash-beside-cash-is-not-counted", "db/sql/record_payment.sql",
          "IF refuses_cash THEN PERFORM pg_advisory_xact_lock(23, p_user::int); END IF;", "", _LIMIT),
    Fault("cash-in-hand-is-refused", "db/sql/record_payment.sql", "refuses_cash AND p_collected_at = p_at", "refuses_cash", _LIMIT),
    Fault("the-limit-itself-is-too-much", "db/sql/record_payment.sql", "+ p_amount - cash_limit,", "+ p_amount - cash_limit + 1,", _LIMIT),
    Fault("transfers-count-as-cash", "db/sql/record_payment.sql", "IF p_method = 'CASH' AND cash_limit", "IF cash_limit", _LIMIT),
    Fault("a-counter-with-cash-is-archived", "billing/counters.py", "if use.customers or use.cash:", "if use.customers:", _ARCHIVES),
    Fault("an-archive-waits-for-nobody", "billing/counters.py", "WHERE id = :id FOR UPDATE", "WHERE id = :id FOR NO KEY UPDATE", _ARCHIVES),
    Fault("who-comes-back-may-be-archived", "billing/customers.py", " or (details.active and not before.active)", "", _ARCHIVES),
    Fault("the-first-problem-hides-the-others", "billing/validation.py", "self._problems += each_problem(problem)", "raise",
          ("tests/schema/test_forms.py",)),
)  # fmt: skip
