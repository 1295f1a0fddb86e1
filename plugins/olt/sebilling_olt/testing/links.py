"""Connections of a simulated OLT: a stream of keys, whatever the protocol. Telnet is here; SSH is in `ssh`, which needs asyncssh."""

import asyncio
import codecs
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_IAC, _SB, _SE = 255, 250, 240
_OPTIONS: Final = range(251, 255)
_OFFERED: Final = bytes([255, 251, 1, 255, 251, 3, 255, 253, 31])
"""WILL ECHO, WILL SUPPRESS-GO-AHEAD, DO NAWS."""


class Keys:
    """Normalizes Enter (CR, LF, CR LF or CR NUL) to one `\\n`."""

    def __init__(self) -> None:
        self._cr = False

    def __call__(self, char: str) -> str:
        after_cr, self._cr = self._cr, char == "\r"
        if char == "\x00" or (char == "\n" and after_cr):
            return ""
        return "\n" if char == "\r" else char


class Together:
    """Sends what is written in one iteration of the event loop at once, like a device that finds several keys waiting."""

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send, self._waiting = send, list[str]()

    def write(self, text: str) -> None:
        """Send text in this iteration of the event loop."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append(text)

    def flush(self) -> None:
        """Send buffered text now."""
        text = "".join(self._waiting)
        self._waiting.clear()
        if text:
            self._send(text)


class TelnetLink(Together):
    """Telnet (RFC 854) as an OLT implements it: it echoes, and requests the window size."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(self._now)
        self._reader, self._writer, self._keys = reader, writer, Keys()
        self._text = codecs.getincrementaldecoder("utf-8")(errors="replace")
        writer.write(_OFFERED)

    async def _byte(self) -> int:
        try:
            return (await self._reader.readexactly(1))[0]
        except (asyncio.IncompleteReadError, OSError):
            raise EOFError from None

    async def read(self) -> str:
        """Return one character. Raises EOFError."""
        while True:
            byte = await self._byte()
            if byte != _IAC:
                if (char := self._text.decode(bytes([byte]))) and (key := self._keys(char)):
                    return key
                continue
            command = await self._byte()
            if command in _OPTIONS:
                await self._byte()
            elif command == _SB:
                last = 0
                while (byte := await self._byte()) != _SE or last != _IAC:
                    last = byte

    def _now(self, text: str) -> None:
        with suppress(OSError):
            self._writer.write(text.encode("utf-8"))

    def cut(self) -> None:
        """Close the connection at once."""
        self.flush()
        self._writer.transport.abort()
