"""Render the OLT's output as a terminal shows it, with paging prompts overwritten.

OLTs remove `--More--` by moving the cursor and overwriting it with spaces, so the text is only correct once it is rendered.
"""

import re
from typing import Final

MAX_CHARS: Final = 4_000_000
_TOKEN: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][0-9A-Za-z]|\x1b[=>78cDEHM]|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f]+")
_UNFINISHED: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*|[()])?\Z")


class Overflow(Exception):
    """The output is longer than any answer of an OLT."""


class Screen:
    """Rendered lines, and the cursor's position in the last one."""

    def __init__(self, start: str = "") -> None:
        self.lines = [start]
        self._column = len(start)
        self._unfinished = ""
        self._drawn = 0

    def feed(self, text: str) -> None:
        """Render text. Raises Overflow."""
        self._drawn += len(text)
        if self._drawn > MAX_CHARS:
            raise Overflow
        text = self._unfinished + text
        unfinished = _UNFINISHED.search(text)
        self._unfinished = unfinished.group() if unfinished else ""
        if unfinished:
            text = text[: unfinished.start()]
        for drawn in _TOKEN.findall(text):
            self._draw(drawn)

    def _draw(self, piece: str) -> None:
        if piece == "\n":
            self.lines.append("")
            self._column = 0
        elif piece == "\r":
            self._column = 0
        elif piece == "\b":
            self._column = max(0, self._column - 1)
        elif piece == "\t":
            self._put(" " * (8 - self._column % 8))
        elif piece.startswith("\x1b["):
            self._escape(piece)
        elif piece >= " " and piece != "\x7f":
            self._put(piece)

    def _put(self, text: str) -> None:
        line = self.lines[-1].ljust(self._column)
        self.lines[-1] = line[: self._column] + text + line[self._column + len(text) :]
        self._column += len(text)

    def _escape(self, piece: str) -> None:
        count = int(piece[2:-1]) if piece[2:-1].isdecimal() else 1
        if piece[-1] == "D":
            self._column = max(0, self._column - count)
        elif piece[-1] == "C":
            self._column += min(count, 500)
        elif piece[-1] == "K":
            self.lines[-1] = self.lines[-1][: self._column] if piece[2:-1] in {"", "0"} else ""

    @property
    def last(self) -> str:
        """The cursor's line, without trailing blanks."""
        return self.lines[-1].rstrip()

    @property
    def at_end(self) -> bool:
        """Whether the cursor is at the end of the last line, as when the OLT waits for input."""
        return self._column >= len(self.last)
