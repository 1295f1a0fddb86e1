"""Errors about who the caller is and what they may do: leaves of the tree in errors.py."""

from sebilling.error_codes import ErrorCode
from sebilling.errors import Conflict, SebillingError


class AccessError(SebillingError):
    """The caller is not allowed to do this."""


class OwnAccount(Conflict):
    code = ErrorCode.OWN_ACCOUNT
    english = "You can't do this to your own account: ask another ADMIN; change your own password with changePassword."
    indonesian = "Ini tidak boleh dilakukan pada akun sendiri: minta ADMIN lain; ganti kata sandi sendiri dengan changePassword."


class LastAdmin(Conflict):
    code = ErrorCode.LAST_ADMIN
    english = "{given} is the last active ADMIN: make someone else ADMIN first."
    indonesian = "{given} adalah ADMIN aktif terakhir: jadikan orang lain ADMIN dulu."
    given: object


class TwoStepState(Conflict):
    code = ErrorCode.TWO_STEP_STATE
    english = "Two-step sign-in is in the wrong state for this: turn it on with startTotp and then confirmTotp, or off with disableTotp."
    indonesian = (
        "Status masuk dua langkah tidak sesuai untuk ini: untuk mengaktifkan, startTotp lalu confirmTotp; untuk mematikan, disableTotp."
    )


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
    seconds: int


class CodeNeeded(AccessError):
    """The password was right, and the account has two-step sign-in."""

    code = ErrorCode.CODE_NEEDED
    english = "This account has two-step sign-in: enter the code of your authenticator app, or a recovery code."
    indonesian = "Akun ini memakai masuk dua langkah: isi kode dari aplikasi autentikator, atau kode pemulihan."


class WrongCode(AccessError):
    code = ErrorCode.WRONG_CODE
    english = "This code is wrong, expired or already used: wait for the next one, or check the clock of your phone."
    indonesian = "Kode ini salah, kedaluwarsa, atau sudah dipakai: tunggu kode berikutnya, atau periksa jam ponsel Anda."


class PasswordChangeNeeded(AccessError):
    """The password was right, but is valid for one sign-in only."""

    code = ErrorCode.PASSWORD_CHANGE_NEEDED
    english = "This password is valid for one sign-in only: choose your own and send it as newPassword."
    indonesian = "Kata sandi ini hanya untuk sekali masuk: pilih kata sandi sendiri dan kirimkan sebagai newPassword."


class Forbidden(AccessError):
    code = ErrorCode.FORBIDDEN
    english = "Your role is not allowed to do this: ask someone with the role {roles}."
    indonesian = "Peran Anda tidak boleh melakukan ini: minta kepada yang berperan {roles}."
    roles: str


class TooManyRequests(AccessError):
    """More concurrent requests of one user, or of one anonymous address, than are allowed."""

    code = ErrorCode.TOO_MANY_REQUESTS
    english = "{most} of your requests are already being answered: wait for them, then send the next."
    indonesian = "{most} permintaan Anda masih diproses: tunggu selesai, lalu kirim yang berikutnya."
    most: int


class TooManyReports(AccessError):
    """More concurrent reports of one user than are allowed."""

    code = ErrorCode.TOO_MANY_REPORTS
    english = "You are already downloading {most} reports. Wait until one is finished, then try again."
    indonesian = "Anda sudah mengunduh {most} laporan sekaligus. Tunggu sampai salah satu selesai, lalu coba lagi."
    most: int
