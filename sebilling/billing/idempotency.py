"""Keys of requests that must take effect once: the same key and body again is the same deed, another body a mistake."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import text

from sebilling.db.engine import WriteSession
from sebilling.errors import IdempotencyMismatch, InvalidText

_CLAIM: Final = text(
    """
    INSERT INTO idempotency_key (user_id, key, operation, fingerprint, result_id, created_at)
    VALUES (:user, :key, :operation, :fingerprint,
            coalesce(CAST(:result AS bigint), nextval(pg_get_serial_sequence(:table, 'id'))), :at)
    ON CONFLICT DO NOTHING RETURNING result_id
    """
)
_CLAIMED: Final = text("SELECT operation, fingerprint, result_id FROM idempotency_key WHERE user_id = :user AND key = :key")


@dataclass(frozen=True, slots=True)
class Claim:
    """The row that the deed makes, or made when the key came first (`replayed`)."""

    result_id: int
    replayed: bool


async def claim(
    session: WriteSession, operation: str, given: str, body: Any, *, table: str | None = None, result_id: int | None = None
) -> Claim:
    """Take the key `given` for `operation` with `body` (JSON), whose result is a new row of `table` or the row `result_id`.

    A second request with the key waits here until the first has ended. Raises InvalidText, IdempotencyMismatch.
    """
    taken, fingerprint, user = key(given), hashlib.sha256(orjson.dumps(body)).digest(), session.actor.user_id or 0
    row = {"user": user, "key": taken, "operation": operation, "fingerprint": fingerprint, "at": session.at}
    new: int | None = await session.value(_CLAIM, {**row, "table": table, "result": result_id})
    if new is not None:
        return Claim(new, replayed=False)
    earlier = await session.row(_CLAIMED, {"user": user, "key": taken})
    if earlier is None or earlier.operation != operation or bytes(earlier.fingerprint) != fingerprint:
        raise IdempotencyMismatch(field=("input", "idempotencyKey"), key=taken)
    return Claim(earlier.result_id, replayed=True)


def key(given: str) -> str:
    """The key, if it is 8 to 100 visible ASCII characters. Raises InvalidText."""
    if not 8 <= len(given) <= 100 or not given.isascii() or not given.isprintable():
        why = "give 8 to 100 letters, digits or signs, a new one (such as a UUID) for each new deed."
        raise InvalidText(field=("input", "idempotencyKey"), what="The idempotency key", why=why)
    return given
