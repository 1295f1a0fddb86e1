"""Devices' settings at rest: encrypted as a whole, by a key that lies outside the database (SEBILLING_SECRET_KEY, or VAR/secret.key)."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

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
            raise Undecipherable("device settings were encrypted by another key: set SEBILLING_SECRET_KEY to the one of then") from error
        return settings

    def renew(self, locked: bytes) -> bytes:
        """The same, encrypted by the first key. Raises Undecipherable."""
        return self.lock(self.open(locked))


def _fernet(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(_PURPOSE + key).digest()))
