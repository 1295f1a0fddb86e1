"""`sebilling backup`, `sebilling restore`, `sebilling workers` and what `sebilling check` says of keys and proofs."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from sqlalchemy import text

from sebilling.clock import system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.db.leases import HOLD_SECONDS, NAME
from sebilling.storage import ObjectStore
from sebilling.vault import vault_of

_SHOWN: Final = 20
# The fourth and fifth word are the host and the process: db/leases.py.
_WORKERS: Final = text(
    f"""
    SELECT split_part(application_name, ' ', 4) AS host, split_part(application_name, ' ', 5) AS process,
           extract(epoch FROM now() - max(state_change))::int AS silent_seconds
      FROM pg_stat_activity
     WHERE datname = current_database() AND usename = current_user AND application_name LIKE '{NAME} %'
     GROUP BY 1, 2 ORDER BY 1, 2
    """
)


def store_of(settings: Settings) -> ObjectStore:
    """Where proofs lie. Raises InvalidSetting."""
    return ObjectStore.open(settings.storage_url, settings.var / "uploads")


def _say(console: Console, sentence: str, *, style: str = "") -> None:
    console.print(sentence, style=style, highlight=False, soft_wrap=True)


async def write_backup(settings: Settings, database: Database, target: Path, out: Console, errors: Console) -> bool:
    """Write a backup to a file, or into a folder under a name with the time. False if proofs weren't in the store."""
    at = system_clock()
    file = target / f"sebilling-{at:%Y-%m-%dT%H%M%SZ}.zip" if target.is_dir() else target  # noqa: ASYNC240 - one look, in a command
    from sebilling.jobs import backup

    done = await backup.write(database, store_of(settings), file, at=at)
    _say(out, f"{file}: {done.rows} rows of {len(done.tables)} tables, {len(done.uploads)} proofs; it was read back and is whole.")
    key = settings.var / "secret.key"
    where = f"the file {key}" if settings.secret_key is None else "SEBILLING_SECRET_KEY"
    _say(out, f"The secret key isn't in it: keep {where} elsewhere, or devices' settings can't be read after a restore.")
    _show(errors, "Proofs that the database names and the store hasn't", done.missing_uploads)
    return not done.missing_uploads


async def read_backup(settings: Settings, database: Database, file: Path, out: Console, errors: Console) -> bool:
    """Bring a backup into an empty database. False if a secret can't be deciphered here, or a proof is missing."""
    from sebilling.jobs import backup

    done = await backup.restore(database, store_of(settings), file, at=system_clock())
    _say(
        out,
        f"{done.rows} rows of {len(done.tables)} tables and {len(done.uploads)} proofs, of {done.made_at:%Y-%m-%d %H:%M} UTC, are back.",
    )
    return await show_missing(settings, database, errors)


async def show_missing(settings: Settings, database: Database, errors: Console) -> bool:
    """Print what the database names and isn't here, with the remedy. True if there is nothing."""
    from sebilling.jobs import backup

    found = await backup.missing(database, store_of(settings), vault_of(settings))
    key = "bring back SEBILLING_SECRET_KEY (or …_OLD, or the key file in SEBILLING_VAR)"
    _show(errors, f"Devices whose settings were encrypted by a key that isn't here: {key}, or enter them anew", found.devices)
    _show(errors, f"Users whose two-step sign-in was encrypted by a key that isn't here: {key}, or reset it", found.users)
    _show(errors, "Proofs that aren't in the store: bring back the uploads folder or bucket", found.proofs)
    return not found


def _show(errors: Console, what: str, names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        _say(errors, f"{what}: {', '.join(names[:_SHOWN])}{more}.", style="red")


async def show_workers(database: Database, out: Console, errors: Console, *, here: bool) -> bool:
    """Print the processes that do a worker's work and how long each is silent. True if there is one (on this machine) that isn't."""
    async with database.reading() as session:
        rows = await session.rows(_WORKERS)
    host = socket.gethostname()[:20]
    seen = [row for row in rows if not here or row.host == host]
    for row in seen:
        hangs = row.silent_seconds > HOLD_SECONDS
        _say(
            out, f"{row.host} {row.process}: {'hangs, ' if hangs else ''}last sign {row.silent_seconds} s ago", style="red" if hangs else ""
        )
    if any(row.silent_seconds <= HOLD_SECONDS for row in seen):
        return True
    _say(errors, "No worker is at work: start `sebilling worker`, or end and start the one that hangs.", style="red")
    return False
