"""The terminal that commands write to."""

import sys
from typing import IO, Final

from rich.console import Console

_WIDTH: Final = 140
"""Of what is piped: nobody's terminal, so tables need not be squeezed."""


def console(file: IO[str] | None = None, *, stderr: bool = False, width: int | None = None) -> Console:
    """What is printed stands there as it is: names of plans, customers and devices are foreign text, and hold brackets too.

    Without a file it is whatever is standard output, or standard error, when something is printed.
    """
    is_terminal = (file or (sys.stderr if stderr else sys.stdout)).isatty()
    return Console(file=file, stderr=stderr, emoji=False, markup=False, width=width or (None if is_terminal else _WIDTH))


def printable(text: str) -> str:
    """Foreign text for a terminal: what isn't printable could steer it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
