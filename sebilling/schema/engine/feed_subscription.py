"""How a subscription follows the feed: what it is given with each turn, and what it tells of itself.

The document of a subscription is executed once for each stretch of the feed, not once for its whole life: a turn ends, so nothing is
held between two, and what was prepared for many is sent to many. See docs/decisions/0017.
"""

import base64
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Final

import orjson
import strawberry

from sebilling.errors import InvalidCursor
from sebilling.feed import Numbered

Wants = Callable[[Numbered], bool]
Resume = Annotated[
    str | None,
    strawberry.argument(description="Go on behind this cursor: first what was missed, then what happens. From now on if left out."),
]
AT_ONCE: Final = timedelta(0)


@dataclass(slots=True)
class Look:
    """One turn of a subscription: given are the events and where the feed stands, told is what the subscription is about."""

    number: int
    """The feed's, up to which everything has been looked at after this turn."""
    events: Sequence[Numbered] = ()
    greets: bool = False
    """Give the state as it is now, if it is a state that is followed."""
    resume: int | None = None
    """Told: behind which number it is to go on."""
    wants: Wants | None = None
    """Told: which events are its own."""
    every: timedelta = AT_ONCE
    """Told: one message in this time at most. Above 0 it follows a state: several events make one message, the first comes at once,
    and an event of another counter is a reason to look, though never shown."""
    numbers: list[int] = field(default_factory=list)
    """Told: the feed's number of each message of this turn, never falling."""
    state: Any = None
    """Told: what is followed, as it was found. Nobody is told twice in a row of the same; None: everything is news."""
    ends: bool = False
    """Told: nothing can come any more."""

    def chosen(self, wants: Wants) -> list[Numbered]:
        """Tell which events are wanted; gives those of this turn."""
        self.wants = wants
        return [event for event in self.events if wants(event)]


def of_kinds(kinds: Collection[str], *, counter_id: int | None = None, subject_id: int | None = None) -> Wants:
    """Events of these kinds; at this counter and of this thing, if they are given."""

    def wants(event: Numbered) -> bool:
        return (
            event.kind in kinds
            and (counter_id is None or event.counter_id == counter_id)
            and (subject_id is None or event.subject_id == subject_id)
        )

    return wants


def told(event: Numbered) -> dict[str, Any]:
    """What every message says of its event."""
    return {
        "number": event.number, "event_id": str(event.id), "cursor": cursor(event.number), "at": event.at, "kind": event.kind,
    }  # fmt: skip


def told_of_state(look: Look, events: Sequence[Numbered]) -> dict[str, Any]:
    """The same of a state: of the last of the events that made it, or of none."""
    last = events[-1] if events else None
    return {"number": look.number, "event_id": None if last is None else str(last.id), "cursor": cursor(look.number)}


def cursor(number: int) -> str:
    """A place in the feed as clients see it."""
    return base64.urlsafe_b64encode(orjson.dumps(["feed", number])).decode().rstrip("=")


def number_of(given: str | None) -> int | None:
    """The place in the feed; None if none is given. Raises InvalidCursor."""
    if given is None:
        return None
    try:
        name, number = orjson.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    except (ValueError, TypeError) as error:
        raise InvalidCursor(field=("after",)) from error
    if name != "feed" or type(number) is not int or not 0 <= number < 2**63:
        raise InvalidCursor(field=("after",))
    return number
