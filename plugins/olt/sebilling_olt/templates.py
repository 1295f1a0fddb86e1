"""Command templates of a device's settings: only commands that block or restore one ONU are accepted.

Firmware differs, so the commands are settings. They are checked word by word against an allowlist, so no template can delete, erase or
restart anything.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field
from sebilling.plugins.contract import InvalidValue, indonesian

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

    read: str = Field(
        description="Shows the state of all ONUs of a PON port, or of one ONU.",
        json_schema_extra=indonesian("Baca", "Menampilkan keadaan semua ONU di satu port PON, atau satu ONU."),
    )
    enter: tuple[str, ...] = Field(
        min_length=1,
        max_length=3,
        description="Leads to where `block` and `restore` are sent.",
        json_schema_extra=indonesian("Masuk", "Menuju tempat `block` dan `restore` dikirim."),
    )
    block: str = Field(json_schema_extra=indonesian("Isolir"))
    restore: str = Field(json_schema_extra=indonesian("Buka isolir"))
    leave: str = Field(
        description="Leads back, once per line of `enter`.",
        json_schema_extra=indonesian("Keluar", "Kembali, sekali untuk tiap baris `enter`."),
    )
    save: str = Field(
        description="Makes the change outlive a restart; sent once per batch.",
        json_schema_extra=indonesian("Simpan", "Membuat perubahan tetap ada setelah OLT menyala ulang; dikirim sekali per kelompok."),
    )


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

    def check(self, method: str, templates: CommandTemplates) -> None:
        """Check the templates. Raises ValueError with the reason unless each only blocks or restores one ONU."""
        allowed = self.methods[method]
        for line in (templates.read, *templates.enter, templates.block, templates.restore, templates.leave, templates.save):
            _one_line(line)
        commands = (
            ("read", templates.read, allowed.read),
            ("enter", "\n".join(templates.enter), allowed.enter),
            ("block", templates.block, allowed.block),
            ("restore", templates.restore, allowed.restore),
            ("leave", templates.leave, self.leave),
            ("save", templates.save, self.save),
        )
        for name, text, pattern in commands:
            if re.fullmatch(pattern, text) is None:
                raise _refusal(name, text, getattr(allowed.defaults, name))


def _one_line(line: str) -> None:
    if _PLAIN.fullmatch(line) is None:
        raise InvalidValue(
            "a command is one line of letters, digits and / : _ . - with its {placeholders}: put each on a line of its own",
            "perintah adalah satu baris huruf, angka, dan / : _ . - dengan {placeholder}-nya: tulis masing-masing di baris sendiri",
        )
    for name in _PLACE.findall(line):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{placeholder}}}" for placeholder in PLACEHOLDERS)
            raise InvalidValue(f"{{{name}}} isn't known: there are {known}", f"{{{name}}} tidak dikenal: yang ada {known}")


def _refusal(name: str, text: str, default: str | Sequence[str]) -> InvalidValue:
    shown = text.replace("\n", " / ")
    usual = default if isinstance(default, str) else " / ".join(default)
    if _HARMFUL.search(text):
        return InvalidValue(
            f"commands.{name}: '{shown}' could delete, restart or reach others than the one ONU, and is refused. The usual is '{usual}'.",
            f"commands.{name}: '{shown}' bisa menghapus, menyalakan ulang, atau mengenai selain satu ONU itu, dan ditolak."
            f" Yang biasa '{usual}'.",
        )
    return InvalidValue(
        f"commands.{name}: '{shown}' isn't one of the commands that may be sent. The usual is '{usual}'.",
        f"commands.{name}: '{shown}' bukan perintah yang boleh dikirim. Yang biasa '{usual}'.",
    )


def rendered(template: str, onu: Onu, *, lan: int = 0) -> str:
    """Fill in a template for one ONU, with integers only. Raises ValueError unless the result is one plain line."""
    values = {**onu._asdict(), "lan": lan}
    command = _PLACE.sub(lambda match: str(int(values[match.group(1)])), template)
    if _SENT.fullmatch(command) is None:
        raise ValueError("a command holds characters that are never sent")
    return command
