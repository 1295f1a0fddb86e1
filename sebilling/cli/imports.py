"""`sebilling import`: check a file or a device, show the result or all faults, and write it with --yes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from sebilling.actor import operator
from sebilling.billing.imports import column_map, load, mikrotik_export, spreadsheet, spreadsheet_import, subscribers
from sebilling.billing.imports.column_map import GivenMap
from sebilling.billing.imports.report import report_of
from sebilling.billing.imports.rows import CustomerRow, Faulty
from sebilling.billing.imports.spreadsheet_import import Choices
from sebilling.cli.import_report import show
from sebilling.cli.terminal import printable
from sebilling.clock import JAKARTA, Month, local_date
from sebilling.db.engine import Database
from sebilling.language import Sentence
from sebilling.network import accesses, devices
from sebilling.network.engine import Engine
from sebilling.plugins.contract import DeviceError, Subscriber

WAIT_SECONDS: Final = 30.0
"""Longest wait for a device that a worker is using."""
_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """How to import: `write` or only check, add missing counters and plans, print JSON; and the consoles to print to."""

    write: bool
    create_missing: bool
    out: Console
    errors: Console
    json: bool = False
    opening: Month | None = None
    """Last month that the previous system billed."""
    by: str | None = None
    """Username of the user who answers for money paid ahead."""


@dataclass(frozen=True, slots=True)
class FromDevice:
    """Counters for the customers of a device or router file: see subscribers.Where."""

    counter: str
    counters: frozenset[str] = frozenset()
    isolir_profiles: tuple[str, ...] = ()

    def where(self, at: datetime) -> subscribers.Where:
        """Return the target of the customers, with today as the installation date."""
        return subscribers.Where(self.counter, local_date(at, JAKARTA), self.counters)


async def run_spreadsheet(
    file: Path, database: Database, *, at: datetime, options: Options, given: GivenMap | None = None, sheet: str | None = None
) -> bool:  # fmt: skip
    """Check a spreadsheet with the given column map, and with `write` import it in one transaction. False if there are faults.
    Raises InvalidFile.
    """
    given = given or GivenMap()
    async with database.transaction(actor=operator(f"sebilling import {file.name}"), at=at) as session:
        with Progress(console=options.errors, transient=True, disable=not options.errors.is_terminal) as progress:
            task = progress.add_task(f"Reading {file.name}", total=None)
            table = spreadsheet.open_table(file, sheet=sheet, tell=lambda done, of: progress.update(task, completed=done, total=of))
            before = await column_map.remembered(session, table.headings)
            columns = column_map.assign(table.name, table.headings, given, before)
            rows = spreadsheet.rows(table, columns, given)
            choices = Choices(given, options.create_missing, options.opening, options.by)
            report = await spreadsheet_import.run(session, table, rows, columns, choices, write=options.write)
    return show(report, options.out, options.errors, json=options.json)


async def run_secrets(file: Path, database: Database, *, at: datetime, given: FromDevice, options: Options) -> bool:
    """Like `run_spreadsheet`, for the PPP secrets in a router's export. New plans cost nothing until a price is set."""
    secrets = mikrotik_export.read(file, isolir_profiles=given.isolir_profiles)
    notes: list[Sentence] = []
    async with database.transaction(actor=operator(f"sebilling import {file.name}"), at=at) as session:
        rows = await subscribers.rows(session, secrets, given.where(at), notes)
        staged = await load.stage(session, rows, create_missing=options.create_missing, free_plans=True)
        report = await report_of(session, file.name, staged, notes, (), where=lambda line: f"{file.name}:{line}")
        if not staged.problem_count and options.write:
            await load.write(session, staged, file=file.name)
            report = report.as_written()
    return show(report, options.out, options.errors, json=options.json)


async def run_device(wanted: str, engine: Engine, *, at: datetime, given: FromDevice, options: Options) -> bool:
    """Like `run_secrets`, for the customers on the device with that name or id; each new one also gets a service access there.

    Customers with an access on the device are left out. On failure, print why and return False. Raises NotFound, InvalidDevice, DeviceBusy.
    """
    async with engine.database.reading() as reading:
        device = await devices.find(reading, wanted)
    try:
        async with engine.lease(device.id, name=device.name, field="device"):
            customers = await devices.read_customers(engine.plugins, engine.vault, device)
    except DeviceError as error:
        options.errors.print(f"{device.name}: {error}", style="red", highlight=False, soft_wrap=True)
        return False
    finally:
        await engine.close()
    async with engine.database.transaction(actor=operator(f"sebilling import mikrotik --device {device.name}"), at=at) as session:
        known = await accesses.keys(session, device.id)
        fresh = [_found(line, customer) for line, customer in enumerate(customers, 1) if (customer.service_kind, customer.key) not in known]
        known_count = len(customers) - len(fresh)
        notes = [
            Sentence(
                f"{device.name} has {len(customers)} customers, {known_count} of them are known here.",
                f"{device.name} punya {len(customers)} pelanggan, {known_count} di antaranya sudah dikenal di sini.",
            )
        ]
        rows = await subscribers.rows(session, fresh, given.where(at), notes)
        staged = await load.stage(session, rows, create_missing=options.create_missing, free_plans=True)
        report = await report_of(
            session, device.name, staged, notes, (), where=lambda line: f"{device.name}:{line} ({printable(customers[line - 1].key)})"
        )
        if not staged.problem_count and options.write and staged.rows:
            await load.write(session, staged, file=device.name)
            await accesses.give_many(session, device.id, _accesses(rows, customers))
            report = report.as_written(f", each with their access on {device.name}")
    return show(report, options.out, options.errors, json=options.json)


def _found(line: int, subscriber: Subscriber) -> subscribers.Found:
    return subscribers.Found(
        line, subscriber.key, subscriber.plan, subscriber.comment, subscriber.disabled, subscriber.service_kind == "PPPOE",
        subscriber.rate_down_kbps, subscriber.rate_up_kbps,
        left_out=subscriber.left_out,
    )  # fmt: skip


def _accesses(rows: Iterable[CustomerRow | Faulty], customers: Sequence[Subscriber]) -> list[tuple[str, str, str]]:
    """Return code, service kind and key of each customer."""
    return [(row.code, customers[row.line - 1].service_kind, customers[row.line - 1].key) for row in rows if isinstance(row, CustomerRow)]
