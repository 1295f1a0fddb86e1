"""Errors of PostgreSQL and of the connection to it as errors of the driver contract."""

import ssl
from typing import Final

import asyncpg
from sebilling.plugins.contract import DeviceError, Fault

_MAX_TEXT: Final = 200
_KNOWN: Final[tuple[tuple[str, Fault, bool, str], ...]] = (  # by the prefix of the SQLSTATE; the first match counts
    ("28", Fault.AUTH, False, "The database refuses this user: check user, password and pg_hba.conf."),
    ("3D000", Fault.SETUP, False, "There is no such database: check database_name."),
    ("42501", Fault.PERMISSION, False, "The user lacks a privilege: run the grants of the README."),
    ("42P01", Fault.SETUP, False, "A table is missing: check schema_name and the tables' names."),
    ("42703", Fault.SETUP, False, "A column is missing: the tables aren't those of FreeRADIUS 3."),
    ("53300", Fault.UNREACHABLE, True, "The database takes no more connections: raise max_connections."),
    ("57P", Fault.UNREACHABLE, True, "The database is starting or shutting down."),
    ("08", Fault.UNREACHABLE, True, "The connection to the database broke."),
    ("57014", Fault.TIMEOUT, True, "The database cancelled the statement: it took too long."),
    ("55P03", Fault.REFUSED, True, "Someone else holds these rows locked."),
    ("40", Fault.REFUSED, True, "Someone else changed these rows at the same time."),
    ("25006", Fault.SETUP, False, "The database is read-only: it is a replica, give the primary's address."),
)
_WHOLE: Final = frozenset({Fault.UNREACHABLE, Fault.TIMEOUT, Fault.AUTH, Fault.PERMISSION, Fault.SETUP})


def told(error: BaseException, *, hide: str) -> DeviceError:
    """Convert an error of asyncpg or of the network to DeviceError. `hide` is a secret that must not be in its message."""
    if isinstance(error, DeviceError):
        return error
    if isinstance(error, asyncpg.PostgresError):
        return _refused(error, hide=hide)
    if isinstance(error, ssl.SSLError) or "SSL" in str(error):
        return DeviceError(Fault.SETUP, "TLS with the database failed: switch it on there, check database_ca_pem.", retryable=False)
    if isinstance(error, TimeoutError):
        return DeviceError(Fault.TIMEOUT, "The database didn't answer in time: check its address and its load.", retryable=True)
    known = isinstance(error, OSError | asyncpg.InterfaceError)
    why = "can't be reached" if known else "answered what can't be understood"
    fault = Fault.UNREACHABLE if known else Fault.PROTOCOL
    return DeviceError(fault, f"The database {why} ({type(error).__name__}): check the address and that it runs.", retryable=True)


def _refused(error: asyncpg.PostgresError, *, hide: str) -> DeviceError:
    said = _shown(str(error.args[0] if error.args else type(error).__name__), hide=hide)
    state = getattr(error, "sqlstate", None) or ""
    for beginning, fault, retryable, remedy in _KNOWN:
        if state.startswith(beginning):
            return DeviceError(fault, f"{remedy} PostgreSQL: {said} ({state})", retryable=retryable)
    return DeviceError(Fault.REFUSED, f"PostgreSQL refused: {said} ({state})", retryable=True)


def of_the_whole(error: DeviceError) -> bool:
    """Whether the error concerns the whole database, not one customer's rows."""
    return error.fault in _WHOLE


def _shown(text: str, *, hide: str) -> str:
    """Clean foreign text for a message: one short line without the secret."""
    line = " ".join((text.replace(hide, "***") if hide else text).split())
    return line if len(line) <= _MAX_TEXT else line[: _MAX_TEXT - 1] + "…"
