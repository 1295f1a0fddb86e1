"""The deployment's own key: from the setting SEBILLING_SECRET_KEY, or a file that is made at first use."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from sebilling.errors import InvalidSetting, Sentence

KEY_FILE: Final = "secret.key"
_KEY_BYTES: Final = 32


def key_in(folder: Path) -> bytes:
    """The deployment's own key, made by chance at its first use and kept in `folder`, readable by its owner alone.

    Several servers that share no folder need the setting SEBILLING_SECRET_KEY instead. Raises InvalidSetting if the file can't be made
    or read, or isn't a whole key: one that a full disk or a copy cut short could be guessed.
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
            with suppress(FileExistsError):  # another process was faster: its key holds
                path.hardlink_to(made)
            made.unlink()
        key = path.read_bytes()
    except OSError as error:
        why = Sentence(
            f"the key file can't be made or read there ({error.strerror}): let this user write there, or set another folder.",
            f"berkas kunci tidak bisa dibuat atau dibaca di sana ({error.strerror}): izinkan pengguna ini menulis, atau pakai folder lain.",
        )
        raise InvalidSetting(setting=f"SEBILLING_VAR={folder}", why=why) from error
    if len(key) != _KEY_BYTES:
        why = Sentence(
            f"it holds {len(key)} bytes and a key has {_KEY_BYTES}: bring it back from where it was kept. With the key lost, remove the"
            " file; devices' settings and two-step sign-in must then be entered anew.",
            f"isinya {len(key)} byte, padahal kunci {_KEY_BYTES} byte: kembalikan dari simpanan. Bila kuncinya hilang, hapus berkas ini;"
            " pengaturan perangkat dan masuk dua langkah lalu harus diisi ulang.",
        )
        raise InvalidSetting(setting=str(path), why=why)
    return key


def derived(secret: str) -> bytes:
    """The key of a secret that was set."""
    return hashlib.sha256(b"sebilling links " + secret.encode()).digest()
