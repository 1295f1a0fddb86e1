"""What can go wrong because of what someone asked: one tree, each leaf with a stable code and its remedy.

    SebillingError
    ├── InvalidInput           the request can't be right as it stands; `field` names the place
    ├── NotFound               no such thing, or none that the asker may see
    ├── Conflict               right in itself, but not with what is already there
    ├── AccessError            who asks may not
    ├── Unexpected             one thing of a batch failed for a reason that nobody thought of
    └── Unavailable            something that we stand on is away; trying again later may help

No error carries an HTTP status: `schema.errors` maps them once, at the edge. Everything that isn't in this tree is
unexpected: masked outside, logged with a reference.
"""

from enum import StrEnum
from typing import ClassVar, Literal

Language = Literal["en", "id"]


class ErrorCode(StrEnum):
    """Stable names of errors; clients branch on them, so none is ever renamed."""

    INVALID_AMOUNT = "INVALID_AMOUNT"
    INVALID_DATE = "INVALID_DATE"
    INVALID_ID = "INVALID_ID"
    INVALID_MONTH = "INVALID_MONTH"
    INVALID_NUMBER = "INVALID_NUMBER"
    INVALID_TEXT = "INVALID_TEXT"
    INVALID_CURSOR = "INVALID_CURSOR"
    INVALID_FILE = "INVALID_FILE"
    INVALID_PAGE_SIZE = "INVALID_PAGE_SIZE"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    UNKNOWN_DOCUMENT = "UNKNOWN_DOCUMENT"
    INVALID_PROOF = "INVALID_PROOF"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERIOD_CLOSED = "PERIOD_CLOSED"
    GENERATION_RUNNING = "GENERATION_RUNNING"
    GENERATION_ENDED = "GENERATION_ENDED"
    PREVIEW_OUTDATED = "PREVIEW_OUTDATED"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    INVOICE_NOT_PAYABLE = "INVOICE_NOT_PAYABLE"
    ALREADY_COVERED = "ALREADY_COVERED"
    ALREADY_INVOICED = "ALREADY_INVOICED"
    ALREADY_CORRECTED = "ALREADY_CORRECTED"
    ALREADY_DECIDED = "ALREADY_DECIDED"
    CHARGE_BILLED = "CHARGE_BILLED"
    PAYMENT_REFUNDED = "PAYMENT_REFUNDED"
    NO_OPEN_PERIOD = "NO_OPEN_PERIOD"
    INVOICE_PAID = "INVOICE_PAID"
    NO_CREDIT = "NO_CREDIT"
    NOTHING_OWED = "NOTHING_OWED"
    CASH_NOT_THERE = "CASH_NOT_THERE"
    OWN_DEPOSIT = "OWN_DEPOSIT"
    NO_ACCESS = "NO_ACCESS"
    STILL_OVERDUE = "STILL_OVERDUE"
    DEVICE_BUSY = "DEVICE_BUSY"
    DEVICE_IN_USE = "DEVICE_IN_USE"
    INVALID_DEVICE = "INVALID_DEVICE"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    WRONG_CREDENTIALS = "WRONG_CREDENTIALS"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    CODE_NEEDED = "CODE_NEEDED"
    WRONG_CODE = "WRONG_CODE"
    PASSWORD_CHANGE_NEEDED = "PASSWORD_CHANGE_NEEDED"  # noqa: S105 - a code
    OWN_ACCOUNT = "OWN_ACCOUNT"
    LAST_ADMIN = "LAST_ADMIN"
    TWO_STEP_STATE = "TWO_STEP_STATE"
    FORBIDDEN = "FORBIDDEN"
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    INTERNAL = "INTERNAL"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    PORT_TAKEN = "PORT_TAKEN"
    INVALID_SETTING = "INVALID_SETTING"


class SebillingError(Exception):
    """An error that a person can understand and mend. `facts` fill the message; `field` is the path of the input."""

    code: ClassVar[ErrorCode]
    english: ClassVar[str]
    indonesian: ClassVar[str]

    def __init__(self, *, field: tuple[str, ...] = (), **facts: object) -> None:
        self.field = field
        self.facts = facts
        super().__init__(self.message("en"))

    def message(self, language: Language) -> str:
        """The sentence for a person, with its remedy."""
        return (self.indonesian if language == "id" else self.english).format(**self.facts)


class InvalidInput(SebillingError):
    """The request can't be right as it stands."""


class InvalidAmount(InvalidInput):
    code = ErrorCode.INVALID_AMOUNT
    english = "{given} is not an amount we can take: give whole rupiah from {least} to {most}."
    indonesian = "{given} bukan nominal yang sah: isi rupiah bulat dari {least} sampai {most}."


class InvalidDate(InvalidInput):
    code = ErrorCode.INVALID_DATE
    english = "{given} can't be: {why}"
    indonesian = "{given} tidak sah: {why}"


class InvalidId(InvalidInput):
    code = ErrorCode.INVALID_ID
    english = "'{given}' is not the id of a {noun}: use an id that this API gave out."
    indonesian = "'{given}' bukan id {noun}: pakai id yang diberikan API ini."


class InvalidMonth(InvalidInput):
    code = ErrorCode.INVALID_MONTH
    english = "'{given}' is not a month: write year and month as 2026-02."
    indonesian = "'{given}' bukan bulan: tulis tahun dan bulan seperti 2026-02."


class InvalidNumber(InvalidInput):
    code = ErrorCode.INVALID_NUMBER
    english = "{what}: {given} can't be, {why}"
    indonesian = "{what}: {given} tidak sah, {why}"


class InvalidText(InvalidInput):
    code = ErrorCode.INVALID_TEXT
    english = "{what} can't be accepted: {why}"
    indonesian = "{what} tidak dapat diterima: {why}"


class InvalidCursor(InvalidInput):
    code = ErrorCode.INVALID_CURSOR
    english = "This cursor doesn't belong to this list: take it from pageInfo.endCursor of the same query and order."
    indonesian = "Kursor ini bukan milik daftar ini: ambil dari pageInfo.endCursor kueri dan urutan yang sama."


class InvalidPageSize(InvalidInput):
    code = ErrorCode.INVALID_PAGE_SIZE
    english = "first: {given} is outside 1 to {most}: ask for fewer and follow pageInfo.endCursor."
    indonesian = "first: {given} di luar 1 sampai {most}: minta lebih sedikit dan ikuti pageInfo.endCursor."


class LimitExceeded(InvalidInput):
    """A document or its variables ask for too much; `limit` is the bound's name, `given` what was asked for, `most` the bound."""

    code = ErrorCode.LIMIT_EXCEEDED
    english = "This request's {limit} is {given}, and the most is {most}: ask for less, or in several requests."
    indonesian = "{limit} permintaan ini {given}, padahal paling banyak {most}: minta lebih sedikit, atau bagi menjadi beberapa permintaan."


class UnknownDocument(InvalidInput):
    """A document that isn't among the trusted ones, or an id of none."""

    code = ErrorCode.UNKNOWN_DOCUMENT
    english = "This server has no such trusted document ({why}): send a documentId that it knows, or ask an admin to add the document."
    indonesian = "Server ini tidak punya dokumen tepercaya itu ({why}): kirim documentId yang dikenal, atau minta admin menambahkannya."


class InvalidFile(InvalidInput):
    """A file as a whole can't be read."""

    code = ErrorCode.INVALID_FILE
    english = "{file} can't be imported: {why}"
    indonesian = "{file} tidak dapat diimpor: {why}"


class InvalidProof(InvalidInput):
    """An upload that is no picture or PDF we can take."""

    code = ErrorCode.INVALID_PROOF
    english = "The proof can't be taken: {why}"
    indonesian = "Bukti tidak dapat diterima: {why}"


class NotFound(SebillingError):
    """No such thing, or none that the asker may see: the answer is the same, so that refusals reveal nothing."""

    code = ErrorCode.NOT_FOUND
    english = "There is no {noun} '{given}' here: check it, or ask an admin whether you may see it."
    indonesian = "Tidak ada {noun} '{given}' di sini: periksa lagi, atau tanyakan admin apakah Anda berhak melihatnya."


class Conflict(SebillingError):
    """Right in itself, but not with what is already there."""


class AlreadyExists(Conflict):
    code = ErrorCode.ALREADY_EXISTS
    english = "The {noun} '{given}' exists already: use that one, or choose another name."
    indonesian = "{noun} '{given}' sudah ada: pakai yang itu, atau pilih nama lain."


class PeriodClosed(Conflict):
    code = ErrorCode.PERIOD_CLOSED
    english = "Period {month} is closed and takes no new invoices: correct it in an open period."
    indonesian = "Periode {month} sudah ditutup dan tidak menerima tagihan baru: koreksi di periode yang terbuka."


class GenerationRunning(Conflict):
    code = ErrorCode.GENERATION_RUNNING
    english = "Invoices are being generated for {what}: wait until the run is finished, then try again."
    indonesian = "Tagihan untuk {what} sedang dibuat: tunggu sampai selesai, lalu coba lagi."


class GenerationEnded(Conflict):
    """A run that is finished or abandoned can't be abandoned."""

    code = ErrorCode.GENERATION_ENDED
    english = "Run {given} has ended already. Look at its status; the invoices that it issued stay, and each can be voided."
    indonesian = "Proses {given} sudah berakhir. Lihat statusnya; tagihan yang sudah terbit tetap ada, dan masing-masing bisa dibatalkan."


class PreviewOutdated(Conflict):
    """What a preview showed is no longer what a run would do. Amounts are rupiah."""

    code = ErrorCode.PREVIEW_OUTDATED
    english = (
        "The preview no longer holds: it showed {issued} invoices of {total} in all, now it would be {issued_now} invoices of {total_now},"
        " or others are skipped. Look at a new preview, then confirm that."
    )
    indonesian = (
        "Pratinjau tidak berlaku lagi: tadinya {issued} tagihan senilai {total}, sekarang {issued_now} tagihan senilai {total_now},"
        " atau yang dilewati berbeda. Lihat pratinjau baru, lalu konfirmasi yang itu."
    )


class IdempotencyMismatch(Conflict):
    code = ErrorCode.IDEMPOTENCY_MISMATCH
    english = "The key '{key}' was used for another request: send the first body unchanged, or use a new key."
    indonesian = "Kunci '{key}' sudah dipakai untuk permintaan lain: kirim isi yang sama, atau pakai kunci baru."


class InvoiceNotPayable(Conflict):
    code = ErrorCode.INVOICE_NOT_PAYABLE
    english = "Invoice '{given}' isn't one of this customer's invoices: name only invoices of the paying customer."
    indonesian = "Tagihan '{given}' bukan milik pelanggan ini: sebutkan hanya tagihan pelanggan yang membayar."


class AlreadyCovered(Conflict):
    """A start inside time that is paid for, invoiced, or in a closed period."""

    code = ErrorCode.ALREADY_COVERED
    english = "{given} lies in time that is invoiced or closed already: the first possible date is {first}."
    indonesian = "{given} ada di masa yang sudah ditagih atau ditutup: tanggal paling awal adalah {first}."


class AlreadyInvoiced(Conflict):
    """An installation that is put off behind days that an invoice bills."""

    code = ErrorCode.ALREADY_INVOICED
    english = (
        "Invoice {number} bills service from {first} on, before {given}. Void that invoice first, or choose {first} or an earlier date."
    )
    indonesian = (
        "Tagihan {number} menagih layanan mulai {first}, sebelum {given}. Batalkan dulu tagihan itu,"
        " atau pilih {first} atau tanggal yang lebih awal."
    )


class AlreadyCorrected(Conflict):
    code = ErrorCode.ALREADY_CORRECTED
    english = "{noun} {given} was voided, reversed, cancelled or ended before: look at its history; nothing more needs to be done."
    indonesian = "{noun} {given} sudah pernah dibatalkan atau diakhiri: lihat riwayatnya; tidak ada yang perlu dilakukan lagi."


class AlreadyDecided(Conflict):
    code = ErrorCode.ALREADY_DECIDED
    english = "{given} was decided before: look at what was decided; if more is to be decided, submit a new one."
    indonesian = "{given} sudah diputuskan sebelumnya: lihat keputusannya; bila ada yang lain, ajukan yang baru."


class ChargeBilled(Conflict):
    code = ErrorCode.CHARGE_BILLED
    english = "Charge {given} is on invoice {number}: void that invoice first, then the charge can be cancelled."
    indonesian = "Biaya {given} sudah ada di tagihan {number}: batalkan dulu tagihannya, baru biayanya bisa dibatalkan."


class PaymentRefunded(Conflict):
    code = ErrorCode.PAYMENT_REFUNDED
    english = "{refunded} of payment {given} was given back to the customer, so it did come: it can't be reversed; refund the rest instead."
    indonesian = "{refunded} dari pembayaran {given} sudah dikembalikan ke pelanggan, jadi memang diterima: kembalikan sisanya saja."


class NoOpenPeriod(Conflict):
    code = ErrorCode.NO_OPEN_PERIOD
    english = "Period {month} is closed, and no later one is open to date the correction in: open one first."
    indonesian = "Periode {month} sudah ditutup, dan belum ada periode sesudahnya yang terbuka untuk koreksi: buka dulu satu."


class InvoicePaid(Conflict):
    code = ErrorCode.INVOICE_PAID
    english = (
        "Invoice {given} has payments or write-offs: reverse the payment if the money never came, or void with releasePayments to keep it"
        " as credit. What was written off can't be voided."
    )
    indonesian = (
        "Tagihan {given} sudah ada pembayaran atau penghapusan: batalkan pembayarannya bila uangnya tidak pernah diterima, atau batalkan"
        " tagihan dengan releasePayments agar uangnya menjadi titipan. Yang sudah dihapus tidak bisa dibatalkan."
    )


class NoCredit(Conflict):
    code = ErrorCode.NO_CREDIT
    english = "Only {credit} of {given} is still credit: take at most that, or release an invoice that it settled first."
    indonesian = "Hanya {credit} dari {given} yang masih titipan: pakai paling banyak sebesar itu, atau lepaskan dulu dari tagihannya."


class NothingOwed(Conflict):
    code = ErrorCode.NOTHING_OWED
    english = "{given} owes only {outstanding}: nothing more than that can be settled or written off."
    indonesian = "{given} hanya punya sisa {outstanding}: tidak bisa dilunasi atau dihapus lebih dari itu."


class CashNotThere(Conflict):
    """Cash that would have to leave a drawer that doesn't hold it."""

    code = ErrorCode.CASH_NOT_THERE
    english = (
        "{collector} has {on_hand} in cash at {counter} that isn't handed in or waiting for verification, not {amount}: the rest was"
        " deposited. If that deposit still waits, have it rejected and submitted anew without this money; money that did come is given"
        " back by refundCredit."
    )
    indonesian = (
        "{collector} hanya memegang tunai {on_hand} di {counter} yang belum disetor atau menunggu verifikasi, bukan {amount}: selebihnya"
        " sudah disetor. Bila setoran itu masih menunggu, minta ditolak lalu ajukan lagi tanpa uang ini; uang yang memang diterima"
        " dikembalikan dengan refundCredit."
    )


class OwnDeposit(Conflict):
    code = ErrorCode.OWN_DEPOSIT
    english = "Deposit {given} is yours, or was submitted by you: someone else with the role ADMIN or FINANCE decides about it."
    indonesian = "Setoran {given} milik Anda atau Anda yang mengajukan: orang lain dengan peran ADMIN atau FINANCE yang memutuskan."


class NoAccess(Conflict):
    code = ErrorCode.NO_ACCESS
    english = (
        "{given} has no access on a device that could be changed so: give them one with setServiceAccess, or look whether it is so already."
    )
    indonesian = (
        "{given} tidak punya akses di perangkat yang bisa diubah begitu: atur dengan setServiceAccess, atau periksa apakah sudah begitu."
    )


class StillOverdue(Conflict):
    code = ErrorCode.STILL_OVERDUE
    english = "{given} still owes {amount} and would be cut again at once: take the payment, or record a promise to pay (promiseToPay)."
    indonesian = (
        "{given} masih menunggak {amount} dan akan langsung diisolir lagi: terima pembayaran, atau catat janji bayar (promiseToPay)."
    )


class OwnAccount(Conflict):
    code = ErrorCode.OWN_ACCOUNT
    english = "Nobody may do this to their own account: ask another ADMIN; your own password you change with changePassword."
    indonesian = "Ini tidak boleh dilakukan pada akun sendiri: minta ADMIN lain; kata sandi sendiri diganti dengan changePassword."


class LastAdmin(Conflict):
    code = ErrorCode.LAST_ADMIN
    english = "{given} is the last active ADMIN: make someone else ADMIN first."
    indonesian = "{given} adalah ADMIN aktif terakhir: jadikan orang lain ADMIN dulu."


class TwoStepState(Conflict):
    code = ErrorCode.TWO_STEP_STATE
    english = "Two-step sign-in isn't as this needs it: to turn it on, startTotp and then confirmTotp; one that is on, disableTotp first."
    indonesian = (
        "Masuk dua langkah belum sesuai untuk ini: untuk mengaktifkan, startTotp lalu confirmTotp; yang sudah aktif, disableTotp dulu."
    )


class DeviceInUse(Conflict):
    code = ErrorCode.DEVICE_IN_USE
    english = "{count} customers hang on device '{given}': move them to another first, or disable it."
    indonesian = "{count} pelanggan masih memakai perangkat '{given}': pindahkan dulu, atau nonaktifkan perangkatnya."


class DeviceBusy(Conflict):
    code = ErrorCode.DEVICE_BUSY
    english = "A worker is just at work on device '{given}', and only one may be: look at the device in a minute, or try again."
    indonesian = "Perangkat '{given}' sedang dikerjakan, dan hanya boleh satu: lihat lagi sebentar lagi, atau coba ulang."


class InvalidDevice(InvalidInput):
    """Settings that the driver doesn't take, or a driver that isn't there."""

    code = ErrorCode.INVALID_DEVICE
    english = "The device can't be set up so: {why}"
    indonesian = "Perangkat tidak bisa diatur begitu: {why}"


class AccessError(SebillingError):
    """Who asks may not."""


class Unauthenticated(AccessError):
    code = ErrorCode.UNAUTHENTICATED
    english = "Sign in first: send the token of `signIn` as 'Authorization: Bearer …'."
    indonesian = "Masuk dulu: kirim token dari `signIn` sebagai 'Authorization: Bearer …'."


class WrongCredentials(AccessError):
    code = ErrorCode.WRONG_CREDENTIALS
    english = "User name or password is wrong: try again, or ask an admin to set a new password."
    indonesian = "Nama pengguna atau kata sandi salah: coba lagi, atau minta admin mengatur kata sandi baru."


class TooManyAttempts(AccessError):
    code = ErrorCode.TOO_MANY_ATTEMPTS
    english = "Too many failed sign-ins from here: wait {seconds} seconds and try again."
    indonesian = "Terlalu banyak percobaan masuk yang gagal dari sini: tunggu {seconds} detik lalu coba lagi."


class CodeNeeded(AccessError):
    """The password was right, and the account has two-step sign-in."""

    code = ErrorCode.CODE_NEEDED
    english = "This account has two-step sign-in: give the code of your authenticator app, or a recovery code."
    indonesian = "Akun ini memakai masuk dua langkah: isi kode dari aplikasi autentikator, atau kode pemulihan."


class WrongCode(AccessError):
    code = ErrorCode.WRONG_CODE
    english = "This code is wrong, over, or was used before: wait for the next one, or check the clock of your phone."
    indonesian = "Kode ini salah, kedaluwarsa, atau sudah dipakai: tunggu kode berikutnya, atau periksa jam ponsel Anda."


class PasswordChangeNeeded(AccessError):
    """The password was right, and is good for one sign-in only."""

    code = ErrorCode.PASSWORD_CHANGE_NEEDED
    english = "This password is good for one sign-in only: choose your own and send it along as newPassword."
    indonesian = "Kata sandi ini hanya untuk sekali masuk: pilih kata sandi sendiri dan kirimkan sebagai newPassword."


class Forbidden(AccessError):
    code = ErrorCode.FORBIDDEN
    english = "Your role may not do this: ask someone with the role {roles}."
    indonesian = "Peran Anda tidak boleh melakukan ini: minta kepada yang berperan {roles}."


class TooManyRequests(AccessError):
    """More requests of one user, or of one address that isn't signed in, than may run at once."""

    code = ErrorCode.TOO_MANY_REQUESTS
    english = "{most} requests of yours are being answered already: wait for them, then send the next."
    indonesian = "{most} permintaan Anda masih diproses: tunggu selesai, lalu kirim yang berikutnya."


class Unexpected(SebillingError):
    """Nobody thought of it: one thing of a batch failed so, and the others go on. Logged with its reference."""

    code = ErrorCode.INTERNAL
    english = "Something went wrong on our side, this wasn't taken: keep it, send it again later; tell your admin {reference}."
    indonesian = "Ada kesalahan di pihak kami, ini belum tercatat: simpan, kirim lagi nanti, sampaikan rujukan {reference} kepada admin."


class Unavailable(SebillingError):
    """Something that we stand on is away; trying again later may help."""


class DatabaseUnavailable(Unavailable):
    code = ErrorCode.DATABASE_UNAVAILABLE
    english = "The database can't be reached ({why}): check that it runs and SEBILLING_DATABASE_URL, then try again."
    indonesian = "Basis data tidak terjangkau ({why}): pastikan berjalan dan SEBILLING_DATABASE_URL benar, lalu coba lagi."


class PortTaken(Unavailable):
    """Someone else listens there."""

    code = ErrorCode.PORT_TAKEN
    english = "{host}:{port} can't be listened on ({why}): end what runs there, or choose another with --port."
    indonesian = "{host}:{port} tidak bisa dipakai ({why}): hentikan yang berjalan di sana, atau pilih port lain dengan --port."


class DeadlineExceeded(Unavailable):
    """A query that took too long was given up. Mutations never are."""

    code = ErrorCode.DEADLINE_EXCEEDED
    english = "The answer took more than {seconds} seconds and was given up: ask for less at a time, or try again later."
    indonesian = "Jawaban memakan lebih dari {seconds} detik lalu dihentikan: minta lebih sedikit sekaligus, atau coba lagi nanti."


class InvalidSetting(SebillingError):
    """A setting with which nothing can start."""

    code = ErrorCode.INVALID_SETTING
    english = "{setting} can't be used: {why}"
    indonesian = "{setting} tidak bisa dipakai: {why}"
