"""Pages of invoices by number and by due date: part by part, and yet each once and in the order of all."""

from typing import Any

import pytest
from sqlalchemy import text

from sebilling import cursors
from sebilling.actor import Role
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import Api, Isp, make_user

JANUARY, FEBRUARY = Month(2026, 1), Month(2026, 2)
CODES = ("LKT1", "LKT10", "LKT2")
PAGE = "query($order: InvoiceOrder!, $filter: InvoiceFilter, $first: Int!, $after: String) { invoices(orderBy: $order, filter: $filter,"
PAGE += " first: $first, after: $after) { nodes { id number dueOn status } pageInfo { hasNextPage endCursor } totalCount } }"
BY = {
    "NUMBER": 'month, code COLLATE "C", sequence',
    "DUE": "invoice.due_on, invoice.id",
}


async def world(database: Database) -> tuple[Isp, Api]:
    """Two months at three counters, one of which numbers beyond a million, with due days of their own; some are paid or void."""
    isp = await Isp.make(database, *CODES)
    async with isp.write() as session:
        for day, code in enumerate(CODES, 10):
            await session.execute(text("UPDATE counter SET due_day = :day WHERE code = :code"), {"day": 33 - day, "code": code})
        await make_user(session, "kasir", Role.CLERK, "LKT10", "LKT2")
    people = [await isp.customer(counter=code) for code in CODES for _ in range(4)]
    for month in (JANUARY, FEBRUARY):
        period = await isp.open(month)
        async with isp.write() as session:
            given = {"p": period, "c": isp.counters["LKT10"]}
            await session.execute(text("INSERT INTO invoice_series VALUES (:p, :c, 999998)"), given)
        await isp.generate(month)
    for customer in people[::3]:
        await isp.pay(customer, 300_000)
    api = Api(database)
    await api.sign_in()
    return isp, api


async def pages(api: Api, order: str, chosen: dict[str, Any] | None, first: int) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = await api.ask(PAGE, order=order, filter=chosen, first=first, after=after)
        found += [node["id"] for node in page["nodes"]]
        assert len(page["nodes"]) <= first
        if not page["pageInfo"]["hasNextPage"]:
            assert len(found) == page["totalCount"]
            return found
        after = page["pageInfo"]["endCursor"]


async def in_order(isp: Isp, order: str, condition: str) -> list[str]:
    sql = "SELECT 'inv_' || invoice.id FROM invoice JOIN period ON period.id = period_id JOIN counter ON counter.id = counter_id"
    return [row[0] for row in await isp.rows(f"{sql} WHERE {condition} ORDER BY {BY[order]}")]


@pytest.mark.parametrize("order", BY)
async def test_pages_are_what_one_sort_of_all_gives(database: Database, order: str) -> None:
    isp, api = await world(database)
    filters: list[tuple[dict[str, Any] | None, str]] = [
        (None, "true"),
        ({"month": "2026-02"}, "month = DATE '2026-02-01'"),
        ({"counterIds": [f"cou_{isp.counters['LKT10']}"]}, "code = 'LKT10'"),
        ({"statuses": ["PAID"]}, "outstanding = 0"),
        ({"statuses": ["PAID"], "month": "2026-01"}, "outstanding = 0 AND month = DATE '2026-01-01'"),
        ({"statuses": ["OPEN"]}, "outstanding = total"),
        ({"statuses": ["OPEN"], "month": "2026-01"}, "outstanding = total AND month = DATE '2026-01-01'"),
        ({"statuses": ["OPEN"], "dueUntil": "2026-02-22"}, "outstanding = total AND due_on < DATE '2026-02-22'"),
        ({"dueUntil": "2026-02-22"}, "due_on < DATE '2026-02-22'"),
    ]
    for chosen, condition in filters:
        wanted = await in_order(isp, order, condition)
        assert wanted, chosen
        for first in (1, 3, 50):
            assert await pages(api, order, chosen, first) == wanted, (chosen, first)


async def test_numbers_beyond_a_million_come_last(database: Database) -> None:
    """As numbers, not as texts: 999999 is before 1000000."""
    isp, api = await world(database)
    page = await api.ask(PAGE, order="NUMBER", filter={"month": "2026-01", "counterIds": [f"cou_{isp.counters['LKT10']}"]}, first=9)
    assert [node["number"].rsplit("/", 1)[1] for node in page["nodes"]] == ["999998", "999999", "1000000", "1000001"]


@pytest.mark.parametrize("order", BY)
async def test_a_clerk_pages_through_their_own_counters(database: Database, order: str) -> None:
    isp, api = await world(database)
    await api.sign_in("kasir")
    for chosen, condition in ((None, "true"), ({"statuses": ["OPEN"]}, "outstanding = total")):
        wanted = await in_order(isp, order, f"{condition} AND code IN ('LKT10', 'LKT2')")
        assert await pages(api, order, chosen, 2) == wanted, chosen


async def test_a_cursor_of_no_invoice_is_the_end(database: Database) -> None:
    """It was made up: nothing comes after it, and nothing is told."""
    _, api = await world(database)
    page = await api.ask(PAGE, order="NUMBER", first=5, after=cursors.encode("number", "INV/2026-01/LKT1/0000000001", 10**9))
    assert page["nodes"] == []
