"""Errors of the database and of the connection to it as errors of the driver contract."""

import ssl
import sys
from typing import Any, Final

import asyncpg
from sebilling.plugins.contract import DeviceError, Fault, Sentence
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sebilling_radius.dialects import MYSQL_STATES, NO_TLS, UNREACHABLE

_MAX_TEXT: Final = 200
_KNOWN: Final[tuple[tuple[str, Fault, bool, Sentence], ...]] = (  # by the prefix of the SQLSTATE; the first match counts
    (
        "28",
        Fault.AUTH,
        False,
        Sentence(
            "The database refuses this user: check user, password and pg_hba.conf.",
            "Database menolak pengguna ini: periksa pengguna, kata sandi, dan pg_hba.conf.",
        ),
    ),
    (
        "3D000",
        Fault.SETUP,
        False,
        Sentence("There is no such database: check database_name.", "Database itu tidak ada: periksa database_name."),
    ),
    (
        "42501",
        Fault.PERMISSION,
        False,
        Sentence("The user lacks a privilege: run the grants of the README.", "Penggunanya kurang hak akses: jalankan grant di README."),
    ),
    (
        "42P01",
        Fault.SETUP,
        False,
        Sentence(
            "A table is missing: check schema_name and the tables' names.",
            "Ada tabel yang tidak ditemukan: periksa schema_name dan nama tabelnya.",
        ),
    ),
    (
        "42703",
        Fault.SETUP,
        False,
        Sentence(
            "A column is missing: the tables aren't those of FreeRADIUS 3.",
            "Ada kolom yang tidak ditemukan: tabelnya bukan milik FreeRADIUS 3.",
        ),
    ),
    (
        "53300",
        Fault.UNREACHABLE,
        True,
        Sentence(
            "The database takes no more connections: raise max_connections.",
            "Database tidak menerima koneksi lagi: naikkan max_connections.",
        ),
    ),
    ("57P", Fault.UNREACHABLE, True, Sentence("The database is starting or shutting down.", "Database sedang menyala atau dimatikan.")),
    ("08", Fault.UNREACHABLE, True, Sentence("The connection to the database broke.", "Sambungan ke database terputus.")),
    (
        "57014",
        Fault.TIMEOUT,
        True,
        Sentence("The database cancelled the statement: it took too long.", "Database membatalkan pernyataan: terlalu lama."),
    ),
    ("55P03", Fault.REFUSED, True, Sentence("Someone else holds these rows locked.", "Baris ini sedang dikunci pihak lain.")),
    (
        "40",
        Fault.REFUSED,
        True,
        Sentence("Someone else changed these rows at the same time.", "Baris ini diubah pihak lain pada saat yang sama."),
    ),
    (
        "25006",
        Fault.SETUP,
        False,
        Sentence(
            "The database is read-only: it is a replica, give the primary's address.",
            "Database hanya-baca: ini replika, isi alamat yang utama.",
        ),
    ),
)
_WHOLE: Final = frozenset({Fault.UNREACHABLE, Fault.TIMEOUT, Fault.AUTH, Fault.PERMISSION, Fault.SETUP})


_TLS: Final = Sentence(
    "TLS with the database failed: switch it on there, check database_ca_pem.",
    "TLS dengan database gagal: aktifkan di sana, periksa database_ca_pem.",
)
_TIMEOUT: Final = Sentence(
    "The database didn't answer in time: check its address and its load.",
    "Database tidak menjawab tepat waktu: periksa alamat dan bebannya.",
)


def told(error: BaseException, *, hide: str) -> DeviceError:
    """Convert an error of SQLAlchemy, a driver or the network to DeviceError. `hide` is a secret that must not be in its message."""
    if isinstance(error, DeviceError):
        return error
    if isinstance(error, DBAPIError) and error.orig is not None:
        return told(error.orig.__cause__ or error.orig, hide=hide)
    if isinstance(error, asyncpg.PostgresError):
        said = str(error.args[0] if error.args else type(error).__name__)
        return _refused("PostgreSQL", said, getattr(error, "sqlstate", None) or "", hide=hide)
    if isinstance(error, ssl.SSLError) or "SSL" in str(error) or (_is_mysql(error) and _number(error) == NO_TLS):
        return DeviceError(Fault.SETUP, _TLS, retryable=False)
    if _is_mysql(error) and (number := _number(error)) not in UNREACHABLE:
        said = str(error.args[-1] if error.args else type(error).__name__)
        return _refused("MySQL", said, MYSQL_STATES.get(number, f"{number}"), hide=hide)
    return _of_connection(error)


def _of_connection(error: BaseException) -> DeviceError:
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        return DeviceError(Fault.TIMEOUT, _TIMEOUT, retryable=True)
    if isinstance(error, OSError | EOFError | asyncpg.InterfaceError | SQLAlchemyError) or _is_mysql(error):
        why = Sentence(
            f"The database can't be reached ('{name}'): check the address and that it runs.",
            f"Database tidak terjangkau ('{name}'): periksa alamatnya dan apakah sedang berjalan.",
        )
        return DeviceError(Fault.UNREACHABLE, why, retryable=True)
    why = Sentence(
        f"The database answered what can't be understood ('{name}'): check the address and that it runs.",
        f"Jawaban database tidak bisa dipahami ('{name}'): periksa alamatnya dan apakah sedang berjalan.",
    )
    return DeviceError(Fault.PROTOCOL, why, retryable=True)


def _is_mysql(error: BaseException) -> bool:
    """Whether it is an error of PyMySQL, which is imported only where a database is of its kind: it brings `cryptography`."""
    library: Any = sys.modules.get("pymysql")
    return library is not None and isinstance(error, library.MySQLError)


def _number(error: BaseException) -> int:
    number = error.args[0] if error.args else 0
    return number if isinstance(number, int) else 0


def _refused(title: str, text: str, state: str, *, hide: str) -> DeviceError:
    said = _shown(text, hide=hide)
    for beginning, fault, retryable, remedy in _KNOWN:
        if state.startswith(beginning):
            own = f'{title}: "{said}" ({state})'
            return DeviceError(fault, Sentence(f"{remedy.english} {own}", f"{remedy.indonesian} {own}"), retryable=retryable)
    refusal = Sentence(f'{title} refused: "{said}" ({state})', f'{title} menolak: "{said}" ({state})')
    return DeviceError(Fault.REFUSED, refusal, retryable=True)


def left_alone(why: Sentence) -> Sentence:
    """Say why a customer was not changed."""
    return Sentence(f"{why.english} It was left alone.", f"{why.indonesian} Dibiarkan apa adanya.")


def of_the_whole(error: DeviceError) -> bool:
    """Whether the error concerns the whole database, not one customer's rows."""
    return error.fault in _WHOLE


def _shown(text: str, *, hide: str) -> str:
    """Clean foreign text for a message, which quotes it: one short line without the secret and without double quotes."""
    line = " ".join((text.replace(hide, "***") if hide else text).replace('"', "'").split())
    return line if len(line) <= _MAX_TEXT else line[: _MAX_TEXT - 1] + "…"
