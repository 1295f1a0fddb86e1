"""Encryption of devices' settings at rest, with a key outside the database (SEBILLING_SECRET_KEY, or VAR/secret.key)."""

import base64
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Final

import orjson
from pydantic import JsonValue

from sebilling import keys
from sebilling.config import Settings
from sebilling.language import Sentence

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_PURPOSE: Final = b"sebilling device settings"
_OTHER_KEY: Final = Sentence(
    "settings were encrypted with another key: set SEBILLING_SECRET_KEY or SEBILLING_SECRET_KEY_OLD to that key",
    "pengaturannya dienkripsi dengan kunci lain: isi SEBILLING_SECRET_KEY atau SEBILLING_SECRET_KEY_OLD dengan kunci itu",
)


class Undecipherable(Exception):
    """It was encrypted with another key."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why.english)
        self.why = why


class Vault:
    """Encrypts with the first key, decrypts with any. The first use imports cryptography, which takes 6 MB."""

    def __init__(self, key: bytes, *older: bytes) -> None:
        self._keys = (key, *older)

    @cached_property
    def _fernet(self) -> "MultiFernet":
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - see the class

        return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(_PURPOSE + key).digest())) for key in self._keys])

    def lock(self, settings: Mapping[str, object]) -> bytes:
        """Encrypt the settings."""
        return self._fernet.encrypt(orjson.dumps(settings))

    def open(self, locked: bytes) -> dict[str, JsonValue]:
        """Decrypt the settings. Raises Undecipherable."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see the class

        try:
            settings: dict[str, JsonValue] = orjson.loads(self._fernet.decrypt(locked))
        except InvalidToken as error:
            raise Undecipherable(_OTHER_KEY) from error
        return settings

    def opens(self, locked: bytes) -> bool:
        """Whether one of the keys can decrypt it."""
        try:
            self.open(locked)
        except Undecipherable:
            return False
        return True

    def renew(self, locked: bytes) -> bytes:
        """Encrypt it again with the first key. Raises Undecipherable."""
        return self.lock(self.open(locked))


def vault_of(settings: Settings) -> Vault:
    """Return the vault of a deployment, for servers and commands alike. Raises InvalidSetting if the key file can't be used.

    If SEBILLING_SECRET_KEY is set, an existing key file in VAR counts as an old key: settings that were encrypted before the key
    was set can still be read, and `sebilling secrets rotate` can encrypt them again. No key file is created then.
    """
    old = [] if settings.secret_key_old is None else [keys.derived(settings.secret_key_old.get_secret_value())]
    if settings.secret_key is None:
        return Vault(keys.key_in(settings.var), *old)
    with suppress(OSError):  # it doesn't exist or belongs to another user: then it is not our key
        old.append((settings.var / keys.KEY_FILE).read_bytes())
    return Vault(keys.derived(settings.secret_key.get_secret_value()), *old)


def has_older_key(settings: Settings) -> bool:
    """Whether there is a previous key, from which `sebilling secrets rotate` could change to the current one."""
    return settings.secret_key_old is not None or (settings.secret_key is not None and (settings.var / keys.KEY_FILE).is_file())
