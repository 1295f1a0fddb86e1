"""Errors about periods, drawers and differences: leaves of the tree in errors.py."""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Final, Protocol

from sebilling.error_codes import ErrorCode
from sebilling.errors import Conflict
from sebilling.language import Language

MAX_TOLD: Final = 5
"""Gaps that PeriodIncomplete names; closingPreview lists all of them."""


class PeriodIsOpen(Conflict):
    code = ErrorCode.PERIOD_IS_OPEN
    english = "Period {month} is already open: nothing needs to be reopened."
    indonesian = "Periode {month} masih terbuka: tidak perlu dibuka kembali."
    month: object


class MissingPart(Protocol):
    """One gap, as PeriodIncomplete reports it."""

    @property
    def reason(self) -> StrEnum:
        """Kind of the gap, a key of the words of PeriodIncomplete."""

    @property
    def counter_code(self) -> str:
        """Code of the counter that has the gap."""

    @property
    def count(self) -> int:
        """Number of customers, deposits or payments."""


class PeriodIncomplete(Conflict):
    """Closing would lose something or leave it undone. `gaps` lists what is missing."""

    code = ErrorCode.PERIOD_INCOMPLETE
    english = "Period {month} is incomplete: {missing}. Resolve what closingPreview lists first, or close it anyway with closeIncomplete."
    indonesian = (
        "Periode {month} belum lengkap: {missing}. Selesaikan dulu yang ada di closingPreview, atau tetap tutup dengan closeIncomplete."
    )
    _WORDS: ClassVar[dict[Language, dict[str, str]]] = {
        "en": {"NOT_INVOICED": "customers without an invoice", "DEPOSITS_WAITING": "deposits waiting for verification",
               "MONEY_UNRESOLVED": "payments for invoices that were already paid"},
        "id": {"NOT_INVOICED": "pelanggan belum ditagih", "DEPOSITS_WAITING": "setoran menunggu verifikasi",
               "MONEY_UNRESOLVED": "pembayaran untuk tagihan yang sudah lunas"},
    }  # fmt: skip

    month: object
    gaps: Sequence[MissingPart]

    def message(self, language: Language) -> str:
        """Return the message with the first MAX_TOLD gaps in words."""
        words = self._WORDS[language]
        parts = [f"{gap.counter_code}: {gap.count} {words[gap.reason]}" for gap in self.gaps[:MAX_TOLD]]
        missing = "; ".join(parts) + (f" (+{len(self.gaps) - MAX_TOLD})" if len(self.gaps) > MAX_TOLD else "")
        return (self.indonesian if language == "id" else self.english).format(missing=missing, **self.facts)


class ConfirmPeriod(Conflict):
    code = ErrorCode.CONFIRM_PERIOD
    english = "Period {month} is far from today ({today}): check the month, and send it again with confirm if it is right."
    indonesian = "Periode {month} jauh dari sekarang ({today}): periksa bulannya, lalu kirim lagi dengan confirm bila memang benar."
    month: object
    today: object


class ConfirmDifference(Conflict):
    code = ErrorCode.CONFIRM_DIFFERENCE
    english = (
        "The count {counted} for deposit {given} of {amount} differs by {difference}: count again, and send it again with"
        " confirmDifference if it is right."
    )
    indonesian = (
        "Hitungan {counted} untuk setoran {given} sebesar {amount} berselisih {difference}: hitung lagi, lalu kirim lagi dengan"
        " confirmDifference bila memang begitu."
    )
    counted: object
    given: object
    amount: object
    difference: object


class NotVerified(Conflict):
    code = ErrorCode.NOT_VERIFIED
    english = "Deposit {given} isn't verified, so there is no count to correct: verify it first, or submit it again if it was rejected."
    indonesian = (
        "Setoran {given} belum diverifikasi, jadi tidak ada hitungan untuk dikoreksi: verifikasi dulu, atau ajukan lagi bila ditolak."
    )
    given: object


class NothingToSettle(Conflict):
    code = ErrorCode.NOTHING_TO_SETTLE
    english = "Only {open} of this drawer's difference is unsettled, not {amount}: settle at most that."
    indonesian = "Hanya {open} dari selisih laci ini yang belum diselesaikan, bukan {amount}: selesaikan paling banyak sebesar itu."
    open: object
    amount: object


class NoOpenPeriod(Conflict):
    code = ErrorCode.NO_OPEN_PERIOD
    english = "Period {month} is closed, and no later period is open for the correction: open one first."
    indonesian = "Periode {month} sudah ditutup, dan belum ada periode sesudahnya yang terbuka untuk koreksi: buka dulu satu."
    month: object


class CashLimitExceeded(Conflict):
    """The receiver would hold more cash than the limit of the ISP allows, over all their drawers."""

    code = ErrorCode.CASH_LIMIT_EXCEEDED
    english = (
        "With this payment you would hold {on_hand} in cash, and the limit is {limit}: submit a deposit and have it verified first, or let"
        " the customer pay in another way. Cash that you hold already is recorded with collectedAt."
    )
    indonesian = (
        "Dengan pembayaran ini Anda akan memegang tunai {on_hand}, padahal batasnya {limit}: ajukan setoran dan minta diverifikasi dulu,"
        " atau minta pelanggan membayar dengan cara lain. Uang tunai yang sudah Anda pegang dicatat dengan collectedAt."
    )
    on_hand: object
    limit: object


class InsufficientCash(Conflict):
    """The drawer holds less cash than the operation would take out of it."""

    code = ErrorCode.INSUFFICIENT_CASH
    english = (
        "{collector} holds only {on_hand} in cash at {counter}, not {amount}: the rest was deposited. If that deposit still waits for"
        " verification, have it rejected and submit it again without this money; return money that was really received with refundCredit."
    )
    indonesian = (
        "{collector} hanya memegang tunai {on_hand} di {counter}, bukan {amount}: selebihnya sudah disetor. Bila setoran itu masih"
        " menunggu verifikasi, minta ditolak lalu ajukan lagi tanpa uang ini; kembalikan uang yang memang diterima dengan refundCredit."
    )
    collector: object
    on_hand: object
    counter: object
    amount: object
