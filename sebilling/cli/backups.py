"""`sebilling backup`, `sebilling backup verify`, `sebilling backup list`, `sebilling restore`."""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from sebilling.cli.database import read_settings, with_database
from sebilling.cli.operation import say, show_lost, show_missing, store_of
from sebilling.cli.terminal import errors, out
from sebilling.clock import system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.keys import KEY_FILE
from sebilling.language import Sentence
from sebilling.operation import retention
from sebilling.operation.places import BackupPlace, is_url
from sebilling.operator_errors import InvalidSetting

if TYPE_CHECKING:
    from sebilling.operation.archive import Manifest

_WRITE: Final = "write"
_NICENESS: Final = 15
LowPriority = Annotated[bool, typer.Option("--low-priority", help="Give way to everything else on this machine.")]


class _WritesByDefault(TyperGroup):
    """`sebilling backup FOLDER` is `sebilling backup write FOLDER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Typer's types for these are private
        """Put the default command first, unless a command or an option is there."""
        known = not args or args[0] in self.commands or args[0] in {"--help", "-h"}
        rest: list[str] = super().parse_args(ctx, args if known else [_WRITE, *args])
        return rest


backups = typer.Typer(cls=_WritesByDefault, no_args_is_help=True, rich_markup_mode=None)


def _sealed(settings: Settings) -> bytes | None:
    from sebilling.operation import sealed_key

    if settings.backup_passphrase is None:
        return None
    return sealed_key.seal(sealed_key.current(settings), settings.backup_passphrase.get_secret_value())


async def write_backup(settings: Settings, database: Database, target: str, out: Console, errors: Console, *, thin: bool) -> bool:
    """Write a backup to a file, or to a folder or bucket under a name with the time. False if proofs are missing from the store."""
    from sebilling.operation import runs

    at = system_clock()
    folder = Path(target)
    names_file = not is_url(target) and not folder.is_dir()  # noqa: ASYNC240 - one look, in a command
    name = folder.name if names_file else retention.name_at(at)
    run = await runs.begin(database, name, at=at)
    try:
        with _written_to(settings, target, name) as file:
            done = await _write(settings, database, file, target, at)
            await runs.end(database, run, (done, file), error=None, at=system_clock())
    except BaseException as error:
        await runs.end(database, run, None, error=str(error) or type(error).__name__, at=system_clock())
        raise
    where = file if not is_url(target) else f"{target.rstrip('/')}/{name}"
    say(out, f"{where}: {done.rows} rows of {len(done.tables)} tables, {len(done.uploads)} proofs; read back and verified.")
    if not done.has_key:
        key = f"the file {settings.var / KEY_FILE}" if settings.secret_key is None else "SEBILLING_SECRET_KEY"
        say(out, f"The secret key isn't in it: keep {key} elsewhere, or set SEBILLING_BACKUP_PASSPHRASE to have it in, sealed.")
    if thin and not names_file and (gone := await BackupPlace.open(target).thin()):
        say(out, f"{len(gone)} older backups were deleted.")
    show_lost(errors, "Proofs that are in the database but missing from the store", done.missing_uploads)
    return not done.missing_uploads


async def _write(settings: Settings, database: Database, file: Path, target: str, at: datetime) -> "Manifest":
    from sebilling.operation import archive

    done = await archive.write(database, store_of(settings), file, at=at, sealed=_sealed(settings))
    if is_url(target):
        await BackupPlace.open(target).put(file)
    return done


@contextmanager
def _written_to(settings: Settings, target: str, name: str) -> Iterator[Path]:
    """The file to write: in the folder, or, for a bucket, in a temporary folder below VAR."""
    if not is_url(target):
        yield Path(target) / name if Path(target).is_dir() else Path(target)
        return
    settings.var.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="backup-", dir=settings.var) as folder:
        yield Path(folder) / name


@contextmanager
def _read_from(source: str) -> Iterator[Path]:
    """The backup as a local file: one of a bucket is fetched into a temporary folder."""
    if not is_url(source):
        yield Path(source)
        return
    folder_url, _, name = source.rpartition("/")
    with tempfile.TemporaryDirectory(prefix="sebilling-backup-") as folder:
        file = Path(folder) / name
        asyncio.run(BackupPlace.open(folder_url).fetch(name, file))
        yield file


def _key_in(settings: Settings, file: Path) -> bytes | None:
    """The secret key in a backup, if it is there and the passphrase is set. Raises InvalidSetting for a wrong one."""
    from sebilling.operation import archive, sealed_key

    sealed = archive.sealed_key(file)
    if sealed is None or settings.backup_passphrase is None:
        return None
    return sealed_key.unseal(sealed, settings.backup_passphrase.get_secret_value())


async def read_backup(settings: Settings, database: Database, file: Path, out: Console, errors: Console) -> bool:
    """Restore a backup into an empty database, and its key. False if a secret can't be decrypted here, or a proof is missing.

    Today and tomorrow become blackout dates. What stands in the key's way is told before anything is written: a restored database can't
    be restored into again.
    """
    from sebilling.operation import archive, sealed_key
    from sebilling.operation.restore import postpone_blocks
    from sebilling.operation.restore import restore as restored

    manifest = archive.read(file)
    key = _key_in(settings, file)
    if key is not None:
        sealed_key.check_place(settings, key)
    elif manifest.has_key and not sealed_key.is_here(settings):
        raise InvalidSetting(setting="SEBILLING_BACKUP_PASSPHRASE", why=sealed_key.UNSEALED)
    done = await restored(database, store_of(settings), file, at=system_clock())
    if key is not None:
        sealed_key.put_back(settings, key)
    days = await postpone_blocks(database, done, at=system_clock())
    when = f"{done.made_at:%Y-%m-%d %H:%M} UTC"
    say(out, f"{done.rows} rows of {len(done.tables)} tables and {len(done.uploads)} proofs of {when} were restored.")
    whole = await show_missing(settings, database, errors)
    if days:
        say(
            out,
            f"Nobody is blocked automatically until {days[-1]} is over, as payments since then may be missing: enter them again, and"
            " remove the blackout dates that were added (removeBlackoutDate).",
        )
    say(out, "What happened after it is on the devices only: run `sebilling isolation reconcile` now, then start the server.")
    return whole


@backups.command(_WRITE)
def write(
    target: Annotated[
        str,
        typer.Argument(metavar="FILE|FOLDER|BUCKET", help="A new file; or a folder, or s3://bucket/prefix, for one named after the time."),
    ],
    thin: Annotated[
        bool, typer.Option("--thin", help="Afterwards delete older ones there, except those of 7 days, 4 weeks and 12 months.")
    ] = False,
    low_priority: LowPriority = False,
) -> None:
    """Write a consistent backup, including proofs, to a ZIP file while the system is in use; exit code 1: proofs were missing."""
    if low_priority:
        os.nice(_NICENESS)
    settings = read_settings()
    if not with_database(lambda database: write_backup(settings, database, target, out, errors, thin=thin)):
        raise typer.Exit(1)


@backups.command("verify")
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A backup: a file, or s3://bucket/prefix/name.")],
    low_priority: LowPriority = False,
) -> None:
    """Restore a backup into a scratch server, and check what comes out: invariants, the event log's chain, secrets, proofs. Exit code 1
    if any check fails. The live database isn't touched, and needn't be there.
    """
    from sebilling.operation import archive, sealed_key
    from sebilling.operation.proof import prove
    from sebilling.vault import Vault, vault_of

    if low_priority:
        os.nice(_NICENESS)
    settings = read_settings()
    with _read_from(file) as local:
        archive.read(local)
        key = _key_in(settings, local)
        keys_here = vault_of(settings) if sealed_key.is_here(settings) else Vault(b"")  # none is made: the backup's would be refused
        below = settings.var if settings.var.is_dir() else None
        checks = prove(local, keys_here if key is None else Vault(key), below=below, at=system_clock())
    table = Table("check", "found")
    for check in checks:
        table.add_row(check.name, check.found, style="" if check.is_good else "red")
    out.print(table)
    if bad := [check for check in checks if not check.is_good]:
        say(errors, f"It can't be relied on: {', '.join(f'{check.name}: {check.found}' for check in bad)}.", style="red")
        raise typer.Exit(1)
    say(out, "It was restored whole.")


@backups.command("list")
def list_backups(
    source: Annotated[str | None, typer.Argument(metavar="FOLDER|BUCKET", help="Default: SEBILLING_BACKUP_TO.")] = None,
) -> None:
    """Print the backups in a folder or bucket, oldest first."""
    target = source or read_settings().backup_to
    if target is None:
        why = Sentence("it isn't set: name a folder or bucket, or set it.", "belum diisi: sebut folder atau bucket, atau isi.")
        raise InvalidSetting(setting="SEBILLING_BACKUP_TO", why=why)
    names: Sequence[str] = asyncio.run(BackupPlace.open(target).names())
    for name in names:
        out.print(name, highlight=False)
    if not names:
        say(errors, f"There is no backup in {target}.")


def restore(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `sebilling backup` wrote: a file, or s3://bucket/prefix/name.")],
) -> None:
    """Restore a backup into an empty database; exit code 1: restored, but the secret key or proofs are missing."""
    settings = read_settings()
    with _read_from(file) as local:
        whole = with_database(lambda database: read_backup(settings, database, local, out, errors), looks=False, migrates=False)
    if not whole:
        raise typer.Exit(1)
