"""Standing of a customer by the tables, and a job that it requires."""

from dataclasses import dataclass
from enum import Enum

from sebilling.plugins.contract import Job, Sentence

from sebilling_radius.customers import Customer
from sebilling_radius.mark import Mark


class Standing(Enum):
    """Standing of a customer by the tables."""

    ABSENT = "absent"
    FREE = "free"
    BLOCKED = "blocked"
    BLOCKED_BY_HAND = "blocked by hand"
    """In the walled garden by somebody else; stays there."""
    SWITCHED_OFF = "switched off"
    """Login refused by somebody else; stays so."""
    RESTORED = "restored"
    """The rows are restored; sessions may still be blocked."""
    AMBIGUOUS = "ambiguous"
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class Step:
    """One job that requires changes of rows or sessions."""

    job: Job
    customer: Customer
    """As read when it was decided."""
    writes: bool
    mark: Mark | None
    """Our mark while sessions are still to be ended; None if there are none."""
    message: Sentence | None = None
    undoes: Mark | None = None
    """Mark of the block whose rows a restore takes back."""
