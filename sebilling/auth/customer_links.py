"""Links to a customer's own page: signed, without an end, as they stand on papers. Who has the paper may see what it is about."""

import base64
import hashlib
import hmac
from typing import Final

_BYTES: Final = 16
"""Of the signature: 128 bits can't be guessed, and the link stays short enough to be typed."""
_NUMBER_BYTES: Final = 5
"""With the signature a multiple of three: base64 then has one spelling of it, without padding."""


def path(customer_id: int, *, key: bytes) -> str:
    """Return the path of a customer's page, such as `/tagihan/…`."""
    number = customer_id.to_bytes(_NUMBER_BYTES, "big")
    return f"/tagihan/{base64.urlsafe_b64encode(number + _signature(number, key)).decode()}"


def address(customer_id: int, *, key: bytes, public_url: str | None) -> str:
    """Return the whole address of a customer's page, for a message; empty if the server's own isn't set (SEBILLING_PUBLIC_URL)."""
    return "" if public_url is None else f"{public_url}{path(customer_id, key=key)}"


def customer_of(token: str, *, key: bytes) -> int | None:
    """Return the customer of a link; None if it wasn't signed with this key."""
    try:
        content = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        return None
    customer_id = int.from_bytes(content[:_NUMBER_BYTES], "big")
    # The texts are compared, not the bytes: the decoder takes several spellings.
    signed = hmac.compare_digest(f"/tagihan/{token}".encode(), path(customer_id, key=key).encode())
    return customer_id if signed else None


def _signature(number: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"customer's page" + number, hashlib.sha256).digest()[:_BYTES]
