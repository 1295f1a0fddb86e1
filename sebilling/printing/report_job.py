"""Task of a process that produces a report, or the PDF of many invoices: what the server writes to its standard input.

It is apart from `report_process`, so that the server imports nothing that only the process needs.
"""

from dataclasses import asdict, dataclass
from typing import Final

import orjson

INVOICES_AS_PDF: Final = "INVOICES_AS_PDF"
"""What a Job names instead of a report, to produce the invoices themselves."""


@dataclass(frozen=True, slots=True)
class Job:
    """Task of the process. `seconds` limits each statement, and each pause between two, in case the server can't end it."""

    url: str
    report: str
    month: str
    counters: list[int] | None
    is_csv: bool
    seconds: int
    folder: str
    """Folder for a workbook's temporary files; the server deletes it."""
    log_level: str
    log_format: str
    run_id: int | None = None
    """Generation run whose invoices are printed; None for all of the month."""
    unpaid_only: bool = False
    """Whether paid invoices are left out of those printed."""

    def to_line(self) -> bytes:
        """Serialize as one line of JSON."""
        return orjson.dumps(asdict(self)) + b"\n"
