"""Errors about devices: leaves of the tree in errors.py."""

from sebilling.error_codes import ErrorCode
from sebilling.errors import Conflict, InvalidInput, Words


class DeviceInUse(Conflict):
    code = ErrorCode.DEVICE_IN_USE
    english = "Device '{given}' still has {count} customers: move them to another device first, or disable this one."
    indonesian = "Perangkat '{given}' masih punya {count} pelanggan: pindahkan dulu, atau nonaktifkan perangkatnya."
    given: object
    count: int


class AccessInUse(Conflict):
    code = ErrorCode.ACCESS_IN_USE
    english = "'{given}' is blocked on its device, or being changed there: restore the customer first."
    indonesian = "'{given}' sedang terisolir atau sedang diubah di perangkatnya: pulihkan dulu pelanggannya."
    given: object


class DeviceBusy(Conflict):
    code = ErrorCode.DEVICE_BUSY
    english = "A worker is using device '{given}', and only one may at a time: try again in a minute."
    indonesian = "Perangkat '{given}' sedang dipakai worker, dan hanya satu yang boleh pada satu waktu: coba lagi sebentar lagi."
    given: object


class DeviceUnusable(Conflict):
    """A device that doesn't answer now, or whose driver can't do what was asked."""

    code = ErrorCode.DEVICE_UNUSABLE
    english = "'{device}' can't be read now: {why}"
    indonesian = "'{device}' tidak bisa dibaca sekarang: {why}"
    device: str
    why: Words


class InvalidDevice(InvalidInput):
    """Settings that the driver rejects, or a driver that is not installed."""

    code = ErrorCode.INVALID_DEVICE
    english = "The device can't be configured this way: {why}"
    indonesian = "Perangkat tidak bisa diatur seperti ini: {why}"
    why: Words


class SecretNeeded(InvalidInput):
    """A device's secret would be sent to another address than the one it was entered for."""

    code = ErrorCode.SECRET_NEEDED
    english = "{changed} changed, so the stored secrets would be sent elsewhere: enter {secrets} again, or leave {changed} unchanged."
    indonesian = (
        "{changed} berubah, sehingga rahasia yang tersimpan akan terkirim ke tempat lain: isi lagi {secrets},"
        " atau biarkan {changed} seperti semula."
    )
    changed: object
    secrets: object


class AddressRefused(InvalidInput):
    """An address that is never a device, such as this machine's own."""

    code = ErrorCode.ADDRESS_REFUSED
    english = (
        "SeBilling does not connect to {address}: {place}. Enter the device's own address; in a lab, ask the operator to set"
        " SEBILLING_DEVICE_NETWORKS={remedy}."
    )
    indonesian = (
        "SeBilling tidak menghubungi {address}: {place}. Isi alamat perangkat itu sendiri; di lab, minta operator mengatur"
        " SEBILLING_DEVICE_NETWORKS={remedy}."
    )
    address: object
    place: Words
    remedy: object


class SecretKeyMissing(InvalidInput):
    """Settings that were encrypted with a missing key, such as after a restore without it."""

    code = ErrorCode.SECRET_KEY_MISSING
    english = (
        "The settings of '{device}' were encrypted with a secret key that is missing here, so the device can't be used: restore"
        " SEBILLING_SECRET_KEY (or SEBILLING_SECRET_KEY_OLD, or the key file), or enter the device's settings again."
    )
    indonesian = (
        "Pengaturan '{device}' dienkripsi dengan kunci rahasia yang tidak ada di sini, jadi perangkatnya tidak bisa dipakai: kembalikan"
        " SEBILLING_SECRET_KEY (atau SEBILLING_SECRET_KEY_OLD, atau berkas kuncinya), atau isi ulang pengaturan perangkatnya."
    )
    device: str
