"""Write reports as files and as streams of bytes: from one snapshot, in constant memory, leaving nothing on disk."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from sebilling.actor import Scope
from sebilling.billing import reports
from sebilling.billing.reports import Cell, Report
from sebilling.clock import Month
from sebilling.db.engine import Database, Snapshot
from sebilling.printing import sheets

_CHUNK_BYTES: Final = 256 * 1024


@asynccontextmanager
async def report_file(database: Database, report: Report, month: Month, *, scope: Scope, is_csv: bool) -> AsyncIterator[Path]:
    """Write a report to a file that exists while the block runs and is always deleted afterwards.

    The snapshot ends before the block begins. Raises NotFound (the recap of a month never opened), DatabaseUnavailable,
    OSError if the disk is full.
    """
    async with AsyncExitStack() as stack:
        async with database.snapshot() as snapshot:
            rows: AsyncIterator[Sequence[Cell]] = reports.rows(snapshot, report, month, scope=scope)
            if is_csv:
                path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sebilling-csv-"))) / "laporan.csv"
                with path.open("wb") as file:
                    async for lines in sheets.csv_lines(reports.header(report), rows):
                        file.write(lines)
            else:
                path = await stack.enter_async_context(sheets.xlsx(reports.header(report), rows))
        yield path


async def csv_chunks(snapshot: Snapshot, report: Report, month: Month, *, scope: Scope) -> AsyncIterator[bytes]:
    """Yield a report as CSV while it is being read, some hundred rows at a time. Raises NotFound, DatabaseUnavailable."""
    async with aclosing(reports.rows(snapshot, report, month, scope=scope)) as rows:
        async for lines in sheets.csv_lines(reports.header(report), rows):
            yield lines


async def xlsx_chunks(snapshot: Snapshot, report: Report, month: Month, *, scope: Scope) -> AsyncIterator[bytes]:
    """Yield a report as a workbook, after its last row was read. Raises NotFound, DatabaseUnavailable, OSError."""
    async with aclosing(reports.rows(snapshot, report, month, scope=scope)) as rows, sheets.xlsx(reports.header(report), rows) as path:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
