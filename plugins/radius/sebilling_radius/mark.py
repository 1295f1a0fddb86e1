"""Our mark: one row for each blocked customer, under a user name that can't log in.

It records the progress, so that the next call finishes an aborted one, and which sessions may still be up. Rows of the customer that are
set aside stay in their table, with their id, under the same name, so they can be attributed even without SeBilling.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sebilling_radius.radacct import Session

PREFIX: Final = "~sebilling~"
ATTRIBUTE: Final = "SeBilling-Mark"
_WRITTEN: Final = re.compile(
    r"(ending|ended|restoring) (-?\d+) (\d+) (-|\*|\d+\??(?:,\d+\??)*) (\d+)(\??) (.*)",
    re.DOTALL,
)
_MAX_NAMED: Final = 15
"""Sessions that a mark can list; with more, it applies to all. Older schemas have short columns."""
_LATE_SECONDS: Final = 60
"""How long after a session was ended an accounting record of it may still arrive."""


class Phase(StrEnum):
    """Progress of a block or restore."""

    ENDING = "ending"
    """The rows are written; earlier sessions may be running."""
    ENDED = "ended"
    RESTORING = "restoring"
    """The rows are restored; blocked sessions may be running."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`up_to`: sessions in the walled garden have a greater radacctid. `named`: sessions still to be ended; None: all newer ones."""

    phase: Phase
    priority: int = 0
    """Priority of our group row, which identifies it."""
    up_to: int = 0
    named: tuple[int, ...] | None = None
    denied: frozenset[int] = frozenset()
    """Those of `named` of which the NAS said that it has no such session."""
    at: int = 0
    """When sessions were last ended, in seconds since 1970 by the database's clock; 0: never."""
    doubt: bool = False
    """Whether a session may be up that radacct doesn't show."""
    group: str = ""
    """Group of our group row; the settings may have changed since."""

    def __str__(self) -> str:
        marked = [f"{session_id}?" if session_id in self.denied else f"{session_id}" for session_id in self.named or ()]
        named = "*" if self.named is None else ",".join(marked) or "-"
        return f"{self.phase} {self.priority} {self.up_to} {named} {self.at}{'?' if self.doubt else ''} {self.group}"

    def pending(self, sessions: Sequence[Session]) -> list[Session]:
        """Return the open sessions that are still to be ended. One that the NAS denies and that isn't updated any more is gone."""
        return [
            session
            for session in sessions
            if (session.id > self.up_to if self.named is None else session.id in self.named)
            and not (session.id in self.denied and session.quiet)
        ]

    def revived(self, sessions: Sequence[Session]) -> list[Session]:
        """Return sessions that began before the block, were ended, and are still reported by their NAS."""
        named = self.named or ()
        return [
            session
            for session in sessions
            if self.at and session.id <= self.up_to and session.id not in named and session.updated > self.at + _LATE_SECONDS
        ]


def read(text: str) -> Mark | None:
    """Parse a mark; None if it was changed by hand."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    words = [] if match[4] in {"*", "-"} else match[4].split(",")
    named = None if match[4] == "*" else tuple(int(word.rstrip("?")) for word in words)
    denied = frozenset(int(word[:-1]) for word in words if word.endswith("?"))
    return Mark(Phase(match[1]), int(match[2]), int(match[3]), named, denied, int(match[5]), bool(match[6]), match[7])


def few(ids: Collection[int]) -> tuple[int, ...] | None:
    """Return the ids as `named` stores them; None if there are too many."""
    return tuple(ids) if len(ids) <= _MAX_NAMED else None


def of_before(gone: Sequence[Session], all_open: Sequence[Session]) -> tuple[int, tuple[int, ...] | None]:
    """Return (up_to, named) for a customer who is about to be blocked; `gone` are sessions that don't continue in the garden."""
    named = few([session.id for session in all_open])
    return (max((session.id for session in gone), default=0) if named is not None else 0), named


def parked_name(key: str) -> str:
    """Return the user name under which a customer's rows are set aside."""
    return PREFIX + key
