"""The recap: what was billed for the month, and what came in on its days, to the minute."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from sebilling.actor import EVERYWHERE, Scope
from sebilling.billing import recap
from sebilling.db.engine import Database
from sebilling.errors import NotFound
from tests.harness import FEBRUARY, Isp

BEGINS = datetime(2026, 1, 31, 17, tzinfo=UTC)  # midnight of 1 February in Jakarta
ENDS = datetime(2026, 2, 28, 17, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


async def read(database: Database, scope: Scope = EVERYWHERE, counter_id: int | None = None) -> Sequence[recap.Recap]:
    async with database.reading() as session:
        return await recap.read(session, FEBRUARY, scope=scope, counter_id=counter_id)


async def test_money_counts_on_the_days_of_the_month_wherever_it_went(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate()
    for at, amount in ((BEGINS - MOMENT, 1), (BEGINS, 10), (ENDS - MOMENT, 100), (ENDS, 1_000)):
        await isp.pay(customer_id, amount, at=at)
    (row,) = await read(database)
    assert (row.payments, row.total_received, row.credit) == (2, 110, 0)
    assert (row.invoices, row.total_billed, row.allocated, row.outstanding) == (1, 150_000, 1_111, 148_889)


async def test_each_counter_has_its_row_even_without_anything(database: Database) -> None:
    isp = await Isp.make(database, "LKT02", "LKT01")
    await isp.open()
    assert [(row.counter_code, row.invoices, row.total_received) for row in await read(database)] == [("LKT01", 0, 0), ("LKT02", 0, 0)]
    own = Scope(frozenset({isp.counters["LKT02"]}))
    assert [row.counter_code for row in await read(database, own)] == ["LKT02"]
    with pytest.raises(NotFound):
        await read(database, own, isp.counters["LKT01"])


async def test_a_month_never_opened_is_no_empty_recap(database: Database) -> None:
    await Isp.make(database)
    with pytest.raises(NotFound):
        await read(database)
