"""States of a database: each has a name and a sentence with the remedy, shown at start and in /readyz.

`migrate.inspect` determines the state; `state_of` finds it for a driver's error. No sentence contains a name or value of the
deployment, as /readyz is public.
"""

import asyncio
import ssl
from enum import StrEnum
from typing import Final

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sebilling.errors import DatabaseUnavailable
from sebilling.language import Sentence

OLDEST_SERVER: Final = 15
"""Oldest supported major version of PostgreSQL."""


class DatabaseState(StrEnum):
    """State of the database: READY, or the reason why it can't be used."""

    READY = "READY"
    UNREACHABLE = "UNREACHABLE"
    SILENT = "SILENT"
    STARTING = "STARTING"
    BUSY = "BUSY"
    DISK_FULL = "DISK_FULL"
    READ_ONLY = "READ_ONLY"
    WRONG_PASSWORD = "WRONG_PASSWORD"  # noqa: S105 - a state
    NOT_ADMITTED = "NOT_ADMITTED"
    REFUSED = "REFUSED"
    NO_DATABASE = "NO_DATABASE"
    NO_RIGHT = "NO_RIGHT"
    NO_TLS = "NO_TLS"
    UNTRUSTED = "UNTRUSTED"
    OLD_SERVER = "OLD_SERVER"
    NO_TRIGRAMS = "NO_TRIGRAMS"
    NOT_MIGRATED = "NOT_MIGRATED"
    OLDER = "OLDER"
    NEWER = "NEWER"
    LOCKED = "LOCKED"

    @property
    def passes(self) -> bool:
        """Whether the state may be temporary: servers and workers then wait instead of exiting."""
        return self in _PASSING

    @property
    def sentence(self) -> Sentence:
        """Cause and remedy."""
        return _SENTENCES[self]


_PASSING: Final = frozenset(
    {DatabaseState.UNREACHABLE, DatabaseState.SILENT, DatabaseState.STARTING, DatabaseState.BUSY, DatabaseState.DISK_FULL}
    | {DatabaseState.READ_ONLY, DatabaseState.REFUSED, DatabaseState.LOCKED}
)
_SENTENCES: Final = {
    DatabaseState.READY: Sentence("it is ready.", "siap dipakai."),
    DatabaseState.UNREACHABLE: Sentence(
        "nothing answers at its address: check that PostgreSQL runs, and host and port in SEBILLING_DATABASE_URL.",
        "tidak ada yang menjawab di alamatnya: pastikan PostgreSQL berjalan, serta host dan port di SEBILLING_DATABASE_URL benar.",
    ),
    DatabaseState.SILENT: Sentence(
        "it doesn't answer in time: check the load of its machine, its disk, and the network to it.",
        "tidak menjawab tepat waktu: periksa beban mesinnya, disknya, dan jaringan ke sana.",
    ),
    DatabaseState.STARTING: Sentence(
        "PostgreSQL is starting, recovering or stopping: wait; its log says how far it is.",
        "PostgreSQL sedang mulai, memulihkan diri, atau berhenti: tunggu; lognya menyebut sampai mana.",
    ),
    DatabaseState.BUSY: Sentence(
        "it has no connection left: lower SEBILLING_DATABASE_CONNECTIONS, or raise max_connections of PostgreSQL.",
        "semua koneksinya terpakai: turunkan SEBILLING_DATABASE_CONNECTIONS, atau naikkan max_connections PostgreSQL.",
    ),
    DatabaseState.DISK_FULL: Sentence(
        "its disk is full: free some space there; nothing that was written before is lost.",
        "disknya penuh: kosongkan ruang di sana; yang sudah tercatat tidak hilang.",
    ),
    DatabaseState.READ_ONLY: Sentence(
        "it takes no writes, as a standby does: let SEBILLING_DATABASE_URL name the primary server.",
        "tidak menerima tulisan, seperti server siaga: arahkan SEBILLING_DATABASE_URL ke server utama.",
    ),
    DatabaseState.WRONG_PASSWORD: Sentence(
        "the password is wrong, or missing: correct it in SEBILLING_DATABASE_URL, or set the role's password with ALTER ROLE.",
        "kata sandinya salah atau kosong: perbaiki di SEBILLING_DATABASE_URL, atau atur kata sandi role dengan ALTER ROLE.",
    ),
    DatabaseState.NOT_ADMITTED: Sentence(
        "PostgreSQL doesn't admit this role from here: check the role's name, sslmode, and pg_hba.conf of the server.",
        "PostgreSQL tidak menerima role ini dari sini: periksa nama role, sslmode, dan pg_hba.conf di servernya.",
    ),
    DatabaseState.REFUSED: Sentence(
        "the database takes no connections now: an administrator switched them off (ALTER DATABASE … ALLOW_CONNECTIONS).",
        "basis data sedang tidak menerima koneksi: administrator mematikannya (ALTER DATABASE … ALLOW_CONNECTIONS).",
    ),
    DatabaseState.NO_DATABASE: Sentence(
        "there is no database of that name: create it with CREATE DATABASE … OWNER …, or correct SEBILLING_DATABASE_URL.",
        "tidak ada basis data bernama itu: buat dengan CREATE DATABASE … OWNER …, atau perbaiki SEBILLING_DATABASE_URL.",
    ),
    DatabaseState.NO_RIGHT: Sentence(
        "the role lacks rights there: make it the owner with ALTER DATABASE … OWNER TO ….",
        "role ini kurang hak di sana: jadikan pemilik dengan ALTER DATABASE … OWNER TO ….",
    ),
    DatabaseState.NO_TLS: Sentence(
        "the server offers no TLS, but sslmode requires it: enable ssl in postgresql.conf, or, on a private network, set sslmode=disable.",
        "servernya tidak menyediakan TLS, padahal sslmode memintanya: aktifkan ssl di postgresql.conf, atau, di jaringan pribadi,"
        " isi sslmode=disable.",
    ),
    DatabaseState.UNTRUSTED: Sentence(
        "the server's certificate isn't signed by the authority in sslrootcert, has expired, or names another host: check all three.",
        "sertifikat server bukan dari otoritas di sslrootcert, sudah kedaluwarsa, atau atas nama host lain: periksa ketiganya.",
    ),
    DatabaseState.OLD_SERVER: Sentence(
        f"PostgreSQL there is older than {OLDEST_SERVER}: upgrade it.",
        f"PostgreSQL di sana lebih lama dari {OLDEST_SERVER}: naikkan versinya.",
    ),
    DatabaseState.NO_TRIGRAMS: Sentence(
        "the extension pg_trgm is missing: install PostgreSQL's contrib package, and let a superuser run CREATE EXTENSION pg_trgm.",
        "ekstensi pg_trgm tidak ada: pasang paket contrib PostgreSQL, lalu minta superuser menjalankan CREATE EXTENSION pg_trgm.",
    ),
    DatabaseState.NOT_MIGRATED: Sentence(
        "it has no schema yet: run `sebilling migrate`.", "belum ada skemanya: jalankan `sebilling migrate`."
    ),
    DatabaseState.OLDER: Sentence(
        "it has the schema of an older version: run `sebilling migrate`.", "skemanya dari versi lama: jalankan `sebilling migrate`."
    ),
    DatabaseState.NEWER: Sentence(
        "it has the schema of a newer SeBilling: install that version here. To go back, restore a backup.",
        "skemanya dari SeBilling yang lebih baru: pasang versi itu di sini; jalan mundur hanya lewat cadangan.",
    ),
    DatabaseState.LOCKED: Sentence(
        "another session, such as a migration, holds locks on its tables for too long: wait, or end that session, and try again.",
        "tabelnya terlalu lama dipakai yang lain, misalnya migrasi lain: tunggu, atau hentikan, lalu coba lagi.",
    ),
}


class DatabaseNotReady(DatabaseUnavailable):
    """The database can't be used in its present state; `state` is the reason."""

    english = "The database can't be used: {why}"
    indonesian = "Basis data tidak bisa dipakai: {why}"

    def __init__(self, state: DatabaseState) -> None:
        super().__init__(why=state.sentence)
        self.state = state


_BY_SQLSTATE: Final = {
    "28P01": DatabaseState.WRONG_PASSWORD,
    "28": DatabaseState.NOT_ADMITTED,
    "3D000": DatabaseState.NO_DATABASE,
    "57P03": DatabaseState.STARTING,
    "53300": DatabaseState.BUSY,
    "53100": DatabaseState.DISK_FULL,
    "25006": DatabaseState.READ_ONLY,
    "57P": DatabaseState.UNREACHABLE,
    "08": DatabaseState.UNREACHABLE,
}
"""By prefix of the SQLSTATE; complete codes come before their classes."""


_OF_CONNECTING: Final = {"42501": DatabaseState.NO_RIGHT, "55000": DatabaseState.REFUSED}
"""Only for errors while connecting: in a statement these codes have other meanings."""


def _causes(error: BaseException) -> list[BaseException]:
    causes: list[BaseException] = []
    last: BaseException | None = error
    while last is not None and last not in causes:
        causes.append(last)
        last = getattr(last, "orig", None) or last.__cause__
    return causes


def state_of(error: BaseException) -> DatabaseState | None:
    """Return the state that an error of the driver or of SQLAlchemy indicates; None if it indicates none."""
    for cause in _causes(error):
        sqlstate = str(getattr(cause, "sqlstate", None) or "")
        for prefix, state in _BY_SQLSTATE.items():
            if sqlstate.startswith(prefix):
                return state
        if isinstance(cause, PoolTimeoutError):
            return DatabaseState.BUSY
        if isinstance(cause, ssl.SSLCertVerificationError):
            return DatabaseState.UNTRUSTED
        if isinstance(cause, ConnectionError) and "rejected SSL" in str(cause):  # asyncpg's message; it has no class for this error
            return DatabaseState.NO_TLS
    return None


def state_of_connecting(error: BaseException) -> DatabaseState | None:
    """Like `state_of`, for an error while connecting, where any network error means UNREACHABLE or SILENT."""
    if (state := state_of(error)) is not None:
        return state
    for cause in _causes(error):
        if (sqlstate := str(getattr(cause, "sqlstate", None) or "")) in _OF_CONNECTING:
            return _OF_CONNECTING[sqlstate]
        if isinstance(cause, TimeoutError | asyncio.TimeoutError):
            return DatabaseState.SILENT
        if isinstance(cause, OSError):  # also a name that can't be resolved, or no route
            return DatabaseState.UNREACHABLE
        # The server ended the session before its first statement, and the line isn't closed yet.
        if isinstance(cause, asyncpg.InternalClientError | asyncpg.InterfaceError) and not isinstance(cause, ValueError):  # of options
            return DatabaseState.UNREACHABLE
    return None


LOOK: Final = text(
    """
    SELECT current_setting('server_version_num')::int / 10000 AS server,
           pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS is_standby,
           EXISTS (SELECT FROM pg_tables WHERE tablename = 'alembic_version' AND schemaname = current_schema()) AS is_migrated,
           EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') AS has_trigrams
    """
)
CAN_HAVE_TRIGRAMS: Final = text("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')")
REVISION: Final = text("SELECT version_num FROM alembic_version")
