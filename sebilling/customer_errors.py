"""Errors about customers' pauses, the end of their service, archived plans and counters, and versions: leaves of the tree in errors.py."""

from datetime import date
from typing import Self

from sebilling.error_codes import ErrorCode
from sebilling.errors import AboutRow, Conflict, Words
from sebilling.language import Sentence
from sebilling.nouns import Noun


class ChangedMeanwhile(Conflict):
    """Something else was changed since the caller read it: `given` is the version that they expect, `version` the present one."""

    code = ErrorCode.CONFLICT
    english = "This {noun} was changed meanwhile (version {version} instead of {given}): read it again, then decide whether to change it."
    indonesian = "{noun} ini sudah diubah sementara itu (versi {version}, bukan {given}): muat ulang, lalu putuskan apakah tetap diubah."
    noun: Words
    given: object
    version: int


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


class Archived(AboutRow, Conflict):
    """A plan or counter that takes no more customers."""

    code = ErrorCode.ARCHIVED
    english = "{noun} {given} is archived and takes no more customers: choose another one, or unarchive it first."
    indonesian = "{noun} {given} sudah diarsipkan dan tidak menerima pelanggan lagi: pilih yang lain, atau keluarkan dulu dari arsip."


class AlreadyArchived(AboutRow, Conflict):
    """A plan or counter is archived already, or it isn't."""

    code = ErrorCode.ALREADY_ARCHIVED
    english = "{noun} {given} {state}: nothing needs to be done."
    indonesian = "{noun} {given} {state}: tidak ada yang perlu dilakukan."
    state: Sentence

    @classmethod
    def of(cls, noun: Noun, row_id: int, *, archived: bool) -> Self:
        """The error for a row that is as wanted."""
        state = Sentence("is already archived", "sudah diarsipkan") if archived else Sentence("is not archived", "tidak diarsipkan")
        return cls(field="id", noun=noun, given=row_id, state=state)


class CounterInUse(Conflict):
    """A counter that can't be archived yet. `cash` is what collectors hold of it or have deposited without a decision."""

    code = ErrorCode.COUNTER_IN_USE
    english = (
        "{given} still has {customers} active customers, and {cash} in cash or deposits that wait for a decision:"
        " move the customers, and have the cash deposited and verified first."
    )
    indonesian = (
        "{given} masih punya {customers} pelanggan aktif, dan {cash} uang tunai atau setoran yang belum diputuskan:"
        " pindahkan dulu pelanggannya, lalu setorkan dan verifikasi uangnya."
    )
    given: object
    customers: int
    cash: object
