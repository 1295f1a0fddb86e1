"""Read access for plugins: the context of their hooks. They call it from their own threads; queries run on the worker's loop."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from sqlalchemy import text

from sebilling.billing.isolation import forecast
from sebilling.clock import Clock
from sebilling.db.engine import Database, ReadSession
from sebilling.events.ids import CounterId, CustomerId, PeriodId
from sebilling.events.invoices import InvoicesIssued
from sebilling.plugins.hookspecs import Customer, Event, Invoice, UpcomingBlock

T = TypeVar("T")
_SECONDS: Final = 9.0
"""Query timeout, shorter than the deadline of a hook."""
_CUSTOMER_COLUMNS: Final = """
    customer.id, customer.code, customer.name, customer.phone, counter.code AS counter,
    (SELECT coalesce(sum(outstanding), 0)::bigint FROM invoice owed WHERE owed.customer_id = customer.id AND outstanding > 0) AS owes
"""
_COMPANY: Final = text("SELECT company_name FROM billing_settings")
_CUSTOMERS: Final = text(
    f"SELECT {_CUSTOMER_COLUMNS} FROM customer JOIN counter ON counter.id = counter_id"
    " WHERE customer.id = ANY (CAST(:customers AS bigint[]))"
)
_INVOICES: Final = text(
    f"""
    SELECT {_CUSTOMER_COLUMNS}, number, total, outstanding, due_on
      FROM invoice JOIN customer ON customer.id = customer_id JOIN counter ON counter.id = customer.counter_id
     WHERE period_id = :period AND invoice.counter_id = :counter AND sequence >= :first AND sequence < :first + :issued
       AND voided_at IS NULL
     ORDER BY sequence OFFSET :skip LIMIT :most
    """
)


@dataclass(frozen=True, slots=True)
class _Customer:
    """A customer with their counter's code and their debt in rupiah."""

    id: int
    code: str
    name: str
    phone: str
    counter: str
    owes: int


@dataclass(frozen=True, slots=True)
class _Invoice(_Customer):
    """An invoice, after its customer."""

    number: str
    total: int
    outstanding: int
    due_on: date


class PluginContext:
    """A `Context` for plugins, bound to the running event loop."""

    def __init__(self, database: Database, *, clock: Clock, page: Callable[[int], str]) -> None:
        """`page` returns the address of a customer's page, or an empty text."""
        self._database, self._clock, self._page, self._loop = database, clock, page, asyncio.get_running_loop()

    def company(self) -> str:
        """Name of the ISP; may be empty."""

        async def read(session: ReadSession) -> str:
            return await session.value(_COMPANY, kind=str) or ""

        return self._asked(read)

    def customer(self, customer_id: str) -> Customer | None:
        """Current data of a customer. Raises ValueError for what is no customer's id."""
        number = CustomerId.number_of(customer_id)

        async def read(session: ReadSession) -> Customer | None:
            return (await self._customers(session, [number])).get(number)

        return self._asked(read)

    def invoices(self, event: Event, *, skip: int = 0, most: int = 1_000) -> Sequence[Invoice]:
        """Invoices issued by the event, without voided ones."""
        if event.kind != InvoicesIssued.kind.text or event.counter_id is None:
            return []
        bound = {
            "period": PeriodId.number_of(event.data["period_id"]), "counter": CounterId.number_of(event.counter_id),
            "first": event.data["first_sequence"], "issued": event.data["issued"], "skip": skip, "most": most,
        }  # fmt: skip

        async def read(session: ReadSession) -> Sequence[Invoice]:
            rows = await session.rows(_INVOICES, bound, into=_Invoice)
            return [Invoice(row.number, self._customer(row), row.total, row.outstanding, row.due_on) for row in rows]

        return self._asked(read)

    def upcoming_blocks(self, *, within_days: int) -> Sequence[UpcomingBlock]:
        """Customers who will be blocked within this many days, from tomorrow on."""

        async def read(session: ReadSession) -> Sequence[UpcomingBlock]:
            blocks = await forecast.upcoming_blocks(session, at=self._clock(), within_days=within_days)
            customers = await self._customers(session, [block.customer_id for block in blocks])
            return [UpcomingBlock(customers[block.customer_id], block.amount, block.block_on) for block in blocks]

        return self._asked(read)

    def _asked(self, read: Callable[[ReadSession], Coroutine[object, None, T]]) -> T:
        async def work() -> T:
            async with self._database.snapshot() as session:
                return await read(session)

        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(_SECONDS)

    async def _customers(self, session: ReadSession, customer_ids: Sequence[int]) -> Mapping[int, Customer]:
        return {row.id: self._customer(row) for row in await session.rows(_CUSTOMERS, {"customers": customer_ids}, into=_Customer)}

    def _customer(self, row: _Customer) -> Customer:
        return Customer(CustomerId.of(row.id), row.code, row.name, row.phone, row.counter, row.owes, self._page(row.id))
