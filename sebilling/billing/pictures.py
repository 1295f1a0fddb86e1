"""Logo and QRIS picture of the ISP: printed on papers, and shown on customers' pages."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import InvalidPicture
from sebilling.events.isp import PictureChanged
from sebilling.language import Sentence

MAX_PICTURE_BYTES: Final = 1024 * 1024
_ACCEPTED: Final = {"image/png", "image/jpeg"}


class PictureKind(StrEnum):
    """A picture of the ISP."""

    LOGO = "LOGO"
    QRIS = "QRIS"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the ISP; `sha256` is the digest of its content."""

    media_type: str
    content: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What is known of a picture without its content."""

    kind: str
    media_type: str
    size_bytes: int
    sha256: bytes
    uploaded_at: datetime

    @property
    def path(self) -> str:
        """Address at which everybody may read it; another picture has another one, so that none is shown from an old cache."""
        return f"/isp/{self.kind.lower()}?v={self.sha256.hex()[:12]}"


@dataclass(frozen=True, slots=True)
class Pictures:
    """The contents of both pictures, for papers; None where there is none."""

    logo: bytes | None
    qris: bytes | None


NO_PICTURES: Final = Pictures(None, None)


@dataclass(frozen=True, slots=True)
class _Content:
    kind: str
    content: bytes


_READ: Final = text("SELECT media_type, content, sha256 FROM isp_picture WHERE kind = :kind")
_CONTENTS: Final = text("SELECT kind, content FROM isp_picture")
_FACTS: Final = text("SELECT kind, media_type, octet_length(content) AS size_bytes, sha256, uploaded_at FROM isp_picture")
_LOCK: Final = text("SELECT FROM billing_settings FOR NO KEY UPDATE")
_WRITE: Final = text(
    """
    INSERT INTO isp_picture (kind, media_type, content, sha256, uploaded_at) VALUES (:kind, :media_type, :content, :sha256, :at)
    ON CONFLICT (kind) DO UPDATE SET media_type = :media_type, content = :content, sha256 = :sha256, uploaded_at = :at
    """
)
_REMOVE: Final = text("DELETE FROM isp_picture WHERE kind = :kind")


async def read(session: ReadSession, kind: PictureKind) -> Picture | None:
    """Read a picture; None if there is none."""
    return await session.row(_READ, {"kind": kind.value}, into=Picture)


async def read_contents(session: ReadSession) -> Pictures:
    """Read what is printed on papers."""
    contents = {row.kind: row.content for row in await session.rows(_CONTENTS, into=_Content)}
    return Pictures(contents.get(PictureKind.LOGO), contents.get(PictureKind.QRIS))


async def read_facts(session: ReadSession) -> dict[PictureKind, PictureFacts]:
    """Read what is known of each picture that there is."""
    return {PictureKind(row.kind): row for row in await session.rows(_FACTS, into=PictureFacts)}


async def put(session: WriteSession, kind: PictureKind, *, media_type: str, content: bytes) -> None:
    """Set a picture, in place of the one before, which is gone. `content` was decoded and re-encoded by `storage.proofs.inspect`.

    Raises InvalidPicture, Forbidden.
    """
    scope.central(session)
    if media_type not in _ACCEPTED:
        why = Sentence("send a PNG or JPEG picture.", "kirim gambar PNG atau JPEG.")
        raise InvalidPicture(field="picture", why=why)
    if len(content) > MAX_PICTURE_BYTES:
        raise InvalidPicture(field="picture", why=Sentence("send one of at most 1 MB.", "kirim yang paling besar 1 MB."))
    digest = hashlib.sha256(content).digest()
    before = await _before(session, kind)
    if before == digest:
        return
    bound = {"kind": kind.value, "media_type": media_type, "content": content, "sha256": digest, "at": session.at}
    await session.execute(_WRITE, bound)
    await _log(session, kind, before=before, after=digest)


async def remove(session: WriteSession, kind: PictureKind) -> None:
    """Remove a picture. Does nothing if there is none. Raises Forbidden."""
    scope.central(session)
    before = await _before(session, kind)
    if before is not None:
        await session.execute(_REMOVE, {"kind": kind.value})
        await _log(session, kind, before=before, after=None)


async def _before(session: WriteSession, kind: PictureKind) -> bytes | None:
    """The digest of the present picture; other changes of the settings wait."""
    await session.execute(_LOCK)
    present = await read(session, kind)
    return None if present is None else present.sha256


async def _log(session: WriteSession, kind: PictureKind, *, before: bytes | None, after: bytes | None) -> None:
    changed = PictureChanged(
        picture=kind.value, before=None if before is None else before.hex(), after=None if after is None else after.hex()
    )
    await events.append(session, changed, subject_id=1)
