"""Import a spreadsheet of customers: check all of it, report what would be added or is wrong, and write all of it or nothing."""

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace

import orjson

from sebilling.billing.imports import column_map, load, openings, spreadsheet
from sebilling.billing.imports.column_map import GivenMap, MappedColumn
from sebilling.billing.imports.report import ImportReport, report_of
from sebilling.billing.imports.rows import CustomerRow, Faulty
from sebilling.billing.imports.table import Table
from sebilling.clock import Month
from sebilling.db.engine import WriteSession
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

MAX_ROWS = 20_000
"""Most rows of an uploaded file; `sebilling import` in the shell takes more."""


@dataclass(frozen=True, slots=True)
class Choices:
    """How to import a spreadsheet: what its columns mean, whether to add missing counters and plans, and the last month that the previous
    system billed, with the user who answers for money paid ahead, by name or by id.
    """

    columns: GivenMap = field(default_factory=GivenMap)
    create_missing: bool = False
    opening: Month | None = None
    by: str | None = None
    by_id: int | None = None

    def fingerprint(self, data: bytes) -> str:
        """Digest of a file and of these choices: the same import has the same."""
        chosen = [asdict(self.columns), self.create_missing, str(self.opening or "")]  # type: ignore[misc]  # its type says nothing about the fields
        return hashlib.sha256(orjson.dumps(chosen) + b"\0" + data).hexdigest()


def rows_of(table: Table, columns: Sequence[MappedColumn], choices: Choices) -> list[CustomerRow | Faulty]:
    """Read all rows, in a thread of a server. Raises InvalidFile, also for more than MAX_ROWS."""
    rows = list(itertools.islice(spreadsheet.rows(table, columns, choices.columns), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        why = Sentence(
            f"it has more than {MAX_ROWS} rows: split it, or use `sebilling import` on the server.",
            f"lebih dari {MAX_ROWS} baris: bagi menjadi beberapa, atau pakai `sebilling import` di server.",
        )
        raise InvalidFile(file=table.name, why=why)
    return rows


async def run(
    session: WriteSession, table: Table, rows: Iterable[CustomerRow | Faulty], columns: Sequence[MappedColumn], choices: Choices, *,
    write: bool,
) -> ImportReport:  # fmt: skip
    """Check the rows, and with `write` add all of them if none has a fault. Nothing stays of a check.

    Raises InvalidFile, and what prevents opening balances: PeriodClosed, ConfirmPeriod, NotFound, InvalidText.
    """
    staged = await load.stage(session, openings.checked(rows, choices.opening), create_missing=choices.create_missing)
    wanted = openings.Wanted(choices.opening, choices.by, choices.by_id)
    sums = await openings.settled(session, wanted, table.notes)
    report = await report_of(session, table.name, staged, table.notes, columns, where=lambda line: f"{table.name}:{line}")
    report = replace(report, opening=sums)
    if not staged.problem_count and write:
        await load.write(session, staged, file=table.name)
        await openings.record(session, wanted)
        await column_map.remember(session, columns)
        report = report.as_written()
    return report
