"""Proof of a backup: it is restored into a scratch server, and what comes out of it is checked. The live database isn't touched.

The scratch server is an embedded one in a temporary folder, which is removed afterwards; it needs as much disk as the database.
"""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text

from sebilling import feed
from sebilling.billing import invariants
from sebilling.db.embedded import embedded_database
from sebilling.db.engine import Database, ReadSession
from sebilling.operation import missing as lacking
from sebilling.operation.archive import Manifest
from sebilling.operation.restore import restore
from sebilling.storage import ObjectStore
from sebilling.vault import Vault

_DIGEST: Final = text("SELECT digest FROM feed WHERE number = :number")
_PROOFS: Final = text("SELECT object_key, sha256 FROM proof ORDER BY object_key")
_COUNTS: Final = text(
    "SELECT (SELECT count(*) FROM customer) AS customers, (SELECT count(*) FROM invoice) AS invoices,"
    " (SELECT count(*) FROM payment) AS payments, (SELECT count(*) FROM device) AS devices"
)
_PREFIX: Final = "sebilling-proof-"
_LEFT_SECONDS: Final = 86_400
"""No proof takes so long."""
_NOT_DURABLE: Final = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked in the restored copy."""

    name: str
    is_good: bool
    found: str


@dataclass(frozen=True, slots=True)
class _Counts:
    customers: int
    invoices: int
    payments: int
    devices: int


@dataclass(frozen=True, slots=True)
class _Stored:
    object_key: str
    sha256: bytes


def prove(file: Path, vault: Vault, *, below: Path | None, at: datetime) -> Sequence[Check]:
    """Restore the backup into a scratch server in a folder below `below` (default: the system's temporary folder), and check it.

    Synchronous, as the server is. Raises UnusableFile if it can't be restored, EmbeddedDatabaseError, OSError.
    """
    with _scratch(below, at) as folder, embedded_database(folder / "postgres", own=True, settings=_NOT_DURABLE) as url:
        return asyncio.run(_restored_and_checked(url, folder, file, vault, at))


@contextmanager
def _scratch(below: Path | None, at: datetime) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=below))
    folder.chmod(0o711)  # root's server runs as another user, who must be able to enter
    for other in folder.parent.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):  # another proof has just ended
            if at.timestamp() - other.stat().st_mtime > _LEFT_SECONDS:
                _remove(other)  # of a proof that was killed
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    server = folder / "postgres" / "server"
    elsewhere = server.resolve() if server.is_symlink() else None
    shutil.rmtree(folder, ignore_errors=True)
    if elsewhere is not None:
        shutil.rmtree(elsewhere, ignore_errors=True)


async def _restored_and_checked(url: str, folder: Path, file: Path, vault: Vault, at: datetime) -> Sequence[Check]:
    database, store = Database(url, connections=3), ObjectStore.open(None, folder / "uploads")
    try:
        manifest = await restore(database, store, file, at=at)
        findings = await invariants.check_side_by_side(database, connections=2)
        async with database.reading() as session:
            counts = await session.only_row(_COUNTS, into=_Counts)
            chain = await _chain(session, manifest)
            proofs = await session.rows(_PROOFS, into=_Stored)
        lost = await lacking.missing(database, store, vault)
        torn = [row.object_key for row in proofs if row.object_key not in lost.proofs and not await _is_whole(store, row)]
        secrets = [*lost.devices, *lost.users]
        broken = [finding.invariant.name for finding in findings if finding.rows]
        return [
            Check("rows", is_good=True, found=f"{manifest.rows} rows: {counts.customers} customers, {counts.invoices} invoices,"
                  f" {counts.payments} payments, {counts.devices} devices"),
            Check("invariants", is_good=not broken, found=", ".join(broken) or f"{len(findings)} hold"),
            chain,
            Check("secrets", is_good=not secrets, found=", ".join(secrets) or "all can be decrypted"),
            Check("proofs", is_good=not lost.proofs and not torn, found=", ".join([*lost.proofs, *torn]) or f"{len(proofs)} are whole"),
        ]  # fmt: skip
    finally:
        await database.close()


async def _chain(session: ReadSession, manifest: Manifest) -> Check:
    """Compare the end of the feed with the one at the backup's moment; that its digests follow each other is an invariant."""
    digest = await session.value(_DIGEST, {"number": manifest.feed_number}, kind=bytes)
    expected = bytes.fromhex(manifest.feed_digest)
    is_same = (digest or feed.BEFORE_THE_FIRST) == expected
    told = f"ends with number {manifest.feed_number}" if is_same else f"number {manifest.feed_number} has another digest than recorded"
    return Check("event log", is_good=is_same, found=told)


async def _is_whole(store: ObjectStore, row: _Stored) -> bool:
    return hashlib.sha256(await store.get(row.object_key)).digest() == row.sha256
