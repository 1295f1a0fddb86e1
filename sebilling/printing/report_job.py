"""Task of a process that produces a report: what the server writes to its standard input.

It is apart from `report_process`, so that the server imports nothing that only the process needs.
"""

from dataclasses import asdict, dataclass

import orjson


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

    def to_line(self) -> bytes:
        """Serialize as one line of JSON."""
        return orjson.dumps(asdict(self)) + b"\n"
