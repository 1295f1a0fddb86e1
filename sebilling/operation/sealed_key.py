"""The secret key in a backup, sealed with a passphrase, so that one file and one remembered sentence bring everything back."""

import base64
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from sebilling import keys
from sebilling.config import Settings
from sebilling.language import Sentence
from sebilling.operator_errors import InvalidSetting

_SALT_BYTES: Final = 16
_WORK: Final = 2**15
"""Cost of scrypt: 32 MiB and about 0.1 s for each guess (RFC 7914 with r = 8, p = 1)."""
_MEMORY_BYTES: Final = 64 * 1024 * 1024
_WRONG: Final = Sentence(
    "the backup's secret key isn't sealed with this passphrase: set the one that was set when the backup was made.",
    "kunci rahasia di cadangan tidak terkunci dengan frasa ini: isi frasa yang dipakai saat cadangan dibuat.",
)
_IN_THE_WAY: Final = Sentence(
    "it is another key than the backup's: move it away, and restore again.",
    "isinya bukan kunci dari cadangan ini: pindahkan dulu, lalu pulihkan lagi.",
)
UNSEALED: Final = Sentence(
    "the secret key is in the backup, sealed with it, and there is no other here: set it.",
    "kunci rahasia ada di cadangan, terkunci dengan frasa ini, dan di sini tidak ada kunci lain: isi dulu.",
)


def _fernet_key(passphrase: str, salt: bytes) -> bytes:
    derived = hashlib.scrypt(passphrase.encode(), salt=salt, n=_WORK, r=8, p=1, maxmem=_MEMORY_BYTES, dklen=32)
    return base64.urlsafe_b64encode(derived)


def seal(key: bytes, passphrase: str) -> bytes:
    """Encrypt the key with the passphrase."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - it takes 6 MB; see vault.py

    salt = os.urandom(_SALT_BYTES)
    return salt + Fernet(_fernet_key(passphrase, salt)).encrypt(key)


def unseal(sealed: bytes, passphrase: str) -> bytes:
    """Decrypt the key. Raises InvalidSetting if the passphrase is another one."""
    from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415 - as above

    try:
        return Fernet(_fernet_key(passphrase, sealed[:_SALT_BYTES])).decrypt(sealed[_SALT_BYTES:])
    except InvalidToken as error:
        raise InvalidSetting(setting="SEBILLING_BACKUP_PASSPHRASE", why=_WRONG) from error


def current(settings: Settings) -> bytes:
    """Return the key with which the deployment encrypts now. Raises InvalidSetting if the key file can't be used."""
    return keys.key_in(settings.var) if settings.secret_key is None else keys.derived(settings.secret_key.get_secret_value())


def is_here(settings: Settings) -> bool:
    """Whether the deployment has a key, without making one."""
    return settings.secret_key is not None or (settings.var / keys.KEY_FILE).is_file()


def check_place(settings: Settings, key: bytes) -> None:
    """Check that the key can be put back. Raises InvalidSetting if another key file is in the way, OSError."""
    with suppress(FileNotFoundError):
        if (settings.var / keys.KEY_FILE).read_bytes() != key:
            raise InvalidSetting(setting=str(settings.var / keys.KEY_FILE), why=_IN_THE_WAY)


def put_back(settings: Settings, key: bytes) -> None:
    """Write the key to the key file in VAR, unless it is there or in the settings.

    With another SEBILLING_SECRET_KEY set, the key file counts as the previous key: `sebilling secrets rotate` changes to the set one.
    Raises OSError.
    """
    file = settings.var / keys.KEY_FILE
    is_set = settings.secret_key is not None and keys.derived(settings.secret_key.get_secret_value()) == key
    if not is_set and not file.exists():
        _write(file, key)


def _write(file: Path, key: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        raw.write(key)
        raw.flush()
        os.fsync(raw.fileno())
