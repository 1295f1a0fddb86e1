"""Customers from a MikroTik's `/ppp secret export`: names, profiles and comments; passwords are never kept."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final, TextIO

from sebilling.billing.imports import subscribers
from sebilling.billing.imports.rows import CustomerRow, Faulty, customer_row, faulty
from sebilling.errors import InvalidFile

_WORD: Final = re.compile(r"""(?<![a-z0-9-])([a-z0-9-]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)""", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:([0-9A-F]{2})|(.))", re.DOTALL)
_MOST_LINE: Final = 64 * 1024


def read(path: Path, *, counter: str, on: date, tell: Callable[[int], None] = lambda _: None) -> Iterator[CustomerRow | Faulty]:
    """Each PPP secret as a customer, or what is wrong with it; `tell` hears the number of bytes read so far.

    A comment `Budi - LKT01` gives name and counter; `counter` is for secrets whose comment ends in none, and a secret
    without comment is called by its own name. Profiles are plans. An export doesn't tell the day of installation:
    it is `on`, so that no month before is billed. Raises InvalidFile.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as opened:
            file: TextIO = opened
            section, seen = "", False
            for line, text in _statements(path, file):
                if text.startswith("/"):
                    section = " ".join(text.split(" add ")[0].split()).rstrip()
                    seen = seen or section == "/ppp secret"
                if section == "/ppp secret" and re.search(r"(^|\s)add\s", text):
                    yield _secret(line, dict(_words(text)), counter=counter, on=on)
                    tell(file.buffer.tell())
    except OSError as error:
        raise InvalidFile(file=path.name, why=f"{error.strerror}: check the name and who may read it.") from error
    if not seen:
        raise InvalidFile(file=path.name, why="it has no section '/ppp secret': write it on the router by '/ppp export file=…'.")


def _statements(path: Path, file: TextIO) -> Iterator[tuple[int, str]]:
    """Statements and the lines they begin on: RouterOS wraps by a backslash and indents what follows by four spaces."""
    number, began, text = 0, 1, ""
    while raw := file.readline(_MOST_LINE + 1):
        number += 1
        if len(raw) > _MOST_LINE or len(text) > _MOST_LINE:
            raise InvalidFile(file=path.name, why=f"line {number} is longer than any that a router writes.")
        line = raw.rstrip("\r\n")
        if not text:
            began = number
        part = line.lstrip(" ") if text else line
        if part.endswith("\\") and not part.endswith("\\\\"):
            text += part[:-1]
            continue
        text += part
        if text.strip() and not text.startswith("#"):
            yield began, text
        text = ""
    if text.strip():
        yield began, text


def _words(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _WORD.findall(text):
        yield name, _unquoted(value[1:-1]) if value.startswith('"') else value


def _unquoted(value: str) -> str:
    """RouterOS's escapes: a backslash before a quote, a dollar, two hexadecimal digits of a byte."""
    data = bytearray()
    end = 0
    for found in _ESCAPE.finditer(value):
        data += value[end : found.start()].encode("utf-8", "surrogateescape")
        data += bytes([int(found[1], 16)]) if found[1] else {"n": b"\n", "r": b"\r", "t": b"\t", "_": b" "}.get(found[2], found[2].encode())
        end = found.end()
    data += value[end:].encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")


def _secret(line: int, words: Mapping[str, str], *, counter: str, on: date) -> CustomerRow | Faulty:
    name, comment = words.get("name", ""), _as_text(words.get("comment", "")).strip()
    if not name:
        return faulty(line, "name", "the secret has no name: give it one on the router, or remove it.")
    cells = subscribers.cells(name, comment=comment, plan=words.get("profile", "default"), disabled=words.get("disabled") == "yes",
                              counter=counter, on=on)  # fmt: skip
    return customer_row(line, cells | {"pppoe_name": name})


def _as_text(value: str) -> str:
    """A comment in UTF-8, or in the Windows encoding that old WinBox typed."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
