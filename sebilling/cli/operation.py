"""`sebilling workers`, `sebilling status`, `sebilling check` with the check of keys and proofs, and the data folder."""

import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from sebilling.billing import invariants
from sebilling.cli.database import migrated, opened, read_settings, with_database
from sebilling.cli.terminal import errors, group, out
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.db.leases import HOLD_SECONDS, HOLDERS
from sebilling.storage import ObjectStore
from sebilling.vault import vault_of

if TYPE_CHECKING:
    from sebilling.operation.metrics import Metrics  # loaded only where there are metrics

data_folder = group()
_SHOWN: Final = 20
_MAX_CHECKS: Final = 4
"""Invariants that are checked side by side, at most: each keeps a processor of the database busy."""
_WORKERS: Final = text(f"{HOLDERS} ORDER BY 1, 2")


def store_of(settings: Settings) -> ObjectStore:
    """Open the store of proofs. Raises InvalidSetting."""
    return ObjectStore.open(settings.storage_url, settings.var / "uploads")


def say(console: Console, sentence: str, *, style: str = "") -> None:
    console.print(sentence, style=style, highlight=False, soft_wrap=True)


async def show_missing(settings: Settings, database: Database, errors: Console) -> bool:
    """Print secrets and proofs that are missing here, with the remedy. True if nothing is missing."""
    from sebilling.operation.missing import missing as lacking

    missing = await lacking(database, store_of(settings), vault_of(settings))
    key = "restore SEBILLING_SECRET_KEY (or …_OLD, or the key file in SEBILLING_VAR)"
    show_lost(errors, f"Devices whose settings were encrypted with a missing key: {key}, or enter them again", missing.devices)
    show_lost(errors, f"Users whose two-step sign-in was encrypted with a missing key: {key}, or reset it", missing.users)
    show_lost(errors, "Proofs missing from the store: restore the uploads folder or bucket", missing.proofs)
    return not missing


def show_lost(errors: Console, what: str, names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        say(errors, f"{what}: {', '.join(names[:_SHOWN])}{more}.", style="red")


async def show_workers(database: Database, out: Console, errors: Console, *, here: bool) -> bool:
    """Print the worker processes and the seconds since each last reported. True if one (on this machine with `here`) is alive."""
    async with database.reading() as session:
        rows = await session.rows(_WORKERS)
    host = socket.gethostname()[:20]
    seen = [row for row in rows if not here or row.host == host]
    for row in seen:
        hangs = row.silent_seconds > HOLD_SECONDS
        apart = row.clock_ahead or 0
        clock = f", its clock is {abs(apart)} s {'ahead of' if apart > 0 else 'behind'} the database's" if apart else ""
        seen_last = f"{'hangs, ' if hangs else ''}last sign {row.silent_seconds} s ago{clock}"
        say(out, f"{row.host} {row.process}: {seen_last}", style="red" if hangs or clock else "")
    if any(row.silent_seconds <= HOLD_SECONDS for row in seen):
        return True
    say(errors, "No worker is running: start `sebilling worker`, or restart the one that hangs.", style="red")
    return False


def migrate() -> None:
    """Migrate the database to the newest schema. Does nothing if it is up to date."""
    with opened(read_settings()) as url:
        migrated(url)
    out.print("The database is up to date.")


@data_folder.command("adopt")
def database_adopt() -> None:
    """Accept a data folder that was moved, or copied while no server ran, at its new location."""
    from sebilling.db.data_folder import adopt

    folder = read_settings().var / "postgres"
    state = "now accepted" if adopt(folder.absolute()) else "already accepted"
    out.print(f"The data folder {folder.absolute()} is {state}.", soft_wrap=True)


def check() -> None:
    """Check the invariants, and that secret keys and proofs are present; exit code 1 if any check fails."""
    settings = read_settings()
    connections = min(os.cpu_count() or 1, _MAX_CHECKS)

    async def work(database: Database) -> tuple[list[invariants.Finding], bool]:
        findings = await invariants.check_side_by_side(database, connections=connections)
        return findings, await show_missing(settings, database, errors)

    findings, is_whole = with_database(work, connections=connections + 1)
    table = Table("invariant", "what must hold", "violating rows")
    for finding in findings:
        table.add_row(finding.invariant.name, finding.invariant.sentence, str(finding.rows), style="red" if finding.rows else "")
    out.print(table)
    if any(finding.rows for finding in findings) or not is_whole:
        raise typer.Exit(1)


def workers(here: Annotated[bool, typer.Option("--here", help="Only those on this machine.")] = False) -> None:
    """Print the running workers; exit code 1 if there are none, or all hang."""
    if not with_database(lambda database: show_workers(database, out, errors, here=here)):
        raise typer.Exit(1)


def metrics_of(settings: Settings) -> "Metrics | None":
    """Begin to serve the metrics, if a port is set. Raises PortTaken."""
    if settings.metrics_port is None:
        return None
    from sebilling.operation.metrics import Metrics

    metrics = Metrics()
    metrics.listen(settings.metrics_host, settings.metrics_port)
    return metrics
