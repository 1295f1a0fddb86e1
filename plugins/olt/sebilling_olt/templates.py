"""Command templates of a device's settings: only commands that block or restore one ONU are accepted.

Firmware differs, so the commands are settings. They are checked word by word against an allowlist, so no template can delete, erase or
restart anything.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field

from sebilling_olt.onu import Onu

PLACEHOLDERS: Final = ("frame", "slot", "port", "onu", "lan")
_PLACE: Final = re.compile(r"\{(\w*)\}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9 /:_.{}-]{1,120}")
_SENT: Final = re.compile(r"[A-Za-z0-9 /:_.-]{1,120}")
_HARMFUL: Final = re.compile(
    r"\b(no|undo|delete|del|remove|erase|clear|reboot|reset|restart|reload|format|rollback|restore|factory|all|load|patch|upgrade|user)\b"
)


class CommandTemplates(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """One command per line, with {frame} {slot} {port} {onu} and, for LAN ports, {lan}."""

    read: str = Field(description="Shows the state of all ONUs of a PON port, or of one ONU.")
    enter: tuple[str, ...] = Field(min_length=1, max_length=3, description="Leads to where `block` and `restore` are sent.")
    block: str
    restore: str
    leave: str = Field(description="Leads back, once per line of `enter`.")
    save: str = Field(description="Makes the change outlive a restart; sent once per batch.")


@dataclass(frozen=True, slots=True)
class Method:
    """A blocking method: its templates, and the commands (regular expressions over a template) allowed in each position."""

    defaults: CommandTemplates
    read: str
    enter: str
    block: str
    restore: str


@dataclass(frozen=True, slots=True)
class Grammar:
    """Commands that may be sent to one kind of OLT."""

    methods: dict[str, Method]
    leave: str
    save: str

    def check(self, method: str, given: CommandTemplates) -> None:
        """Check the templates. Raises ValueError with the reason unless each only blocks or restores one ONU."""
        allowed = self.methods[method]
        for line in (given.read, *given.enter, given.block, given.restore, given.leave, given.save):
            _one_line(line)
        places = (
            ("read", given.read, allowed.read),
            ("enter", "\n".join(given.enter), allowed.enter),
            ("block", given.block, allowed.block),
            ("restore", given.restore, allowed.restore),
            ("leave", given.leave, self.leave),
            ("save", given.save, self.save),
        )
        for place, text, pattern in places:
            if re.fullmatch(pattern, text) is None:
                raise ValueError(_why(place, text, getattr(allowed.defaults, place)))


def _one_line(line: str) -> None:
    if _PLAIN.fullmatch(line) is None:
        raise ValueError("a command is one line of letters, digits and / : _ . - with its {placeholders}: put each on a line of its own")
    for name in _PLACE.findall(line):
        if name not in PLACEHOLDERS:
            raise ValueError(f"{{{name}}} isn't known: there are {', '.join(f'{{{one}}}' for one in PLACEHOLDERS)}")


def _why(place: str, text: str, default: str | Sequence[str]) -> str:
    shown = text.replace("\n", " / ")
    usual = default if isinstance(default, str) else " / ".join(default)
    if _HARMFUL.search(text):
        return (
            f"commands.{place}: '{shown}' could delete, restart or reach others than the one ONU, and is refused. The usual is '{usual}'."
        )
    return f"commands.{place}: '{shown}' isn't one of the commands that may be sent. The usual is '{usual}'."


def rendered(template: str, onu: Onu, *, lan: int = 0) -> str:
    """Fill in a template for one ONU, with integers only. Raises ValueError unless the result is one plain line."""
    values = {**onu._asdict(), "lan": lan}
    command = _PLACE.sub(lambda found: str(int(values[found.group(1)])), template)
    if _SENT.fullmatch(command) is None:
        raise ValueError("a command holds characters that are never sent")
    return command
