"""Signed addresses that live a few minutes: to look at a proof, print a receipt, fetch a report, in a browser without a token.

The signature says what may be fetched and by whom; whether that user still may is asked again when it is fetched.
"""

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from sebilling.errors import InvalidSetting, Sentence

LIFETIME: Final = timedelta(minutes=5)
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Link:
    """What may be fetched: its kind, what the kind needs to know, and for whom."""

    kind: str
    about: dict[str, Any]
    user_id: int


def sign(link: Link, *, key: bytes, at: datetime) -> str:
    """A token for an address, good until `at` + LIFETIME. It hides nothing: it only can't be made or changed by others."""
    body = _text(orjson.dumps([link.kind, link.about, link.user_id, int((at + LIFETIME).timestamp())]))
    return f"{body}.{_mac(key, body)}"


def read(token: str, *, key: bytes, at: datetime) -> Link | None:
    """What the token allows at `at`; None if it wasn't signed with this key or its time is over."""
    body, _, mac = token.partition(".")
    # Texts are compared, not what they decode to: base64 has several spellings of the same bytes, and only one is ours.
    if not hmac.compare_digest(mac.encode(errors="replace"), _mac(key, body).encode()):
        return None
    kind, about, user_id, until = orjson.loads(_bytes(body))
    left = datetime.fromtimestamp(until, UTC) - at
    # One that would live longer than any was signed while the clock was ahead.
    return Link(kind, about, user_id) if timedelta(0) < left <= 2 * LIFETIME else None


def key_in(folder: Path) -> bytes:
    """The deployment's own key, made by chance at its first use and kept in `folder`, readable by its owner alone.

    Several servers that share no folder need the setting SEBILLING_SECRET_KEY instead. Raises InvalidSetting if the file can't be made
    or read, or isn't a whole key: one that a full disk or a copy cut short could be guessed.
    """
    path = folder / "secret.key"
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


def _mac(key: bytes, body: str) -> str:
    return _text(hmac.new(key, body.encode(errors="replace"), hashlib.sha256).digest())


def _text(given: bytes) -> str:
    return base64.urlsafe_b64encode(given).decode().rstrip("=")


def _bytes(given: str) -> bytes:
    return base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
