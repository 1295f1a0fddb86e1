"""Fields of rows, printed and sent: booleans that RouterOS may omit, values from a snapshot, and values in lines to paste."""

import re
from collections.abc import Mapping
from typing import Final

from sebilling_mikrotik.device import is_yes

BOOLEANS: Final = frozenset({"disabled", "block-access"})
"""Fields that RouterOS may omit when their value is no."""
_BARE: Final = re.compile(r"[A-Za-z0-9_.-]+")


def was(snapshot: Mapping[str, str], name: str) -> str:
    """Return a field's value in the snapshot; a boolean that RouterOS omitted is no."""
    return snapshot.get(name, "false") if name in BOOLEANS else snapshot.get(name, "")


def sent(name: str, value: str) -> str:
    """Convert a printed boolean for a command: RouterOS prints true and accepts yes."""
    return ("yes" if is_yes(value) else "no") if name in BOOLEANS else value


def quoted(value: str) -> str:
    """Return a value as RouterOS's terminal takes it."""
    if _BARE.fullmatch(value):
        return value
    return '"' + re.sub(r'(["\\\\$?])', r"\\\1", value) + '"'
