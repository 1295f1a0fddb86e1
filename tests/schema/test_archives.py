"""Archived plans and counters: hidden, closed to customers, kept by whoever has them; and plans that change."""

import asyncio
from datetime import date
from typing import Any

import pytest
import pytest_asyncio

from sebilling.billing import counters, customers, plans
from sebilling.customer_errors import Archived, CounterInUse
from sebilling.db.engine import Database
from tests.harness import Api, Isp

PLANS = "query($filter: PlanFilter) { plans(filter: $filter) { nodes { id archivedAt customers } totalCount } }"
COUNTERS = "query($filter: CounterFilter) { counters(filter: $filter) { nodes { code archivedAt } } }"
CREATE = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id } errors { code field message } } }"
UPDATE = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id } errors { code field message } } }"
UPDATE_PLAN = (
    "mutation($input: UpdatePlanInput!) { updatePlan(input: $input)"
    " { plan { name price rateDownKbps rateUpKbps } errors { code field message } } }"
)


def changed(mutation: str, noun: str) -> str:
    kind = f"{noun.capitalize()}IdInput"
    return f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {noun} {{ id archivedAt }} errors {{ code field message }} }} }}"


@pytest_asyncio.fixture
async def isp(database: Database) -> Isp:
    return await Isp.make(database, "LKT01", "LKT02")


@pytest_asyncio.fixture
async def api(database: Database, isp: Isp) -> Api:
    made = Api(database)
    await made.sign_in()
    return made


def new(isp: Isp, **more: Any) -> dict[str, Any]:
    counter, plan = f"cou_{isp.counters['LKT01']}", f"pla_{isp.plan_id}"
    return {"code": "P1", "name": "Budi", "counterId": counter, "planId": plan, "installedOn": "2026-02-01"} | more


async def test_an_archived_plan_is_hidden_and_given_to_nobody_but_kept(api: Api, isp: Isp) -> None:
    plan = {"id": f"pla_{isp.plan_id}"}
    customer_id = await isp.customer()
    assert (await api.do(changed("archivePlan", "plan"), input=plan))["plan"]["archivedAt"] == "2026-02-03T02:00:00.000Z"
    assert await api.refused(changed("archivePlan", "plan"), input=plan) == ("ALREADY_ARCHIVED", ["input", "id"])
    assert (await api.ask(PLANS))["nodes"] == []
    assert (await api.ask(PLANS, filter={}))["totalCount"] == 0
    assert [node["customers"] for node in (await api.ask(PLANS, filter={"archived": True}))["nodes"]] == [1]
    assert (await api.ask(PLANS, filter={"archived": None}))["totalCount"] == 1
    assert await api.refused(CREATE, input=new(isp)) == ("ARCHIVED", ["input", "planId"])
    await api.do(UPDATE, input={"id": f"cus_{customer_id}", "name": "Budi Santoso"})  # who has it keeps it
    await isp.open()
    assert (await isp.generate()).issued == 1
    assert (await api.do(changed("unarchivePlan", "plan"), input=plan))["plan"]["archivedAt"] is None
    assert await api.refused(changed("unarchivePlan", "plan"), input=plan) == ("ALREADY_ARCHIVED", ["input", "id"])
    await api.do(CREATE, input=new(isp))
    kinds = await isp.rows("SELECT data -> 'after' FROM event WHERE kind = 'plan.changed' ORDER BY id")
    assert kinds == [({"archived": True},), ({"archived": False},)]


async def test_a_counter_is_archived_when_nobody_and_no_cash_is_left(api: Api, isp: Isp) -> None:
    customer_id = await isp.customer()
    counter = {"id": f"cou_{isp.counters['LKT01']}"}
    archive = changed("archiveCounter", "counter")
    assert await api.refused(archive, input=counter) == ("COUNTER_IN_USE", ["input", "id"])
    await isp.pay(customer_id, 1_000)
    await api.do(UPDATE, input={"id": f"cus_{customer_id}", "active": False})
    assert await api.refused(archive, input=counter) == ("COUNTER_IN_USE", ["input", "id"]), "cash is in a drawer"
    await isp.check()


async def test_nobody_is_added_to_an_archived_counter_or_comes_back_there(api: Api, isp: Isp) -> None:
    gone, elsewhere = await isp.customer(active=False), await isp.customer(counter="LKT02")
    counter = {"id": f"cou_{isp.counters['LKT01']}"}
    await api.do(changed("archiveCounter", "counter"), input=counter)
    assert [node["code"] for node in (await api.ask(COUNTERS))["nodes"]] == ["LKT02"]
    assert [node["code"] for node in (await api.ask(COUNTERS, filter={"archived": True}))["nodes"]] == ["LKT01"]
    refused = ("ARCHIVED", ["input", "counterId"])
    assert await api.refused(UPDATE, input={"id": f"cus_{gone}", "active": True}) == refused
    assert await api.refused(UPDATE, input={"id": f"cus_{elsewhere}", "counterId": counter["id"]}) == refused
    await api.do(UPDATE, input={"id": f"cus_{gone}", "name": "Budi Santoso"})
    await api.do(UPDATE, input={"id": f"cus_{gone}", "counterId": f"cou_{isp.counters['LKT02']}", "active": True})
    await api.do(changed("unarchiveCounter", "counter"), input=counter)
    await api.do(UPDATE, input={"id": f"cus_{elsewhere}", "counterId": counter["id"]})


async def test_name_price_and_speed_of_a_plan_change_and_nothing_else(api: Api, isp: Isp) -> None:
    async with isp.write() as session:
        await plans.create(session, name="Home 50M", price=1)
    plan = f"pla_{isp.plan_id}"
    assert (await api.do(UPDATE_PLAN, input={"id": plan, "name": "Rumah 10M"}))["plan"] == {
        "name": "Rumah 10M", "price": 150_000, "rateDownKbps": None, "rateUpKbps": None,
    }  # fmt: skip
    assert (await api.do(UPDATE_PLAN, input={"id": plan, "rateDownKbps": 10_000, "rateUpKbps": 5_000}))["plan"] == {
        "name": "Rumah 10M", "price": 150_000, "rateDownKbps": 10_000, "rateUpKbps": 5_000,
    }  # fmt: skip
    assert await api.refused(UPDATE_PLAN, input={"id": plan, "name": "Home 50M"}) == ("ALREADY_EXISTS", ["input", "name"])
    assert await api.refused(UPDATE_PLAN, input={"id": plan, "price": None}) == ("NULL_REFUSED", ["input", "price"])
    assert await isp.rows("SELECT data FROM event WHERE kind = 'plan.changed' ORDER BY id LIMIT 1") == [
        ({"before": {"name": "Home 10M"}, "after": {"name": "Rumah 10M"}},)
    ]


@pytest.mark.parametrize("first", ["archive", "create"])
async def test_a_customer_and_an_archive_wait_for_each_other(committed: Database, first: str) -> None:
    """Whichever commits first decides: no customer is left at a counter, or with a plan, that was archived beside them."""
    isp = await Isp.make(committed, "LKT01")
    counter_id = isp.counters["LKT01"]
    details = customers.CustomerDetails("P1", "Budi", counter_id, isp.plan_id, installed_on=date(2026, 2, 1))

    async def archive() -> None:
        async with isp.write() as session:
            await counters.archive(session, counter_id)

    async def create() -> None:
        async with isp.write() as session:
            await customers.create(session, details)

    async with isp.write() as session:
        await (counters.archive(session, counter_id) if first == "archive" else customers.create(session, details))
        other = asyncio.create_task(create() if first == "archive" else archive())
        await asyncio.sleep(0.3)
        assert not other.done(), "it waits"
    with pytest.raises(Archived if first == "archive" else CounterInUse):
        await other
    archived, present = await isp.value("SELECT archived_at IS NOT NULL FROM counter"), await isp.value("SELECT count(*) FROM customer")
    assert (archived, present) == ((True, 0) if first == "archive" else (False, 1))
