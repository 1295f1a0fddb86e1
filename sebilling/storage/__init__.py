"""Store uploads in a local folder or in an S3-compatible bucket. Keys are random, never the client's file name."""

import re
import secrets
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self

import obstore.store
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from sebilling.language import Sentence
from sebilling.operator_errors import InvalidSetting

_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "application/pdf": "pdf"}
_KIND = re.compile(r"[a-z]{1,32}")


class ObjectMissing(KeyError):
    """No object has this key."""


class ObjectStore:
    """A flat map from keys to bytes. Errors of disk and network are passed on: OSError or obstore's BaseError."""

    def __init__(self, store: obstore.store.ObjectStore) -> None:
        self._store = store
        # A folder can't store a media type, and obstore refuses one there; the caller stores it beside the key.
        self._keeps_media_types = not isinstance(store, LocalStore)

    @classmethod
    def open(cls, url: str | None, folder: Path) -> Self:
        """Open the store at `url` (`s3://bucket/prefix`), or in `folder` if there is no URL.

        Credentials, region and endpoint (for MinIO) come from the usual AWS_… variables; no connection is made yet.
        Creates `folder`, readable only by its owner. Raises InvalidSetting if that fails, or if the URL isn't a store's.
        """
        try:
            if url is not None:
                return cls(obstore.store.from_url(url))
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            return cls(LocalStore(prefix=folder, mkdir=True))
        except (OSError, ValueError, BaseError) as error:
            why = Sentence(
                f"it can't be opened ({type(error).__name__}): name a bucket such as s3://bucket/prefix, or a folder to write in.",
                f"tidak bisa dibuka ({type(error).__name__}): isi bucket seperti s3://bucket/prefix, atau folder yang bisa ditulis.",
            )
            raise InvalidSetting(setting="SEBILLING_VAR" if url is None else "SEBILLING_STORAGE_URL", why=why) from error

    async def put(self, key: str, content: bytes, *, media_type: str) -> None:
        """Store `content` under `key`, completely or not at all. Replaces an existing object.

        Raises OSError or obstore's BaseError if writing fails, in which case nothing remains; ValueError for a key with `..`.
        """
        attributes: dict[str, str] | None = {"Content-Type": media_type} if self._keeps_media_types else None
        # One request: an aborted multipart upload would leave invisible parts in the bucket that cost money.
        await self._store.put_async(key, content, attributes=attributes, use_multipart=False)

    async def get(self, key: str) -> bytes:
        """Return the bytes under `key`. Raises ObjectMissing, OSError, or obstore's BaseError if the store is unavailable."""
        try:
            stored = await self._store.get_async(key)
        except FileNotFoundError as missing:
            raise ObjectMissing(key) from missing
        return bytes(await stored.bytes_async())

    async def delete(self, key: str) -> None:
        """Delete the object under `key`, if there is one. Raises OSError or obstore's BaseError."""
        try:
            await self._store.delete_async(key)
        except FileNotFoundError:
            return

    async def keys_older_than(self, instant: datetime) -> list[str]:
        """Return every key last written before `instant` (aware), sorted. Lists the whole store: for background jobs, not for requests.

        Raises ValueError for an instant without a time zone, OSError or obstore's BaseError if the store is unavailable.
        """
        if instant.tzinfo is None:
            raise ValueError(f"{instant} has no zone: give an aware instant")
        keys: list[str] = []
        async for objects in self._store.list(chunk_size=1000):
            keys += [item["path"] for item in objects if item["last_modified"].astimezone(UTC) < instant]
        return sorted(keys)


def new_key(kind: str, media_type: str, *, on: date) -> str:
    """Return an unguessable key with 128 random bits: `proofs/2026/02/<32 hex digits>.jpg`.

    `kind` is 1 to 32 lowercase letters, `media_type` one that we store. Raises ValueError for any other.
    """
    if _KIND.fullmatch(kind) is None or media_type not in _ENDINGS:
        raise ValueError(f"no key for {kind!r} of type {media_type!r}")
    return f"{kind}/{on.year:04d}/{on.month:02d}/{secrets.token_hex(16)}.{_ENDINGS[media_type]}"
