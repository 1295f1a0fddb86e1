"""Errors for who runs the installation: settings, files and ports. See errors.py."""

from sebilling.error_codes import ErrorCode
from sebilling.errors import InvalidInput, SebillingError, Unavailable, Words


class UnusableFile(InvalidInput):
    """A file, folder or bucket of an operator, such as a backup, that can't be read or written."""

    code = ErrorCode.INVALID_FILE
    english = "{file} can't be used: {why}"
    indonesian = "{file} tidak dapat dipakai: {why}"
    file: object
    why: Words


class PortTaken(Unavailable):
    """Another program listens on this port."""

    code = ErrorCode.PORT_TAKEN
    english = "Can't listen on {host}:{port} ({why}): stop the program that uses it, or choose another port with --port."
    indonesian = "{host}:{port} tidak bisa dipakai ({why}): hentikan program yang memakainya, atau pilih port lain dengan --port."
    host: str
    port: int
    why: Words


class InvalidSetting(SebillingError):
    """A setting that prevents the program from starting."""

    code = ErrorCode.INVALID_SETTING
    english = "{setting} can't be used: {why}"
    indonesian = "{setting} tidak bisa dipakai: {why}"
    setting: str
    why: Words
