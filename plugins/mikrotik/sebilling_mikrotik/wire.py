"""RouterOS's wire format on top of librouteros' length coding: raw words, never converted, with no byte lost.

A word is its length and its bytes; a sentence ends with a word of length zero. RouterOS guarantees no encoding: names typed in
WinBox may be in any code page. In words that aren't UTF-8 each byte above 0x7F is therefore stored as U+F700 + byte, which passes
through JSON and PostgreSQL and converts back to the same bytes.
"""

from typing import Final

from librouteros.exceptions import ProtocolError
from librouteros.protocol import decode_length, determine_length, encode_length

MAX_WORD_BYTES: Final = 1 << 20
"""Maximum length of a word. No RouterOS value is that long; a greater length means another protocol, or garbage."""
_RAW: Final = 0xF700

Sentence = tuple[str, ...]


class NotRouterOS(Exception):
    """The data isn't of RouterOS's API."""


def _is_raw(char: str) -> bool:
    return _RAW + 0x80 <= ord(char) <= _RAW + 0xFF


def to_text(raw: bytes) -> str:
    """Return a word's bytes as text; `to_bytes` converts it back to exactly the same bytes."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if text.isascii() or not any(map(_is_raw, text)):
            return text
    return "".join(chr(byte if byte < 0x80 else _RAW + byte) for byte in raw)


def to_bytes(text: str) -> bytes:
    """Return the bytes of a word. Raises ValueError for text that can't be a word."""
    if text.isascii() or not any(map(_is_raw, text)):
        return text.encode("utf-8")
    return b"".join(bytes([ord(char) - _RAW]) if _is_raw(char) else char.encode("utf-8") for char in text)


def encode(words: Sentence) -> bytes:
    """Encode a sentence. It must not contain an empty word, which would end it."""
    out = bytearray()
    for word in words:
        raw = to_bytes(word)
        if not raw:
            raise ValueError("a sentence has no empty word")
        out += encode_length(len(raw)) + raw
    return bytes(out) + b"\x00"


class Decoder:
    """Decode a stream of bytes, in pieces of any size, into whole sentences."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._words: list[str] = []

    def feed(self, data: bytes) -> list[Sentence]:
        """Return the sentences that `data` completes. Raises NotRouterOS."""
        self._buffer += data
        sentences: list[Sentence] = []
        at, buffer = 0, self._buffer
        while at < len(buffer):
            first = bytes(buffer[at : at + 1])
            try:
                start = at + 1 + determine_length(first)
                if start > len(buffer):
                    break
                size = decode_length(bytes(buffer[at:start]))
            except ProtocolError:
                raise NotRouterOS(f"a word can't begin with the byte {first.hex()}") from None
            if size > MAX_WORD_BYTES:
                raise NotRouterOS(f"a word of {size} bytes")
            if start + size > len(buffer):
                break
            if size:
                self._words.append(to_text(bytes(buffer[start : start + size])))
            elif self._words:  # an empty sentence means nothing
                sentences.append(tuple(self._words))
                self._words = []
            at = start + size
        del buffer[:at]
        return sentences


def pairs(words: Sentence) -> dict[str, str]:
    """Return the `=name=value` words of a sentence with raw values: `12345` stays '12345', `yes` stays 'yes'."""
    return {name: value for word in words if word[:1] == "=" for name, _, value in [word[1:].partition("=")]}
