"""What a plugin may hook into. A hook is a plain function, or a coroutine; it takes what it names of these arguments.

An event hook gets one frozen `event`, so that new fields break nobody. Events come after the commit, at least once, in the order of the
feed (so in order per customer), each with its id: a plugin that must not do a thing twice keeps the id. An event whose hook raises or
takes too long comes again, later and later, and the ones behind it wait; after half an hour it is passed over. One plugin's trouble is
no other's. docs/events.md has the details.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

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


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer, as a message needs them."""

    id: int
    code: str
    name: str
    phone: str
    """+62…, or empty."""
    counter: str
    """The code of where they pay."""
    owes: int
    """Whole rupiah, now."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice, as a message needs it. Amounts are whole rupiah."""

    number: str
    customer: Customer
    total: int
    outstanding: int
    due_on: date


@dataclass(frozen=True, slots=True)
class UpcomingBlock:
    """Who will be cut, and on which local day, unless `amount` rupiah are paid."""

    customer: Customer
    amount: int
    block_on: date


class Context(Protocol):
    """What a plugin may read. Each call waits for the database: from a coroutine use `asyncio.to_thread`.

    Raises TimeoutError, or whatever the database says; raise it on from an event hook, and the event comes again.
    """

    def company(self) -> str:
        """The ISP's name as it stands on receipts; may be empty."""

    def customer(self, customer_id: int) -> Customer | None:
        """A customer as they are now."""

    def invoices(self, event: Event, *, skip: int = 0, most: int = 1_000) -> Sequence[Invoice]:
        """The live invoices that an `invoices.issued` event tells of, by number, some at a time; none for any other event."""

    def upcoming_blocks(self, *, within_days: int) -> Sequence[UpcomingBlock]:
        """Who will be cut from tomorrow on within so many days; who is cut already isn't among them."""


@hookspec
def sebilling_drivers() -> "Iterable[type[IsolationDriver[Any]]]":  # type: ignore[empty-body]
    """The drivers that the plugin brings. Asked once, when it is loaded."""


@hookspec
def sebilling_startup(context: Context) -> None:
    """A worker starts. Tried again until it succeeds; no event comes before."""


@hookspec
def sebilling_shutdown() -> None:
    """A worker ends. There are five seconds."""


@hookspec
def sebilling_hourly() -> None:
    """About once an hour, in one worker at a time, for what depends on the calendar and not on an event."""


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
