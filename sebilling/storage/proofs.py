"""Proofs of transfer that collectors upload with deposits: identified by content, decoded in a separate process, stored re-encoded."""

import asyncio
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from weakref import WeakKeyDictionary

from sebilling.errors import InvalidProof
from sebilling.logs import get_logger
from sebilling.storage import decode

MAX_PROOF_BYTES = decode.MAX_PROOF_BYTES
MAX_AT_ONCE = 2
"""Decoders that this process runs at the same time; each may use one core and up to 1.5 GiB."""
MAX_SECONDS = 20

_MEDIA_TYPES = {"image/jpeg", "image/png", "image/webp", "application/pdf"}
_MAX_ANSWER_BYTES = MAX_PROOF_BYTES + 4096
_DECODER = Path(decode.__file__)
_logger = get_logger(__name__)
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

_TAKEN = "send a JPEG, PNG or WebP picture, or a PDF."
_FOREIGN = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
    (b"#!", "a script"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf\x27\x1c", "an archive"),
    (b"\x1f\x8b", "an archive"),
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"<", "a web page or an SVG drawing"),
)
"""First bytes of files that people send by mistake, and their names."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A checked proof, ready to be stored."""

    media_type: str
    """Type of `content`, which may differ from the upload's: image/jpeg, image/png, image/webp or application/pdf."""
    content: bytes
    """Bytes to store, at most MAX_PROOF_BYTES: re-encoded from the pixels or pages of the upload."""
    sha256: bytes
    """Digest of the upload itself, 32 bytes: the same upload has the same digest."""


async def inspect(content: bytes) -> Proof:
    """Check an upload and re-encode it, in a separate process that runs at most MAX_SECONDS.

    Accepts JPEG, PNG, WebP and PDF up to MAX_PROOF_BYTES, whatever the file name. Pictures are rotated upright and scaled to at most
    2400 pixels; only pixels or pages are kept. Raises InvalidProof, with the remedy, for anything else; OSError if no process can be
    started. Waits while MAX_AT_ONCE others are being decoded. Writes nothing to disk.
    """
    media_type = _told_by_its_bytes(content)
    async with _turn():
        kind, stored = await _decoded(content, media_type)
    return Proof(kind, stored, hashlib.sha256(content).digest())


def _refusal(why: str) -> InvalidProof:
    return InvalidProof(field="proof", why=why)


def _told_by_its_bytes(content: bytes) -> str:
    """Return the media type by the first bytes. Raises InvalidProof for any other type, an empty file or a too large one."""
    if not content:
        raise _refusal(f"the file is empty; {_TAKEN}")
    if len(content) > MAX_PROOF_BYTES:
        raise _refusal(f"it has {len(content)} bytes, more than {MAX_PROOF_BYTES} (5 MB); send a smaller picture, or a screenshot.")
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"):
        return "image/png"
    if content.startswith(b"RIFF") and content[8:15] == b"WEBPVP8":
        return "image/webp"
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    if content[4:8] == b"ftyp":
        raise _refusal("it is a video or an iPhone's HEIC picture; send a screenshot of it, or set the camera to 'Most Compatible'.")
    start = content.lstrip()[:8]
    what = next((name for magic, name in _FOREIGN if start.startswith(magic)), "no picture or PDF that we know")
    raise _refusal(f"it is {what}; {_TAKEN}")


def _turn() -> asyncio.Semaphore:
    """Return the running loop's semaphore; one of another loop can't be awaited here."""
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MAX_AT_ONCE))


async def _decoded(content: bytes, media_type: str) -> tuple[str, bytes]:
    """Run the decoder: (media type, bytes). Raises InvalidProof if it refuses, dies, takes too long or answers invalidly."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",  # isolated: neither the working folder nor PYTHON… variables affect its imports
        str(_DECODER),
        media_type,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        env={},  # it handles hostile bytes, so it must not know our passwords
        start_new_session=True,  # Ctrl-C must not reach it; it ends by itself
    )
    try:
        async with asyncio.timeout(MAX_SECONDS):
            answer = await _conversation(process, content)
            code = await process.wait()
    except TimeoutError:
        code, answer = None, b""
    finally:
        await _end(process)
    line, _, stored = answer.partition(b"\n")
    if code == 0 and (why := _field(line, "refused")):
        raise _refusal(why)
    if code == 0 and (kind := _field(line, "media_type")) in _MEDIA_TYPES and 0 < len(stored) <= MAX_PROOF_BYTES:
        return kind, stored
    _logger.warning("proof_decoder_failed", media_type=media_type, bytes=len(content), exit_code=code, answered=len(answer))
    raise _refusal("decoding it takes too long or too much memory; send a smaller picture, or a screenshot.")


def _field(line: bytes, name: str) -> str:
    """Return a text of the header, or "": a compromised decoder may answer anything."""
    try:
        header = json.loads(line)
    except ValueError:
        return ""
    value = header.get(name) if isinstance(header, dict) else None
    return value if isinstance(value, str) else ""


async def _conversation(process: asyncio.subprocess.Process, content: bytes) -> bytes:
    """Write the upload, then read the answer to its end. A longer answer than any valid one is discarded."""
    stdin, stdout = _pipes(process)
    try:
        stdin.write(content)
        await stdin.drain()
        stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it died before it had read everything; its exit code shows it
    answer = bytearray()
    while chunk := await stdout.read(65536):
        answer += chunk
        if len(answer) > _MAX_ANSWER_BYTES:
            process.kill()
            return b""
    return bytes(answer)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process and drain its pipes. Does nothing after a normal exit."""
    if process.returncode is None:
        process.kill()
    _, stdout = _pipes(process)
    while await stdout.read(65536):
        pass  # unread output would keep the pipe open, and with it the wait
    await process.wait()


def _pipes(process: asyncio.subprocess.Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    """Return stdin and stdout; both exist as PIPE was requested, which the type doesn't express."""
    return cast("asyncio.StreamWriter", process.stdin), cast("asyncio.StreamReader", process.stdout)
