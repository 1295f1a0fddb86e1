"""Errors that a request can cause: one class tree, each leaf with a stable code and a remedy.

    SebillingError
    ├── InvalidInput           the request itself is invalid; `field` is the path of the input
    ├── NotFound               (AboutRow) no such thing, or none that the caller may see
    ├── Conflict               valid in itself, but in conflict with the current state
    ├── AccessError            the caller is not allowed to do this
    ├── Unexpected             one item of a batch failed for an unforeseen reason
    └── Unavailable            a service that SeBilling depends on is down; trying again later may help

No error carries an HTTP status: `schema.engine.errors` maps them once, at the edge. Everything that isn't in this tree is
unexpected: hidden from clients and logged with a reference. Leaves about who may do what are in access_errors.py, those about
periods, drawers and differences in ledger_errors.py, those about devices in device_errors.py, those about pauses in customer_errors.py,
those that only who runs the installation meets in operator_errors.py.
"""

from dataclasses import dataclass, fields
from typing import ClassVar, Final, dataclass_transform

from sebilling.clock import Month
from sebilling.error_codes import ErrorCode
from sebilling.language import Language, Sentence
from sebilling.limits import Limit
from sebilling.nouns import Noun

Words = Sentence | Noun | str
"""A fact of an error: said in the caller's language, or a text that has none, such as a name."""
InputPath = str | tuple[str | int, ...]
"""Which input is wrong: a parameter or field as Python spells it, or a path of such names and indexes of lists; () for none."""
WHOLE_INPUT: Final[InputPath] = ("input",)
"""Its parts don't go together, though each may be right."""


@dataclass_transform(kw_only_default=True, eq_default=False)
class _WithFacts(Exception):
    """Base of exceptions whose annotated fields are keyword arguments of `__init__`, as with a dataclass."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__doc__ = cls.__doc__ or cls.__name__  # otherwise dataclass writes the signature as text, at a third of its time
        dataclass(kw_only=True, eq=False)(cls)


class SebillingError(_WithFacts):
    """An error that a person can understand and fix.

    Each leaf declares the facts that fill the placeholders of its message. `field` is the input that is wrong, as the domain calls
    it (`"customer_id"`, or a path); whoever took the input translates it to what the client sent.
    """

    code: ClassVar[ErrorCode]
    english: ClassVar[str]
    indonesian: ClassVar[str]

    field: InputPath = ()

    def __post_init__(self) -> None:
        super().__init__(self.message("en"))

    @property
    def path(self) -> tuple[str | int, ...]:
        """Path of the input that is wrong; empty if there is none."""
        return (self.field,) if isinstance(self.field, str) else self.field

    @property
    def facts(self) -> dict[str, object]:
        """The facts of the message by name."""
        return {fact.name: getattr(self, fact.name) for fact in fields(self) if fact.name != "field"}

    def message(self, language: Language) -> str:
        """Return the message for a person, with its remedy."""
        facts = {name: _said(fact, language) for name, fact in self.facts.items()}
        template = self.indonesian if language == "id" else self.english
        text = template.format(**facts)
        return text[0].upper() + text[1:] if template.startswith("{noun}") else text


def _said(fact: object, language: Language) -> object:
    if isinstance(fact, Sentence | Noun | Limit):
        return fact.indonesian if language == "id" else fact.english
    return fact


class AboutRow(SebillingError):
    """An error about one row: `given` is its number, shown as its public id, or the text by which the caller named it."""

    noun: Noun
    given: int | str | Month

    @property
    def facts(self) -> dict[str, object]:
        """The facts, with the public id."""
        return {**super().facts, "given": self.noun.id(self.given) if isinstance(self.given, int) else self.given}


class InvalidInput(SebillingError):
    """The request itself is invalid, whatever the state of the data."""


class InvalidAmount(InvalidInput):
    code = ErrorCode.INVALID_AMOUNT
    english = "{given} is not a valid amount: enter whole rupiah from {least} to {most}."
    indonesian = "{given} bukan nominal yang sah: isi rupiah bulat dari {least} sampai {most}."
    given: object
    least: object
    most: int


class InvalidDate(InvalidInput):
    code = ErrorCode.INVALID_DATE
    english = "{given} is not a valid date: {why}"
    indonesian = "{given} bukan tanggal yang sah: {why}"
    given: object
    why: Words


class InvalidId(InvalidInput):
    code = ErrorCode.INVALID_ID
    english = "'{given}' is not the id of a {noun}: use an id that this API returned."
    indonesian = "'{given}' bukan id {noun}: pakai id yang diberikan API ini."
    given: object
    noun: Noun


class InvalidMonth(InvalidInput):
    code = ErrorCode.INVALID_MONTH
    english = "'{given}' is not a month: write year and month as 2026-02."
    indonesian = "'{given}' bukan bulan: tulis tahun dan bulan seperti 2026-02."
    given: object


class InvalidNumber(InvalidInput):
    code = ErrorCode.INVALID_NUMBER
    english = "{what}: {given} is not valid; {why}"
    indonesian = "{what}: {given} tidak sah; {why}"
    what: Words
    given: object
    why: Words


class InvalidText(InvalidInput):
    code = ErrorCode.INVALID_TEXT
    english = "{what} can't be accepted: {why}"
    indonesian = "{what} tidak dapat diterima: {why}"
    what: Words
    why: Words


class NullRefused(InvalidInput):
    code = ErrorCode.NULL_REFUSED
    english = "Null is not a value of this field: leave the field out to keep what there is, or name it in clear to empty it."
    indonesian = "Null bukan nilai field ini: jangan kirim field-nya agar isinya tetap, atau sebut di clear untuk mengosongkannya."


class InvalidCharacter(InvalidInput):
    code = ErrorCode.INVALID_TEXT
    english = "This text contains the character {character}, which can't be stored: remove it."
    indonesian = "Teks ini berisi karakter {character}, yang tidak dapat disimpan: hapus dulu."
    character: str


class InvalidCursor(InvalidInput):
    code = ErrorCode.INVALID_CURSOR
    english = "This cursor doesn't belong to this list: take it from pageInfo.endCursor of the same query and order."
    indonesian = "Kursor ini bukan milik daftar ini: ambil dari pageInfo.endCursor kueri dan urutan yang sama."


class InvalidPageSize(InvalidInput):
    code = ErrorCode.INVALID_PAGE_SIZE
    english = "first: {given} is outside 1 to {most}: ask for fewer and follow pageInfo.endCursor."
    indonesian = "first: {given} di luar 1 sampai {most}: minta lebih sedikit dan ikuti pageInfo.endCursor."
    given: object
    most: int


class LimitExceeded(InvalidInput):
    """A document or its variables exceed a limit; `limit` is its name, `given` the requested value, `most` the maximum."""

    code = ErrorCode.LIMIT_EXCEEDED
    english = "This request's {limit} is {given}, and the most is {most}: ask for less, or split it into several requests."
    indonesian = "Permintaan ini terlalu besar: {limit} {given}, paling banyak {most}. Minta lebih sedikit, atau bagi menjadi beberapa."
    limit: Limit
    given: object
    most: int


class TooManySubscriptions(LimitExceeded):
    """Too many subscriptions; `limit` is the limit's name, `given` the number with the new one, `most` the maximum."""

    english = "This would be {given} {limit}, and the most is {most}: end one that you don't need, then subscribe again."
    indonesian = "Ini menjadi {given} {limit}, padahal paling banyak {most}: akhiri yang tidak diperlukan, lalu coba lagi."
    given: object
    limit: Limit
    most: int


class UnknownDocument(InvalidInput):
    """A document that is not trusted, or a documentId that is unknown."""

    code = ErrorCode.UNKNOWN_DOCUMENT
    english = "This server has no such trusted document ({why}): send a known documentId, or ask an admin to add the document."
    indonesian = "Server ini tidak punya dokumen tepercaya itu ({why}): kirim documentId yang dikenal, atau minta admin menambahkannya."
    why: Words


class PersistedQueryNotFound(InvalidInput):
    """A hash of an automatic persisted query that this process doesn't know; clients then send the text too.

    The message belongs to the protocol: clients compare it.
    """

    code = ErrorCode.PERSISTED_QUERY_NOT_FOUND
    english = indonesian = "PersistedQueryNotFound"


class InvalidFile(InvalidInput):
    """A file that can't be read at all."""

    code = ErrorCode.INVALID_FILE
    english = "{file} can't be imported: {why}"
    indonesian = "{file} tidak dapat diimpor: {why}"
    file: object
    why: Words


class InvalidProof(InvalidInput):
    """An upload that is not an accepted picture or PDF."""

    code = ErrorCode.INVALID_PROOF
    english = "The proof can't be accepted: {why}"
    indonesian = "Bukti tidak dapat diterima: {why}"
    why: Words


class InvalidPicture(InvalidInput):
    """An upload that is not an accepted logo or QRIS picture."""

    code = ErrorCode.INVALID_PICTURE
    english = "The picture can't be accepted: {why}"
    indonesian = "Gambar tidak dapat diterima: {why}"
    why: Words


class NotFound(AboutRow):
    """It does not exist, or the caller may not see it: the answer is the same, so that a refusal reveals nothing."""

    code = ErrorCode.NOT_FOUND
    english = "There is no {noun} '{given}' here: check the spelling, or ask an admin whether you may see it."
    indonesian = "Tidak ada {noun} '{given}' di sini: periksa lagi, atau tanyakan admin apakah Anda berhak melihatnya."


class Conflict(SebillingError):
    """Valid in itself, but in conflict with the current state."""


class AlreadyExists(Conflict):
    code = ErrorCode.ALREADY_EXISTS
    english = "The {noun} '{given}' already exists: use that one, or choose another name."
    indonesian = "{noun} '{given}' sudah ada: pakai yang itu, atau pilih nama lain."
    noun: Words
    given: object


class PeriodClosed(Conflict):
    code = ErrorCode.PERIOD_CLOSED
    english = "Period {month} is closed and accepts no new invoices: correct it in an open period, or reopen it with reopenPeriod."
    indonesian = (
        "Periode {month} sudah ditutup dan tidak menerima tagihan baru: koreksi di periode yang terbuka, atau buka kembali dengan"
        " reopenPeriod."
    )
    month: object


class GenerationRunning(Conflict):
    code = ErrorCode.GENERATION_RUNNING
    english = "Invoices are being generated for {what}: wait until the run is finished, then try again."
    indonesian = "Tagihan untuk {what} sedang dibuat: tunggu sampai selesai, lalu coba lagi."
    what: Words | Month


class GenerationEnded(Conflict):
    """A generation run that is finished or abandoned can't be abandoned."""

    code = ErrorCode.GENERATION_ENDED
    english = "Run {given} has already ended. Check its status; the invoices that it issued remain, and each can be voided."
    indonesian = "Proses {given} sudah berakhir. Periksa statusnya; tagihan yang sudah terbit tetap ada, dan masing-masing bisa dibatalkan."
    given: object


class PreviewOutdated(Conflict):
    """A run would no longer do what the preview showed. Amounts are rupiah."""

    code = ErrorCode.PREVIEW_OUTDATED
    english = (
        "The preview is outdated: it showed {issued} invoices of {total} in all, now there would be {issued_now} invoices of {total_now},"
        " or other customers are skipped. Request a new preview, then confirm that one."
    )
    indonesian = (
        "Pratinjau sudah usang: tadinya {issued} tagihan senilai {total}, sekarang {issued_now} tagihan senilai {total_now},"
        " atau pelanggan yang dilewati berbeda. Minta pratinjau baru, lalu konfirmasi yang itu."
    )
    issued: int
    total: object
    issued_now: int
    total_now: object


class IdempotencyMismatch(Conflict):
    code = ErrorCode.IDEMPOTENCY_MISMATCH
    english = "The key '{key}' was used for another request: send the first body unchanged, or use a new key."
    indonesian = "Kunci '{key}' sudah dipakai untuk permintaan lain: kirim isi yang sama, atau pakai kunci baru."
    key: object


class InvoiceNotPayable(Conflict):
    code = ErrorCode.INVOICE_NOT_PAYABLE
    english = "Invoice '{given}' isn't one of this customer's invoices: name only invoices of the paying customer."
    indonesian = "Tagihan '{given}' bukan milik pelanggan ini: sebutkan hanya tagihan pelanggan yang membayar."
    given: object


class AlreadyCovered(Conflict):
    """A start date inside days that are paid for, invoiced, or in a closed period."""

    code = ErrorCode.ALREADY_COVERED
    english = "{given} is already invoiced or in a closed period: choose {first} or a later date."
    indonesian = "{given} ada di masa yang sudah ditagih atau ditutup: pilih {first} atau tanggal sesudahnya."
    given: object
    first: object


class AlreadyInvoiced(Conflict):
    """An installation date moved past days that an invoice already bills."""

    code = ErrorCode.ALREADY_INVOICED
    english = (
        "Invoice {number} bills service from {first} on, before {given}. Void that invoice first, or choose {first} or an earlier date."
    )
    indonesian = (
        "Tagihan {number} menagih layanan mulai {first}, sebelum {given}. Batalkan dulu tagihan itu,"
        " atau pilih {first} atau tanggal yang lebih awal."
    )
    number: str
    first: object
    given: object


class AlreadyCorrected(AboutRow, Conflict):
    code = ErrorCode.ALREADY_CORRECTED
    english = "{noun} {given} is already voided, reversed, cancelled or ended: see its history; nothing more needs to be done."
    indonesian = "{noun} {given} sudah pernah dibatalkan atau diakhiri: lihat riwayatnya; tidak ada yang perlu dilakukan lagi."


class AlreadyDecided(Conflict):
    code = ErrorCode.ALREADY_DECIDED
    english = "{given} is already decided: look at the decision; if it must change, submit a new one."
    indonesian = "{given} sudah diputuskan sebelumnya: lihat keputusannya; bila harus berubah, ajukan yang baru."
    given: object


class ChargeBilled(Conflict):
    code = ErrorCode.CHARGE_BILLED
    english = "Charge {given} is on invoice {number}: void that invoice first, then the charge can be cancelled."
    indonesian = "Biaya {given} sudah ada di tagihan {number}: batalkan dulu tagihannya, baru biayanya bisa dibatalkan."
    given: object
    number: str


class PaymentRefunded(Conflict):
    code = ErrorCode.PAYMENT_REFUNDED
    english = "{refunded} of payment {given} was refunded to the customer, so the payment can't be reversed: refund the rest instead."
    indonesian = "{refunded} dari pembayaran {given} sudah dikembalikan ke pelanggan, jadi tidak bisa dibatalkan: kembalikan sisanya saja."
    refunded: object
    given: object


class InvoicePaid(Conflict):
    code = ErrorCode.INVOICE_PAID
    english = (
        "Invoice {given} has payments or write-offs: reverse the payment if no money arrived, or void with releasePayments to keep it"
        " as credit. Undo a write-off first, with reverseWriteOff."
    )
    indonesian = (
        "Tagihan {given} sudah ada pembayaran atau penghapusan: batalkan pembayarannya bila uangnya tidak pernah diterima, atau batalkan"
        " tagihan dengan releasePayments agar uangnya menjadi titipan. Penghapusan dibatalkan dulu dengan reverseWriteOff."
    )
    given: object


class NoCredit(Conflict):
    code = ErrorCode.NO_CREDIT
    english = "Only {credit} of {given} is still credit: use at most that, or first release an invoice that it paid."
    indonesian = "Hanya {credit} dari {given} yang masih titipan: pakai paling banyak sebesar itu, atau lepaskan dulu dari tagihannya."
    credit: object
    given: object


class NothingOwed(Conflict):
    code = ErrorCode.NOTHING_OWED
    english = "{given} owes only {outstanding}: pay or write off at most that."
    indonesian = "Sisa {given} hanya {outstanding}: lunasi atau hapus paling banyak sebesar itu."
    given: object
    outstanding: object


class AlreadyHeld(Conflict):
    code = ErrorCode.ALREADY_HELD
    english = "The credit of {given} is already held. To pay invoices with it, apply the customer's credit."
    indonesian = "Titipan dari {given} sudah ditahan. Untuk melunasi tagihan dengannya, terapkan titipan pelanggan itu."
    given: object


class SumOutOfRange(Conflict):
    code = ErrorCode.SUM_OUT_OF_RANGE
    english = "The amounts add up to more than 2^63 rupiah, so some of them must be wrong. Find the largest, and reverse or void them."
    indonesian = "Jumlahnya melebihi 2^63 rupiah, jadi ada nominal yang salah. Cari yang terbesar, lalu batalkan."


class LinkInUse(Conflict):
    """The report at this address is already being downloaded."""

    code = ErrorCode.LINK_IN_USE
    english = "The report at this address is already being downloaded. Wait until it is finished, or request a new address."
    indonesian = "Laporan di alamat ini masih diunduh. Tunggu sampai selesai, atau minta alamat baru."


class OwnDeposit(Conflict):
    code = ErrorCode.OWN_DEPOSIT
    english = "Deposit {given} is yours, or was submitted by you: ask someone else with the role ADMIN or FINANCE to decide."
    indonesian = "Setoran {given} milik Anda atau Anda yang mengajukan: minta orang lain dengan peran ADMIN atau FINANCE memutuskannya."
    given: object


class NoAccess(Conflict):
    code = ErrorCode.NO_ACCESS
    english = (
        "{given} has no service access that this would change: add one with setServiceAccess, or check whether it is already as requested."
    )
    indonesian = "{given} tidak punya akses di perangkat yang perlu diubah: atur dengan setServiceAccess, atau periksa apakah sudah sesuai."
    given: object


class StillOverdue(Conflict):
    code = ErrorCode.STILL_OVERDUE
    english = "{given} still owes {amount} and would be blocked again: record the payment, or a promise to pay (promiseToPay)."
    indonesian = "{given} masih menunggak {amount} dan akan diisolir lagi: catat pembayarannya, atau janji bayar (promiseToPay)."
    given: object
    amount: object


class Unexpected(SebillingError):
    """One item of a batch failed for an unforeseen reason, and the others go on. Logged with its reference."""

    code = ErrorCode.INTERNAL
    english = (
        "Something went wrong on our side; this was not recorded: keep it and send it again later. Reference for your admin: {reference}."
    )
    indonesian = "Ada kesalahan di pihak kami, ini belum tercatat: simpan, kirim lagi nanti, sampaikan rujukan {reference} kepada admin."
    reference: str


class Unavailable(SebillingError):
    """A service that SeBilling depends on is down; trying again later may help."""


class DatabaseUnavailable(Unavailable):
    code = ErrorCode.DATABASE_UNAVAILABLE
    english = "The database can't be reached ({why}): check that it runs and that SEBILLING_DATABASE_URL is right, then try again."
    indonesian = "Basis data tidak terjangkau ({why}): pastikan berjalan dan SEBILLING_DATABASE_URL benar, lalu coba lagi."
    why: Words


class DeadlineExceeded(Unavailable):
    """A query was stopped because it took too long. Mutations never are."""

    code = ErrorCode.DEADLINE_EXCEEDED
    english = "The answer took more than {seconds} seconds and was stopped: ask for less at a time, or try again later."
    indonesian = "Jawaban memakan lebih dari {seconds} detik lalu dihentikan: minta lebih sedikit sekaligus, atau coba lagi nanti."
    seconds: int


class ReportsBusy(Unavailable):
    """The limit of concurrent reports of all users is reached."""

    code = ErrorCode.REPORTS_BUSY
    english = "The server is already making {most} reports, the maximum at once. Try again in {seconds} seconds."
    indonesian = "Server sedang membuat {most} laporan, batas maksimalnya. Coba lagi dalam {seconds} detik."
    most: int
    seconds: int
