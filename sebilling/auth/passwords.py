"""Password rules and argon2id hashes (RFC 9106, second recommended option: 64 MiB, 3 passes)."""

import asyncio
import hmac
import secrets
from base64 import b64encode
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from sebilling.auth.common_passwords import COMMON_PASSWORDS
from sebilling.errors import InputPath, InvalidText
from sebilling.language import Sentence

MIN_CHARACTERS: Final = 10
_MAX_CHARACTERS: Final = 200
_MIN_DIFFERENT: Final = 3
_HASHER: Final = PasswordHasher()
_ARGON2_VERSION: Final = 0x13
"""Version of the algorithm in RFC 9106, by which the library computes."""
_HASHING: Final = asyncio.Semaphore(2)
"""Each check takes 64 MiB and a core for 50 ms: more at once would only slow down all other requests."""
_READ_ALOUD: Final = "abcdefghjkmnpqrstuvwxyz23456789"


async def hashed(password: str, *, username: str = "", field: InputPath = "password") -> str:
    """Check a new password and return its hash. Raises InvalidText as `check` does."""
    check(password, username=username, field=field)
    async with _HASHING:
        return await asyncio.to_thread(_HASHER.hash, password)


def check(password: str, *, username: str = "", field: InputPath = "password") -> None:
    """Check a new password: MIN_CHARACTERS to 200 characters, not the user name, not a common password. There are no rules about
    kinds of characters: they lead to passwords that are easy to guess and hard to remember.

    Raises InvalidText, which doesn't contain the password.
    """
    why = None
    if not MIN_CHARACTERS <= len(password) <= _MAX_CHARACTERS:
        why = Sentence(
            f"use {MIN_CHARACTERS} to {_MAX_CHARACTERS} characters.", f"pakai {MIN_CHARACTERS} sampai {_MAX_CHARACTERS} karakter."
        )
    elif username and password.casefold() == username.casefold():
        why = Sentence("it is the user name; choose another.", "sama dengan nama pengguna; pilih yang lain.")
    elif password.casefold() in COMMON_PASSWORDS or len(set(password)) < _MIN_DIFFERENT:
        why = Sentence(
            "it is easy to guess; choose another, such as a few words that only you would combine.",
            "mudah ditebak; pilih yang lain, misalnya beberapa kata yang hanya Anda sendiri yang akan merangkainya.",
        )
    if why:
        raise InvalidText(field=field, what=Sentence("The password", "Kata sandi ini"), why=why)


async def matches(password: str, kept: str | None) -> bool:
    """Whether the password matches the hash. For None (no such user) it takes as long and returns False."""
    wanted = kept or _decoy()

    def verify() -> bool:
        try:
            return _HASHER.verify(wanted, password[:_MAX_CHARACTERS])
        except VerificationError:
            return False

    async with _HASHING:
        return await asyncio.to_thread(verify) and bool(kept)


def _decoy() -> str:
    """Return a hash without a known password, checked for unknown users so that the response time doesn't reveal them. It is composed
    from random bytes, as computing one would cost every command 0.1 s.
    """
    salt, digest = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (_HASHER.salt_len, _HASHER.hash_len))
    return f"$argon2id$v={_ARGON2_VERSION}$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}${salt}${digest}"


async def renewed(password: str, kept: str) -> str | None:
    """Return a new hash of a matching password if the stored one was made with outdated parameters; else None."""
    if not _HASHER.check_needs_rehash(kept):
        return None
    async with _HASHING:
        return await asyncio.to_thread(_HASHER.hash, password)


def random_password() -> str:
    """Return a random password of 16 characters that can't be confused when read aloud: no 0/O, 1/l/I."""
    return "".join(secrets.choice(_READ_ALOUD) for _ in range(16))


def repeated_password(secret: bytes, *about: str) -> str:
    """Return the password that the server's secret makes of these texts, as random_password() looks: the same for the same texts, so
    that it can be told again without being stored. Nobody without the secret can guess it (2^79 possibilities).
    """
    number = int.from_bytes(hmac.digest(secret, b"one-time password\0" + "\0".join(about).encode(), "sha256"))
    characters = []
    for _ in range(16):
        number, index = divmod(number, len(_READ_ALOUD))
        characters.append(_READ_ALOUD[index])
    return "".join(characters)
