"""How a subscription follows the feed: its input in each iteration, and what it reports.

The document of a subscription is executed once for each stretch of the feed, not once for its lifetime: no resources are held between
two iterations, and a result prepared for many clients is sent to all of them. See docs/decisions/0017.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Final

import strawberry

from sebilling import cursors, events
from sebilling.errors import InvalidCursor
from sebilling.events import Topic
from sebilling.feed import Numbered

Wants = Callable[[Numbered], bool]
Resume = Annotated[
    str | None,
    strawberry.argument(description="Cursor after which to continue: first what was missed, then new messages. Only new ones if left out."),
]
AT_ONCE: Final = timedelta(0)


@dataclass(slots=True)
class Look:
    """One iteration of a subscription. Input: the events and the position in the feed. Output: what the subscription reports."""

    number: int
    """Number in the feed up to which everything is processed after this iteration."""
    events: Sequence[Numbered] = ()
    greets: bool = False
    """Whether to send the current state, if the subscription follows a state."""
    resume: int | None = None
    """Output: the number after which to continue."""
    wants: Wants | None = None
    """Output: the condition on its events."""
    every: timedelta = AT_ONCE
    """Output: minimum time between two messages. Above 0 it follows a state: several events make one message, the first is sent at once,
    and an event of another counter causes a new read, but is never shown."""
    numbers: list[int] = field(default_factory=list)
    """Output: the number in the feed of each message of this iteration, never decreasing."""
    state: Any = None
    """Output: the state that was read. The same state is not sent twice in a row; None: every message is sent."""
    ends: bool = False
    """Output: whether the subscription is complete."""

    def chosen(self, wants: Wants) -> list[Numbered]:
        """Report which events are wanted, and return those of this iteration."""
        self.wants = wants
        return [event for event in self.events if wants(event)]


def of_topic(topic: Topic, *, counter_id: int | None = None, subject_id: int | None = None) -> Wants:
    """Condition on events of the topic's kinds, and of this counter and subject if they are given."""
    kinds = events.of_topic(topic)

    def wants(event: Numbered) -> bool:
        return (
            event.kind in kinds
            and (counter_id is None or event.counter_id == counter_id)
            and (subject_id is None or event.subject_id == subject_id)
        )

    return wants


def told(event: Numbered) -> dict[str, Any]:
    """The fields that every message has of its event."""
    return {
        "number": event.number, "event_id": str(event.id), "cursor": cursor(event.number), "at": event.at, "kind": event.kind,
    }  # fmt: skip


def told_of_state(look: Look, events: Sequence[Numbered]) -> dict[str, Any]:
    """The fields that every message has of a state: those of the last event that led to it, or of none."""
    last = events[-1] if events else None
    return {"number": look.number, "event_id": None if last is None else str(last.id), "cursor": cursor(look.number)}


def cursor(number: int) -> str:
    """Encode a position in the feed as a cursor for clients."""
    return cursors.encode("feed", number)


def number_of(cursor: str | None) -> int | None:
    """Decode a position in the feed; None if none is given. Raises InvalidCursor."""
    if cursor is None:
        return None
    try:
        name, number = cursors.decode(cursor)
    except ValueError as error:
        raise InvalidCursor(field=("after",)) from error
    if name != "feed" or type(number) is not int or not 0 <= number < 2**63:
        raise InvalidCursor(field=("after",))
    return number
