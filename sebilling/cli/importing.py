"""`sebilling import`: check a file, show what it would bring or everything that is wrong with it, and write it if told to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from sebilling.actor import operator
from sebilling.billing.imports import customers_csv, load, mikrotik_export
from sebilling.billing.imports.rows import CustomerRow, Faulty
from sebilling.clock import JAKARTA, local_date
from sebilling.db.engine import Database
from sebilling.money import format_rupiah

Rows = Iterator[CustomerRow | Faulty]


@dataclass(frozen=True, slots=True)
class Source:
    """A file and how to read it; `read` is told whom to tell how many bytes it has read."""

    file: Path
    read: Callable[[Callable[[int], None]], Rows]
    free_plans: bool = False


def customers(file: Path) -> Source:
    """A spreadsheet saved as CSV."""
    return Source(file, lambda tell: customers_csv.read(file, tell=tell))


def secrets(file: Path, *, counter: str, at: datetime) -> Source:
    """A router's PPP secrets. Profiles tell no price, so new plans cost nothing until someone sets it."""
    on = local_date(at, JAKARTA)
    return Source(file, lambda tell: mikrotik_export.read(file, counter=counter, on=on, tell=tell), free_plans=True)


async def run(
    source: Source, database: Database, *, at: datetime, write: bool, create_missing: bool, out: Console, errors: Console
) -> bool:
    """Check the file, and with `write` bring it in, all in one transaction. False if anything is wrong. Raises InvalidFile."""
    size = source.file.stat().st_size if source.file.is_file() else None
    async with database.transaction(actor=operator(f"sebilling import {source.file.name}"), at=at) as session:
        with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
            task = progress.add_task(f"Reading {source.file.name}", total=size)
            rows = source.read(lambda count: progress.update(task, completed=count))
            staged = await load.stage(session, rows, create_missing=create_missing, free_plans=source.free_plans)
        if staged.problem_count:
            _show_problems(source.file, staged, errors)
            return False
        _show(staged, out)
        if not write:
            out.print("Nothing was written: run it again with --yes to bring them in.")
            return True
        added = await load.write(session, staged, file=source.file.name)
    out.print(f"{added} customers were imported.")
    return True


def _show_problems(file: Path, staged: load.Staged, errors: Console) -> None:
    for problem in staged.problems:
        place = f"{file.name}:{problem.line}: {problem.column}".rstrip(": ")
        errors.print(f"{place}: {problem.message}", markup=False, highlight=False, soft_wrap=True)
    more = staged.problem_count - len(staged.problems)
    lines = len({problem.line for problem in staged.problems})
    errors.print(
        f"Nothing was imported: {staged.problem_count} faults{f' ({more} not shown)' if more else ''} on {lines} lines."
        " Mend them and import the whole file again.",
        style="red",
    )


def _show(staged: load.Staged, out: Console) -> None:
    out.print(f"{staged.rows} customers, no faults.")
    if staged.new_counters or staged.new_plans:
        table = Table("new", "name", "")
        for code, rows in staged.new_counters.items():
            table.add_row("counter", code, f"{rows} customers")
        for name, price in staged.new_plans.items():
            table.add_row("plan", name, f"{format_rupiah(price)} a month" if price else "no price: set it before you generate invoices")
        out.print(table)
