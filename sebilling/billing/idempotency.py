"""Idempotency keys: a repeated key with the same body is the same operation; with another body it is an error."""

import hashlib
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import text

from sebilling.db.engine import WriteSession
from sebilling.errors import IdempotencyMismatch, InvalidText
from sebilling.language import Sentence

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
class _Claimed:
    """The operation that used a key first, and the fingerprint of its request."""

    operation: str
    fingerprint: bytes
    result_id: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Id of the row that the operation creates, or created at the key's first use (`replayed`)."""

    result_id: int
    replayed: bool


async def claim(
    session: WriteSession, operation: str, idempotency_key: str, body: object, *, table: str | None = None,
    result_id: int | None = None, part: int | None = None,
) -> Claim:  # fmt: skip
    """Claim `idempotency_key` for `operation` with `body` (JSON), whose result is a new row of `table` or the row `result_id`.

    An operation on many rows, each of which is committed by itself, claims a `part` of the key for each of them. A second request with
    the same key waits here until the first has ended. Raises InvalidText, IdempotencyMismatch.
    """
    taken = key(idempotency_key) + ("" if part is None else f"\n{part}")  # no key of a client has a line break
    fingerprint, user = hashlib.sha256(orjson.dumps(body)).digest(), session.actor.user_id or 0
    row = {"user": user, "key": taken, "operation": operation, "fingerprint": fingerprint, "at": session.at}
    new = await session.value(_CLAIM, {**row, "table": table, "result": result_id}, kind=int)
    if new is not None:
        return Claim(new, replayed=False)
    earlier = await session.row(_CLAIMED, {"user": user, "key": taken}, into=_Claimed)
    if earlier is None or earlier.operation != operation or earlier.fingerprint != fingerprint:
        raise IdempotencyMismatch(field="idempotency_key", key=taken)
    return Claim(earlier.result_id, replayed=True)


def key(idempotency_key: str) -> str:
    """Return the key if it is 8 to 100 printable ASCII characters. Raises InvalidText."""
    if not 8 <= len(idempotency_key) <= 100 or not idempotency_key.isascii() or not idempotency_key.isprintable():
        why = Sentence(
            "use 8 to 100 letters, digits or signs, and a new key (such as a UUID) for each new operation.",
            "pakai 8 sampai 100 huruf, angka atau tanda, dan kunci baru (misalnya UUID) untuk setiap operasi baru.",
        )
        raise InvalidText(field="idempotency_key", what=Sentence("The idempotency key", "Kunci idempotensi"), why=why)
    return idempotency_key
