"""What can go wrong because of what someone asked: one tree, each leaf with a stable code and its remedy.

    SebillingError
    ├── InvalidInput           the request can't be right as it stands; `field` names the place
    ├── NotFound               no such thing, or none that the caller may see
    ├── Conflict               right in itself, but not with what is already there
    ├── AccessError            who asks may not
    ├── Unexpected             one thing of a batch failed for a reason that nobody thought of
    └── Unavailable            something that we stand on is away; trying again later may help

No error carries an HTTP status: `schema.errors` maps them once, at the edge. Everything that isn't in this tree is
unexpected: masked outside, logged with a reference. The leaves about closings and differences are in ledger_errors.py,
those about devices in device_errors.py.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from sebilling.error_codes import ErrorCode

Language = Literal["en", "id"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A part of a message in both languages: as a fact of an error it is told in the language of the message."""

    english: str
    indonesian: str


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
        indonesian = language == "id"
        facts = {
            name: (fact.indonesian if indonesian else fact.english) if isinstance(fact, Sentence) else fact
            for name, fact in self.facts.items()
        }
        return (self.indonesian if indonesian else self.english).format(**facts)


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


class InvalidCharacter(InvalidInput):
    """A character that no text can hold, such as NUL."""

    code = ErrorCode.INVALID_TEXT
    english = "This text contains the character {character}, which can't be kept: remove it."
    indonesian = "Teks ini berisi karakter {character}, yang tidak dapat disimpan: hapus dulu."


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


class TooManySubscriptions(LimitExceeded):
    """More is followed than may be; `limit` is the bound's name, `given` what there would be, `most` the bound."""

    english = "This would be {given} {limit}, and the most is {most}: end one that isn't needed, then subscribe again."
    indonesian = "Ini menjadi {given} {limit} (langganan), padahal paling banyak {most}: akhiri yang tidak diperlukan, lalu coba lagi."


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
    """No such thing, or none that the caller may see: the answer is the same, so that refusals reveal nothing."""

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
    english = "Period {month} is closed and takes no new invoices: correct it in an open period, or reopen it with reopenPeriod."
    indonesian = (
        "Periode {month} sudah ditutup dan tidak menerima tagihan baru: koreksi di periode yang terbuka, atau buka kembali dengan"
        " reopenPeriod."
    )


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
        " as credit. What was written off is given back first, with reverseWriteOff."
    )
    indonesian = (
        "Tagihan {given} sudah ada pembayaran atau penghapusan: batalkan pembayarannya bila uangnya tidak pernah diterima, atau batalkan"
        " tagihan dengan releasePayments agar uangnya menjadi titipan. Penghapusan dibatalkan dulu dengan reverseWriteOff."
    )


class NoCredit(Conflict):
    code = ErrorCode.NO_CREDIT
    english = "Only {credit} of {given} is still credit: take at most that, or release an invoice that it settled first."
    indonesian = "Hanya {credit} dari {given} yang masih titipan: pakai paling banyak sebesar itu, atau lepaskan dulu dari tagihannya."


class NothingOwed(Conflict):
    code = ErrorCode.NOTHING_OWED
    english = "{given} owes only {outstanding}: nothing more than that can be settled or written off."
    indonesian = "{given} hanya punya sisa {outstanding}: tidak bisa dilunasi atau dihapus lebih dari itu."


class AlreadyHeld(Conflict):
    code = ErrorCode.ALREADY_HELD
    english = "The credit of {given} is held already. To let it settle invoices, apply the customer's credit."
    indonesian = "Titipan dari {given} sudah ditahan. Untuk memakainya, terapkan titipan pelanggan itu."


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


class SumOutOfRange(Conflict):
    code = ErrorCode.SUM_OUT_OF_RANGE
    english = "The amounts add up to more than 2^63 rupiah, so some must be wrong. Find the largest, and reverse or void them."
    indonesian = "Jumlahnya melebihi 2^63 rupiah, jadi ada nominal yang salah. Cari yang terbesar, lalu batalkan."


class LinkInUse(Conflict):
    """A report's address that is being downloaded already."""

    code = ErrorCode.LINK_IN_USE
    english = "The report at this address is being downloaded already. Wait until it is finished, or ask for a new address."
    indonesian = "Laporan di alamat ini masih diunduh. Tunggu sampai selesai, atau minta alamat baru."


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


class TooManyReports(AccessError):
    """More reports of one user than may be made at once."""

    code = ErrorCode.TOO_MANY_REPORTS
    english = "You are downloading {most} reports already. Wait until one is finished, then try again."
    indonesian = "Anda sedang mengunduh {most} laporan. Tunggu sampai salah satu selesai, lalu coba lagi."


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


class ReportsBusy(Unavailable):
    """As many reports of all users are being made as may be at once."""

    code = ErrorCode.REPORTS_BUSY
    english = "The server is making {most} reports already, the most at a time. Try again in {seconds} seconds."
    indonesian = "Server sedang membuat {most} laporan, paling banyak sekaligus. Coba lagi dalam {seconds} detik."


class InvalidSetting(SebillingError):
    """A setting with which nothing can start."""

    code = ErrorCode.INVALID_SETTING
    english = "{setting} can't be used: {why}"
    indonesian = "{setting} tidak bisa dipakai: {why}"
