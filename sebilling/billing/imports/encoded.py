"""Decode text files of other programs completely, or refuse them and name the line: no character is ever silently wrong."""

import codecs
from pathlib import Path
from typing import Final

from sebilling.errors import InvalidFile
from sebilling.language import Sentence

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Size limit of an imported file; a million customers need less."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip


def read_bytes(path: Path) -> bytes:
    """Read the whole file. Raises InvalidFile if it can't be read or has more than MAX_FILE_BYTES."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        why = Sentence(
            f"{error.strerror}: check the name and who may read it.",
            f"'{error.strerror}': periksa namanya dan siapa yang boleh membacanya.",
        )
        raise InvalidFile(file=path.name, why=why) from error
    if len(data) > MAX_FILE_BYTES:
        why = Sentence(
            f"it has more than {MAX_FILE_BYTES >> 20} MB: is it the right file? If so, split it.",
            f"lebih dari {MAX_FILE_BYTES >> 20} MB: apakah berkasnya benar? Kalau benar, bagi menjadi beberapa.",
        )
        raise InvalidFile(file=path.name, why=why)
    return data


def marked(data: bytes) -> tuple[str | None, int]:
    """Return the encoding by the byte order mark, and the mark's length. UTF-16 without a mark is recognized by its zero bytes."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    head = data[:64]
    if len(head) > 3 and any(head[0::2]) == (not any(head[1::2])):
        return ("utf-16-be" if not any(head[0::2]) else "utf-16-le"), 0
    return None, 0


def decode(name: str, data: bytes) -> str:
    """Decode UTF-8, UTF-16 or UTF-32, or Windows-1252 if no part is UTF-8. Raises InvalidFile with the line of an invalid byte."""
    encoding, skipped = marked(data)
    body = data[skipped:]
    try:
        return body.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding is not None and encoding != "utf-8":
            why = Sentence(
                f"it isn't whole {encoding.upper()} text: save it as 'CSV UTF-8'.",
                f"teksnya ({encoding.upper()}) tidak utuh: simpan sebagai 'CSV UTF-8'.",
            )
            raise InvalidFile(file=name, why=why) from error
        line, byte = line_of(body, error.start), body[error.start]
        if encoding is not None or (other := _line_in_utf8(body)) is not None:
            if encoding is not None:
                mixed = Sentence("begins with UTF-8's mark", "diawali tanda UTF-8")
            else:
                mixed = Sentence(f"has letters in UTF-8 on line {other}", f"berisi huruf UTF-8 di baris {other}")
            why = Sentence(
                f"line {line} has the byte 0x{byte:02X}, which isn't UTF-8, but the file {mixed.english}: it is of two encodings."
                " Correct the line, and save the file as 'CSV UTF-8'.",
                f"baris {line} berisi byte 0x{byte:02X} yang bukan UTF-8, padahal berkasnya {mixed.indonesian}: ada dua pengodean."
                " Perbaiki baris itu, lalu simpan berkasnya sebagai 'CSV UTF-8'.",
            )
            raise InvalidFile(file=name, why=why) from error
    try:
        return body.decode("cp1252")  # what Excel writes on Windows in Indonesia
    except UnicodeDecodeError as error:
        line, byte = line_of(body, error.start), body[error.start]
        why = Sentence(
            f"line {line} has the byte 0x{byte:02X}, which is neither UTF-8 nor Windows text: save the file as 'CSV UTF-8'.",
            f"baris {line} berisi byte 0x{byte:02X}, yang bukan UTF-8 maupun teks Windows: simpan berkasnya sebagai 'CSV UTF-8'.",
        )
        raise InvalidFile(file=name, why=why) from error


def line_of(data: bytes, at: int) -> int:
    """Return the line of the byte at `at` as editors count it: from 1, ended by LF, CR LF or CR."""
    before = data[:at].replace(b"\r\n", b"\n")
    return before.count(b"\n") + before.count(b"\r") + 1


def _line_in_utf8(data: bytes) -> int | None:
    """Return the first line with a multi-byte UTF-8 character."""
    text = data.decode("utf-8", "surrogateescape")
    at = next((index for index, letter in enumerate(text) if ord(letter) > 0x7F and not 0xDC80 <= ord(letter) <= 0xDCFF), None)
    return None if at is None else line_of(text[:at].encode("utf-8", "surrogateescape"), len(data))
