"""`sebilling backup`, `sebilling restore`, `sebilling workers`, and the check of keys and proofs in `sebilling check`."""

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
# The fourth and fifth words are the host and the process: db/leases.py.
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
    """Open the store of proofs. Raises InvalidSetting."""
    return ObjectStore.open(settings.storage_url, settings.var / "uploads")


def _say(console: Console, sentence: str, *, style: str = "") -> None:
    console.print(sentence, style=style, highlight=False, soft_wrap=True)


async def write_backup(settings: Settings, database: Database, target: Path, out: Console, errors: Console) -> bool:
    """Write a backup to a file, or to a folder under a name with the time. False if proofs are missing from the store."""
    at = system_clock()
    file = target / f"sebilling-{at:%Y-%m-%dT%H%M%SZ}.zip" if target.is_dir() else target  # noqa: ASYNC240 - one look, in a command
    from sebilling.jobs import backup

    done = await backup.write(database, store_of(settings), file, at=at)
    _say(out, f"{file}: {done.rows} rows of {len(done.tables)} tables, {len(done.uploads)} proofs; read back and verified.")
    key = settings.var / "secret.key"
    where = f"the file {key}" if settings.secret_key is None else "SEBILLING_SECRET_KEY"
    _say(out, f"The secret key isn't in it: keep {where} elsewhere, or devices' settings can't be read after a restore.")
    _show(errors, "Proofs that are in the database but missing from the store", done.missing_uploads)
    return not done.missing_uploads


async def read_backup(settings: Settings, database: Database, file: Path, out: Console, errors: Console) -> bool:
    """Restore a backup into an empty database. False if a secret can't be decrypted here, or a proof is missing."""
    from sebilling.jobs import backup

    done = await backup.restore(database, store_of(settings), file, at=system_clock())
    _say(
        out,
        f"{done.rows} rows of {len(done.tables)} tables and {len(done.uploads)} proofs of {done.made_at:%Y-%m-%d %H:%M} UTC were restored.",
    )
    return await show_missing(settings, database, errors)


async def show_missing(settings: Settings, database: Database, errors: Console) -> bool:
    """Print secrets and proofs that are missing here, with the remedy. True if nothing is missing."""
    from sebilling.jobs import backup

    missing = await backup.missing(database, store_of(settings), vault_of(settings))
    key = "restore SEBILLING_SECRET_KEY (or …_OLD, or the key file in SEBILLING_VAR)"
    _show(errors, f"Devices whose settings were encrypted with a missing key: {key}, or enter them again", missing.devices)
    _show(errors, f"Users whose two-step sign-in was encrypted with a missing key: {key}, or reset it", missing.users)
    _show(errors, "Proofs missing from the store: restore the uploads folder or bucket", missing.proofs)
    return not missing


def _show(errors: Console, what: str, names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        _say(errors, f"{what}: {', '.join(names[:_SHOWN])}{more}.", style="red")


async def show_workers(database: Database, out: Console, errors: Console, *, here: bool) -> bool:
    """Print the worker processes and the seconds since each last reported. True if one (on this machine with `here`) is alive."""
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
    _say(errors, "No worker is running: start `sebilling worker`, or restart the one that hangs.", style="red")
    return False
