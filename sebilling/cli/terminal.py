"""The consoles that commands print to."""

import sys
from typing import IO, Final

from rich.console import Console

_WIDTH: Final = 140
"""Width of piped output, which has no terminal, so tables need not be narrow."""


def console(file: IO[str] | None = None, *, stderr: bool = False, width: int | None = None) -> Console:
    """Build a console that prints text verbatim: names of plans, customers and devices are foreign text, and may contain brackets.

    Without a file it prints to the current standard output, or standard error.
    """
    is_terminal = (file or (sys.stderr if stderr else sys.stdout)).isatty()
    return Console(file=file, stderr=stderr, emoji=False, markup=False, width=width or (None if is_terminal else _WIDTH))


def printable(text: str) -> str:
    """Make foreign text safe for a terminal: unprintable characters could control it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
