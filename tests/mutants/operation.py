"""Faults of settings, of the database's states, of backups and of workers that hang."""

from typing import Final

from tests.mutants.fault import Fault

SETTINGS: Final = ("tests/cli/test_settings.py",)
FOLDER: Final = ("tests/db/test_data_folder.py",)
HANGING: Final = ("tests/isolation/test_hanging.py",)
BACKUP: Final = ("tests/operation/test_backup.py",)
STATES: Final = ("tests/db/test_states.py",)
REFUSED: Final = ("tests/cli/test_isolation.py",)

FAULTS: Final = (
    Fault("any-key-will-do", "config.py", "and not is_hard_to_guess(", "and not bool(", SETTINGS),
    Fault("a-mistyped-setting-is-passed-over", "config.py", "for name in names - known if", "for name in names & set() if", SETTINGS),
    Fault("a-copied-folder-is-as-good", "db/data_folder.py", "elif mark != _of(data_dir):", 'elif mark.path == "":', FOLDER),
    Fault("a-servers-name-counts-for-nothing", "db/address.py", "= mode is SslMode.VERIFY_FULL", "= False", STATES),
    Fault("who-is-woken-goes-on", "db/leases.py", "scope.reschedule(sent_at + HOLD_SECONDS)", "scope.reschedule(sent_at + 1_000)", HANGING),
    Fault("who-hangs-keeps-everything", "db/leases.py", "application_name, pg_terminate_backend(pid)", "application_name", HANGING),
    Fault(
        "numbers-begin-anew-after-a-restore", "operation/restore.py",
        'await session.only_value(_SET, {"name": name, "value": value}, kind=int)', "pass", BACKUP,
    ),
    Fault("guards-stay-off-after-a-restore", "operation/restore.py", '" ENABLE TRIGGER USER', '" DISABLE TRIGGER USER', BACKUP),
    Fault("who-paid-since-a-backup-is-blocked", "billing/isolation/policy.py", "series(0, 1) ahead", "series(3, 4) ahead", BACKUP),
    Fault("what-a-device-refuses-is-waited-for", "cli/isolation.py", "MAX_BACKOFF_SECONDS / 2)", "86_400)", REFUSED),
)  # fmt: skip
