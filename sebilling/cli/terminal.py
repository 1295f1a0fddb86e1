"""The consoles that commands print to."""

import sys
from typing import IO, Final

import typer
from rich.console import Console

_WIDTH: Final = 140
"""Width of piped output, which has no terminal, so tables need not be narrow."""


def console(file: IO[str] | None = None, *, stderr: bool = False, width: int | None = None) -> Console:
    """Build a console that prints text verbatim: names of plans, customers and devices are foreign text, and may contain brackets.

    Without a file it prints to the current standard output, or standard error.
    """
    is_terminal = (file or (sys.stderr if stderr else sys.stdout)).isatty()
    return Console(file=file, stderr=stderr, emoji=False, markup=False, width=width or (None if is_terminal else _WIDTH))


def group() -> typer.Typer:
    """Create a group of commands; the table in `sebilling.cli` has its name and its sentence."""
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def printable(text: str) -> str:
    """Make foreign text safe for a terminal: unprintable characters could control it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


out: Final = console()
errors: Final = console(stderr=True)
