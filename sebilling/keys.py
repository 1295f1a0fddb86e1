"""The deployment's secret key: the setting SEBILLING_SECRET_KEY, or a file that is created at first use."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from sebilling.config import Settings
from sebilling.language import Sentence
from sebilling.operator_errors import InvalidSetting

KEY_FILE: Final = "secret.key"
_KEY_BYTES: Final = 32


def key_in(folder: Path) -> bytes:
    """Return the key in `folder`; create a random one at first use, readable only by its owner.

    Several servers without a shared folder need the setting SEBILLING_SECRET_KEY instead. Raises InvalidSetting if the file can't be
    created or read, or has the wrong size: a key truncated by a full disk or an incomplete copy could be guessed.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = folder / f"secret.{secrets.token_hex(4)}.new"
            made.touch(mode=0o600)
            with made.open("wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was faster: use its key
                path.hardlink_to(made)
            made.unlink()
        key = path.read_bytes()
    except OSError as error:
        why = Sentence(
            f"the key file can't be created or read there ({error.strerror}): allow this user to write there, or set another folder.",
            f"berkas kunci tidak bisa dibuat atau dibaca di sana ({error.strerror}): izinkan pengguna ini menulis, atau pakai folder lain.",
        )
        raise InvalidSetting(setting=f"SEBILLING_VAR={folder}", why=why) from error
    if len(key) != _KEY_BYTES:
        why = Sentence(
            f"it has {len(key)} bytes, but a key has {_KEY_BYTES}: restore the file from its backup. If the key is lost, delete the"
            " file; devices' settings and two-step sign-in must then be set up again.",
            f"isinya {len(key)} byte, padahal kunci {_KEY_BYTES} byte: pulihkan dari cadangan. Bila kuncinya hilang, hapus berkas ini;"
            " pengaturan perangkat dan masuk dua langkah lalu harus diisi ulang.",
        )
        raise InvalidSetting(setting=str(path), why=why)
    return key


def key_of(settings: Settings) -> bytes:
    """Return the key of a deployment. Raises InvalidSetting as `key_in`."""
    return key_in(settings.var) if settings.secret_key is None else derived(settings.secret_key.get_secret_value())


def derived(secret: str) -> bytes:
    """Derive the key from the secret in the settings."""
    return hashlib.sha256(b"sebilling links " + secret.encode()).digest()
