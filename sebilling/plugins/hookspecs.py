"""What a plugin may hook into. A hook is a plain function, or a coroutine; it takes what it names of these arguments.

An event hook gets one frozen `event`, so that new fields break nobody. Events come after the commit, at least once, in order per
customer, each with its id: a plugin that must not do a thing twice keeps the id. One that raises, hangs or blocks stops no other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pluggy

if TYPE_CHECKING:
    from sebilling.plugins.contract import IsolationDriver

PROJECT: Final = "sebilling"
hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the event log."""

    id: int
    at: datetime
    kind: str
    actor: str
    subject: str
    subject_id: int
    counter_id: int | None
    data: Mapping[str, Any]


@hookspec
def sebilling_drivers() -> "Iterable[type[IsolationDriver[Any]]]":  # type: ignore[empty-body]
    """The drivers that the plugin brings. Asked once, when it is loaded."""


@hookspec
def sebilling_startup() -> None:
    """A worker starts."""


@hookspec
def sebilling_shutdown() -> None:
    """A worker ends."""


@hookspec
def sebilling_invoices_issued(event: Event) -> None:
    """A chunk of invoices was issued."""


@hookspec
def sebilling_payment_recorded(event: Event) -> None:
    """Money was received."""


@hookspec
def sebilling_payment_reversed(event: Event) -> None:
    """A payment was taken back."""


@hookspec
def sebilling_deposit_verified(event: Event) -> None:
    """A deposit was counted."""


@hookspec
def sebilling_customer_blocked(event: Event) -> None:
    """A customer was cut, and the device was read back."""


@hookspec
def sebilling_customer_restored(event: Event) -> None:
    """A customer was given back, and the device was read back."""


@hookspec
def sebilling_isolation_failed(event: Event) -> None:
    """Cutting or giving back failed; it is tried again if it may help."""


@hookspec
def sebilling_device_health_changed(event: Event) -> None:
    """A device went away, came back, or lacks something."""
