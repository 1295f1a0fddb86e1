"""Errors about customers' pauses and the end of their service: leaves of the tree in errors.py."""

from datetime import date

from sebilling.error_codes import ErrorCode
from sebilling.errors import Conflict


class AlreadyPaused(Conflict):
    """A pause beside another one, which begins on `first`."""

    code = ErrorCode.ALREADY_PAUSED
    english = "{given} is already paused from {first} on: end that pause first (resumeCustomer), or choose days beside it."
    indonesian = "{given} sudah dijeda mulai {first}: akhiri dulu jeda itu (resumeCustomer), atau pilih hari di luarnya."
    given: object
    first: date


class NotPaused(Conflict):
    code = ErrorCode.NOT_PAUSED
    english = "{given} has no pause that could end: check the customer's pauses; nothing needs to be done."
    indonesian = "{given} tidak punya jeda yang bisa diakhiri: periksa jeda pelanggan; tidak ada yang perlu dilakukan."
    given: object


class ServiceEnded(Conflict):
    """Something that needs service on a day on which there is none any more."""

    code = ErrorCode.SERVICE_ENDED
    english = "The service of {given} ends on {on}. Before that day undo it (undoEndOfService); after it add a new customer."
    indonesian = "Layanan {given} berakhir {on}. Sebelum hari itu batalkan (undoEndOfService); sesudahnya daftarkan pelanggan baru."
    given: object
    on: date


class ServiceNotEnding(Conflict):
    code = ErrorCode.SERVICE_NOT_ENDING
    english = "The service of {given} has no end that could be undone: nothing needs to be done."
    indonesian = "Layanan {given} tidak punya tanggal akhir yang bisa dibatalkan: tidak ada yang perlu dilakukan."
    given: object
