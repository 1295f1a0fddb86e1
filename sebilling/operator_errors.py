"""Errors for who runs the installation: settings, files, ports and clocks. See errors.py."""

from sebilling.error_codes import ErrorCode
from sebilling.errors import Conflict, InvalidInput, SebillingError, Unavailable, Words


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


class ClockWrong(Conflict):
    """This machine's clock and the database's are too far apart to decide by either of them who is overdue."""

    code = ErrorCode.CLOCK_WRONG
    english = (
        "The clock of the server is {seconds} seconds away from the database's, so nobody is blocked by it: let a time service set both"
        " (timedatectl set-ntp true), then try again."
    )
    indonesian = (
        "Jam server berbeda {seconds} detik dari jam basis data, jadi tidak ada yang diblokir menurut jam itu: pakai layanan waktu di"
        " keduanya (timedatectl set-ntp true), lalu coba lagi."
    )
    seconds: int


class InvalidSetting(SebillingError):
    """A setting that prevents the program from starting."""

    code = ErrorCode.INVALID_SETTING
    english = "{setting} can't be used: {why}"
    indonesian = "{setting} tidak bisa dipakai: {why}"
    setting: str
    why: Words
