"""Hook specifications for plugins. A hook is a plain function or a coroutine; it may take any of the specified arguments, by name.

An event hook gets one frozen `event`, so that new fields break no plugin. Events are delivered after the commit, at least once, in the
order of the feed (so in order per customer), each with its id: a plugin that must not do something twice stores the id. An event whose
hook raises or takes too long is delivered again, with growing delays, while later events wait; after half an hour it is skipped. A
failing plugin doesn't affect others. docs/events.md has the details.
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
    """Number of the object, as in its id."""
    counter_id: str | None
    """Such as `cou_1`."""
    data: Mapping[str, Any]
    """What happened, with the keys of its kind: docs/event_kinds.md. Objects are named by their ids, such as `cus_9`."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer, with what a message needs."""

    id: str
    """Such as `cus_9`."""
    code: str
    name: str
    phone: str
    """+62…, or empty."""
    counter: str
    """Code of the counter where they pay."""
    owes: int
    """Current debt in whole rupiah."""
    page: str = ""
    """Address of their own page, with what they owe and how to pay; empty if SEBILLING_PUBLIC_URL isn't set. Send it only to them."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice, with what a message needs. Amounts are whole rupiah."""

    number: str
    customer: Customer
    total: int
    outstanding: int
    due_on: date


@dataclass(frozen=True, slots=True)
class UpcomingBlock:
    """A customer who will be blocked on a local day, unless `amount` rupiah are paid."""

    customer: Customer
    amount: int
    block_on: date


class Context(Protocol):
    """Read access for a plugin. Each call waits for the database: from a coroutine use `asyncio.to_thread`.

    Raises TimeoutError or a database error; let it propagate from an event hook, and the event is delivered again.
    """

    def company(self) -> str:
        """Name of the ISP as printed on receipts; may be empty."""

    def customer(self, customer_id: str) -> Customer | None:
        """Current data of a customer; None if there is no such customer."""

    def invoices(self, event: Event, *, skip: int = 0, most: int = 1_000) -> Sequence[Invoice]:
        """Invoices issued by an `invoices.issued` event, without voided ones, by number, page by page; none for any other event."""

    def upcoming_blocks(self, *, within_days: int) -> Sequence[UpcomingBlock]:
        """Customers who will be blocked within this many days, from tomorrow on, without those who are blocked already."""


@hookspec
def sebilling_drivers() -> "Iterable[type[IsolationDriver[Any]]]":  # type: ignore[empty-body]  # only a signature: pluggy never calls it
    """Return the drivers of the plugin. Called once, when it is loaded."""


@hookspec
def sebilling_startup(context: Context) -> None:
    """A worker starts. Retried until it succeeds; no event is delivered before."""


@hookspec
def sebilling_shutdown() -> None:
    """A worker stops. The hook has five seconds."""


@hookspec
def sebilling_hourly() -> None:
    """About once an hour, in one worker at a time, for what depends on the calendar and not on an event."""


@hookspec
def sebilling_invoices_issued(event: Event) -> None:
    """A chunk of invoices was issued."""


@hookspec
def sebilling_payment_recorded(event: Event) -> None:
    """A payment was recorded."""


@hookspec
def sebilling_payment_reversed(event: Event) -> None:
    """A payment was reversed."""


@hookspec
def sebilling_deposit_verified(event: Event) -> None:
    """A deposit was verified."""


@hookspec
def sebilling_customer_blocked(event: Event) -> None:
    """A customer was blocked, and the device was read back."""


@hookspec
def sebilling_customer_restored(event: Event) -> None:
    """A customer was restored, and the device was read back."""


@hookspec
def sebilling_isolation_failed(event: Event) -> None:
    """A block or restore failed; it is retried."""


@hookspec
def sebilling_device_health_changed(event: Event) -> None:
    """A device became unreachable or reachable again, or its problems changed."""
