"""`sebilling import`: check a file or a device, show what it would bring or everything that is wrong with it, and write it if told to."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import Row

from sebilling.actor import operator
from sebilling.billing.imports import customers_csv, load, mikrotik_export, subscribers
from sebilling.billing.imports.rows import CustomerRow, Faulty
from sebilling.clock import JAKARTA, local_date
from sebilling.db.engine import Database
from sebilling.errors import DeviceBusy
from sebilling.jobs.engine import Engine
from sebilling.money import format_rupiah
from sebilling.plugins import devices
from sebilling.plugins.contract import DeviceError, Subscriber

Rows = Iterator[CustomerRow | Faulty]
WAIT_SECONDS: Final = 30.0
"""For a device that a worker is at work on."""
_LOOK_SECONDS: Final = 0.2


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
            _show_problems(lambda line: f"{source.file.name}:{line}", staged, errors)
            return False
        _show(staged, out)
        if not write:
            out.print("Nothing was written: run it again with --yes to bring them in.")
            return True
        added = await load.write(session, staged, file=source.file.name)
    out.print(f"{added} customers were imported.")
    return True


async def run_device(
    wanted: str, engine: Engine, *, counter: str, at: datetime, write: bool, create_missing: bool, out: Console, errors: Console
) -> bool:  # fmt: skip
    """Like `run`, for the customers on the device of that name or id; each new one gets their access there too.

    Who hangs on the device already is left out. False, with the reason, if anything is wrong. Raises NotFound, InvalidDevice, DeviceBusy.
    """
    async with engine.database.reading() as reading:
        device = await devices.find(reading, wanted)
    try:
        found = await _read(engine, device)
    except DeviceError as error:
        errors.print(f"{device.name}: {error.message}", style="red", markup=False, highlight=False, soft_wrap=True)
        return False
    finally:
        await engine.close()
    async with engine.database.transaction(actor=operator(f"sebilling import mikrotik --device {device.name}"), at=at) as session:
        known = await devices.keys(session, device.id)
        fresh = [_found(line, one) for line, one in enumerate(found, 1) if one.key not in known]
        out.print(f"{device.name} has {len(found)} customers, {len(found) - len(fresh)} of them are known here.", markup=False)
        rows = await subscribers.rows(session, fresh, counter=counter, on=local_date(at, JAKARTA))
        staged = await load.stage(session, rows, create_missing=create_missing, free_plans=True)
        if staged.problem_count:
            _show_problems(lambda line: f"{device.name}:{line} ({_printable(found[line - 1].key)})", staged, errors)
            return False
        _show(staged, out)
        if not write:
            out.print("Nothing was written: run it again with --yes to bring them in.")
            return True
        if not fresh:
            return True
        added = await load.write(session, staged, file=device.name)
        sound = [row for row in rows if isinstance(row, CustomerRow)]
        await devices.give_many(session, device.id, [_access(row.code, found[row.line - 1]) for row in sound])
    out.print(f"{added} customers were imported, each with their access on {device.name}.", markup=False)
    return True


async def _read(engine: Engine, device: Row[*tuple[Any, ...]]) -> list[Subscriber]:
    """The device's customers, as soon as nobody is at work on it."""
    for _ in range(int(WAIT_SECONDS / _LOOK_SECONDS)):
        async with engine.leases.hold(device.id) as mine:
            if mine:
                return await devices.read_customers(engine.plugins, engine.vault, device)
        await asyncio.sleep(_LOOK_SECONDS)
    raise DeviceBusy(field=("device",), given=device.name)


def _found(line: int, one: Subscriber) -> subscribers.Found:
    return subscribers.Found(
        line, one.key, one.plan, one.comment, one.disabled, one.service_kind == "PPPOE", one.rate_down_kbps, one.rate_up_kbps
    )


def _printable(key: str) -> str:
    """A foreign name for a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in key)


def _access(code: str, one: Subscriber) -> tuple[str, str, str]:
    return code, one.service_kind, one.key


def _show_problems(where: Callable[[int], str], staged: load.Staged, errors: Console) -> None:
    for problem in staged.problems:
        place = f"{where(problem.line)}: {problem.column}".rstrip(": ")
        errors.print(f"{place}: {problem.message}", markup=False, highlight=False, soft_wrap=True)
    more = staged.problem_count - len(staged.problems)
    lines = len({problem.line for problem in staged.problems})
    errors.print(
        f"Nothing was imported: {staged.problem_count} faults{f' ({more} not shown)' if more else ''} on {lines} lines."
        " Mend them and import the whole again.",
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
