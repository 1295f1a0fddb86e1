"""The caller and the counters they may see: every write records it, every read requires it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Role of a user; the table of permissions is in `auth.permissions`."""

    ADMIN = "ADMIN"
    FINANCE = "FINANCE"
    CLERK = "CLERK"
    COLLECTOR = "COLLECTOR"
    TECHNICIAN = "TECHNICIAN"
    AUDITOR = "AUDITOR"


@dataclass(frozen=True, slots=True)
class Scope:
    """The counters whose rows may be read or written: these, or all (`counters is None`)."""

    counters: frozenset[int] | None

    @property
    def ids(self) -> list[int] | None:
        """Ids to bind to `(:scope IS NULL OR counter_id = ANY(:scope))`."""
        return None if self.counters is None else sorted(self.counters)

    def __contains__(self, counter_id: int) -> bool:
        return self.counters is None or counter_id in self.counters


EVERYWHERE: Final = Scope(None)


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in user, or the command line on the server itself (`user_id is None`)."""

    user_id: int | None
    name: str
    role: Role
    scope: Scope


def operator(name: str) -> Actor:
    """Return the actor for a shell on the server: allowed everything; the event log records the name of the command."""
    return Actor(user_id=None, name=name, role=Role.ADMIN, scope=EVERYWHERE)
