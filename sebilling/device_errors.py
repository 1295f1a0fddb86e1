"""What can go wrong with devices: leaves of the tree in errors.py."""

from sebilling.error_codes import ErrorCode
from sebilling.errors import Conflict, InvalidInput


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


class SecretNeeded(InvalidInput):
    """A device's secret would go to another place than the one that it was entered for."""

    code = ErrorCode.SECRET_NEEDED
    english = "{changed} changed, so the stored secrets would go to another place: enter {secrets} again, or leave {changed} unchanged."
    indonesian = (
        "{changed} berubah, sehingga rahasia yang tersimpan akan terkirim ke tempat lain: isi lagi {secrets},"
        " atau biarkan {changed} seperti semula."
    )


class AddressRefused(InvalidInput):
    """An address where no device is, such as this machine's own."""

    code = ErrorCode.ADDRESS_REFUSED
    english = (
        "No device is connected to at {address}: {place}. Enter the device's own address; in a lab, let the operator set"
        " SEBILLING_DEVICE_NETWORKS={remedy}."
    )
    indonesian = (
        "Perangkat tidak dihubungi di {address}: {place}. Isi alamat perangkat itu sendiri; di lab, minta operator mengatur"
        " SEBILLING_DEVICE_NETWORKS={remedy}."
    )


class SecretKeyMissing(InvalidInput):
    """Settings that were encrypted by a key which isn't here, such as after a restore without it."""

    code = ErrorCode.SECRET_KEY_MISSING
    english = (
        "The settings of '{device}' were encrypted by a secret key that isn't here, so nothing can be done there: bring back"
        " SEBILLING_SECRET_KEY (or SEBILLING_SECRET_KEY_OLD, or the key file), or enter the device's settings anew."
    )
    indonesian = (
        "Pengaturan '{device}' dienkripsi dengan kunci rahasia yang tidak ada di sini, jadi tidak bisa dikerjakan: kembalikan"
        " SEBILLING_SECRET_KEY (atau SEBILLING_SECRET_KEY_OLD, atau berkas kuncinya), atau isi ulang pengaturan perangkatnya."
    )
