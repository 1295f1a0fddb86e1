"""How PostgreSQL reads the pages: in the order of an index, never all of history. On an ISP with a few months of it.

Each list is asked through the schema; its statement is explained as it is executed: direct reads with the plan for all values. Scans of
whole tables are discouraged, as tables are small here: one is then in a plan only if nothing else is possible.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pytest_asyncio
from sqlalchemy import TextClause, event
from sqlalchemy.ext.asyncio import AsyncConnection

from bench import history
from bench.place import inhabit
from bench.screens import samples, screens
from bench.unguarded import ADMIN, parts
from sebilling.clock import system_clock
from sebilling.db.direct import positional
from sebilling.db.engine import Database
from sebilling.schema.build import build_schema
from sebilling.schema.context import Context

CUSTOMERS, MONTHS = 1_500, 3
HISTORY = {"allocation", "customer", "deposit", "event", "invoice", "payment", "receipt", "service_access"}
"""Tables that grow."""
INDEX = {
    "customers by CODE": "customer_code_key",
    "customers by NAME": "customer_name_id_idx",
    "customers by NEWEST": "customer_pkey",
    "customers by INSTALLED": "customer_installed_on_id_idx",
    "customers by OUTSTANDING": "invoice_owed_idx",
    "promises": "payment_promise_pkey",
    "customerTimeline": "event_customer_idx",
    "events of a customer": "event_customer_idx",
    "customers' search by address": "customer_search_idx",
    "customers' search by PPPoE name": "customer_search_idx",
    "customers' search by name": "customer_search_idx",
    "customers' search by code": "customer_search_idx",
    "customers' search by phone": "customer_search_idx",
    "customers' search by nothing": "customer_search_idx",
    "invoices by NEWEST": "invoice_pkey",
    "invoices by OLDEST": "invoice_pkey",
    "invoices of a counter by NEWEST": "invoice_counter_id_id_idx",
    "invoices of a month by OLDEST": "invoice_period_id_id_idx",
    "invoices of a month by NEWEST": "invoice_period_id_id_idx",
    "invoices PARTLY_PAID by OLDEST": "invoice_partly_paid_idx",
    "invoices PARTLY_PAID by DUE": "invoice_partly_paid_idx",
    "invoices WRITTEN_OFF by NEWEST": "invoice_written_off_idx",
    "invoices WRITTEN_OFF by NUMBER": "invoice_written_off_idx",
    "invoices VOID by OLDEST": "invoice_void_idx",
    "invoices VOID by DUE": "invoice_void_idx",
    "payments": "payment_pkey",
    "payments of a counter": "payment_counter_id_id_idx",
    "payments of a customer": "payment_customer_id_id_idx",
    "payments already paid": "payment_surplus_idx",
    "unresolvedMoney": "payment_credit_idx",
    "events": "event_pkey",
    "events of a prefix": "event_kind_id_idx",
    "events of a payment": "event_subject_subject_id_id_idx",
    "serviceAccesses not in sync": "service_access_drift_idx",
    "serviceAccesses of a customer": "service_access_customer_id_idx",
    "dashboard": "invoice_owed_idx",
    "invoices by NUMBER": "invoice_period_id_counter_id_sequence_key",
    "invoices PAID by NUMBER": "invoice_period_id_counter_id_sequence_key",
    "invoices of a month by NUMBER": "invoice_period_id_counter_id_sequence_key",
    "invoices of a counter by NUMBER": "invoice_period_id_counter_id_sequence_key",
    "invoices OPEN by DUE": "invoice_owed_idx",
    "invoices overdue by DUE": "invoice_owed_idx",
    "invoices unpaid by DUE": "invoice_owed_idx",
    "invoices past their day by DUE": "invoice_owed_idx",
    "invoices' search by number": "invoice_period_id_counter_id_sequence_key",
    "invoices' search by sequence": "invoice_period_id_counter_id_sequence_key",
    "invoices' search by name": "customer_search_idx",
    "invoice by number": "invoice_period_id_counter_id_sequence_key",
    "payments of a receiver": "payment_received_by_id_idx",
    "payments of a receipt": "receipt_counter_id_month_sequence_key",
    "payments' search by number": "receipt_counter_id_month_sequence_key",
    "payment by receipt": "receipt_counter_id_month_sequence_key",
    "dashboard's debts": "invoice_owed_idx",
    "dashboard's months": "invoice_void_total_idx",
    "dashboard's attention": "service_access_drift_idx",
    "periods": "invoice_owed_idx",
}
"""The index that a screen is read by."""
SEARCHES = {"customer_search_idx"}
SORTED = {
    "customers by OUTSTANDING": "no index: what each customer owes is added up",
    "invoices by DUE": "no index: all invoices by due date begin with the oldest, paid long ago",
    "invoices PAID by DUE": "as without a status",
    "invoices OPEN by NUMBER": "sorts what is open",
    "invoices PARTLY_PAID by DUE": "sorts the few",
    "invoices PARTLY_PAID by NUMBER": "sorts the few",
    "invoices WRITTEN_OFF by DUE": "sorts the few",
    "invoices WRITTEN_OFF by NUMBER": "sorts the few",
    "invoices VOID by DUE": "sorts the few",
    "invoices VOID by NUMBER": "sorts the few",
    "invoices of a month by DUE": "sorts the month",
    "invoices of a counter by DUE": "as of all counters",
}
"""Lists that no index has in their order, and why that may be."""
LISTS = ("customers", "invoices", "payments", "unresolvedMoney", "events", "deposits", "serviceAccesses", "generationRuns", "periods")
AFTER = (
    "customers by CODE", "customers by NAME", "customers by NEWEST", "customers by INSTALLED", "invoices by NEWEST", "invoices by OLDEST",
    "invoices by NUMBER",
    "invoices OPEN by DUE", "events", "payments",
)  # fmt: skip
"""Lists whose second page is looked at too."""


@dataclass(frozen=True)
class Sent:
    """A statement that the schema sent, and its parameters."""

    sql: str
    given: Sequence[Any]
    direct: bool = False
    """Whether it is planned once for all values of its parameters."""


@dataclass
class Reader:
    """Asks the schema, and explains the statements that it sent."""

    database: Database
    documents: Mapping[str, str]

    async def ask(self, document: str) -> tuple[Any, list[Sent]]:
        sent: list[Sent] = []
        fetch = self.database.fetch

        async def noted(statement: TextClause, parameters: Mapping[str, object], **options: Any) -> Sequence[Any]:
            sql, names = positional(statement)
            sent.append(Sent(sql, [None for _ in names], direct=True))
            return await fetch(statement, parameters, **options)

        def note(_connection: object, _cursor: object, statement: str, given: Sequence[Any], *_: object) -> None:
            sent.append(Sent(statement, given))

        self.database.fetch = noted  # type: ignore[method-assign]  # of this object
        event.listen(self.database.read_engine.sync_engine, "before_cursor_execute", note)
        try:
            context = Context(parts=parts(self.database), at=system_clock(), language="en", token=None, actor=ADMIN)
            result = await build_schema().execute(document, context_value=context)
        finally:
            event.remove(self.database.read_engine.sync_engine, "before_cursor_execute", note)
            self.database.fetch = fetch  # type: ignore[method-assign]  # as it was
        assert not result.errors, document
        return orjson.loads(orjson.dumps(result.data)), sent

    async def plan(self, document: str, *settings: str) -> list[dict[str, Any]]:
        """The plan's nodes of the last statement, outermost first."""
        _, sent = await self.ask(document)
        async with self.database.read_engine.connect() as connection:
            for setting in settings:
                await connection.exec_driver_sql(f"SET {setting} = off")
            try:
                explained = await self._explained(connection, sent[-1])
            finally:
                await connection.exec_driver_sql("RESET ALL")
        return list(_nodes((orjson.loads(explained) if isinstance(explained, str) else explained)[0]["Plan"]))

    async def _explained(self, connection: AsyncConnection, sent: Sent) -> Any:
        if not sent.direct:
            return (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sent.sql}", tuple(sent.given))).scalar_one()
        await connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
        await connection.exec_driver_sql(f"PREPARE asked AS {sent.sql}")
        nulls = f"({', '.join('NULL' for _ in sent.given)})" if sent.given else ""  # the plan is for all values
        try:
            return (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) EXECUTE asked{nulls}")).scalar_one()
        finally:
            await connection.exec_driver_sql("DEALLOCATE asked")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


@pytest_asyncio.fixture
async def reader(committed: Database) -> AsyncIterator[Reader]:
    await inhabit(committed, customers=100)
    month = await history.fill(committed, customers=CUSTOMERS, months=MONTHS, at=system_clock())
    yield Reader(committed, dict(screens(month, await samples(committed))))


def _sorts(nodes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What sorts rows of a table below the limit of a page. A few rows of a page, sorted again, are no such thing."""
    limits = [node for node in nodes if node["Node Type"] == "Limit"]
    return [node for limit in limits for node in _nodes(limit) if node["Node Type"] == "Sort" and _is_unbounded(node)]


def _is_unbounded(plan: dict[str, Any]) -> bool:
    """Whether rows of a table that grows come from below without a limit of their own."""
    if plan["Node Type"] == "Limit":
        return False
    return plan.get("Relation Name") in HISTORY or any(_is_unbounded(below) for below in plan.get("Plans", ()))


def _whole(nodes: Sequence[dict[str, Any]]) -> list[str]:
    return [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] in HISTORY]


def _indexes(nodes: Sequence[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in nodes if "Index Name" in node}


async def test_pages_are_read_by_an_index(reader: Reader) -> None:
    """In its order, whatever the filter; a rare thing by the index of its own."""
    lists = {
        name: document
        for name, document in reader.documents.items()
        if name.split()[0].removesuffix("'") in LISTS and "totalCount" not in document
    }
    assert SORTED.keys() <= lists.keys()
    assert INDEX.keys() <= reader.documents.keys()
    wrong: list[str] = []
    for name, document in lists.items():
        nodes = await reader.plan(document, "enable_seqscan", "enable_sort")
        if _whole(nodes) and name not in SORTED:
            wrong.append(f"{name}: reads all of {_whole(nodes)}")
        if bool(_sorts(nodes)) is not (name in SORTED):
            wrong.append(f"{name}: {'sorts' if _sorts(nodes) else 'no longer sorts'}")
    for name, index in INDEX.items():
        document = reader.documents[name]
        plain = await reader.plan(document, "enable_seqscan")
        indexes = _indexes(plain) | _indexes(await reader.plan(document, "enable_seqscan", "enable_sort"))  # so few rows may be sorted
        if index in SEARCHES:  # so few customers may be searched one by one
            indexes |= _indexes(await reader.plan(document, "enable_seqscan", "enable_indexscan"))
        if index not in indexes:
            wrong.append(f"{name}: by {sorted(indexes)}, not {index}")
    assert not wrong, "\n".join(wrong)
    for name in AFTER:
        document = lists[name]
        data, _ = await reader.ask(document.replace("nodes {", "pageInfo { endCursor } nodes {"))
        (page,) = data.values()
        root = name.split(maxsplit=1)[0]
        after = f'after: "{page["pageInfo"]["endCursor"]}"'
        second = document.replace(f"{root}(", f"{root}({after}, ") if f"{root}(" in document else document.replace(root, f"{root}({after})")
        nodes = await reader.plan(second, "enable_seqscan", "enable_sort")
        assert (_sorts(nodes), _whole(nodes)) == ([], []), name
