"""Devices' settings at rest: encrypted as a whole, by a key that lies outside the database (SEBILLING_SECRET_KEY, or VAR/secret.key)."""

import base64
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from sebilling import keys
from sebilling.config import Settings

_PURPOSE: Final = b"sebilling device settings"


class Undecipherable(Exception):
    """It was encrypted by another key."""


class Vault:
    """Encrypts by the first key, reads by any."""

    def __init__(self, key: bytes, *older: bytes) -> None:
        self._fernet = MultiFernet([_fernet(one) for one in (key, *older)])

    def lock(self, settings: Mapping[str, Any]) -> bytes:
        """The settings as bytes that tell nothing."""
        return self._fernet.encrypt(orjson.dumps(settings))

    def open(self, locked: bytes) -> dict[str, Any]:
        """The settings. Raises Undecipherable."""
        try:
            settings: dict[str, Any] = orjson.loads(self._fernet.decrypt(locked))
        except InvalidToken as error:
            raise Undecipherable("settings were encrypted by another key: set SEBILLING_SECRET_KEY(_OLD) to the one of then") from error
        return settings

    def opens(self, locked: bytes) -> bool:
        """Whether one of the keys is that by which it was encrypted."""
        try:
            self.open(locked)
        except Undecipherable:
            return False
        return True

    def renew(self, locked: bytes) -> bytes:
        """The same, encrypted by the first key. Raises Undecipherable."""
        return self.lock(self.open(locked))


def vault_of(settings: Settings) -> Vault:
    """The vault of a deployment, for its servers and commands alike. Raises InvalidSetting if the key file can't be used.

    Where SEBILLING_SECRET_KEY is set, VAR's key file is an old key if it is there: settings that were encrypted before the key
    was set can still be read, and `sebilling secrets rotate` can encrypt them anew. No key file is made then.
    """
    old = [] if settings.secret_key_old is None else [keys.derived(settings.secret_key_old.get_secret_value())]
    if settings.secret_key is None:
        return Vault(keys.key_in(settings.var), *old)
    with suppress(OSError):  # it isn't there, or is another user's: then it is no key of ours
        old.append((settings.var / keys.KEY_FILE).read_bytes())
    return Vault(keys.derived(settings.secret_key.get_secret_value()), *old)


def has_older_key(settings: Settings) -> bool:
    """Whether there is a key before the present one, from which `sebilling secrets rotate` could come."""
    return settings.secret_key_old is not None or (settings.secret_key is not None and (settings.var / keys.KEY_FILE).is_file())


def _fernet(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(_PURPOSE + key).digest()))
