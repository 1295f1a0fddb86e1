"""Signed addresses that live a few minutes: to look at a proof, print a receipt, fetch a report, in a browser without a token.

The signature says what may be fetched and by whom; whether that user still may is asked again when it is fetched.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

LIFETIME: Final = timedelta(minutes=5)


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


def _mac(key: bytes, body: str) -> str:
    return _text(hmac.new(key, body.encode(errors="replace"), hashlib.sha256).digest())


def _text(given: bytes) -> str:
    return base64.urlsafe_b64encode(given).decode().rstrip("=")


def _bytes(given: str) -> bytes:
    return base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
