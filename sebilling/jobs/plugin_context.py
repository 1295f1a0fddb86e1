"""Read access for plugins: the context of their hooks. They call it from their own threads; queries run on the worker's loop."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Row, text

from sebilling.clock import Clock
from sebilling.db.engine import Database, ReadSession
from sebilling.plugins.hookspecs import Customer, Event, Invoice, UpcomingBlock

T = TypeVar("T")
_SECONDS: Final = 9.0
"""Query timeout, shorter than the deadline of a hook."""
_CUSTOMER_COLUMNS: Final = """
    customer.id, customer.code, customer.name, customer.phone, counter.code AS counter,
    (SELECT coalesce(sum(outstanding), 0)::bigint FROM invoice owed WHERE owed.customer_id = customer.id AND outstanding > 0) AS owes
"""
_COMPANY: Final = text("SELECT company_name FROM billing_settings")
_CUSTOMER: Final = text(f"SELECT {_CUSTOMER_COLUMNS} FROM customer JOIN counter ON counter.id = counter_id WHERE customer.id = :customer")
_INVOICES: Final = text(
    f"""
    SELECT number, total, outstanding, due_on, {_CUSTOMER_COLUMNS}
      FROM invoice JOIN customer ON customer.id = customer_id JOIN counter ON counter.id = customer.counter_id
     WHERE period_id = :period AND invoice.counter_id = :counter AND sequence >= :first AND sequence < :first + :issued
       AND voided_at IS NULL
     ORDER BY sequence OFFSET :skip LIMIT :most
    """
)
# Materialized, so that the rule is evaluated once and not for each customer.
_UPCOMING_BLOCKS: Final = text(
    f"""
    WITH upcoming AS MATERIALIZED (SELECT * FROM upcoming_blocks(CAST(:at AS timestamptz), CAST(:days AS int)))
    SELECT amount, block_on, {_CUSTOMER_COLUMNS}
      FROM upcoming JOIN customer ON customer.id = customer_id JOIN counter ON counter.id = counter_id
     WHERE EXISTS (SELECT FROM service_access WHERE service_access.customer_id = customer.id AND desired = 'ACTIVE')
     ORDER BY block_on, customer.id
    """
)


class PluginContext:
    """A `Context` for plugins, bound to the running event loop."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database, self._clock, self._loop = database, clock, asyncio.get_running_loop()

    def company(self) -> str:
        """Name of the ISP; may be empty."""

        async def read(session: ReadSession) -> str:
            return str(await session.value(_COMPANY) or "")

        return self._asked(read)

    def customer(self, customer_id: int) -> Customer | None:
        """Current data of a customer."""

        async def read(session: ReadSession) -> Customer | None:
            row = await session.row(_CUSTOMER, {"customer": customer_id})
            return None if row is None else _customer(row)

        return self._asked(read)

    def invoices(self, event: Event, *, skip: int = 0, most: int = 1_000) -> Sequence[Invoice]:
        """Invoices issued by the event, without voided ones."""
        if event.kind != "invoices.issued":
            return []
        bound = {
            "period": event.data["period"], "counter": event.counter_id, "first": event.data["from"], "issued": event.data["issued"],
            "skip": skip, "most": most,
        }  # fmt: skip

        async def read(session: ReadSession) -> Sequence[Invoice]:
            rows = await session.rows(_INVOICES, bound)
            return [Invoice(row.number, _customer(row), row.total, row.outstanding, row.due_on) for row in rows]

        return self._asked(read)

    def upcoming_blocks(self, *, within_days: int) -> Sequence[UpcomingBlock]:
        """Customers who will be blocked within this many days, from tomorrow on."""

        async def read(session: ReadSession) -> Sequence[UpcomingBlock]:
            rows = await session.rows(_UPCOMING_BLOCKS, {"at": self._clock(), "days": within_days})
            return [UpcomingBlock(_customer(row), row.amount, row.block_on) for row in rows]

        return self._asked(read)

    def _asked(self, read: Callable[[ReadSession], Coroutine[Any, Any, T]]) -> T:
        async def work() -> T:
            async with self._database.reading() as session:
                return await read(session)

        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(_SECONDS)


def _customer(row: Row[*tuple[Any, ...]]) -> Customer:
    return Customer(row.id, row.code, row.name, row.phone, row.counter, row.owes)
