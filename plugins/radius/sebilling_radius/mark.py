"""Our mark: one row of our own for each customer who is cut, under a name that nobody logs in by.

It says how far the work is, so that a call that died is finished by the next, and a session that radacct will show as open for ever is
asked about once. Parked rows of the customer stay in their table, with their id, under the same name: whoever reads the table sees
whose they are, even without SeBilling.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sebilling_radius.sessions import Session

PREFIX: Final = "~sebilling~"
ATTRIBUTE: Final = "SeBilling-Mark"
_WRITTEN: Final = re.compile(r"(ending|ended|restoring) (-?\d+) (\d+) (-|\*|\d+(?:,\d+)*) (.*)", re.DOTALL)
_MAX_NAMED: Final = 15
"""Beyond so many sessions all are meant: older schemas have short columns."""


class Phase(StrEnum):
    """What has been done."""

    ENDING = "ending"
    """The rows are written; sessions from before may be up."""
    ENDED = "ended"
    RESTORING = "restoring"
    """The rows are as they were; sessions that are still cut may be up."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`up_to`: who is in the garden has sessions after this radacctid. `named`: those still to be ended; None: all that are newer."""

    phase: Phase
    priority: int = 0
    """Of our group row, by which it is known among those of others."""
    up_to: int = 0
    named: tuple[int, ...] | None = None
    group: str = ""
    """Of our group row: the settings may have changed since."""

    def __str__(self) -> str:
        named = "*" if self.named is None else ",".join(map(str, self.named)) or "-"
        return f"{self.phase} {self.priority} {self.up_to} {named} {self.group}"

    def pending(self, sessions: Sequence[Session]) -> list[Session]:
        """Which of the open sessions are still to be ended."""
        return [one for one in sessions if (one.id > self.up_to if self.named is None else one.id in self.named)]


def read(text: str) -> Mark | None:
    """The mark that was written so; None if a hand changed it."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    named = None if found[4] == "*" else () if found[4] == "-" else tuple(map(int, found[4].split(",")))
    return Mark(Phase(found[1]), int(found[2]), int(found[3]), named, found[5])


def few(ids: Sequence[int]) -> tuple[int, ...] | None:
    """As `named` takes them."""
    return tuple(ids) if len(ids) <= _MAX_NAMED else None


def of_before(gone: Sequence[Session], all_open: Sequence[Session]) -> tuple[int, tuple[int, ...] | None]:
    """(up_to, named) of one who is about to be cut: `gone` are the sessions that won't live on in the garden."""
    named = few([one.id for one in all_open])
    return (max((one.id for one in gone), default=0) if named is not None else 0), named


def parked_name(key: str) -> str:
    """The name under which a customer's rows are set aside."""
    return PREFIX + key
