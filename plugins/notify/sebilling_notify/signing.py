"""Sign webhooks: HMAC-SHA256 over `<timestamp>.<body>`, so that neither the body nor the time can be changed."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

EVENT: Final = "SeBilling-Event"
TIMESTAMP: Final = "SeBilling-Timestamp"
SIGNATURE: Final = "SeBilling-Signature"
TOLERANCE_SECONDS: Final = 300


def sign(secret: str, *, timestamp: int, body: bytes) -> str:
    """Return the value of the header SeBilling-Signature; `timestamp` is Unix time in seconds."""
    return "v1=" + hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256).hexdigest()


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, *, now: int) -> bool:
    """For receivers: whether the request was signed with the secret at most five minutes ago. Store event ids to detect repeats."""
    lower = {name.lower(): value for name, value in headers.items()}
    timestamp = lower.get(TIMESTAMP.lower(), "")
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    return hmac.compare_digest(lower.get(SIGNATURE.lower(), "").encode(), sign(secret, timestamp=int(timestamp), body=body).encode())
