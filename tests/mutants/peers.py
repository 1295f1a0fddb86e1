"""Faults of bringing in what customers owe and have paid ahead: spreadsheets and other systems."""

from typing import Final

from tests.mutants.fault import Fault

SYSTEMS: Final = ("tests/imports/test_systems.py",)
OPENINGS: Final = ("tests/imports/test_openings.py",)

FAULTS: Final = (
    Fault(
        "the-last-day-that-was-paid-is-billed-again", "billing/imports/openings.py",
        "max(told.paid_until + timedelta(days=1), month.after", "max(told.paid_until, month.after", OPENINGS,
    ),
    Fault(
        "the-rest-of-the-month-costs-nothing-untold", "billing/imports/openings.py",
        "elif row.active and row.arrears is None and", "elif row.active and row.arrears == -1 and", OPENINGS,
    ),
    Fault("a-saldo-is-left-out-unsaid", "billing/imports/column_map.py", "*_ambiguous(either),", "", OPENINGS),
    Fault(
        "somebody-answers-for-credit", "billing/imports/openings.py", "if len(admins) != 1:", "if not admins:", OPENINGS,
    ),
    Fault(
        "what-was-paid-ahead-is-forgotten", "billing/imports/systems/account.py",
        "credit=max(-account.balance, 0),", "credit=0,", SYSTEMS,
    ),
    Fault(
        "who-is-gone-is-billed", "billing/imports/systems/account.py",
        "if book.sells_time and account.active", "if not book.system and account.active", SYSTEMS,
    ),
    Fault(
        "an-old-recharge-counts", "billing/imports/systems/phpnuxbill.py",
        'latest[row["customer_id"]] = row', 'latest.setdefault(row["customer_id"], row)', SYSTEMS,
    ),
    Fault(
        "instalments-are-due-once", "billing/imports/systems/phpnuxbill.py",
        '(_amount(times, "arrears", faults) if times', "(1 if times", SYSTEMS,
    ),
    Fault(
        "invoices-of-utcs-months", "billing/imports/systems/gembok.py",
        "return local_date(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC), JAKARTA)", "return moment.date()", SYSTEMS,
    ),
    Fault(
        "what-was-paid-in-part-is-owed-whole", "billing/imports/systems/gembok.py",
        'if payments.get(row["id"]):', 'if payments.get(row["id"]) and row["status"] == "paid":', SYSTEMS,
    ),
    Fault("differences-are-let-be", "cli/system_import.py", "            if wrong:\n", "            if wrong and not compared:\n", SYSTEMS),
)  # fmt: skip
