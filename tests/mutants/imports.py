"""Faults of reading what people have: spreadsheets, router exports, phone numbers."""

from typing import Final

from tests.mutants.fault import Fault

GENERATED: Final = ("tests/imports/test_generated.py",)
COLUMNS: Final = ("tests/imports/test_column_map.py",)
WORKBOOKS: Final = ("tests/imports/test_workbooks.py",)
PHONES: Final = ("tests/billing/test_phones.py",)
CASES: Final = ("tests/cases/test_cases.py",)

FAULTS: Final = (
    Fault(
        "unknown-columns-vanish", "billing/imports/column_map.py",
        "*(_unknown(unknown) if unknown and not choices.ignore_unknown else ())", "*()", COLUMNS,
    ),
    Fault(
        "a-known-column-left-out-once-is-left-out-for-ever", "billing/imports/column_map.py",
        "(column.field is not None or heading not in BY_HEADING)", "heading", COLUMNS,
    ),
    Fault("an-open-quote-swallows-rows", "billing/imports/csv_table.py", "strict=True", "strict=False", GENERATED),
    Fault(
        "one-foreign-byte-turns-all-to-mojibake", "billing/imports/encoded.py",
        'if encoding is not None or (other := _line_in_utf8(body)) is not None:', "if not body and (other := 1):", CASES,
    ),
    Fault(
        "month-first", "billing/imports/cells.py",
        r'r"(?P<day>[0-9]{1,2})[/.-](?P<month>[0-9]{1,2})[/.-](?P<year>[0-9]{4})"',
        r'r"(?P<month>[0-9]{1,2})[/.-](?P<day>[0-9]{1,2})[/.-](?P<year>[0-9]{4})"', GENERATED,
    ),
    Fault(
        "an-unknown-status-is-active", "billing/imports/cells.py", "word in _ACTIVE and (word or not text)", "word in _ACTIVE",
        ("tests/billing/test_imports.py",),
    ),
    Fault(
        "a-size-that-a-workbook-tells-is-believed", "billing/imports/workbook.py",
        "sheet.reset_dimensions()  # the sheet size that other programs record isn't always correct", "", WORKBOOKS,
    ),
    Fault("the-trunk-zero-stays", "billing/phones.py", "national.removeprefix('0')", "national", PHONES),
    Fault(
        "tunnels-are-customers", "billing/imports/mikrotik_export.py",
        'left_out=None if service in _CUSTOMERS else', 'left_out=None if name else', CASES,
    ),
    Fault(
        "names-with-hyphens-make-counters", "billing/imports/subscribers.py",
        'if match is None or match["counter"].upper() not in known:', "if match is None:", CASES,
    ),
    Fault("codes-that-are-made-clash", "billing/imports/codes.py", "        used.add(free)\n", "", CASES),
)  # fmt: skip
