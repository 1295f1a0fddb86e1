"""Faults of what keeps one user from taking the server: reports, downloads, subscriptions; and of sums out of range."""

from typing import Final

from tests.mutants.fault import Fault

DOWNLOADS: Final = ("tests/test_downloads.py",)
REPORTS: Final = ("tests/attacks/test_reports.py::test_a_report_that_breaks_off_is_not_taken_for_a_whole_one",)
BUDGETS: Final = ("tests/live/test_budgets.py",)
SUMS: Final = ("tests/billing/test_sums.py",)

FAULTS: Final = (
    # --- reports -----------------------------------------------------------------------------------------------------------
    Fault("an-address-is-used-twice-at-once", "report_downloads.py", "if token in self._tokens:", 'if token == "":', DOWNLOADS),
    Fault(
        "one-user-takes-every-slot", "report_downloads.py",
        "if self._users[user_id] >= self.most_per_user:", "if self._users[user_id] < 0:", DOWNLOADS,
    ),
    Fault("reports-without-number", "report_downloads.py", "if len(self._tokens) >= self.most:", "if len(self._tokens) < 0:", DOWNLOADS),
    Fault("a-slot-is-never-given-back", "report_downloads.py", "self._tokens.remove(token)", "pass", DOWNLOADS),
    Fault(
        "half-a-report-is-a-whole-one", "printing/report_runner.py",
        "if await self._process.wait() != 0:", "if await self._process.wait() == 77:", REPORTS,
    ),
    Fault(
        "papers-of-a-user-have-no-bound", "downloads.py",
        "if self._papers[user_id] >= MAX_PAPERS_OF_A_USER:", "if self._papers[user_id] < 0:", DOWNLOADS,
    ),
    # --- subscriptions -----------------------------------------------------------------------------------------------------
    Fault(
        "who-has-had-their-share-goes-on", "live/budgets.py",
        "if self._bucket(user).left > 0:", "if self._bucket(user) is not None:", BUDGETS,
    ),
    Fault(
        "one-user-takes-every-execution", "live/budgets.py",
        "[user for user in self._waiting if user not in self._running]", "list(self._waiting)", BUDGETS,
    ),
    Fault(
        "a-group-is-at-the-cost-of-who-has-least", "live/budgets.py",
        "user = max(users, key=lambda candidate: self._bucket(candidate).left)",
        "user = min(users, key=lambda candidate: self._bucket(candidate).left)", BUDGETS,
    ),
    Fault(
        "subscriptions-of-a-user-have-no-bound", "live/budgets.py",
        "if self._subscriptions[user] >= most:", "if self._subscriptions[user] < 0:", BUDGETS,
    ),
    Fault(
        "other-variables-are-free", "live/groups.py",
        "if group not in own and len(own) >= settings.live_groups:", "if len(own) < 0:", BUDGETS,
    ),
    Fault(
        "groups-of-all-have-no-bound", "live/groups.py",
        "if len(self._groups) >= settings.live_groups_in_all:", "if len(self._groups) < 0:", BUDGETS,
    ),
    # --- sums --------------------------------------------------------------------------------------------------------------
    Fault(
        "a-sum-out-of-range-is-masked", "db/engine.py",
        'if getattr(error.orig, "sqlstate", None) == _OUT_OF_RANGE:', 'if getattr(error.orig, "sqlstate", None) == "":', SUMS,
    ),
)  # fmt: skip
