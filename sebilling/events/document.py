"""The catalogue as text, for people: `sebilling events kinds` prints it, and docs/event_kinds.md keeps it."""

import itertools
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, get_args, get_origin

from sebilling.clock import Month
from sebilling.events.catalogue import KINDS, EventKind, Field, fields_of
from sebilling.events.ids import PublicId
from sebilling.language import Sentence

_WIDTH: Final = 140
_ORIGIN: Final = "Printed by `sebilling events kinds > docs/event_kinds.md`. [events.md](events.md) says what the keys mean."
_SPACE: Final = "\N{NO-BREAK SPACE}"
_NAMES: Final[Mapping[type, str]] = {
    bool: "boolean", int: "integer", str: "text", date: "date", datetime: "time", Month: "month", Decimal: "decimal", object: "any value",
    Sentence: "text in both languages",
}  # fmt: skip


def lines() -> Iterator[str]:
    """Yield the catalogue as Markdown: the kinds under a heading for each of their files."""
    yield from ("# Kinds of events", "", _ORIGIN)
    heading = ""
    for kind in KINDS.values():
        of_file = (sys.modules[kind.payload.__module__].__doc__ or "").removeprefix("Events of ").partition(".")[0]
        if of_file != heading:
            heading = of_file
            yield from ("", f"## {heading[0].upper()}{heading[1:]}", "")
        yield from _wrapped(f"* `{kind.text}`: {kind.sentence}")
        yield from _wrapped(f"  About {_subjects(kind)}, with {_keys(kind.payload) or 'no data'}.")


def _wrapped(text: str) -> list[str]:
    """Wrap between words, but not within the backticks of a key."""
    whole = re.sub("`[^`]*`", lambda match: match[0].replace(" ", _SPACE), text)
    parts = textwrap.wrap(whole, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [part.replace(_SPACE, " ") for part in parts]


def _subjects(kind: EventKind) -> str:
    return " or ".join(f"`{subject}`" for subject in kind.subjects)


def _keys(part: type) -> str:
    """The keys with their types. Neighbours of the same type, such as before and after, are described together."""
    groups = [(names, [field.name for field in group]) for names, group in itertools.groupby(fields_of(part), key=_described)]
    return ", ".join(f"`{'`, `'.join(names)}` {described}" for described, names in groups)


def _described(field: Field) -> str:
    described = " or ".join(_type(hint) for hint in field.types) + (" or null" if field.nullable else "")
    return f"({described})" + "?" * field.optional


def _type(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Sequence:
        return f"list of {_type(arguments[0])}"
    if origin is Mapping:
        return f"object of {_type(arguments[1])}"
    if is_dataclass(hint) and isinstance(hint, type) and hint not in _NAMES:
        return f"object: {_keys(hint)}"
    return _NAMES.get(hint) or (f"`{hint.prefix}…`" if issubclass(hint, PublicId) else "text")
