"""What a phone has kept by syncing, beside what there really is."""

from typing import Any

from sqlalchemy import text

from sebilling.actor import EVERYWHERE, Scope
from sebilling.billing import sync
from sebilling.db.engine import Database

TRUTH = """
    SELECT customer.id, customer.name, customer.phone, customer.address, coalesce(customer.price, plan.price) AS price,
           (SELECT coalesce(sum(credit), 0)::bigint FROM payment WHERE customer_id = customer.id) AS credit,
           ARRAY(SELECT (id, outstanding)::text FROM invoice
                  WHERE customer_id = customer.id AND outstanding > 0 ORDER BY due_on, id) AS owed
      FROM customer JOIN plan ON plan.id = plan_id WHERE active AND counter_id = ANY (:counters)
"""


class Mirror:
    """A phone of these counters (None: all) that does with each page what docs/phone.md says."""

    def __init__(self, database: Database, *counters: int, first: int = 7) -> None:
        self.database, self.first = database, first
        self.scope = Scope(frozenset(counters)) if counters else EVERYWHERE
        self.customers: dict[str, sync.SyncedCustomer] = {}
        self.cursor: str | None = None
        self.pages = self.resets = self.given = 0

    async def page(self) -> sync.Changes:
        """Get one page and keep it."""
        async with self.database.reading() as session:
            found = await sync.changes(session, scope=self.scope, counter_id=None, since=self.cursor, first=self.first)
        self.pages += 1
        self.resets += found.reset
        self.given += len(found.customers) + len(found.removed)
        if found.reset:
            self.customers.clear()
        for customer in found.customers:
            self.customers[customer["customer_id"]] = customer
        for gone in found.removed:
            self.customers.pop(gone["customer_id"], None)
        self.cursor = found.cursor
        return found

    async def sync(self) -> list[sync.Changes]:
        """Every page there is."""
        pages = [await self.page()]
        while pages[-1].more:
            pages.append(await self.page())
        return pages

    async def differences(self) -> list[Any]:
        """What is kept otherwise than it is; nothing if the phone is right."""
        counters = self.scope.ids
        async with self.database.reading() as session:
            if counters is None:
                counters = [row[0] for row in await session.rows(text("SELECT id FROM counter"))]
            truth = {
                f"cus_{row.id}": (row.name, row.phone, row.address, row.price, row.credit, list(row.owed))
                for row in await session.rows(text(TRUTH), {"counters": counters})
            }
        kept = {
            customer_id: (
                one["name"], one["phone"], one["address"], one["price"], one["credit"],
                [f"({invoice['invoice_id'][4:]},{invoice['outstanding']})" for invoice in one["open_invoices"]],
            )
            for customer_id, one in self.customers.items()
        }  # fmt: skip
        for one in self.customers.values():
            assert one["outstanding"] == sum(invoice["outstanding"] for invoice in one["open_invoices"])
        return [(key, kept.get(key), truth.get(key)) for key in sorted({*kept, *truth}) if kept.get(key) != truth.get(key)]
