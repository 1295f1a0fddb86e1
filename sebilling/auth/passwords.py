"""Passwords, as argon2id hashes (RFC 9106, second recommended option: 64 MiB, 3 passes)."""

import asyncio
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from sebilling.errors import InvalidText

LEAST_CHARACTERS: Final = 10
_MOST_CHARACTERS: Final = 200
_HASHER: Final = PasswordHasher()
_DECOY: Final = _HASHER.hash(secrets.token_urlsafe())
"""Checked when there is no such user, so that the time of an answer doesn't tell."""
_HASHING: Final = asyncio.Semaphore(2)
"""Each check takes 64 MiB and a core for 50 ms: more at once would only starve the rest."""


async def hashed(password: str) -> str:
    """The hash to keep. Raises InvalidText for fewer than LEAST_CHARACTERS or more than 200 characters."""
    if not LEAST_CHARACTERS <= len(password) <= _MOST_CHARACTERS:
        why = f"use {LEAST_CHARACTERS} to {_MOST_CHARACTERS} characters."
        raise InvalidText(field=("input", "password"), what="The password", why=why)
    async with _HASHING:
        return await asyncio.to_thread(_HASHER.hash, password)


async def matches(password: str, kept: str | None) -> bool:
    """Whether the password is the one of the hash; takes as long for None (no such user), and says no."""

    def verify() -> bool:
        try:
            return _HASHER.verify(kept or _DECOY, password[:_MOST_CHARACTERS])
        except VerificationError:
            return False

    async with _HASHING:
        return await asyncio.to_thread(verify) and kept is not None


def random_password() -> str:
    """A password that nobody chose, 16 characters to read aloud without doubt: no 0/O, 1/l/I."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(16))
