"""Sums of extreme amounts: exact as long as a bigint holds them, and beyond that an error that tells why, never a masked one."""

from typing import Any

import pytest
from sqlalchemy import text

from sebilling.db.engine import Database
from sebilling.errors import SumOutOfRange
from sebilling.money import MAX_RUPIAH
from tests.harness import Api, Isp

PLANT = text(
    "INSERT INTO payment (customer_id, counter_id, amount, allocated, method, received_by, collected_at, received_at, received_on, note,"
    " surplus_because, refunded) SELECT :customer, :counter, :amount, 0, 'CASH', :user, now(), TIMESTAMPTZ '2026-02-03 02:00Z',"
    " DATE '2026-02-03', '', '', 0 FROM generate_series(1, :count)"
)
ANSWERS = {
    "recap": '{ recap(month: "2026-02") { totalReceived credit cashOnHand } }',
    "dashboard": "{ dashboard { counters { receivedThisMonth receivedToday cashOnHand } } }",
    "drawers": "{ drawers { onHand received } }",
    "customer": "query($id: ID!) { customer(id: $id) { credit outstanding } }",
    "sync": "{ syncCustomers { customers { credit outstanding } } }",
}


async def planted(database: Database, amount: int, count: int) -> tuple[Isp, dict[str, Any], Api]:
    """So many payments of one customer, behind everyone's back."""
    isp = await Isp.make(database)
    customer = await isp.customer()
    await isp.open()
    async with isp.write() as session:
        await session.execute(text("ALTER TABLE payment DROP CONSTRAINT payment_amount_check"))
        given = {"customer": customer, "counter": isp.counters["LKT01"], "user": isp.admin.user_id, "amount": amount, "count": count}
        await session.execute(PLANT, given)
    api = Api(database)
    await api.sign_in()
    return isp, {"customer": {"id": f"cus_{customer}"}}, api


def amounts(value: Any) -> set[int]:
    """Every number in an answer that isn't 0."""
    if isinstance(value, dict | list):
        return set().union(*(amounts(one) for one in (value.values() if isinstance(value, dict) else value)))
    return {value} if isinstance(value, int) and value else set()


async def test_thousands_of_the_largest_payments_add_up_exactly(database: Database) -> None:
    isp, variables, api = await planted(database, MAX_RUPIAH, 10_001)
    for name, document in ANSWERS.items():
        assert amounts(await api.ask(document, **variables.get(name, {}))) == {10_001 * MAX_RUPIAH}, name
    assert (await isp.pay(await isp.value("SELECT max(id) FROM customer"), MAX_RUPIAH)).payment_id


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_sum_that_no_bigint_holds_is_told_as_that(database: Database, name: str) -> None:
    _, variables, api = await planted(database, 4 * 10**18, 3)
    answer = await api.raw(ANSWERS[name], **variables.get(name, {}))
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "SUM_OUT_OF_RANGE", error
    assert "reverse or void" in error["message"]


async def test_so_it_is_for_who_reads_without_the_api(database: Database) -> None:
    await planted(database, 4 * 10**18, 3)
    with pytest.raises(SumOutOfRange):
        async with database.reading() as session:
            await session.rows(text("SELECT on_hand FROM drawer"))


async def test_no_document_holds_more_than_the_most(database: Database) -> None:
    isp = await Isp.make(database)
    for table, column in (("plan", "price"), ("customer", "price"), ("payment", "amount"), ("deposit", "amount"), ("charge", "amount")):
        sql = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) AND contype = 'c'"
        (bound,) = [one for (one,) in await isp.rows(sql, table=table) if f"({column} >= " in one and "<=" in one and " OR " not in one]
        assert f"{column} <= '{MAX_RUPIAH}'::bigint" in bound, table
