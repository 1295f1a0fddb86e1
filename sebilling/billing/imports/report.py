"""Report of an import: what would be added or was, how the columns were read, and every fault with its place."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sebilling.billing.imports import load, overview
from sebilling.billing.imports.column_map import MappedColumn
from sebilling.billing.imports.openings import Sums
from sebilling.billing.imports.overview import Overview
from sebilling.db.engine import WriteSession
from sebilling.language import Sentence


@dataclass(frozen=True, slots=True)
class NamedFault:
    """A fault and its place, in words and as a line number."""

    place: str
    line: int
    column: str
    message: Sentence


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Result of a check or an import."""

    source: str
    counted: Overview
    new_counters: Mapping[str, int]
    """Code → number of customers."""
    new_plans: Mapping[str, int]
    """Name → rupiah per month."""
    columns: tuple[MappedColumn, ...]
    notes: tuple[Sentence, ...]
    faults: tuple[NamedFault, ...]
    fault_count: int
    opening: Sums | None = None
    """What customers owe and have paid ahead, if an opening month was given."""
    written: bool = False
    besides: str = ""

    def as_written(self, besides: str = "") -> "ImportReport":
        """Return the same report, marked as written."""
        return dataclasses.replace(self, written=True, besides=besides)


async def report_of(
    session: WriteSession, source: str, staged: load.Staged, notes: Sequence[Sentence], columns: Sequence[MappedColumn], *,
    where: Callable[[int], str],
) -> ImportReport:  # fmt: skip
    """Build the report of what was staged in this transaction."""
    return ImportReport(
        source=source,
        counted=await overview.read(session),
        new_counters=staged.new_counters,
        new_plans=staged.new_plans,
        columns=tuple(columns),
        notes=tuple(notes),
        faults=tuple(NamedFault(where(problem.line), problem.line, problem.column, problem.message) for problem in staged.problems),
        fault_count=staged.problem_count,
    )
