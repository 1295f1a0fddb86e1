"""What can go wrong with periods and differences: leaves of the tree in errors.py."""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Final, Protocol

from sebilling.error_codes import ErrorCode
from sebilling.errors import Conflict, Language

MAX_TOLD: Final = 5
"""Gaps that PeriodIncomplete names; closingPreview has all."""


class PeriodIsOpen(Conflict):
    code = ErrorCode.PERIOD_IS_OPEN
    english = "Period {month} is open already: nothing needs to be reopened."
    indonesian = "Periode {month} masih terbuka: tidak perlu dibuka kembali."


class MissingPart(Protocol):
    """What PeriodIncomplete tells of each thing that is missing."""

    @property
    def reason(self) -> StrEnum:
        """A key of its words."""

    @property
    def counter_code(self) -> str:
        """Where."""

    @property
    def count(self) -> int:
        """How many."""


class PeriodIncomplete(Conflict):
    """Closing would lose something, or leave it undone. `gaps` are what is missing."""

    code = ErrorCode.PERIOD_INCOMPLETE
    english = (
        "Period {month} lacks something: {missing}. Look at closingPreview and do it first, or close all the same with closeIncomplete."
    )
    indonesian = (
        "Periode {month} belum lengkap: {missing}. Lihat closingPreview dan selesaikan dulu, atau tutup begitu saja dengan closeIncomplete."
    )
    _WORDS: ClassVar[dict[Language, dict[str, str]]] = {
        "en": {"NOT_INVOICED": "customers without an invoice", "DEPOSITS_WAITING": "deposits waiting for verification",
               "MONEY_UNRESOLVED": "payments for invoices that were paid already"},
        "id": {"NOT_INVOICED": "pelanggan belum ditagih", "DEPOSITS_WAITING": "setoran menunggu verifikasi",
               "MONEY_UNRESOLVED": "pembayaran untuk tagihan yang sudah lunas"},
    }  # fmt: skip

    def __init__(self, *, field: tuple[str, ...] = (), month: object, gaps: Sequence[MissingPart]) -> None:
        self.gaps = gaps
        super().__init__(field=field, month=month)

    def message(self, language: Language) -> str:
        """The first gaps, in words."""
        words = self._WORDS[language]
        told = [f"{gap.counter_code}: {gap.count} {words[gap.reason]}" for gap in self.gaps[:MAX_TOLD]]
        missing = "; ".join(told) + (f" (+{len(self.gaps) - MAX_TOLD})" if len(self.gaps) > MAX_TOLD else "")
        return (self.indonesian if language == "id" else self.english).format(missing=missing, **self.facts)


class ConfirmPeriod(Conflict):
    code = ErrorCode.CONFIRM_PERIOD
    english = "Period {month} lies far from today ({today}): check the month, and send it again with confirm if it is meant."
    indonesian = "Periode {month} jauh dari sekarang ({today}): periksa bulannya, lalu kirim lagi dengan confirm bila memang benar."


class ConfirmDifference(Conflict):
    code = ErrorCode.CONFIRM_DIFFERENCE
    english = (
        "{counted} counted for deposit {given} of {amount} differ by {difference}: count again, and send it again with"
        " confirmDifference if it is so."
    )
    indonesian = (
        "Hitungan {counted} untuk setoran {given} sebesar {amount} berselisih {difference}: hitung lagi, lalu kirim lagi dengan"
        " confirmDifference bila memang begitu."
    )


class NotVerified(Conflict):
    code = ErrorCode.NOT_VERIFIED
    english = "Deposit {given} isn't verified, so there is no count to correct: verify it first, or submit it anew if it was rejected."
    indonesian = (
        "Setoran {given} belum diverifikasi, jadi tidak ada hitungan untuk dikoreksi: verifikasi dulu, atau ajukan lagi bila ditolak."
    )


class NothingToSettle(Conflict):
    code = ErrorCode.NOTHING_TO_SETTLE
    english = "Only {open} of this drawer's difference isn't settled, not {amount}: settle at most that."
    indonesian = "Hanya {open} dari selisih laci ini yang belum diselesaikan, bukan {amount}: selesaikan paling banyak sebesar itu."
