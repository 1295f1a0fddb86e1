"""Signed links, valid for a few minutes: to view a proof, print a receipt or download a report in a browser without a token.

The signature covers what may be fetched and by whom; the user's permission is checked again when it is fetched.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import ConfigDict, TypeAdapter

LIFETIME: Final = timedelta(minutes=5)
_BODY: Final[TypeAdapter[tuple[str, dict[str, int | str], int, int]]] = TypeAdapter(
    tuple[str, dict[str, int | str], int, int], config=ConfigDict(defer_build=True)
)
"""What is signed: the fields of a Link, and the second at which it expires. Built when the first link is signed or read."""


@dataclass(frozen=True, slots=True)
class Link:
    """Content of a link: the kind of document, its parameters, and the user it was signed for."""

    kind: str
    about: dict[str, int | str]
    user_id: int


def sign(link: Link, *, key: bytes, at: datetime) -> str:
    """Return a token for a link, valid until `at` + LIFETIME. It is signed, not encrypted."""
    body = _text(_BODY.dump_json((link.kind, link.about, link.user_id, int((at + LIFETIME).timestamp()))))
    return f"{body}.{_mac(key, body)}"


def read(token: str, *, key: bytes, at: datetime) -> Link | None:
    """Return the link of a token that is valid at `at`; None if it wasn't signed with this key or has expired."""
    body, _, mac = token.partition(".")
    # The texts are compared, not the decoded bytes: base64 has several spellings of the same bytes, and only one is valid here.
    if not hmac.compare_digest(mac.encode(errors="replace"), _mac(key, body).encode()):
        return None
    kind, about, user_id, until = _BODY.validate_json(_bytes(body))
    left = datetime.fromtimestamp(until, UTC) - at
    # A token that expires later than LIFETIME allows was signed while the clock was ahead.
    return Link(kind, about, user_id) if timedelta(0) < left <= 2 * LIFETIME else None


def _mac(key: bytes, body: str) -> str:
    return _text(hmac.new(key, body.encode(errors="replace"), hashlib.sha256).digest())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
