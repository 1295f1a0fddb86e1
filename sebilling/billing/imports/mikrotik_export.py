"""Read customers from a MikroTik's `/ppp secret export`: names, profiles and comments; passwords are never kept."""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from sebilling.billing.imports import encoded
from sebilling.billing.imports.subscribers import Found
from sebilling.errors import InvalidFile
from sebilling.language import Sentence

_WORD: Final = re.compile(r"""(?<![a-z0-9.-])([a-z0-9.-]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)""", re.DOTALL)
_QUOTES: Final = re.compile(r'(?:[^"]|"(?:[^"\\]|\\.)*")*+', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:([0-9A-F]{2})|(.))", re.DOTALL)
_ESCAPES: Final = {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b", "f": b"\f", "v": b"\v", "_": b" "}
_MAX_LINE: Final = 64 * 1024
_VERBS: Final = frozenset(("add", "set", "print", "remove", "export", "enable", "disable"))
_CUSTOMERS: Final = frozenset(("", "any", "pppoe"))
"""Services of customers' secrets; other services belong to staff and tunnels."""
_ISOLIR: Final = re.compile(r"isolir|isolas|blok?ir|blocked|bloqu|suspend|tunggak|nunggak|expired?|walled|captive", re.IGNORECASE)


def read(path: Path, *, isolir_profiles: Collection[str] = ()) -> list[Found]:
    """Return each PPP secret. Raises InvalidFile.

    Profiles are plans, except those in `isolir_profiles`; if none is given, those whose name or address list marks blocked customers.
    The plan of a customer in such a profile is unknown. Secrets of services other than PPPoE are left out.
    """
    secrets: list[tuple[int, Mapping[str, str]]] = []
    walled, seen = {name.casefold() for name in isolir_profiles}, False
    for line, section, words in added(path, frozenset(("ppp secret", "ppp profile"))):
        seen = seen or section == "ppp secret"
        if not words:
            continue
        if section == "ppp secret":
            secrets.append((line, words))
        elif not isolir_profiles and (_ISOLIR.search(words.get("name", "")) or _ISOLIR.search(words.get("address-list", ""))):
            walled.add(words.get("name", "").casefold())
    if not seen:
        why = Sentence(
            "it has no section '/ppp secret': write it on the router by '/ppp export file=…'.",
            "tidak ada bagian '/ppp secret': buat di router dengan '/ppp export file=…'.",
        )
        raise InvalidFile(file=path.name, why=why)
    return [_secret(line, words, walled, guess=not isolir_profiles) for line, words in secrets]


def added(path: Path, sections: Collection[str]) -> Iterator[tuple[int, str, Mapping[str, str]]]:
    """Yield what is added in these sections, such as `ppp secret`: line, section and words of each statement. A statement that adds
    nothing has no words. Raises InvalidFile.
    """
    section = ""
    for line, text in _statements(path, _content(path)):
        if text.startswith("/"):
            section = " ".join(
                itertools.takewhile(lambda word: word not in _VERBS and "=" not in word, re.split(r"[ /]+", text[1:]))
            ).strip()
        if section not in sections:
            continue
        if re.search(r"(^|[\s/])add\s", text) is None:
            yield line, section, {}
            continue
        if not _QUOTES.fullmatch(text):
            why = Sentence(
                f"a quote isn't closed in what begins on line {line}: export it again, and copy it whole.",
                f"tanda kutip tidak ditutup pada perintah yang mulai di baris {line}: ekspor lagi, dan salin seluruhnya.",
            )
            raise InvalidFile(file=path.name, why=why)
        yield line, section, dict(_words(text))


def _content(path: Path) -> str:
    """Decode by the file's byte order mark, as PowerShell writes it; otherwise as UTF-8 with any other byte kept, as RouterOS guarantees
    no encoding.
    """
    data = encoded.read_bytes(path)
    encoding, skipped = encoded.marked(data)
    if encoding in {None, "utf-8"}:
        return data[skipped:].decode("utf-8", "surrogateescape")
    return encoded.decode(path.name, data)


def _statements(path: Path, content: str) -> Iterator[tuple[int, str]]:
    """Yield statements with the line each begins on. RouterOS wraps lines with a backslash and indents the next one by four spaces."""
    began, text = 1, ""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", content), 1):
        if len(line) > _MAX_LINE or len(text) > _MAX_LINE:
            why = Sentence(
                f"line {number} is longer than any that a router writes.",
                f"baris {number} lebih panjang daripada yang ditulis router: ekspor lagi, dan salin seluruhnya.",
            )
            raise InvalidFile(file=path.name, why=why)
        if not text:
            began = number
        part = re.sub("^ {1,4}", "", line) if text else line
        if (len(part) - len(part.rstrip("\\"))) % 2:  # an even number of backslashes is escaped text
            text += part[:-1]
            continue
        text += part
        if text.strip() and not text.startswith("#"):
            yield began, text.strip()
        text = ""
    if text.strip():
        why = Sentence(
            f"it is cut off in what begins on line {began}: export it again, and copy the whole file.",
            f"berkasnya terpotong pada perintah yang mulai di baris {began}: ekspor lagi, dan salin seluruh berkas.",
        )
        raise InvalidFile(file=path.name, why=why)


def _words(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _WORD.findall(text):
        yield name, _unquoted(value[1:-1]) if value.startswith('"') else value


def _unquoted(value: str) -> str:
    """Resolve RouterOS's escapes: a backslash before a quote, a dollar, or a byte's two hexadecimal digits."""
    data = bytearray()
    end = 0
    for escape in _ESCAPE.finditer(value):
        data += value[end : escape.start()].encode("utf-8", "surrogateescape")
        data += bytes([int(escape[1], 16)]) if escape[1] else _ESCAPES.get(escape[2], escape[2].encode("utf-8", "surrogateescape"))
        end = escape.end()
    data += value[end:].encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")


def _secret(line: int, words: Mapping[str, str], walled: Collection[str], *, guess: bool) -> Found:
    name, profile, service = words.get("name", ""), words.get("profile", "default"), words.get("service", "")
    byte = next((letter for letter in name if 0xDC80 <= ord(letter) <= 0xDCFF), None)
    fault = None if byte is None else _not_utf8(ord(byte) - 0xDC00)
    is_walled = profile.casefold() in walled or (guess and _ISOLIR.search(profile) is not None)
    return Found(
        line, as_text(name), None if is_walled else as_text(profile), as_text(words.get("comment", "")), words.get("disabled") == "yes",
        is_pppoe=True, left_out=None if service in _CUSTOMERS else Sentence(f"service {service}", f"layanan {service}"), fault=fault,
    )  # fmt: skip


def _not_utf8(byte: int) -> Sentence:
    return Sentence(
        f"its name has the byte 0x{byte:02X}, which isn't UTF-8: import from the device itself, or rename it there.",
        f"namanya berisi byte 0x{byte:02X} yang bukan UTF-8: impor langsung dari perangkatnya, atau ganti namanya di sana.",
    )


def as_text(value: str) -> str:
    """Decode as UTF-8, or as the Windows encoding that old WinBox versions used."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
